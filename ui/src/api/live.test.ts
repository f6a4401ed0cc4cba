import { QueryClient } from "@tanstack/react-query";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { follow } from "./live";

class Events {
  static last: Events | undefined;
  onopen: (() => void) | null = null;
  onerror: (() => void) | null = null;
  private readonly heard = new Map<string, () => void>();
  constructor() {
    Events.last = this;
  }
  addEventListener(kind: string, hear: () => void): void {
    this.heard.set(kind, hear);
  }
  tell(kind: string): void {
    this.heard.get(kind)?.();
  }
  close(): void {
    this.heard.clear();
  }
}

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("EventSource", Events);
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

/** A stream that is followed; how often reads of a topic were made again. */
function followed() {
  const client = new QueryClient();
  const made: string[] = [];
  vi.spyOn(client, "invalidateQueries").mockImplementation((filters) => {
    if (filters?.queryKey?.[0] === "/v1/status") made.push("status");
    const asks = (topic: string) => filters?.predicate?.({ queryKey: ["/a", topic] } as never) === true;
    for (const topic of ["money", "cluster"]) if (asks(topic)) made.push(topic);
    return Promise.resolve();
  });
  const end = follow(client, true);
  return { made, end };
}

// Goal: what changes seldom is shown at once, what changes all the time costs the node a read every few seconds, and the last change is
// read too. Method: one event, then ten a second for half a minute, then none.
it("reads again soon, not all the time, and not too seldom", async () => {
  const { made, end } = followed();
  Events.last?.tell("money");
  await vi.advanceTimersByTimeAsync(300);
  expect(made).toEqual(["money"]);
  for (let turn = 0; turn < 300; turn += 1) {
    Events.last?.tell("money");
    await vi.advanceTimersByTimeAsync(100);
  }
  expect(made.length).toBeGreaterThanOrEqual(3);
  expect(made.length).toBeLessThanOrEqual(5);
  const before = made.length;
  Events.last?.tell("money");
  Events.last?.tell("cluster");
  await vi.advanceTimersByTimeAsync(300);
  expect(made.slice(before)).toContain("cluster");
  await vi.advanceTimersByTimeAsync(11_000);
  expect(made.slice(before).filter((topic) => topic === "money")).toHaveLength(1);
  end();
});

// Goal: what happened while nobody listened is read again. Method: a stream that opens, and one that has a gap.
it("reads everything again after a gap", async () => {
  const { made, end } = followed();
  Events.last?.onopen?.();
  await vi.advanceTimersByTimeAsync(300);
  expect(made).toEqual(["money", "cluster"]);
  await vi.advanceTimersByTimeAsync(11_000);
  Events.last?.tell("gap");
  await vi.advanceTimersByTimeAsync(300);
  expect(made).toHaveLength(4);
  end();
});

// Goal: a node that died is looked for at once, and one that is known to be gone is not asked again by this. Method: a stream that breaks
// while it is open, and one that cannot be opened.
it("looks whether the node is there when its stream breaks", async () => {
  const { made, end } = followed();
  Events.last?.onopen?.();
  await vi.advanceTimersByTimeAsync(300);
  const before = made.length;
  Events.last?.onerror?.();
  expect(made.slice(before)).toEqual(["status"]);
  await vi.advanceTimersByTimeAsync(3_100);
  Events.last?.onerror?.();
  expect(made.slice(before)).toEqual(["status"]);
  end();
});
