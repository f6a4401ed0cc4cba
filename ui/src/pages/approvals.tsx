/** What waits for approval. */
import { Link } from "@tanstack/react-router";
import { useLook } from "../api/look";
import { Page } from "../kit/page";
import { Panel } from "../kit/panel";
import { Word } from "../kit/status";
import { Table } from "../kit/table";
import { Foreign, When } from "../kit/values";

export function Approvals() {
  const look = useLook("/v1/proposals", {}, { topics: ["approvals"] });
  return (
    <Page title="Approvals">
      <Panel
        title="Proposals that wait"
        look={look}
        flush
        isEmpty={({ proposals }) => proposals.length === 0}
        empty={<p>Nothing waits for approval.</p>}
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
    </Page>
  );
}
