/**
 * A time range as it stands in an address: `?from=now-1h&to=now`, or moments in RFC 3339; `zone=local` shows it in the browser's time instead
 * of UTC, `refresh=5s` looks at what ends now again every five seconds. What is relative is relative to the moment of each read, so that a
 * link says the last hour of whoever follows it.
 */
export interface Range {
  from?: string | undefined;
  to?: string | undefined;
  zone?: "local" | undefined;
  /** How often a range that ends now is looked at again; only when somebody asks where nothing is said. */
  refresh?: keyof typeof REFRESH_MS | undefined;
}

/** How often what moves on with the clock can be looked at again, in milliseconds. */
export const REFRESH_MS = { "2s": 2_000, "5s": 5_000, "30s": 30_000 } as const;

const UNIT_MS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 };

/** The ranges that most look for, by what stands in the address. */
export const PRESETS: readonly (readonly [string, string])[] = [
  ["now-15m", "last 15 minutes"],
  ["now-1h", "last hour"],
  ["now-6h", "last 6 hours"],
  ["now-24h", "last 24 hours"],
  ["now-7d", "last 7 days"],
  ["now-30d", "last 30 days"],
];

/** A moment of an address in milliseconds since 1970; null where it is none. */
export function momentOf(text: string | undefined, now: number): number | null {
  if (text === undefined) return null;
  if (text === "now") return now;
  const [, count, unit] = /^now-(\d{1,4})([mhd])$/.exec(text) ?? [];
  if (count !== undefined && unit !== undefined) return now - Number(count) * (UNIT_MS[unit] ?? 0);
  const at = /^\d{4}-\d{2}-\d{2}T/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(at) ? null : at;
}

/** The range of an address; what it says that is no moment is left out. */
export function rangeOf(search: Record<string, unknown>): Range {
  const one = (name: string) => {
    const value = search[name];
    return typeof value === "string" && momentOf(value, 0) !== null ? value : undefined;
  };
  return {
    from: one("from"),
    to: one("to"),
    zone: search["zone"] === "local" ? "local" : undefined,
    refresh: refreshOf(search["refresh"]),
  };
}

export function refreshOf(text: unknown): Range["refresh"] {
  return typeof text === "string" && Object.hasOwn(REFRESH_MS, text) ? (text as Range["refresh"]) : undefined;
}

/** How often the range is looked at again by itself, in milliseconds: one that has ended never is. */
export function everyOf({ to, refresh }: Range): number | false {
  return to === "now" && refresh !== undefined ? REFRESH_MS[refresh] : false;
}

export const isWhole = ({ from, to }: Range): boolean => from === undefined && to === undefined;

/** From when until when, at this moment; without an end there is none. */
export function boundsOf({ from, to }: Range, now: number): { from: number; to: number } {
  // A range that ends now ends later than what is being written at this moment by a clock that is a little ahead.
  const end = to === "now" ? null : momentOf(to, now);
  return { from: momentOf(from, now) ?? -Infinity, to: end ?? Infinity };
}

const two = (part: number) => String(part).padStart(2, "0");

/** A moment as a field for moments takes it, in UTC or in the browser's time. */
export function toField(at: number, zone: Range["zone"]): string {
  if (zone === undefined) return new Date(at).toISOString().slice(0, 19);
  const of = new Date(at);
  const day = `${String(of.getFullYear())}-${two(of.getMonth() + 1)}-${two(of.getDate())}`;
  return `${day}T${two(of.getHours())}:${two(of.getMinutes())}:${two(of.getSeconds())}`;
}

/** What was put into such a field, as it stands in an address; nothing where it is no moment. */
export function ofField(text: string, zone: Range["zone"]): string | undefined {
  const at = Date.parse(zone === undefined ? `${text}Z` : text);
  return Number.isNaN(at) ? undefined : new Date(at).toISOString().replace(".000Z", "Z");
}

/** A moment to the second, with the time that it is told in. */
export function momentText(at: number, zone: Range["zone"]): string {
  return `${toField(at, zone).replace("T", " ")} ${zone === undefined ? "UTC" : "local"}`;
}
