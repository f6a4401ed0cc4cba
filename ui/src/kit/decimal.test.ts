import { describe, expect, it } from "vitest";
import { plus } from "./decimal";

describe("a sum of amounts", () => {
  // Goal: no digit is lost, whatever the size and the digits behind the point. Method: sums that a floating-point number has not.
  it.each([
    ["0.1", "0.2", "0.3"],
    ["1", "2", "3"],
    ["0.5", "0.5", "1.0"],
    ["12", "0.000000000000000001", "12.000000000000000001"],
    ["9007199254740993", "0.25", "9007199254740993.25"],
    ["0.00", "0", "0.00"],
    ["0.04", "0.05", "0.09"],
  ])("%s and %s are %s", (one, other, sum) => {
    expect(plus(one, other)).toBe(sum);
    expect(plus(other, one)).toBe(sum);
  });
});
