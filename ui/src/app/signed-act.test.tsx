import { waitFor, within } from "@testing-library/react";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { operationHash, paymentHash } from "../api/signing";
import { answerWith, dialog, fill, FRESH, isClosed, noting, press } from "../testing/deeds";
import { json, type Options, refusal, show } from "../testing/page";
import type { KnownAsset } from "./known-assets";

const PUBLIC_KEY = "ab".repeat(32);
const kept = vi.hoisted(() => ({
  key: null as { publicKey: string; assets: KnownAsset[] } | null,
  remembered: [] as unknown[],
  fails: false,
}));
vi.mock("./approval-key", () => ({
  keptKey: () => (kept.fails ? Promise.reject(new Error("the store is shut")) : Promise.resolve(kept.key ?? undefined)),
  sign: (_: unknown, bytes: Uint8Array) => Promise.resolve(`signed ${String(bytes.length)}`),
  makeKey: (_: string, assets: KnownAsset[]) => {
    kept.key = { publicKey: PUBLIC_KEY, assets };
    return Promise.resolve(kept.key);
  },
  rememberPaid: (_: string, paid: unknown) => {
    kept.remembered.push(paid);
    return Promise.resolve();
  },
}));

beforeEach(() => {
  kept.key = { publicKey: PUBLIC_KEY, assets: [{ number: 2, code: "USDT", decimals: { tron: 6 } }] };
  kept.remembered = [];
  kept.fails = false;
});
afterEach(() => vi.unstubAllGlobals());

const KEYS = { keys: [{ number: 7, admin: 1, person: "Ada", public_key: PUBLIC_KEY, label: "browser", state: "confirmed" }] };
const PAYMENT = {
  withdrawal: 1,
  state: "awaiting-approval",
  asset_number: 2,
  asset: "USDT",
  network: "tron",
  address: "TJCnKsPa7y5okkXvQAidZBzqx3QyQ6sxMX",
  on_chain: "4000000",
  receives: "4.000000",
  memo: null,
  fee_cap: "1000",
  usd: "4.01",
  destination: "lookalike",
  warning: null as string | null,
  initiator: "operator bob",
  client_id: "",
  user: 17,
  approve_until_us: 1_795_962_616_000_000,
};
const WARNING = "the address T… looks like T…, which is known, and is another one";
const CLUSTER = "034730f1ec5770019a4f63ef801e298b";
const STATUS = (answer: object) => ({ ...answer, cluster_id: CLUSTER });
const moved = () => json(200, { withdrawal: 1, state: "approved", index: 1, command_id: "0" });
const words = () => dialog().textContent;
/** Signs, once the number of what is approved is typed. */
async function sign(number = "1"): Promise<void> {
  const button = within(dialog()).getByRole("button", { name: "Sign and approve" });
  expect(button.getAttribute("aria-disabled")).toBe("true");
  fill(/^Type /, number);
  await press("Sign and approve", dialog);
}
const page = () => document.querySelector(".main")?.textContent ?? "";

/** The page of a withdrawal that waits for an approval. */
function withdrawal(parts: Partial<typeof PAYMENT>, first: NonNullable<Options["first"]>, follows = false) {
  const one = { ...PAYMENT, ...parts };
  const instead = {
    ...FRESH,
    "/v1/status": STATUS,
    "/v1/approval-keys": () => KEYS,
    "/v1/withdrawals/1/explain": (answer: { withdrawal: object }) => ({
      ...answer,
      withdrawal: { ...answer.withdrawal, ...one, hash: paymentHash(one) },
      payout: null,
    }),
  };
  return show("/withdrawals/1", "full", { instead, first, follows });
}

