import { waitFor } from "@testing-library/react";
import { afterEach, describe, expect, it, vi } from "vitest";
import { api } from "../api/client";
import { answerWith, press } from "../testing/deeds";
import { json, refusal, show } from "../testing/page";

afterEach(() => vi.unstubAllGlobals());

const main = () => document.querySelector(".main")?.textContent ?? "";
const ROUTES = [
  { place: "/ledger?tab=verify", path: "/v1/ledger/verify", ask: "Verify" },
  { place: "/audit", path: "/v1/audit/verify", ask: "Verify the chain" },
] as const;

describe.each(ROUTES)("$path", ({ place, path, ask }) => {
  /** A page whose check is answered so. */
  const verified = async (answer: () => Promise<Response>, before?: (shown: string) => void, follows = false) => {
    let asked = 0;
    const shown = await show(place, "full", {
      follows,
      first: (request) => {
        if (!request.url.endsWith(path)) return undefined;
        asked += 1;
        return answer();
      },
    });
    expect(asked).toBe(0);
    before?.(main());
    await press(ask);
    return { ...shown, asked: () => asked };
  };

  // Goal: it is made when a person asks, and is old then. Method: everything is asked for again by some change of this page's.
  it("is made once, and says how old it is", async () => {
    const { client, asked } = await verified(() => answerWith(path, {}));
    await waitFor(() => expect(main()).toContain("Verify again"));
    expect(document.querySelector("section.panel .age")).not.toBeNull();
    await client.invalidateQueries();
    expect(asked()).toBe(1);
    await press("Verify again");
    await waitFor(() => expect(asked()).toBe(2));
  });

  // Goal: that it could not be read is not told as broken, and not asked again by itself. Method: no answer in time.
  it("says that it does not know where no answer came", async () => {
    const { asked } = await verified(() => Promise.reject(new DOMException("late", "TimeoutError")));
    await waitFor(() => expect(main()).toContain("Whether it is whole is not known."));
    expect(main()).toContain("did not answer in time");
    expect(main()).not.toContain("asks again by itself");
    expect(main()).not.toContain("does not verify");
    expect(asked()).toBe(1);
  });

  // Goal: broken is told as broken. Method: a node that found it so.
  it("says that it is broken where the node says so", async () => {
    await verified(() => Promise.resolve(json(500, refusal("EXQ-0606", "record 7 does not follow", "keep the data"))));
    await waitFor(() => expect(main()).toContain("It does not verify."));
    expect(main()).toContain("record 7 does not follow");
  });

  // Goal: before it is asked for it is said what it would do; while it is at it, that it is, and nothing else is shown. Method: a node
  // that does not answer yet.
  it("says what it reads, and that it is reading", async () => {
    const { asked } = await verified(
      () => new Promise<Response>(() => undefined),
      (shown) => {
        expect(shown).toContain("on this node");
        expect(shown).not.toContain("was whole");
      },
    );
    await waitFor(() => expect(main()).toContain("Every record is being read"));
    expect(main()).not.toContain("It does not verify.");
    expect(main()).not.toContain("was whole");
    expect(asked()).toBe(1);
  });

  // Goal: whoever may not is told which permission it takes, and not that anything is amiss. Method: a node that refuses.
  it("says that one may not", async () => {
    await verified(() =>
      Promise.resolve(json(403, refusal("EXQ-0213", "this needs the permission some.read", "ask an owner"))),
    );
    await waitFor(() => expect(main()).toContain("Your roles do not let you see this"));
    expect(main()).toContain("some.read");
    expect(main()).not.toContain("is not known");
  });

  // Goal: what was found before is not shown as if it still held. Method: a node that finds it whole, and then does not answer.
  it("shows nothing of before once it is not known", async () => {
    let isGone = false;
    await verified(() => (isGone ? Promise.reject(new TypeError("gone")) : answerWith(path, {})));
    await waitFor(() => expect(main()).toContain("Verify again"));
    isGone = true;
    await press("Verify again");
    await waitFor(() => expect(main()).toContain("Whether it is whole is not known."));
    expect(main()).not.toMatch(/was whole|Every entry was there/);
  });

  // Goal: it changes nothing, so a follower makes it of its own records, and says whose they are. Method: a node that follows.
  it("is made at a node that follows", async () => {
    const { asked } = await verified(() => answerWith(path, {}), undefined, true);
    await waitFor(() => expect(main()).toContain("Verify again"));
    expect(asked()).toBe(1);
  });

  // Goal: the page waits as long as the node takes. Method: the patience that the request is sent with.
  it("is waited for", async () => {
    vi.stubGlobal("fetch", () => Promise.resolve(json(200, {})));
    const patience = vi.spyOn(AbortSignal, "timeout");
    await api.GET(path);
    await api.GET("/v1/workers");
    expect(patience.mock.calls.map(([ms]) => ms)).toEqual([720_000, 10_000]);
  });
});
