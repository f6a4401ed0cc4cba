import { QueryClient } from "@tanstack/react-query";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { follow } from "./live";

/** A stream that a test tells, as the node's answer to the next one that asks. */
class Events {
  static last: Events | undefined;
  private controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  readonly response: Response;
  constructor(signal: AbortSignal) {
    Events.last = this;
    const body = new ReadableStream<Uint8Array>({ start: (one) => (this.controller = one) });
    signal.addEventListener("abort", () => this.controller?.error(signal.reason));
    this.response = new Response(body, { status: 200, headers: { "content-type": "text/event-stream" } });
  }
  say(text: string): void {
    this.controller?.enqueue(new TextEncoder().encode(text));
  }
  tell(kind: string): void {
    this.say(`event: ${kind}\ndata: {}\n\n`);
  }
  breaks(): void {
    this.controller?.error(new TypeError("network"));
  }
}

let isThere = true;
beforeEach(() => {
  vi.useFakeTimers();
  isThere = true;
  vi.stubGlobal("fetch", ({ signal }: Request) =>
    isThere ? Promise.resolve(new Events(signal).response) : Promise.reject(new TypeError("nobody is there")),
  );
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

/** A stream that is followed; how often reads of a topic were made again. */
async function followed() {
  const client = new QueryClient();
  const made: string[] = [];
  vi.spyOn(client, "invalidateQueries").mockImplementation((filters) => {
    if (filters?.queryKey?.[0] === "/v1/status") made.push("status");
    const asks = (topic: string) => filters?.predicate?.({ queryKey: ["/a", topic] } as never) === true;
    for (const topic of ["money", "cluster"]) if (asks(topic)) made.push(topic);
    return Promise.resolve();
  });
  const end = follow(client, true);
  await vi.advanceTimersByTimeAsync(20_000);
  return { made, end };
}

// Goal: what changes seldom is shown at once, what changes all the time costs the node a read every few seconds, and the last change is
// read too. Method: one event, then ten a second for half a minute, then none.
it("reads again soon, not all the time, and not too seldom", async () => {
  const { made, end } = await followed();
  made.length = 0;
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
  const { made, end } = await followed();
  expect(made).toEqual(["money", "cluster"]);
  Events.last?.tell("gap");
  await vi.advanceTimersByTimeAsync(300);
  expect(made).toHaveLength(4);
  end();
});

// Goal: a node that died is looked for at once, and one that is known to be gone is not asked again by this. Method: a stream that breaks
// while it is open, and one that cannot be opened.
it("looks whether the node is there when its stream breaks", async () => {
  const { made, end } = await followed();
  const before = made.length;
  isThere = false;
  Events.last?.breaks();
  await vi.advanceTimersByTimeAsync(1);
  expect(made.slice(before)).toEqual(["status"]);
  await vi.advanceTimersByTimeAsync(3_100);
  expect(made.slice(before)).toEqual(["status"]);
  end();
});

// Goal: a node that falls silent without a word is noticed, and one that says from time to time that nothing happens is not taken for that.
// Method: a stream with what a node says every ten seconds, and then without.
it("looks whether the node is there when its stream says nothing any more", async () => {
  const { made, end } = await followed();
  const [before, first] = [made.length, Events.last];
  for (let turn = 0; turn < 6; turn += 1) {
    first?.say(": keep-alive\nid: 7\n\n");
    await vi.advanceTimersByTimeAsync(10_000);
  }
  expect([made.length, Events.last]).toEqual([before, first]);
  await vi.advanceTimersByTimeAsync(16_000);
  expect(made.slice(before)).toEqual(["status"]);
  // And it is followed anew.
  await vi.advanceTimersByTimeAsync(3_100);
  expect(Events.last).not.toBe(first);
  end();
});
