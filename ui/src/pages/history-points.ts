/** What is drawn, listed and told of a series: the points of a part of the day, exact. */
import { capital, grouped, utc } from "../kit/text";
import { ticks, unused } from "../kit/ticks";
import { type History, inUnits } from "./past";

type Series = History["series"][number];

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

export const RANGES = { "15m": 15 * MINUTE_MS, "1h": HOUR_MS, "6h": 6 * HOUR_MS, "24h": 24 * HOUR_MS } as const;
export type RangeName = keyof typeof RANGES;
export const WHOLE: RangeName = "24h";

/** A part of the day, in milliseconds since 1970. */
export interface Part {
  from: number;
  to: number;
}

/** A part as the address has it: one that ends with the newest sample, or one from a moment to another. */
export interface Asked {
  range?: string | undefined;
  from?: string | undefined;
  to?: string | undefined;
}

export function rangeOf({ range }: Asked): RangeName {
  return range !== undefined && Object.hasOwn(RANGES, range) ? (range as RangeName) : WHOLE;
}

/** From a moment to another, where the address names both and the second is later; null otherwise. */
export function chosenOf({ from, to }: Asked): Part | null {
  const part = { from: momentOf(from), to: momentOf(to) };
  return part.to > part.from ? part : null;
}

function momentOf(text: string | undefined): number {
  return text !== undefined && /^\d{4}-\d\d-\d\dT\d\d:\d\dZ$/.test(text) ? Date.parse(text) : Number.NaN;
}

/** A moment as the address has it, to the minute: they are sampled no more often. */
export function addressed(moment: number): string {
  return `${new Date(moment).toISOString().slice(0, 16)}Z`;
}

/** What was drawn from here to there, as the address has it: whole minutes, with what was begun. */
export function zoomed({ from, to }: Part): { from: string; to: string } {
  const begin = Math.floor(from / MINUTE_MS) * MINUTE_MS;
  const end = Math.max(begin + MINUTE_MS, Math.ceil(to / MINUTE_MS) * MINUTE_MS);
  return { from: addressed(begin), to: addressed(end) };
}

export function partOf(asked: Asked, { sampled_at }: History, now: number): Part {
  const newest = sampled_at == null ? now : Date.parse(sampled_at);
  return chosenOf(asked) ?? { from: newest - RANGES[rangeOf(asked)], to: newest };
}

/** A figure in full precision, with its unit. */
export function exact(value: string, { unit, decimals, asset }: Pick<Series, "unit" | "decimals" | "asset">): string {
  switch (unit) {
    case "count":
      return grouped(value);
    case "bytes":
      return `${grouped(value)} B`;
    case "milliseconds":
      return `${grouped(value)} ms`;
    case "minor-units":
      return `${grouped(inUnits(BigInt(value), decimals ?? 0))} ${asset ?? ""}`.trimEnd();
  }
}

export interface Line {
  name: string;
  /** For each moment what it was, to be shown; null where it was not sampled, or not known. */
  texts: readonly (string | null)[];
  /** The same as plain decimal text, for other programs. */
  plain: readonly (string | null)[];
  /** The same as whole numbers, all lines with as many decimals as any of them has. */
  values: readonly (bigint | null)[];
}

export interface Points {
  /** In milliseconds since 1970, in order. Between samples with others missing between them there is a moment at which no line is. */
  moments: readonly number[];
  lines: readonly Line[];
  decimals: number;
  gaps: number;
}

/** The points of a part of the day, of one asset or of all. */
export function pointsIn(history: History, { from, to }: Part, asset?: string): Points {
  const chosen = history.series.filter((one) => asset === undefined || one.asset === asset);
  const decimals = Math.max(0, ...chosen.map((one) => one.decimals ?? 0));
  const found = chosen.map(({ points }) => {
    const inside = points.map(({ at, value }) => [Date.parse(at), value] as const).filter(([at]) => at >= from && at <= to);
    return new Map(inside);
  });
  const sampled = [...new Set(found.flatMap((one) => [...one.keys()]))].sort((a, b) => a - b);
  const breaks = sampled.flatMap((at, index) => {
    const next = sampled[index + 1];
    return next !== undefined && isGap(history, at, next) ? [(at + next) / 2] : [];
  });
  const moments = [...sampled, ...breaks].sort((a, b) => a - b);
  const lines = chosen.map((series, line) => {
    const texts = moments.map((at) => found[line]?.get(at));
    const scale = 10n ** BigInt(decimals - (series.decimals ?? 0));
    return {
      name: series.asset ?? "",
      texts: texts.map((value) => (value === undefined ? null : exact(value, series))),
      plain: texts.map((value) => (value === undefined ? null : inUnits(BigInt(value), series.decimals ?? 0))),
      values: texts.map((value) => (value === undefined ? null : BigInt(value) * scale)),
    };
  });
  return { moments, lines, decimals, gaps: breaks.length };
}

