/**
 * Tips: the one that is shown says what describes the control under the pointer, or the one that has the keyboard's focus, if it is held
 * back. One serves the whole page, so that a control is the same element whether it is held back or not and keeps its focus, and a list
 * of thousands pays nothing for them. Screen readers have the words from the control itself.
 */
import { useEffect, useLayoutEffect, useRef, useState } from "react";

const HELD = '[aria-disabled="true"][aria-describedby]';
/** The pointer has to rest for this long, in milliseconds. */
const RESTS_MS = 200;
const GAP_PX = 6;
const EDGE_PX = 8;

const wordsOf = (control: Element | null) =>
  control?.isConnected === true && control.matches(HELD)
    ? (document.getElementById(control.getAttribute("aria-describedby") ?? "")?.textContent ?? "")
    : "";

function isOver(box: Element, { target, clientX, clientY }: PointerEvent): boolean {
  const { left, right, top, bottom, width } = box.getBoundingClientRect();
  const isWithin = width > 0 && clientX >= left && clientX <= right && clientY >= top && clientY <= bottom;
  return isWithin || (target instanceof Node && box.contains(target));
}

export function Tips() {
  const [control, setControl] = useState<Element | null>(null);
  const [words, setWords] = useState("");
  const box = useRef<HTMLDivElement>(null);

  useEffect(() => {
    let timer: number | undefined;
    const show = (next: Element | null) => {
      window.clearTimeout(timer);
      setControl(next);
      setWords(wordsOf(next));
    };
    const held = ({ target }: Event) => (target instanceof Element ? target.closest(HELD) : null);
    const over = (event: PointerEvent) => {
      // Whoever reads it may go over it; around a dialog nothing else is met by the pointer, so its place is asked.
      if (box.current !== null && isOver(box.current, event)) return;
      const next = held(event);
      window.clearTimeout(timer);
      timer = window.setTimeout(() => {
        show(next);
      }, RESTS_MS);
    };
    const focus = (event: Event) => {
      const next = held(event);
      show(next?.matches(":focus-visible") === true ? next : null);
    };
    const gone = () => {
      show(null);
    };
    document.addEventListener("pointerover", over);
    document.documentElement.addEventListener("pointerleave", gone);
    document.addEventListener("focusin", focus);
    document.addEventListener("focusout", gone);
    return () => {
      window.clearTimeout(timer);
      document.removeEventListener("pointerover", over);
      document.documentElement.removeEventListener("pointerleave", gone);
      document.removeEventListener("focusin", focus);
      document.removeEventListener("focusout", gone);
    };
  }, []);

  // What holds a control back can change, or end, while its tip is read; and what is scrolled under it is not where it was.
  useEffect(() => {
    if (control === null) return undefined;
    const look = new MutationObserver(() => {
      setWords(wordsOf(control));
    });
    look.observe(document.body, { subtree: true, childList: true, characterData: true, attributeFilter: ["aria-disabled"] });
    const moved = ({ target }: Event) => {
      // A log beside it scrolls by itself, all the time.
      if (target instanceof Node && target.contains(control)) setControl(null);
    };
    window.addEventListener("scroll", moved, true);
    return () => {
      look.disconnect();
      window.removeEventListener("scroll", moved, true);
    };
  }, [control]);

  const isShown = control !== null && words !== "";
  useLayoutEffect(() => {
    if (!isShown) return undefined;
    const dismiss = (event: KeyboardEvent) => {
      if (event.key !== "Escape") return;
      // The dialog around it stays open: the next one closes that. It listens at the document, before all that is in it.
      event.stopPropagation();
      setControl(null);
    };
    window.addEventListener("keydown", dismiss, true);
    return () => {
      window.removeEventListener("keydown", dismiss, true);
    };
  }, [isShown]);

  useLayoutEffect(() => {
    if (!isShown || box.current === null) return;
    const { left, right, top, bottom } = control.getBoundingClientRect();
    const { width, height } = box.current.getBoundingClientRect();
    const above = top - GAP_PX - height;
    const at = (left + right - width) / 2;
    box.current.style.left = `${String(Math.max(EDGE_PX, Math.min(at, window.innerWidth - EDGE_PX - width)))}px`;
    box.current.style.top = `${String(above >= EDGE_PX ? above : bottom + GAP_PX)}px`;
  }, [isShown, control, words]);

  return isShown ? (
    <div className="tip" ref={box} aria-hidden="true">
      {words}
    </div>
  ) : null;
}
