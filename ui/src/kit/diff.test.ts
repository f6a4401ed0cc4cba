import { describe, expect, it } from "vitest";
import { differing } from "./diff";

const lettersOf = (word: string) => Array.from(word);

/** A difference as one line. */
const told = (before: string, after: string) =>
  differing(lettersOf(before), lettersOf(after))
    .map((line) => (line.gone === undefined ? `+${String(line.new)}` : `-${line.gone}`))
    .join("");

describe("what differs", () => {
  // Goal: what goes and what comes is told, and nothing that stays. Method: lists of letters, moved, taken away, put in.
  it.each([
    ["abc", "abc", ""],
    ["", "ab", "+a+b"],
    ["ab", "", "-a-b"],
    ["abc", "axc", "-b+x"],
    ["abc", "bc", "-a"],
    ["abc", "abxc", "+x"],
    ["abc", "cab", "+c-c"],
  ])("%s -> %s", (before, after, lines) => {
    expect(told(before, after)).toBe(lines);
  });

  // Goal: what is told makes one list of the other. Method: many lists; the difference is carried out.
  it("makes the one of the other", () => {
    const lists = ["", "a", "ab", "ba", "aab", "abab", "bbaa", "cabbage", "babbage"];
    for (const before of lists)
      for (const after of lists) {
        const lines = differing(lettersOf(before), lettersOf(after));
        const gone = lines.flatMap((line) => line.gone ?? []);
        const come = lines.flatMap((line) => line.new ?? []);
        const stays = before.length - gone.length;
        expect(stays).toBe(after.length - come.length);
        expect(lettersOf(before).sort().join("")).toBe([...without(after, come), ...gone].sort().join(""));
      }
  });
});

/** A list without some of it. */
function without(all: string, some: string[]): string[] {
  const left = lettersOf(all);
  for (const one of some) left.splice(left.indexOf(one), 1);
  return left;
}
