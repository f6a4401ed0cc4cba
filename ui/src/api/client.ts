/**
 * The one way to the node: every request goes through `api`, every answer becomes a `Seen` with its age or a `Refused` with a
 * stable code. Nothing here knows a page.
 */
import createClient from "openapi-fetch";
import type { paths } from "./schema.gen";

/** An answer: what was read, how old the node said it was, and when it arrived here. */
export interface Seen<T> {
  value: T;
  /**
   * How old the node's state was when it answered, in milliseconds; 0 where what it answered is not of that state, null where it does not
   * know.
   */
  ageMs: number | null;
  /** When the answer arrived, in milliseconds since 1970. */
  at: number;
}

/** The answer was lost on its way: the node does not know either. */
const OUTCOME_UNKNOWN = "EXQ-0305";
/** The node stopped over what it was asked, or just then: its state differs from that of the others. */
const DIED_OF: ReadonlySet<string> = new Set(["EXQ-0702"]);
/** With a code of ours: there is no leader, no majority, no signer, or what is asked for is stopped; nothing was begun. */
const UNAVAILABLE = 503;
/** With a code of ours: there is no room for it. */
const NO_ROOM = 507;

/** A refusal, or what stood in the way of an answer. */
export class Refused extends Error {
  override readonly name = "Refused";
  constructor(
    /** The HTTP status; 0 where no answer came. */
    readonly status: number,
    /** Stable for ever (`exchequer explain CODE`); empty where no answer came. */
    readonly code: string,
    message: string,
    readonly hint: string,
    /** The request's id, as it stands in the node's log. */
    readonly requestId: string,
  ) {
    super(message);
  }

  /** Whether the node could not be asked at all. */
  get isUnreachable(): boolean {
    return this.status === 0;
  }

  /**
   * Whether a change that was sent may have been made all the same: no answer came, or one of something that stood in between, or the
   * node says itself that it does not know.
   */
  get isUnknown(): boolean {
    if (this.status === 0 || this.code === OUTCOME_UNKNOWN) return true;
    return this.status >= 500 && !this.isHeldOff;
  }

  /** Whether the node says that it could not even begin: nothing was done. */
  get isHeldOff(): boolean {
    const isOurs = /^EXQ-\d{4}$/.test(this.code) && !DIED_OF.has(this.code) && this.code !== OUTCOME_UNKNOWN;
    return isOurs && (this.status === UNAVAILABLE || this.status === NO_ROOM);
  }
}

/** A change that others must approve first: it was proposed instead of made. */
export interface Proposed {
  proposal: number;
  needed: number;
  expires_at: string;
  once: string | null;
}

let csrf = "";

/** What a page sends along with each change; from the session. */
export function setCsrfToken(token: string | null | undefined): void {
  csrf = token ?? "";
}

const listeners = new Set<(refused: Refused) => void>();

