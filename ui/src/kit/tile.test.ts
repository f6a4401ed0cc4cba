import { describe, expect, it } from "vitest";
import { lineInWords } from "./tile";

describe("a tile's line", () => {
  // Goal: whoever does not see it is told what it says. Method: samples whose lowest and highest are neither first nor last.
  it.each([
    [[3, 1, 12_345, 2], "Its line of 4 values: lowest 1, highest 12\u202f345, first 3, last 2."],
    [[0.1 + 0.2, -1.5], "Its line of 2 values: lowest −1.5, highest 0.3, first 0.3, last −1.5."],
  ])("%j", (samples, words) => {
    expect(lineInWords(samples)).toBe(words);
  });
});
