/** The few HTTP addresses that the page uses beside the socket. Errors are `Error`s whose text a person can read. */

export interface Playbook {
  name: string;
  /** What it is for, a sentence. */
  purpose: string;
  examples: string[];
}

export function at(path: string): string {
  return new URL(path, document.baseURI).toString();
}

export function socketAddress(): string {
  return at("ws/chat").replace(/^http/, "ws");
}

export function artifactAddress(runId: string, file: { path: string; sha256: string }, isDownload = false): string {
  const name = file.path.split("/").pop() ?? "";
  const path = `api/runs/${encodeURIComponent(runId)}/artifacts/${encodeURIComponent(file.sha256)}/${encodeURIComponent(name)}`;
  return at(isDownload ? `${path}?download=1` : path);
}

export function stepAddress(runId: string, step: string): string {
  return at(`api/runs/${encodeURIComponent(runId)}/steps/${encodeURIComponent(step)}`);
}

export async function getJson<T>(path: string, signal?: AbortSignal): Promise<T> {
  const response = await fetch(at(path), { signal, headers: { accept: "application/json" } });
  if (!response.ok) throw new Error(await told(response));
  return (await response.json()) as T;
}

/** The first `limit` bytes of a file as text, and whether there is more. */
export async function getText(url: string, limit: number, signal?: AbortSignal): Promise<{ text: string; isCut: boolean }> {
  const response = await fetch(url, { signal, headers: { range: `bytes=0-${limit - 1}` } });
  if (!response.ok) throw new Error(await told(response));
  const whole = Number(response.headers.get("content-range")?.split("/")[1] ?? 0);
  const text = await response.text();
  return { text: text.slice(0, limit), isCut: whole > limit || text.length > limit };
}

export async function login(token: string): Promise<void> {
  const response = await fetch(at("api/login"), {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ token }),
  });
  if (!response.ok) throw new Error(await told(response));
}

/** Where the server put the file, to name in a goal. */
export async function upload(sessionId: string, file: File): Promise<string> {
  const path = `api/sessions/${encodeURIComponent(sessionId)}/files/${encodeURIComponent(file.name)}`;
  const response = await fetch(at(path), { method: "PUT", body: file });
  if (!response.ok) throw new Error(await told(response));
  return ((await response.json()) as { path: string }).path;
}

export async function removeSession(sessionId: string): Promise<void> {
  const response = await fetch(at(`api/sessions/${encodeURIComponent(sessionId)}`), { method: "DELETE" });
  if (!response.ok) throw new Error(await told(response));
}

async function told(response: Response): Promise<string> {
  try {
    const body = (await response.json()) as { error?: { message?: string } };
    if (body.error?.message) return body.error.message;
  } catch {
    // no JSON: the status has to do
  }
  return `The server answered ${response.status} ${response.statusText}`.trim();
}
