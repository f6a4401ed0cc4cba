import { cleanup, fireEvent, screen, waitFor, within } from "@testing-library/react";
import { afterEach, describe, expect, it, vi } from "vitest";
import { answerTo } from "../testing/fake-node";
import { PHRASE } from "../app/deed";
import { answerWith, dialog, fill, isClosed, made, noting, press } from "../testing/deeds";
import { type Options, show } from "../testing/page";
import { milliseconds } from "./worker-metrics";
import { cameFrom } from "./worker-settings";

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

const WORKER = "deposit/ethereum-1";
const PLACE = "/workers/deposit%2Fethereum-1";
const AT = `worker.jobs_at_once@worker:${WORKER}`;
const panel = (title: string) => document.querySelector<HTMLElement>(`section[aria-label="${title}"]`);
const words = (title: string) => panel(title)?.textContent ?? "";
const pathOf = (request: Request) => decodeURIComponent(new URL(request.url).pathname);

/** Reads of these paths are answered with these parts; `after` has the rest. */
function reads(
  parts: Readonly<Record<string, (query: URLSearchParams) => object>>,
  after?: Options["first"],
): Options["first"] {
  return (request) => {
    const [path, { searchParams }] = [pathOf(request), new URL(request.url)];
    const part = request.method === "GET" ? parts[path] : undefined;
    // A name with a slash is one part of an address.
    if (part !== undefined) return answerWith(new URL(request.url).pathname, part(searchParams));
    return after?.(request);
  };
}

const setting = (key: string, parts: object) => {
  const { settings } = answerTo("/v1/settings", "full") as { settings: object[] };
  return { ...settings[0], key, ...parts };
};

describe("a worker's configuration", () => {
  const LIST = {
    "/v1/settings": () => ({
      revision: 14,
      settings: [
        setting("worker.jobs_at_once", { places: "workers", value: "4" }),
        setting("read.stale_max", { places: "nowhere", value: "20s" }),
      ],
    }),
    [`/v1/workers/${WORKER}`]: () => ({ settings_revision: 12 }),
  };
  const held = (parts: object) => ({
    ...LIST,
    [`/v1/settings/${AT}`]: () => ({ key: AT, value: "9", default: "4", danger: 3, choices: [], revision: 7, ...parts }),
  });

  // Goal: what holds for this worker is what the node says of it, with where that comes from, and nothing of other settings. Method: a
  // setting whose value for the network is not its plain one.
  it("shows what holds for the worker, and where it comes from", async () => {
    await show(`${PLACE}?tab=configuration`, "full", {
      first: reads(held({ from: "worker.jobs_at_once@network:ethereum" })) as never,
    });
    const [, row, ...further] = within(panel("Live configuration") as HTMLElement).getAllByRole("row");
    for (const word of ["worker.jobs_at_once", "9", "network ethereum", "3: can stop the cluster"])
      expect(row?.textContent).toContain(word);
    expect(further).toEqual([]);
    expect(words("Live configuration")).toContain("works with revision 12; the latest of all settings is 14");
    // There is no value of its own to take away.
    expect(screen.queryByRole("button", { name: "Unset" })).toBeNull();
  });

  // Goal: a change is for this worker alone, and refused where its value has changed since. Method: a change is filled in and sent.
  it("changes it for this worker", async () => {
    const { sent, first } = noting(made);
    const preview = { "/v1/settings/preview": () => ({ from: "9", to: "6", not_in: [] }) };
    await show(`${PLACE}?tab=configuration`, "full", { first: reads({ ...held({ from: AT }), ...preview }, first) as never });
    await press("Change");
    fill("Value", "6");
    fill("Reason", "a test");
    await waitFor(() => expect(dialog().querySelector("ins")?.textContent).toBe("6"));
    fill(/^Type /, PHRASE);
    await press("Change", dialog);
    await waitFor(() => expect(isClosed()).toBe(true));
    await press("Unset");
    fill("Reason", "back");
    fill(/^Type /, PHRASE);
    await press("Unset", dialog);
    await waitFor(() => expect(isClosed()).toBe(true));
    expect(sent.map(({ method, path, body }) => [method, path, body["if_revision"], body["value"]])).toEqual([
      ["PUT", `/v1/settings/${AT}`, 7, "6"],
      ["POST", `/v1/settings/${AT}/unset`, 7, undefined],
    ]);
  });

  // Goal: each place has a word. Method: the keys that the API tells.
  it.each([
    [null, "default"],
    ["a.b", "everywhere"],
    ["a.b@kind:deposit", "kind deposit"],
    ["a.b@kind:deposit,network:tron", "kind deposit, network tron"],
    ["a.b@worker:deposit/tron-1", "this worker"],
  ])("says where %s is", (from, told) => {
    expect(cameFrom({ from, key: "a.b@worker:deposit/tron-1" })).toBe(told);
  });
});

