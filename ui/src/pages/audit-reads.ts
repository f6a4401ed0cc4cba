/**
 * Reads of the audit beyond its newest records. The API gives records by their numbers; whoever looks for a time, or for what a log entry
 * left, has pages of them looked through from the newest on, and is told how far that went.
 */
import { useQuery, type UseQueryResult } from "@tanstack/react-query";
import { api, ASKED_AGAIN, type Refused, type Seen, seen } from "../api/client";
import type { AnswerOf } from "../api/look";
import { boundsOf, type Range } from "../kit/range";

type Page = AnswerOf<"/v1/audit">;
export type Entry = Page["entries"][number];

/** As many as the node gives at once. */
const PAGE_ROWS = 1_000;
/** More pages than this are looked through when somebody asks to look further. */
const PAGES_MAX = 10;

export interface Found {
  /** The newest first. */
  entries: Entry[];
  looked: number;
  /** The oldest that was looked at; nothing where there is none at all. */
  oldest: Entry | undefined;
  /** Whether nothing older can be of these. */
  isWhole: boolean;
}

interface Wanted {
  isWanted: (entry: Entry) => boolean;
  /** Whether this one, and so each before it, is too old: numbers, log entries and replicated time never go back. */
  isTooOld: (entry: Entry) => boolean;
}

/** What is asked for, for the records before a number; the newest where none is said. */
export function pageBefore(before: number | undefined, rows: number): { after?: number; limit: number } {
  if (before === undefined) return { limit: rows };
  const after = Math.max(0, before - 1 - rows);
  return { after, limit: Math.max(1, before - 1 - after) };
}

export async function lookThrough(
  { isWanted, isTooOld }: Wanted,
  before: number | undefined,
  signal?: AbortSignal,
): Promise<Seen<Found>> {
  const found: Found = { entries: [], looked: 0, oldest: undefined, isWhole: false };
  // What is made of several answers is as old as the oldest of them.
  let [ageMs, at]: [number | null, number] = [0, Date.now()];
  let next = before;
  for (let page = 0; page < PAGES_MAX && !found.isWhole; page += 1) {
    const asked = { params: { query: pageBefore(next, PAGE_ROWS) }, ...(signal === undefined ? {} : { signal }) };
    const answer = await seen(api.GET("/v1/audit", asked), ASKED_AGAIN);
    ageMs = ageMs === null || answer.ageMs === null ? null : Math.max(ageMs, answer.ageMs);
    at = Math.min(at, answer.at);
    const entries = answer.value.entries.toSorted((a, b) => b.sequence - a.sequence);
    found.entries.push(...entries.filter(isWanted));
    found.looked += entries.length;
    const oldest = entries.at(-1);
    found.oldest = oldest ?? found.oldest;
    found.isWhole = oldest === undefined || oldest.sequence <= 1 || isTooOld(oldest);
    next = oldest?.sequence;
  }
  return { value: found, ageMs, at };
}

/** Those of a time, or of a log entry. Read when it is gone to and when a person asks again: it is much to read. */
export function useFound(
  range: Range,
  entry: number | undefined,
  before: number | undefined,
): UseQueryResult<Seen<Found>, Refused> {
  return useQuery<Seen<Found>, Refused>({
    queryKey: ["/v1/audit", "looked through", range.from, range.to, entry, before],
    queryFn: ({ signal }) => {
      const { from, to } = boundsOf(range, Date.now());
      const time = (one: Entry) => Date.parse(one.time);
      const isWanted = (one: Entry) => (entry === undefined || one.index === entry) && time(one) >= from && time(one) <= to;
      const isTooOld = (one: Entry) => (entry !== undefined && one.index < entry) || time(one) < from;
      return lookThrough({ isWanted, isTooOld }, before, signal);
    },
    refetchOnWindowFocus: false,
  });
}
