import { waitFor } from "@testing-library/react";
import { afterEach, expect, it, vi } from "vitest";
import { dialog, fill, FRESH, isClosed, made, noting, press, type Sent } from "../testing/deeds";
import { json } from "../testing/page";

afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
  window.history.replaceState(null, "", "/ui/");
});

const words = () => dialog().textContent;
const told = () => document.querySelector(".toasts")?.textContent ?? "";

/** A page as another node's: of what was before, it has its address alone. */
async function loaded(address: string) {
  window.history.replaceState(null, "", address);
  vi.resetModules();
  const unanswered = await import("./unanswered");
  const { show } = await import("../testing/page");
  return { ...unanswered, show };
}
type Loaded = Awaited<ReturnType<typeof loaded>>;

/** What is done at one node, which is gone, and then at the next one; all that was sent, and the address of the next one. */
async function moved(place: string, answer: () => Response, first: () => Promise<void>, next: () => Promise<void>) {
  let isThere = false;
  const { sent, first: node } = noting(() => {
    if (!isThere) throw new TypeError("failed to fetch");
    return answer();
  });
  const open = ({ show }: Loaded) => show(place, "full", { instead: FRESH, first: node });
  const former = await loaded(`/ui${place}`);
  await open(former);
  await first();
  await waitFor(() => expect(words()).toContain("It may have been made. Send it again: it takes effect once."));
  const address = former.carrying(`${window.location.origin}/ui${place}?came=1`);
  isThere = true;
  const later = await loaded(address);
  await open(later);
  await next();
  return { sent, address, open: () => open(later) };
}

const once = (sent: readonly Sent[], name: string) => new Set(sent.map(({ body }) => body[name])).size;

// Goal: a withdrawal that was asked for as its node died is asked for once, whatever the next node is. Method: the same is filled in on a page
// that has of the former one its address alone.
it("asks for one withdrawal at two nodes", async () => {
  const filled = (amount: string) => {
    fill("Asset", "USDT");
    fill("Amount", amount);
    fill("Address", "TJCnKsPa7y5okkXvQAidZBzqx3QyQ6sxMX");
    fill(/^Type/, `${amount} USDT`);
  };
  const answer = () => json(200, { withdrawal: 7, state: "awaiting-approval", first: false, warning: null });
  const { sent, address, open } = await moved(
    "/users/1",
    answer,
    async () => {
      await press("Ask for a withdrawal");
      filled("4.5");
      await press("Ask for a withdrawal", dialog);
    },
    async () => {
      await waitFor(() => expect(told()).toContain("A change was sent before this page came here"));
      await press("Ask for a withdrawal");
      expect(words()).toMatch(/This was sent at another node .* and not answered: it may have been made/);
      filled("4.6");
      expect(words()).toContain("as it is now it would be another one");
      filled("4.5");
      expect(words()).toContain("as it is now it is the same");
      await press("Ask for a withdrawal", dialog);
      await waitFor(() => expect(isClosed()).toBe(true));
    },
  );
  expect([sent.length, once(sent, "command_id"), once(sent, "client_id")]).toEqual([2, 1, 1]);
  // What is told leads to what became of it.
  const links = [...document.querySelectorAll(".toasts a")].map((link) => link.getAttribute("href"));
  expect(links).toContain(`/ui/commands/${String(sent[0]?.body["command_id"])}`);
  // What was filled in stays behind, and what goes along does not stay in the address.
  expect(decodeURIComponent(address)).not.toMatch(/TJCnKs|4\.5|USDT/);
  expect([window.location.hash, window.location.search]).toEqual(["", ""]);
  // It is answered: the next one is another.
  await open();
  await press("Ask for a withdrawal");
  expect(words()).not.toContain("not answered");
});

const WORKER = "deposit/ethereum-1";

// Goal: the same holds where a reason is asked for, also over a node in between. Method: a worker is stopped at a node that is gone; the page goes
// on twice.
it("stops a worker once at three nodes", async () => {
  const place = `/workers/${encodeURIComponent(WORKER)}`;
  const last: Sent[] = [];
  const { sent } = await moved(
    place,
    made,
    async () => {
      await press("Restart");
      fill("Reason", "it hangs");
      if (words().includes("Type ")) fill(/^Type /, WORKER);
      await press("Restart", dialog);
    },
    async () => {
      const { carrying } = await import("./unanswered");
      const next = await loaded(carrying(window.location.href));
      const { sent: again, first } = noting(made);
      await next.show(place, "full", { instead: FRESH, first });
      await press("Restart");
      expect(words()).toContain("as it is now it is the same");
      if (words().includes("Type ")) fill(/^Type /, WORKER);
      await press("Restart", dialog);
      await waitFor(() => expect(again).toHaveLength(1));
      last.push(...again);
    },
  );
  sent.push(...last);
  expect(sent.map(({ body }) => body["reason"])).toEqual(["it hangs", "it hangs"]);
  expect(once(sent, "command_id")).toBe(1);
});

