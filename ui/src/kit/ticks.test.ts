import { describe, expect, it } from "vitest";
import { ticks, unused } from "./ticks";

const WANTED = 6;

describe("the labels of an axis", () => {
  // Goal: they are round, equally far apart, about as many as are wanted, and all values are between them. Method: spans of every
  // magnitude, around nothing and far from it, where a float has no digits left.
  it("are round and hold what is drawn", () => {
    for (const low of [0n, -7n, 3n, 10n ** 25n + 1n, -(10n ** 30n)])
      for (let width = 0n; width < 10n ** 20n; width = width * 3n + 1n) {
        const high = low + width;
        const { at, step } = ticks(low, high, WANTED);
        expect(String(step)).toMatch(/^[125]0*$/);
        expect(at.every((one, index) => one % step === 0n && (index === 0 || one - (at[index - 1] ?? 0n) === step))).toBe(true);
        expect((at[0] ?? high) <= low && (at.at(-1) ?? low) >= high).toBe(true);
        expect((at[1] ?? high) > low).toBe(true);
        expect(at.length).toBeGreaterThanOrEqual(2);
        expect(at.length).toBeLessThanOrEqual(WANTED + 2);
      }
  });

  // Goal: an amount's label has the digits that the axis needs and no others. Method: steps around one unit of eight decimals.
  it.each([
    [1n, 0],
    [500n, 2],
    [100_000_000n, 8],
    [20_000_000_000n, 8],
  ])("a step of %d", (step, count) => {
    expect(unused(step, 8)).toBe(count);
  });
});
