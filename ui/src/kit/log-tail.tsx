/**
 * Lines as they are written: filtered, paused when one scrolls up, never more than a ring of them, gaps shown as gaps. Of the lines
 * those alone are drawn that are seen.
 */
import { memo, type Ref, useEffect, useImperativeHandle, useLayoutEffect, useMemo, useReducer, useRef, useState } from "react";
import { Button } from "./button";
import { Choice, Input } from "./field";
import { Heights } from "./heights";
import { Skeleton, Trouble } from "./panel";
import { Status, type Tone } from "./status";
import { type Asked, EARLIER, firstSince, type Level, LEVELS, RING_LINES, type Shown, type View } from "./tail";
import { visible } from "./text";
import { useTail } from "./use-tail";
import { copy, When } from "./values";

const LINE_PX = 21;
const TONES: Readonly<Record<string, Tone>> = { error: "bad", warn: "warn", info: "info", debug: "idle", trace: "idle" };
/** Nearer to the end than this is at the end. */
const NEAR_PX = 40;
/** Lines that are drawn above and below those that are seen. */
const BEYOND = 20;
/** It is drawn anew once it is scrolled this far, in pixels. */
const STEP_PX = LINE_PX * 4;
/** So many lines are seen above the one that a link leads to. */
const ABOVE = 5;
/** After so long without a line there is none, in milliseconds. */
const SILENT_MS = 1_000;

interface Props {
  title: string;
  /** Where the lines are read; the same with `/stream` tells them as they are written. */
  path: string;
  /** What is shown of them. */
  asked: Asked;
  ask: (asked: Asked) => void;
  /** The moment that a link leads to. */
  at?: string | undefined;
  /** The lines that come are looked at again, not that moment. */
  goOn: () => void;
}

export function LogTail({ title, path, asked: { level, text }, ask, at, goOn }: Props) {
  const [wraps, setWraps] = useState(false);
  // The number of the line that the link led to; null while it is not here yet.
  const [reached, reach] = useState<number | null>(null);
  const seenFrom = useRef<SeenFrom>(null);
  // The place after the last line that was there when it was paused; null where it is not.
  const [pausedAt, pauseAt] = useState<{ view: View; end: number } | null>(null);
  const { tail, refused, isLive, again } = useTail(
    `${path}/stream?limit=${String(EARLIER)}${at === undefined ? "" : `&from=${encodeURIComponent(at)}`}`,
    { level, text },
  );
  const { view, count } = tail;
  const fresh = pausedAt?.view === view ? view.end - pausedAt.end : 0;
  const isPaused = pausedAt !== null;
  const pause = (is: boolean) => pauseAt(is ? { view, end: view.end } : null);
  const isSought = at !== undefined && reached === null;
  const place = isSought ? firstSince(view, at) : null;
  const arrive = () => {
    reach(view.at(place ?? view.end)?.line.number ?? null);
    pause(true);
  };

  return (
    <section className="panel" aria-label={title} aria-busy={!isLive && refused === null && count === 0}>
      <header>
        <h2>{title}</h2>
        <Status tone={isLive ? "good" : "idle"}>{isLive ? (isPaused ? "paused" : "live") : "connecting"}</Status>
        <span className="age">
          {count} of at most {RING_LINES} lines kept here
        </span>
      </header>
      {count > 0 && !isLive ? (
        <p className="stale" role="status">
          This is what was last seen, <When at={tail.heardAt === null ? null : new Date(tail.heardAt).toISOString()} />
          {refused === null ? ". The page asks again by itself." : `; since then: ${visible(refused.message)} ${refused.code}`}
        </p>
      ) : null}
      {count > 0 ? (
        <div className="body stack">
          <div className="row" role="search">
            <Choice
              label="Down to"
              of={LEVELS}
              value={level}
              onChange={(event) => ask({ level: event.target.value as Level, text })}
            />
            <Input label="With the text" value={text} onChange={(event) => ask({ level, text: event.target.value })} />
            <Button aria-pressed={wraps} onClick={() => setWraps(!wraps)}>
              Wrap
            </Button>
            <Button
              aria-pressed={isPaused}
              onClick={() => {
                if (isPaused) goOn();
                pause(!isPaused);
              }}
            >
              {isPaused ? (fresh > 0 ? `Go on: ${String(fresh)} new lines` : "Go on") : "Pause"}
            </Button>
            <Button onClick={() => download(view)}>Download</Button>
            <Button onClick={() => copyLink(isPaused ? seenFrom.current?.() : undefined)}>
              {isPaused ? "Copy link to this time" : "Copy link"}
            </Button>
          </div>
          {view.length === 0 ? (
            <p className="muted">{tail.isDone ? "No line yet that fits." : "The lines are being looked through."}</p>
          ) : null}
          {isSought && place === null && tail.isDone ? <NotYet at={at} /> : null}
          <Lines {...{ title, view, wraps, isPaused, pause, place, arrive, reached }} ref={seenFrom} />
        </div>
      ) : refused !== null ? (
        <Trouble refused={refused} again={again} />
      ) : isLive ? (
        <div className="state">
          <p>
            It has logged nothing on this node yet. Workers run, and log, on the node that leads; a node that led before still
            has what they logged there.
          </p>
        </div>
      ) : (
        <Skeleton />
      )}
    </section>
  );
}

