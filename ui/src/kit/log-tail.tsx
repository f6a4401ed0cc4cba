/**
 * Lines as they are written: filtered, paused when one scrolls up, never more than a ring of them, gaps shown as gaps.
 */
import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useMemo, useRef, useState } from "react";
import { api, Refused, seen } from "../api/client";
import type { components } from "../api/schema.gen";
import { Button } from "./button";
import { Choice, Input } from "./field";
import { Trouble } from "./panel";
import { Status, type Tone } from "./status";
import { visible } from "./text";

type Line = components["schemas"]["WorkerLogLine"];

/** The lines that a page keeps. */
const RING_LINES = 100_000;
/** Lines of one moment are shown together, in milliseconds. */
const GATHER_MS = 100;
const LINE_PX = 21;
const LEVELS = ["error", "warn", "info", "debug", "trace"] as const;
const TONES: Readonly<Record<string, Tone>> = { error: "bad", warn: "warn", info: "info", debug: "idle", trace: "idle" };
/** Nearer to the end than this is at the end. */
const NEAR_PX = 40;

interface Props {
  title: string;
  /** Where the lines are read; the same with `/stream` tells them as they are written. */
  path: string;
}

/** The lines that were read so far, and whether more are told. */
function useLines(path: string) {
  const [lines, setLines] = useState<readonly Line[]>([]);
  const [refused, setRefused] = useState<Refused | null>(null);
  const [isLive, setLive] = useState(false);
  useEffect(() => {
    let gathered: Line[] = [];
    let timer: number | undefined;
    let last = 0;
    let stopped = false;
    const flush = () => {
      timer = undefined;
      const fresh = gathered;
      gathered = [];
      setLines((old) => [...old, ...fresh].slice(-RING_LINES));
    };
    const add = (line: Line) => {
      if (line.number <= last) return;
      last = line.number;
      gathered.push(line);
      timer ??= window.setTimeout(flush, GATHER_MS);
    };
    // Begins with the latest lines; after a break the browser names the last line it got.
    const source = new EventSource(`${path}/stream`);
    source.onopen = () => {
      setLive(true);
      setRefused(null);
    };
    source.onerror = () => {
      setLive(false);
      if (last > 0) return;
      // The stream does not say why there is none; a read does.
      const get = api.GET as unknown as (path: string) => Promise<{ data?: object; response: Response }>;
      seen(get(path)).catch((error: unknown) => {
        if (!stopped && error instanceof Refused) setRefused(error);
      });
    };
    source.addEventListener("line", (event) => {
      add(JSON.parse((event as MessageEvent<string>).data) as Line);
    });
    return () => {
      stopped = true;
      source.close();
      window.clearTimeout(timer);
    };
  }, [path]);
  return { lines, refused, isLive };
}

export function LogTail({ title, path }: Props) {
  const { lines, refused, isLive } = useLines(path);
  const [level, setLevel] = useState<(typeof LEVELS)[number]>("trace");
  const [text, setText] = useState("");
  const [wraps, setWraps] = useState(false);
  const [isPaused, setPaused] = useState(false);
  const scroll = useRef<HTMLDivElement>(null);
  const shown = useMemo(() => {
    const worst = LEVELS.indexOf(level);
    const wanted = text.toLowerCase();
    return lines.filter(
      (line) =>
        LEVELS.indexOf(line.level as (typeof LEVELS)[number]) <= worst &&
        (wanted === "" || `${line.text} ${line.trace}`.toLowerCase().includes(wanted)),
    );
  }, [lines, level, text]);
  const virtual = useVirtualizer({
    count: shown.length,
    getScrollElement: () => scroll.current,
    estimateSize: () => LINE_PX,
    overscan: 20,
  });
  const [seenCount, setSeenCount] = useState(0);
  useEffect(() => {
    if (isPaused || shown.length === 0) return;
    virtual.scrollToIndex(shown.length - 1, { align: "end" });
    setSeenCount(shown.length);
  }, [shown.length, isPaused, virtual]);
  const fresh = shown.length - seenCount;

  return (
    <section className="panel" aria-label={title}>
      <header>
        <h2>{title}</h2>
        <Status tone={isLive ? "good" : "idle"}>{isLive ? (isPaused ? "paused" : "live") : "connecting"}</Status>
        <span className="age">
          {lines.length} of at most {RING_LINES} lines kept here
        </span>
      </header>
      {refused === null ? (
        <div className="body stack">
          <div className="row" role="search">
            <Choice
              label="Down to"
              of={LEVELS}
              value={level}
              onChange={(event) => {
                setLevel(event.target.value as (typeof LEVELS)[number]);
              }}
            />
            <Input
              label="With the text"
              value={text}
              onChange={(event) => {
                setText(event.target.value);
              }}
            />
            <Button
              aria-pressed={wraps}
              onClick={() => {
                setWraps(!wraps);
              }}
            >
              Wrap
            </Button>
            <Button
              aria-pressed={isPaused}
              onClick={() => {
                setPaused(!isPaused);
              }}
            >
              {isPaused ? (fresh > 0 ? `Go on: ${String(fresh)} new lines` : "Go on") : "Pause"}
            </Button>
            <Button
              onClick={() => {
                download(shown);
              }}
            >
              Download
            </Button>
          </div>
          {shown.length === 0 ? <p className="muted">No line yet that fits.</p> : null}
          <div
            ref={scroll}
            className="log"
            tabIndex={0}
            role="log"
            aria-label={title}
            aria-live="off"
            data-wraps={wraps ? "" : undefined}
            onScroll={(event) => {
              const { scrollHeight, scrollTop, clientHeight } = event.currentTarget;
              const isAtEnd = scrollHeight - scrollTop - clientHeight < NEAR_PX;
              if (!isAtEnd && virtual.isScrolling && virtual.scrollDirection === "backward") setPaused(true);
            }}
          >
            <div style={{ height: virtual.getTotalSize(), position: "relative" }}>
              {virtual.getVirtualItems().map(({ index, start }) => {
                const line = shown[index];
                if (line === undefined) return null;
                return (
                  <div
                    key={line.number}
                    data-index={index}
                    ref={virtual.measureElement}
                    className="log-line"
                    style={{ transform: `translateY(${String(start)}px)` }}
                  >
                    {line.dropped > 0 ? <span className="log-gap">{line.dropped} lines were dropped here · </span> : null}
                    {index > 0 &&
                    line.previous > (shown[index - 1]?.number ?? line.previous) &&
                    level === "trace" &&
                    text === "" ? (
                      <span className="log-gap">lines are missing here · </span>
                    ) : null}
                    <span className="muted">{line.time.slice(11, 23)} </span>
                    <Status tone={TONES[line.level] ?? "info"}>{line.level}</Status>{" "}
                    {line.trace === "" ? null : <span className="muted">{visible(line.trace)} </span>}
                    {visible(line.text)}
                  </div>
                );
              })}
            </div>
          </div>
        </div>
      ) : (
        <Trouble refused={refused} />
      )}
    </section>
  );
}

function download(lines: readonly Line[]): void {
  const text = lines.map(({ time, level, trace, text }) => `${time} ${level} ${trace} ${visible(text)}`).join("\n");
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
  link.download = "worker.log";
  link.click();
  URL.revokeObjectURL(link.href);
}
