import { waitFor } from "@testing-library/react";
import { afterEach, expect, it, vi } from "vitest";
import { CommandIds } from "../api/change";
import { PACE } from "../api/look";
import { answerTo } from "../testing/fake-node";
import { show } from "../testing/page";
import { arrived, hrefAt, onwards } from "./elsewhere";
import { type NodeStatus, pace } from "./standing";
import { forgetUnanswered, keepUnanswered } from "./unanswered";

afterEach(() => vi.unstubAllGlobals());

// Goal: a node that is gone is asked at a pace, so that it can come back and the browser has room for its neighbours; each refusal
// that is told must not cause the next one. Method: a node that goes while a page is open; its requests are counted.
it("asks a node that is gone at a pace", async () => {
  const { asked, meet, client } = await show("/workers", "full");
  meet("gone");
  const before = asked.length;
  await client.refetchQueries({ queryKey: ["/v1/workers"] });
  await waitFor(() => expect(document.querySelector(".bar")?.textContent).toContain("This node does not answer."), {
    timeout: 15_000,
  });
  expect(asked.slice(before).filter((path) => path === "/v1/status").length).toBeLessThan(4);
});

// Goal: nobody takes real money for play money. Method: a sandbox, a cluster that is none, and a node that does not say.
it.each([
  [true, "sandbox"],
  [false, "production"],
  [undefined, "production"],
])("says what is at stake (%s)", async (sandbox, word) => {
  await show("/workers", "full", { instead: { "/v1/status": (status: object) => ({ ...status, sandbox }) } });
  expect(document.querySelector(".bar .environment")?.textContent).toBe(word);
});

// Goal: a browser that is offline says what it does not know, and knows it again. Method: the browser's own word for it, there and back.
it("says so where the browser is offline", async () => {
  const { meet } = await show("/workers", "full");
  const bar = () => document.querySelector(".bar")?.textContent ?? "";
  try {
    meet("gone");
    window.dispatchEvent(new Event("offline"));
    await waitFor(() => expect(bar()).toContain("This node does not answer."), { timeout: 15_000 });
  } finally {
    meet("full");
    window.dispatchEvent(new Event("online"));
  }
  await waitFor(() => expect(bar()).not.toContain("This node does not answer."), { timeout: 15_000 });
});

// Goal: a session that was ended elsewhere is noticed, once, and the page asks who is there. Method: every read is refused as of
// nobody, that of the session too.
it("asks who is there when a session is over", async () => {
  const { asked, meet, client } = await show("/workers", "full");
  meet("over");
  const before = asked.length;
  await client.refetchQueries({ queryKey: ["/v1/workers"] });
  await waitFor(() => expect(document.body.textContent).toContain("nobody is signed in"), { timeout: 15_000 });
  expect(asked.slice(before).filter((path) => path === "/v1/session").length).toBeLessThan(4);
});

// Goal: a follower says how far behind it is what it shows, and that nothing is known where it says nothing. Method: answers of a known age, and
// answers without one.
it.each([
  ["250", "It is 250 ms behind."],
  [null, "It did not say how far it is behind."],
])("says how old what a follower shows is (%s)", async (age, words) => {
  const status = {
    ...(answerTo("/v1/status", "full") as object),
    id: 1,
    node: "n1",
    leader_id: 2,
    leader: "n2",
    health: "healthy",
  };
  const first = (request: Request) => {
    if (new URL(request.url).pathname !== "/v1/status") return undefined;
    const aged = { "exq-applied-index": "7", ...(age === null ? {} : { "exq-age-ms": age }) };
    const headers = { "content-type": "application/json", ...aged };
    return Promise.resolve(new Response(JSON.stringify({ ...status, stopped_since: null }), { status: 200, headers }));
  };
  await show("/about", "full", { first });
  await waitFor(() => expect(document.querySelector(".bar")?.textContent).toContain(words));
  expect(document.querySelector(".bar")?.textContent).toContain("follows and shows only");
});

/** Something was sent and not answered, until what is answered is called. */
function sent(): () => void {
  const props = { change: "POST /v1/workers/{worker}/stop" } as const;
  keepUnanswered("stop", { props, form: null, reason: "", ids: new CommandIds(), sentAt: Date.now() });
  return () => forgetUnanswered("stop");
}

