import { afterEach, expect, it, vi } from "vitest";
import { onRefused, patience, Refused, seen } from "./client";

afterEach(() => vi.restoreAllMocks());

const answer = (error: unknown) => seen(Promise.reject(error as Error));

// Goal: what the page gave up itself is no news of the node, or a page that asks anew would ask without an end. Method: a read that
// was given up, one that took too long, and one that met nobody.
it("tells of a node that does not answer, and not of what it gave up", async () => {
  const heard: Refused[] = [];
  const end = onRefused((refused) => heard.push(refused));
  await expect(answer(new DOMException("given up", "AbortError"))).rejects.toBeInstanceOf(Refused);
  expect(heard).toEqual([]);
  await expect(answer(new DOMException("too long", "TimeoutError"))).rejects.toThrow("did not answer in time");
  await expect(answer(new TypeError("no network"))).rejects.toThrow("cannot be reached");
  expect(heard.map(({ isUnreachable }) => isUnreachable)).toEqual([true, true]);
  end();
});

// Goal: a change may have been made where nobody knows, and nowhere else. Method: no answer, answers of what stands in between, and of nodes
// that could not begin, do not know, stopped, or refused.
it.each([
  [0, "", true, false],
  [502, "", true, false],
  [503, "", true, false],
  [504, "EXQ-0305", true, false],
  [500, "EXQ-0112", true, false],
  [502, "EXQ-0111", true, false],
  [503, "EXQ-0702", true, false],
  [503, "EXQ-0303", false, true],
  [503, "EXQ-0304", false, true],
  [503, "EXQ-1130", false, true],
  [507, "EXQ-0501", false, true],
  [409, "EXQ-0404", false, false],
  [429, "EXQ-0313", false, false],
  [409, "EXQ-0305", true, false],
])("knows what a refusal with status %d and code %s means for a change", (status, code, isUnknown, isHeldOff) => {
  const refused = new Refused(status, code, "", "", "");
  expect([refused.isUnknown, refused.isHeldOff]).toEqual([isUnknown, isHeldOff]);
});

// Goal: a node that falls silent is noticed within seconds, and nobody is cut off who asks for what takes its time. Method: the patience of
// what tells of the node, of a read, of what reads everything, and of a change.
it("waits as long as an answer may take", () => {
  const of = (method: string, path: string) => patience({ method, url: `https://node${path}` });
  expect(of("GET", "/v1/status")).toBeLessThanOrEqual(2_000);
  expect(of("GET", "/v1/workers")).toBe(10_000);
  expect(of("GET", "/v1/ledger/verify")).toBeGreaterThan(600_000);
  expect(of("POST", "/v1/emergency/stop")).toBe(60_000);
});
