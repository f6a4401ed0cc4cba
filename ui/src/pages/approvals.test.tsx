import { waitFor } from "@testing-library/react";
import { afterEach, describe, expect, it, vi } from "vitest";
import { json, type Options, show } from "../testing/page";
import { answerTo } from "../testing/fake-node";

afterEach(() => vi.unstubAllGlobals());

const badge = () => document.querySelector('nav[aria-label="Pages"] .count')?.textContent ?? "none";

/** A node at which so many proposals wait, beside one that is over, and these withdrawals. */
function waiting(proposals: number, withdrawals: number[], next: number | null = null): NonNullable<Options["first"]> {
  return (request) => {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname === "/v1/proposals") {
      const [one] = (answerTo(pathname, "full") as { proposals: object[] }).proposals;
      const states = [...Array<string>(proposals).fill("waiting"), "executed"];
      return Promise.resolve(json(200, { proposals: states.map((state, at) => ({ ...one, number: at + 1, state })) }));
    }
    if (pathname !== "/v1/withdrawals" || searchParams.get("state") !== "awaiting-approval") return undefined;
    const [one] = (answerTo(pathname, "full") as { withdrawals: object[] }).withdrawals;
    return Promise.resolve(
      json(200, { withdrawals: withdrawals.map((withdrawal) => ({ ...one, withdrawal })), next_before: next }),
    );
  };
}

describe("the inbox of approvals", () => {
  // Goal: whatever waits for a person is in it and in its count, and leads to its page. Method: a node at which both kinds wait.
  it("has withdrawals beside proposals", async () => {
    await show("/approvals", "full", { first: waiting(2, [41, 17]) });
    const links = [...document.querySelectorAll<HTMLAnchorElement>(".main td a")].map((one) => one.getAttribute("href"));
    for (const place of ["/ui/withdrawals/41", "/ui/withdrawals/17", "/ui/approvals/1", "/ui/approvals/2"])
      expect(links).toContain(place);
    await waitFor(() => expect(badge()).toBe("4 wait"));
  });

  // Goal: a count is not told as whole where it is not. Method: more withdrawals than one answer has; a node that refuses them.
  it("says that there may be more", async () => {
    await show("/approvals", "full", { first: waiting(1, [9], 9) });
    await waitFor(() => expect(badge()).toBe("2+ and more may wait"));
    const first: Options["first"] = (request) =>
      request.url.includes("/v1/withdrawals") ? Promise.resolve(json(500, {})) : waiting(1, [])(request);
    await show("/", "full", { first });
    await waitFor(() => expect(badge()).toBe("1+ and more may wait"));
  });

  // Goal: whoever may not see withdrawals has the proposals counted, and withdrawals are not asked for. Method: such a session.
  it("counts what one may see", async () => {
    const instead = { "/v1/session": (who: object) => ({ ...who, permissions: ["status.read", "approvals.read"] }) };
    const asked: string[] = [];
    const first: Options["first"] = (request) => {
      asked.push(new URL(request.url).pathname);
      return waiting(3, [5])(request);
    };
    await show("/about", "full", { instead, first });
    await waitFor(() => expect(badge()).toBe("3 wait"));
    expect(asked).toContain("/v1/proposals");
    expect(asked).not.toContain("/v1/withdrawals");
  });
});