// Goal: a page whose leader was lost goes on to the next one, and never to the one that was lost, which a follower names as the leader until
// the next is elected. Method: a follower whose leader is not there at first.
it("goes on to a leader that is there", async () => {
  const gone: string[] = [];
  const here = { href: "https://127.0.0.1:8640/ui/workers?moved=1", search: "?moved=1", pathname: "/ui/workers", hash: "" };
  vi.stubGlobal("location", { ...here, host: "127.0.0.1:8640", replace: (to: string) => void gone.push(to) });
  const asked: string[] = [];
  let isThere = false;
  vi.stubGlobal("fetch", (address: string) => {
    asked.push(address);
    return isThere ? Promise.resolve(new Response()) : Promise.reject(new TypeError("refused"));
  });
  const leader = hrefAt("127.0.0.1:8650");
  const going = onwards(leader, new AbortController().signal);
  await waitFor(() => expect(asked.length).toBeGreaterThan(1));
  expect([new Set(asked), gone]).toEqual([new Set(["https://127.0.0.1:8650/livez"]), []]);
  isThere = true;
  // What was sent and not answered goes along.
  const forget = sent();
  await going;
  expect(gone).toEqual([expect.stringMatching(/^https:\/\/127\.0\.0\.1:8650\/ui\/workers\?came=1#unanswered=/)]);
  forget();
});

/** Where the page goes, which it does not do here. */
function leaving(): string[] {
  const [gone, real] = [[] as string[], window.location];
  const go = (to: URL | string) => void gone.push(String(to));
  const get = (_: object, name: string) =>
    name === "replace" || name === "assign" ? go : (Reflect.get(real, name, real) as unknown);
  vi.stubGlobal("location", new Proxy({}, { get }));
  return gone;
}

// Goal: a leader that takes longer to say that it is there than a page takes to ask who leads is gone to all the same. Method: a follower's
// page on its way, which asks three times a second, and a leader that answers after a second.
it("goes on to a leader that is slow to answer", async () => {
  window.history.replaceState(null, "", "/ui/about?moved=1");
  const gone = leaving();
  const slow = (signal: AbortSignal) =>
    new Promise<Response>((answer, refuse) => {
      const timer = setTimeout(() => answer(new Response()), 1_000);
      signal.addEventListener("abort", () => {
        clearTimeout(timer);
        refuse(signal.reason as Error);
      });
    });
  const shown = await show("/about", "full", { follows: true });
  const fetch = globalThis.fetch;
  expect(shown.asked).toContain("/v1/status");
  vi.stubGlobal("fetch", (of: Request | string, init?: RequestInit) =>
    typeof of === "string" ? slow(init?.signal as AbortSignal) : fetch(of),
  );
  await waitFor(() => expect(gone).toEqual(["https://127.0.0.1:8650/ui/about?came=1"]), { timeout: 6_000 });
  arrived();
});

// Goal: a node that falls silent is left for one that is there, whatever the silent one holds open. Method: no answer from it at all; its
// neighbour answers.
it("leaves a node that falls silent", async () => {
  const gone = leaving();
  let isSilent = false;
  const silent = (signal: AbortSignal | null | undefined) =>
    new Promise<Response>((_, refuse) => signal?.addEventListener("abort", () => refuse(signal.reason as Error)));
  await show("/about", "full");
  const fetch = globalThis.fetch;
  vi.stubGlobal("fetch", (of: Request | string, init?: RequestInit) => {
    if (typeof of === "string") return of.includes(":8650") ? Promise.resolve(new Response()) : silent(init?.signal);
    return isSilent ? silent(init?.signal) : fetch(of);
  });
  isSilent = true;
  const forget = sent();
  const began = Date.now();
  await waitFor(() => expect(gone.length).toBeGreaterThan(0), { timeout: 12_000 });
  expect(gone[0]).toMatch(/^https:\/\/127\.0\.0\.1:8650\/ui\/about\?came=1&moved=1#unanswered=/);
  forget();
  // Two seconds until it is asked, the patience of that, and that of the look whether it is there at all; on a machine that is busy.
  expect(Date.now() - began).toBeLessThan(9_000);
});

// Goal: a node that is there, and takes long to say how it stands, is not taken for one that is gone: nothing is held back, and it is said.
// Method: no answer to that question alone.
it("holds nothing back where a node is slow", async () => {
  const gone = leaving();
  let isSlow = false;
  await show("/workers", "full");
  const fetch = globalThis.fetch;
  const late = (signal: AbortSignal | null | undefined) =>
    new Promise<Response>((_, refuse) => signal?.addEventListener("abort", () => refuse(signal.reason as Error)));
  vi.stubGlobal("fetch", (of: Request | string, init?: RequestInit) => {
    if (typeof of === "string") return Promise.resolve(new Response());
    return isSlow && new URL(of.url).pathname === "/v1/status" ? late(init?.signal) : fetch(of);
  });
  isSlow = true;
  await waitFor(() => expect(document.body.textContent).toContain("This node answers slowly."), { timeout: 12_000 });
  const changes = [...document.querySelectorAll("[data-change]")];
  expect(changes.length).toBeGreaterThan(0);
  const why = (one: Element) => document.getElementById(one.getAttribute("aria-describedby") ?? "")?.textContent ?? "";
  expect(changes.map(why).filter((words) => words.includes("does not answer"))).toEqual([]);
  expect(gone).toEqual([]);
});

// Goal: who leads is looked for often while nobody does, and by a page on its way to the next leader; not by a page that shows a follower.
// Method: what a node says of itself.
it("looks for a leader as long as there is none", () => {
  const status = { ...(answerTo("/v1/status", "full") as NodeStatus), id: 1 };
  const at = (search: string, leader: number | null) => {
    window.history.replaceState(null, "", `/ui/workers${search}`);
    return pace({ ...status, leader_id: leader });
  };
  expect([at("", 1), at("", 2), at("?moved=1", 1)]).toEqual([PACE.live, PACE.live, PACE.live]);
  expect([at("", null), at("?moved=1", 2)]).toEqual([PACE.soon, PACE.soon]);
  arrived();
  expect(pace({ ...status, leader_id: 2 })).toBe(PACE.live);
});
