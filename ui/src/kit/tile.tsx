/** One figure of a dashboard: what it is now, how it moved while the page was open, and where to look further. */
import type { UseQueryResult } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import type { Refused, Seen } from "../api/client";
import { Age } from "./age";
import { Status, type Tone } from "./status";
import { grouped, visible } from "./text";

/** What a figure is, of what was read. */
export interface Figure {
  figure: string;
  /** The figure as a number, for its line; none where it is no number. */
  sample?: number | undefined;
  /** What it was before, for its line, where the node keeps that; otherwise the line is of what was read since the page was opened. */
  past?: readonly number[] | undefined;
  /** Under which name the page of history has that past. */
  series?: string | undefined;
  /** How it differs from a day before, in words; where the node does not keep that, nothing. */
  change?: string | undefined;
  tone?: Tone;
  note?: string | undefined;
  /** When it was so, in milliseconds since 1970, where that is not when it was read. */
  at?: number | undefined;
}

interface Props<T> {
  title: string;
  /** Where more of it is. */
  to: string;
  look: Pick<UseQueryResult<Seen<T>, Refused>, "data" | "error">;
  /** The permission that is lacking; nothing where none is. */
  lacking?: string | undefined;
  children: (value: T) => Figure;
}

/** The samples that a line is drawn of, one for each reading. */
const SAMPLES_MAX = 90;

/** There is a tile whatever became of its read: one that is not there would be taken for nothing amiss. */
export function Tile<T>({ title, to, look: { data, error }, lacking, children }: Props<T>) {
  const shown = data === undefined || lacking !== undefined ? undefined : children(data.value);
  const samples = useSamples(shown?.sample, data?.at);
  return (
    <div className="tile">
      <span className="row" style={{ justifyContent: "space-between" }}>
        <Link className="muted whole" to={to}>
          {title}
        </Link>
        {shown === undefined || data === undefined ? null : <Age seen={{ ageMs: data.ageMs, at: shown.at ?? data.at }} />}
      </span>
      {shown === undefined ? null : <span className="figure">{visible(shown.figure)}</span>}
      {lacking !== undefined ? (
        <Status tone="idle">your roles do not let you see this ({lacking})</Status>
      ) : error !== null ? (
        <Status tone="warn">
          {shown === undefined ? "could not be read" : "this is what was last seen; since then"}: {visible(error.message)}{" "}
          {error.code}
        </Status>
      ) : shown === undefined ? (
        <Status tone="info">being read</Status>
      ) : null}
      {shown?.note === undefined ? null : shown.tone === undefined ? (
        <span className="muted">{visible(shown.note)}</span>
      ) : (
        <Status tone={shown.tone}>{shown.note}</Status>
      )}
      {shown === undefined ? null : (
        <Past title={title} series={shown.series} change={shown.change} samples={shown.past ?? samples} />
      )}
    </div>
  );
}

interface PastProps {
  title: string;
  series: string | undefined;
  change: string | undefined;
  samples: readonly number[];
}

/** How it moved; where the node keeps that, it leads to the whole of it. */
function Past({ title, series, change, samples }: PastProps) {
  const drawn = (
    <>
      {change === undefined ? null : <span className="muted">{visible(change)}</span>}
      <Sparkline samples={samples} />
    </>
  );
  if (series === undefined) return drawn;
  const asked = { series, asset: undefined, range: undefined, from: undefined, to: undefined, view: undefined };
  return (
    <Link className="past" to="/history" search={asked}>
      <span className="visually-hidden">The last day of: {title} </span>
      {drawn}
    </Link>
  );
}

/** The samples of each reading since the page was opened. */
function useSamples(sample: number | undefined, at: number | undefined): readonly number[] {
  const [kept, keep] = useState<{ at: number | undefined; samples: readonly number[] }>({ at: undefined, samples: [] });
  if (sample !== undefined && at !== undefined && at !== kept.at) {
    keep({ at, samples: [...kept.samples, sample].slice(-SAMPLES_MAX) });
  }
  return kept.samples;
}

const [WIDTH, HEIGHT] = [200, 28];

/** What a line says, for those who do not see it. Its samples are rounded: the figure itself is there in full. */
export function lineInWords(samples: readonly number[]): string {
  const words = (sample: number | undefined) => grouped(String(Number((sample ?? 0).toPrecision(6))));
  const [low, high] = [Math.min(...samples), Math.max(...samples)];
  const all = `lowest ${words(low)}, highest ${words(high)}, first ${words(samples[0])}, last ${words(samples.at(-1))}`;
  return `Its line of ${String(samples.length)} values: ${all}.`;
}

/** What the figure was before: a picture, and in words. */
export function Sparkline({ samples }: { samples: readonly number[] }) {
  if (samples.length < 2) return <svg aria-hidden="true" width="100%" height={HEIGHT} />;
  const [low, high] = [Math.min(...samples), Math.max(...samples)];
  const points = samples
    .map((sample, index) => {
      const x = (index / (samples.length - 1)) * WIDTH;
      const y = high === low ? HEIGHT / 2 : HEIGHT - 2 - ((sample - low) / (high - low)) * (HEIGHT - 4);
      return `${x.toFixed(1)},${y.toFixed(1)}`;
    })
    .join(" ");
  return (
    <>
      <svg
        aria-hidden="true"
        width="100%"
        height={HEIGHT}
        viewBox={`0 0 ${String(WIDTH)} ${String(HEIGHT)}`}
        preserveAspectRatio="none"
      >
        <polyline points={points} fill="none" stroke="var(--accent)" strokeWidth="1.5" vectorEffect="non-scaling-stroke" />
      </svg>
      <span className="visually-hidden">{lineInWords(samples)}</span>
    </>
  );
}
