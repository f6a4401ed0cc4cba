import { describe, expect, it } from "vitest";
import { type FlagRule, ruleOf, wordsOf } from "./flag-rule";

const PRESENT: FlagRule = {
  on: true,
  permille: 70,
  allowed: ["user 7"],
  networks: ["tron"],
  expires_at: "2026-12-01T00:00:00Z",
};
const ON: FlagRule = { on: true, permille: 1_000, allowed: [], networks: [], expires_at: null };

describe("a line of a flag's history", () => {
  // Goal: a version is made again exactly, or not at all. Method: each form that the node writes such a line in.
  it.each([
    ["off", { ...PRESENT, on: false }],
    ["on for all", ON],
    ["on for 12.5%", { ...ON, permille: 125 }],
    ["on for 0.3%, on bitcoin, tron", { ...ON, permille: 3, networks: ["bitcoin", "tron"] }],
    ["on for all, until 2027-01-01T00:00:00Z", { ...ON, expires_at: "2027-01-01T00:00:00Z" }],
    ["on for all, on bsc, until 2027-01-01T00:00:00Z", { ...ON, networks: ["bsc"], expires_at: "2027-01-01T00:00:00Z" }],
  ])("%s", (summary, rule) => {
    expect(ruleOf(summary, PRESENT)).toEqual(rule);
  });

  // Goal: what the line does not tell is not guessed. Method: lines that count subjects, and lines that nobody writes.
  it.each([
    ["on for 3 subjects", "not which"],
    ["on for 12.5% and 3 subjects, on tron", "not which"],
    ["on for all, on moon", "not known"],
    ["on for some", "cannot be read"],
    ["", "cannot be read"],
  ])("%s is not made again", (summary, why) => {
    expect(ruleOf(summary, PRESENT)).toContain(why);
  });

  // Goal: every part of a rule is told, so that a diff shows it. Method: each part changed by itself.
  it("has words for every part", () => {
    const others: Partial<FlagRule>[] = [
      { on: false },
      { permille: 71 },
      { allowed: [] },
      { networks: [] },
      { expires_at: null },
    ];
    const told = [PRESENT, ...others.map((other) => ({ ...PRESENT, ...other }))].map((rule) => wordsOf(rule, "x").join());
    expect(new Set(told).size).toBe(others.length + 1);
  });
});
