/**
 * The approval key of this browser: an Ed25519 key that is made here, kept where this origin alone reaches it, and cannot be read
 * out, by this page neither. Whoever clears the site's data loses it, and enrols another one.
 */
import { bytesToHex } from "../api/signing";
import { type KnownAsset, learned, type Paid } from "./known-assets";

const DATABASE = "exchequer";
const STORE = "keys";

interface Kept {
  pair: CryptoKeyPair;
  publicKey: string;
  /** What assets are, as they were when the key was made and at each approval since; not there in keys of former versions. */
  assets?: readonly KnownAsset[];
}

function opened(): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(DATABASE, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE);
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error("the browser keeps no keys for this page"));
  });
}

async function within<T>(mode: IDBTransactionMode, work: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> {
  const database = await opened();
  return new Promise((resolve, reject) => {
    const request = work(database.transaction(STORE, mode).objectStore(STORE));
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error("the browser did not keep the key"));
  });
}

/** The key of an admin in this browser; none where none was made. */
export async function keptKey(admin: string): Promise<Kept | undefined> {
  return within<Kept | undefined>("readonly", (store) => store.get(admin) as IDBRequest<Kept | undefined>);
}

/** Makes a key for an admin in the place of a former one, and remembers with it what assets are. */
export async function makeKey(admin: string, assets: readonly KnownAsset[]): Promise<Kept> {
  const pair = await crypto.subtle.generateKey("Ed25519", false, ["sign", "verify"]);
  const publicKey = bytesToHex(new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey)));
  const kept = { pair, publicKey, assets };
  await within("readwrite", (store) => store.put(kept, admin));
  return kept;
}

/** Remembers what an approved payment paid. */
export async function rememberPaid(admin: string, paid: Paid): Promise<void> {
  const kept = await keptKey(admin);
  if (kept === undefined) return;
  await within("readwrite", (store) => store.put({ ...kept, assets: learned(kept.assets ?? [], paid) }, admin));
}

/** A signature, hexadecimal. */
export async function sign(kept: Kept, bytes: Uint8Array): Promise<string> {
  return bytesToHex(new Uint8Array(await crypto.subtle.sign("Ed25519", kept.pair.privateKey, bytes as BufferSource)));
}
