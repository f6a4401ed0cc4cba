import { describe, expect, it } from "vitest";
import { kept } from "../api/look";
import { Heights } from "./heights";
import { Ring } from "./ring";
import { partOf } from "./seen";
import { type Line, Tail } from "./tail";

/** Numbers that look drawn, from a seed that is printed where a test fails. */
function drawn(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state % below;
  };
}
const SEED = Date.now() % 1_000_000;

describe("a ring", () => {
  // Goal: what is here is the latest, at the places at which it came. Method: beside a list that keeps everything.
  it("keeps the latest, each at its place", () => {
    const [ring, all] = [new Ring<number>(7), [] as number[]];
    for (let one = 0; one < 50; one += 1) {
      ring.push(one);
      all.push(one);
      expect([ring.end, ring.length, ring.first]).toEqual([one + 1, Math.min(7, one + 1), Math.max(0, one - 6)]);
      for (let place = 0; place < all.length + 2; place += 1)
        expect(ring.at(place)).toBe(place < ring.first ? undefined : all[place]);
    }
    while (ring.length > 0) expect(ring.shift()).toBe(all[ring.first - 1]);
    expect([ring.shift(), ring.end]).toEqual([undefined, 50]);
  });
});

describe("heights", () => {
  // Goal: a row is where the rows before it end, and is found there. Method: beside a plain list of heights, rows measured at random.
  it(`place rows as a sum of them does (seed ${String(SEED)})`, () => {
    const [heights, any, plain] = [new Heights(21), drawn(SEED), Array.from({ length: 2_000 }, () => 21)];
    for (let turn = 0; turn < 400; turn += 1) {
      const [place, px] = [any(2_000), 21 * (1 + any(5))];
      expect(heights.measured(place, px)).toBe(px - (plain[place] ?? 0));
      plain[place] = px;
    }
    const first = 300;
    heights.letGo(first);
    const top = (place: number) => plain.slice(first, place).reduce((sum, one) => sum + one, 0);
    for (let turn = 0; turn < 50; turn += 1) {
      const place = first + any(1_700);
      expect(heights.between(first, place)).toBe(top(place));
      expect(heights.atOffset(first, 2_000, top(place))).toBe(place);
      expect(heights.atOffset(first, 2_000, top(place) + 20)).toBe(place);
    }
    expect(heights.atOffset(first, 2_000, 1e9)).toBe(1_999);
    heights.forget();
    expect(heights.between(0, 2_000)).toBe(42_000);
  });
});

describe("the part of a list that is seen", () => {
  // Goal: whatever it is scrolled to, what is seen is drawn, and never the whole list. Method: every place of a list, and beyond its end.
  it("has every row that is seen", () => {
    for (let top = 0; top < 400_000; top += 777) {
      const { from, to } = partOf(10_000, 33, top, 700);
      expect(from).toBeLessThanOrEqual(Math.min(top / 33, 10_000 - 1));
      expect(to).toBeGreaterThanOrEqual(Math.min(Math.ceil((top + 700) / 33), 10_000));
      expect(to - from).toBeLessThan(60);
    }
    expect(partOf(3, 33, 500, 700)).toEqual({ from: 0, to: 3 });
  });
});

const line = (number: number, text = `line ${String(number)}`, level = "info"): Line => ({
  number,
  previous: number - 1,
  dropped: 0,
  time: "2026-11-29T10:00:00Z",
  level,
  trace: "",
  text,
});
const told = (one: Line) => `event: line\nid: ${String(one.number)}\ndata: ${JSON.stringify(one)}\n\n`;
const never = () => false;
const shown = ({ view }: Tail) => Array.from({ length: view.length }, (_, at) => view.at(view.first + at)?.line.number);

