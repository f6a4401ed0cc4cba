import { fireEvent, waitFor, within } from "@testing-library/react";
import { afterEach, describe, expect, it, vi } from "vitest";
import { answerWith, dialog, fill, FRESH, isClosed, made, noting, press } from "../testing/deeds";
import { json, type Options, refusal, show } from "../testing/page";
import { PHRASE } from "../app/deed";

afterEach(() => vi.unstubAllGlobals());

const PLACE = "/networks/ethereum";
const words = () => dialog().textContent;
const [LAST, COMMON] = ["aa".repeat(32), "bb".repeat(32)];

/** Reads of `paths` are answered with these parts. */
function reads(parts: Readonly<Record<string, () => object>>, after: NonNullable<Options["first"]>) {
  const first: Options["first"] = (request) => {
    const { pathname } = new URL(request.url);
    const of = request.method === "GET" ? parts[pathname] : undefined;
    return of === undefined ? after(request) : answerWith(pathname, of());
  };
  return first;
}

const head = (parts: object) => ({
  "/v1/scans": () => ({
    networks: [
      {
        network: "ethereum",
        head: 120,
        scanned: { height: 100, hash: LAST },
        behind: 20,
        finalized: 90,
        agreed: 99,
        settled: 80,
        halted_since: "2026-11-29T10:00:00Z",
        common: { height: 70, hash: COMMON },
        ...parts,
      },
    ],
  }),
});

describe("a network that stands still", () => {
  // Goal: it goes on from here, from where the person says, and what that comes to is told before. Method: each of the three blocks.
  it.each([
    ["stood", null, "It goes on behind the block that was scanned last (100)"],
    ["common", { height: 70, hash: COMMON }, "It goes on behind block 70"],
    ["other", { height: 66, hash: LAST }, "It goes on behind block 66"],
  ])("goes on from %s", async (from, block, told) => {
    const { sent, first } = noting(made);
    await show(PLACE, "full", { instead: FRESH, first: reads(head({}), first) });
    await press("Scan again");
    fill("It goes on from", from);
    if (from === "other") {
      fill("Height of the block", "66");
      fill("Hash of the block", `0x${LAST}`);
    }
    await waitFor(() => expect(words()).toContain(told));
    fill("Reason", "two explorers agree");
    fill(/^Type /, PHRASE);
    await press("Scan again", dialog);
    await waitFor(() => expect(isClosed()).toBe(true));
    expect(sent[0]).toMatchObject({ path: "/v1/scans/ethereum/resume", body: { from: block, reason: "two explorers agree" } });
  });

  // Goal: it is offered where the network stands still and nowhere else, in the list too. Method: the same with and without a halt.
  it("is offered where it stands still", async () => {
    const buttons = () => document.querySelectorAll('[data-change="POST /v1/scans/{network}/resume"]').length;
    for (const [halted_since, count] of [
      ["2026-11-29T10:00:00Z", 1],
      [null, 0],
    ] as const)
      for (const place of [PLACE, "/networks"]) {
        await show(place, "full", { first: reads(head({ halted_since }), () => undefined) });
        expect(buttons()).toBe(count);
      }
  });
});

