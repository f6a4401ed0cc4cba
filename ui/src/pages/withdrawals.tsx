/** Withdrawals, the newest first: where each stands, and what it waits for. */
import { getRouteApi } from "@tanstack/react-router";
import { Transaction } from "../app/on-chain";
import { type AnswerOf, useLook } from "../api/look";
import { Narrow, NarrowNumber, NETWORKS, networkOf } from "../kit/filters";
import { Older } from "../kit/older";
import { Page } from "../kit/page";
import { Panel } from "../kit/panel";
import { Table } from "../kit/table";
import { Amount, When } from "../kit/values";
import { AMOUNT, ASKED, NETWORK, STATE, TO, WITHDRAWAL } from "./withdrawal-columns";

const route = getRouteApi("/withdrawals");
const ROWS = 100;
/** The states a list is narrowed to: those of what is not over, as the API has them. */
const STATES = [
  "confirming",
  "awaiting-approval",
  "approved",
  "queued",
  "preparing",
  "signed",
  "broadcast",
  "mined",
  "stuck",
  "replacing",
  "unknown",
  "review",
];

type Row = AnswerOf<"/v1/withdrawals">["withdrawals"][number];

export function Withdrawals() {
  const { network, state, user, before } = route.useSearch();
  const navigate = route.useNavigate();
  const set = (next: Partial<ReturnType<typeof route.useSearch>>) =>
    void navigate({ search: (old) => ({ ...old, before: undefined, ...next }) });
  const asked = {
    limit: ROWS,
    ...(networkOf(network) === undefined ? {} : { network: networkOf(network) }),
    ...(state === undefined ? {} : { state }),
    ...(user === undefined ? {} : { user }),
    ...(before === undefined ? {} : { before }),
  };
  const look = useLook("/v1/withdrawals", { query: asked as never }, { topics: ["money"] });
  return (
    <Page title="Withdrawals">
      <div className="row" role="search">
        <Narrow label="Network" of={NETWORKS} value={network} set={(network) => set({ network })} />
        <Narrow label="State" of={STATES} value={state} set={(state) => set({ state })} />
        <NarrowNumber label="User" value={user} set={(user) => set({ user })} />
      </div>
      <Panel
        title="Withdrawals"
        look={look}
        flush
        isEmpty={({ withdrawals }) => withdrawals.length === 0}
        empty={
          <p>
            There is none like that. A user asks for one through the API, or an operator for a user on the user&apos;s page.
          </p>
        }
        pager={(page) => <Older before={before} next={page?.next_before} go={(before) => set({ before })} />}
      >
        {({ withdrawals }) => <List rows={withdrawals} />}
      </Panel>
    </Page>
  );
}

function List({ rows }: { rows: readonly Row[] }) {
  return (
    <Table
      caption="Withdrawals, the newest first"
      rows={rows}
      keyOf={(row) => String(row.withdrawal)}
      columns={[
        WITHDRAWAL,
        STATE,
        AMOUNT,
        { id: "usd", head: "USD then", numeric: true, cell: (row) => <Amount value={row.usd} /> },
        NETWORK,
        { id: "user", head: "User", by: (row) => row.user, cell: (row) => String(row.user) },
        TO,
        {
          id: "needs",
          head: "Approval",
          cell: (row) =>
            row.needs.length === 0 ? "none needed" : `${String(row.approved_by.length)} given; ${row.needs.join(", ")}`,
        },
        { id: "tx", head: "Transaction", cell: (row) => <Transaction network={row.network} tx={row.tx} /> },
        ASKED,
        { id: "moved", head: "Moved", by: (row) => row.moved_at, cell: (row) => <When at={row.moved_at} /> },
      ]}
    />
  );
}
