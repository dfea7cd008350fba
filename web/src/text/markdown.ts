/**
 * Markdown of models and tools as nodes that can do no harm.
 *
 * Rule: HTML in it is text, pictures are not loaded, and what comes out passed DOMPurify; `[step]` becomes a button to that
 * step and a path of the run's files one to the file.
 */

import DOMPurify from "dompurify";
import MarkdownIt, { type Token } from "markdown-it";

export interface Known {
  /** Ids that may be cited. */
  steps: ReadonlySet<string>;
  /** Paths of files the run made, and what to call them by. */
  files: readonly { path: string; sha256: string }[];
}

const parser = new MarkdownIt({ html: false, linkify: false, typographer: false }).disable(["image"]);
parser.core.ruler.push("alignment", ({ tokens }) => tokens.forEach(aligned));
const TAGS = [
  "p", "br", "hr", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "li", "strong", "em", "s", "code", "pre", "blockquote",
  "table", "thead", "tbody", "tr", "th", "td", "a",
];
/** Characters above which a cell of a table is text, which wants room. */
const LONG_CELL = 18;
const ID = "[A-Za-z_][A-Za-z0-9_-]*(?:\\[\\d+\\])?";
const CITED = new RegExp(`\\[(${ID}(?:\\s*[,;]\\s*${ID})*)\\](?![(\\[])`, "g");

export function rendered(text: string, known: Known): DocumentFragment {
  const clean = DOMPurify.sanitize(parser.render(text), {
    ALLOWED_TAGS: TAGS,
    ALLOWED_ATTR: ["href", "start", "class"],
    ALLOWED_URI_REGEXP: /^(?:https?|mailto):/i,
    ALLOW_DATA_ATTR: false,
    ALLOW_ARIA_ATTR: false,
    RETURN_DOM_FRAGMENT: true,
  });
  for (const link of clean.querySelectorAll("a")) settleLink(link);
  for (const table of clean.querySelectorAll("table")) scrollable(table);
  for (const block of clean.children) if (block.tagName !== "PRE") block.setAttribute("dir", "auto");
  mark(clean, known);
  return clean;
}

/** Columns of tables keep their alignment as a class: no style from outside is let in. */
function aligned(token: Token): void {
  if (token.type !== "th_open" && token.type !== "td_open") return;
  const side = /^text-align:(right|center)$/.exec(String(token.attrGet("style")))?.[1];
  token.attrs = side ? [["class", `is-${side}`]] : null;
}

function settleLink(link: HTMLAnchorElement): void {
  if (!link.getAttribute("href")) return;
  link.target = "_blank";
  link.rel = "noopener noreferrer";
}

function scrollable(table: Element): void {
  const box = document.createElement("div");
  box.className = "scroll-x";
  box.tabIndex = 0;
  box.setAttribute("role", "region");
  box.setAttribute("aria-label", "Table");
  for (const cell of table.querySelectorAll("td")) if ((cell.textContent ?? "").length > LONG_CELL) cell.className += " is-long";
  table.replaceWith(box);
  box.append(table);
}

function mark(root: DocumentFragment, known: Known): void {
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  const texts: Text[] = [];
  while (walker.nextNode()) texts.push(walker.currentNode as Text);
  const files = known.files.length > 0 ? filePattern(known.files) : null;
  for (const text of texts) {
    const parent = text.parentElement;
    if (parent?.closest("a, pre")) continue;
    if (files && files.pattern.test(text.data)) linkFiles(text, files);
    else if (!parent?.closest("code")) cite(text, known.steps);
  }
}

function cite(text: Text, steps: ReadonlySet<string>): void {
  replace(text, CITED, (found) => {
    const ids = found[1]!.split(/\s*[,;]\s*/).filter((id) => steps.has(id));
    return ids.length === 0 ? null : ids.map((id) => button("cite", id, { step: id }, `Source: step ${id}`));
  });
}

interface FilePattern {
  pattern: RegExp;
  hash: (path: string) => string;
}

function filePattern(files: Known["files"]): FilePattern {
  const longest = [...files].sort((a, b) => b.path.length - a.path.length);
  const paths = longest.map(({ path }) => path.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("|");
  const hash = (path: string) => longest.find((file) => path.endsWith(file.path))!.sha256;
  return { pattern: new RegExp(`(?:/[^\\s"']*/)?(?:${paths})`), hash };
}

function linkFiles(text: Text, files: FilePattern): void {
  replace(text, new RegExp(files.pattern.source, "g"), (found) => {
    const name = found[0].split("/").pop()!;
    return [button("file-link", name, { file: files.hash(found[0]) }, `Open ${name}`)];
  });
}

function replace(text: Text, pattern: RegExp, made: (found: RegExpExecArray) => Node[] | null): void {
  const parts: (Node | string)[] = [];
  let from = 0;
  for (const found of text.data.matchAll(pattern)) {
    const nodes = made(found as RegExpExecArray);
    if (!nodes) continue;
    parts.push(text.data.slice(from, found.index), ...nodes);
    from = found.index + found[0].length;
  }
  if (parts.length === 0) return;
  text.replaceWith(...parts, text.data.slice(from));
}

function button(kind: string, label: string, data: Record<string, string>, title: string): HTMLButtonElement {
  const made = document.createElement("button");
  made.type = "button";
  made.className = kind;
  made.textContent = label;
  made.title = title;
  Object.assign(made.dataset, data);
  return made;
}
