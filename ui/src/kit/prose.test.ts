import TEXTS from "virtual:codes";
import { describe, expect, it } from "vitest";
import { blocksOf, partsOf } from "./prose";

describe("the text of an explanation", () => {
  // Goal: it is told in the blocks that it is written in. Method: one of each, with lines that are broken and an empty line between steps.
  it("is read into blocks", () => {
    const text =
      "# A title\n\nOne line\nand its rest.\n\n- a point\n  of two lines\n- another\n\n1. first\n\n2. then\n   more\nAfter it.\n";
    expect(blocksOf(text)).toEqual([
      { kind: "heading", lines: ["A title"] },
      { kind: "text", lines: ["One line and its rest."] },
      { kind: "points", lines: ["a point of two lines", "another"] },
      { kind: "steps", lines: ["first", "then more"] },
      { kind: "text", lines: ["After it."] },
    ]);
    expect(partsOf("say `this` **now**")).toEqual(["say ", "this", " now"]);
  });

  // Goal: nothing of what is written is lost, and nothing is written that this does not read. Method: the words of every text that there is.
  it("is whole, for every code", () => {
    const words = (text: string) => text.match(/[A-Za-z0-9]+/g) ?? [];
    expect(Object.keys(TEXTS).length).toBeGreaterThan(150);
    for (const [name, text] of Object.entries(TEXTS)) {
      const bare = text.replaceAll(/^\d+\. /gm, "");
      expect(
        words(
          blocksOf(text)
            .flatMap(({ lines }) => lines)
            .join(" "),
        ),
        name,
      ).toEqual(words(bare));
      expect(text, name).not.toMatch(/^ *(```|\||>)|\]\(/m);
    }
  });
});
