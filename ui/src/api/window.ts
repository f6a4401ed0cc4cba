/**
 * Records and events about one thing. Records whose target is the thing itself are looked for by the node. Others, and events, are asked
 * for by number and not by what they are about: a window of numbers is read and looked through here. What was looked through is told with
 * what was found.
 */
import type { components } from "./schema.gen";
import { api, ASKED_AGAIN, type Seen, seen } from "./client";

export type AuditRecord = components["schemas"]["AuditEntry"];
export type Event = components["schemas"]["Event"];

/** What was found among the numbers `from` to `to`, the newest first. */
export interface Window<T> {
  found: readonly T[];
  from: number;
  to: number;
  /** The newest number there is. */
  newest: number;
  /** The oldest number that is kept. */
  oldest: number;
}

/** Records of the audit that are looked through at once. */
export const AUDIT_WINDOW = 1_000;
/** Events that are looked through at once. */
export const EVENTS_WINDOW = 10_000;
const EVENTS_LIMIT = 1_000;

/** The newest records of the audit, or those before a number, whose target is this; as far back as the node looks at once. */
export async function auditOf(
  target: string,
  before: number | undefined,
  signal: AbortSignal,
): Promise<Seen<Window<AuditRecord>>> {
  const query = { target, limit: AUDIT_WINDOW, ...(before === undefined ? {} : { before }) };
  const page = await seen(api.GET("/v1/audit", { params: { query }, signal }), ASKED_AGAIN);
  const { entries, head, next_before } = page.value;
  const oldest = Math.min(1, head);
  const to = before === undefined ? head : Math.min(before - 1, head);
  return { ...page, value: { found: entries.toReversed(), from: next_before ?? oldest, to, newest: head, oldest } };
}

/** The newest records of the audit, or those before a number, that fit. */
export async function auditWindow(
  fits: (record: AuditRecord) => boolean,
  before: number | undefined,
  signal: AbortSignal,
): Promise<Seen<Window<AuditRecord>>> {
  const after = before === undefined ? undefined : Math.max(0, before - 1 - AUDIT_WINDOW);
  const query = after === undefined || before === undefined ? { limit: AUDIT_WINDOW } : { after, limit: before - 1 - after };
  const page = await seen(api.GET("/v1/audit", { params: { query }, signal }), ASKED_AGAIN);
  const { entries, head } = page.value;
  const [from, to] = [entries[0]?.sequence ?? 0, entries.at(-1)?.sequence ?? 0];
  return { ...page, value: { found: entries.filter(fits).reverse(), from, to, newest: head, oldest: Math.min(1, head) } };
}

/** The newest events of a topic, or those before a number, that happened to one thing. */
export async function eventsWindow(
  topic: string,
  key: string,
  before: number | undefined,
  signal: AbortSignal,
): Promise<Seen<Window<Event>>> {
  const get = (query: { from?: number; topics?: string; limit: number }) =>
    seen(api.GET("/v1/events", { params: { query }, signal }), ASKED_AGAIN);
  const ends = await get({ limit: 1 });
  const { first, last } = ends.value;
  const to = before === undefined ? last : Math.min(before - 1, last);
  const from = Math.max(first, to - EVENTS_WINDOW + 1);
  const found: Event[] = [];
  for (let next = from; next <= to;) {
    const { value } = await get({ from: next, topics: topic, limit: EVENTS_LIMIT });
    found.push(...value.events.filter((event) => event.key === key && event.topic === topic && event.number <= to));
    if (value.next <= next) break;
    next = value.next;
  }
  // It is as old as the first of its reads.
  return { ...ends, value: { found: found.reverse(), from, to, newest: last, oldest: first } };
}

/**
 * Whether a record of the audit may be about one of these. Of several at once it names the first and the last: whatever is between is told
 * of, and the record says that it is about several.
 */
export function isAboutNumber(target: string, word: "job" | "directive", number: number): boolean {
  if (target === `${word} ${String(number)}`) return true;
  const several = new RegExp(`^\\d+ ${word}s from (\\d+) to (\\d+)$`).exec(target);
  if (several === null) return false;
  const ends = [Number(several[1]), Number(several[2])];
  return Math.min(...ends) <= number && number <= Math.max(...ends);
}
