import { cleanup, fireEvent, screen, waitFor, within } from "@testing-library/react";
import { afterEach, describe, expect, it, vi } from "vitest";
import { isAboutNumber } from "../api/window";
import { answerWith, dialog, fill, isClosed, made, noting, press } from "../testing/deeds";
import { json, type Options, refusal, show } from "../testing/page";

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

const COMMAND = "5f0d7a6f2b3c4d5e8f901a2b3c4d5e6f";
const words = () => document.querySelector(".main")?.textContent ?? "";
const button = (name: string) => screen.getAllByRole("button", { name })[0];
const link = (name: string) => screen.getAllByRole("link", { name })[0];
const whyNot = (name: string) => document.getElementById(button(name)?.getAttribute("aria-describedby") ?? "")?.textContent;

/** Reads of one path are answered with these parts. */
function reads(
  path: string,
  parts: (query: URLSearchParams) => object,
  after?: Options["first"],
): NonNullable<Options["first"]> {
  return (request) => {
    const { pathname, searchParams } = new URL(request.url);
    return request.method === "GET" && pathname === path ? answerWith(pathname, parts(searchParams)) : after?.(request);
  };
}

describe("lists of jobs and directives", () => {
  // Goal: one gets beyond the first page, by an address that can be passed on, with what the list is narrowed to. Method: the page before a
  // number is gone to; what the node is asked for is noted.
  it.each([
    ["/jobs?tab=jobs&queue=name-0&state=retryable", "/v1/jobs", "queue=name-0&state=retryable"],
    ["/jobs?tab=jobs&over=true", "/v1/jobs/history", ""],
    ["/jobs?tab=directives&state=needs-review", "/v1/directives", "state=needs-review"],
    ["/jobs?tab=directives&over=true", "/v1/directives/history", ""],
  ])("%s goes back in time", async (place, path, narrowed) => {
    const asked: URLSearchParams[] = [];
    const { address } = await show(place, "full", {
      first: reads(path, (query) => {
        asked.push(query);
        return { next_before: query.has("before") ? null : 41 };
      }),
    });
    await press("Older");
    await waitFor(() => expect(asked.at(-1)?.get("before")).toBe("41"));
    for (const [name, value] of new URLSearchParams(narrowed))
      expect(asked.map((one) => one.get(name))).toEqual([value, value]);
    expect(address()).toContain("before=41");
    await waitFor(() => expect(whyNot("Older")).toContain("There are none before these."));
    await press("Newest");
    await waitFor(() => expect(address()).not.toContain("before"));
  });

  // Goal: a page without a row is not told to be the end where it is not. Method: a page of which nothing fits, and others follow.
  it("tells an empty page from the end", async () => {
    await show("/jobs?tab=jobs", "empty", { first: reads("/v1/jobs", () => ({ jobs: [], next_before: 7 })) });
    expect(words()).toContain("older ones may fit");
    await show("/jobs?tab=jobs", "empty", { first: reads("/v1/jobs", () => ({ jobs: [], next_before: null })) });
    expect(words()).toContain("No job like that is open.");
  });
});

describe("a job", () => {
  // Goal: only what can be done is offered, and why not is said. Method: a job in each state.
  it.each([
    ["discarded", null, null],
    ["retryable", null, null],
    ["executing", "A worker has it.", null],
    ["available", "It can be taken already.", null],
    ["completed", "It is over: completed.", "It is over: completed."],
  ])("that is %s", async (state, noRetry, noCancel) => {
    await show("/jobs/12", "full", { first: reads("/v1/jobs/12", () => ({ job: 12, state })) });
    expect(whyNot("Retry") ?? null).toBe(noRetry);
    expect(whyNot("Cancel job") ?? null).toBe(noCancel);
  });

  // Goal: what the node refused is never told as done, although its answer is no refusal. Method: the one outcome is an error.
  it("says that nothing was done where its outcome is an error", async () => {
    const { error } = refusal("EXQ-1205", "the job has another state", "");
    const { sent, first } = noting(() => json(200, { outcomes: [{ error }], index: 1, command_id: COMMAND }));
    await show("/jobs/12", "full", { first: reads("/v1/jobs/12", () => ({ job: 12, state: "discarded" }), first) });
    await press("Retry");
    fill("Reason", "a test");
    await press("Retry", dialog);
    await waitFor(() => expect(document.body.textContent).toContain("Nothing was done: the job has another state (EXQ-1205)."));
    expect(sent.map(({ path, body }) => [path, body["jobs"]])).toEqual([["/v1/jobs/retry", [12]]]);
  });

  // Goal: all of the dead letter on the page begin anew, and no others. Method: a page with jobs of several states.
  it("is one of the dead letter that begins anew", async () => {
    const { sent, first } = noting(() => json(200, { outcomes: [{}, {}], index: 1, command_id: COMMAND }));
    const job = (number: number, state: string) => ({ job: number, state, payload: "", max_attempts: 5 });
    const jobs = [job(3, "discarded"), job(4, "executing"), job(5, "discarded")];
    await show("/jobs?tab=jobs", "full", { first: reads("/v1/jobs", () => ({ jobs }), first) });
    await press("Retry all on this page");
    fill("Reason", "a test");
    await press("Retry all on this page", dialog);
    await waitFor(() => expect(sent.map(({ body }) => body["jobs"])).toEqual([[3, 5]]));
  });

  // Goal: a record about several jobs is told with each that it may be about. Method: records as the node writes them.
  it.each([
    ["job 12", true],
    ["job 120", false],
    ["directive 12", false],
    ["3 jobs from 10 to 20", true],
    ["3 jobs from 20 to 10", true],
    ["2 jobs from 1 to 11", false],
    ["2 directives from 1 to 20", false],
  ])("is meant by %s: %s", (target, is) => {
    expect(isAboutNumber(target, "job", 12)).toBe(is);
  });
});

