/** What the figures of Overview were in the last day, as the node kept them; where it keeps less, since when. */
import { type AnswerOf, type Look, useLook } from "../api/look";
import { grouped, utc } from "../kit/text";
import type { SeriesName as Any } from "./series";

export type History = AnswerOf<"/v1/history">;

/** As many as are answered at once. */
export const SERIES = [
  "entries_applied",
  "voters_heard",
  "workers_running",
  "jobs_done_per_minute",
  "jobs_waiting",
  "markets_trading",
  "smallest_address_pool",
  "fees",
  "withdrawals_open",
  "withdrawals_for_people",
  "admin_sign_ins_failed",
  "admins_locked",
] as const satisfies readonly Any[];
export type SeriesName = (typeof SERIES)[number];

/** They are sampled once a minute, in milliseconds. */
export const EVERY_MS = 60_000;
/** After so many samples that are not there the newest is told to be old. */
const SAMPLES_LATE = 3;

export function useHistory(): Look<"/v1/history"> {
  return useLook("/v1/history", { query: { series: SERIES.join(",") } }, { every: EVERY_MS });
}

/** What a figure was, for its tile. */
export interface Past {
  /** For drawing alone. */
  past?: readonly number[];
  /** Its name, where there is a past of it. */
  series?: SeriesName;
  /** How it differs from a day before, or from the oldest that is kept, in words. */
  change: string;
}

const time = (at: string) => utc(Date.parse(at)).slice(11, 16);

/** What is behind a difference: `against 24 h before`, or since when; and as of when, where that is not now. */
export function spanOf(history: History, line: History["series"][number], now: number): string {
  const [oldest] = line.points;
  const since =
    line.day_before != null ? "against 24 h before" : `since ${oldest === undefined ? "now" : `${time(oldest.at)} UTC`}`;
  const late = SAMPLES_LATE * history.sampled_every_s * 1_000;
  const isLate = history.sampled_at != null && now - Date.parse(history.sampled_at) > late;
  return isLate ? `${since}, as of ${time(history.sampled_at ?? "")} UTC` : since;
}

/** By how much the newest of a series differs from a day before, or from the oldest; nothing where nothing is kept. */
export function difference({ points, day_before }: History["series"][number]): bigint | null {
  const [newest, base] = [points.at(-1), day_before ?? points[0]];
  return newest === undefined || base === undefined ? null : BigInt(newest.value) - BigInt(base.value);
}

/** The past of a figure that counts things. */
export function pastOf({ data, error }: Pick<Look<"/v1/history">, "data" | "error">, name: SeriesName, now: number): Past {
  if (data === undefined)
    return {
      change: error === null ? "its last day is being read" : `its last day could not be read: ${error.message} ${error.code}`,
    };
  const line = data.value.series.find(({ series }) => series === name);
  const by = line === undefined ? null : difference(line);
  if (line === undefined || by === null) return { change: "nothing is kept of its last day yet" };
  const sign = by > 0n ? "+" : "";
  const change = by === 0n ? "as much" : `${sign}${grouped(String(by))}`;
  return {
    series: name,
    past: line.points.map(({ value }) => Number(value)),
    change: `${change} ${spanOf(data.value, line, now)}`,
  };
}

/** Minor units as decimal text of units. */
export function inUnits(minor: bigint, decimals: number): string {
  const digits = (minor < 0n ? -minor : minor).toString().padStart(decimals + 1, "0");
  const whole = digits.slice(0, digits.length - decimals);
  const rest = digits.slice(digits.length - decimals);
  return `${minor < 0n ? "-" : ""}${whole}${rest === "" ? "" : `.${rest}`}`;
}
