import { fireEvent, within } from "@testing-library/react";
import { afterEach, describe, expect, it, vi } from "vitest";
import PLACES from "../../tests/places.json";
import { fill, FRESH, noting, press } from "../testing/deeds";
import { json, show } from "../testing/page";
import { doneTo, wordsFor } from "./told";

afterEach(() => vi.unstubAllGlobals());

const ALL = (PLACES as [string, string][]).map(([place]) => ({ place }));
/** What their dialogs tell in words of their own. */
const OWN_WORDS = /^(Approve|Propose|Sign)/;

describe.each(ALL)("$place", ({ place }) => {
  // Goal: what was done is told in words, for every button of every page. Method: each control's label is looked up; one that is new wants a
  // line in `DONE` (told.tsx), or a `done` of its own.
  it("has words for what its buttons do", async () => {
    await show(place, "full");
    const labels = [...document.querySelectorAll<HTMLElement>("[data-change]")].map((one) => one.textContent);
    const unknown = labels.filter((label) => wordsFor(label) === null && !OWN_WORDS.test(label));
    expect([...new Set(unknown)]).toEqual([]);
  });
});

describe("what is told of a change", () => {
  it.each([
    ["Stop", "deposit/tron-1", "Stopped: deposit/tron-1."],
    ["Switch off deposits", "ethereum", "Switched off deposits: ethereum."],
    ["Pay out again", "ethereum", "Payouts go on: ethereum."],
    ["Frobnicate", "x", "Made: Frobnicate: x."],
  ])("%s", (label, subject, words) => {
    expect(doneTo(label, subject)).toBe(words);
  });

  // Goal: it leads to its record in the audit, for those who may read that. Method: a worker is stopped by an answer with an entry's number.
  it.each([
    [true, ["/ui/audit?entry=4711"]],
    [false, []],
  ])("leads to the audit (%s)", async (mayRead, hrefs) => {
    const { first } = noting(() => json(200, { index: 4711 }));
    const session = (who: { permissions: string[] }) => ({
      ...FRESH["/v1/session"](who),
      permissions: who.permissions.filter((one) => mayRead || one !== "audit.read"),
    });
    const workers = () => ({ worker: "deposit/ethereum-1", desired: "running" });
    await show("/workers/deposit%2Fethereum-1", "full", {
      first,
      instead: { "/v1/session": session, "/v1/workers/deposit%2Fethereum-1": (of: object) => ({ ...of, ...workers() }) },
    });
    await press("Restart");
    fill("Reason", "a test");
    const dialog = document.querySelector<HTMLElement>('[role="dialog"]');
    if (dialog?.textContent.includes("Type ") === true) fill(/^Type /, "deposit/ethereum-1");
    await press("Restart", () => dialog as HTMLElement);
    const toasts = document.querySelector<HTMLElement>(".toasts") as HTMLElement;
    await within(toasts).findByText(/Restarted: deposit\/ethereum-1\./);
    const links = within(toasts).queryAllByRole("link");
    expect(links.map((link) => link.getAttribute("href"))).toEqual(hrefs);
    // What is told stays a while, for the next test too.
    for (const one of within(toasts).getAllByRole("button", { name: "Dismiss" })) fireEvent.click(one);
  });
});
