/** Lines over time. The library draws, and what it draws may be rounded; every number that is shown is text that was made exactly. */
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { useEffect, useRef, useState } from "react";
import { visible } from "./text";
import { token, useTheme } from "./tokens";

export interface Drawn {
  /** In milliseconds since 1970, in order. */
  moments: readonly number[];
  /** Nothing is drawn where a line is null. */
  lines: readonly { name: string; values: readonly (bigint | null)[]; texts: readonly (string | null)[] }[];
}

interface Props {
  drawn: Drawn;
  axis: { at: readonly bigint[]; labels: readonly string[] };
  /** In milliseconds since 1970. */
  from: number;
  to: number;
  /** What is in it, for those who do not see it. */
  summary: string;
  /** A moment below the axis, and a whole one above it. */
  clock: (moment: number) => string;
  moment: (moment: number) => string;
  /** A part was drawn over, from its begin to its end. */
  zoom: (from: number, to: number) => void;
  /** The whole is wanted. */
  whole: () => void;
}

const HEIGHT_PX = 340;
const WIDTH_PX = 600;
/** Of the text beside the axis: about what a digit takes. */
const DIGIT_PX = 7;
/** Seconds between two labels of the axis of time. */
const STEPS = [60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600];
/** Lines are told apart by colour and by dashes: two that have one of both in common differ in the other. */
const COLOURS = ["--line-1", "--line-2", "--line-3", "--line-4", "--line-5", "--line-6"];
const DASHES = [[], [8, 4], [2, 3], [12, 3, 2, 3], [5, 2]];

const colour = (line: number) => COLOURS[line % COLOURS.length] ?? "--line-1";
const dash = (line: number) => DASHES[line % DASHES.length] ?? [];

/** The points of a line that have none beside them: no line leads there, so that they are drawn by themselves. */
export function alone(values: readonly unknown[]): number[] {
  const isThere = (at: number) => values[at] != null;
  return [...values.keys()].filter((at) => isThere(at) && !isThere(at - 1) && !isThere(at + 1));
}

export function Lines({ drawn, axis, from, to, summary, clock, moment, zoom, whole }: Props) {
  const place = useRef<HTMLDivElement>(null);
  const theme = useTheme();
  const [at, setAt] = useState<number | null>(null);
  useEffect(() => {
    const element = place.current;
    if (element === null) return undefined;
    const text = `12px ${token("--font-text")}`;
    const [line, muted] = [token("--line"), token("--muted")];
    const labels = new Map(axis.at.map((value, index) => [Number(value), axis.labels[index] ?? ""]));
    const longest = Math.max(0, ...axis.labels.map(({ length }) => length));
    const side = { stroke: muted, font: text, grid: { stroke: line, width: 1 }, ticks: { stroke: line, width: 1 } };
    const plot = new uPlot(
      {
        width: element.clientWidth === 0 ? WIDTH_PX : element.clientWidth,
        height: HEIGHT_PX,
        legend: { show: false },
        scales: {
          x: { time: false, range: [from / 1_000, to / 1_000] },
          y: { range: [Number(axis.at[0] ?? 0), Number(axis.at.at(-1) ?? 1)] },
        },
        axes: [
          { ...side, incrs: STEPS, values: (_, splits) => splits.map((second) => clock(second * 1_000)) },
          {
            ...side,
            size: longest * DIGIT_PX + 20,
            splits: () => [...labels.keys()],
            values: (_, splits) => splits.map((value) => labels.get(value) ?? ""),
          },
        ],
        series: [
          {},
          ...drawn.lines.map(({ values }, index) => ({
            stroke: token(colour(index)),
            dash: dash(index),
            width: 1.5,
            points: { show: false, filter: () => alone(values), size: 4, fill: token(colour(index)) },
          })),
        ],
        cursor: {
          y: false,
          drag: { x: true, y: false, setScale: false },
          // The library would show what the address does not say.
          bind: {
            dblclick: () => () => {
              whole();
              return null;
            },
          },
        },
        hooks: {
          setCursor: [
            ({ cursor }) => {
              setAt(cursor.idx ?? null);
            },
          ],
          setSelect: [
            (plot) => {
              const { left, width } = plot.select;
              if (width === 0) return;
              zoom(plot.posToVal(left, "x") * 1_000, plot.posToVal(left + width, "x") * 1_000);
              plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
            },
          ],
        },
      },
      // For drawing alone: a position on the screen has fewer digits than an amount.
      [
        drawn.moments.map((moment) => moment / 1_000),
        ...drawn.lines.map(({ values }) => values.map((value) => (value === null ? null : Number(value)))),
      ],
      element,
    );
    const observer = new ResizeObserver(() => {
      if (element.clientWidth > 0) plot.setSize({ width: element.clientWidth, height: HEIGHT_PX });
    });
    observer.observe(element);
    return () => {
      observer.disconnect();
      plot.destroy();
    };
  }, [drawn, axis, from, to, clock, zoom, whole, theme]);
  return (
    <div className="chart">
      <div role="img" aria-label={visible(summary)} style={{ height: HEIGHT_PX }} ref={place} />
      <Legend drawn={drawn} at={at} moment={moment} />
    </div>
  );
}

/** What each line is at the moment under the cursor, or at its newest sample. */
function Legend({ drawn: { moments, lines }, at, moment }: { drawn: Drawn; at: number | null; moment: Props["moment"] }) {
  const present = at ?? moments.length - 1;
  const time = moments[present];
  return (
    <ul className="legend">
      <li className="muted number">{time === undefined ? "no sample" : moment(time)}</li>
      {lines.map(({ name, texts }, line) => (
        <li key={name} className="row">
          <svg aria-hidden="true" width="28" height="4">
            <line
              x2="28"
              y1="2"
              y2="2"
              stroke={`var(${colour(line)})`}
              strokeWidth="2"
              strokeDasharray={dash(line).length === 0 ? undefined : dash(line).join(" ")}
            />
          </svg>
          <span className="number">{visible(texts[present] ?? `${name} no sample`.trimStart())}</span>
        </li>
      ))}
    </ul>
  );
}
