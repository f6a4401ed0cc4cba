/**
 * When somebody last did something here. Pages read by themselves, which the node takes for use of the session, so that it would
 * never be idle: the page has to tell an unattended window from one that is used.
 */
let last = Date.now();

/** Where the windows of one node tell each other: whoever uses one of them uses the session of all. */
const SHARED = "exchequer.attention";
/** It is told at most so often, in milliseconds. */
const TELL_MS = 1_000;
let told = 0;

function attend(): void {
  last = Date.now();
  if (last - told < TELL_MS) return;
  told = last;
  window.localStorage.setItem(SHARED, String(last));
}

for (const kind of ["pointerdown", "keydown", "wheel", "touchstart"] as const) {
  window.addEventListener(kind, attend, { passive: true, capture: true });
}

/**
 * In this window or another one of this node, in milliseconds since 1970. Read where they tell it, not heard: a window that the
 * browser let sleep hears late.
 */
export function lastAttention(): number {
  const elsewhere = Number(window.localStorage.getItem(SHARED));
  return Number.isSafeInteger(elsewhere) && elsewhere <= Date.now() ? Math.max(last, elsewhere) : last;
}
