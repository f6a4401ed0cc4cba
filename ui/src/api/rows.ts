/**
 * Long answers, read as they come: ten thousand rows that are made of their text at once would hold the page up for longer than a frame.
 * What is read is the same as `JSON.parse` of the whole makes of it.
 */

/** So much of the text is made into rows at once. */
const PIECE_BYTES = 65_536;
/** After so long the browser gets its turn, in milliseconds. */
const WORK_MS = 4;

const [QUOTE, COMMA, BACKSLASH] = [0x22, 0x2c, 0x5c];
const [LIST, LIST_END, OBJECT, OBJECT_END] = [0x5b, 0x5d, 0x7b, 0x7d];

/** Cuts the text of an object between the rows of the first list in it. Every byte that is looked for is a whole character of UTF-8. */
export class Rows {
  private readonly rows: unknown[] = [];
  private readonly decoder = new TextDecoder("utf-8", { fatal: true });
  /** What comes before the rows; nothing as long as the list has not begun. */
  private head: string | undefined;
  private isOver = false;
  private depth = 0;
  private isText = false;
  private isEscaped = false;
  /** What has come and is not made into anything yet. */
  private rest = new Uint8Array(0);

  take(chunk: Uint8Array): void {
    const bytes = new Uint8Array(this.rest.length + chunk.length);
    bytes.set(this.rest);
    bytes.set(chunk, this.rest.length);
    // The loop below goes through every byte of ten megabytes: what it asks all the time is at hand.
    let { depth, isText } = this;
    let at = this.rest.length + (this.isEscaped ? 1 : 0);
    let begin = 0;
    const until = (end: number) => this.decoder.decode(bytes.subarray(begin, end));
    while (at < bytes.length && !this.isOver) {
      const byte = bytes[at];
      if (isText) {
        if (byte === QUOTE) isText = false;
        at += byte === BACKSLASH ? 2 : 1;
        continue;
      }
      if (byte === QUOTE) isText = true;
      else if (byte === OBJECT || byte === LIST) {
        depth += 1;
        if (byte === LIST && depth === 2 && this.head === undefined) {
          this.head = until(at + 1);
          begin = at + 1;
        }
      } else if (byte === OBJECT_END || byte === LIST_END) {
        depth -= 1;
        if (depth === 1 && this.head !== undefined) {
          this.make(until(at));
          begin = at;
          this.isOver = true;
        }
      } else if (byte === COMMA && depth === 2 && at - begin >= PIECE_BYTES && this.head !== undefined) {
        this.make(until(at));
        begin = at + 1;
      }
      at += 1;
    }
    this.depth = depth;
    this.isText = isText;
    // The character after a backslash has not come yet.
    this.isEscaped = at > bytes.length;
    this.rest = bytes.slice(begin);
  }

  /** What it all was. Throws where that is no JSON, as where it was broken off. */
  end(): unknown {
    const whole = JSON.parse((this.head ?? "") + this.decoder.decode(this.rest)) as Record<string, unknown>;
    if (this.head === undefined) return whole;
    const name = Object.keys(whole).find((key) => Array.isArray(whole[key]));
    return name === undefined ? whole : { ...whole, [name]: this.rows };
  }

  private make(text: string): void {
    for (const row of JSON.parse(`[${text}]`) as unknown[]) this.rows.push(row);
  }
}

/** Lets the browser do what waits: a frame, an input. Not by a timer, which is late in a window that is not looked at. */
function turn(): Promise<void> {
  return new Promise((after) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      after();
    };
    port2.postMessage(null);
  });
}

/** The object that a stream has the text of. */
export async function readRows(stream: ReadableStream<Uint8Array>): Promise<unknown> {
  const [rows, reader] = [new Rows(), stream.getReader()];
  let since = performance.now();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return rows.end();
    for (let at = 0; at < value.length; at += PIECE_BYTES) {
      rows.take(value.subarray(at, at + PIECE_BYTES));
      if (performance.now() - since < WORK_MS) continue;
      await turn();
      since = performance.now();
    }
  }
}
