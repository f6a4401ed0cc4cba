/**
 * Reads, typed by their path: what is shown is what `look` names, and is asked again when an event says that something of its
 * topics has changed, or when its time has come.
 */
import { queryOptions, replaceEqualDeep, useQuery, type UseQueryResult } from "@tanstack/react-query";
import { api, ASKED_AGAIN, type Refused, type Seen, seen } from "./client";
import { readRows } from "./rows";
import type { paths } from "./schema.gen";

type Json<R> = R extends { content: { "application/json": infer T } } ? T : never;

/** Paths that can be read as JSON. */
export type Readable = {
  [P in keyof paths]: paths[P] extends { get: { responses: { 200: infer R } } }
    ? [Json<R>] extends [never]
      ? never
      : P
    : never;
}[keyof paths];

/** What a path answers. */
export type AnswerOf<P extends Readable> = paths[P] extends { get: { responses: { 200: infer R } } } ? Json<R> : never;

type ParametersOf<P extends Readable> = paths[P] extends { get: { parameters: infer Q } } ? Q : never;

/** What a path is asked with: the names in it, and its query. */
export interface Asked<P extends Readable> {
  path?: ParametersOf<P> extends { path: infer Q } ? Q : never;
  query?: ParametersOf<P> extends { query?: infer Q } ? Partial<NonNullable<Q>> : never;
}

/** Topics of events, after which a read is made again. */
export type Topic =
  | "cluster"
  | "settings"
  | "people"
  | "approvals"
  | "workers"
  | "jobs"
  | "directives"
  | "networks"
  | "money"
  | "markets"
  | "emergency"
  | "users"
  | "sandbox";

/** How often a read is made anyway, in milliseconds. */
export const PACE = {
  /** What a page cannot go on without: who leads, while nobody does. */
  soon: 300,
  /** What changes by the second and has no events: heads, heartbeats, prices. */
  live: 2_000,
  /** The same where many of it are shown at a glance: fifty pages that are open all day cost a node next to nothing. */
  glance: 10_000,
  /** What has events; this is for those that were missed. */
  calm: 15_000,
} as const;

/**
 * What is read again is held to what was there, so that what stayed is drawn no second time. Of a list with more rows than this a page
 * draws a few, and comparing all of them would take longer than that.
 */
const COMPARED_ROWS_MAX = 1_000;

/** What was there, where what was read is the same; the parts that are, otherwise. */
export function kept(before: unknown, now: unknown): unknown {
  const { value } = now as Seen<unknown>;
  const isLong = Object.values(value ?? {}).some((part) => Array.isArray(part) && part.length > COMPARED_ROWS_MAX);
  return isLong ? now : replaceEqualDeep(before, now);
}

/** What may have ten thousand rows, and is read as it comes. */
const LONG: ReadonlySet<string> = new Set<Readable>(["/v1/workers"]);

interface Got {
  data?: unknown;
  error?: unknown;
  response: Response;
}

// The client's own types say the same, but cannot be followed for a path that is a parameter.
const get = api.GET as unknown as (path: string, init: object) => Promise<Got>;

async function getLong(path: string, init: object): Promise<Got> {
  const answer = await get(path, { ...init, parseAs: "stream" });
  return answer.data instanceof ReadableStream
    ? { ...answer, data: await readRows(answer.data as ReadableStream<Uint8Array>) }
    : answer;
}

export interface LookOptions {
  topics?: readonly Topic[];
  /** How often it is read again; a function says so of what was read last. */
  every?: number | false | ((last: unknown) => number);
  enabled?: boolean;
  /** Not where that it was not answered is what is wanted to be known. */
  retry?: false;
  /** What to do where no answer comes. */
  hint?: string;
}

export function look<P extends Readable>(path: P, asked: Asked<P> = {}, options: LookOptions = {}) {
  const every = options.every ?? PACE.calm;
  return queryOptions<Seen<AnswerOf<P>>, Refused>({
    queryKey: [path, asked, ...(options.topics ?? [])],
    queryFn: ({ signal }) => {
      const answer = (LONG.has(path) ? getLong : get)(path, { params: asked, signal });
      return seen(answer as Promise<Got & { data?: AnswerOf<P> }>, options.hint ?? ASKED_AGAIN);
    },
    structuralSharing: kept,
    refetchInterval: typeof every === "function" ? ({ state }) => every(state.data?.value) : every,
    enabled: options.enabled ?? true,
    ...(options.retry === undefined ? {} : { retry: options.retry }),
  });
}

/** A read of a page. */
export type Look<P extends Readable> = UseQueryResult<Seen<AnswerOf<P>>, Refused>;

/**
 * A read that is made when a person asks for it, by `refetch`, and at no other time: not again by itself, not when something has
 * changed, not when it was not answered.
 */
export function useAsked<P extends Readable>(path: P, asked: Asked<P> = {}): Look<P> {
  return useQuery({
    ...look(path, asked, { every: false, enabled: false, hint: "Ask again when the node has less to do." }),
    retry: false,
  });
}

export function useLook<P extends Readable>(path: P, asked: Asked<P> = {}, options: LookOptions = {}): Look<P> {
  return useQuery(look(path, asked, options));
}
