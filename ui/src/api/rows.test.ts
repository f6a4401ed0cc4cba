import { describe, expect, it } from "vitest";
import { readRows, Rows } from "./rows";

const SEED = Date.now() % 1_000_000;

/** Texts in which every character that is looked for stands where it means nothing, and characters of several bytes. */
const TEXTS = ["", "},{", '"],"', "\\", '\\"', "[{", "\u00fc\u20ac\u{1f600}", "\n\u0007"];
const row = (at: number) => ({
  number: at,
  text: TEXTS[at % TEXTS.length],
  inner: [at, [TEXTS[(at + 3) % TEXTS.length]], {}],
  none: null,
});
const answer = (count: number) => ({
  before: 7,
  deep: { list: [1, 2] },
  rows: Array.from({ length: count }, (_, at) => row(at)),
  after: ["x"],
});

/** What comes of a text that arrives in pieces of about `size` bytes. */
function read(text: string, size: number): unknown {
  const [rows, bytes] = [new Rows(), new TextEncoder().encode(text)];
  for (let at = 0; at < bytes.length; at += size) rows.take(bytes.subarray(at, at + size));
  return rows.end();
}

describe("a long answer", () => {
  // Goal: it is what it would be if it were read at once, wherever it is cut. Method: beside `JSON.parse`, cut at every distance, also in
  // the midst of characters, and so long that it is made in several pieces.
  it(`is what the whole of it says (seed ${String(SEED)})`, () => {
    const short = answer(9);
    for (let size = 1; size < 200; size += 1) {
      expect(read(JSON.stringify(short), size)).toEqual(short);
      expect(read(JSON.stringify(short, null, 2), size)).toEqual(short);
    }
    const long = answer(5_000);
    expect(read(JSON.stringify(long), 1_000 + (SEED % 70_000))).toEqual(long);
  });

  // Goal: what has no list, or an empty one, is read as well. Method: such answers.
  it.each([{ rows: [] }, {}, { one: "a [text", two: { three: [1] } }, { rows: [[], [1]] }, { rows: [1, "a", null] }])(
    "%j",
    (one) => {
      expect(read(JSON.stringify(one), 5)).toEqual(one);
    },
  );

  // Goal: half an answer is none. Method: the same text, broken off at every place.
  it("is refused where it was broken off", () => {
    const text = JSON.stringify(answer(2));
    for (let end = 1; end < text.length; end += 1) expect(() => read(text.slice(0, end), 7), text.slice(0, end)).toThrow();
  });

  // Goal: whoever waits for it gets it whole, however it comes. Method: a stream of pieces of all sizes.
  it("comes as a stream", async () => {
    const all = answer(3_000);
    const bytes = new TextEncoder().encode(JSON.stringify(all));
    const ends = [0, 1, 100, 99_999, 100_000, bytes.length];
    const stream = new ReadableStream<Uint8Array>({
      start(controller) {
        ends.slice(1).forEach((end, at) => {
          controller.enqueue(bytes.subarray(ends[at], end));
        });
        controller.close();
      },
    });
    expect(await readRows(stream)).toEqual(all);
  });
});
