import { describe, expect, it } from "vitest";
import { changeOf, decimal, hundredths, summed } from "./day";

const HOUR_MS = 3_600_000;
const NOW = 1_000 * HOUR_MS + 5;

describe("what was traded", () => {
  // Goal: no digit of a sum is lost. Method: amounts that no number holds.
  it("is summed in whole hundredths", () => {
    expect(decimal(hundredths("90071992547409930.19") + hundredths("0.029"))).toBe("90071992547409930.21");
    expect(decimal(hundredths("7"))).toBe("7.00");
    expect(decimal(hundredths("0.05"))).toBe("0.05");
  });

  // Goal: each hour counts in its day, and what is older in none. Method: hours at the borders, of two markets.
  it("belongs to the last 24 hours or to those before", () => {
    const hour = (ago: number, paid: bigint) => [(1_000 - ago) * HOUR_MS, paid] as const;
    const day = summed(
      [
        [hour(0, 5n), hour(23, 7n), hour(24, 10n)],
        [hour(0, 1n), hour(47, 20n), hour(48, 400n)],
      ],
      NOW,
    );
    expect([day.last, day.before]).toEqual([13n, 30n]);
    expect(day.hours).toHaveLength(24);
    expect([day.hours[0], day.hours[23]]).toEqual([7, 6]);
    expect(changeOf(day)).toBe("\u221256.6 % against the 24 h before");
    expect(changeOf({ last: 3n, before: 2n, hours: [] })).toBe("+50.0 % against the 24 h before");
    expect(changeOf({ last: 1n, before: 0n, hours: [] })).toBe("nothing in the 24 h before");
  });
});
