/**
 * When somebody last did something here. Pages read by themselves, which the node takes for use of the session, so that it would
 * never be idle: the page has to tell an unattended window from one that is used.
 */
let last = Date.now();

for (const kind of ["pointerdown", "keydown", "wheel", "touchstart"] as const) {
  window.addEventListener(
    kind,
    () => {
      last = Date.now();
    },
    { passive: true, capture: true },
  );
}

/** In milliseconds since 1970. */
export function lastAttention(): number {
  return last;
}
