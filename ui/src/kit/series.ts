/** What was read one after the other while a page is open: kept in the browser, gone with the page. */
import { useState } from "react";

export interface Reading<T> {
  /** When it was so, in milliseconds since 1970. */
  at: number;
  value: T;
}

/** So many are kept: an hour of one every ten seconds. */
export const READINGS_MAX = 360;

/**
 * The readings since the page was opened, oldest first. One that was taken at the same moment as the latest is that one, read once more;
 * those of another `of` are not kept.
 */
export function useSeries<T>(of: string, latest: Reading<T> | undefined): readonly Reading<T>[] {
  const [kept, keep] = useState<{ of: string; readings: readonly Reading<T>[] }>({ of, readings: [] });
  const before = kept.of === of ? kept.readings : [];
  const isNew = latest !== undefined && latest.at > (before.at(-1)?.at ?? -Infinity);
  if (isNew || kept.of !== of) keep({ of, readings: isNew ? [...before, latest].slice(-READINGS_MAX) : before });
  return before;
}
