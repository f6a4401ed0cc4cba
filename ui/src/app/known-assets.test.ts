import { describe, expect, it } from "vitest";
import { contradiction, isKnown, type KnownAsset, learned } from "./known-assets";

const KNOWN: readonly KnownAsset[] = [
  { number: 1, code: "BTC", decimals: { bitcoin: 8 } },
  { number: 2, code: "USDT", decimals: { tron: 6, bsc: 18 } },
];
const PAID = { asset_number: 2, asset: "USDT", network: "tron", on_chain: "1500000", receives: "1.500000" };

describe("what this browser knows of assets", () => {
  it("fits what is true", () => {
    expect(contradiction(KNOWN, PAID)).toBeNull();
    expect(contradiction(KNOWN, { ...PAID, network: "bsc", on_chain: "1500000000000000000" })).toBeNull();
    expect(contradiction([], PAID)).toBeNull();
    expect(contradiction(KNOWN, { ...PAID, on_chain: "0", receives: "0.000000" })).toBeNull();
    expect(contradiction(KNOWN, { ...PAID, on_chain: "340282366920938463463", receives: "340282366920938.463463" })).toBeNull();
  });

  // Goal: a node cannot have one asset approved under the name of another, nor another amount. Method: each of its words is another one.
  it.each([
    ["the number of another asset", { asset_number: 1 }, "knows asset 1 as BTC"],
    ["a number that nobody knows", { asset_number: 9 }, "knows USDT as asset 2"],
    ["another ticker", { asset: "JUNK" }, "knows asset 2 as USDT"],
    ["a thousand times the amount", { on_chain: "1500000000" }, "with 6 decimals"],
    ["less than is shown", { receives: "15.000000" }, "with 6 decimals"],
    ["other digits", { on_chain: "1600000" }, "whatever their decimals"],
    ["no amount", { receives: "much" }, "whatever their decimals"],
    ["no number", { on_chain: "1e6" }, "whatever their decimals"],
  ])("tells of %s", (_, other, told) => {
    expect(contradiction(KNOWN, { ...PAID, ...other })).toContain(told);
  });

  // Goal: what was approved once is known, and a lie is not learned. Method: a new asset, then another name for it.
  it("learns from what was approved", () => {
    const paid = { asset_number: 7, asset: "NEW", network: "polygon", on_chain: "2500", receives: "2.50" };
    expect(isKnown(KNOWN, paid)).toBe(false);
    const after = learned(KNOWN, paid);
    expect(isKnown(after, paid)).toBe(true);
    expect(contradiction(after, { ...paid, asset: "OLD" })).toContain("knows asset 7 as NEW");
    expect(contradiction(after, { ...paid, on_chain: "25000" })).toContain("with 3 decimals");
    expect(learned(after, { ...paid, asset: "OLD" })).toBe(after);
    expect(isKnown(after, { ...PAID, network: "ethereum" })).toBe(false);
  });
});
