/**
 * One WebSocket that comes back by itself.
 *
 * Rule: it knows nothing of sessions; who listens sends `resume` after the server's `hello`, which makes up for every cut.
 */

import type { FrameIn, FrameOut } from "./frames";

export type Link = "connecting" | "open" | "lost";

export interface Listener {
  onLink(link: Link, retryAt: number | null): void;
  onFrame(frame: FrameIn): void;
}

const FIRST_DELAY_MS = 400;
const LONGEST_DELAY_MS = 15_000;
const PING_MS = 20_000;
/** No word for so long after a ping: the line is dead, whatever the browser thinks. */
const SILENCE_MS = 30_000;

export class Connection {
  private socket: WebSocket | null = null;
  private failures = 0;
  private timer = 0;
  private pinging = 0;
  private heardAt = 0;
  private count = 0;

  constructor(
    private readonly url: string,
    private readonly listener: Listener,
  ) {}

  /** Opens, or opens anew at once. */
  connect(): void {
    window.clearTimeout(this.timer);
    this.drop();
    this.listener.onLink("connecting", null);
    const socket = new WebSocket(this.url);
    this.socket = socket;
    socket.onopen = () => this.opened(socket);
    socket.onmessage = (message) => this.heard(socket, message.data);
    socket.onclose = () => this.lost(socket);
  }

  /** The id the reply will carry; null: there is no line, nothing was sent. */
  send(frame: FrameOut): string | null {
    if (this.socket?.readyState !== WebSocket.OPEN) return null;
    const id = `f${++this.count}`;
    this.socket.send(JSON.stringify({ ...frame, id }));
    return id;
  }

  private opened(socket: WebSocket): void {
    if (socket !== this.socket) return;
    this.heardAt = Date.now();
    this.pinging = window.setInterval(() => this.ping(), PING_MS);
    this.listener.onLink("open", null);
  }

  private heard(socket: WebSocket, data: unknown): void {
    if (socket !== this.socket || typeof data !== "string") return;
    this.heardAt = Date.now();
    this.failures = 0;
    this.listener.onFrame(JSON.parse(data) as FrameIn);
  }

  private ping(): void {
    if (Date.now() - this.heardAt > SILENCE_MS + PING_MS) this.connect();
    else this.send({ type: "ping" });
  }

  private lost(socket: WebSocket): void {
    if (socket !== this.socket) return;
    this.drop();
    const spread = 0.5 + Math.random() / 2;
    const delay = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** this.failures) * spread;
    this.failures += 1;
    this.listener.onLink("lost", Date.now() + delay);
    this.timer = window.setTimeout(() => this.connect(), delay);
  }

  private drop(): void {
    window.clearInterval(this.pinging);
    const socket = this.socket;
    this.socket = null;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }
}