describe("how a network stands", () => {
  // Goal: green is what a worker tells that runs, and nothing else; what could not be read is not told as a fact. Method: the same figures with
  // a worker that runs, one that does not, none, one of another network, and a node that cannot say.
  it.each([
    ["running", "follows"],
    ["backoff", "not told since its worker is backoff"],
    ["none", "it has no deposit worker"],
    ["another's", "it has no deposit worker"],
    ["unread", "whether its worker runs could not be read"],
  ])("is told with a worker that is %s", async (state, told) => {
    const worker = { worker: "deposit/x-1", kind: "deposit", state, since: "2026-11-29T10:00:00Z" };
    const of = {
      ...worker,
      network: state === "another's" ? "tron" : "ethereum",
      ...(state === "another's" ? { state: "running" } : {}),
    };
    const figures = reads(head({ halted_since: null, behind: 0 }), () => undefined);
    const first: Options["first"] = (request) => {
      const { pathname } = new URL(request.url);
      if (pathname !== "/v1/workers") return figures(request);
      if (state === "unread") return Promise.resolve(json(500, refusal("EXQ-0001", "the request failed", "")));
      return answerWith(pathname, { workers: state === "none" ? [] : [of] });
    };
    for (const place of [PLACE, "/networks"]) {
      await show(place, "full", { first });
      const panel = document.querySelector(`section[aria-label="${place === PLACE ? "Scan" : "Chains"}"]`);
      await waitFor(() => expect(panel?.textContent).toContain(told));
      if (told !== "follows") expect(panel?.querySelector('[data-tone="good"]')).toBeNull();
    }
  });

  // Goal: a fee that could not be read is not told as one that nobody told. Method: a node that refuses the read, one that takes its time, one
  // that has none.
  it("tells no fee from a fee that could not be read", async () => {
    const words = () => document.querySelector('section[aria-label="What they are used for"]')?.textContent;
    const first = (answer: () => Promise<Response>) => (request: Request) =>
      new URL(request.url).pathname === "/v1/gas" ? answer() : undefined;
    await show("/networks", "full", {
      first: first(() => Promise.resolve(json(500, refusal("EXQ-0001", "the request failed", "")))),
    });
    await waitFor(() => expect(words()).toContain("could not be read"));
    expect(words()).not.toContain("not told");
    await show("/networks", "full", { first: first(() => new Promise<Response>(() => undefined)) });
    expect(words()).not.toContain("not told");
    await show("/networks", "full", { first: first(() => answerWith("/v1/gas", { networks: [] })) });
    await waitFor(() => expect(words()).toContain("not told"));
  });
});

// Goal: what stops a network's payments is let go on here with what it came to, digit by digit. Method: a stop of this network, and one of
// another; a difference that no number holds.
it("lets payments go on with what is missing named", async () => {
  const seen = [{ discrepancy: 7, difference: "-123456789012345678901234567890" }];
  const stop = { since: "2026-11-29T10:00:00Z", by: 7, stopped_by: seen };
  const stops = [
    { ...stop, stopped: "ethereum" },
    { ...stop, stopped: "tron" },
  ];
  const { sent, first } = noting(made);
  const node = reads({ "/v1/reconciliation": () => ({ stops }) }, first);
  await show(PLACE, "full", { instead: FRESH, first: node });
  expect(document.querySelectorAll('[data-change="POST /v1/reconciliation/{stop}/resume"]').length).toBe(1);
  await press("Pay out again");
  expect(words().replaceAll("\u202f", "")).toContain("123456789012345678901234567890");
  fill("Reason", "looked at");
  fill(/^Type /, PHRASE);
  await press("Pay out again", dialog);
  await waitFor(() => expect(sent[0]).toMatchObject({ path: "/v1/reconciliation/ethereum/resume", body: { seen } }));
});

const network = (parts: object) => ({
  [`/v1${PLACE}`]: () => ({
    network: "ethereum",
    version: 5,
    tradable: 3,
    withdrawable: 6,
    fee_max: "1000",
    fee_rate_max: null,
    ...parts,
  }),
});

