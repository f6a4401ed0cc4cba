import { waitFor, within } from "@testing-library/react";
import { afterEach, describe, expect, it, vi } from "vitest";
import TOLD from "../../tests/discrepancy.json";
import type { components } from "../api/schema.gen";
import { PHRASE } from "../app/deed";
import { answerWith, dialog, fill, FRESH, isClosed, made, noting, press } from "../testing/deeds";
import { answerTo } from "../testing/fake-node";
import { json, type Options, show } from "../testing/page";

afterEach(() => vi.unstubAllGlobals());

const PLACE = "/reconciliation/1";
const ADDRESS = `/v1/reconciliation/discrepancies/1`;
const main = () => document.querySelector<HTMLElement>(".main") ?? document.body;

const at = (parts: object) => ({ ...FRESH, [ADDRESS]: (answer: object) => ({ ...answer, ...parts }) });

describe("a discrepancy", () => {
  // Goal: an adjustment is proposed at once, because nobody makes one alone, with the difference as it is, and with what fits it. Method:
  // what is more and what is less, each with a difference that no number holds.
  it.each([
    ["-340282366920938463463374607431768211455", "loss", "opening-balance"],
    ["340282366920938463463374607431768211455", "unknown-sender", "loss"],
  ])("of %s is adjusted by two persons", async (difference, category, other) => {
    let proposed: string | null = null;
    const { sent, first } = noting(() => json(202, { proposal: 5, needed: 1, expires_at: "2026-12-01T00:00:00Z", once: null }));
    const node: Options["first"] = (request) => {
      if (request.method !== "GET") proposed = request.headers.get("exq-propose");
      return first(request);
    };
    await show(PLACE, "full", { instead: at({ difference }), first: node });
    await press("Propose an adjustment");
    const field = within(dialog()).getByLabelText<HTMLSelectElement>("It is booked as");
    const offered = [...field.options].map(({ value }) => value);
    expect(offered).toContain(category);
    expect(offered).not.toContain(other);
    fill("It is booked as", category);
    fill("Reason", "CASE-12");
    fill(/^Type /, PHRASE);
    await press("Propose an adjustment", dialog);
    await waitFor(() => expect(isClosed()).toBe(true));
    expect(proposed).toBe("true");
    expect(sent[0]).toMatchObject({ path: `${ADDRESS}/adjust`, body: { category, difference, reason: "CASE-12" } });
  });

  // Goal: what is explained stays open, and is closed only where that is taken. Method: a difference that is there, and one that is gone.
  it("is explained, and closed once the two sides agree", async () => {
    const { sent, first } = noting(made);
    await show(PLACE, "full", { instead: at({ gone_since: null }), first });
    expect(within(main()).getByRole("button", { name: "Close" }).getAttribute("aria-disabled")).toBe("true");
    await press("Say what it is");
    fill("Reason", "moved by hand");
    fill(/^Type /, "discrepancy 1");
    await press("Say what it is", dialog);
    await waitFor(() => expect(isClosed()).toBe(true));
    await show(PLACE, "full", { instead: at({ gone_since: "2026-11-29T10:00:00Z" }), first });
    expect(within(main()).getByRole("button", { name: "Propose an adjustment" }).getAttribute("aria-disabled")).toBe("true");
    await press("Close");
    fill("Reason", "it was late");
    fill(/^Type /, "discrepancy 1");
    await press("Close", dialog);
    await waitFor(() => expect(sent.length).toBe(2));
    expect(sent.map(({ body }) => [body["close"], body["explanation"]])).toEqual([
      [false, "moved by hand"],
      [true, "it was late"],
    ]);
  });

  // Goal: its story is there from the first line to the last; nothing is decided of what is over. Method: twelve lines; each state.
  it("tells its whole story", async () => {
    const story = Array.from({ length: 12 }, (_, line) => ({
      at: "2026-11-29T10:00:00Z",
      by: null,
      what: `line ${String(line)}.`,
    }));
    await show(PLACE, "full", { instead: at({ story, status: "closed" }) });
    for (const { what } of story) expect(main().textContent).toContain(what);
    expect(main().querySelectorAll("[data-change]").length).toBe(0);
  });
});

describe("the list of discrepancies", () => {
  // Goal: what is over can be seen, page by page, at an address of its own. Method: what is asked for, and what a press changes of it.
  it("goes back through what is over", async () => {
    const asked: string[] = [];
    const first: Options["first"] = (request) => {
      const { pathname, search } = new URL(request.url);
      if (pathname !== "/v1/reconciliation/discrepancies") return undefined;
      asked.push(search);
      return Promise.resolve(json(200, { discrepancies: [], next_before: 40 }));
    };
    await show("/reconciliation?over=true&on=tron", "full", { first });
    const last = () => new URLSearchParams(asked.at(-1));
    expect([last().get("over"), last().get("network"), last().get("before")]).toEqual(["true", "tron", null]);
    await press("Older", () => main());
    await waitFor(() => expect(last().get("before")).toBe("40"));
    expect(last().get("over")).toBe("true");
  });
});

// Goal: what equations came to is told as of when, and what was not read for it. Method: a run of hours ago, of which three balances could
// not be read.
it("says of which run its equations are", async () => {
  const ended_at = new Date(Date.now() - 7_200_000).toISOString();
  const first = (request: Request) => {
    const { pathname } = new URL(request.url);
    if (pathname !== "/v1/reconciliation/runs") return undefined;
    const { runs } = answerTo(pathname, "full") as { runs: object[] };
    const run = {
      ...runs[0],
      run: 4_711,
      ended_at,
      block: { height: 812_345, hash: "ab".repeat(32) },
      failed: 3,
      whole: false,
    };
    return answerWith(pathname, { runs: [run] });
  };
  await show("/reconciliation", "full", { first });
  const panel = document.querySelector('section[aria-label="What each equation came to"]');
  const words = panel?.textContent.replaceAll("\u202f", "");
  expect(words).toContain("Run 4711, ended");
  expect(words).toContain("at block 812345");
  expect(words).toContain("3 balances could not be read");
  expect(panel?.querySelector(".body time")?.getAttribute("datetime")).toBe(ended_at);
});

// Goal: the discrepancy that is made up in a browser is one as the API tells it, or the page walked there is a page of nothing. Method: the
// compiler holds its parts to the API's description, and they are compared with those of an answer that follows from it.
it("is made up in a browser as the API tells it", () => {
  const told: components["schemas"]["Discrepancy"] = TOLD;
  const answer = answerTo(ADDRESS, "full") as object;
  expect(Object.keys(told).sort()).toEqual(Object.keys(answer).sort());
});
