/** What keeps a page where it is: an open dialog, in which something was written or waits for an answer. */
import { useSyncExternalStore } from "react";

/** What holds as long as somebody wants it to. */
function holder(change: (isHeld: boolean) => void = () => undefined) {
  let held = 0;
  const watchers = new Set<() => void>();
  const count = (by: 1 | -1) => {
    held += by;
    if (held === (by === 1 ? 1 : 0)) change(by === 1);
    for (const watcher of watchers) watcher();
  };
  return {
    /** Until the returned function is called. */
    hold: () => {
      count(1);
      return () => {
        count(-1);
      };
    },
    watch: (watcher: () => void) => {
      watchers.add(watcher);
      return () => watchers.delete(watcher);
    },
    isHeld: () => held > 0,
  };
}

const page = holder();

/** Keeps the page until the returned function is called. */
export const holdPage = page.hold;

/** Whether the page must not be left by itself. */
export function usePageHeld(): boolean {
  return useSyncExternalStore(page.watch, page.isHeld);
}

/** The browser asks whoever reloads or closes the page whether they mean it. */
function ask(event: Event): void {
  event.preventDefault();
}

const once = holder((isHeld) => {
  if (isHeld) window.addEventListener("beforeunload", ask);
  else window.removeEventListener("beforeunload", ask);
});

/** Keeps what is drawn until the returned function is called: it is shown this once, or an answer is on its way that shows such a thing. */
export const holdShownOnce = once.hold;

/** Whether something is drawn, or about to be, that nobody can see again. */
export function useShownOnceHeld(): boolean {
  return useSyncExternalStore(once.watch, once.isHeld);
}
