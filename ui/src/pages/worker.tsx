/** One worker: how it is, what it logs, what went wrong, what is wrong. The tab is in the address. */
import { getRouteApi, Link } from "@tanstack/react-router";
import { type AnswerOf, PACE, useLook } from "../api/look";
import { Facts } from "../kit/facts";
import { LogTail } from "../kit/log-tail";
import { Page } from "../kit/page";
import { Panel } from "../kit/panel";
import { Status, type Tone, Word } from "../kit/status";
import { Table } from "../kit/table";
import { bytes, capital } from "../kit/text";
import { Foreign, Id, When } from "../kit/values";
import { WorkerDeeds } from "./workers";

const route = getRouteApi("/workers/$worker");
const TABS = ["status", "logs", "errors", "diagnosis"] as const;
type WorkerView = AnswerOf<"/v1/workers/{worker}">;

export function Worker() {
  const { worker } = route.useParams();
  const { tab = "status" } = route.useSearch();
  const look = useLook("/v1/workers/{worker}", { path: { worker } }, { topics: ["workers"], every: PACE.live });
  return (
    <Page title={worker} actions={look.data === undefined ? null : <WorkerDeeds worker={look.data.value} />}>
      <nav className="tabs" aria-label="About this worker">
        {TABS.map((name) => (
          <Link
            key={name}
            to="/workers/$worker"
            params={{ worker }}
            search={{ tab: name }}
            aria-current={tab === name ? "page" : undefined}
          >
            {capital(name)}
          </Link>
        ))}
      </nav>
      {tab === "logs" ? (
        <LogTail title="Log" path={`/v1/workers/${encodeURIComponent(worker)}/logs`} />
      ) : tab === "diagnosis" ? (
        <Diagnosis worker={worker} />
      ) : tab === "errors" ? (
        <Panel
          title="Errors"
          look={look}
          flush
          isEmpty={({ errors }) => errors.length === 0}
          empty="It has reported no errors."
        >
          {({ errors }) => <Errors errors={errors} />}
        </Panel>
      ) : (
        <Panel title="Status" look={look}>
          {(one) => <StatusFacts worker={one} />}
        </Panel>
      )}
    </Page>
  );
}

function StatusFacts({ worker }: { worker: WorkerView }) {
  const { summary } = worker;
  return (
    <Facts
      of={[
        ["State", <Word key="state" of={worker.state} />],
        ["Why", worker.why == null ? null : <Foreign key="why">{worker.why}</Foreign>],
        ["Since", <When key="since" at={worker.since} />],
        ["Wanted", worker.held ? `${worker.desired} (a person stopped it)` : worker.desired],
        ["Latest sign of life", summary == null ? "none yet" : <When key="beat" at={summary.heartbeat} />],
        ["Waiting for it", summary == null ? null : `${String(summary.queue_depth)} jobs, the oldest for ${summary.queue_age}`],
        [
          "Done",
          summary == null
            ? null
            : `${String(summary.done_per_minute)} a minute, ${(summary.success_permille / 10).toFixed(1)} % succeed`,
        ],
        ["Memory", summary == null ? null : bytes(summary.memory_bytes)],
        ["Processor", summary == null ? null : `${(summary.cpu_permille / 10).toFixed(1)} % of a core`],
        ["Crashes of the last ten minutes", String(worker.crashes)],
        [
          "Process",
          worker.pid == null ? "none" : `${String(worker.pid)} on the leader, since leadership ${String(worker.epoch ?? "")}`,
        ],
        ["Started", <When key="started" at={worker.started_at} />],
        ["Latest process ended", worker.ended ?? null],
        ["Version", worker.version === "" ? "none yet" : worker.version],
        ["Program", worker.binary ?? "the node's own"],
        ["BLAKE3 of the program", worker.binary_hash == null ? null : <Id key="hash" of={worker.binary_hash} />],
        ["Settings revision", String(worker.settings_revision)],
      ]}
    />
  );
}

function Errors({ errors }: { errors: WorkerView["errors"] }) {
  return (
    <Table
      caption="Errors by what they have in common"
      rows={errors}
      keyOf={(error) => error.fingerprint}
      columns={[
        { id: "message", head: "Latest text", cell: (error) => <Foreign>{error.message}</Foreign> },
        { id: "count", head: "Times", numeric: true, by: (error) => error.count, cell: (error) => String(error.count) },
        { id: "first", head: "First", by: (error) => error.first, cell: (error) => <When at={error.first} /> },
        { id: "last", head: "Latest", by: (error) => error.last, cell: (error) => <When at={error.last} /> },
        { id: "fingerprint", head: "Fingerprint", cell: (error) => <Id of={error.fingerprint} /> },
      ]}
    />
  );
}

const VERDICTS: Readonly<Record<string, Tone>> = { good: "good", warning: "warn", bad: "bad" };

function Diagnosis({ worker }: { worker: string }) {
  const look = useLook("/v1/workers/{worker}/diagnosis", { path: { worker } }, { topics: ["workers"], every: PACE.calm });
  return (
    <Panel title="Diagnosis" look={look}>
      {({ verdict, finding, next_step, checks }) => (
        <div className="stack">
          <p>
            <Status tone={VERDICTS[verdict] ?? "info"}>
              <strong>
                <Foreign>{finding}</Foreign>
              </strong>
            </Status>
          </p>
          {next_step === "" ? null : (
            <p>
              Next: <Foreign>{next_step}</Foreign>
            </p>
          )}
          <Table
            caption="What was looked at, in the order of what depends on what"
            rows={checks}
            keyOf={(check) => check.name}
            columns={[
              {
                id: "verdict",
                head: "Verdict",
                cell: (check) => <Status tone={VERDICTS[check.verdict] ?? "info"}>{check.verdict}</Status>,
              },
              { id: "name", head: "What", cell: (check) => check.name },
              { id: "detail", head: "What is the case", cell: (check) => <Foreign>{check.detail}</Foreign> },
              { id: "next", head: "What to do", cell: (check) => check.next_step },
            ]}
          />
        </div>
      )}
    </Panel>
  );
}
