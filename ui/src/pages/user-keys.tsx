/** The keys of a customer's programs. */
import { Act } from "../app/act";
import { useLook } from "../api/look";
import { Panel } from "../kit/panel";
import { Table } from "../kit/table";
import { Foreign, Id, When } from "../kit/values";

export function ApiKeys({ user }: { user: number }) {
  const look = useLook("/v1/users/{user}/api-keys", { path: { user } }, { topics: ["users"] });
  return (
    <Panel
      title="API keys"
      look={look}
      flush
      isEmpty={({ keys }) => keys.length === 0}
      empty={<p>It has none: no program trades for it.</p>}
    >
      {({ keys }) => (
        <Table
          caption="Keys of this user's programs"
          rows={keys}
          keyOf={(row) => String(row.id)}
          columns={[
            { id: "id", head: "Key", numeric: true, by: (row) => row.id, cell: (row) => String(row.id) },
            { id: "name", head: "Name", cell: (row) => <Id of={row.key} chars={24} /> },
            { id: "label", head: "Label", by: (row) => row.label, cell: (row) => <Foreign>{row.label}</Foreign> },
            { id: "kind", head: "Kind", cell: (row) => row.kind },
            { id: "scopes", head: "May", cell: (row) => row.scopes.join(", ") },
            {
              id: "from",
              head: "From",
              cell: (row) => (row.addresses.length === 0 ? "anywhere" : row.addresses.join(", ")),
            },
            { id: "since", head: "Since", by: (row) => row.created_at, cell: (row) => <When at={row.created_at} /> },
            {
              id: "do",
              head: "",
              cell: (row) => (
                <Act
                  change="POST /v1/users/{user}/api-keys/revoke"
                  names={{ user }}
                  label="Revoke"
                  subject={`key ${String(row.id)} of user ${String(user)}`}
                  consequence="For ever: whatever signs with it is refused from then on."
                  body={(reason) => ({ key: String(row.id), reason })}
                />
              ),
            },
          ]}
        />
      )}
    </Panel>
  );
}
