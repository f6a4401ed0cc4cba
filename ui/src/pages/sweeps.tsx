/** What lies on deposit addresses, why it is not swept, which sweeps run, and the gas that they need. */
import { getRouteApi, Link } from "@tanstack/react-router";
import { type AnswerOf, useLook } from "../api/look";
import { Narrow, NETWORKS, networkOf } from "../kit/filters";
import { Page } from "../kit/page";
import { Panel } from "../kit/panel";
import { Status, Word } from "../kit/status";
import { Table } from "../kit/table";
import { Amount, Foreign, Id, When } from "../kit/values";

const route = getRouteApi("/sweeps");
type Holding = AnswerOf<"/v1/holdings">["holdings"][number];
type Sweep = AnswerOf<"/v1/sweeps">["sweeps"][number];

export function Sweeps() {
  const search = route.useSearch();
  const network = networkOf(search.network) ?? NETWORKS[0];
  const navigate = route.useNavigate();
  const holdings = useLook("/v1/holdings", { query: { network } }, { topics: ["money"] });
  const sweeps = useLook("/v1/sweeps", { query: { network } }, { topics: ["money"] });
  const gas = useLook("/v1/gas", {}, { topics: ["money"] });
  return (
    <Page title="Sweeps and gas">
      <div className="row" role="search">
        <Narrow label="Network" of={NETWORKS} value={network} set={(network) => void navigate({ search: { network } })} />
        <Link to="/networks/$network" params={{ network }}>
          Fees and gas of {network}
        </Link>
      </div>
      <Panel
        title="On deposit addresses"
        look={holdings}
        flush
        isEmpty={({ holdings }) => holdings.length === 0}
        empty={<p>Everything is swept.</p>}
      >
        {({ holdings }) => <Holdings rows={holdings} />}
      </Panel>
      <Panel
        title="Sweeps"
        look={sweeps}
        flush
        isEmpty={({ sweeps }) => sweeps.length === 0}
        empty={<p>None was planned on this network yet.</p>}
      >
        {({ sweeps }) => <Plans rows={sweeps} />}
      </Panel>
      <Panel
        title="What gas was spent on"
        look={gas}
        flush
        isEmpty={({ networks }) => (networks.find((one) => one.network === network)?.spent.length ?? 0) === 0}
        empty={<p>None was spent on this network yet.</p>}
      >
        {({ networks }) => {
          const one = networks.find((each) => each.network === network);
          return one === undefined ? null : (
            <Table
              caption="What gas was spent on"
              rows={one.spent}
              keyOf={(row) => JSON.stringify(row)}
              columns={Object.keys(one.spent[0] ?? {}).map((name) => ({
                id: name,
                head: name.replaceAll("_", " "),
                cell: (row: (typeof one.spent)[number]) => <Amount value={String(row[name as keyof typeof row])} />,
              }))}
            />
          );
        }}
      </Panel>
    </Page>
  );
}

function Holdings({ rows }: { rows: readonly Holding[] }) {
  return (
    <Table
      caption="What lies on deposit addresses, and why"
      rows={rows}
      keyOf={(row) => `${String(row.index)} ${row.asset}`}
      columns={[
        { id: "address", head: "Address", cell: (row) => (row.address == null ? "coins as a whole" : <Id of={row.address} />) },
        { id: "asset", head: "Asset", by: (row) => row.asset, cell: (row) => <Foreign>{row.asset}</Foreign> },
        { id: "free", head: "Can be moved", numeric: true, cell: (row) => <Amount value={row.free} /> },
        { id: "way", head: "On its way", numeric: true, cell: (row) => <Amount value={row.on_its_way} /> },
        {
          id: "why",
          head: "Why it is not swept",
          cell: (row) =>
            row.held ? (
              <Status tone="warn">held: its user is frozen, or it is nobody&apos;s</Status>
            ) : (
              <Foreign>{row.why}</Foreign>
            ),
        },
        { id: "said", head: "Said", cell: (row) => <When at={row.said_at} /> },
        { id: "since", head: "There since", by: (row) => row.since, cell: (row) => <When at={row.since} /> },
        { id: "waiting", head: "Deposits in it", numeric: true, by: (row) => row.waiting, cell: (row) => String(row.waiting) },
        { id: "gas", head: "Got gas today", numeric: true, cell: (row) => `${String(row.top_ups)}×` },
      ]}
    />
  );
}

function Plans({ rows }: { rows: readonly Sweep[] }) {
  return (
    <Table
      caption="Sweeps, the newest first"
      rows={rows}
      keyOf={(row) => String(row.sweep)}
      columns={[
        { id: "sweep", head: "Sweep", by: (row) => row.sweep, cell: (row) => String(row.sweep) },
        { id: "state", head: "State", by: (row) => row.state, cell: (row) => <Word of={row.state} /> },
        { id: "asset", head: "Asset", cell: (row) => <Foreign>{row.asset}</Foreign> },
        { id: "why", head: "Why", cell: (row) => <Foreign>{row.why}</Foreign> },
        { id: "gas", head: "Gas brought first", numeric: true, cell: (row) => <Amount value={row.gas ?? "none"} /> },
        { id: "payout", head: "Payout", numeric: true, cell: (row) => (row.payout == null ? "" : String(row.payout)) },
        { id: "made", head: "Made", cell: (row) => <When at={row.made_at} /> },
        { id: "moved", head: "Moved", by: (row) => row.moved_at, cell: (row) => <When at={row.moved_at} /> },
      ]}
    />
  );
}
