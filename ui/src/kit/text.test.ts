import { describe, expect, it } from "vitest";
import { bytes, grouped, relative, shortened, span, utc, visible } from "./text";

describe("amounts", () => {
  // Goal: no digit of an amount is lost or changed. Method: amounts that no number could hold.
  it.each([
    ["123456789012345678901234567890.000000000000000001", "123 456 789 012 345 678 901 234 567 890.000000000000000001"],
    ["0.10", "0.10"],
    ["-1000", "−1 000"],
    ["999", "999"],
    ["1000000.5", "1 000 000.5"],
    ["not an amount", "not an amount"],
  ])("%s", (text, shown) => {
    expect(grouped(text).replaceAll("\u202f", " ")).toBe(shown);
  });
});

describe("spans and moments", () => {
  // Goal: a span is told by its two greatest units. Method: spans around each unit's border.
  it.each([
    [0, "0 ms"],
    [999, "999 ms"],
    [1_000, "1 s"],
    [59_999, "59 s"],
    [61_000, "1 min 1 s"],
    [3_600_000, "1 h"],
    [90_061_000, "1 d 1 h"],
  ])("%d", (ms, shown) => {
    expect(span(ms)).toBe(shown);
  });

  it("tells what is past from what is to come", () => {
    expect(relative(0, 5_000)).toBe("5 s ago");
    expect(relative(5_000, 0)).toBe("in 5 s");
    expect(utc(Date.UTC(2026, 10, 29, 1, 2, 3))).toBe("2026-11-29 01:02:03 UTC");
  });
});

describe("texts of others", () => {
  // Goal: a text cannot hide or turn what stands beside it. Method: characters that do.
  it("shows what would be obeyed", () => {
    expect(visible("a\u202eb")).toBe("a\\u{202E}b");
    expect(visible("x\u0000\u001b[31m")).toBe("x\\u{0000}\\u{001B}[31m");
    expect(visible("a\u061cb\u{e0041}c\u00add\u2028e")).toBe("a\\u{061C}b\\u{E0041}c\\u{00AD}d\\u{2028}e");
    expect(visible("U\u200bSDT")).toBe("U\\u{200B}SDT");
    expect(visible("<img src=x onerror=alert(1)>")).toBe("<img src=x onerror=alert(1)>");
    expect(visible("lines\nand\ttabs, ünïcödé 漢字")).toBe("lines\nand\ttabs, ünïcödé 漢字");
  });

  it("leaves out the middle of an id and nothing else", () => {
    expect(shortened("0123456789abcdef0")).toBe("0123456789abcdef0");
    expect(shortened("0123456789abcdef01")).toBe("01234567…abcdef01");
    expect(bytes(1_536)).toBe("1.50 KiB");
  });
});
