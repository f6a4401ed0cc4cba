import { describe, expect, it } from "vitest";
import table from "../../../docs/operators/monitoring.md?raw";
import { axisOf, chosenOf, copied, exact, extent, partOf, pointsIn, rangeOf, told, zoomed } from "./history-points";
import type { History } from "./past";
import { pointsOf, seriesOf, TITLES } from "./series";

const at = (time: string) => `2026-11-29T${time}:00Z`;
const ms = (time: string) => Date.parse(at(time));
const DAY = { from: ms("00:00"), to: ms("23:59") };
type Series = History["series"][number];

function series(points: readonly (readonly [string, string])[], of: Partial<Series> = {}): Series {
  const all = points.map(([time, value]) => ({ at: at(time), value }));
  return {
    series: "any",
    source: "state",
    unit: "count",
    asset: null,
    decimals: null,
    points: all,
    day_before: null,
    ...of,
  };
}
const money = (asset: string, decimals: number, points: Parameters<typeof series>[0]) =>
  series(points, { unit: "minor-units", asset, decimals });

function history(all: readonly Series[], step_s = 60): History {
  const times = all.flatMap(({ points }) => points.map((one) => one.at)).sort();
  return {
    node: 1,
    kept_since: times[0] ?? null,
    sampled_at: times.at(-1) ?? null,
    sampled_every_s: 60,
    step_s,
    series: [...all],
  };
}

describe("a figure", () => {
  // Goal: every digit is shown, with what it counts. Method: figures that a float has no room for, of each unit.
  it.each([
    ["count", null, null, "9007199254740993", "9\u202f007\u202f199\u202f254\u202f740\u202f993"],
    ["bytes", null, null, "9007199254740993", "9\u202f007\u202f199\u202f254\u202f740\u202f993 B"],
    ["milliseconds", null, null, "-12", "\u221212 ms"],
    ["minor-units", 18, "ETH", "1234000000000000000001", "1\u202f234.000000000000000001 ETH"],
    ["minor-units", 0, "JPY", "5", "5 JPY"],
  ] as const)("%s with %s decimals of %s", (unit, decimals, asset, value, text) => {
    expect(exact(value, { unit, decimals, asset })).toBe(text);
  });

  // Goal: the axis shows numbers that are what they say, whatever is drawn. Method: amounts of different decimals on one axis, so close
  // together that floats are all alike.
  it("is labelled exactly", () => {
    const both = history([
      money("BTC", 8, [["10:00", "1000000000000000001"]]),
      money("ETH", 10, [["10:00", "100000000000000000103"]]),
    ]);
    const { at, labels } = axisOf(pointsIn(both, DAY), "minor-units", 4);
    expect(at[0]).toBe(100_000_000_000_000_000_100n);
    expect(labels).toEqual(["00", "01", "02", "03"].map((last) => `10\u202f000\u202f000\u202f000.00000001${last}`));
    const bytes = axisOf(pointsIn(history([series([["10:00", "2000000001"]], { unit: "bytes" })]), DAY), "bytes", 4);
    expect(bytes.labels).toEqual(["2\u202f000\u202f000\u202f001 B", "2\u202f000\u202f000\u202f002 B"]);
  });
});

describe("the points of a part of the day", () => {
  // Goal: between samples with others missing between them no line is drawn, and nowhere else. Method: a minute that is absent, samples
  // that are late within their minute, and an asset that was not known in one of them.
  it("have gaps where there is no sample", () => {
    const late = { at: "2026-11-29T10:01:59Z", value: "2" };
    const one = series([
      ["10:00", "1"],
      ["10:03", "3"],
      ["10:05", "4"],
    ]);
    one.points.splice(1, 0, late, { at: at("10:02"), value: "7" });
    const { moments, lines, gaps } = pointsIn(history([one]), DAY);
    expect(lines[0]?.values).toEqual([1n, 2n, 7n, 3n, null, 4n]);
    expect(moments[4]).toBe((ms("10:03") + ms("10:05")) / 2);
    expect(gaps).toBe(1);
    const two = pointsIn(history([money("A", 0, [["10:00", "1"], ["10:01", "2"]]), money("B", 0, [["10:01", "5"]])]), DAY); // prettier-ignore
    expect(two.lines.map(({ values }) => values)).toEqual([
      [1n, 2n],
      [null, 5n],
    ]);
    expect(two.gaps).toBe(0);
  });

  // Goal: a longer step is no gap, and a step without a sample is one. Method: a point every two minutes, counted from the newest.
  it("are as far apart as the node's steps", () => {
    const points = (times: readonly string[]) =>
      pointsIn(history([series(times.map((time) => [time, "1"] as const))], 120), DAY).gaps;
    expect(points(["10:00", "10:02", "10:03", "10:06"])).toBe(0);
    expect(points(["10:00", "10:04", "10:06"])).toBe(1);
  });

  // Goal: what is copied is what is drawn, as plain numbers. Method: two assets, one of which begins later, with a gap.
  it("are copied as they are", () => {
    const both = history([
      money("BTC", 2, [["10:00", "123456"], ["10:01", "-5"]]), // prettier-ignore
      money("USDT", 0, [["10:01", "7"], ["10:09", "8"]]), // prettier-ignore
    ]);
    expect(copied(pointsIn(both, DAY))).toBe(
      [
        "time\tBTC\tUSDT",
        "2026-11-29T10:00:00.000Z\t1234.56\t",
        "2026-11-29T10:01:00.000Z\t-0.05\t7",
        "2026-11-29T10:09:00.000Z\t\t8",
      ].join("\n"),
    );
    expect(copied(pointsIn(both, { from: ms("10:02"), to: ms("11:00") }, "USDT"))).toBe(
      "time\tUSDT\n2026-11-29T10:09:00.000Z\t8",
    );
  });
});

