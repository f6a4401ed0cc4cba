/** All workers: what they are, how they are, and what can be done to many at once. */
import { getRouteApi, Link } from "@tanstack/react-router";
import { useMemo } from "react";
import { Act } from "../app/act";
import { useSession } from "../app/session";
import { type AnswerOf, PACE, useLook } from "../api/look";
import { Choice } from "../kit/field";
import { Page } from "../kit/page";
import { Panel } from "../kit/panel";
import { Word } from "../kit/status";
import { type Column, Table } from "../kit/table";
import { bytes, capital } from "../kit/text";
import { Foreign, When } from "../kit/values";
import { ACTIONS, BulkPreview, BulkResult } from "./workers-bulk";
import { WORKER } from "./worker-column";

const route = getRouteApi("/workers");
const STATES = ["stopped", "starting", "running", "draining", "degraded", "failed"] as const;
/** How bad a state is, the worst first. */
const WORST_FIRST = ["failed", "degraded", "draining", "starting", "stopped", "running"];
const NONE: readonly WorkerRow[] = [];

type WorkerRow = AnswerOf<"/v1/workers">["workers"][number];

/** What some of the rows have, each once; the first stands for all of them. */
function choices(rows: readonly WorkerRow[], pick: (row: WorkerRow) => string | null) {
  return ["", ...new Set(rows.map(pick).filter((name) => name !== null))].map(
    (name) => [name, name === "" ? "all" : name] as const,
  );
}

/** Put together by their state, which is gone through once: comparing ten thousand with each other takes longer. */
function worstFirst(rows: readonly WorkerRow[]): readonly WorkerRow[] {
  // A state that is not known is looked at first.
  const ranks = new Map(["", ...WORST_FIRST].map((word) => [word, [] as WorkerRow[]] as const));
  for (const row of rows) (ranks.get(row.state) ?? ranks.get(""))?.push(row);
  return [...ranks.values()].flat();
}

export function Workers() {
  const { kind, network, state, do: action, bulk } = route.useSearch();
  const navigate = route.useNavigate();
  const { can } = useSession();
  const chosen = ACTIONS.find((name) => name === action);
  const all = useLook("/v1/workers", {}, { topics: ["workers"], every: PACE.live });
  const rows = all.data?.value.workers ?? NONE;
  // With ten thousand of them nothing is gone through that is the same as before.
  const kinds = useMemo(() => choices(rows, (row) => row.kind), [rows]);
  const networks = useMemo(() => choices(rows, (row) => row.network ?? null), [rows]);
  const shown = useMemo(
    () =>
      worstFirst(
        rows.filter(
          (row) =>
            (kind === undefined || row.kind === kind) &&
            (network === undefined || row.network === network) &&
            (state === undefined || row.state === state),
        ),
      ),
    [rows, kind, network, state],
  );
  const set = (next: Partial<{ kind: string; network: string; state: string }>) =>
    void navigate({
      search: (old) => ({ ...old, ...Object.fromEntries(Object.entries(next).map(([k, v]) => [k, v === "" ? undefined : v])) }),
    });
  return (
    <Page title="Workers">
      <div className="row" role="search">
        <Choice
          label="Kind"
          of={kinds}
          value={kind ?? ""}
          onChange={(event) => {
            set({ kind: event.target.value });
          }}
        />
        <Choice
          label="Network"
          of={networks}
          value={network ?? ""}
          onChange={(event) => {
            set({ network: event.target.value });
          }}
        />
        <Choice
          label="State"
          of={[["", "all"], ...STATES.map((word) => [word, word] as const)]}
          value={state ?? ""}
          onChange={(event) => {
            set({ state: event.target.value });
          }}
        />
        <nav className="row" aria-label="The same for all of these">
          {can("workers.control")
            ? ACTIONS.map((name) => (
                <Link key={name} to="/workers" search={{ kind, network, state, do: name, bulk: undefined }}>
                  {capital(name)} all of these
                </Link>
              ))
            : null}
          <Link to="/workers/bulk">Bulk runs</Link>
        </nav>
      </div>
      {chosen === undefined ? null : <BulkPreview action={chosen} of={{ kind, network, state }} />}
      {bulk === undefined ? null : <BulkResult bulk={bulk} />}
      <Panel
        title="Workers"
        look={all}
        flush
        isEmpty={({ workers }) => workers.length === 0}
        empty={
          <p>
            There are no workers yet. Add one on the command line: <code>exchequer worker add deposit/bitcoin-1</code>
          </p>
        }
      >
        {() => <Table caption="Workers, the worst first" rows={shown} keyOf={(row) => row.worker} columns={COLUMNS} />}
      </Panel>
    </Page>
  );
}

const COLUMNS: readonly Column<WorkerRow>[] = [
  WORKER,
  { id: "state", head: "State", by: (row) => row.state, cell: (row) => <Word of={row.state} /> },
  { id: "why", head: "Why", cell: (row) => <Foreign>{row.why ?? ""}</Foreign> },
  { id: "since", head: "Since", by: (row) => row.since, cell: (row) => <When at={row.since} /> },
  {
    id: "queue",
    head: "Waiting",
    numeric: true,
    by: (row) => row.summary?.queue_depth ?? -1,
    cell: (row) => String(row.summary?.queue_depth ?? ""),
  },
  {
    id: "done",
    head: "Done a minute",
    numeric: true,
    by: (row) => row.summary?.done_per_minute ?? -1,
    cell: (row) => String(row.summary?.done_per_minute ?? ""),
  },
  {
    id: "success",
    head: "Success",
    numeric: true,
    by: (row) => row.summary?.success_permille ?? -1,
    cell: (row) => (row.summary == null ? "" : `${(row.summary.success_permille / 10).toFixed(1)} %`),
  },
  {
    id: "memory",
    head: "Memory",
    numeric: true,
    by: (row) => row.summary?.memory_bytes ?? -1,
    cell: (row) => (row.summary == null ? "" : bytes(row.summary.memory_bytes)),
  },
  { id: "crashes", head: "Crashes", numeric: true, by: (row) => row.crashes, cell: (row) => String(row.crashes) },
  { id: "version", head: "Version", cell: (row) => row.version },
  { id: "do", head: "", cell: (row) => <WorkerDeeds worker={row} /> },
];

/** What can be done to one worker. */
export function WorkerDeeds({ worker }: { worker: WorkerRow }) {
  const names = { worker: worker.worker };
  const isStopped = worker.desired === "stopped";
  return (
    <div className="row">
      <Act
        change="POST /v1/workers/{worker}/restart"
        names={names}
        label="Restart"
        subject={worker.worker}
        why={isStopped ? "It is stopped: start it instead." : null}
        consequence="It finishes what it has begun; a new process takes over."
        body={(reason) => ({ reason })}
      />
      {isStopped ? (
        <Act
          change="POST /v1/workers/{worker}/start"
          names={names}
          label="Start"
          subject={worker.worker}
          body={(reason) => ({ reason })}
        />
      ) : (
        <Act
          change="POST /v1/workers/{worker}/stop"
          names={names}
          label="Stop"
          subject={worker.worker}
          consequence={`It finishes what it has begun and begins nothing new. ${String(worker.summary?.queue_depth ?? 0)} jobs wait for it and stay where they are.`}
          body={(reason) => ({ reason })}
        />
      )}
    </div>
  );
}
