/** Changes, typed by method and path, with what the description of the API says of their danger. */
import { blake3 } from "@noble/hashes/blake3.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";
import { api, type Proposed, type Seen, seen } from "./client";
import { CHANGES } from "./operations.gen";
import type { paths } from "./schema.gen";

/** The name of a change, such as `POST /v1/workers/{worker}/stop`. */
export type Change = keyof typeof CHANGES;

type PathOf<C extends Change> = C extends `${string} ${infer P}` ? (P extends keyof paths ? P : never) : never;
type MethodOf<C extends Change> = C extends `${infer M} ${string}` ? Lowercase<M> : never;
type OperationOf<C extends Change> = MethodOf<C> extends keyof paths[PathOf<C>] ? paths[PathOf<C>][MethodOf<C>] : never;

/** What a change is sent with. */
export type BodyOf<C extends Change> =
  OperationOf<C> extends { requestBody: { content: { "application/json": infer B } } } ? B : undefined;
/** The names in its path. */
export type NamesOf<C extends Change> = OperationOf<C> extends { parameters: { path: infer P } } ? P : undefined;
/** What it answers. */
export type ResultOf<C extends Change> =
  OperationOf<C> extends { responses: { 200: { content: { "application/json": infer R } } } } ? R : unknown;

export interface Facts {
  /** 0 reversible, 1 asked twice, 2 by name, 3 with a second factor. */
  danger: 0 | 1 | 2 | 3;
  fresh: "never" | "sometimes" | "always";
  permission: string | null;
  summary: string;
  /** Whether it can name an id under which it takes effect once. */
  once: boolean;
}

export function factsOf(change: Change): Facts {
  return CHANGES[change];
}

/** Whether it was proposed instead of made. */
export function isProposed(result: unknown): result is Proposed {
  return typeof result === "object" && result !== null && "proposal" in result && "needed" in result;
}

export interface Sending {
  /** Ask others for their approval instead of making the change. */
  propose?: boolean;
  /** The id under which it takes effect once, however often it is sent. */
  id?: string;
}

/** What answers with a file in place of words. */
const FILES: readonly Change[] = ["POST /v1/snapshot"];

/** Makes a change, or proposes it. What a file is answered to is a `Blob`. */
export async function change<C extends Change>(
  name: C,
  names: NamesOf<C>,
  body: BodyOf<C>,
  sending: Sending = {},
): Promise<Seen<ResultOf<C>>> {
  const [method, path] = name.split(" ") as [string, string];
  const whole = sending.id !== undefined && factsOf(name).once ? { ...(body as object), command_id: sending.id } : body;
  const headers: Record<string, string> = sending.propose === true ? { "exq-propose": "true" } : {};
  const call = (api as unknown as Record<string, (path: string, init: object) => Promise<never>>)[method];
  if (call === undefined) throw new Error(`there is no method ${method}`);
  const parseAs = FILES.includes(name) ? "blob" : "json";
  const params = names === undefined ? {} : { path: names };
  return seen<ResultOf<C>>(call(path, { params, body: whole, headers, parseAs }));
}

/** What tells a text from all others, and tells nothing of it: 32 hexadecimal digits. */
export function printOf(text: string): string {
  return bytesToHex(blake3(utf8ToBytes(text), { dkLen: 16 }));
}

/**
 * The ids of one form's commands. What is sent again unchanged, because no answer came, keeps its id and so takes effect once; what was
 * changed meanwhile, refused, or done is another command. Of what was sent the print is kept: it may have been a secret.
 */
export class CommandIds {
  /** The print of what was sent, and its id; from another page where they are given. */
  constructor(public kept: readonly [print: string, id: string] = ["", ""]) {}

  of(what: unknown): string {
    if (!this.isOf(what)) this.kept = [printOf(JSON.stringify(what)), newCommandId()];
    return this.kept[1];
  }

  /** Whether this is what was sent. */
  isOf(what: unknown): boolean {
    return this.kept[0] === printOf(JSON.stringify(what));
  }

  /** What was sent since was refused: what was sent before and not answered is what is known of. */
  back(to: CommandIds["kept"]): void {
    this.kept = to;
  }

  /** An answer came. */
  answered(): void {
    this.kept = ["", ""];
  }
}

/** 32 hexadecimal digits, as the API takes them. */
function newCommandId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
