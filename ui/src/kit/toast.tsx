/**
 * What was done, or went wrong, told in a corner and to screen readers; it stays until its time is over, which stands still while somebody is
 * at it. What went wrong stays until it is taken away, whatever else is told.
 */
import { type ReactNode, useLayoutEffect, useRef, useSyncExternalStore } from "react";
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
/** Of those that go by themselves the oldest goes where there are more than this. */
const SHOWN_MAX = 4;

let toasts: readonly Toast[] = [];
let last = 0;
const watchers = new Set<() => void>();

function put(next: readonly Toast[]): void {
  toasts = next;
  for (const id of times.keys()) if (!next.some((one) => one.id === id)) forget(id);
  for (const watcher of watchers) watcher();
}

/** What is left of the time of each, and since when it runs; it stands still where there is no timer. */
const times = new Map<number, { leftMs: number; since: number; timer: number | undefined }>();
/** What keeps them all: the keyboard's focus in one of them, or the pointer over it. */
const held = { focus: false, pointer: false };

function forget(id: number): void {
  window.clearTimeout(times.get(id)?.timer);
  times.delete(id);
}

function run(): void {
  const isHeld = held.focus || held.pointer;
  for (const [id, time] of times) {
    if (isHeld && time.timer !== undefined) {
      window.clearTimeout(time.timer);
      times.set(id, { leftMs: time.leftMs - (Date.now() - time.since), since: 0, timer: undefined });
    } else if (!isHeld && time.timer === undefined) {
      const timer = window.setTimeout(() => {
        dismiss(id);
      }, time.leftMs);
      times.set(id, { leftMs: time.leftMs, since: Date.now(), timer });
    }
  }
}

function hold(by: keyof typeof held, is: boolean): void {
  held[by] = is;
  run();
}

function dismiss(id: number): void {
  put(toasts.filter((one) => one.id !== id));
}

/** Tells something, with the way back beside it where there is one. What went wrong stays until it is taken away. */
export function toast(body: ReactNode, tone: Toast["tone"] = "good", undo?: ReactNode): void {
  last += 1;
  const id = last;
  const all = [...toasts, { id, tone, body, undo }];
  const passing = all.filter((one) => one.tone !== "bad");
  const over = tone === "bad" ? undefined : passing.at(-SHOWN_MAX - 1);
  if (tone !== "bad") times.set(id, { leftMs: undo == null ? SHOWN_MS : UNDO_MS, since: 0, timer: undefined });
  put(all.filter((one) => one !== over));
  run();
}

/** Takes away all that was told: another person is there now. */
export function clearToasts(): void {
  put([]);
}

/** Gives the keyboard's focus to what was told last, where something is. */
export function focusToasts(): void {
  [...document.querySelectorAll(".toast")].at(-1)?.querySelector<HTMLElement>("a, button")?.focus();
}

export function Toasts() {
  const box = useRef<HTMLDivElement>(null);
  const shown = useSyncExternalStore(
    (watcher) => {
      watchers.add(watcher);
      return () => watchers.delete(watcher);
    },
    () => toasts,
  );
  const byKey = useRef(false);
  // What goes need not tell that it loses the focus, or the pointer. Whoever took it away by a key is at the next one then, or at the page.
  useLayoutEffect(() => {
    if (shown.length === 0) hold("pointer", false);
    if (box.current?.contains(document.activeElement) !== true) hold("focus", false);
    if (!byKey.current) return;
    byKey.current = false;
    if (shown.length > 0) focusToasts();
    else document.getElementById("main")?.focus();
  }, [shown]);
  useLayoutEffect(
    () => () => {
      hold("focus", false);
      hold("pointer", false);
    },
    [],
  );
  return (
    // Its time stands still under the pointer: that is no control, and the keyboard has the same by its focus.
    <div
      ref={box}
      className="toasts"
      role="status"
      aria-live="polite"
      onFocus={() => hold("focus", true)}
      onBlur={({ currentTarget, relatedTarget }) => hold("focus", currentTarget.contains(relatedTarget))}
      onPointerEnter={() => hold("pointer", true)}
      onPointerLeave={() => hold("pointer", false)}
    >
      {shown.map(({ id, tone, body, undo }) => (
        <div key={id} className="toast" data-tone={tone}>
          <div>{body}</div>
          <div className="row">
            {undo}
            <Button
              look="quiet"
              onClick={({ detail }) => {
                byKey.current = detail === 0;
                dismiss(id);
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
