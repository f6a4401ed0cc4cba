/** What a page needs of a browser and jsdom has not: the library that draws candles draws on a canvas, and a file is saved. */
import { vi } from "vitest";

vi.mock("lightweight-charts", () => {
  const scale = { applyOptions: () => undefined, fitContent: () => undefined };
  return {
    CandlestickSeries: {},
    HistogramSeries: {},
    createChart: () => ({
      addSeries: () => ({ setData: () => undefined }),
      priceScale: () => scale,
      timeScale: () => scale,
      remove: () => undefined,
    }),
  };
});

URL.createObjectURL = () => "blob:of-a-test";
URL.revokeObjectURL = () => undefined;