describe("approval of a withdrawal", () => {
  // Goal: whoever signs has seen what the node warns of, and what is paid to whom at whose wish. Method: a payment to an address that
  // looks like a known one, on the page and in the dialog.
  it("shows the warning, the worth, who asked and the asset's number", async () => {
    const { sent, first } = noting(moved);
    await withdrawal({ warning: WARNING }, first);
    await waitFor(() => expect(page()).toContain(WARNING));
    await press("Approve");
    for (const word of [WARNING, "lookalike", "4.01", "operator bob", "number 2, which the node calls USDT"])
      expect(words()).toContain(word);
    expect(dialog().querySelector('[data-tone="bad"]')?.textContent).toBe(WARNING);
    await sign();
    await waitFor(() => expect(isClosed()).toBe(true));
    expect(sent[0]?.body).toMatchObject({ key: 7 });
    await waitFor(() => expect(kept.remembered).toHaveLength(1));
  });

  // Goal: nothing is signed where the node calls the asset otherwise than before. Method: the number of another asset under its ticker.
  it("refuses an asset that it knows as another one", async () => {
    const { sent, first } = noting(moved);
    await withdrawal({ asset_number: 1 }, first);
    await press("Approve");
    expect(words()).toContain("knows USDT as asset 2");
    await sign();
    await waitFor(() => expect(words()).toContain("Nothing is signed."));
    expect(sent).toEqual([]);
  });

  // Goal: an asset that this browser never saw is said to be one. Method: a browser that knows none.
  it("says that it does not know an asset", async () => {
    kept.key = { publicKey: PUBLIC_KEY, assets: [] };
    await withdrawal({}, noting(moved).first);
    await press("Approve");
    expect(words()).toContain("does not know yet what asset 2 on tron is");
  });

  // Goal: what is signed is what was shown, and a warning that comes later is told. Method: it comes while the dialog is open.
  it("tells that what it shows has changed", async () => {
    let warning: string | null = null;
    const { first } = noting(moved);
    const shown = await withdrawal({}, (request) => {
      if (request.method !== "GET" || !request.url.endsWith("/explain")) return first(request);
      const one = { ...PAYMENT, warning };
      return answerWith("/v1/withdrawals/1/explain", {
        withdrawal: { needs: [], approved_by: [], ...one, hash: paymentHash(one) },
      });
    });
    await press("Approve");
    expect(words()).not.toContain("changed meanwhile");
    warning = WARNING;
    await shown.client.refetchQueries({ queryKey: ["/v1/withdrawals/{withdrawal}/explain"] });
    await waitFor(() => expect(words()).toContain("changed meanwhile"));
  });

  // Goal: who approves is not locked out when another node leads. Method: a node that follows.
  it("is made at a node that follows", async () => {
    const { sent, first } = noting(moved);
    await withdrawal({}, first, true);
    await waitFor(() => expect(document.querySelector(".bar")?.textContent).toContain("follows and shows only"));
    await press("Approve");
    await sign();
    await waitFor(() => expect(sent).toHaveLength(1));
    expect(document.querySelector('[data-change="POST /v1/withdrawals/{withdrawal}/reject"]')?.ariaDisabled).toBe("true");
  });

  // Goal: whoever has no key here is told that it is about this node. Method: a browser without one.
  it("says that this browser has no key for this node", async () => {
    kept.key = null;
    await withdrawal({}, noting(moved).first);
    await waitFor(() => expect(page()).toContain("no approval key of yours for this node (n1)"));
  });

  // Goal: what could not be read is not told as a key that is missing. Method: a node that refuses the list of keys, then one that takes its
  // time, then a browser that cannot open its own store.
  it("says that it is not known whether the key is enrolled", async () => {
    const keys = (answer: () => Promise<Response>) => (request: Request) =>
      new URL(request.url).pathname === "/v1/approval-keys" ? answer() : undefined;
    const read = async (answer: () => Promise<Response>) => {
      await withdrawal({}, keys(answer));
      return page();
    };
    await read(() => Promise.resolve(json(500, refusal("EXQ-0001", "the request failed", ""))));
    await waitFor(() => expect(page()).toContain("Which approval keys are enrolled could not be read: the request failed"));
    expect(page()).not.toContain("is not enrolled");
    const pending = await read(() => new Promise<Response>(() => undefined));
    expect(pending).toContain("Which approval keys are enrolled is being read.");
    kept.fails = true;
    await withdrawal({}, noting(moved).first);
    await waitFor(() => expect(page()).toContain("could not be read: the store is shut"));
    expect(page()).not.toContain("This browser has no approval key");
  });

  // Goal: a signature that was not answered is the same command when it is sent again. Method: a node that fails once.
  it("keeps its id beyond its dialog", async () => {
    let fails = true;
    const { sent, first } = noting(() => (fails ? json(504, refusal("EXQ-0305", "the answer was lost", "")) : moved()));
    await withdrawal({}, first);
    await press("Approve");
    await sign();
    await waitFor(() => expect(words()).toContain("It may have been made. Send it again: it takes effect once."));
    await press("Cancel", dialog);
    fails = false;
    await press("Approve");
    await sign();
    await waitFor(() => expect(isClosed()).toBe(true));
    expect(new Set(sent.map(({ body }) => body.command_id)).size).toBe(1);
  });
});

const OPERATION = "0102";
const LINES = [{ name: "What", value: "Resume the exchange" }];

/** The page of a proposal. */
function proposal(parts: object, first: NonNullable<Options["first"]>) {
  const instead = {
    ...FRESH,
    "/v1/status": STATUS,
    "/v1/approval-keys": () => KEYS,
    "/v1/proposals/1": (answer: object) => ({
      ...answer,
      number: 1,
      state: "waiting",
      operation: OPERATION,
      hash: operationHash(OPERATION),
      lines: LINES,
      initiator: "operator bob",
      reason: "it is over",
      expires_us: 1_795_962_616_000_000,
      ...parts,
    }),
  };
  return show("/approvals/1", "full", { instead, first });
}

