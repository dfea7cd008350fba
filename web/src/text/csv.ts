/** Rows of a delimited text. Pure; quoted fields may hold delimiters, quotes and line ends (RFC 4180). */

export function parsed(text: string, limit: number): { rows: string[][]; isCut: boolean } {
  const delimiter = delimiterOf(text);
  const rows: string[][] = [];
  let row: string[] = [];
  let field = "";
  let isQuoted = false;
  for (let i = 0; i < text.length; i++) {
    const char = text[i]!;
    if (isQuoted) {
      if (char !== '"') field += char;
      else if (text[i + 1] === '"') field += text[++i];
      else isQuoted = false;
    } else if (char === '"' && field === "") isQuoted = true;
    else if (char === delimiter) {
      row.push(field);
      field = "";
    } else if (char === "\n") {
      row.push(field.replace(/\r$/, ""));
      rows.push(row);
      row = [];
      field = "";
      if (rows.length >= limit) return { rows, isCut: i < text.length - 1 };
    } else field += char;
  }
  if (field || row.length > 0) rows.push([...row, field]);
  return { rows, isCut: false };
}

function delimiterOf(text: string): string {
  const first = text.slice(0, 2000).split("\n", 1)[0] ?? "";
  const found = [",", ";", "\t", "|"].map((one) => ({ one, count: first.split(one).length }));
  return found.sort((a, b) => b.count - a.count)[0]!.one;
}
