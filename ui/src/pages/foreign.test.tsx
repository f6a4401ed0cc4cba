import { afterEach, describe, expect, it, vi } from "vitest";
import PLACES from "../../tests/places.json";
import { EVIL } from "../testing/fake-node";
import FURTHER from "../../tests/further.json";
import { show } from "../testing/page";

const ALL = [...(PLACES as [string, string][]), ...(FURTHER as [string, string][])].map(([place]) => ({ place }));
/** Characters that turn, hide or ring. */
const OBEYED = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/;

afterEach(() => vi.unstubAllGlobals());

describe.each(ALL)("$place", ({ place }) => {
  // Goal: nothing that others wrote is obeyed, wherever it stands: no markup, no attribute, no character. Method: a node whose every
  // free text is the worst of them; what is drawn is looked through, element by element.
  it("shows as text what others wrote", async () => {
    const title = "run";
    await show(place, "evil");
    const all = [...document.body.querySelectorAll("*")];
    expect(all.filter((one) => ["IMG", "SCRIPT", "IFRAME", "OBJECT", "EMBED"].includes(one.tagName))).toEqual([]);
    const attributes = all.flatMap((one) => [...one.attributes].map(({ name, value }) => ({ one, name, value })));
    expect(attributes.filter(({ name }) => name.startsWith("on")).map(({ one }) => one.outerHTML)).toEqual([]);
    expect(attributes.filter(({ name, value }) => /^(href|src)$/.test(name) && /^\s*(javascript|data):/i.test(value))).toEqual(
      [],
    );
    const shown = attributes.filter(({ name }) => /^(title|placeholder|alt|aria-(label|description|valuetext))$/.test(name));
    expect(shown.filter(({ value }) => OBEYED.test(value)).map(({ one }) => one.outerHTML.slice(0, 300))).toEqual([]);
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const obeyed: string[] = [];
    for (let text = texts.nextNode(); text !== null; text = texts.nextNode())
      if (OBEYED.test(text.nodeValue ?? "")) obeyed.push(text.parentElement?.outerHTML.slice(0, 300) ?? "");
    expect(obeyed).toEqual([]);
    expect(document.title).not.toBe(title);
    expect(document.title).not.toMatch(OBEYED);
  });
});

// Goal: the test above looks at something. Method: the worst text is on a page, with what it would do as text.
it("has the worst of texts to show", async () => {
  await show("/users", "evil");
  expect(document.body.textContent).toContain(EVIL.slice(0, EVIL.indexOf("\u202e")));
  expect(document.body.textContent).toContain("\\u{202E}");
});