const approved = (parts: object) =>
  json(200, { proposal: 1, approvals: 2, needed: 2, index: 1, command_id: "0", refusal: null, ...parts });

describe("approval of a proposal", () => {
  // Goal: nobody is told of success where nothing was carried out. Method: the last approval, whose operation is refused then.
  it("says that it could not be carried out", async () => {
    const { first } = noting(() => approved({ state: "refused-at-execution", refusal: "EXQ-1: there is no such user" }));
    await proposal({}, first);
    await press("Approve");
    for (const word of ["Resume the exchange", "operator bob", "it is over", "Expires", "The words below are the node's"])
      expect(words()).toContain(word);
    expect(words()).not.toContain("exactly what is listed");
    await sign();
    await waitFor(() =>
      expect(document.querySelector('.toast[data-tone="bad"]')?.textContent).toContain("there is no such user"),
    );
  });

  it("says what it came to otherwise", async () => {
    const { first } = noting(() => approved({ state: "waiting", approvals: 1, needed: 2 }));
    await proposal({}, first);
    await press("Approve");
    await sign();
    await waitFor(() => expect(document.querySelector(".toasts")?.textContent).toContain("1 of 2"));
  });

  // Goal: why it was refused is on its page, from nodes that say so and from those that do not. Method: one of each.
  it("shows why it could not be carried out", async () => {
    await proposal({ state: "refused-at-execution", refusal: "there is no such user" }, noting(() => approved({})).first);
    await waitFor(() => expect(page()).toContain("there is no such user"));
    await proposal({ state: "refused-at-execution", refusal: undefined }, noting(() => approved({})).first);
    await waitFor(() => expect(page()).toContain("refused-at-execution"));
    expect(page()).not.toContain("could not be carried out because");
    expect(document.querySelector('.main [data-tone="bad"]')?.textContent).toBe("refused-at-execution");
  });

  // Goal: nothing is signed of which nobody sees what it is. Method: an operation without words.
  it("is not signed where the node has no words for it", async () => {
    await proposal({ lines: [] }, noting(() => approved({})).first);
    await waitFor(() => expect(page()).toContain("This node cannot say what it would do"));
    const button = document.querySelector('[data-change="POST /v1/proposals/{id}/approve"]');
    expect(button?.getAttribute("aria-disabled")).toBe("true");
  });
});

// Goal: a key is confirmed with a reason, as it is typed in the dialog. Method: a key of another person that waits.
it("confirms a key with the reason that was given", async () => {
  const { sent, first } = noting(() => json(200, { number: 8, index: 1, command_id: "0" }));
  const waiting = { ...KEYS.keys[0], number: 8, admin: 99, person: "Bob", public_key: "cd".repeat(32), state: "enrolled" };
  const instead = { ...FRESH, "/v1/status": STATUS, "/v1/approval-keys": () => ({ keys: [...KEYS.keys, waiting] }) };
  await show("/security", "full", { instead, first });
  await press("Confirm");
  fill("Reason", "read to me");
  await sign("8");
  await waitFor(() => expect(sent).toHaveLength(1));
  expect(sent[0]?.body).toMatchObject({ reason: "read to me", with: 7, public_key: "cd".repeat(32) });
});

// Goal: a browser gets a key at whichever node it is, and remembers with it what assets are. Method: a node that follows, and no key yet.
it("makes and enrols a key at a node that follows", async () => {
  kept.key = null;
  const { sent, first } = noting(() => json(200, { number: 8, index: 1, command_id: "0" }));
  const instead = {
    ...FRESH,
    "/v1/status": STATUS,
    "/v1/approval-keys": () => ({ keys: [] }),
    "/v1/assets": () => ({ assets: [{ number: 2, code: "USDT", decimals: 6, name: "", created_at: "" }] }),
    "/v1/listings": () => ({ listings: [{ asset: "USDT", network: "bsc", decimals: 18 }] }),
  };
  await show("/security", "full", { instead, first, follows: true });
  await waitFor(() => expect(page()).toContain("A browser's key is for one node"));
  await press("Make a key in this browser");
  await press("Enrol it");
  expect(kept.key).toEqual({ publicKey: PUBLIC_KEY, assets: [{ number: 2, code: "USDT", decimals: { bsc: 18 } }] });
  fill("Reason", "a test");
  if (words().includes("Type ")) fill(/^Type /, "approval key");
  await press("Enrol it", dialog);
  await waitFor(() => expect(sent).toHaveLength(1));
  expect(sent[0]?.body).toMatchObject({ public_key: PUBLIC_KEY, label: "browser at n1" });
});
