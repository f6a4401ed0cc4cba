/** What keeps a page where it is: an open dialog, in which something was written or waits for an answer. */
import { useSyncExternalStore } from "react";

let held = 0;
const watchers = new Set<() => void>();

function count(by: 1 | -1): void {
  held += by;
  for (const watcher of watchers) watcher();
}

/** Keeps the page until the returned function is called. */
export function holdPage(): () => void {
  count(1);
  return () => {
    count(-1);
  };
}

/** Whether the page must not be left by itself. */
export function usePageHeld(): boolean {
  return useSyncExternalStore(
    (watcher) => {
      watchers.add(watcher);
      return () => watchers.delete(watcher);
    },
    () => held > 0,
  );
}
