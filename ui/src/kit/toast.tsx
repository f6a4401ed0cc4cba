/** What was done, or went wrong, told in a corner and to screen readers; it stays until it was read or its time is over. */
import { type ReactNode, useSyncExternalStore } from "react";
import { Button } from "./button";

interface Toast {
  id: number;
  tone: "good" | "bad" | "info";
  body: ReactNode;
  undo: ReactNode;
}

const SHOWN_MS = 8_000;
/** With a way back in it. */
const UNDO_MS = 30_000;
const SHOWN_MAX = 4;

let toasts: readonly Toast[] = [];
let last = 0;
const watchers = new Set<() => void>();

function put(next: readonly Toast[]): void {
  toasts = next;
  for (const watcher of watchers) watcher();
}

/** Tells something, with the way back beside it where there is one. What went wrong stays until it is taken away. */
export function toast(body: ReactNode, tone: Toast["tone"] = "good", undo?: ReactNode): void {
  last += 1;
  const id = last;
  put([...toasts, { id, tone, body, undo }].slice(-SHOWN_MAX));
  if (tone !== "bad") {
    window.setTimeout(
      () => {
        put(toasts.filter((one) => one.id !== id));
      },
      undo == null ? SHOWN_MS : UNDO_MS,
    );
  }
}

export function Toasts() {
  const shown = useSyncExternalStore(
    (watcher) => {
      watchers.add(watcher);
      return () => watchers.delete(watcher);
    },
    () => toasts,
  );
  return (
    <div className="toasts" role="status" aria-live="polite">
      {shown.map(({ id, tone, body, undo }) => (
        <div key={id} className="toast" data-tone={tone}>
          <div>{body}</div>
          <div className="row">
            {undo}
            <Button
              look="quiet"
              onClick={() => {
                put(toasts.filter((one) => one.id !== id));
              }}
            >
              Dismiss
            </Button>
          </div>
        </div>
      ))}
    </div>
  );
}
