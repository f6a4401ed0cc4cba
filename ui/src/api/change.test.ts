import { expect, it } from "vitest";
import { CommandIds, factsOf } from "./change";

// Goal: what is sent again is one command, and what differs is another. Method: the ids of a form that is sent, changed, and answered.
it("keeps the id of what is sent again", () => {
  const ids = new CommandIds();
  const first = ids.of({ amount: "1", reason: "a" });
  expect(first).toMatch(/^[0-9a-f]{32}$/);
  expect(ids.of({ amount: "1", reason: "a" })).toBe(first);
  const second = ids.of({ amount: "2", reason: "a" });
  expect(second).not.toBe(first);
  ids.answered();
  expect(ids.of({ amount: "2", reason: "a" })).not.toBe(second);
});

// Goal: the description says which changes can name an id. Method: one that can and one that cannot.
it("knows which changes take effect once", () => {
  expect(factsOf("POST /v1/payouts/{payout}/review").once).toBe(true);
  expect(factsOf("POST /v1/sessions/revoke").once).toBe(false);
});