describe("a worker's metrics", () => {
  const worker = (heartbeat: number, queue_depth: number) => {
    const { summary } = answerTo("/v1/workers/name", "full") as { summary: object };
    return { summary: { ...summary, heartbeat: new Date(heartbeat).toISOString(), queue_depth, queue_age: "1m30s" } };
  };
  const rowOf = (name: string) =>
    within(panel("Metrics") as HTMLElement)
      .getAllByRole("row")
      .find((row) => row.textContent.startsWith(name))?.textContent ?? "";

  // Goal: the least and the most are of what was read since the page was opened, and that is said. Method: two reports, one after the other.
  it("keeps what was read since the page was opened, and says so", async () => {
    let now = worker(Date.now() - 11_000, 7);
    const shown = await show(`${PLACE}?tab=metrics`, "full", {
      first: reads({ [`/v1/workers/${WORKER}`]: () => now }) as never,
    });
    expect(words("Metrics")).toContain("The node keeps no past of these");
    expect(words("Metrics")).toContain("one report, of");
    now = worker(Date.now() - 1_000, 3);
    await shown.client.refetchQueries({ queryKey: ["/v1/workers/{worker}"] });
    await waitFor(() => expect(words("Metrics")).toContain("2 reports over 10 s"));
    // The latest report, its line in words, the first, the least, the most.
    const line = "Its line of 2 values: lowest 3, highest 7, first 7, last 3.";
    expect(rowOf("Jobs waiting for it")).toBe(`Jobs waiting for it3${line}737`);
    expect(rowOf("The oldest of them waits")).toContain("1 min 30 s");
  });

  // Goal: a worker that reports nothing any more is not shown as it is now. Method: a report of a minute ago.
  it("says that a report is old", async () => {
    await show(`${PLACE}?tab=metrics`, "full", {
      first: reads({ [`/v1/workers/${WORKER}`]: () => worker(Date.now() - 60_000, 7) }) as never,
    });
    expect(words("Metrics")).toContain("this is how it was then, not how it is now");
  });

  // Goal: a span is as long as the API says. Method: spans of each unit.
  it.each([
    ["250ms", 250],
    ["1h30m", 5_400_000],
    ["2d", 172_800_000],
    ["500us", 0.5],
  ])("reads %s", (text, ms) => {
    expect(milliseconds(text)).toBe(ms);
  });
});

