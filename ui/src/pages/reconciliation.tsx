/** Books against chains: the runs of each network, what each equation came to, and what differs. */
import { getRouteApi } from "@tanstack/react-router";
import { Act } from "../app/act";
import { type AnswerOf, useLook } from "../api/look";
import { Narrow, NETWORKS, networkOf } from "../kit/filters";
import { Page } from "../kit/page";
import { Panel } from "../kit/panel";
import { Status, type Tone, Word } from "../kit/status";
import { Table } from "../kit/table";
import { Amount, Foreign, Id, When } from "../kit/values";

const route = getRouteApi("/reconciliation");
const ROWS = 100;
type Standing = AnswerOf<"/v1/reconciliation">["networks"][number];
type Discrepancy = AnswerOf<"/v1/reconciliation/discrepancies">["discrepancies"][number];

export function Reconciliation() {
  const { network } = route.useSearch();
  const navigate = route.useNavigate();
  const one = networkOf(network) ?? NETWORKS[1];
  const all = useLook("/v1/reconciliation", {}, { topics: ["money"] });
  const open = useLook("/v1/reconciliation/discrepancies", { query: { limit: ROWS } }, { topics: ["money"] });
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
      <Panel
        title="What differs"
        look={open}
        flush
        isEmpty={({ discrepancies }) => discrepancies.length === 0}
        empty={<Status tone="good">Nothing does: every balance is what the books say.</Status>}
      >
        {({ discrepancies }) => <Discrepancies rows={discrepancies} />}
      </Panel>
      <Panel
        title="What each equation came to"
        look={runs}
        flush
        actions={<Narrow label="Network" of={NETWORKS} value={one} set={(network) => void navigate({ search: { network } })} />}
        isEmpty={({ runs }) => runs.length === 0}
        empty={<p>This network was not compared yet.</p>}
      >
        {({ runs }) =>
          runs[0] === undefined ? null : (
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
          )
        }
      </Panel>
    </Page>
  );
}

type Stop = AnswerOf<"/v1/reconciliation">["stops"][number];

/** What pays nothing out, and how it goes on: whoever lets it go on names what is missing, with what it came to when it was looked at. */
function Stops({ stops }: { stops: readonly Stop[] }) {
  return (
    <Table
      caption="What stops withdrawals"
      rows={stops}
      keyOf={(row) => row.stopped}
      columns={[
        {
          id: "stopped",
          head: "Pays nothing out",
          cell: (row) => (
            <Status tone="bad">
              <Foreign>{row.stopped}</Foreign>, since <When at={row.since} />
            </Status>
          ),
        },
        { id: "by", head: "By discrepancies", cell: (row) => <Missing of={row.stopped_by} /> },
        { id: "do", head: "", cell: (row) => <Resume stop={row} /> },
      ]}
    />
  );
}

function Resume({ stop }: { stop: Stop }) {
  return (
    <Act
      change="POST /v1/reconciliation/{stop}/resume"
      names={{ stop: stop.stopped }}
      label="Pay out again"
      subject={stop.stopped}
      consequence={
        <>
          <p>Withdrawals leave again although this is missing:</p>
          <Missing of={stop.stopped_by} />
        </>
      }
      body={(reason) => ({ reason, seen: stop.stopped_by })}
    />
  );
}

function Missing({ of }: { of: Stop["stopped_by"] }) {
  return (
    <ul>
      {of.map(({ discrepancy, difference }) => (
        <li key={discrepancy}>
          discrepancy {discrepancy}: <Amount value={difference} />
        </li>
      ))}
    </ul>
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
                pays nothing out since <When at={row.stopped_since} />, discrepancy {row.stopped_by}
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

const SEVERITIES: Readonly<Record<string, Tone>> = { P0: "bad", P1: "bad", P2: "warn", P3: "info" };

function Discrepancies({ rows }: { rows: readonly Discrepancy[] }) {
  return (
    <Table
      caption="Open discrepancies, the oldest first"
      rows={rows}
      keyOf={(row) => String(row.discrepancy)}
      columns={[
        { id: "number", head: "Discrepancy", by: (row) => row.discrepancy, cell: (row) => String(row.discrepancy) },
        {
          id: "severity",
          head: "Urgency",
          by: (row) => row.severity,
          cell: (row) => <Status tone={SEVERITIES[row.severity] ?? "info"}>{row.severity}</Status>,
        },
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
        {
          id: "story",
          head: "Story",
          cell: (row) => (
            <ul style={{ listStyle: "none" }}>
              {row.story.slice(-3).map((line) => (
                <li key={line.at + line.what}>
                  <Foreign>{line.what}</Foreign>
                </li>
              ))}
            </ul>
          ),
        },
      ]}
    />
  );
}
