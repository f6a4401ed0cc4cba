import { configure, waitFor } from "@testing-library/react";
import { afterEach, describe, expect, it, vi } from "vitest";
import { answerTo } from "../testing/fake-node";
import { json, type Options, refusal, show } from "../testing/page";

// On a machine that is busy with other things.
configure({ asyncUtilTimeout: 10_000 });
afterEach(() => vi.unstubAllGlobals());

const GOOD = "Nothing does.";
const whole = (answer: object) => ({ ...answer, next_before: null });
const NOTHING_WRONG = {
  "/v1/status": (answer: object) => ({ ...answer, problems: [] }),
  "/v1/withdrawals": whole,
  "/v1/deposits": whole,
  "/v1/reconciliation": (answer: object) => ({ ...answer, left_out: 0 }),
};
const told = () => document.querySelector('section[aria-label="What needs somebody"]')?.textContent ?? "";
const overview = (options: Options = {}) => show("/", "empty", { instead: NOTHING_WRONG, ...options });
const at = (request: Request, path: string) => new URL(request.url).pathname === path;

describe("what needs somebody", () => {
  // Goal: all that tells it was read, and nothing does. Method: a node where nothing is amiss.
  it("says that nothing does where that is known", async () => {
    await overview();
    await waitFor(() => expect(told()).toContain(GOOD));
    expect(told()).not.toContain("not known");
  });

  // Goal: what is not known is no good news, whichever read it is. Method: each of them fails, alone, or does not answer.
  it.each([
    "/v1/attention",
    "/v1/withdrawals",
    "/v1/deposits",
    "/v1/scans",
    "/v1/proposals",
    "/v1/reconciliation",
    "/v1/workers",
  ])("says that it does not know where %s fails, or waits", async (path) => {
    await overview({
      first: (request) => (at(request, path) ? Promise.resolve(json(500, refusal("EXQ-0001", "it failed", ""))) : undefined),
    });
    await waitFor(() => expect(told()).toContain("it failed EXQ-0001"));
    expect(told()).not.toContain(GOOD);
    const never = new Promise<Response>(() => undefined);
    await overview({ first: (request) => (at(request, path) ? never : undefined) });
    await waitFor(() => expect(told()).toContain("being read"));
    expect(told()).not.toContain(GOOD);
  });

  // Goal: the same where it was known once. Method: the read fails afterwards.
  it("says since when it does not know", async () => {
    let fails = false;
    const shown = await overview({
      first: (request) =>
        fails && at(request, "/v1/attention") ? Promise.resolve(json(500, refusal("EXQ-0001", "it failed", ""))) : undefined,
    });
    await waitFor(() => expect(told()).toContain(GOOD));
    fails = true;
    await shown.client.refetchQueries({ queryKey: ["/v1/attention"] });
    await waitFor(() => expect(told()).toMatch(/What stops payouts: not known for .* it failed/));
    expect(told()).not.toContain(GOOD);
  });

  // Goal: whoever may not see payouts is not told that none needs anybody. Method: a role without users.read.
  it("says what it may not see", async () => {
    const instead = {
      ...NOTHING_WRONG,
      "/v1/session": (answer: { permissions: string[] }) => ({
        ...answer,
        permissions: answer.permissions.filter((one) => one !== "users.read"),
      }),
    };
    await overview({ instead });
    await waitFor(() =>
      expect(told()).toContain("Withdrawals that are stuck: your roles do not let you see this (users.read)"),
    );
    expect(told()).not.toContain(GOOD);
  });

  // Goal: a withdrawal is told once, as it is. Method: one that was approved and got stuck between two reads.
  it("tells of a withdrawal that moved once", async () => {
    const one = (answer: { withdrawals: object[] }, state: string, moved_at: string) =>
      Promise.resolve(
        json(200, { next_before: null, withdrawals: [{ ...answer.withdrawals[0], withdrawal: 7, state, moved_at }] }),
      );
    const withdrawals = answerTo("/v1/withdrawals", "full") as { withdrawals: object[] };
    await overview({
      first: (request) => {
        if (!at(request, "/v1/withdrawals")) return undefined;
        const state = new URL(request.url).searchParams.get("state");
        if (state === "stuck") return one(withdrawals, "stuck", "2026-11-29T10:00:01Z");
        return state === "awaiting-approval" ? one(withdrawals, "awaiting-approval", "2026-11-29T10:00:00Z") : undefined;
      },
    });
    await waitFor(() => expect(told()).toContain("stuck, since"));
    await waitFor(() => expect(told()).not.toContain("being read"));
    expect(told().match(/Withdrawal 7/g)).toHaveLength(1);
  });

  // Goal: an old withdrawal that is stuck is found however many came after it. Method: what the node is asked for, state by state.
  it("asks for each state by its name", async () => {
    const asked: string[] = [];
    await overview({
      first: (request) => {
        if (at(request, "/v1/withdrawals")) asked.push(new URL(request.url).searchParams.get("state") ?? "any");
        return undefined;
      },
    });
    await waitFor(() => expect(told()).toContain(GOOD));
    expect([...new Set(asked)].toSorted()).toEqual(["awaiting-approval", "review", "stuck", "unknown"]);
  });
});
