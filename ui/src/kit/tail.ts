/**
 * The lines of a log as a page keeps them: a ring of the latest, and of those the ones that were asked for. A burst of lines, and a sieve
 * over all that are here, are worked off in slices: no slice is longer than its budget, and no line is copied again by those after it.
 */
import type { components } from "../api/schema.gen";
import { EventText } from "../api/stream";
import { Ring } from "./ring";

export type Line = components["schemas"]["WorkerLogLine"];

/** The lines that a page keeps. */
export const RING_LINES = 100_000;
export const LEVELS = ["error", "warn", "info", "debug", "trace"] as const;
export type Level = (typeof LEVELS)[number];

/** The clock is asked once for so many lines. */
const LINES_A_LOOK = 32;

export interface Asked {
  /** Down to which level. */
  level: Level;
  /** What has to be in the line, in whatever case; anything where it is empty. */
  text: string;
}

/** A line as it is shown: with what is not there between it and the one shown before it, whatever a sieve left out there. */
export interface Shown {
  line: Line;
  /** Whether lines are missing that the node had. */
  isGap: boolean;
  /** How many the worker wrote and the node did not keep. */
  dropped: number;
}

/** What is shown of the ring: all of it, or what a sieve leaves. */
export type View = Pick<Ring<Shown>, "first" | "end" | "length" | "at">;

/** So many lines that were written before a moment, or before the page was opened, are asked for. */
export const EARLIER = 1_000;

/** The place of the first line of a view that was written at a moment or later; null where none was. */
export function firstSince(view: View, moment: string): number | null {
  const wanted = Date.parse(moment);
  const isSince = (place: number) => Date.parse(view.at(place)?.line.time ?? "") >= wanted;
  // The node begins so many lines before it: among these it is found whatever clocks did.
  let [low, high] = [Math.min(view.first + EARLIER + 1, view.end), view.end];
  for (let place = view.first; place < low; place += 1) if (isSince(place)) return place;
  // It was not there yet when the page was opened.
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (isSince(middle)) high = middle;
    else low = middle + 1;
  }
  return low < view.end ? low : null;
}

interface Sieving {
  fits: (line: Line) => boolean;
  left: Ring<Shown>;
  /** What is not there since the last line that was left. */
  lost: Pick<Shown, "isGap" | "dropped">;
  /** The place in the ring up to which was looked. */
  at: number;
}

const NOTHING: Sieving["lost"] = { isGap: false, dropped: 0 };

export class Tail {
  /** When the node was last heard, in milliseconds since 1970; null where it was not yet. */
  heardAt: number | null = null;
  /** As it was told, not looked into yet. */
  private readonly told = new EventText();
  private isThrough = true;
  private readonly lines = new Ring<Shown>(RING_LINES);
  /** The number of the latest line; null where there is none. What is told once more after a break is left out. */
  last: number | null = null;
  /** Why the node ended its stream, as it told. */
  end: string | null = null;
  private sieve: Sieving | null = null;
  /** The sieve that is not through yet; until then what the former one left is shown. */
  private coming: Sieving | null = null;

  /** How many lines are kept. */
  get count(): number {
    return this.lines.length;
  }

  /** How much was told and is not taken in yet, in characters. */
  get backlog(): number {
    return this.isThrough ? 0 : this.told.left;
  }

  /** Whether nothing is left to be worked off. */
  get isDone(): boolean {
    return this.isThrough && this.coming === null;
  }

  get view(): View {
    return this.sieve?.left ?? this.lines;
  }

  /** Takes a part of the stream as it came, which costs next to nothing. */
  tell(text: string): void {
    this.told.add(text);
    this.isThrough = false;
  }

  /** Shows from now on what fits. */
  ask({ level, text }: Asked): void {
    this.coming = null;
    if (level === "trace" && text === "") {
      this.sieve = null;
      return;
    }
    const worst = LEVELS.indexOf(level);
    const wanted = new RegExp(text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"), "i");
    const fits = (line: Line) =>
      LEVELS.indexOf(line.level as Level) <= worst && (text === "" || wanted.test(line.text) || wanted.test(line.trace));
    this.coming = { fits, left: new Ring(RING_LINES), lost: NOTHING, at: this.lines.first };
  }

  /** Works off what it can before `isLate` says so. */
  work(isLate: () => boolean): void {
    for (let done = 0; !this.isThrough; done += 1) {
      if (done % LINES_A_LOOK === LINES_A_LOOK - 1 && isLate()) break;
      const told = this.told.next();
      if (told === null) this.isThrough = true;
      else if (told.event === "line") this.take(JSON.parse(told.data) as Line);
      else if (told.event === "end") this.end = told.data;
    }
    for (const one of [this.sieve, this.coming]) if (one !== null) this.sift(one, isLate);
    if (this.coming !== null && this.coming.at === this.lines.end) [this.sieve, this.coming] = [this.coming, null];
  }

  private take(line: Line): void {
    if (this.last !== null && line.number <= this.last) return;
    const isGap = this.last !== null && line.previous > this.last;
    this.last = line.number;
    this.lines.push({ line, isGap, dropped: line.dropped });
  }

  private sift(one: Sieving, isLate: () => boolean): void {
    const oldest = this.lines.at(this.lines.first)?.line.number ?? 0;
    while (one.left.length > 0 && (one.left.at(one.left.first)?.line.number ?? 0) < oldest) one.left.shift();
    one.at = Math.max(one.at, this.lines.first);
    for (let done = 0; one.at < this.lines.end; done += 1) {
      if (done % LINES_A_LOOK === LINES_A_LOOK - 1 && isLate()) return;
      const shown = this.lines.at(one.at);
      if (shown !== undefined) {
        const { line } = shown;
        const lost = { isGap: one.lost.isGap || shown.isGap, dropped: one.lost.dropped + shown.dropped };
        const fits = one.fits(line);
        if (fits) one.left.push({ line, ...lost });
        one.lost = fits ? NOTHING : lost;
      }
      one.at += 1;
    }
  }
}
