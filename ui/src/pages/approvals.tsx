/** The inbox of what waits for approval: withdrawals, and proposals. */
import { getRouteApi, Link } from "@tanstack/react-router";
import { useWaitingProposals, useWaitingWithdrawals } from "../app/waiting";
import type { AnswerOf } from "../api/look";
import { Older } from "../kit/older";
import { Page } from "../kit/page";
import { Panel } from "../kit/panel";
import { Status, Word } from "../kit/status";
import { Table } from "../kit/table";
import { Amount, Foreign, Id, When } from "../kit/values";

const route = getRouteApi("/approvals");
type Withdrawals = AnswerOf<"/v1/withdrawals">["withdrawals"];

export function Approvals() {
  return (
    <Page title="Approvals">
      <WaitingWithdrawals />
      <WaitingProposals />
    </Page>
  );
}

function WaitingWithdrawals() {
  const { before } = route.useSearch();
  const navigate = route.useNavigate();
  const look = useWaitingWithdrawals(before);
  return (
    <Panel
      title="Withdrawals that wait"
      look={look}
      flush
      isEmpty={({ withdrawals }) => withdrawals.length === 0 && before === undefined}
      empty={<p>No withdrawal waits for approval.</p>}
      pager={(page) =>
        before === undefined && page?.next_before == null ? null : (
          <Older before={before} next={page?.next_before} go={(before) => void navigate({ search: { before } })} />
        )
      }
    >
      {({ withdrawals }) => <List rows={withdrawals} />}
    </Panel>
  );
}

function List({ rows }: { rows: Withdrawals }) {
  return (
    <Table
      caption="Withdrawals that wait for approval, the newest first"
      rows={rows}
      keyOf={(one) => String(one.withdrawal)}
      columns={[
        {
          id: "number",
          head: "Withdrawal",
          by: (one) => one.withdrawal,
          cell: (one) => (
            <Link to="/withdrawals/$withdrawal" params={{ withdrawal: String(one.withdrawal) }}>
              {one.withdrawal}
            </Link>
          ),
        },
        { id: "amount", head: "Amount", numeric: true, cell: (one) => <Amount value={one.amount} asset={one.asset} /> },
        { id: "usd", head: "USD then", numeric: true, cell: (one) => <Amount value={one.usd} /> },
        { id: "network", head: "Network", by: (one) => one.network, cell: (one) => one.network },
        {
          id: "to",
          head: "To",
          cell: (one) =>
            one.warning == null ? (
              <Id of={one.address} />
            ) : (
              <>
                <Id of={one.address} />
                <Status tone="bad">
                  <Foreign>{one.warning}</Foreign>
                </Status>
              </>
            ),
        },
        {
          id: "given",
          head: "Approved",
          cell: (one) => <Foreign>{`${String(one.approved_by.length)} given; wants ${one.needs.join(", ")}`}</Foreign>,
        },
        { id: "asked", head: "Asked for", by: (one) => one.requested_at, cell: (one) => <When at={one.requested_at} /> },
        { id: "due", head: "Expires", by: (one) => one.due_at ?? "", cell: (one) => <When at={one.due_at} /> },
      ]}
    />
  );
}

function WaitingProposals() {
  const look = useWaitingProposals();
  return (
    <Panel
      title="Proposals that wait"
      look={look}
      flush
      isEmpty={({ proposals }) => proposals.length === 0}
      empty={<p>No proposal waits for approval.</p>}
    >
      {({ proposals }) => (
        <Table
          caption="Proposals that wait for approval"
          rows={proposals}
          keyOf={(one) => String(one.number)}
          columns={[
            {
              id: "number",
              head: "Proposal",
              by: (one) => one.number,
              cell: (one) => (
                <Link to="/approvals/$proposal" params={{ proposal: String(one.number) }}>
                  {one.number}
                </Link>
              ),
            },
            { id: "state", head: "State", cell: (one) => <Word of={one.state} /> },
            {
              id: "what",
              head: "What",
              cell: (one) => (
                <Foreign>{one.lines[0] === undefined ? "" : `${one.lines[0].name}: ${one.lines[0].value}`}</Foreign>
              ),
            },
            { id: "by", head: "Proposed by", cell: (one) => one.initiator },
            {
              id: "given",
              head: "Approved",
              numeric: true,
              cell: (one) => `${String(one.approvals.length)} of ${String(one.needed)}`,
            },
            { id: "expires", head: "Expires", by: (one) => one.expires_at, cell: (one) => <When at={one.expires_at} /> },
          ]}
        />
      )}
    </Panel>
  );
}
