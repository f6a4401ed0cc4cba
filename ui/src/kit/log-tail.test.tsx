import { fireEvent, waitFor } from "@testing-library/react";
import { afterEach, describe, expect, it, vi } from "vitest";
import { press } from "../testing/deeds";
import { EVIL } from "../testing/fake-node";
import { json, refusal, show } from "../testing/page";

afterEach(() => vi.unstubAllGlobals());

const PLACE = "/workers/deposit%2Fethereum-1?tab=logs";
const STREAM = "/logs/stream";
const panel = () => document.querySelector<HTMLElement>('section[aria-label="Log"]');
const words = () => panel()?.textContent ?? "";
const PATIENCE = { timeout: 15_000 };

/** A stream that a test tells line by line. */
function stream() {
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  const body = new ReadableStream<Uint8Array>({ start: (one) => (controller = one) });
  const tell = (text: string) => controller?.enqueue(new TextEncoder().encode(text));
  return {
    response: new Response(body, { status: 200, headers: { "content-type": "text/event-stream" } }),
    tell,
    line: (number: number, text: string, parts: object = {}) => {
      const line = { number, previous: number - 1, dropped: 0, time: "2026-11-29T10:00:00Z", level: "info", trace: "", text };
      tell(`event: line\nid: ${String(number)}\ndata: ${JSON.stringify({ ...line, ...parts })}\n\n`);
    },
    end: (code: string, message: string) => {
      tell(`event: end\ndata: ${JSON.stringify(refusal(code, message, ""))}\n\n`);
      controller?.close();
    },
    breaks: () => controller?.error(new TypeError("network")),
  };
}

/** The page of a worker's log whose streams are these, one after the other; what was asked with each. */
async function log(streams: (Response | Promise<Response>)[]) {
  const asked: (string | null)[] = [];
  await show(PLACE, "full", {
    first: (request) => {
      if (!new URL(request.url).pathname.endsWith(STREAM)) return undefined;
      asked.push(request.headers.get("last-event-id"));
      return Promise.resolve(streams[Math.min(asked.length, streams.length) - 1] as Response);
    },
  });
  return asked;
}

