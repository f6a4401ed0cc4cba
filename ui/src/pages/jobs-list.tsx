/** Jobs: those that are open and the dead letter, or those that are over, page by page. */
import { getRouteApi, Link } from "@tanstack/react-router";
import { type AnswerOf, type Look, useLook } from "../api/look";
import { ExplainIn } from "../kit/explain";
import { Narrow } from "../kit/filters";
import { Older } from "../kit/older";
import { Panel } from "../kit/panel";
import { Word } from "../kit/status";
import { type Column, Table } from "../kit/table";
import { Foreign, When } from "../kit/values";
import { type Job, JobDeeds, RetryAll } from "./job-deeds";
import { Which } from "./which";

const route = getRouteApi("/jobs");
const STATES = ["available", "scheduled", "executing", "retryable", "discarded"] as const;
const ROWS = 100;

export function JobList() {
  const { over = false, queue, state, before } = route.useSearch();
  const navigate = route.useNavigate();
  const set = (next: { queue?: string | undefined; state?: string | undefined; before?: number | undefined }) =>
    void navigate({ search: (old) => ({ ...old, before: undefined, ...next }) });
  const page = { limit: ROWS, ...(before === undefined ? {} : { before }) };
  const known = STATES.find((one) => one === state);
  const narrowed = { ...page, ...(queue === undefined ? {} : { queue }), ...(known === undefined ? {} : { state: known }) };
  const open = useLook("/v1/jobs", { query: narrowed }, { topics: ["jobs"], enabled: !over });
  const past = useLook("/v1/jobs/history", { query: page }, { topics: ["jobs"], enabled: over });
  const look: Look<"/v1/jobs"> = over ? past : open;
  const queues = useLook("/v1/queues", {}, { topics: ["jobs"], enabled: !over });
  const names = queues.data?.value.queues.map((one) => one.queue) ?? [];
  return (
    <>
      <div className="row" role="search">
        <Which tab="jobs" over={over} open="Open, and the dead letter" />
        {over ? null : (
          <>
            <Narrow
              label="Queue"
              of={queue === undefined || names.includes(queue) ? names : [queue, ...names]}
              value={queue}
              set={(queue) => set({ queue })}
            />
            <Narrow label="State" of={STATES} value={known} set={(state) => set({ state })} />
          </>
        )}
      </div>
      <Panel
        title={over ? "Jobs that are over" : "Open jobs and the dead letter"}
        look={look}
        flush
        actions={over ? null : <RetryAll jobs={look.data?.value.jobs ?? []} />}
        isEmpty={({ jobs, next_before }) => jobs.length === 0 && next_before == null && before === undefined}
        empty={<p>{over ? "No job is over yet." : "No job like that is open."}</p>}
        pager={(page) => <Older before={before} next={page?.next_before} go={(before) => set({ before })} />}
      >
        {({ jobs, next_before }) => <Jobs rows={jobs} goesOn={next_before != null} />}
      </Panel>
    </>
  );
}

function Jobs({ rows, goesOn }: { rows: AnswerOf<"/v1/jobs">["jobs"]; goesOn: boolean }) {
  if (rows.length === 0 && goesOn)
    return (
      <p className="muted" style={{ padding: "var(--gap-2) var(--gap-4)" }}>
        None among those that were looked through; older ones may fit.
      </p>
    );
  return <Table caption="Jobs, the latest first" rows={rows} keyOf={(row) => String(row.job)} columns={COLUMNS} />;
}

const COLUMNS: readonly Column<Job>[] = [
  {
    id: "job",
    head: "Job",
    by: (row) => row.job,
    cell: (row) => (
      <Link to="/jobs/$job" params={{ job: String(row.job) }}>
        {row.job}
      </Link>
    ),
  },
  { id: "queue", head: "Queue", by: (row) => row.queue, cell: (row) => row.queue },
  { id: "state", head: "State", by: (row) => row.state, cell: (row) => <Word of={row.state} /> },
  {
    id: "attempt",
    head: "Attempts",
    numeric: true,
    cell: (row) => `${String(row.attempt)} of ${String(row.max_attempts)}`,
  },
  {
    id: "error",
    head: "Last error",
    cell: (row) => (
      <>
        <Foreign>{row.error}</Foreign> <ExplainIn text={row.error} />
      </>
    ),
  },
  { id: "payload", head: "What is to be done", cell: (row) => <Foreign>{row.payload.slice(0, 200)}</Foreign> },
  { id: "since", head: "Since", by: (row) => row.since, cell: (row) => <When at={row.since} /> },
  { id: "do", head: "", cell: (row) => <JobDeeds job={row} /> },
];
