/** Queues, jobs and directives: what waits, what runs, what nobody could do. */
import { getRouteApi, Link } from "@tanstack/react-router";
import { Act } from "../app/act";
import { PACE, useLook } from "../api/look";
import { Page } from "../kit/page";
import { Panel } from "../kit/panel";
import { Status, Word } from "../kit/status";
import { Table } from "../kit/table";
import { capital, span } from "../kit/text";
import { Foreign, When } from "../kit/values";

const route = getRouteApi("/jobs");
const TABS = ["queues", "jobs", "directives"] as const;

export function Jobs() {
  const { tab = "queues" } = route.useSearch();
  return (
    <Page title="Jobs and directives">
      <nav className="tabs" aria-label="Kinds of work">
        {TABS.map((name) => (
          <Link key={name} to="/jobs" search={{ tab: name }} aria-current={tab === name ? "page" : undefined}>
            {capital(name)}
          </Link>
        ))}
      </nav>
      {tab === "jobs" ? <JobList /> : tab === "directives" ? <DirectiveList /> : <Queues />}
    </Page>
  );
}

function Queues() {
  const look = useLook("/v1/queues", {}, { topics: ["jobs"], every: PACE.live });
  return (
    <Panel
      title="Queues"
      look={look}
      flush
      isEmpty={({ queues }) => queues.length === 0}
      empty={<p>No job was ever entered.</p>}
    >
      {({ queues }) => (
        <Table
          caption="Queues of jobs"
          rows={queues}
          keyOf={(row) => row.queue}
          columns={[
            { id: "queue", head: "Queue", by: (row) => row.queue, cell: (row) => row.queue },
            {
              id: "paused",
              head: "Stands",
              cell: (row) => <Status tone={row.paused ? "warn" : "good"}>{row.paused ? "paused" : "open"}</Status>,
            },
            ...(["available", "waiting", "executing", "completed", "dead"] as const).map((name) => ({
              id: name,
              head: capital(name),
              numeric: true,
              by: (row: (typeof queues)[number]) => row[name],
              cell: (row: (typeof queues)[number]) => String(row[name]),
            })),
            {
              id: "oldest",
              head: "Oldest waits",
              by: (row) => row.oldest_ms,
              cell: (row) => (row.oldest_ms === 0 ? "" : span(row.oldest_ms)),
            },
            {
              id: "do",
              head: "",
              cell: (row) => (
                <Act
                  change="PATCH /v1/queues/{queue}"
                  names={{ queue: row.queue }}
                  label={row.paused ? "Go on" : "Pause"}
                  subject={row.queue}
                  consequence={row.paused ? "Jobs are taken again." : "Nothing is taken from it; what is executing goes on."}
                  body={(reason) => ({ paused: !row.paused, reason })}
                />
              ),
            },
          ]}
        />
      )}
    </Panel>
  );
}

function JobList() {
  const look = useLook("/v1/jobs", {}, { topics: ["jobs"] });
  return (
    <Panel
      title="Open jobs and the dead letter"
      look={look}
      flush
      isEmpty={({ jobs }) => jobs.length === 0}
      empty={<p>No job is open.</p>}
    >
      {({ jobs }) => (
        <Table
          caption="Jobs, the latest first"
          rows={jobs}
          keyOf={(row) => String(row.job)}
          columns={[
            { id: "job", head: "Job", by: (row) => row.job, cell: (row) => String(row.job) },
            { id: "queue", head: "Queue", by: (row) => row.queue, cell: (row) => row.queue },
            { id: "state", head: "State", by: (row) => row.state, cell: (row) => <Word of={row.state} /> },
            {
              id: "attempt",
              head: "Attempts",
              numeric: true,
              cell: (row) => `${String(row.attempt)} of ${String(row.max_attempts)}`,
            },
            { id: "error", head: "Last error", cell: (row) => <Foreign>{row.error ?? ""}</Foreign> },
            { id: "payload", head: "What is to be done", cell: (row) => <Foreign>{row.payload.slice(0, 200)}</Foreign> },
            { id: "since", head: "Since", by: (row) => row.since, cell: (row) => <When at={row.since} /> },
          ]}
        />
      )}
    </Panel>
  );
}

function DirectiveList() {
  const look = useLook("/v1/directives", {}, { topics: ["directives"] });
  return (
    <Panel
      title="Open directives"
      look={look}
      flush
      isEmpty={({ directives }) => directives.length === 0}
      empty={<p>No directive is open.</p>}
    >
      {({ directives }) => (
        <Table
          caption="Directives, the latest first"
          rows={directives}
          keyOf={(row) => String(row.directive)}
          columns={[
            { id: "directive", head: "Directive", by: (row) => row.directive, cell: (row) => String(row.directive) },
            { id: "action", head: "What", cell: (row) => <Foreign>{row.action}</Foreign> },
            { id: "target", head: "For", cell: (row) => row.target },
            { id: "state", head: "State", cell: (row) => <Word of={row.state} /> },
            { id: "priority", head: "Priority", cell: (row) => row.priority },
            { id: "by", head: "Asked by", cell: (row) => row.by },
            { id: "reason", head: "Why", cell: (row) => <Foreign>{row.reason}</Foreign> },
            { id: "error", head: "Last error", cell: (row) => <Foreign>{row.error ?? ""}</Foreign> },
            { id: "since", head: "Since", cell: (row) => <When at={row.since} /> },
          ]}
        />
      )}
    </Panel>
  );
}
