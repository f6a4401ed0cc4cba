/** Books against chains: the runs of each network, what each equation came to, and what differs. */
import { getRouteApi, Link } from "@tanstack/react-router";
import { type AnswerOf, useLook } from "../api/look";
import { Choice } from "../kit/field";
import { Narrow, type NetworkName, NETWORKS, networkOf } from "../kit/filters";
import { Older } from "../kit/older";
import { Page } from "../kit/page";
import { Panel } from "../kit/panel";
import { Status, Word } from "../kit/status";
import { Table } from "../kit/table";
import { Amount, Foreign, Id, When } from "../kit/values";
import { Stops } from "./payment-stops";
import { Urgency } from "./urgency";

const route = getRouteApi("/reconciliation");
const ROWS = 100;
type Standing = AnswerOf<"/v1/reconciliation">["networks"][number];
type Run = AnswerOf<"/v1/reconciliation/runs">["runs"][number];
type Row = AnswerOf<"/v1/reconciliation/discrepancies">["discrepancies"][number];

export function Reconciliation() {
  const { network, on, over, before } = route.useSearch();
  const navigate = route.useNavigate();
  const set = (next: Search) => void navigate({ search: { network, on, over, before, ...next } });
  const one = networkOf(network) ?? NETWORKS[1];
  const all = useLook("/v1/reconciliation", {}, { topics: ["money"] });
  const runs = useLook("/v1/reconciliation/runs", { query: { network: one, limit: 1 } }, { topics: ["money"] });
  return (
    <Page title="Reconciliation">
      <Panel
        title="Networks"
        look={all}
        flush
        isEmpty={({ networks }) => networks.length === 0}
        empty={<p>No network was compared yet: add a worker, exchequer worker add balance-sync/ethereum-1</p>}
      >
        {({ networks, left_out, stops }) => (
          <>
            {left_out === 0 ? null : <Status tone="bad">{left_out} discrepancies found no room.</Status>}
            {stops.length === 0 ? null : <Stops stops={stops} />}
            <Networks rows={networks} />
          </>
        )}
      </Panel>
      <Discrepancies over={over !== undefined} network={networkOf(on)} before={before} set={set} />
      <Panel
        title="What each equation came to"
        look={runs}
        flush
        actions={<Narrow label="Network" of={NETWORKS} value={one} set={(network) => set({ network })} />}
        isEmpty={({ runs }) => runs.length === 0}
        empty={<p>This network was not compared yet.</p>}
      >
        {({ runs }) =>
          runs[0] === undefined ? null : (
            <>
              <Which run={runs[0]} />
              <Table
                caption="Equations of the last run"
                rows={runs[0].equations}
                keyOf={(row) => `${row.equation} ${row.asset ?? ""} ${row.says}`}
                columns={[
                  { id: "equation", head: "Equation", cell: (row) => row.equation },
                  { id: "asset", head: "Asset", cell: (row) => <Foreign>{row.asset ?? "all"}</Foreign> },
                  {
                    id: "holds",
                    head: "Holds",
                    cell: (row) =>
                      row.holds == null ? (
                        <Status tone="idle">cannot be judged</Status>
                      ) : (
                        <Status tone={row.holds ? "good" : "bad"}>{row.holds ? "yes" : "no"}</Status>
                      ),
                  },
                  { id: "says", head: "What must hold", cell: (row) => row.says },
                  { id: "should", head: "Should be", numeric: true, cell: (row) => <Amount value={row.should ?? ""} /> },
                  { id: "is", head: "Is", numeric: true, cell: (row) => <Amount value={row.is ?? ""} /> },
                  { id: "remark", head: "Remark", cell: (row) => <Foreign>{row.remark}</Foreign> },
                ]}
              />
            </>
          )
        }
      </Panel>
    </Page>
  );
}

/** Of when the answer is: it was read now, and may have been found out long ago. */
function Which({ run }: { run: Run }) {
  return (
    <div className="flush-text stack">
      <p>
        Run <Amount value={run.run} />, ended <When at={run.ended_at} />, at block <Amount value={run.block.height} />.{" "}
        {run.whole
          ? "All deposit addresses were gone through with it."
          : "Other deposit addresses are gone through with later ones."}
      </p>
      {run.failed === 0 ? null : (
        <Status tone="bad">{run.failed} balances could not be read: what is said below is said without them.</Status>
      )}
    </div>
  );
}

