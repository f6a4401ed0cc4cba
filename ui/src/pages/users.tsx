/** Customers, by number, and what can be done about one. */
import { getRouteApi, Link } from "@tanstack/react-router";
import { Act } from "../app/act";
import { type AnswerOf, useLook } from "../api/look";
import { NarrowNumber } from "../kit/filters";
import { Older } from "../kit/older";
import { Page } from "../kit/page";
import { Panel } from "../kit/panel";
import { Word } from "../kit/status";
import { Table } from "../kit/table";
import { Amount, Foreign, When } from "../kit/values";

const route = getRouteApi("/users");
const ROWS = 100;
export type UserRow = AnswerOf<"/v1/users">["users"][number];

export function Users() {
  const { from } = route.useSearch();
  const navigate = route.useNavigate();
  const go = (from: number | undefined) => void navigate({ search: { from } });
  const look = useLook("/v1/users", { query: { limit: ROWS, ...(from === undefined ? {} : { from }) } }, { topics: ["users"] });
  return (
    <Page title="Users">
      <div className="row" role="search">
        <NarrowNumber label="From number" value={from} set={go} />
      </div>
      <Panel
        title="Users"
        look={look}
        flush
        isEmpty={({ users }) => users.length === 0}
        empty={<p>There is none from this number on.</p>}
      >
        {({ users, next_from, count }) => (
          <>
            <p className="age" style={{ padding: "var(--gap-2) var(--gap-4)" }}>
              <Amount value={count} /> in all
            </p>
            <Table
              caption="Users by number"
              rows={users}
              keyOf={(row) => String(row.user)}
              columns={[
                {
                  id: "user",
                  head: "User",
                  by: (row) => row.user,
                  cell: (row) => (
                    <Link to="/users/$user" params={{ user: String(row.user) }}>
                      {row.user}
                    </Link>
                  ),
                },
                { id: "label", head: "Label", by: (row) => row.label, cell: (row) => <Foreign>{row.label}</Foreign> },
                { id: "status", head: "Status", cell: (row) => <Word of={row.status} /> },
                {
                  id: "kyc",
                  head: "Known",
                  numeric: true,
                  by: (row) => row.kyc_level,
                  cell: (row) => `level ${String(row.kyc_level)}`,
                },
                { id: "fees", head: "Fees", numeric: true, cell: (row) => `tier ${String(row.fee_tier)}` },
                { id: "since", head: "Since", by: (row) => row.created_at, cell: (row) => <When at={row.created_at} /> },
                { id: "do", head: "", cell: (row) => <Freeze user={row} /> },
              ]}
            />
            <Older before={from} next={next_from ?? null} go={go} />
          </>
        )}
      </Panel>
    </Page>
  );
}

export function Freeze({ user }: { user: UserRow }) {
  const isFrozen = user.status === "frozen";
  return (
    <Act
      change="PATCH /v1/users/{user}"
      names={{ user: user.user }}
      label={isFrozen ? "Unfreeze" : "Freeze"}
      subject={`user ${String(user.user)}`}
      consequence={
        isFrozen
          ? "Money can leave again."
          : "Nothing leaves: no order, no transfer, no withdrawal. Money still comes in. Sessions end."
      }
      body={(reason) => ({ status: isFrozen ? ("active" as const) : ("frozen" as const), reason })}
    />
  );
}
