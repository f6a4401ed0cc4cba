import { waitFor } from "@testing-library/react";
import { afterEach, describe, expect, it, vi } from "vitest";
import { answerTo } from "../testing/fake-node";
import { json, refusal, show } from "../testing/page";

afterEach(() => vi.unstubAllGlobals());

const tiles = () => [...document.querySelectorAll(".tile")];
const tile = (title: string) => tiles().find((one) => one.textContent.startsWith(title))?.textContent ?? "no tile";
const at = (request: Request, path: string) => new URL(request.url).pathname === path;
const READS = [
  ["/v1/workers", "Workers that run"],
  ["/v1/workers", "Jobs done a minute"],
  ["/v1/queues", "Jobs that wait"],
  ["/v1/markets", "Traded in 24 h"],
  ["/v1/markets", "Markets that trade"],
  ["/api/v3/klines", "Traded in 24 h"],
  ["/v1/address-pools", "Addresses in the smallest pool"],
  ["/v1/history", "Fees earned"],
  ["/v1/history", "Withdrawals that are open"],
  ["/v1/history", "Failed sign-ins"],
] as const;

describe.each(READS)("a figure of %s", (path, title) => {
  // Goal: a figure that could never be read is there, and says why; one that waits says that. Method: its read fails, or is not answered.
  it(`says why there is none: ${title}`, async () => {
    await show("/", "full", {
      first: (request) => (at(request, path) ? Promise.resolve(json(500, refusal("EXQ-0001", "it failed", ""))) : undefined),
    });
    await waitFor(() => expect(tile(title)).toContain("could not be read"));
    const never = new Promise<Response>(() => undefined);
    await show("/", "full", { first: (request) => (at(request, path) ? never : undefined) });
    await waitFor(() => expect(tile(title)).toContain("being read"));
    expect(tiles()).toHaveLength(12);
  });
});

// Goal: a figure that was read once stays, and says that it is old. Method: its read fails afterwards.
it("says that a figure is old", async () => {
  let fails = false;
  const shown = await show("/", "full", {
    first: (request) =>
      fails && at(request, "/v1/queues") ? Promise.resolve(json(503, refusal("EXQ-0303", "no leader", ""))) : undefined,
  });
  await waitFor(() => expect(tile("Jobs that wait")).not.toContain("being read"));
  fails = true;
  await shown.client.refetchQueries({ queryKey: ["/v1/queues"] });
  await waitFor(() => expect(tile("Jobs that wait")).toContain("this is what was last seen; since then: no leader EXQ-0303"));
});

// Goal: whoever may not see a figure is told so. Method: a role without workers.read.
it("says what one may not see", async () => {
  await show("/", "full", {
    instead: {
      "/v1/session": (answer: { permissions: string[] }) => ({
        ...answer,
        permissions: answer.permissions.filter((one) => one !== "workers.read"),
      }),
    },
  });
  await waitFor(() => expect(tile("Workers that run")).toContain("your roles do not let you see this (workers.read)"));
  expect(tiles()).toHaveLength(12);
});

// Goal: with ten thousand workers that fail the page stays one that can be read, and leaves none out. Method: so many.
it("lists some, and says how many more there are", async () => {
  const [worker] = (answerTo("/v1/workers", "full") as { workers: object[] }).workers;
  const workers = Array.from({ length: 10_000 }, (_, at) => ({
    ...worker,
    worker: `deposit/bitcoin-${String(at)}`,
    state: "failed",
  }));
  await show("/", "full", { instead: { "/v1/workers": () => ({ workers }) } });
  // So many are read in pieces, between which a machine that is busy does other things.
  const told = "9975 more workers have failed than are listed here";
  await waitFor(() => expect(document.body.textContent).toContain(told), { timeout: 15_000 });
  expect(document.querySelectorAll('section[aria-label="What needs somebody"] li').length).toBeLessThan(120);
});

// Goal: a figure whose past cannot be read is shown all the same, and says so. Method: the node keeps none, or does not answer.
it("shows a figure without its past", async () => {
  await show("/", "full", {
    first: (request) =>
      at(request, "/v1/history") ? Promise.resolve(json(500, refusal("EXQ-0001", "it failed", ""))) : undefined,
  });
  await waitFor(() => expect(tile("Jobs that wait")).toContain("its last day could not be read: it failed EXQ-0001"));
  expect(tile("Jobs that wait")).not.toContain("being read");
});

// Goal: what a follower shows is as old as it says, tile by tile and in what needs somebody; where it does not know, that is said. Method:
// answers with an age of two minutes, then with the entry that they are of and no age.
it.each([
  ["120000", "2 min", "Workers: not known for 2 min"],
  [null, "age unknown", "Workers: the node does not know how old it is"],
])("says how old a figure of a follower is (%s)", async (age, words, gap) => {
  await show("/", "full", {
    first: (request) => {
      if (!at(request, "/v1/workers")) return undefined;
      const answer = json(200, answerTo("/v1/workers", "full"));
      answer.headers.set("exq-applied-index", "7");
      if (age === null) answer.headers.delete("exq-age-ms");
      else answer.headers.set("exq-age-ms", age);
      return Promise.resolve(answer);
    },
  });
  await waitFor(() => expect(tile("Workers that run")).toContain(words));
  const shown = tiles()
    .find((one) => one.textContent.startsWith("Workers that run"))
    ?.querySelector(".age");
  expect(shown?.hasAttribute("data-late")).toBe(true);
  const needs = document.querySelector('section[aria-label="What needs somebody"]');
  expect(needs?.querySelector('[aria-label="What is not known here"]')?.textContent).toContain(gap);
  expect(needs?.querySelector("header .age")?.textContent).toContain(words);
});
