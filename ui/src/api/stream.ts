/**
 * A stream of server-sent events, read by the page itself: it is taken no faster than what came is worked off, its refusals are those of
 * every read, and a node that falls silent is noticed. A browser's own `EventSource` does none of the three.
 */
import { ASKED_AGAIN, begun, Refused } from "./client";

export interface Told {
  event: string;
  data: string;
}

/** Nodes tell something, if only that nothing happens, more often than this, in milliseconds. */
const SILENT_MS = 25_000;

/** Text that came, taken apart event by event when that is asked for. */
export class EventText {
  private text = "";
  private at = 0;

  /** How much was added and not taken apart yet, in characters. */
  get left(): number {
    return this.text.length - this.at;
  }

  add(text: string): void {
    this.text = this.text.slice(this.at) + text;
    this.at = 0;
  }

  /** The next event that is there as a whole; null where there is none. */
  next(): Told | null {
    for (;;) {
      const end = this.text.indexOf("\n\n", this.at);
      if (end === -1) return null;
      const lines = this.text.slice(this.at, end).split("\n");
      this.at = end + 2;
      const field = (name: string) => lines.find((line) => line.startsWith(name))?.slice(name.length);
      const data = field("data: ");
      // What has no data is told to keep the connection.
      if (data !== undefined) return { event: field("event: ") ?? "message", data };
    }
  }
}

export interface Listener {
  /** What was had already is left out; nothing where nothing was. */
  after: number | null;
  opened: () => void;
  /** Takes text that came; what comes next is read once this is done with it. */
  take: (text: string) => Promise<void>;
}

/** Reads a stream until it ends, or until `signal` says so. Throws `Refused` where there is none. */
export async function listen(path: string, { after, opened, take }: Listener, signal: AbortSignal): Promise<void> {
  const quiet = new AbortController();
  let timer: number | undefined;
  const heard = () => {
    window.clearTimeout(timer);
    timer = window.setTimeout(() => {
      quiet.abort(new DOMException("nothing was told", "TimeoutError"));
    }, SILENT_MS);
  };
  heard();
  try {
    const headers = { accept: "text/event-stream", ...(after === null ? {} : { "last-event-id": String(after) }) };
    const request = new Request(new URL(path, window.location.origin), {
      headers,
      signal: AbortSignal.any([signal, quiet.signal]),
    });
    const { body } = await begun(fetch(request));
    opened();
    const reader = body?.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      heard();
      const part = await reader?.read();
      if (part?.value === undefined) return;
      await take(part.value);
    }
  } catch (error) {
    if (error instanceof Refused || signal.aborted) throw error;
    throw new Refused(0, "", "The node does not tell any more.", ASKED_AGAIN, "");
  } finally {
    window.clearTimeout(timer);
  }
}
