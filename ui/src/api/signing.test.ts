import { describe, expect, it } from "vitest";
import GOLDEN from "../../tests/signing.json";
import { approvalBytes, bytesToHex, confirmationBytes, consentBytes, operationHash, paymentHash } from "./signing";

const { cluster, payments, consent, approval, confirmation } = GOLDEN;
const hash = payments[0]?.hash ?? "";

describe("what approvals sign", () => {
  // Goal: the page binds what the node binds, bit for bit. Method: payments whose hashes the node's own code makes (a test of
  // appliance/api/src/console.rs reads the same file).
  it.each(payments)("a payment on $network", ({ hash, ...payment }) => {
    expect(paymentHash(payment)).toBe(hash);
  });

  it("is cluster, number, hash and time", () => {
    expect(bytesToHex(consentBytes(cluster, consent.withdrawal, hash, consent.until_us))).toBe(consent.bytes);
    expect(bytesToHex(approvalBytes(cluster, approval.proposal, hash, approval.expires_us))).toBe(approval.bytes);
    const { key, admin, public_key, bytes } = confirmation;
    expect(bytesToHex(confirmationBytes(cluster, key, admin, public_key))).toBe(bytes);
  });

  // Goal: BLAKE3 is BLAKE3. Method: the hash of nothing, as it is published.
  it("hashes an operation", () => {
    expect(operationHash("")).toBe("af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262");
  });

  // Goal: nothing else has the same hash. Method: one thing changed at a time.
  it("differs with everything that is bound", () => {
    const [first] = payments;
    if (first === undefined) throw new Error("no payment");
    const others = [
      { asset_number: 3 },
      { network: "bsc" },
      { address: `${first.address}x` },
      { on_chain: "4000001" },
      { memo: "" },
      { fee_cap: "1001" },
    ];
    const hashes = new Set([first, ...others.map((other) => ({ ...first, ...other }))].map(paymentHash));
    expect(hashes.size).toBe(others.length + 1);
  });

  // Goal: no digit of a fee is lost, however many decimals the network has. Method: a tenth of a coin of 18 decimals, and its neighbour.
  it("takes a fee beyond what a number holds exactly", () => {
    const payment = {
      asset_number: 6,
      network: "bsc",
      address: "0x4c",
      on_chain: "1",
      memo: null,
      fee_cap: "100000000000000000",
    };
    expect(paymentHash(payment)).not.toBe(paymentHash({ ...payment, fee_cap: "100000000000000001" }));
  });

  // Goal: nothing is signed that is no fee, or goes where nobody knows. Method: texts around what a fee may be, and a network nobody knows.
  it("refuses what is no payment", () => {
    const payment = {
      asset_number: 1,
      network: "tron",
      address: "T",
      on_chain: "1",
      memo: null,
      fee_cap: "18446744073709551615",
    };
    expect(paymentHash(payment)).toMatch(/^[0-9a-f]{64}$/);
    for (const fee_cap of ["18446744073709551616", "1.5", "-1", ""])
      expect(() => paymentHash({ ...payment, fee_cap })).toThrow("below 2^64");
    expect(() => paymentHash({ ...payment, network: "other" })).toThrow("not known");
  });
});
