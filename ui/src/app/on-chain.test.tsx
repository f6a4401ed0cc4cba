import { afterEach, describe, expect, it, vi } from "vitest";
import { NETWORKS } from "../kit/filters";
import { EVIL } from "../testing/fake-node";
import { show } from "../testing/page";
import { explorerOf } from "./on-chain";

afterEach(() => vi.unstubAllGlobals());

const HASH = "ab".repeat(32);
const links = () => [...document.querySelectorAll<HTMLAnchorElement>('.main a[target="_blank"]')];

/** The same with everything on a network that is known. */
const onEthereum = (answer: object) =>
  JSON.parse(JSON.stringify(answer), (name, value: unknown) => (name === "network" ? "ethereum" : value)) as object;

/** A cluster that is a sandbox, or none; null for a node that does not say. */
const at = (sandbox: boolean | null) => ({
  instead: {
    "/v1/status": (status: object) => ({ ...status, sandbox: sandbox ?? undefined }),
    "/v1/withdrawals": onEthereum,
    "/v1/withdrawals/1/explain": onEthereum,
    "/v1/deposits": onEthereum,
  },
});

describe("where a transaction is shown", () => {
  // Goal: each network's transactions are looked up where that network is known, written as it is written there. Method: all networks.
  it("is each network's own explorer", () => {
    expect(NETWORKS.map((network) => explorerOf(network, HASH)?.href)).toEqual([
      `https://mempool.space/tx/${HASH}`,
      `https://etherscan.io/tx/0x${HASH}`,
      `https://polygonscan.com/tx/0x${HASH}`,
      `https://bscscan.com/tx/0x${HASH}`,
      `https://arbiscan.io/tx/0x${HASH}`,
      `https://tronscan.org/#/transaction/${HASH}`,
    ]);
  });

  // Goal: nothing but a hash gets into an address, and no network is guessed. Method: texts that are no hash, and a network nobody knows.
  it("is nowhere for what is no transaction", () => {
    for (const text of [EVIL, "", `${HASH}0`, `${HASH.slice(2)}/x`, `0x${HASH}`]) expect(explorerOf("tron", text)).toBeNull();
    expect(explorerOf("sandbox", HASH)).toBeNull();
  });
});

describe.each(["/withdrawals", "/withdrawals/1", "/deposits"])("%s", (place) => {
  // Goal: on the real networks every transaction leads to its explorer, in a window that knows nothing of this one, and stays to be copied.
  // Method: a cluster that is no sandbox.
  it("links to explorers on real networks", async () => {
    await show(place, "full", at(false));
    expect(links().length).toBeGreaterThan(0);
    for (const link of links()) {
      expect(link.rel).toBe("noopener noreferrer");
      expect(link.href).toMatch(/^https:\/\/etherscan\.io\/tx\/0x/);
      expect(link.textContent).toMatch(/: transaction [0-9a-f]{64}, in a new window/);
      expect(link.parentElement?.querySelector('button[aria-label^="Copy "]')).not.toBeNull();
    }
  });

  // Goal: what is on a test network is not sought on a real one. Method: a sandbox, and a node that does not say what it is.
  it.each([true, null])("links to none where the cluster is a sandbox: %s", async (sandbox) => {
    await show(place, "full", at(sandbox));
    expect(document.querySelectorAll('.main button[aria-label^="Copy "]').length).toBeGreaterThan(0);
    expect(links()).toEqual([]);
  });
});

// Goal: what happened is told in one order, each transaction where it was decided. Method: an attempt between two edges.
it("a withdrawal's time-line has its transactions between its edges", async () => {
  const minute = (at: number) => `2026-11-29T10:0${String(at)}:00Z`;
  const edge = (at: number, to: string) => ({ at: minute(at), to, from: null, what: `edge ${to}`, by: null, index: at });
  await show("/withdrawals/1", "full", {
    instead: {
      "/v1/withdrawals/1/explain": (answer: { payout: { attempts: object[] } }) => ({
        ...answer,
        traces: [edge(1, "queued"), edge(3, "broadcast")],
        payout: { ...answer.payout, attempts: [{ ...answer.payout.attempts[0], number: 1, prepared_at: minute(2), tx: HASH }] },
      }),
    },
  });
  const rows = [...document.querySelectorAll('section[aria-label="Every step"] tbody tr')].map((row) => row.textContent);
  expect(rows.map((row) => /edge (queued|broadcast)|Transaction \d/.exec(row)?.[0])).toEqual([
    "edge queued",
    "Transaction 1",
    "edge broadcast",
  ]);
  expect(document.querySelector(`section[aria-label="Every step"] [aria-label="Copy ${HASH}"]`)).not.toBeNull();
});