/** Said once the node has told nothing for a while: what it has comes in parts. */
function NotYet({ at }: { at: string }) {
  const [isSaid, say] = useState(false);
  useEffect(() => {
    const later = window.setTimeout(() => say(true), SILENT_MS);
    return () => window.clearTimeout(later);
  }, []);
  return isSaid ? (
    <p className="muted">
      Nothing that fits was written at <When at={at} /> or later yet.
    </p>
  ) : null;
}

type SeenFrom = () => string | undefined;

interface LinesProps {
  title: string;
  view: View;
  wraps: boolean;
  isPaused: boolean;
  pause: (is: boolean) => void;
  /** Where a link leads to; null where it leads nowhere, or there already. */
  place: number | null;
  /** It is seen. */
  arrive: () => void;
  /** The number of the line that it led to. */
  reached: number | null;
  /** When the first line that is seen was written. */
  ref: Ref<SeenFrom>;
}

function Lines({ title, view, wraps, isPaused, pause, place, arrive, reached, ref }: LinesProps) {
  const scroll = useRef<HTMLDivElement>(null);
  const drawn = useRef<HTMLDivElement>(null);
  const [, redraw] = useReducer((turn: number) => turn + 1, 0);
  const [{ top, height }, see] = useState({ top: 0, height: 0 });
  // What was measured holds for one list at one width, drawn in one way.
  // eslint-disable-next-line react-hooks/exhaustive-deps -- they are what it is measured of
  const heights = useMemo(() => new Heights(LINE_PX), [view, wraps]);
  const { first, end } = view;
  const from = Math.max(first, heights.atOffset(first, end, top) - BEYOND);
  const to = Math.min(end, heights.atOffset(first, end, top + height) + 1 + BEYOND);
  const before = useRef({ view, first, top: 0 });
  useImperativeHandle(
    ref,
    () => () => view.at(heights.atOffset(view.first, view.end, scroll.current?.scrollTop ?? 0))?.line.time,
    [view, heights],
  );

  useLayoutEffect(() => {
    const [box, lines] = [scroll.current, drawn.current];
    if (box === null || lines === null) return;
    // What is read stays where it is: lines above it are let go of, or were taken for lower or higher than they are.
    let moved = before.current.view === view ? -heights.between(before.current.first, first) : 0;
    let isCorrected = false;
    for (const [at, line] of [...lines.children].entries()) {
      const px = (line as HTMLElement).offsetHeight;
      const more = px === 0 ? 0 : heights.measured(from + at, px);
      if (more === 0) continue;
      isCorrected = true;
      if (heights.between(first, from + at) < box.scrollTop) moved += more;
    }
    heights.letGo(first);
    if (isPaused && moved !== 0) box.scrollTop += moved;
    if (place !== null) box.scrollTop = heights.between(first, Math.max(first, place - ABOVE));
    else if (!isPaused) box.scrollTop = box.scrollHeight;
    before.current = { view, first, top: box.scrollTop };
    if (place !== null) arrive();
    else if (isCorrected) redraw();
  });

  useEffect(() => {
    const box = scroll.current;
    if (box === null) return undefined;
    let width = box.clientWidth;
    const observer = new ResizeObserver(() => {
      if (box.clientWidth !== width) heights.forget();
      width = box.clientWidth;
      see({ top: steps(box.scrollTop), height: box.clientHeight + STEP_PX });
    });
    observer.observe(box);
    return () => observer.disconnect();
  }, [heights]);

  return (
    <div
      ref={scroll}
      className="log"
      tabIndex={0}
      role="log"
      aria-label={title}
      aria-live="off"
      data-wraps={wraps ? "" : undefined}
      onScroll={({ currentTarget: { scrollHeight, scrollTop, clientHeight } }) => {
        const isAtEnd = scrollHeight - scrollTop - clientHeight < NEAR_PX;
        if (!isPaused && !isAtEnd && scrollTop < before.current.top) pause(true);
        before.current.top = scrollTop;
        see((old) => {
          const next = { top: steps(scrollTop), height: clientHeight + STEP_PX };
          return old.top === next.top && old.height === next.height ? old : next;
        });
      }}
    >
      <div style={{ height: heights.between(first, end), position: "relative" }}>
        <div ref={drawn} className="log-lines" style={{ top: heights.between(first, from) }}>
          {Array.from({ length: Math.max(0, to - from) }, (_, at) => {
            const shown = view.at(from + at);
            return shown === undefined ? null : (
              <LogLine key={shown.line.number} of={shown} isReached={shown.line.number === reached} />
            );
          })}
        </div>
      </div>
    </div>
  );
}

