/** Queues, jobs and directives: what waits, what runs, what nobody could do, what is over. */
import { getRouteApi, Link } from "@tanstack/react-router";
import { Act } from "../app/act";
import { PACE, useLook } from "../api/look";
import { Page } from "../kit/page";
import { Panel } from "../kit/panel";
import { Status } from "../kit/status";
import { Table } from "../kit/table";
import { capital, span } from "../kit/text";
import { Foreign } from "../kit/values";
import { DirectiveList } from "./directives-list";
import { DEAD } from "./job-deeds";
import { JobList } from "./jobs-list";
import { LookUp } from "./look-up";

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
      <LookUp />
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
            {
              id: "queue",
              head: "Queue",
              by: (row) => row.queue,
              cell: (row) => (
                <Link to="/jobs" search={{ tab: "jobs", queue: row.queue }}>
                  <Foreign>{row.queue}</Foreign>
                </Link>
              ),
            },
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
              cell: (row: (typeof queues)[number]) =>
                name === "dead" && row.dead > 0 ? (
                  <Link to="/jobs" search={{ tab: "jobs", queue: row.queue, state: DEAD }}>
                    {row.dead}
                  </Link>
                ) : (
                  String(row[name])
                ),
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
