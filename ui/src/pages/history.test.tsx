import { act, fireEvent, waitFor } from "@testing-library/react";
import uPlot from "uplot";
import { afterEach, describe, expect, it, vi } from "vitest";
import { show } from "../testing/page";

interface Plot {
  options: uPlot.Options;
  data: (number | null)[][];
}
const { plots } = vi.hoisted(() => ({ plots: [] as Plot[] }));
vi.mock("uplot", () => ({
  default: class {
    constructor(options: uPlot.Options, data: (number | null)[][]) {
      plots.push({ options, data });
    }
    destroy = () => undefined;
    setSize = () => undefined;
  },
}));
afterEach(() => {
  vi.unstubAllGlobals();
  plots.length = 0;
});

const START = Date.parse("2026-11-29T10:00:00Z");
const MINUTE_MS = 60_000;
const moment = (minute: number) => new Date(START + minute * MINUTE_MS).toISOString();
const series = (asset: string, decimals: number, points: readonly (readonly [number, string])[]) => ({
  series: "fees",
  source: "state",
  unit: "minor-units",
  asset,
  decimals,
  points: points.map(([minute, value]) => ({ at: moment(minute), value })),
  day_before: null,
});
const FEES = {
  node: 1,
  kept_since: moment(0),
  sampled_at: moment(5),
  sampled_every_s: 60,
  step_s: 60,
  series: [
    series("BTC", 8, [[0, "100000001"], [1, "100000002"], [4, "100000003"], [5, "100000004"]]), // prettier-ignore
    series("USDT", 6, [[0, "2000000"], [5, "9007199254740993000001"]]), // prettier-ignore
  ],
};
const page = (query: string) => show(`/history?series=fees${query}`, "full", { instead: { "/v1/history": () => FEES } });
const last = () => plots.at(-1);
const main = () => document.querySelector(".main");
const link = (text: string) => [...document.querySelectorAll(".main a")].find((one) => one.textContent === text);
const isCurrent = (text: string) => link(text)?.getAttribute("aria-current") === "page";
const cells = () =>
  [...document.querySelectorAll(".main tbody tr")].map((row) =>
    [...row.querySelectorAll("td")].map((cell) => cell.textContent),
  );

describe("a series", () => {
  // Goal: each asset is a line, with a gap where there is no sample, of the part of the day that the address says. Method: what the
  // library is given.
  it("is drawn", async () => {
    await page("&range=1h");
    await waitFor(() => expect(last()).toBeDefined());
    const [times, btc, usdt] = last()?.data ?? [];
    expect(times).toEqual([0, 1, 2.5, 4, 5].map((minute) => START / 1_000 + minute * 60));
    expect(btc).toEqual([100_000_001, 100_000_002, null, 100_000_003, 100_000_004]);
    expect(usdt?.map((value) => value === null)).toEqual([false, true, true, true, false]);
    expect(last()?.options.scales?.["x"]?.range).toEqual([START / 1_000 - 55 * 60, START / 1_000 + 300]);
    const picture = document.querySelector('.main [role="img"]');
    expect(picture?.getAttribute("aria-label")).toContain("BTC: first 1.00000001 BTC at 10:00, last 1.00000004 BTC at 10:05");
    expect(main()?.textContent).toContain("with 1 gap where it has none. It has samples since 2026-11-29 10:00:00 UTC.");
  });

  // Goal: under the cursor the exact figure is shown, or that there is none. Method: the cursor at a sample, and in a gap.
  it("shows what is under the cursor", async () => {
    await page("");
    await waitFor(() => expect(last()).toBeDefined());
    const legend = () => document.querySelector(".legend")?.textContent;
    expect(legend()).toBe("2026-11-29 10:05:00 UTC1.00000004 BTC9\u202f007\u202f199\u202f254\u202f740\u202f993.000001 USDT");
    const move = (idx: number | null) =>
      act(() => last()?.options.hooks?.setCursor?.[0]?.({ cursor: { idx } } as unknown as uPlot));
    move(1);
    expect(legend()).toBe("2026-11-29 10:01:00 UTC1.00000002 BTCUSDT no sample");
    move(2);
    expect(legend()).toContain("BTC no sampleUSDT no sample");
    move(null);
    expect(legend()).toContain("10:05:00");
  });

  // Goal: what was drawn over is in the address, and the whole day again after a double click. Method: what the library tells.
  it("is zoomed into the address and out of it", async () => {
    await page("&range=6h");
    await waitFor(() => expect(isCurrent("Last 6 h")).toBe(true));
    const select = { left: 0, width: 10 };
    const told = { select, posToVal: (left: number) => START / 1_000 + 70 + left * 12, setSelect: () => undefined };
    act(() => last()?.options.hooks?.setSelect?.[0]?.(told as unknown as uPlot));
    const field = (label: RegExp) =>
      [...document.querySelectorAll("label")].find((one) => label.test(one.textContent))?.control as
        HTMLInputElement | undefined;
    await waitFor(() => expect([field(/^From/)?.value, field(/^To/)?.value]).toEqual(["2026-11-29T10:01", "2026-11-29T10:04"]));
    await waitFor(() => expect(last()?.data[0]).toEqual([1, 2.5, 4].map((minute) => START / 1_000 + minute * 60)));
    expect(["Last hour", "Last 6 h", "Whole day"].filter(isCurrent)).toEqual([]);
    const whole = last()?.options.cursor?.bind?.dblclick?.({} as unknown as uPlot, document.body, () => null);
    act(() => void whole?.({} as MouseEvent));
    await waitFor(() => expect(isCurrent("Whole day")).toBe(true));
    expect(last()?.data[0]).toHaveLength(5);
  });
});