describe("a log's tail", () => {
  // Goal: lines are taken in whole however the stream is cut, and none twice. Method: a stream in pieces of three characters, then again.
  it("takes lines in as they were told, once each", () => {
    const tail = new Tail();
    const text = `: connected\n\n${[1, 2, 3].map((number) => told(line(number))).join("")}`;
    for (const all of [text, text]) {
      for (let at = 0; at < all.length; at += 3) {
        tail.tell(all.slice(at, at + 3));
        tail.work(never);
      }
    }
    expect([shown(tail), tail.last, tail.isDone]).toEqual([[1, 2, 3], 3, true]);
    tail.tell('event: end\ndata: {"error":{"code":"EXQ-1207"}}\n\n');
    tail.work(never);
    expect(tail.end).toContain("EXQ-1207");
  });

  // Goal: a burst takes no longer than its slice, and is there in the end. Method: ten thousand lines, a clock that is late at each look.
  it("works a burst off in slices", () => {
    const tail = new Tail();
    tail.tell(Array.from({ length: 10_000 }, (_, at) => told(line(at + 1))).join(""));
    const counts = [];
    while (!tail.isDone) {
      tail.work(() => true);
      counts.push(tail.count);
    }
    expect(counts[0]).toBeLessThan(100);
    expect([tail.count, tail.backlog]).toEqual([10_000, 0]);
  });

  // Goal: a sieve leaves what fits, of what is here and of what comes; until it is through, what was shown stays. Method: a sieve of the
  // text, in slices, and lines that come meanwhile and later.
  it("sieves what is here and what comes", () => {
    const tail = new Tail();
    const texts = ["a (paid) b", "other", "A (PAID) C", "[paid]"];
    for (let number = 1; number <= 400; number += 1) tail.tell(told(line(number, texts[number % 4])));
    tail.work(never);
    tail.ask({ level: "trace", text: "(paid)" });
    tail.work(() => true);
    expect([tail.isDone, tail.view.length]).toEqual([false, 400]);
    while (!tail.isDone) tail.work(() => true);
    expect(tail.view.length).toEqual(200);
    tail.tell(told(line(401, "other")) + told(line(402, "(paid)")));
    tail.work(never);
    expect(shown(tail).at(-1)).toBe(402);
    tail.ask({ level: "warn", text: "" });
    tail.tell(told(line(403, "bad", "error")));
    tail.work(never);
    expect(shown(tail)).toEqual([403]);
    tail.ask({ level: "trace", text: "" });
    expect(tail.view.length).toBe(403);
  });

  // Goal: what the ring lets go of is shown nowhere. Method: more lines than it holds, under a sieve that leaves a few of the first.
  it("shows nothing that it does not keep", () => {
    const tail = new Tail();
    tail.ask({ level: "error", text: "" });
    const tell = (from: number, to: number) => {
      for (let number = from; number <= to; number += 1) tail.tell(told(line(number, "x", number <= 60 ? "error" : "info")));
      tail.work(never);
    };
    tell(1, 100_000);
    expect(shown(tail)).toHaveLength(60);
    tell(100_001, 100_050);
    expect(shown(tail)).toEqual([51, 52, 53, 54, 55, 56, 57, 58, 59, 60]);
    expect(tail.count).toBe(100_000);
  });
});

describe("what is read again", () => {
  const seen = (value: object) => ({ value, ageMs: 0, at: 1 });
  // Goal: what stayed the same is drawn no second time, and of a long list nothing is gone through for that. Method: one of each.
  it("is what was there where it is the same", () => {
    const before = seen({ rows: [{ a: 1 }, { a: 2 }] });
    const now = kept(before, seen({ rows: [{ a: 1 }, { a: 3 }] })) as typeof before & { value: { rows: object[] } };
    expect(now.value.rows[0]).toBe((before.value as { rows: object[] }).rows[0]);
    expect(now.value.rows[1]).toEqual({ a: 3 });
    const long = () => seen({ rows: Array.from({ length: 2_000 }, (_, a) => ({ a })) });
    const [first, second] = [long(), long()];
    expect(kept(first, second)).toBe(second);
  });
});