/** Whether a step of time between two points has none, as the node counts its steps: back from the minute of its newest sample. */
function isGap({ sampled_at, sampled_every_s, step_s }: History, at: number, next: number): boolean {
  const sample = (moment: number) => Math.floor(moment / (sampled_every_s * 1_000));
  const newest = sampled_at == null ? sample(next) : sample(Date.parse(sampled_at));
  const step = (moment: number) => Math.floor((newest - sample(moment)) / (step_s / sampled_every_s));
  return step(at) - step(next) > 1;
}

/** The round values of the axis, between which all lines are, and how each is shown. */
export function axisOf({ lines, decimals }: Points, unit: Series["unit"], wanted: number) {
  const all = lines.flatMap(({ values }) => values.filter((value) => value !== null));
  const [low, high] = all.reduce(
    ([low, high], value) => [value < low ? value : low, value > high ? value : high],
    [all[0] ?? 0n, all[0] ?? 0n],
  );
  const { at, step } = ticks(low, high, wanted);
  const left = unused(step, decimals);
  const text = (value: bigint) =>
    unit === "minor-units"
      ? grouped(inUnits(value / 10n ** BigInt(left), decimals - left))
      : exact(String(value), { unit, decimals: null, asset: null });
  return { at, labels: at.map(text) };
}

/** A moment to the minute; with its day, where a part of the day has two. */
export function clock({ from, to }: Part): (moment: number) => string {
  const isOneDay = utc(from).slice(0, 10) === utc(to).slice(0, 10);
  return (moment) => utc(moment).slice(isOneDay ? 11 : 5, 16);
}

/** What a line was, in a sentence, for those who do not see it. */
export function told({ moments }: Points, { name, texts, values }: Line, part: Part): string {
  const known = values.flatMap((value, at) => (value === null ? [] : [{ value, text: texts[at] ?? "", at: moments[at] ?? 0 }]));
  const [first, last] = [known[0], known.at(-1)];
  const head = name === "" ? "" : `${name}: `;
  if (first === undefined || last === undefined) return capital(`${head}no sample.`);
  const lowest = known.reduce((least, one) => (one.value < least.value ? one : least), first);
  const highest = known.reduce((most, one) => (one.value > most.value ? one : most), first);
  const time = clock(part);
  const said = ({ text, at }: typeof first) => `${text} at ${time(at)}`;
  return capital(`${head}first ${said(first)}, last ${said(last)}, lowest ${said(lowest)}, highest ${said(highest)}.`);
}

/** What there is of a part of the day, and since when the node has any. */
export function extent({ node, kept_since, step_s }: History, { moments, gaps }: Points, part: Part): string {
  const time = clock(part);
  const [samples, minutes] = [moments.length - gaps, step_s / 60];
  const every = minutes === 1 ? "one a minute" : `one every ${String(minutes)} minutes`;
  const absent = gaps === 0 ? "" : `, with ${String(gaps)} ${gaps === 1 ? "gap" : "gaps"} where it has none`;
  const since = kept_since == null ? "It has no sample yet." : `It has samples since ${utc(Date.parse(kept_since))}.`;
  return `${time(part.from)} to ${time(part.to)} UTC: ${String(samples)} samples of node ${String(node)}, ${every}${absent}. ${since}`;
}

/** The points as a table that other programs take: columns apart by tabs, the oldest first. */
export function copied({ moments, lines }: Points): string {
  const head = ["time", ...lines.map(({ name }) => (name === "" ? "value" : name))];
  const rows = moments.flatMap((at, index) => {
    const cells = lines.map(({ plain }) => plain[index] ?? "");
    return cells.every((cell) => cell === "") ? [] : [[new Date(at).toISOString(), ...cells]];
  });
  return [head, ...rows].map((cells) => cells.join("\t")).join("\n");
}