describe("the table", () => {
  // Goal: it has the points that are drawn, and no others, exact. Method: the same part of the day as a table, and of one asset.
  it("has the same points", async () => {
    await page("&view=table");
    expect(cells()).toEqual([
      ["2026-11-29 10:05:00 UTC", "1.00000004 BTC", "9\u202f007\u202f199\u202f254\u202f740\u202f993.000001 USDT"],
      ["2026-11-29 10:04:00 UTC", "1.00000003 BTC", "unknown"],
      ["2026-11-29 10:01:00 UTC", "1.00000002 BTC", "unknown"],
      ["2026-11-29 10:00:00 UTC", "1.00000001 BTC", "2.000000 USDT"],
    ]);
    expect(plots).toEqual([]);
    expect(["Chart", "Table"].filter(isCurrent)).toEqual(["Table"]);
    await page("&view=table&asset=USDT&from=2026-11-29T10:00Z&to=2026-11-29T10:03Z");
    expect(cells()).toEqual([["2026-11-29 10:00:00 UTC", "2.000000 USDT"]]);
  });

  // Goal: it can be taken elsewhere. Method: the button, with a browser that lets the page copy.
  it("is copied", async () => {
    const writeText = vi.fn(() => Promise.resolve());
    vi.stubGlobal("navigator", Object.assign(Object.create(navigator) as Navigator, { clipboard: { writeText } }));
    await page("&view=table&asset=USDT");
    const button = [...document.querySelectorAll(".main button")].find((one) => one.textContent.includes("Copy"));
    if (button !== undefined) fireEvent.click(button);
    const rows = ["time\tUSDT", `${moment(0)}\t2.000000`, `${moment(5)}\t9007199254740993.000001`];
    await waitFor(() => expect(writeText).toHaveBeenCalledWith(rows.join("\n")));
  });
});

describe("a tile of Overview", () => {
  // Goal: its line leads to the whole of it, and the tile where it led before. Method: the links of a tile that has a past, and of one
  // that has none.
  it("leads to its history", async () => {
    const kept = { ...FEES, series: FEES.series.slice(0, 1) };
    await show("/", "full", { instead: { "/v1/history": () => kept } });
    const tile = (title: string) => [...document.querySelectorAll(".tile")].find((one) => one.textContent.startsWith(title));
    const links = (title: string) => [...(tile(title)?.querySelectorAll("a") ?? [])].map((one) => one.getAttribute("href"));
    await waitFor(() => expect(links("Fees earned")).toEqual(["/ui/ledger", "/ui/history?series=fees"]));
    expect(links("Signer of this node")).toEqual(["/ui/cluster"]);
  });
});
