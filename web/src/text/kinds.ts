/** What a file is to a person who looks at it. Pure. */

import type { Artifact } from "../state/model";

export type Kind = "picture" | "table" | "page" | "markdown" | "text" | "json" | "deck" | "pdf" | "other";

const BY_TYPE: [RegExp, Kind][] = [
  [/^image\/(png|jpeg|gif|webp|svg\+xml|avif)/, "picture"],
  [/^text\/(csv|tab-separated-values)/, "table"],
  [/^text\/html/, "page"],
  [/^text\/markdown/, "markdown"],
  [/^application\/(json|.*\+json)/, "json"],
  [/^application\/pdf/, "pdf"],
  [/presentation/, "deck"],
  [/^text\//, "text"],
  [/^application\/(yaml|x-yaml|xml|toml)/, "text"],
];
const BY_ENDING: Record<string, Kind> = { csv: "table", tsv: "table", md: "markdown", json: "json", jsonl: "text", log: "text", pptx: "deck" };

export function kindOf({ mediaType, path }: Artifact): Kind {
  const found = BY_TYPE.find(([pattern]) => pattern.test(mediaType))?.[1];
  const ending = BY_ENDING[path.split(".").pop()?.toLowerCase() ?? ""];
  return found && found !== "text" ? found : (ending ?? found ?? "other");
}
