/** Customers, by number, and what can be done about one. */
import { getRouteApi, Link } from "@tanstack/react-router";
import { useState } from "react";
import { Act } from "../app/act";
import { type AnswerOf, useLook } from "../api/look";
import { Button } from "../kit/button";
import { Input } from "../kit/field";
import { NarrowNumber } from "../kit/filters";
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
        <GoTo />
        <NarrowNumber label="List from number" value={from} set={go} />
      </div>
      <Panel
        title="Users"
        look={look}
        flush
        isEmpty={({ users }) => users.length === 0}
        empty={<p>There is none from this number on.</p>}
        pager={(page) =>
          from === undefined && page === undefined ? null : (
            <nav className="row" aria-label="Pages of this list" style={{ padding: "var(--gap-3) var(--gap-4)" }}>
              <Button why={from === undefined || from <= 1 ? "These are the first." : null} onClick={() => go(undefined)}>
                First
              </Button>
              <Button
                why={page?.next_from === null ? "There are none after these." : null}
                onClick={() => {
                  if (page?.next_from != null) go(page.next_from);
                }}
              >
                Further
              </Button>
            </nav>
          )
        }
      >
        {({ users, count }) => (
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
                  head: "KYC",
                  numeric: true,
                  by: (row) => row.kyc_level,
                  cell: (row) => `level ${String(row.kyc_level)}`,
                },
                { id: "fees", head: "Fee tier", numeric: true, cell: (row) => String(row.fee_tier) },
                { id: "since", head: "Since", by: (row) => row.created_at, cell: (row) => <When at={row.created_at} /> },
                { id: "do", head: "", cell: (row) => <Freeze user={row} /> },
              ]}
            />
          </>
        )}
      </Panel>
    </Page>
  );
}

/** Straight to a user: by number, which is all that users are found by. */
function GoTo() {
  const navigate = route.useNavigate();
  const [text, setText] = useState("");
  const isNumber = /^[1-9]\d{0,14}$/.test(text);
  return (
    <form
      className="row"
      onSubmit={(event) => {
        event.preventDefault();
        if (isNumber) void navigate({ to: "/users/$user", params: { user: text } });
      }}
    >
      <Input
        label="Number"
        inputMode="numeric"
        size={8}
        value={text}
        autoComplete="off"
        onChange={(event) => setText(event.target.value.trim())}
      />
      <Button type="submit" why={isNumber ? null : "Give a user's number."}>
        Go to this user
      </Button>
    </form>
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
