/** Who did what, and whether the chain of records is whole. */
import { useState } from "react";
import { useLook } from "../api/look";
import { Button } from "../kit/button";
import { Page } from "../kit/page";
import { Panel } from "../kit/panel";
import { Status } from "../kit/status";
import { Table } from "../kit/table";
import { Foreign, Id, When } from "../kit/values";

const ROWS = 200;

export function Audit() {
  const look = useLook(
    "/v1/audit",
    { query: { limit: ROWS } },
    { topics: ["settings", "people", "approvals", "workers", "networks", "money", "emergency", "users"] },
  );
  return (
    <Page title="Audit" actions={<Verify />}>
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
  const [asked, ask] = useState(false);
  const look = useLook("/v1/audit/verify", {}, { enabled: asked, every: false });
  if (!asked) return <Button onClick={() => ask(true)}>Verify the chain</Button>;
  if (look.error !== null) return <Status tone="bad">{look.error.message}</Status>;
  return look.data === undefined ? (
    <Status tone="info">reading every record</Status>
  ) : (
    <Status tone="good">The chain is whole.</Status>
  );
}
