import { describe, expect, it } from "vitest";
import { type History, inUnits, pastOf, SERIES } from "./past";

const NOW = Date.parse("2026-11-29T12:00:30Z");
const point = (at: string, value: string) => ({ at: `2026-11-29T${at}:00Z`, value });

/** A history of one series, kept for a day or since a moment. */
function history(points: History["series"][number]["points"], day_before: ReturnType<typeof point> | null, sampled = "12:00") {
  const series = [
    {
      series: "workers_running",
      source: "state" as const,
      unit: "count" as const,
      asset: null,
      decimals: null,
      points,
      day_before,
    },
  ];
  const value = {
    node: 1,
    kept_since: null,
    sampled_at: `2026-11-29T${sampled}:00Z`,
    sampled_every_s: 60,
    step_s: 900,
    series,
  };
  return { data: { value, ageMs: 0, at: NOW }, error: null };
}
const told = (look: Parameters<typeof pastOf>[0]) => pastOf(look, "workers_running", NOW).change;

describe("the past of a figure", () => {
  const points = [point("09:30", "7"), point("11:00", "1000000000000000000009"), point("12:00", "1000000000000000000012")];

  // Goal: a difference is against a day before where that is known, exact however great, and otherwise says since when. Method: both.
  it("is told against a day before, or since it is kept", () => {
    expect(told(history(points, point("12:00", "1000000000000000000002")))).toBe("+10 against 24 h before");
    expect(told(history(points.slice(1), null))).toBe("+3 since 11:00 UTC");
    expect(told(history([point("11:00", "9"), point("12:00", "4")], null))).toBe("\u22125 since 11:00 UTC");
    expect(told(history(points, point("12:00", "1000000000000000000012")))).toBe("as much against 24 h before");
  });

  // Goal: what is old is told as old, and what is not there as not there. Method: a node that stopped sampling; one that has no sample; none.
  it("says what it is not", () => {
    expect(told(history(points.slice(1), null, "11:50"))).toBe("+3 since 11:00 UTC, as of 11:50 UTC");
    expect(told(history([], null))).toBe("nothing is kept of its last day yet");
    expect(told({ data: undefined, error: null })).toBe("its last day is being read");
  });

  // Goal: nothing is asked for that would not be answered. Method: the number of series that a node answers at once.
  it("asks for as many series as there may be", () => {
    expect(SERIES.length).toBeLessThanOrEqual(12);
    expect(new Set(SERIES).size).toBe(SERIES.length);
  });
});

// Goal: no digit of an amount is lost. Method: amounts around one unit, below nothing, and of an asset without decimals.
it.each([
  [1n, 8, "0.00000001"],
  [123_456_789n, 8, "1.23456789"],
  [-5n, 2, "-0.05"],
  [42n, 0, "42"],
  [10n ** 30n + 1n, 18, "1000000000000.000000000000000001"],
])("shows %d minor units of %d decimals", (minor, decimals, text) => {
  expect(inUnits(minor, decimals)).toBe(text);
});
