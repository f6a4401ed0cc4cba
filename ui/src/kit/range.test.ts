import { describe, expect, it } from "vitest";
import { boundsOf, everyOf, momentOf, momentText, ofField, rangeOf, toField } from "./range";

const NOW = Date.UTC(2026, 10, 29, 12, 0, 0);

describe("a time range in an address", () => {
  it.each([
    ["now", NOW],
    ["now-15m", NOW - 900_000],
    ["now-7d", NOW - 604_800_000],
    ["2026-11-29T11:00:00Z", NOW - 3_600_000],
    ["2026-11-29T13:00:00+02:00", NOW - 3_600_000],
    ["now-1y", null],
    ["now+1h", null],
    ["yesterday", null],
    ["7", null],
    ["", null],
  ])("%s", (text, at) => {
    expect(momentOf(text, NOW)).toBe(at);
  });

  // Goal: what an address says that is no moment changes nothing, and is not taken for one. Method: an address made by hand.
  it("leaves out what is no moment", () => {
    expect(rangeOf({ from: "now-1h", to: 7, zone: "mars" })).toEqual({ from: "now-1h", to: undefined, zone: undefined });
  });

  // Goal: what moves on is looked at again as often as the address says, and what has ended or names no such pace is not. Method: each.
  it("is looked at again where it moves on", () => {
    const every = (search: Record<string, unknown>) => everyOf(rangeOf({ from: "now-1h", ...search }));
    expect(every({ to: "now", refresh: "5s" })).toBe(5_000);
    expect(every({ to: "now", refresh: "1ms" })).toBe(false);
    expect(every({ to: "now", refresh: "toString" })).toBe(false);
    expect(every({ to: "now" })).toBe(false);
    expect(every({ to: "2026-11-29T11:00:00Z", refresh: "2s" })).toBe(false);
  });

  // Goal: what is written at this moment is of the last hour, and without a beginning nothing is too old. Method: both kinds of end.
  it("has no end where it ends now", () => {
    expect(boundsOf({ from: "now-1h", to: "now" }, NOW)).toEqual({ from: NOW - 3_600_000, to: Infinity });
    expect(boundsOf({ to: "2026-11-29T11:00:00Z" }, NOW)).toEqual({ from: -Infinity, to: NOW - 3_600_000 });
  });

  // Goal: a moment goes into its field and comes back as it was, in either time. Method: there and back.
  it.each([undefined, "local"] as const)("goes into a field and comes back (%s)", (zone) => {
    expect(ofField(toField(NOW, zone), zone)).toBe("2026-11-29T12:00:00Z");
  });

  it("says in which time a moment is told", () => {
    expect(momentText(NOW, undefined)).toBe("2026-11-29 12:00:00 UTC");
    expect(momentText(NOW, "local")).toMatch(/ local$/);
  });

  it("takes nothing of an empty field", () => {
    expect(ofField("", undefined)).toBeUndefined();
  });
});