describe("a worker's history", () => {
  const record = (sequence: number, target: string) => {
    const { entries } = answerTo("/v1/audit", "full") as { entries: object[] };
    return { ...entries[0], sequence, target, reason: `reason ${String(sequence)}.` };
  };
  const event = (number: number, key: string) => {
    const { events } = answerTo("/v1/events", "full") as { events: object[] };
    return { ...events[0], number, key, topic: "workers", data: { from: "running", to: "failed" }, actor: null };
  };

  // Goal: what was done to this worker is shown, nothing of others, and how far back was looked. Method: a node that
  // finds by target and looks through a part at once; then the page goes further back.
  it("shows the records about it, and says which were looked through", async () => {
    const asked: string[] = [];
    const page = (query: URLSearchParams) => {
      asked.push(query.toString());
      return query.has("before")
        ? { entries: [record(500, WORKER)], head: 12_499, next_before: null, looked_through: 2_499 }
        : { entries: [record(2_500, WORKER), record(2_502, WORKER)], head: 12_499, next_before: 2_500, looked_through: 10_000 };
    };
    await show(`${PLACE}?tab=history`, "full", { first: reads({ "/v1/audit": page }) as never });
    const title = "What was done, and by whom";
    expect(words(title)).toContain(
      "Only the records of the audit 2\u202f500 to 12\u202f499, of 12\u202f499, were looked through",
    );
    expect(words(title)).toContain("what is outside of them is not shown");
    expect([...words(title).matchAll(/reason (\d+)\./g)].map(([, number]) => number)).toEqual(["2502", "2500"]);
    await press("Older", () => panel(title) as HTMLElement);
    await waitFor(() => expect(words(title)).toContain("reason 500."));
    expect(words(title)).toContain("Only the records of the audit 1 to 2\u202f499, of 12\u202f499, were looked through");
    const queries = asked.map((query) => Object.fromEntries(new URLSearchParams(query)));
    expect(queries).toEqual([
      { target: WORKER, limit: "1000" },
      { target: WORKER, limit: "1000", before: "2500" },
    ]);
  });

  // Goal: no event within what was looked through is left out, and none of others is shown. Method: events that come in two pages.
  it("shows the events that happened to it", async () => {
    const page = (query: URLSearchParams) => {
      const from = query.get("from");
      if (from === null) return { events: [], first: 100, last: 400, next: 401 };
      if (from === "100") return { events: [event(120, WORKER), event(130, "other/1")], first: 100, last: 400, next: 200 };
      return { events: [event(300, WORKER)], first: 100, last: 400, next: 401 };
    };
    await show(`${PLACE}?tab=history`, "full", { first: reads({ "/v1/events": page }) as never });
    const title = "What happened to it";
    const rows = within(panel(title) as HTMLElement).getAllByRole("row");
    expect(rows.slice(1).map((row) => row.firstElementChild?.textContent)).toEqual(["300", "120"]);
    expect(words(title)).toContain("from: running, to: failed");
    expect(words(title)).toContain("time, or a new leader");
    expect(words(title)).toContain("that is all that are kept");
  });
});

describe("a worker's log", () => {
  // Goal: a link shows the same lines. Method: a page that is opened with a level and a text, which are then changed and copied.
  it("has its filters in the address", async () => {
    const copied: string[] = [];
    const clipboard = { writeText: (text: string) => Promise.resolve(void copied.push(text)) };
    Object.defineProperty(navigator, "clipboard", { configurable: true, value: clipboard });
    const { address } = await show(`${PLACE}?tab=logs&level=warn&text=nonce`, "full");
    const level = await waitFor(() => screen.getByLabelText<HTMLSelectElement>("Down to"));
    const text = screen.getByLabelText<HTMLInputElement>("With the text");
    expect([level.value, text.value]).toEqual(["warn", "nonce"]);
    fireEvent.change(text, { target: { value: "gap" } });
    expect(text.value).toBe("gap");
    await waitFor(() => expect(address()).toContain("text=gap"));
    expect(address()).toContain("level=warn");
    await press("Copy link");
    expect(copied).toEqual([window.location.href]);
  });

  // Goal: a code in an error leads to what it means, once. Method: an error that names one twice.
  it("leads to what an error's code means", async () => {
    const error = { count: 1, fingerprint: "f", first: "2026-11-29T10:00:00Z", last: "2026-11-29T10:00:00Z" };
    const message = "EXQ-0305: nobody knows (EXQ-0305)";
    await show(`${PLACE}?tab=errors`, "full", {
      first: reads({ [`/v1/workers/${WORKER}`]: () => ({ errors: [{ ...error, message }] }) }) as never,
    });
    expect(screen.getAllByRole("link", { name: "What EXQ-0305 means" })).toHaveLength(1);
  });
});
