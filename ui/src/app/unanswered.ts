/**
 * Changes that were sent and not answered. They may have been made, so they outlive their dialog: whoever opens the same one again
 * finds what was sent, and sends it under the same id, so that it takes effect once. The same is what would send the same, not what is
 * called the same. Never kept beyond the page's load.
 */
import type { CommandIds } from "../api/change";

export interface Draft<P, F> {
  /** What the dialog was about when it was opened; what becomes of the page meanwhile changes nothing of it. */
  props: P;
  form: F;
  reason: string;
  ids: CommandIds;
  /** When it was sent without an answer, in milliseconds since 1970; null where it was not. */
  sentAt: number | null;
}

/**
 * Whoever sends again does so soon, in milliseconds. Later the thing may have been undone by others, and an id that was used already
 * would have no effect although it is answered as done.
 */
const KEPT_MS = 120_000;
/** More than this many are not remembered; the oldest is forgotten first. */
const KEPT_MAX = 64;
const kept = new Map<string, Draft<unknown, unknown>>();

export function keepUnanswered(deed: string, draft: Draft<unknown, unknown>): void {
  kept.delete(deed);
  kept.set(deed, draft);
  for (const oldest of kept.keys()) {
    if (kept.size <= KEPT_MAX) break;
    kept.delete(oldest);
  }
}

/** What was sent of a deed without an answer; its name says the change, so its kind is that of the asker. */
export function unansweredOf<P, F>(deed: string): Draft<P, F> | undefined {
  const draft = kept.get(deed) as Draft<P, F> | undefined;
  if (draft?.sentAt != null && Date.now() - draft.sentAt > KEPT_MS) {
    kept.delete(deed);
    return undefined;
  }
  return draft;
}

export function forgetUnanswered(deed: string): void {
  kept.delete(deed);
}