function Networks({ rows }: { rows: readonly Standing[] }) {
  return (
    <Table
      caption="How each network's comparison stands"
      rows={rows}
      keyOf={(row) => row.network}
      columns={[
        { id: "network", head: "Network", cell: (row) => row.network },
        {
          id: "stand",
          head: "Stands",
          cell: (row) =>
            row.stopped_since != null ? (
              <Status tone="bad">
                pays nothing out since <When at={row.stopped_since} />
                {row.stopped_by == null ? null : `, discrepancy ${String(row.stopped_by)}`}
              </Status>
            ) : row.open > 0 ? (
              <Status tone="warn">{row.open} differ</Status>
            ) : (
              <Status tone="good">agrees</Status>
            ),
        },
        { id: "run", head: "Last run", numeric: true, cell: (row) => String(row.last_run) },
        { id: "ended", head: "Ended", cell: (row) => <When at={row.ended_at} /> },
        { id: "block", head: "At block", numeric: true, cell: (row) => <Amount value={row.block?.height ?? ""} /> },
        { id: "whole", head: "All addresses gone through", cell: (row) => <When at={row.whole_at} /> },
        { id: "touched", head: "Moved since", numeric: true, cell: (row) => String(row.touched) },
      ]}
    />
  );
}

/** What the page is narrowed to, in its address. */
interface Search {
  network?: string | undefined;
  on?: string | undefined;
  over?: string | undefined;
  before?: number | undefined;
}

interface ListProps {
  over: boolean;
  network: NetworkName | undefined;
  before: number | undefined;
  set: (next: Search) => void;
}

/** What differs, or did: narrowed by what is in the address. */
function Discrepancies({ over, network, before, set }: ListProps) {
  const look = useLook(
    "/v1/reconciliation/discrepancies",
    {
      query: {
        limit: ROWS,
        ...(over ? { over: "true" as const } : {}),
        ...(network === undefined ? {} : { network }),
        ...(before === undefined ? {} : { before }),
      },
    },
    { topics: ["money"] },
  );
  return (
    <Panel
      title={over ? "What differed" : "What differs"}
      look={look}
      flush
      actions={
        <>
          <Narrow label="On" of={NETWORKS} value={network} set={(on) => set({ on, before: undefined })} />
          <Choice
            label="Which"
            of={[
              ["open", "open"],
              ["over", "over: adjusted or closed"],
            ]}
            value={over ? "over" : "open"}
            onChange={(event) => set({ over: event.target.value === "over" ? "true" : undefined, before: undefined })}
          />
        </>
      }
      // What is over is narrowed after it was read, so that there can be more behind a part that is empty.
      isEmpty={({ discrepancies, next_before }) => discrepancies.length === 0 && next_before == null && before === undefined}
      empty={over ? <p>None is over yet.</p> : <Status tone="good">Nothing does: every balance is what the books say.</Status>}
      pager={(page) => (over ? <Older before={before} next={page?.next_before} go={(before) => set({ before })} /> : null)}
    >
      {({ discrepancies }) => (
        <>
          <List rows={discrepancies} over={over} />
          {over || discrepancies.length < ROWS ? null : (
            <p className="muted flush-text">These are the first {ROWS}; deal with them, or narrow them to a network.</p>
          )}
        </>
      )}
    </Panel>
  );
}

function List({ rows, over }: { rows: readonly Row[]; over: boolean }) {
  return (
    <Table
      caption={over ? "Discrepancies that are over, the newest first" : "Open discrepancies, the oldest first"}
      rows={rows}
      keyOf={(row) => String(row.discrepancy)}
      columns={[
        {
          id: "number",
          head: "Discrepancy",
          by: (row) => row.discrepancy,
          cell: (row) => (
            <Link to="/reconciliation/$discrepancy" params={{ discrepancy: String(row.discrepancy) }}>
              {row.discrepancy}
            </Link>
          ),
        },
        { id: "severity", head: "Urgency", by: (row) => row.severity, cell: (row) => <Urgency of={row.severity} /> },
        { id: "class", head: "What it seems to be", by: (row) => row.class, cell: (row) => row.class },
        { id: "status", head: "Status", cell: (row) => <Word of={row.status} /> },
        {
          id: "difference",
          head: "Above what should be",
          numeric: true,
          cell: (row) => <Amount value={row.amount ?? row.difference} asset={row.asset ?? "units"} />,
        },
        { id: "scope", head: "Of", cell: (row) => row.scope },
        { id: "network", head: "Network", cell: (row) => row.network ?? "" },
        { id: "address", head: "At", cell: (row) => (row.address == null ? "" : <Id of={row.address} />) },
        { id: "first", head: "First seen", by: (row) => row.first_seen_at, cell: (row) => <When at={row.first_seen_at} /> },
        { id: "story", head: "Last of its story", cell: (row) => <Foreign>{row.story.at(-1)?.what ?? ""}</Foreign> },
      ]}
    />
  );
}