describe("a part of the day", () => {
  const some = history([series([["12:00", "1"]])]);

  // Goal: an address means one part, whatever it holds. Method: names, moments, and what is neither.
  it("is what the address says", () => {
    const part = (asked: object) => partOf(asked, some, 0);
    expect(part({ range: "1h" })).toEqual({ from: ms("11:00"), to: ms("12:00") });
    expect(part({}).to - part({}).from).toBe(86_400_000);
    expect(part({ range: "6h", from: at("09:00").replace(":00Z", "Z"), to: "2026-11-29T09:30Z" })).toEqual({
      from: ms("09:00"),
      to: ms("09:30"),
    });
    for (const wrong of [
      { from: "2026-11-29T09:30Z" },
      { from: "2026-11-29T09:30Z", to: "2026-11-29T09:30Z" },
      { from: "x", to: "y" },
    ])
      expect(chosenOf(wrong)).toBeNull();
    expect(rangeOf({ range: "constructor" })).toBe("24h");
    expect(partOf({ range: "1h" }, history([]), 3_600_000)).toEqual({ from: 0, to: 3_600_000 });
  });

  // Goal: what was drawn over comes back out of the address, with all that was in it, and is never nothing. Method: there and back.
  it("goes into the address and comes back", () => {
    expect(zoomed({ from: ms("09:00") + 59_999, to: ms("09:30") + 1 })).toEqual({
      from: "2026-11-29T09:00Z",
      to: "2026-11-29T09:31Z",
    });
    expect(chosenOf(zoomed({ from: ms("09:00"), to: ms("09:00") }))).toEqual({ from: ms("09:00"), to: ms("09:01") });
  });
});

describe("what is told of a line", () => {
  const one = history([
    money("BTC", 1, [
      ["10:00", "30"],
      ["10:01", "-5"],
      ["10:02", "90071992547409931"],
      ["10:03", "90071992547409930"],
    ]),
  ]);

  // Goal: the sentence says first, last, lowest and highest, with their times, told apart however close they are. Method: such points.
  it("is first, last, lowest and highest", () => {
    const points = pointsIn(one, DAY);
    expect(points.lines.map((line) => told(points, line, DAY))).toEqual([
      "BTC: first 3.0 BTC at 10:00, last 9\u202f007\u202f199\u202f254\u202f740\u202f993.0 BTC at 10:03, lowest \u22120.5 BTC at 10:01, highest 9\u202f007\u202f199\u202f254\u202f740\u202f993.1 BTC at 10:02.",
    ]);
    const night = { from: DAY.from - 60_000, to: DAY.to };
    expect(told(points, { name: "", texts: ["1", null, null, null], plain: [], values: [1n, null, null, null] }, night)).toBe(
      "First 1 at 11-29 10:00, last 1 at 11-29 10:00, lowest 1 at 11-29 10:00, highest 1 at 11-29 10:00.",
    );
    expect(told(points, { name: "", texts: [], plain: [], values: [] }, DAY)).toBe("No sample.");
  });

  // Goal: it is told how many samples there are, what is missing, and since when the node has any. Method: with a gap, and without any.
  it("is what there is of it", () => {
    const gap = history([series([["10:00", "1"], ["10:05", "2"], ["10:06", "2"]])]); // prettier-ignore
    expect(extent(gap, pointsIn(gap, DAY), DAY)).toBe(
      "00:00 to 23:59 UTC: 3 samples of node 1, one a minute, with 1 gap where it has none. It has samples since 2026-11-29 10:00:00 UTC.",
    );
    const none = history([], 120);
    expect(extent(none, pointsIn(none, DAY), DAY)).toBe(
      "00:00 to 23:59 UTC: 0 samples of node 1, one every 2 minutes. It has no sample yet.",
    );
  });
});

describe("the series", () => {
  // Goal: every series that a node keeps can be chosen, and no other. Method: the operators' table of them.
  it("are those that a node keeps", () => {
    const kept = [...table.matchAll(/^\| `([a-z0-9_]+)` \| (?:node|state) \|/gm)].map(([, name]) => name);
    expect(Object.keys(TITLES).sort()).toEqual(kept.sort());
    expect(seriesOf("toString")).toBeUndefined();
  });

  // Goal: no node refuses to answer so many points. Method: what it answers at most, of as many assets as it keeps.
  it("are asked for as many points as are answered at once", () => {
    for (const name of Object.keys(TITLES) as (keyof typeof TITLES)[]) {
      const lines = name === "fees" || name === "traded_24h" ? 32 : 1;
      expect(lines * pointsOf(name)).toBeLessThanOrEqual(40_000);
    }
  });
});
