/** Reads of the audit: its pages, and those of a time or of what a log entry left, which the node finds. */
import { useQuery, type UseQueryResult } from "@tanstack/react-query";
import { api, ASKED_AGAIN, type Refused, type Seen, seen } from "../api/client";
import type { AnswerOf } from "../api/look";
import { boundsOf, everyOf, type Range } from "../kit/range";

type Page = AnswerOf<"/v1/audit">;
export type Entry = Page["entries"][number];

/** Records of a page. */
const ROWS = 200;

/** What is asked for: a moment that a range does not have is left out, and relative ones are relative to this one. */
export function queryOf(range: Range, entry: number | undefined, before: number | undefined, now: number) {
  const { from, to } = boundsOf(range, now);
  return {
    limit: ROWS,
    ...(before === undefined ? {} : { before }),
    ...(entry === undefined ? {} : { index: entry }),
    ...(Number.isFinite(from) ? { from: new Date(from).toISOString() } : {}),
    ...(Number.isFinite(to) ? { to: new Date(to).toISOString() } : {}),
  };
}

/**
 * Those of a time, or of a log entry. Read when it is gone to, when a person asks again, and as often as the range says: a relative time moves
 * on with each read.
 */
export function useFound(
  range: Range,
  entry: number | undefined,
  before: number | undefined,
): UseQueryResult<Seen<Page>, Refused> {
  return useQuery<Seen<Page>, Refused>({
    queryKey: ["/v1/audit", "of a time", range.from, range.to, entry, before],
    queryFn: ({ signal }) =>
      seen(api.GET("/v1/audit", { params: { query: queryOf(range, entry, before, Date.now()) }, signal }), ASKED_AGAIN),
    refetchOnWindowFocus: false,
    refetchInterval: everyOf(range),
  });
}
