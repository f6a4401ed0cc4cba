/** One figure of a dashboard: what it is now, how it moved while the page was open, and where to look further. */
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { Status, type Tone } from "./status";
import { useNow } from "./values";
import { span, visible } from "./text";

interface Props {
  title: string;
  figure: string;
  /** The figure as a number, for its line; none where it is no number. */
  sample?: number | undefined;
  /** What it was before, for its line, where the node keeps that; otherwise the line is of what was read since the page was opened. */
  past?: readonly number[] | undefined;
  /** How it differs from a day before, in words; where the node does not keep that, nothing. */
  change?: string | undefined;
  tone?: Tone;
  note?: string | undefined;
  to: string;
  /** When it was read, in milliseconds since 1970. */
  at: number | undefined;
}

/** The samples that a line is drawn of, one for each reading. */
const SAMPLES_MAX = 90;

export function Tile({ title, figure, sample, past, change, tone, note, to, at }: Props) {
  const now = useNow();
  const samples = useSamples(sample, at);
  return (
    <Link className="tile" to={to}>
      <span className="row" style={{ justifyContent: "space-between" }}>
        <span className="muted">{title}</span>
        <span className="age">{at === undefined ? "" : now - at < 1_500 ? "now" : span(now - at)}</span>
      </span>
      <span className="figure">{visible(figure)}</span>
      {note === undefined ? null : tone === undefined ? (
        <span className="muted">{visible(note)}</span>
      ) : (
        <Status tone={tone}>{note}</Status>
      )}
      {change === undefined ? null : <span className="muted">{visible(change)}</span>}
      <Sparkline samples={past ?? samples} />
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

/** What the figure was since the page was opened. Decoration: the figure itself is text. */
function Sparkline({ samples }: { samples: readonly number[] }) {
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
    <svg
      aria-hidden="true"
      width="100%"
      height={HEIGHT}
      viewBox={`0 0 ${String(WIDTH)} ${String(HEIGHT)}`}
      preserveAspectRatio="none"
    >
      <polyline points={points} fill="none" stroke="var(--accent)" strokeWidth="1.5" vectorEffect="non-scaling-stroke" />
    </svg>
  );
}
