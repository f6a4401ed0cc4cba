/** What a page needs of a browser and jsdom has not: libraries that draw do it on a canvas, a system has a theme, a file is saved. */
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

vi.mock("uplot", () => ({
  default: class {
    destroy = () => undefined;
    setSize = () => undefined;
  },
}));

window.matchMedia = (media) =>
  ({
    media,
    matches: false,
    addEventListener: () => undefined,
    removeEventListener: () => undefined,
  }) as unknown as MediaQueryList;
URL.createObjectURL = () => "blob:of-a-test";
URL.revokeObjectURL = () => undefined;
