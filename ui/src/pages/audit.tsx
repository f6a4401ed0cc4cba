/** Who did what, and whether the chain of records is whole. */
import { useLook } from "../api/look";
import { Page } from "../kit/page";
import { Panel } from "../kit/panel";
import { Table } from "../kit/table";
import { Amount, Foreign, Id, When } from "../kit/values";
import { Verification } from "./verification";

const ROWS = 200;

export function Audit() {
  const look = useLook(
    "/v1/audit",
    { query: { limit: ROWS } },
    { topics: ["settings", "people", "approvals", "workers", "networks", "money", "emergency", "users"] },
  );
  return (
    <Page title="Audit">
      <Verify />
      <Panel
        title="The latest records"
        look={look}
        flush
        isEmpty={({ entries }) => entries.length === 0}
        empty={<p>There is no record yet.</p>}
      >
        {({ entries }) => (
          <Table
            caption="Records of the audit, the newest first"
            rows={entries.toSorted((a, b) => b.sequence - a.sequence)}
            keyOf={(row) => String(row.sequence)}
            columns={[
              { id: "sequence", head: "Record", numeric: true, cell: (row) => String(row.sequence) },
              { id: "time", head: "When", cell: (row) => <When at={row.time} /> },
              { id: "actor", head: "By", cell: (row) => row.actor },
              { id: "action", head: "What", cell: (row) => row.action },
              { id: "target", head: "To", cell: (row) => <Foreign>{row.target}</Foreign> },
              { id: "detail", head: "In this case", cell: (row) => <Foreign>{row.detail}</Foreign> },
              { id: "reason", head: "Why", cell: (row) => <Foreign>{row.reason}</Foreign> },
              { id: "hash", head: "Hash", cell: (row) => <Id of={row.hash} /> },
            ]}
          />
        )}
      </Panel>
    </Page>
  );
}

function Verify() {
  return (
    <Verification
      title="The chain"
      path="/v1/audit/verify"
      about="Reads every record on this node, and whether each follows from the one before it."
      ask="Verify the chain"
      good="The chain was whole."
      facts={({ records, hash }) => [
        ["Records", <Amount key="records" value={records} />],
        ["Hash of the last", <Id key="hash" of={hash} chars={64} />],
      ]}
    />
  );
}
