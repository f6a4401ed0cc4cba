/** Numbers, spans and moments as text. Amounts are decimal text of the API and never become numbers. */

/** Thousands apart in the whole part; every digit stays. */
export function grouped(decimal: string): string {
  const match = /^([+-]?)(\d+)(\.\d+)?$/.exec(decimal);
  if (match === null) return decimal;
  const [, sign = "", whole = "", rest = ""] = match;
  return sign.replace("-", "−") + whole.replace(/\B(?=(\d{3})+$)/g, "\u202f") + rest;
}

const UNITS: readonly [string, number][] = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["min", 60_000],
  ["s", 1_000],
];

/** A span of milliseconds, to two units. */
export function span(ms: number): string {
  if (ms < 1_000) return `${String(Math.max(0, Math.round(ms)))} ms`;
  const at = UNITS.findIndex(([, size]) => ms >= size);
  const [unit, size] = UNITS[at] ?? ["s", 1_000];
  const whole = Math.floor(ms / size);
  const next = UNITS[at + 1];
  const rest = next === undefined ? 0 : Math.floor((ms - whole * size) / next[1]);
  return `${String(whole)} ${unit}${rest > 0 && next !== undefined ? ` ${String(rest)} ${next[0]}` : ""}`;
}

/** How long ago, or ahead, a moment is. */
export function relative(at: number, now: number): string {
  const distance = now - at;
  if (Math.abs(distance) < 1_000) return "now";
  return distance > 0 ? `${span(distance)} ago` : `in ${span(-distance)}`;
}

/** A moment in UTC, to the second. */
export function utc(at: number): string {
  return new Date(at)
    .toISOString()
    .replace("T", " ")
    .replace(/\.\d+Z$/, " UTC");
}

const BYTES = ["B", "KiB", "MiB", "GiB", "TiB"];

/** Bytes to three digits. */
export function bytes(count: number): string {
  let at = 0;
  let left = count;
  while (left >= 1024 && at < BYTES.length - 1) {
    left /= 1024;
    at += 1;
  }
  return `${at === 0 ? String(left) : left.toPrecision(3)} ${BYTES[at] ?? ""}`;
}

/** The middle of a long id left out. */
export function shortened(id: string, chars = 16): string {
  if (id.length <= chars + 1) return id;
  const half = Math.floor(chars / 2);
  return `${id.slice(0, half)}…${id.slice(-half)}`;
}

/** What turns, hides or rings: control characters, marks of direction, what has no width, tags that nobody sees. */
const OBEYED =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]/gu;

/** Control characters made visible: what others wrote is shown and obeyed by nothing. */
export function visible(text: string): string {
  return text.replace(OBEYED, (char) => {
    const code = (char.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0");
    return `\\u{${code}}`;
  });
}

/** What is drawn, with its text made visible: for the places through which most of what others wrote comes. */
export function safe<T>(node: T): T | string {
  return typeof node === "string" ? visible(node) : node;
}

/** A word as it begins a head or a tab. */
export function capital(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}
