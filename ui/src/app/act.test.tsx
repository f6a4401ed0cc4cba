import { fireEvent, waitFor, within } from "@testing-library/react";
import { afterEach, describe, expect, it, vi } from "vitest";
import { answerWith, dialog, fill, FRESH, isClosed, made, noting, press } from "../testing/deeds";
import { json, type Options, refusal, show } from "../testing/page";
import { PHRASE } from "./deed";

afterEach(() => vi.unstubAllGlobals());

const isAt = (request: Request, path: string) => decodeURIComponent(new URL(request.url).pathname) === path;
const words = () => dialog().textContent;
const CHANGED = "has changed meanwhile";

/** Reads of `path` are answered with what `parts` says at the time. */
function live(path: string, parts: () => object, after: NonNullable<Options["first"]>): NonNullable<Options["first"]> {
  return (request) =>
    request.method === "GET" && isAt(request, path) ? answerWith(new URL(request.url).pathname, parts()) : after(request);
}

describe("an open dialog", () => {
  // Goal: it never becomes another command. Method: the exchange is stopped by somebody else while the dialog that stops it is filled in.
  it("stays what it was when something else happens meanwhile", async () => {
    let stopped = false;
    const { sent, first } = noting(made);
    const node = live("/v1/emergency", () => ({ stopped }), first);
    const shown = await show("/maintenance", "full", { instead: FRESH, first: node });
    await press("Stop everything");
    fill("Reason", "a test");
    fill(/^Type /, PHRASE);
    expect(words()).not.toContain(CHANGED);
    stopped = true;
    await shown.client.refetchQueries({ queryKey: ["/v1/emergency"] });
    await waitFor(() => expect(document.body.textContent).toContain("The exchange is stopped."));
    await waitFor(() => expect(words()).toContain(CHANGED));
    expect(words()).not.toContain("Resume");
    await press("Stop everything", dialog);
    await waitFor(() => expect(isClosed()).toBe(true));
    expect(sent.map(({ path }) => path)).toEqual(["/v1/emergency/stop"]);
  });

  // Goal: the version that is sent is the one that was looked at. Method: the network is changed by somebody else meanwhile.
  it("sends the version that was on the page when it was opened", async () => {
    let version = 5;
    const { sent, first } = noting(made);
    const network = { deposits: { on: true, refused: null } };
    const node = live("/v1/networks/ethereum", () => ({ network: "ethereum", version, ...network }), first);
    const shown = await show("/networks/ethereum", "full", { instead: FRESH, first: node });
    await press("Switch off deposits");
    version = 6;
    network.deposits.on = false;
    await shown.client.refetchQueries({ queryKey: ["/v1/networks/{network}"] });
    await waitFor(() => expect(words()).toContain(CHANGED));
    fill("Reason", "a test");
    if (words().includes("Type ")) fill(/^Type /, "ethereum");
    await press("Switch off deposits", dialog);
    await waitFor(() => expect(sent.length).toBe(1));
    expect(sent[0]?.body).toMatchObject({ deposits: false, if_version: 5 });
  });

  // Goal: a form begins with what holds when it is opened, not with what held when the page was. Method: a flag that changed in between.
  it("begins with what is on the page when it is opened", async () => {
    let flag = { name: "some.flag", on: false, permille: 10, version: 1 };
    const { sent, first } = noting(made);
    const node = live(
      "/v1/flags",
      () => ({ flags: [{ ...flag, allowed: [], networks: [], changes: [], summary: "off" }] }),
      first,
    );
    const shown = await show("/settings?tab=flags", "full", { instead: FRESH, first: node });
    flag = { ...flag, on: true, permille: 700, version: 2 };
    await shown.client.refetchQueries({ queryKey: ["/v1/flags"] });
    await press("Change");
    fill("Reason", "a test");
    if (words().includes("Type ")) fill(/^Type /, "some.flag");
    await press("Change", dialog);
    await waitFor(() => expect(sent.length).toBe(1));
    expect(sent[0]?.body).toMatchObject({ on: true, permille: 700, if_version: 2 });
  });

  // Goal: nobody takes in a discrepancy that was not seen. Method: one more is found while the dialog is open.
  it("lets a network go on with what was missing when it was looked at", async () => {
    const one = { discrepancy: 1, difference: "-1" };
    let stopped_by = [one];
    const { sent, first } = noting(made);
    const node = live(
      "/v1/reconciliation",
      () => ({ stops: [{ stopped: "ethereum", since: new Date().toISOString(), stopped_by }] }),
      first,
    );
    const shown = await show("/reconciliation", "full", { instead: FRESH, first: node });
    await press("Pay out again");
    stopped_by = [one, { discrepancy: 2, difference: "-1000" }];
    await shown.client.refetchQueries({ queryKey: ["/v1/reconciliation"] });
    await waitFor(() => expect(words()).toContain(CHANGED));
    expect(words()).not.toContain("discrepancy 2");
    fill("Reason", "a test");
    fill(/^Type /, words().includes(PHRASE) ? PHRASE : "ethereum");
    await press("Pay out again", dialog);
    await waitFor(() => expect(sent.length).toBe(1));
    expect(sent[0]?.body).toMatchObject({ seen: [one] });
  });
});