describe("a worker's log", () => {
  // Goal: it goes on where it was after a break, without a reload, and says meanwhile that it does not know. Method: a stream that breaks
  // after a line, one that the node refuses, and one that goes on.
  it("says that it broke, and goes on", async () => {
    const [first, second] = [stream(), stream()];
    const asked = await log([first.response, json(503, refusal("EXQ-0303", "no leader", "")), second.response]);
    first.line(1, "before");
    await waitFor(() => expect(words()).toContain("before"));
    expect(words()).toContain("live");
    first.breaks();
    await waitFor(() => expect(words()).toContain("This is what was last seen"));
    expect(words()).toContain("connecting");
    await waitFor(() => expect(words()).toContain("since then: no leader EXQ-0303"), PATIENCE);
    expect(words()).toContain("before");
    await waitFor(() => expect(words()).toContain("live"), PATIENCE);
    second.line(1, "before");
    second.line(4, "behind", { previous: 3 });
    await waitFor(() => expect(words()).toContain("behind"));
    expect(words()).toContain("lines are missing here");
    expect(words().match(/before/g)).toHaveLength(1);
    expect(words()).not.toContain("last seen");
    expect(asked).toEqual([null, "1", "1"]);
  });

  // Goal: why a node ended it is told. Method: the node says that the session is over.
  it("says why the node ended it", async () => {
    const one = stream();
    await log([one.response, new Promise<Response>(() => undefined)]);
    one.line(1, "before");
    await waitFor(() => expect(words()).toContain("before"));
    one.end("EXQ-0212", "the session is over");
    await waitFor(() => expect(words()).toContain("the session is over EXQ-0212"));
  });

  // Goal: a worker that logged nothing is told from one whose log is not known. Method: a stream without a line; one that is not answered.
  it("tells nothing from not known", async () => {
    await log([stream().response]);
    await waitFor(() => expect(words()).toContain("It has logged nothing on this node yet"));
    expect(panel()?.ariaBusy).toBe("false");
    await show(PLACE, "loading");
    await waitFor(() => expect(panel()?.ariaBusy).toBe("true"));
    expect(words()).not.toContain("logged nothing");
  });

  // Goal: lines that are not shown are known to be there. Method: a text that no line has, then a pause while others come.
  it("says that none fits, and how many came meanwhile", async () => {
    const one = stream();
    await log([one.response]);
    one.line(1, "a line");
    await waitFor(() => expect(words()).toContain("a line"));
    const text = panel()?.querySelector("input");
    fireEvent.change(text as Element, { target: { value: "another" } });
    await waitFor(() => expect(words()).toContain("No line yet that fits."));
    fireEvent.change(text as Element, { target: { value: "" } });
    await waitFor(() => expect(words()).toContain("a line"));
    await press("Pause");
    one.line(2, "a second");
    one.line(3, "a third", { dropped: 7 });
    await waitFor(() => expect(words()).toContain("Go on: 2 new lines"));
    expect(words()).toContain("7 lines were dropped here");
  });

  // Goal: a sieve leaves out lines, not that some are missing: that is told at the next line that is shown. Method: a gap and dropped lines at lines
  // that do not fit, then one that fits and one that follows it without a gap; then without a text.
  it("says that lines are missing where a text is asked for", async () => {
    const one = stream();
    await log([one.response]);
    one.line(1, "wanted, the first");
    await waitFor(() => expect(words()).toContain("the first"));
    fireEvent.change(panel()?.querySelector("input") as Element, { target: { value: "wanted" } });
    one.line(5, "another", { previous: 4, dropped: 2 });
    one.line(6, "another", { dropped: 3 });
    one.line(7, "wanted, the second");
    one.line(8, "wanted, the third");
    await waitFor(() => expect(words()).toContain("the third"));
    const lines = () => [...document.querySelectorAll(".log-line")].map(({ textContent }) => textContent);
    const gaps = () => lines().map((line) => /(\d lines were dropped here · )?(lines are missing here · )?/.exec(line)?.[0]);
    expect(gaps()).toEqual(["", "5 lines were dropped here · lines are missing here · ", ""]);
    // The same where it was told before the text was asked for.
    fireEvent.change(panel()?.querySelector("input") as Element, { target: { value: "wanted, the" } });
    await waitFor(() => expect(gaps()[1]).toContain("5 lines were dropped"));
    fireEvent.change(panel()?.querySelector("input") as Element, { target: { value: "" } });
    await waitFor(() => expect(lines()).toHaveLength(5));
    expect(gaps()).toEqual([
      "",
      "2 lines were dropped here · lines are missing here · ",
      "3 lines were dropped here · ",
      "",
      "",
    ]);
  });

  // Goal: a link to a time leads there: the node is asked from then on, the log stands still at the line, which is marked, and goes on when one
  // wants; each line has such a link, and a log that is paused one to what is seen. Method: a link to a time between lines; what is copied
  // is looked at.
  it("is linked to at a time", async () => {
    const copied = vi.fn(() => Promise.resolve());
    vi.stubGlobal("navigator", Object.assign(Object.create(navigator) as Navigator, { clipboard: { writeText: copied } }));
    const one = stream();
    const asked: string[] = [];
    await show(`${PLACE}&level=info&at=2026-11-29T10:00:29.500Z`, "full", {
      first: (request) => {
        if (!new URL(request.url).pathname.endsWith(STREAM)) return undefined;
        asked.push(new URL(request.url).search);
        return Promise.resolve(one.response);
      },
    });
    const tell = (number: number) => {
      const time = `2026-11-29T10:00:${String(number).padStart(2, "0")}.000001Z`;
      one.line(number, `at ${String(number)}`, { time });
    };
    for (let number = 1; number < 30; number += 1) tell(number);
    await waitFor(() => expect(words()).toContain("Nothing that fits was written at"), PATIENCE);
    expect(words()).not.toContain("paused");
    for (let number = 30; number < 60; number += 1) tell(number);
    await waitFor(() => expect(words()).toContain("paused"));
    expect(words()).not.toContain("Nothing that fits");
    // Five lines above it are seen, of 21 pixels each.
    const log = document.querySelector(".log") as Element;
    expect(log.scrollTop).toBe((30 - 1 - 5) * 21);
    fireEvent.scroll(log);
    await waitFor(() => expect(document.querySelector(".log-line[data-reached]")?.textContent).toContain("at 30"));
    expect(asked).toEqual(["?limit=1000&from=2026-11-29T10%3A00%3A29.500Z"]);
    await press("Copy link to this time");
    const at = (link: unknown) => new URL(String(link)).searchParams.get("at");
    expect(at(copied.mock.calls.flat()[0])).toBe("2026-11-29T10:00:25.000001Z");
    fireEvent.click(document.querySelector(".log-line[data-reached] .log-time") as Element);
    expect(at(copied.mock.calls.flat()[1])).toBe("2026-11-29T10:00:30.000001Z");
    await press("Go on");
    await waitFor(() => expect(window.location.search).not.toContain("at="));
    expect(words()).toContain("live");
    await press("Copy link");
    expect(at(copied.mock.calls.flat()[2])).toBeNull();
    expect(asked).toHaveLength(1);
  });

  // Goal: what a worker logs is obeyed by nothing. Method: the worst text as text, trace and level.
  it("shows as text what a worker wrote", async () => {
    const one = stream();
    await log([one.response]);
    one.line(1, EVIL, { trace: EVIL, level: EVIL });
    await waitFor(() => expect(words()).toContain("<script>document.title='run'</script>\\u{202E}\\u{0007}\\u{200B}end"));
    expect(panel()?.querySelector("img, script, [onerror], [onmouseover]")).toBeNull();
    expect(words()).not.toMatch(/[\u202e\u0007\u200b]/);
  });
});
