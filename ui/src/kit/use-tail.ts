/** A log's lines as the node tells them, worked off frame by frame; after a break they go on where they were. */
import { useEffect, useReducer, useRef, useState } from "react";
import { problemOf, Refused } from "../api/client";
import { listen } from "../api/stream";
import { type Asked, Tail } from "./tail";

/** Of each frame so much is for lines, in milliseconds. */
const BUDGET_MS = 8;
/** While more waits, lines are drawn so often, in milliseconds. */
const DRAWN_MS = 100;
/** A page that nobody sees has no frames: there a slice is worked off so often, in milliseconds. */
const HIDDEN_MS = 200;
/** No more is read of the stream while so much waits to be worked off, in characters. */
const BACKLOG_MAX = 1_000_000;
/** After a stream that ended, or was refused, this long is waited, in milliseconds. */
const AGAIN_MS = 3_000;

export interface Told {
  tail: Tail;
  /** Why there is no stream; null where there is one, or where it ended without a word. */
  refused: Refused | null;
  isLive: boolean;
  /** Asks for the stream now. */
  again: () => void;
}

/** The lines that are told at `path`. */
export function useTail(path: string, { level, text }: Asked): Told {
  const [, redraw] = useReducer((turn: number) => turn + 1, 0);
  const [turn, again] = useReducer((turn: number) => turn + 1, 0);
  const [kept, keep] = useState(() => ({ path, tail: new Tail() }));
  if (kept.path !== path) keep({ path, tail: new Tail() });
  const { tail } = kept;
  const [refused, setRefused] = useState<Refused | null>(null);
  const [isLive, setLive] = useState(false);
  const schedule = useRef<() => void>(() => undefined);

  useEffect(() => {
    const over = new AbortController();
    let later: number | undefined;
    let cancel: (() => void) | undefined;
    let waits = { below: 0, done: (): void => undefined };
    let drawn = -Infinity;
    let isDrawn = true;
    const draw = () => {
      drawn = performance.now();
      isDrawn = true;
      redraw();
    };
    // Drawing has a frame of its own while more waits: both in one would be a long one.
    const work = () => {
      cancel = undefined;
      const now = performance.now();
      if (!isDrawn && now - drawn >= DRAWN_MS) {
        draw();
      } else {
        tail.work(() => performance.now() >= now + BUDGET_MS);
        isDrawn = false;
        if (tail.isDone) draw();
        if (tail.backlog <= waits.below) waits.done();
      }
      if (!tail.isDone) schedule.current();
    };
    schedule.current = () => {
      if (cancel !== undefined) return;
      if (document.hidden) {
        const timer = window.setTimeout(work, HIDDEN_MS);
        cancel = () => window.clearTimeout(timer);
      } else {
        const frame = window.requestAnimationFrame(work);
        cancel = () => window.cancelAnimationFrame(frame);
      }
    };
    const workedOff = (below: number) =>
      tail.backlog <= below
        ? Promise.resolve()
        : new Promise<void>((done) => {
            waits = { below, done };
          });
    const take = (text: string) => {
      tail.heardAt = Date.now();
      tail.tell(text);
      schedule.current();
      return workedOff(BACKLOG_MAX);
    };
    const opened = () => {
      tail.heardAt = Date.now();
      tail.end = null;
      setLive(true);
      setRefused(null);
    };
    const connect = async () => {
      try {
        await listen(path, { after: tail.last, opened, take }, over.signal);
        await workedOff(0);
        if (tail.end !== null) setRefused(problemOf(tail.end));
      } catch (error) {
        if (over.signal.aborted) return;
        if (!(error instanceof Refused)) throw error;
        setRefused(error);
      }
      if (over.signal.aborted) return;
      setLive(false);
      later = window.setTimeout(() => void connect(), AGAIN_MS);
    };
    void connect();
    return () => {
      over.abort();
      waits.done();
      window.clearTimeout(later);
      cancel?.();
      schedule.current = () => undefined;
      setLive(false);
      setRefused(null);
    };
  }, [path, tail, turn]);

  useEffect(() => {
    tail.ask({ level, text });
    redraw();
    schedule.current();
  }, [tail, level, text]);

  return { tail, refused, isLive, again };
}
