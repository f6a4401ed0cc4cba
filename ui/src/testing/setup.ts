/** What a page needs of a browser and jsdom has not: libraries that draw do it on a canvas, a system has a theme, a file is saved. */
import { cleanup } from "@testing-library/react";
import { afterAll, vi } from "vitest";

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

/** React puts what it still has to do off to the next turns of the loop, and wants a window there. */
const LAST_TURNS = 10;

// The window goes with the file's last test, so what is drawn goes before it, and what was put off is done before it.
afterAll(async () => {
  cleanup();
  for (let turn = 0; turn < LAST_TURNS; turn += 1) await new Promise((done) => setTimeout(done));
});