describe("a dialog whose row goes", () => {
  // Goal: it does not close silently, and says what became of its row. Method: the flag is removed by somebody else while its dialog is
  // open; then the node refuses it, and the dialog is closed.
  it("stays, and says so", async () => {
    const flag = {
      name: "some.flag",
      on: false,
      permille: 10,
      version: 1,
      allowed: [],
      networks: [],
      changes: [],
      summary: "off",
    };
    let flags = [flag];
    const { sent, first } = noting(() => json(404, refusal("EXQ-0411", "there is no such flag", "")));
    const node = live("/v1/flags", () => ({ flags }), first);
    const shown = await show("/settings?tab=flags", "full", { instead: FRESH, first: node });
    await press("Change");
    fill("Reason", "a test");
    flags = [];
    await shown.client.refetchQueries({ queryKey: ["/v1/flags"] });
    await waitFor(() => expect(words()).toContain("is not on the page any more"));
    expect(within(dialog()).getByLabelText<HTMLTextAreaElement>("Reason").value).toBe("a test");
    if (words().includes("Type ")) fill(/^Type /, "some.flag");
    await press("Change", dialog);
    await waitFor(() => expect(words()).toContain("there is no such flag"));
    expect(sent).toHaveLength(1);
    await press("Cancel", dialog);
    await waitFor(() => expect(isClosed()).toBe(true));
    // What opened it is gone.
    await waitFor(() => expect(document.activeElement?.id).toBe("main"));
  });

  // Goal: whoever has no mouse is where they were. Method: a dialog is opened by a button that has the focus, and left.
  it("gives the focus back to what opened it", async () => {
    await show("/maintenance", "full", { instead: FRESH });
    const button = await waitFor(() => within(document.body).getByRole("button", { name: "Maintenance of a network" }));
    button.focus();
    fireEvent.click(button);
    await waitFor(() => expect(dialog().contains(document.activeElement)).toBe(true));
    fireEvent.keyDown(document.activeElement ?? document.body, { key: "Escape" });
    await waitFor(() => expect(isClosed()).toBe(true));
    await waitFor(() => expect(document.activeElement).toBe(button));
  });

  // Goal: letters that go to pages go nowhere from a dialog. Method: they are pressed while its button has the focus.
  it("is not left by a letter", async () => {
    await show("/maintenance", "full", { instead: FRESH });
    await press("Maintenance of a network");
    const cancel = within(dialog()).getByRole("button", { name: "Cancel" });
    cancel.focus();
    fireEvent.keyDown(cancel, { key: "g" });
    fireEvent.keyDown(cancel, { key: "w" });
    await new Promise((after) => setTimeout(after, 100));
    expect(words()).toContain("Maintenance of a network");
    expect(document.querySelector(".main h1")?.textContent).toBe("Maintenance and emergency");
  });
});

const WORKER = "deposit/ethereum-1";
const worker = (first: NonNullable<Options["first"]>, name = WORKER) =>
  show(`/workers/${encodeURIComponent(name)}`, "full", {
    instead: FRESH,
    first: live(`/v1/workers/${name}`, () => ({ worker: name, desired: "running" }), first),
  });

