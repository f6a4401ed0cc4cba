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
  const verified = async (answer: () => Promise<Response>) => {
    let asked = 0;
    const shown = await show(place, "full", {
      first: (request) => {
        if (!request.url.endsWith(path)) return undefined;
        asked += 1;
        return answer();
      },
    });
    expect(asked).toBe(0);
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

  // Goal: the page waits as long as the node takes. Method: the patience that the request is sent with.
  it("is waited for", async () => {
    vi.stubGlobal("fetch", () => Promise.resolve(json(200, {})));
    const patience = vi.spyOn(AbortSignal, "timeout");
    await api.GET(path);
    await api.GET("/v1/status");
    expect(patience.mock.calls.map(([ms]) => ms)).toEqual([720_000, 10_000]);
  });
});
