/** One worker: how it is, what holds for it, what it logs, what went wrong, what was done to it. The tab is in the address. */
import { getRouteApi, Link } from "@tanstack/react-router";
import { useState } from "react";
import { type AnswerOf, PACE, useLook } from "../api/look";
import { Facts } from "../kit/facts";
import { ExplainIn } from "../kit/explain";
import { LogTail } from "../kit/log-tail";
import { Page } from "../kit/page";
import { momentOf } from "../kit/range";
import { Panel } from "../kit/panel";
import { useSeries } from "../kit/series";
import { Status, type Tone, Word } from "../kit/status";
import { Table } from "../kit/table";
import { type Asked, type Level, LEVELS } from "../kit/tail";
import { bytes, capital } from "../kit/text";
import { Foreign, Id, When } from "../kit/values";
import { SendDirective } from "./directive-deeds";
import { AuditOf, EventsOf } from "./past-of";
import { WorkerMetrics } from "./worker-metrics";
import { WorkerSettings } from "./worker-settings";
import { WorkerDeeds } from "./workers";

const route = getRouteApi("/workers/$worker");
const TABS = ["status", "configuration", "metrics", "logs", "errors", "diagnosis", "history"] as const;
/** The level that hides nothing. */
const EVERY_LEVEL: Level = "trace";
type WorkerView = AnswerOf<"/v1/workers/{worker}">;

export function Worker() {
  const { worker } = route.useParams();
  const { tab = "status" } = route.useSearch();
  const look = useLook("/v1/workers/{worker}", { path: { worker } }, { topics: ["workers"], every: PACE.live });
  const summary = look.data?.value.summary ?? undefined;
  // Kept while the page is open, whichever tab is looked at.
  const readings = useSeries(worker, summary && { at: Date.parse(summary.heartbeat), value: summary });
  return (
    <Page
      title={worker}
      actions={
        look.data === undefined ? null : (
          <div className="row">
            <WorkerDeeds worker={look.data.value} />
            <SendDirective target={worker} />
          </div>
        )
      }
    >
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
        <Log key={worker} worker={worker} />
      ) : tab === "configuration" ? (
        <WorkerSettings worker={worker} worksWith={look.data?.value.settings_revision} />
      ) : tab === "metrics" ? (
        <WorkerMetrics look={look} readings={readings} />
      ) : tab === "history" ? (
        <WorkerHistory worker={worker} />
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

/** What is shown of the log is in the address as well, so that a link shows the same. */
function Log({ worker }: { worker: string }) {
  const { level, text = "", at: link } = route.useSearch();
  const navigate = route.useNavigate();
  // Where the link led to when it was opened; lines that come after it are read on from there.
  const [at] = useState(() => {
    const moment = momentOf(link, Date.now());
    return moment === null ? undefined : new Date(moment).toISOString();
  });
  // An address follows what is typed a moment later; the field must not.
  const [asked, ask] = useState<Asked>({ level: LEVELS.find((one) => one === level) ?? EVERY_LEVEL, text });
  return (
    <LogTail
      title="Log"
      path={`/v1/workers/${encodeURIComponent(worker)}/logs`}
      asked={asked}
      at={at}
      goOn={() => void navigate({ search: (old) => ({ ...old, at: undefined }), replace: true })}
      ask={(next) => {
        ask(next);
        const level = next.level === EVERY_LEVEL ? undefined : next.level;
        const text = next.text === "" ? undefined : next.text;
        void navigate({ search: (old) => ({ ...old, level, text }), replace: true });
      }}
    />
  );
}

function WorkerHistory({ worker }: { worker: string }) {
  return (
    <>
      <AuditOf what={`worker ${worker}`} target={worker} topics={["workers"]} />
      <p className="muted">
        What was done to many workers at once is one record of the audit, about all of them: the events below have it, and{" "}
        <Link to="/workers/bulk">bulk runs</Link> say why. Settings that were changed for this worker alone are in the{" "}
        <Link to="/settings" search={{ tab: "history" }}>
          history of the settings
        </Link>
        .
      </p>
      <EventsOf what={`worker ${worker}`} topic="workers" name={worker} />
    </>
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
        {
          id: "message",
          head: "Latest text",
          cell: (error) => (
            <>
              <Foreign>{error.message}</Foreign> <ExplainIn text={error.message} />
            </>
          ),
        },
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
