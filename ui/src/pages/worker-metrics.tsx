/** What a worker was seen doing: as of its latest report, and since the page was opened. The node keeps no past of it. */
import type { UseQueryResult } from "@tanstack/react-query";
import type { Refused, Seen } from "../api/client";
import type { AnswerOf } from "../api/look";
import { Panel } from "../kit/panel";
import type { Reading } from "../kit/series";
import { Status } from "../kit/status";
import { Table } from "../kit/table";
import { bytes, span, utc } from "../kit/text";
import { Sparkline } from "../kit/tile";
import { useNow, When } from "../kit/values";

type WorkerView = AnswerOf<"/v1/workers/{worker}">;
export type Summary = NonNullable<WorkerView["summary"]>;

/** Figures come every ten seconds: what is older than this is not how it is now, in milliseconds. */
const LATE_AFTER_MS = 30_000;

const UNITS_MS: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** A span as the API writes it, such as `1m30s`, in milliseconds. */
export function milliseconds(text: string): number {
  const parts = [...text.matchAll(/(\d+)(us|ms|s|m|h|d)/g)];
  return parts.reduce((sum, [, count, unit]) => sum + Number(count) * (UNITS_MS[unit ?? ""] ?? 0), 0);
}

interface Metric {
  name: string;
  of: (summary: Summary) => number;
  text: (value: number) => string;
}

const percent = (permille: number) => `${(permille / 10).toFixed(1)} %`;

const METRICS: readonly Metric[] = [
  { name: "Jobs waiting for it", of: (one) => one.queue_depth, text: String },
  { name: "The oldest of them waits", of: (one) => milliseconds(one.queue_age), text: span },
  { name: "Done a minute", of: (one) => one.done_per_minute, text: String },
  { name: "Succeed", of: (one) => one.success_permille, text: percent },
  { name: "Memory", of: (one) => one.memory_bytes, text: bytes },
  { name: "Of a processor core", of: (one) => one.cpu_permille, text: percent },
];

interface Props {
  look: UseQueryResult<Seen<WorkerView>, Refused>;
  readings: readonly Reading<Summary>[];
}

export function WorkerMetrics({ look, readings }: Props) {
  return (
    <Panel
      title="Metrics"
      look={look}
      flush
      isEmpty={({ summary }) => summary == null}
      empty={<p>It has reported nothing yet: metrics begin with its first sign of life.</p>}
    >
      {({ summary }) =>
        summary == null ? null : (
          <>
            <div className="stack" style={{ padding: "var(--gap-2) var(--gap-4)" }}>
              <ReportAge heartbeat={summary.heartbeat} />
              <p className="muted">
                The node keeps no past of these. The lines, the least and the most are of what this page has read since it was
                opened: {told(readings)}.
              </p>
            </div>
            <Table
              caption="Metrics now, and since the page was opened"
              rows={METRICS}
              keyOf={(metric) => metric.name}
              columns={[
                { id: "name", head: "What", cell: (metric) => metric.name },
                { id: "now", head: "Latest report", numeric: true, cell: (metric) => metric.text(metric.of(summary)) },
                { id: "line", head: "Since opened", cell: (metric) => <Sparkline samples={samples(readings, metric)} /> },
                {
                  id: "first",
                  head: "First",
                  numeric: true,
                  cell: (metric) => textOf(metric, samples(readings, metric)[0]),
                },
                {
                  id: "least",
                  head: "Least",
                  numeric: true,
                  cell: (metric) => textOf(metric, least(samples(readings, metric))),
                },
                {
                  id: "most",
                  head: "Most",
                  numeric: true,
                  cell: (metric) => textOf(metric, most(samples(readings, metric))),
                },
              ]}
            />
          </>
        )
      }
    </Panel>
  );
}

const samples = (readings: readonly Reading<Summary>[], { of }: Metric) => readings.map(({ value }) => of(value));
const least = (all: readonly number[]) => (all.length === 0 ? undefined : Math.min(...all));
const most = (all: readonly number[]) => (all.length === 0 ? undefined : Math.max(...all));
const textOf = ({ text }: Metric, value: number | undefined) => (value === undefined ? "" : text(value));

function told(readings: readonly Reading<Summary>[]): string {
  const [first, last] = [readings[0], readings.at(-1)];
  if (first === undefined || last === undefined) return "nothing yet";
  if (readings.length === 1) return `one report, of ${utc(first.at)}`;
  return `${String(readings.length)} reports over ${span(last.at - first.at)}, since ${utc(first.at)}`;
}

/** How old the figures are by the worker's own clock, which is not how long ago they were read. */
function ReportAge({ heartbeat }: { heartbeat: string }) {
  const now = useNow();
  const isLate = now - Date.parse(heartbeat) > LATE_AFTER_MS;
  return (
    <p>
      <Status tone={isLate ? "warn" : "good"}>
        Reported <When at={heartbeat} />
        {isLate ? ": this is how it was then, not how it is now" : ""}
      </Status>
    </p>
  );
}
