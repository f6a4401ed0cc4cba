/**
 * What approvals sign, made here of what is shown, as the command line makes it: the bytes are never taken from the node, and
 * nothing is signed where the node shows another hash than that of what is on the page.
 *
 * Formats: `payment_hash`, `consent_bytes` and `approval_bytes` of the state; fields in postcard's encoding.
 */
import { blake3 } from "@noble/hashes/blake3.js";
import { bytesToHex, concatBytes, hexToBytes, utf8ToBytes } from "@noble/hashes/utils.js";

/** The networks in the order of their numbers. */
const NETWORKS = ["bitcoin", "ethereum", "polygon", "bsc", "arbitrum", "tron"];

export interface Payment {
  asset_number: number;
  network: string;
  address: string;
  /** The amount in the network's smallest units, as text: it need not fit into a number. */
  on_chain: string;
  memo: string | null;
  /** In the network's smallest units, as text for the same reason. */
  fee_cap: string;
}

/** Seven bits a byte, the lowest first. */
function varint(value: bigint): Uint8Array {
  const bytes: number[] = [];
  let left = value;
  do {
    const low = Number(left & 0x7fn);
    left >>= 7n;
    bytes.push(left === 0n ? low : low | 0x80);
  } while (left !== 0n);
  return Uint8Array.from(bytes);
}

function text(value: string): Uint8Array {
  const bytes = utf8ToBytes(value);
  return concatBytes(varint(BigInt(bytes.length)), bytes);
}

/** A number of the API that may be beyond what a number can hold exactly. */
function exact(value: number): bigint {
  if (!Number.isSafeInteger(value) || value < 0)
    throw new Error("a number is too great to be shown exactly; approve it on the command line");
  return BigInt(value);
}

/** A fee in smallest units: a whole number below 2^64, or nothing is signed. */
function units(value: string): bigint {
  if (!/^\d{1,20}$/.test(value) || BigInt(value) >= 1n << 64n)
    throw new Error(`the fee ${value} is not a whole number below 2^64`);
  return BigInt(value);
}

function bigEndian(value: bigint, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let left = value;
  for (let at = length - 1; at >= 0; at -= 1) {
    bytes[at] = Number(left & 0xffn);
    left >>= 8n;
  }
  return bytes;
}

/** What approvals of a withdrawal bind, hexadecimal. */
export function paymentHash(payment: Payment): string {
  const network = NETWORKS.indexOf(payment.network);
  if (network < 0) throw new Error(`the network ${payment.network} is not known here`);
  const bound = concatBytes(
    utf8ToBytes("exchequer payment v1\0"),
    varint(exact(payment.asset_number)),
    varint(BigInt(network)),
    text(payment.address),
    varint(BigInt(payment.on_chain)),
    payment.memo === null ? Uint8Array.of(0) : concatBytes(Uint8Array.of(1), text(payment.memo)),
    varint(units(payment.fee_cap)),
  );
  return bytesToHex(blake3(bound));
}

/** What a consent to a withdrawal signs. */
export function consentBytes(cluster: string, withdrawal: number, hash: string, untilUs: number): Uint8Array {
  return concatBytes(
    utf8ToBytes("exchequer withdrawal approval v1\0"),
    hexToBytes(cluster),
    bigEndian(exact(withdrawal), 8),
    hexToBytes(hash),
    bigEndian(exact(untilUs), 8),
  );
}

/** The hash of a proposed operation, hexadecimal. */
export function operationHash(operation: string): string {
  return bytesToHex(blake3(hexToBytes(operation)));
}

/** What an approval of a proposal signs. */
export function approvalBytes(cluster: string, proposal: number, hash: string, expiresUs: number): Uint8Array {
  return concatBytes(
    utf8ToBytes("exchequer approval v1\0"),
    hexToBytes(cluster),
    bigEndian(exact(proposal), 8),
    hexToBytes(hash),
    bigEndian(exact(expiresUs), 8),
  );
}

/** What a confirmation of another person's key signs. */
export function confirmationBytes(cluster: string, key: number, admin: number, publicKey: string): Uint8Array {
  return concatBytes(
    utf8ToBytes("exchequer approval key v1\0"),
    hexToBytes(cluster),
    bigEndian(exact(key), 4),
    bigEndian(exact(admin), 4),
    hexToBytes(publicKey),
  );
}

export { bytesToHex };
