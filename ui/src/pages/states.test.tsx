import { waitFor } from "@testing-library/react";
import { afterEach, describe, expect, it, vi } from "vitest";
import PLACES from "../../tests/places.json";
import { routeTree } from "../app/router";
import FURTHER from "../../tests/further.json";
import { REASON, show } from "../testing/page";

/** What nodes that follow hand on to the leader: the key of a browser lives at one address. */
const HANDED_ON = ["POST /v1/proposals/{id}/approve", "POST /v1/withdrawals/{withdrawal}/approve"];
/** Places whose changes are drawn in one state alone, and how many buttons there are then. */
const DECIDED: Readonly<Record<string, number>> = {
  "/approvals/1": 3,
  "/withdrawals/1": 3,
  "/reconciliation/1": 3,
  "/networks/ethereum": 10,
};
const ALL = [...(PLACES as [string, string][]), ...(FURTHER as [string, string][])].map(([place, title]) => ({ place, title }));
/** A page whose part is read once a person asks for it: it has tests of its own. */
const ASKED = ["/ledger?tab=verify"];
/** A page that reads nothing but what the frame knows. */
const UNREAD = ["/about", "/about?tab=codes", "/about?tab=codes&code=EXQ-0305", "/about?tab=notices"];
const READ = ALL.filter(({ place }) => !ASKED.includes(place) && !UNREAD.includes(place));

afterEach(() => vi.unstubAllGlobals());

const words = (element: Element | null) => element?.textContent ?? "";
const inside = (panel: Element, what: string) => [...panel.querySelectorAll(what)];
/** What is told of a refusal can be copied; nothing else of it is a button, but the one that asks again. */
const askingAgain = (panel: Element) => inside(panel, "[role=alert] button:not([aria-label^='Copy '])");
/** The panels of a page that are not as they should be, by title. */
const wrong = (panels: readonly HTMLElement[], isRight: (panel: HTMLElement) => boolean) =>
  panels.filter((panel) => !isRight(panel)).map((panel) => `${String(panel.ariaLabel)}: ${words(panel).slice(0, 300)}`);

// Goal: no page is left out of the tests, here or in a browser. Method: each route of the console is that of some place.
it("are every page", () => {
  const routes = routeTree.children as unknown as readonly { options: { path: string } }[];
  const names = Object.values(routes).map(({ options }) => options.path);
  const left = names.filter((path) => {
    const route = new RegExp(`^${path.replaceAll(/\$\w+/g, "[^/]+")}$`);
    // What has a route of its own is no other's.
    const isOf = (place: string) => place === path || (route.test(place) && !names.includes(place));
    return !ALL.some(({ place }) => isOf(place.split("?")[0] ?? ""));
  });
  expect(left).toEqual([]);
  expect(names.length).toBeGreaterThan(25);
});

describe.each(ALL)("$place", ({ place, title }) => {
  // Goal: what is there is shown, with its age, and nothing is wrong with how it is drawn. Method: a node whose lists have rows.
  it("shows what is there", async () => {
    const { panels, complaints } = await show(place, "full");
    expect(words(document.querySelector(".main h1"))).toBe(title);
    expect(complaints).toEqual([]);
    if (!READ.some((one) => one.place === place)) return;
    expect(panels().length).toBeGreaterThan(0);
    expect(wrong(panels(), (panel) => inside(panel, "header .age").length === 1)).toEqual([]);
    expect(wrong(panels(), (panel) => inside(panel, "[role=alert], .skeleton").length === 0)).toEqual([]);
  });

  // Goal: a follower changes nothing, and says why at each control. Method: the same rows on a node that follows.
  it("holds every change back on a follower", async () => {
    await show(place, "full", { follows: true });
    await waitFor(() => expect(words(document.querySelector(".bar"))).toContain(REASON));
    const all = inside(document.body, "[data-change]");
    expect(all.length).toBeGreaterThanOrEqual(DECIDED[place] ?? 0);
    const open = all.filter((one) => {
      if (HANDED_ON.includes(one.getAttribute("data-change") ?? "")) return false;
      const told = document.getElementById(one.getAttribute("aria-describedby") ?? "");
      return one.getAttribute("aria-disabled") !== "true" || !words(told).includes(REASON);
    });
    expect(open.map((one) => one.outerHTML)).toEqual([]);
  });
});

describe.each(READ)("$place", ({ place }) => {
  // Goal: a page that waits says so, and shows nothing in the place of what it does not know. Method: a node that does not answer yet.
  it("waits", async () => {
    const { panels } = await show(place, "loading");
    expect(panels().length).toBeGreaterThan(0);
    const isWaiting = (panel: HTMLElement) =>
      panel.ariaBusy === "true" && words(panel.querySelector('.state[role="status"]')).includes("Loading");
    expect(wrong(panels(), isWaiting)).toEqual([]);
    expect(wrong(panels(), (panel) => inside(panel, "table, dl").length === 0)).toEqual([]);
  });

  // Goal: where there is nothing it is said what that means. Method: a node whose lists are empty.
  it("says that there is nothing", async () => {
    const { panels, complaints } = await show(place, "empty");
    const isTold = (panel: HTMLElement) =>
      inside(panel, "table").every((table) => table.querySelector("tbody tr") !== null) && words(panel.lastElementChild) !== "";
    expect(wrong(panels(), isTold)).toEqual([]);
    expect(complaints).toEqual([]);
  });

  // Goal: what cannot be read says what is wrong, with its code and the request's id, and can be asked for again. Method: a node that fails.
  it("says that it cannot be read", async () => {
    const { panels } = await show(place, "error");
    expect(panels().length).toBeGreaterThan(0);
    const isTold = (panel: HTMLElement) => {
      const alert = words(panel.querySelector("[role=alert]"));
      // The dialect has numbers of its own for what is wrong.
      const told = ["Candles", "Recent trades"].includes(panel.ariaLabel ?? "") ? [] : ["look into the node's log", "EXQ-0001"];
      const isWhole = ["the request failed", "request request-7", ...told].every((word) => alert.includes(word));
      return isWhole && askingAgain(panel).length === 1;
    };
    expect(wrong(panels(), isTold)).toEqual([]);
  });

  // Goal: whoever may not see something is told which permission it takes. Method: a node that refuses.
  it("says that one may not see it", async () => {
    const { panels } = await show(place, "forbidden");
    expect(panels().length).toBeGreaterThan(0);
    const isTold = (panel: HTMLElement) =>
      words(panel.querySelector("[role=alert]")).includes("Your roles do not let you see this") &&
      words(panel).includes("some.read") &&
      askingAgain(panel).length === 0;
    expect(wrong(panels(), isTold)).toEqual([]);
  });

  // Goal: what cannot be read any more stays, and says that it is old. Method: a node that answers first and then fails.
  it("keeps what was last seen, and says so", async () => {
    const shown = await show(place, "full");
    const before = shown.panels().length;
    shown.meet("error");
    await shown.client.refetchQueries({ predicate: ({ queryKey }) => queryKey[0] !== "/v1/session" });
    await waitFor(() => expect(document.querySelector(".stale")).not.toBeNull());
    expect(shown.panels().length).toBe(before);
    const isTold = (panel: HTMLElement) => {
      const told = words(panel.querySelector(".stale[role=status]"));
      return (
        told.includes("This is what was last seen") &&
        told.includes("the request failed") &&
        inside(panel, ".body, .state").length === 1
      );
    };
    // A stream is asked for again after a while.
    await waitFor(() => expect(wrong(shown.panels(), isTold)).toEqual([]), { timeout: 15_000 });
  });
});
