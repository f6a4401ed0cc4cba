/** All markets: phase, best prices, the last day. */
import { Link } from "@tanstack/react-router";
import { PACE, useLook } from "../api/look";
import { Page } from "../kit/page";
import { Panel } from "../kit/panel";
import { Word } from "../kit/status";
import { Table } from "../kit/table";
import { Amount, Foreign, When } from "../kit/values";

export function Markets() {
  const look = useLook("/v1/markets", {}, { topics: ["markets"], every: PACE.live });
  return (
    <Page title="Markets">
      <Panel
        title="Markets"
        look={look}
        flush
        isEmpty={({ markets }) => markets.length === 0}
        empty={<p>There is none yet: exchequer market create --help</p>}
      >
        {({ markets }) => (
          <Table
            caption="Markets"
            rows={markets}
            keyOf={(row) => row.symbol}
            columns={[
              {
                id: "symbol",
                head: "Market",
                by: (row) => row.symbol,
                cell: (row) => (
                  <Link to="/markets/$symbol" params={{ symbol: row.symbol }} search={{ interval: undefined }}>
                    <Foreign>{row.symbol}</Foreign>
                  </Link>
                ),
              },
              { id: "phase", head: "Phase", cell: (row) => <Word of={row.phase} /> },
              { id: "last", head: "Last", numeric: true, cell: (row) => <Amount value={row.last ?? ""} /> },
              { id: "bid", head: "Bid", numeric: true, cell: (row) => <Amount value={row.bid ?? ""} /> },
              { id: "ask", head: "Ask", numeric: true, cell: (row) => <Amount value={row.ask ?? ""} /> },
              {
                id: "open",
                head: "Open orders",
                numeric: true,
                by: (row) => row.open_orders,
                cell: (row) => <Amount value={row.open_orders} />,
              },
              {
                id: "ends",
                head: "Phase ends",
                cell: (row) => (row.phase_ends_at == null ? "" : <When at={row.phase_ends_at} />),
              },
            ]}
          />
        )}
      </Panel>
    </Page>
  );
}