// Goal: the router never sees what comes along, and what is behind a `#` otherwise stays. Method: the real router, loaded at such addresses.
it("is taken out before the router reads the address", async () => {
  const at = async (hash: string) => {
    window.history.replaceState(null, "", `/ui/workers?kind=deposit${hash}`);
    vi.resetModules();
    const { router } = await import("./router");
    return [window.location.hash, router.history.location.hash, router.history.location.search];
  };
  expect(await at("#unanswered=%5B%5D")).toEqual(["", "", "?kind=deposit"]);
  expect(await at("#unanswered=%")).toEqual(["", "", "?kind=deposit"]);
  expect(await at("#main")).toEqual(["#main", "#main", "?kind=deposit"]);
});

// Goal: what somebody made up is nothing, and what is old is nobody's any more. Method: entries that no page writes, and one of two hours ago.
it("takes nothing that is old or made up", async () => {
  const [print, id] = ["a".repeat(32), "b".repeat(32)];
  const at = async (...entries: unknown[]) => {
    const told = encodeURIComponent(JSON.stringify([entries, [["withdrawal of 1", "<b>"], 3]]));
    const { carrying, carriedOf, nameOf } = await loaded(`/ui/#unanswered=${told}`);
    const isCarried = carrying("https://node/ui/") !== "https://node/ui/";
    expect(nameOf("withdrawal of 1", () => "drawn")).toBe("drawn");
    expect(carriedOf("no such deed")).toBeUndefined();
    return isCarried;
  };
  const now = Date.now();
  expect(await at([print, print, id, "", now])).toBe(true);
  expect(await at([print, "", "", "", now])).toBe(true);
  for (const wrong of [
    [print, print, id, "", now - 7_200_000],
    [print, print, id, "", now + 60_000],
    [print, print, "", "", now],
    [print, print, "x".repeat(32), "", now],
    [print, print, id, 7, now],
    ["", print, id, "", now],
    "text",
    null,
  ])
    expect(await at(wrong)).toBe(false);
});

// Goal: a withdrawal keeps its name at the next node, however long its dialog was open and however many others were looked at; that something
// was sent is told there, and its id is not used any more. Method: twenty names are drawn, the first one is sent, and minutes pass.
it("keeps the name of what was sent longer than its id", async () => {
  const { carrying, keepUnanswered, nameOf } = await loaded("/ui/");
  const { CommandIds } = await import("../api/change");
  for (let user = 1; user <= 20; user += 1) nameOf(`withdrawal of ${String(user)}`, () => `console-${String(user)}x`);
  const ids = new CommandIds();
  ids.of("sent");
  const props = { change: "POST /v1/users/{user}/withdrawals" } as const;
  const deed = JSON.stringify({ client_id: "console-1x" });
  keepUnanswered(deed, { props, form: null, reason: "", ids, sentAt: Date.now() - 180_000 });
  const there = new URL(carrying("https://node/ui/"));
  const next = await loaded(`/ui/${there.hash}`);
  expect(next.nameOf("withdrawal of 1", () => "another")).toBe("console-1x");
  expect(next.carriedOf(deed)).toBeUndefined();
  expect(next.takeTold()).toEqual([ids.kept[1]]);
});

// Goal: what was not answered keeps its id, whatever is sent after it and refused. Method: a worker is restarted without an answer, then for
// another reason, which is refused, then for the first one again.
it("keeps the id of what was not answered", async () => {
  const { show } = await loaded("/ui/");
  const answers = [null, json(503, { error: { code: "EXQ-0303", message: "no leader", hint: "wait" } }), made()];
  const { sent, first } = noting(() => {
    const answer = answers[sent.length - 1];
    if (answer == null) throw new TypeError("failed to fetch");
    return answer;
  });
  await show(`/workers/${encodeURIComponent(WORKER)}`, "full", { instead: FRESH, first });
  await press("Restart");
  if (words().includes("Type ")) fill(/^Type /, WORKER);
  for (const [count, reason] of ["it hangs", "it hangs again", "it hangs"].entries()) {
    fill("Reason", reason);
    await press("Restart", dialog);
    await waitFor(() => expect(sent).toHaveLength(count + 1));
  }
  await waitFor(() => expect(isClosed()).toBe(true));
  const [one, two, three] = sent.map(({ body }) => body["command_id"]);
  expect(one).toBe(three);
  expect(two).not.toBe(one);
});

// Goal: an address stays short enough for every browser. Method: more than fits, with the longest reasons.
it("leaves the oldest behind where there is no room", async () => {
  const { carrying, keepUnanswered } = await loaded("/ui/");
  const { CommandIds } = await import("../api/change");
  for (let at = 0; at < 60; at += 1) {
    const ids = new CommandIds();
    ids.of(at);
    const props = { change: "POST /v1/workers/{worker}/stop" } as const;
    keepUnanswered(String(at), { props, form: null, reason: "ä".repeat(500), ids, sentAt: Date.now() });
  }
  const { hash } = new URL(carrying("https://node/ui/"));
  expect(hash.length).toBeLessThan(8_100);
  expect(hash.length).toBeGreaterThan(2_000);
});
