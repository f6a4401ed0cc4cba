/** The rule of a flag in words, and read back from the words of its history. */
import { NETWORKS } from "../kit/filters";

export interface FlagRule {
  on: boolean;
  permille: number;
  allowed: readonly string[];
  networks: readonly string[];
  expires_at: string | null;
}

export const PERMILLE = 1_000;

/** What a rule says, line by line, for a diff. */
export function wordsOf(rule: FlagRule, description: string): string[] {
  return [
    rule.on ? "on" : "off",
    `for ${String(rule.permille)} of a thousand subjects`,
    ...rule.allowed.map((subject) => `and for ${subject}`),
    rule.networks.length === 0 ? "on every network" : `on ${rule.networks.join(", ")}`,
    rule.expires_at === null ? "until it is changed" : `until ${rule.expires_at}`,
    `described as: ${description}`,
  ];
}

/**
 * The rule that a line of the history tells, beside what it keeps of the present one; or why it cannot be had from that line. A line that
 * says `off` tells nothing else, and one that names no subjects tells only how many they were.
 */
export function ruleOf(summary: string, present: FlagRule): FlagRule | string {
  if (summary === "off") return { ...present, on: false };
  const found = /^on for (all|(\d{1,3})\.(\d)%)(?: and \d+ subjects)?(?:, on ([a-z, ]+?))?(?:, until (\S+))?$/.exec(summary);
  if (/^on for (.* and )?\d+ subjects/.test(summary)) return "Its history tells how many subjects it named, and not which.";
  if (found === null) return "This line of its history cannot be read here.";
  const [, whom, whole = "0", tenth = "0", networks = "", until] = found;
  const names = networks === "" ? [] : networks.split(", ");
  if (!names.every((name) => NETWORKS.some((known) => known === name))) return "It names a network that is not known here.";
  return {
    on: true,
    permille: whom === "all" ? PERMILLE : Number(whole) * 10 + Number(tenth),
    allowed: [],
    networks: names,
    expires_at: until ?? null,
  };
}
