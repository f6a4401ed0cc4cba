/** One customer: who it is, accounts, withdrawals, keys, addresses, and what can be done about it. */
import { getRouteApi, Link } from "@tanstack/react-router";
import { useLook } from "../api/look";
import { Facts } from "../kit/facts";
import { Page } from "../kit/page";
import { Panel } from "../kit/panel";
import { Word } from "../kit/status";
import { Table } from "../kit/table";
import { Foreign, Id, When } from "../kit/values";
import { SUMS } from "./account-columns";
import { ChangeUser, EndSessions } from "./user-change";
import { ApiKeys } from "./user-keys";
import { UserWithdrawals } from "./user-withdrawals";
import { Freeze } from "./users";

const route = getRouteApi("/users/$user");

export function User() {
  const user = Number(route.useParams().user);
  const look = useLook("/v1/users/{user}", { path: { user } }, { topics: ["users"] });
  const accounts = useLook("/v1/ledger/accounts", { query: { user } }, { topics: ["money", "markets"] });
  const addresses = useLook("/v1/users/{user}/addresses", { path: { user } }, { topics: ["money", "users"] });
  const book = useLook("/v1/users/{user}/address-book", { path: { user } }, { topics: ["money", "users"] });
  return (
    <Page
      title={`User ${String(user)}`}
      actions={
        look.data === undefined ? null : (
          <div className="row">
            <ChangeUser user={look.data.value} />
            <EndSessions user={user} />
            <Freeze user={look.data.value} />
          </div>
        )
      }
    >
      <Panel title="Who" look={look}>
        {(one) => (
          <Facts
            of={[
              ["Label", <Foreign key="label">{one.label}</Foreign>],
              ["Status", <Word key="status" of={one.status} />],
              ["KYC level", `${String(one.kyc_level)} of 3`],
              ["Fee tier", String(one.fee_tier)],
              ["Since", <When key="since" at={one.created_at} />],
              [
                "Money",
                <span key="money" className="row">
                  <Link to="/withdrawals" search={{ user, network: undefined, state: undefined, before: undefined }}>
                    Withdrawals
                  </Link>
                  <Link
                    to="/deposits"
                    search={{ user, network: undefined, waiting: undefined, before: undefined, tx: undefined }}
                  >
                    Deposits
                  </Link>
                  <Link to="/ledger" search={{ tab: "journal", user, account: undefined, from: undefined, at: undefined }}>
                    Journal
                  </Link>
                </span>,
              ],
            ]}
          />
        )}
      </Panel>
      <Panel
        title="Accounts"
        look={accounts}
        flush
        isEmpty={({ accounts }) => accounts.length === 0}
        empty={<p>Nothing was ever booked for this user.</p>}
      >
        {({ accounts }) => (
          <Table
            caption="Accounts"
            rows={accounts}
            keyOf={(row) => String(row.account)}
            columns={[
              {
                id: "asset",
                head: "Asset",
                cell: (row) => (
                  <Link
                    to="/ledger"
                    search={{ tab: "journal", account: row.account, user: undefined, from: undefined, at: undefined }}
                  >
                    <Foreign>{row.asset}</Foreign>
                  </Link>
                ),
              },
              ...SUMS,
            ]}
          />
        )}
      </Panel>
      <UserWithdrawals user={user} accounts={accounts.data?.value.accounts} />
      <ApiKeys user={user} />
      <Panel
        title="Deposit addresses"
        look={addresses}
        flush
        isEmpty={({ addresses }) => addresses.length === 0}
        empty={<p>It has none yet.</p>}
      >
        {({ addresses }) => (
          <Table
            caption="Deposit addresses"
            rows={addresses}
            keyOf={(row) => `${row.address} ${JSON.stringify(row)}`}
            columns={[{ id: "address", head: "Address", cell: (row) => <Id of={row.address} chars={64} /> }]}
          />
        )}
      </Panel>
      <Panel
        title="Address book"
        look={book}
        flush
        isEmpty={({ entries }) => entries.length === 0}
        empty={<p>It is empty: withdrawals go to addresses that are new each time.</p>}
      >
        {({ entries }) => (
          <Table
            caption="Where this user withdraws to"
            rows={entries}
            keyOf={(row) => JSON.stringify(row)}
            columns={[
              { id: "address", head: "Address", cell: (row) => <Id of={row.address} chars={64} /> },
              { id: "label", head: "Label", cell: (row) => <Foreign>{row.label}</Foreign> },
            ]}
          />
        )}
      </Panel>
    </Page>
  );
}