const steps = (px: number) => Math.floor(px / STEP_PX) * STEP_PX;

/** What is not there before a line, in words; nothing where everything is. */
const lostBefore = ({ isGap, dropped }: Shown): string =>
  `${dropped > 0 ? `${String(dropped)} lines were dropped here · ` : ""}${isGap ? "lines are missing here · " : ""}`;

const LogLine = memo(function LogLine({ of: shown, isReached }: { of: Shown; isReached: boolean }) {
  const { line } = shown;
  const lost = lostBefore(shown);
  return (
    <div className="log-line" data-reached={isReached ? "" : undefined}>
      {lost === "" ? null : <span className="log-gap">{lost}</span>}
      {/* By the keyboard the same is had where the log is paused. */}
      <button
        type="button"
        className="log-time"
        tabIndex={-1}
        title={`${visible(line.time)}: copy a link to this time`}
        onClick={() => copyLink(line.time)}
      >
        {visible(line.time.slice(11, 23))}
      </button>{" "}
      <Status tone={TONES[line.level] ?? "info"}>{line.level}</Status>{" "}
      {line.trace === "" ? null : <span className="muted">{visible(line.trace)} </span>}
      {visible(line.text)}
    </div>
  );
});

/** A link to this log with the same level and text, at a time where one is given. */
function copyLink(at: string | undefined): void {
  const link = new URL(window.location.href);
  if (at === undefined) link.searchParams.delete("at");
  else link.searchParams.set("at", at);
  const when = at === undefined ? "" : ` at ${visible(at.slice(11, 23))}`;
  copy(link.href, `The link shows this log${when}, with the same level and text.`);
}

function download(view: View): void {
  const all = Array.from({ length: view.length }, (_, at) => view.at(view.first + at)).filter((one) => one !== undefined);
  const words = ({ line: { time, level, trace, text } }: Shown) => `${time} ${level} ${trace} ${visible(text)}`;
  const text = all.map((one) => lostBefore(one) + words(one)).join("\n");
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
  link.download = "worker.log";
  link.click();
  URL.revokeObjectURL(link.href);
}