describe("what is set by hand", () => {
  // Goal: only what differs is sent, and it is shown before. Method: one of four changed, to more digits than a number holds.
  it("limits, to the last digit", async () => {
    const { sent, first } = noting(made);
    await show(PLACE, "full", { instead: FRESH, first: reads(network({}), first) });
    await press("Change confirmations and fees");
    fill("One transaction may cost", "18446744073709551615");
    expect(
      [...dialog().querySelectorAll(".diff del, .diff ins")].map((one) => one.textContent.replaceAll("\u202f", " ")),
    ).toEqual(["One transaction may cost: 1 000", "One transaction may cost: 18 446 744 073 709 551 615"]);
    fill("Reason", "dear times");
    fill(/^Type /, "ethereum");
    await press("Change confirmations and fees", dialog);
    await waitFor(() => expect(sent.length).toBe(1));
    expect(sent[0]?.body).toEqual({
      fee_max: "18446744073709551615",
      reason: "dear times",
      if_version: 5,
      command_id: expect.any(String) as string,
    });
  });

  // Goal: what the node would refuse is told before. Method: one wrong value at a time.
  it.each([
    ["Confirmations to withdraw", "2", "as many confirmations at least"],
    ["Confirmations to trade with", "0", "whole numbers from 1"],
    ["Confirmations to withdraw", "10001", "whole numbers from 1"],
    ["One transaction may cost", "", "not be taken away"],
    ["Highest rate offered", "1.5", "a whole number of minor units"],
    ["Highest rate offered", "18446744073709551616", "less than 2^64"],
  ])("refuses %s of %j", async (label, value, told) => {
    await show(PLACE, "full", { first: reads(network({}), () => undefined) });
    await press("Change confirmations and fees");
    fill(label, value);
    const button = within(dialog()).getByRole("button", { name: "Change confirmations and fees", hidden: true });
    const why = () => document.getElementById(button.getAttribute("aria-describedby") ?? "")?.textContent;
    await waitFor(() => expect(why()).toContain(told));
  });

  // Goal: endpoints keep the order in which they are given, and which go, come and move is shown. Method: one is put first, one is added.
  it("endpoints, in their order", async () => {
    const endpoints = ["https://a.example", "https://b.example"];
    const { sent, first } = noting(made);
    await show(PLACE, "full", { instead: FRESH, first: reads(network({ endpoints }), first) });
    await press("Change the endpoints");
    await press("First: https://b.example", dialog);
    const field = within(dialog()).getByLabelText<HTMLTextAreaElement>("Endpoints");
    fireEvent.change(field, { target: { value: `${field.value}\n https://c.example \n` } });
    expect([...dialog().querySelectorAll(".diff ins")].map((one) => one.textContent)).toContain("https://c.example");
    fill("Reason", "b is nearer");
    fill(/^Type /, "ethereum");
    await press("Change the endpoints", dialog);
    await waitFor(() => expect(sent.length).toBe(1));
    expect(sent[0]?.body["endpoints"]).toEqual(["https://b.example", "https://a.example", "https://c.example"]);
  });

  // Goal: whoever comes too late sees the other's change beside their own and goes on from it. Method: the node refuses a version that is
  // old, and has another one by then.
  it("shows theirs beside yours where somebody was quicker", async () => {
    let [version, tradable] = [5, 3];
    const stale = json(409, refusal("EXQ-0404", "the present revision is 6", "look again"));
    const { sent, first } = noting(({ body }) => (body["if_version"] === version ? made() : stale.clone()));
    const node = reads({ [`/v1${PLACE}`]: () => ({ ...network({})[`/v1${PLACE}`](), version, tradable }) }, first);
    await show(PLACE, "full", { instead: FRESH, first: node });
    await press("Change confirmations and fees");
    fill("Confirmations to withdraw", "9");
    fill("Reason", "deeper");
    fill(/^Type /, "ethereum");
    [version, tradable] = [6, 4];
    await press("Change confirmations and fees", dialog);
    const beside = () => document.querySelector('[aria-label="Their change beside yours"]')?.textContent ?? "";
    await waitFor(() => expect(beside()).toContain("Confirmations to trade with: 4"));
    expect(beside()).toContain("Confirmations to trade with: 3");
    expect(beside()).toContain("Confirmations to withdraw: 9");
    await press("Begin anew from what it is now", dialog);
    await waitFor(() =>
      expect(within(dialog()).getByLabelText<HTMLInputElement>("Confirmations to trade with").value).toBe("4"),
    );
    expect(within(dialog()).getByLabelText<HTMLTextAreaElement>("Reason").value).toBe("deeper");
    fill("Confirmations to withdraw", "9");
    fill(/^Type /, "ethereum");
    await press("Change confirmations and fees", dialog);
    await waitFor(() => expect(isClosed()).toBe(true));
    expect(sent.map(({ body }) => [body["if_version"], body["withdrawable"]])).toEqual([
      [5, 9],
      [6, 9],
    ]);
  });
});
