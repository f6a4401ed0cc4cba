/** Changes, typed by method and path, with what the description of the API says of their danger. */
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
}

/** Makes a change, or proposes it. The same `command_id` takes effect once, so that a page that asks again harms nothing. */
export async function change<C extends Change>(
  name: C,
  names: NamesOf<C>,
  body: BodyOf<C>,
  sending: Sending = {},
): Promise<Seen<ResultOf<C>>> {
  const [method, path] = name.split(" ") as [string, string];
  const headers: Record<string, string> = sending.propose === true ? { "exq-propose": "true" } : {};
  const call = (api as unknown as Record<string, (path: string, init: object) => Promise<never>>)[method];
  if (call === undefined) throw new Error(`there is no method ${method}`);
  return seen<ResultOf<C>>(call(path, { params: names === undefined ? {} : { path: names }, body, headers }));
}

/** An id under which a change takes effect once, however often it is sent. */
export function newCommandId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
