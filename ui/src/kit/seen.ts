/** Which rows of a long list are seen, where all are of about one height: counted, not measured. */
import { type RefObject, startTransition, useEffect, useState } from "react";

/** Rows that are drawn above and below those that are seen. */
const BEYOND = 12;
/** So many rows further the list is drawn anew. */
const STEP = 4;
/** Where it is not known how high the list is drawn, so many rows are. */
const SEEN_MIN = 20;

/** The rows from `from` to before `to`. */
export interface Part {
  from: number;
  to: number;
}

/** The part of `count` rows of `px` pixels each that is seen in a box that is scrolled to `top` and is `height` high. */
export function partOf(count: number, px: number, top: number, height: number): Part {
  const rows = Math.max(SEEN_MIN, Math.ceil(height / px)) + STEP;
  const first = Math.max(0, Math.min(Math.floor(top / px / STEP) * STEP, count - rows));
  return { from: Math.max(0, first - BEYOND), to: Math.min(count, first + rows + BEYOND) };
}

/** The part that is seen now; the whole of a list that is not long. */
export function useSeen(box: RefObject<HTMLElement | null>, count: number, px: number, isLong: boolean): Part {
  const [part, see] = useState<Part>(() => partOf(count, px, 0, 0));
  useEffect(() => {
    const element = box.current;
    if (element === null || !isLong) return undefined;
    const look = () => {
      const next = partOf(count, px, element.scrollTop, element.clientHeight);
      // Rows that come into sight are drawn in small steps: what the browser has to do for a frame does not wait for all of them.
      startTransition(() => {
        see((old) => (old.from === next.from && old.to === next.to ? old : next));
      });
    };
    look();
    element.addEventListener("scroll", look, { passive: true });
    const observer = new ResizeObserver(look);
    observer.observe(element);
    return () => {
      element.removeEventListener("scroll", look);
      observer.disconnect();
    };
  }, [box, count, px, isLong]);
  if (!isLong) return { from: 0, to: count };
  // A list that became shorter is drawn before it was looked at again.
  return part.to <= count ? part : partOf(count, px, Math.max(0, count * px), 0);
}