describe("a change that is not answered", () => {
  // Goal: it is told that it may have been made, and is the same command when it is sent again, from the dialog or a later one.
  // Method: a node that is gone when it is sent, then there.
  it("keeps its id beyond its dialog", async () => {
    let isThere = false;
    const { sent, first } = noting(() => {
      if (!isThere) throw new TypeError("failed to fetch");
      return made();
    });
    await worker(first);
    await press("Stop");
    fill("Reason", "a test");
    fill(/^Type /, WORKER);
    await press("Stop", dialog);
    await waitFor(() => expect(words()).toContain("It may have been made. Send it again: it takes effect once."));
    expect(words()).not.toContain("asks again by itself");
    const where = within(dialog()).getByRole("link").getAttribute("href");
    expect(where).toBe(`/ui/commands/${String(sent[0]?.body["command_id"])}`);
    await press("Stop", dialog);
    await waitFor(() => expect(sent.length).toBe(2));
    await press("Cancel", dialog);
    await press("Stop");
    expect(words()).toContain("not answered: it may have been made");
    isThere = true;
    fill(/^Type /, WORKER);
    await press("Stop", dialog);
    await waitFor(() => expect(isClosed()).toBe(true));
    expect(sent.length).toBe(3);
    expect(new Set(sent.map(({ body }) => body.command_id)).size).toBe(1);
    expect(document.querySelector(".toasts")?.textContent).toContain("look whether it holds");
    // It is answered now: the next one is another.
    await press("Stop");
    expect(words()).not.toContain("it may have been made");
    fill("Reason", "a test");
    fill(/^Type /, WORKER);
    await press("Stop", dialog);
    await waitFor(() => expect(sent.length).toBe(4));
    expect(sent[3]?.body.command_id).not.toBe(sent[0]?.body.command_id);
  });

  // Goal: where the node says that it could not begin, nothing is told to have been made; but what was sent before without an answer may
  // have been. Method: a node without a leader, alone, and after a node that was gone.
  it("is told from one that was not begun", async () => {
    let isGone = false;
    const { sent, first } = noting(() => {
      if (isGone) throw new TypeError("failed to fetch");
      return json(503, refusal("EXQ-0303", "no leader took the command; it had no effect", "try again"));
    });
    await worker(first);
    await press("Stop");
    fill("Reason", "a test");
    fill(/^Type /, WORKER);
    await press("Stop", dialog);
    await waitFor(() => expect(words()).toContain("Nothing was done."));
    expect(words()).not.toContain("may have been made");
    isGone = true;
    await press("Stop", dialog);
    await waitFor(() => expect(words()).toContain("It may have been made."));
    isGone = false;
    await press("Stop", dialog);
    await waitFor(() => expect(words()).toContain("This time nothing was done."));
    expect(words()).toContain("What was sent before, and not answered, may have been made all the same.");
    const ids = sent.map(({ body }) => body.command_id);
    expect([ids[0] === ids[1], ids[1] === ids[2]]).toEqual([false, true]);
  });

  // Goal: what became of it is told in any case. Method: a node that takes its time; neither Cancel nor Escape closes the dialog, the page is
  // left, and the node refuses; then the same again, opened once more before there is an answer.
  it("is told of wherever the person is by then", async () => {
    // Of one that nothing was sent to before.
    const OTHER = "deposit/tron-1";
    let answer: (of: Response) => void = () => undefined;
    const { sent, first } = noting(() => new Promise<Response>((resolve) => (answer = resolve)));
    const shown = await worker(first, OTHER);
    const stop = async () => {
      await press("Stop");
      if (!words().includes("not answered")) fill("Reason", "a test");
      fill(/^Type /, OTHER);
      await press("Stop", dialog);
    };
    await stop();
    await waitFor(() => expect(sent).toHaveLength(1));
    const cancel = within(dialog()).getByRole("button", { name: "Cancel" });
    expect(cancel.getAttribute("aria-disabled")).toBe("true");
    fireEvent.click(cancel);
    fireEvent.keyDown(document.activeElement ?? document.body, { key: "Escape" });
    expect(isClosed()).toBe(false);
    shown.go("/about");
    await waitFor(() => expect(isClosed()).toBe(true));
    answer(json(409, refusal("EXQ-0407", "the worker is wanted elsewhere", "look again")));
    const told = () => document.querySelector(".toasts")?.textContent ?? "";
    await waitFor(() => expect(told()).toContain("the worker is wanted elsewhere"));
    expect(told()).toContain(`Stop: ${OTHER}`);
    shown.go(-1);
    await waitFor(() => within(document.body).getByRole("button", { name: "Stop" }));
    await stop();
    await waitFor(() => expect(sent).toHaveLength(2));
    shown.go("/about");
    await waitFor(() => expect(isClosed()).toBe(true));
    shown.go(-1);
    await waitFor(() => within(document.body).getByRole("button", { name: "Stop" }));
    await stop();
    await waitFor(() => expect(sent).toHaveLength(3));
    const ids = sent.map(({ body }) => body["command_id"]);
    expect([ids[0] === ids[1], ids[1] === ids[2]]).toEqual([false, true]);
  });

  // Goal: an id that was used long ago is not used again: others may have undone what it did. Method: three minutes go by.
  it("is another command later", async () => {
    const { sent, first } = noting(() => {
      throw new TypeError("failed to fetch");
    });
    await worker(first);
    await press("Stop");
    fill("Reason", "a test");
    fill(/^Type /, WORKER);
    await press("Stop", dialog);
    await waitFor(() => expect(words()).toContain("It may have been made."));
    await press("Cancel", dialog);
    const later = Date.now() + 180_000;
    vi.spyOn(Date, "now").mockReturnValue(later);
    await press("Stop");
    expect(words()).not.toContain("it may have been made");
    expect(sent.length).toBe(1);
  });

  // Goal: a page is not left while somebody is at a change. Method: the node goes away under an open dialog, then the dialog is closed.
  it("does not leave the page while its dialog is open", async () => {
    const tried: string[] = [];
    let isGone = false;
    const shown = await worker((request) => {
      // Whether this node is there at all is asked all the same.
      const asked: unknown = request;
      if (typeof asked === "string" && !asked.includes(window.location.host)) tried.push(asked);
      return isGone ? Promise.reject(new TypeError("failed to fetch")) : undefined;
    });
    await press("Stop");
    isGone = true;
    await shown.client.refetchQueries({ queryKey: ["/v1/status"] });
    await waitFor(() => expect(document.body.textContent).toContain("as long as its dialog is open"));
    expect(tried).toEqual([]);
    await press("Cancel", dialog);
    await waitFor(() => expect(tried.length).toBeGreaterThan(0));
    expect(tried[0]).toMatch(/^https:\/\//);
  });
});

// Goal: a browser whose clock is slow asks for the factor, and does not send for ever. Method: a session that says it was shown, a node
// that says it was not.
it("shows the second factor when the node asks for it, once", async () => {
  const { sent, first } = noting(({ path }) =>
    path === "/v1/session/step-up" ? made() : json(403, refusal("EXQ-0216", "show your second factor", "")),
  );
  await worker(first);
  await press("Stop");
  fill("Reason", "a test");
  fill(/^Type /, WORKER);
  await press("Stop", dialog);
  await waitFor(() => expect(words()).toContain("Show your second factor"));
  fill("Code", "123456");
  await press("Go on", dialog);
  await waitFor(() => expect(words()).toContain("EXQ-0216"));
  expect(sent.map(({ path }) => path.split("/").at(-1))).toEqual(["stop", "step-up", "stop"]);
});

describe("a change that was not answered and another one of the same title", () => {
  const gone = () => noting(() => Promise.reject<Response>(new TypeError("failed to fetch")));

  // Goal: what is opened is what is sent. Method: two sessions of one person at one address; the end of one is not answered, then that of the other is
  // opened, and the former again.
  it("are not taken for one another, sessions", async () => {
    const at = new Date().toISOString();
    const one = { name: "alice", own: false, opened_at: at, seen_at: at, over_at: at };
    const sessions = [
      { ...one, session: "first", address: "10.0.0.1", agent: "a browser" },
      { ...one, session: "second", address: "10.0.0.1", agent: "a script" },
    ];
    const { sent, first } = gone();
    await show("/security", "full", { instead: FRESH, first: live("/v1/sessions", () => ({ sessions }), first) });
    const end = (number: number) => async () => {
      const buttons = await waitFor(() => within(document.body).getAllByRole("button", { name: "End", hidden: true }));
      fireEvent.click(buttons[number] as Element);
    };
    await end(0)();
    expect(words()).toContain("10.0.0.1");
    expect(words()).toContain("a browser");
    fill("Reason", "a test");
    await press("End", dialog);
    await waitFor(() => expect(words()).toContain("It may have been made."));
    await press("Cancel", dialog);
    await end(1)();
    expect(words()).not.toContain("it may have been made");
    expect(words()).toContain("a script");
    fill("Reason", "a test");
    await press("End", dialog);
    await waitFor(() => expect(sent).toHaveLength(2));
    expect(sent.map(({ body }) => body["session"])).toEqual(["first", "second"]);
    await waitFor(() => expect(words()).toContain("It may have been made."));
    await press("Cancel", dialog);
    await end(0)();
    expect(words()).toContain("it may have been made");
  });

  // Goal: as many workers of another network are other workers. Method: a stop of one network's workers that is not answered, then the same
  // number of another one's.
  it("are not taken for one another, many workers", async () => {
    const { sent, first } = gone();
    const node: NonNullable<Options["first"]> = (request) => {
      const { pathname, searchParams } = new URL(request.url);
      if (pathname !== "/v1/workers/bulk/preview") return first(request);
      const network = searchParams.get("network") ?? "";
      const items = [{ worker: `deposit/${network}-1`, effect: "stops" }];
      return answerWith(pathname, { plan: `plan of ${network}`, changes: 1, items });
    };
    for (const network of ["bitcoin", "tron"]) {
      await show(`/workers?network=${network}&do=stop`, "full", { instead: FRESH, first: node });
      await press("Go on: stop");
      expect(words()).not.toContain("it may have been made");
      expect(words()).toContain(`deposit/${network}-1`);
      fill("Reason", "a test");
      fill(/^Type /, `1 workers of network ${network}`);
      await press("Go on: stop", dialog);
      await waitFor(() => expect(words()).toContain("It may have been made."));
    }
    expect(sent.map(({ body }) => body["plan"])).toEqual(["plan of bitcoin", "plan of tron"]);
  });
});
