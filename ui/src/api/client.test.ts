import { afterEach, expect, it, vi } from "vitest";
import { onRefused, Refused, seen } from "./client";

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
