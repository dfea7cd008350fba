/** A file shown: picture, table, report in a sandbox, text; and where to save it. */

import { useEffect, useState } from "preact/hooks";
import { ChevronLeft, ChevronRight, Download, X } from "lucide-preact";
import type { Artifact } from "../state/model";
import { preview, session } from "../state/store";
import { parsed } from "../text/csv";
import * as format from "../text/format";
import { kindOf } from "../text/kinds";
import { artifactAddress, getText } from "../wire/http";
import { Dialog } from "./Dialog";
import { ranked } from "./Files";
import { Markdown } from "./Markdown";
import { Spinner } from "./StateMark";
import { Value } from "./Value";

const TEXT_BYTES = 400_000;
const ROWS = 500;

export function Preview({ runId, artifact }: { runId: string; artifact: Artifact }) {
  const all = ranked(session.value.runs[runId]?.artifacts ?? [artifact]);
  const at = all.findIndex((one) => one.path === artifact.path);
  const name = format.fileName(artifact.path);
  const close = () => (preview.value = null);
  const go = (by: number) => (preview.value = { runId, artifact: all[(at + by + all.length) % all.length]! });
  return (
    <Dialog label={name} class="preview" onClose={close}>
      <header class="preview-head">
        <h2>{name}</h2>
        <span class="quiet small">{format.size(artifact.sizeBytes)}</span>
        <span class="push" />
        {all.length > 1 && (
          <>
            <button type="button" class="icon-button" aria-label="File before" onClick={() => go(-1)}>
              <ChevronLeft size={18} aria-hidden="true" />
            </button>
            <button type="button" class="icon-button" aria-label="File after" onClick={() => go(1)}>
              <ChevronRight size={18} aria-hidden="true" />
            </button>
          </>
        )}
        <a class="icon-button" href={artifactAddress(runId, artifact, true)} download={name} aria-label={`Download ${name}`}>
          <Download size={17} aria-hidden="true" />
        </a>
        <button type="button" class="icon-button" aria-label="Close" onClick={close}>
          <X size={18} aria-hidden="true" />
        </button>
      </header>
      <div class="preview-body" tabIndex={0}>
        <Shown runId={runId} artifact={artifact} all={all} />
      </div>
    </Dialog>
  );
}

function Shown({ runId, artifact, all }: { runId: string; artifact: Artifact; all: Artifact[] }) {
  const url = artifactAddress(runId, artifact);
  switch (kindOf(artifact)) {
    case "picture":
      return <img class="preview-picture" src={url} alt={format.fileName(artifact.path)} />;
    case "page":
      return <iframe class="preview-frame" sandbox="" src={url} title={format.fileName(artifact.path)} />;
    case "deck":
      return <Pages runId={runId} deck={artifact} all={all} />;
    case "table":
    case "markdown":
    case "json":
    case "text":
      return <TextFile key={url} url={url} artifact={artifact} />;
    default:
      return <p class="centre quiet">This kind of file can't be shown here. Download it to open it.</p>;
  }
}

/** The pictures that were made with a deck, page by page. */
function Pages({ runId, deck, all }: { runId: string; deck: Artifact; all: Artifact[] }) {
  const folder = deck.path.slice(0, deck.path.lastIndexOf("/"));
  const pages = all
    .filter((one) => kindOf(one) === "picture" && one.path.startsWith(folder) && /(page|slide)/i.test(one.path))
    .sort((a, b) => a.path.localeCompare(b.path, "en", { numeric: true }));
  if (pages.length === 0) return <p class="centre quiet">No pictures of its pages were made. Download it to open it.</p>;
  return (
    <ol class="pages">
      {pages.map((page, i) => (
        <li key={page.path}>
          <img src={artifactAddress(runId, page)} alt={`Page ${i + 1}`} loading="lazy" />
        </li>
      ))}
    </ol>
  );
}

function TextFile({ url, artifact }: { url: string; artifact: Artifact }) {
  const [got, setGot] = useState<{ text: string; isCut: boolean } | null>(null);
  const [problem, setProblem] = useState("");
  useEffect(() => {
    const stop = new AbortController();
    getText(url, TEXT_BYTES, stop.signal)
      .then(setGot)
      .catch((error: Error) => stop.signal.aborted || setProblem(error.message));
    return () => stop.abort();
  }, [url]);
  if (problem) return <p class="centre form-error">{problem}</p>;
  if (!got) {
    return (
      <p class="centre quiet">
        <Spinner /> Loading
      </p>
    );
  }
  return (
    <>
      {got.isCut && <p class="quiet small pad">The first {format.size(TEXT_BYTES)} of it. Download it to see all.</p>}
      <Told text={got.text} artifact={artifact} isCut={got.isCut} />
    </>
  );
}

function Told({ text, artifact, isCut }: { text: string; artifact: Artifact; isCut: boolean }) {
  const kind = kindOf(artifact);
  if (kind === "table") return <Table text={text} />;
  if (kind === "markdown") {
    return (
      <div class="sheet">
        <Markdown text={text} />
      </div>
    );
  }
  if (kind === "json" && !isCut) {
    try {
      return (
        <div class="pad">
          <Value value={JSON.parse(text)} />
        </div>
      );
    } catch {
      // said to be JSON, but is not: shown as the text it is
    }
  }
  return <pre class="preview-text">{text}</pre>;
}

function Table({ text }: { text: string }) {
  const { rows, isCut } = parsed(text, ROWS + 1);
  const [head, ...body] = rows;
  if (!head) return <p class="centre quiet">The table is empty.</p>;
  const isNumber = head.map((_, i) => body.length > 0 && body.every((row) => !row[i] || !Number.isNaN(Number(row[i]))));
  return (
    <div class="scroll-x">
      <table class="data">
        <thead>
          <tr>
            {head.map((name, i) => (
              <th key={i} scope="col" class={isNumber[i] ? "is-number" : ""}>
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {body.map((row, r) => (
            <tr key={r}>
              {head.map((_, i) => (
                <td key={i} class={isNumber[i] ? "is-number" : ""}>
                  {row[i] ?? ""}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {isCut && <p class="quiet small pad">The first {ROWS} rows. Download the file to see all.</p>}
    </div>
  );
}
