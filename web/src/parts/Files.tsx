/** The files of a run: cards in the conversation, rows in the panel. */

import { useState } from "preact/hooks";
import { Download, File, FileCode, FileImage, FileSpreadsheet, FileText, Globe, Presentation } from "lucide-preact";
import type { Artifact, Run } from "../state/model";
import { preview } from "../state/store";
import * as format from "../text/format";
import { artifactAddress } from "../wire/http";
import { kindOf, type Kind } from "../text/kinds";

const ICONS: Record<Kind, typeof File> = {
  picture: FileImage,
  table: FileSpreadsheet,
  page: Globe,
  markdown: FileText,
  text: FileText,
  json: FileCode,
  deck: Presentation,
  pdf: FileText,
  other: File,
};
const FIRST = 6;
/** What a person came for stands first. */
const RANK: Kind[] = ["page", "deck", "pdf", "markdown", "table", "picture", "json", "text", "other"];

export function ranked(artifacts: Artifact[]): Artifact[] {
  return [...artifacts].sort((a, b) => RANK.indexOf(kindOf(a)) - RANK.indexOf(kindOf(b)));
}

export function FileCards({ run }: { run: Run }) {
  const [isWhole, setWhole] = useState(false);
  if (run.artifacts.length === 0) return null;
  const all = ranked(run.artifacts);
  const shown = isWhole ? all : all.slice(0, FIRST);
  return (
    <ul class="file-cards" aria-label="Files">
      {shown.map((artifact) => (
        <li key={artifact.path}>
          <button
            type="button"
            class="file-card"
            title={artifact.path}
            aria-label={labelOf(artifact)}
            onClick={() => (preview.value = { runId: run.id, artifact })}
          >
            <Thumb run={run} artifact={artifact} />
            <span class="file-card-text">
              <FileName name={format.fileName(artifact.path)} />
              <span class="quiet small">{format.size(artifact.sizeBytes)}</span>
            </span>
          </button>
        </li>
      ))}
      {shown.length < all.length && (
        <li>
          <button type="button" class="file-card is-more" onClick={() => setWhole(true)}>
            {all.length - shown.length} more
          </button>
        </li>
      )}
    </ul>
  );
}

function labelOf(artifact: Artifact): string {
  return `${format.fileName(artifact.path)}, ${format.size(artifact.sizeBytes)}`;
}

/** Characters before the ending that stay with it. */
const TAIL = 3;

/** A name whose end stays to be seen, however little room there is. */
function FileName({ name }: { name: string }) {
  const ending = name.lastIndexOf(".");
  const cut = Math.max(0, (ending > 0 ? ending : name.length) - TAIL);
  return (
    <span class="file-name" dir="ltr">
      <span>{name.slice(0, cut)}</span>
      {name.slice(cut)}
    </span>
  );
}

function Thumb({ run, artifact }: { run: Run; artifact: Artifact }) {
  const kind = kindOf(artifact);
  if (kind === "picture") {
    return <img class="thumb" src={artifactAddress(run.id, artifact)} alt="" loading="lazy" decoding="async" />;
  }
  const Icon = ICONS[kind];
  return (
    <span class={`thumb kind-${kind}`}>
      <Icon size={18} aria-hidden="true" />
    </span>
  );
}

export function Files({ run }: { run: Run }) {
  if (run.artifacts.length === 0) {
    return <p class="centre quiet">{run.status === "running" ? "No files yet." : "This run made no files."}</p>;
  }
  return (
    <ul class="file-rows pad">
      {ranked(run.artifacts).map((artifact) => (
        <FileRow key={artifact.path} run={run} artifact={artifact} />
      ))}
    </ul>
  );
}

export function FileRow({ run, artifact }: { run: Run; artifact: Artifact }) {
  const name = format.fileName(artifact.path);
  return (
    <li class="file-row">
      <button type="button" class="file-open" aria-label={`${labelOf(artifact)}, from ${artifact.step}`} onClick={() => (preview.value = { runId: run.id, artifact })}>
        <Thumb run={run} artifact={artifact} />
        <span class="file-card-text">
          <FileName name={name} />
          <span class="quiet small">
            {format.size(artifact.sizeBytes)} · from {artifact.step}
          </span>
        </span>
      </button>
      <a class="icon-button" href={artifactAddress(run.id, artifact, true)} download={name} aria-label={`Download ${name}`}>
        <Download size={16} aria-hidden="true" />
      </a>
    </li>
  );
}
