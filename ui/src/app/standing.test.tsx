import { waitFor } from "@testing-library/react";
import { afterEach, expect, it, vi } from "vitest";
import { PACE } from "../api/look";
import { answerTo } from "../testing/fake-node";
import { show } from "../testing/page";
import { arrived, hrefAt, onwards } from "./elsewhere";
import { type NodeStatus, pace } from "./standing";

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
  await onwards(leader, new AbortController().signal);
  expect([asked, gone]).toEqual([["https://127.0.0.1:8650/livez"], []]);
  isThere = true;
  await onwards(leader, new AbortController().signal);
  expect(gone).toEqual(["https://127.0.0.1:8650/ui/workers?came=1"]);
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