/** Tells of every refusal, so that a session that is over, or a node that is gone, is noticed wherever it shows. */
export function onRefused(listener: (refused: Refused) => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export const api = createClient<paths>({
  baseUrl: window.location.origin,
  credentials: "same-origin",
  // A page's requests end with the page's patience, not with the browser's.
  fetch: (request) => fetch(request, { signal: AbortSignal.any([request.signal, AbortSignal.timeout(patience(request))]) }),
});

const READ_PATIENCE_MS = 10_000;
const CHANGE_PATIENCE_MS = 60_000;
/** A little more than the node itself takes for what reads everything there is, or saves it. */
const WHOLE_PATIENCE_MS = 12 * 60_000;
const WHOLE: readonly string[] = ["/v1/ledger/verify", "/v1/audit/verify", "/v1/snapshot"];
/** What tells whether the node is there at all: one that falls silent is noticed by it, and by nothing else as soon. */
const STANDING_PATIENCE_MS = 1_500;
const STANDING = "/v1/status";

/** How long an answer is waited for, in milliseconds. */
export function patience({ method, url }: Pick<Request, "method" | "url">): number {
  const { pathname } = new URL(url);
  if (WHOLE.includes(pathname)) return WHOLE_PATIENCE_MS;
  if (pathname === STANDING) return STANDING_PATIENCE_MS;
  return method === "GET" ? READ_PATIENCE_MS : CHANGE_PATIENCE_MS;
}

api.use({
  onRequest({ request }) {
    if (request.method !== "GET" && csrf !== "") request.headers.set("x-csrf-token", csrf);
    return request;
  },
});

interface Answer<T> {
  data?: T | undefined;
  error?: unknown;
  response: Response;
}

/** What is said of a read that was not answered. */
export const ASKED_AGAIN = "The page asks again by itself.";

/** Waits for an answer. Throws `Refused` and nothing else; `hint` is what to do where none comes. */
export async function seen<T>(call: Promise<Answer<T>>, hint = ""): Promise<Seen<T>> {
  let answer: Answer<T>;
  try {
    answer = await call;
  } catch (error) {
    const refused = unreachable(error, hint);
    // What the page itself gave up, because it asks again or goes elsewhere, is no news of the node: told as such, it would have the
    // node's standing asked for anew, which gives the former asking up, without an end.
    throw isGivenUp(error) ? refused : told(refused);
  }
  const { data, error, response } = answer;
  if (!response.ok || data === undefined) throw told(refused(response, error));
  return { value: data, ageMs: ageOf(response.headers), at: Date.now() };
}

/** A node that never heard a leader says which entry its state is of, and not how old that is. */
function ageOf(headers: Headers): number | null {
  const age = headers.get("exq-age-ms");
  return age === null ? (headers.has("exq-applied-index") ? null : 0) : Number(age);
}

/**
 * The answer to a request whose body is read as it comes. Throws `Refused`, as `seen` does; `refusal` makes it of a body where that is not
 * in the API's own words.
 */
export async function begun(call: Promise<Response>, hint = ASKED_AGAIN, refusal = refused): Promise<Response> {
  let response: Response;
  try {
    response = await call;
  } catch (error) {
    throw isGivenUp(error) ? unreachable(error, hint) : told(unreachable(error, hint));
  }
  if (!response.ok) throw told(refusal(response, await response.json().catch(() => undefined)));
  return response;
}

/** What a path answers that the API does not describe, with the patience of all reads. Throws `Refused`, as `seen` does. */
export async function readElse(
  url: URL,
  signal: AbortSignal,
  refusal: (response: Response, body: unknown) => Refused,
): Promise<unknown> {
  const request = new Request(url, { signal: AbortSignal.any([signal, AbortSignal.timeout(READ_PATIENCE_MS)]) });
  const response = await begun(fetch(request), ASKED_AGAIN, refusal);
  try {
    return await response.json();
  } catch (error) {
    throw isGivenUp(error) ? unreachable(error, ASKED_AGAIN) : told(unreachable(error, ASKED_AGAIN));
  }
}

function isGivenUp(error: unknown): boolean {
  return error instanceof DOMException && error.name === "AbortError";
}

function told(refused: Refused): Refused {
  for (const listener of listeners) listener(refused);
  return refused;
}

function unreachable(error: unknown, hint: string): Refused {
  const isPatience = error instanceof DOMException && error.name === "TimeoutError";
  const message = isPatience ? "The node did not answer in time." : "The node cannot be reached.";
  return new Refused(0, "", message, hint, "");
}

function refused(response: Response, body: unknown): Refused {
  return ofBody(
    response.status,
    body,
    `The node answered ${String(response.status)}.`,
    response.headers.get("x-request-id") ?? "",
  );
}

/** What a node tells in place of an answer that it has begun already, as text. */
export function problemOf(text: string): Refused {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    body = undefined;
  }
  return ofBody(0, body, "The node ended it.", "");
}

function ofBody(status: number, body: unknown, otherwise: string, requestId: string): Refused {
  const problem = (body as { error?: { code?: unknown; message?: unknown; hint?: unknown } } | undefined)?.error;
  const text = (value: unknown, otherwise: string) => (typeof value === "string" ? value : otherwise);
  return new Refused(status, text(problem?.code, ""), text(problem?.message, otherwise), text(problem?.hint, ""), requestId);
}