describe("a directive", () => {
  // Goal: it goes to the one worker, after what is known of it was shown, and not to one that there is not. Method: a name that the node
  // does not know, then one that it does.
  it("is sent to a worker", async () => {
    const { sent, first } = noting(() =>
      json(200, { directives: [{ directive: 9, new: true }], index: 1, command_id: COMMAND }),
    );
    const unknown = refusal("EXQ-0502", "there is no such worker", "");
    const node: NonNullable<Options["first"]> = (request) =>
      request.url.endsWith("/v1/workers/nobody%2F1") ? Promise.resolve(json(404, unknown)) : first(request);
    await show("/jobs?tab=directives", "full", { first: node });
    await press("Send a directive");
    fill("Worker", "nobody/1");
    fill("Reason", "a test");
    await waitFor(() => expect(dialog().textContent).toContain("there is no such worker"));
    fill("Worker", "selftest/1");
    fill("Action", "rescan");
    fill("What belongs to it", "from 7");
    fill("Priority", "safety");
    await waitFor(() => expect(dialog().querySelector(".consequence")?.textContent).toContain("jobs wait for it"));
    fill(/^Type /, "selftest/1");
    await press("Send a directive", dialog);
    await waitFor(() => expect(sent).toHaveLength(1));
    expect(sent.map(({ path, body }) => ({ path, ...body, command_id: "" }))).toEqual([
      {
        path: "/v1/directives",
        command_id: "",
        target: "selftest/1",
        action: "rescan",
        payload: "from 7",
        priority: "safety",
        needs_approval: false,
        reason: "a test",
      },
    ]);
    await waitFor(() => expect(document.body.textContent).toContain("Sent as directive 9."));
  });

  // Goal: in each state there is what can be done, and nothing else. Method: a directive in each.
  it.each([
    ["pending-approval", ["Cancel directive", "Release"]],
    ["queued", ["Cancel directive"]],
    ["running", []],
    ["needs-review", ["Decide"]],
    ["succeeded", []],
  ])("that is %s", async (state, can) => {
    await show("/directives/7", "full", { first: reads("/v1/directives/7", () => ({ directive: 7, state })) });
    const open = [...document.querySelectorAll(".page-title [data-change]:not([aria-disabled])")];
    expect(open.map(({ textContent }) => textContent)).toEqual(can);
  });

  // Goal: what a person decides about is sent as it was chosen. Method: it is chosen that nothing came of it.
  it("is decided about", async () => {
    const { sent, first } = noting(made);
    await show("/directives/7", "full", {
      first: reads("/v1/directives/7", () => ({ directive: 7, state: "needs-review" }), first),
    });
    await press("Decide");
    fill("What became of it", "failed");
    fill("Reason", "a test");
    fill(/^Type /, "directive 7");
    await press("Decide", dialog);
    await waitFor(() => expect(isClosed()).toBe(true));
    expect(sent.map(({ path, body }) => [path, body["decision"]])).toEqual([["/v1/directives/7/review", "failed"]]);
  });
});

describe("a command", () => {
  // Goal: whoever has an id gets to what became of it; what is no id goes nowhere. Method: something else is typed first.
  it("is looked up by its id", async () => {
    const { address } = await show("/jobs", "full");
    const search = within(screen.getByRole("search", { name: "By number or id" }));
    fireEvent.change(search.getByLabelText("Id"), { target: { value: "12" } });
    expect(whyNot("Look up")).toContain("32 hexadecimal digits");
    fireEvent.change(search.getByLabelText("Id"), { target: { value: ` ${COMMAND.toUpperCase()} ` } });
    await press("Look up");
    await waitFor(() => expect(address()).toContain(`/commands/${COMMAND}`));
    await waitFor(() => expect(words()).toContain("It took effect"));
  });

  // Goal: that a command was refused, and that nothing is known of it, are not the same. Method: a node that says either.
  it("was refused, or is not known", async () => {
    const { error } = refusal("EXQ-0502", "there is no such worker", "look at the list");
    const answer = json(200, { command_id: COMMAND, status: "rejected", error });
    const at = (answer: Response): NonNullable<Options["first"]> => {
      return (request) => (request.url.includes("/v1/commands/") ? Promise.resolve(answer.clone()) : undefined);
    };
    await show(`/commands/${COMMAND}`, "full", { first: at(answer) });
    expect(words()).toContain("It was refused and changed nothing.");
    expect(link("What EXQ-0502 means")?.getAttribute("href")).toBe("/ui/about?tab=codes&code=EXQ-0502");
    const unknown = json(404, refusal("EXQ-0102", "no outcome is known", "one that is under way may yet take effect"));
    await show(`/commands/${COMMAND}`, "full", { first: at(unknown) });
    expect(words()).not.toContain("It was refused");
    expect(words()).toContain("no outcome is known");
    expect(words()).toContain("may be under way still");
  });
});
