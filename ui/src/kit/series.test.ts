import { renderHook } from "@testing-library/react";
import { describe, expect, it } from "vitest";
import { type Reading, READINGS_MAX, useSeries } from "./series";

function series(first: { of: string; latest: Reading<number> | undefined }) {
  const { result, rerender } = renderHook(({ of, latest }: typeof first) => useSeries(of, latest), { initialProps: first });
  return { of: rerender, values: () => result.current.map(({ value }) => value) };
}

describe("a series", () => {
  // Goal: each reading is in it once, oldest first. Method: one that is read twice, and one that comes late.
  it("has each reading once", () => {
    const { of, values } = series({ of: "a", latest: undefined });
    expect(values()).toEqual([]);
    for (const at of [10, 20, 20, 15]) of({ of: "a", latest: { at, value: at } });
    expect(values()).toEqual([10, 20]);
  });

  // Goal: what one thing did is never told of another. Method: the same page goes on to another worker, whose reports are older.
  it("begins anew with another thing", () => {
    const { of, values } = series({ of: "a", latest: { at: 10, value: 1 } });
    of({ of: "b", latest: undefined });
    expect(values()).toEqual([]);
    of({ of: "b", latest: { at: 5, value: 2 } });
    expect(values()).toEqual([2]);
  });

  // Goal: a page that is open for long holds no more than it says. Method: more readings than that.
  it("lets go of the oldest", () => {
    const { of, values } = series({ of: "a", latest: undefined });
    for (let at = 1; at <= READINGS_MAX + 2; at += 1) of({ of: "a", latest: { at, value: at } });
    expect(values()).toHaveLength(READINGS_MAX);
    expect(values()[0]).toBe(3);
  });
});
