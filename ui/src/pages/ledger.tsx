/** The books: what there is and where, accounts, the journal, what somebody had at a time, and whether it all adds up. */
import { getRouteApi, Link } from "@tanstack/react-router";
import { type AnswerOf, useLook } from "../api/look";
import { Input } from "../kit/field";
import { NarrowNumber } from "../kit/filters";
import { Older } from "../kit/older";
import { Page } from "../kit/page";
import { Panel } from "../kit/panel";
import { Status } from "../kit/status";
import { Table } from "../kit/table";
import { Amount, Foreign, Id, When } from "../kit/values";
import { SUMS } from "./account-columns";
import { Verification } from "./verification";

const route = getRouteApi("/ledger");
const TABS = ["balance", "accounts", "journal", "verify"] as const;
const NAMES: Readonly<Record<(typeof TABS)[number], string>> = {
  balance: "Trial balance",
  accounts: "Accounts",
  journal: "Journal",
  verify: "Verify",
};
const ROWS = 200;
type Entry = AnswerOf<"/v1/ledger/entries">["entries"][number];

export function Ledger() {
  const { tab = "balance" } = route.useSearch();
  return (
    <Page title="Ledger">
      <nav className="tabs" aria-label="Parts of the books">
        {TABS.map((name) => (
          <Link
            key={name}
            to="/ledger"
            search={{ tab: name, user: undefined, account: undefined, from: undefined, at: undefined }}
            aria-current={tab === name ? "page" : undefined}
          >
            {NAMES[name]}
          </Link>
        ))}
      </nav>
      {tab === "accounts" ? <Accounts /> : tab === "journal" ? <Journal /> : tab === "verify" ? <Verify /> : <TrialBalance />}
    </Page>
  );
}

function TrialBalance() {
  const look = useLook("/v1/ledger/trial-balance", {}, { topics: ["money"] });
  return (
    <Panel
      title="Trial balance"
      look={look}
      flush
      isEmpty={({ assets }) => assets.length === 0}
      empty={<p>Nothing was ever booked.</p>}
    >
      {({ assets }) => (
        <Table
          caption="What there is of each asset, and where"
          rows={assets.flatMap(({ asset, users, users_held, turnover, system }) => [
            { key: `${asset} users`, asset, holder: "all users", posted: users, held: users_held, turnover },
            ...system.map((one) => ({
              key: `${asset} ${one.holder}`,
              asset,
              holder: one.holder,
              posted: one.posted,
              held: one.held,
              turnover: null,
            })),
          ])}
          keyOf={(row) => row.key}
          columns={[
            { id: "asset", head: "Asset", by: (row) => row.asset, cell: (row) => <Foreign>{row.asset}</Foreign> },
            { id: "holder", head: "Where", by: (row) => row.holder, cell: (row) => row.holder },
            { id: "posted", head: "Posted", numeric: true, cell: (row) => <Amount value={row.posted} /> },
            { id: "held", head: "Held", numeric: true, cell: (row) => <Amount value={row.held} /> },
            { id: "turnover", head: "Ever moved", numeric: true, cell: (row) => <Amount value={row.turnover ?? ""} /> },
          ]}
        />
      )}
    </Panel>
  );
}

function Accounts() {
  const { user, at } = route.useSearch();
  const navigate = route.useNavigate();
  const look = useLook("/v1/ledger/accounts", { query: user === undefined ? {} : { user } }, { topics: ["money"] });
  return (
    <>
      <div className="row" role="search">
        <NarrowNumber
          label="User (nobody's without)"
          value={user}
          set={(user) => void navigate({ search: (old) => ({ ...old, user }) })}
        />
        <Input
          label="As of (UTC)"
          type="datetime-local"
          step={1}
          value={at ?? ""}
          onChange={(event) => {
            const text = event.target.value;
            void navigate({ search: (old) => ({ ...old, at: text === "" ? undefined : text }), replace: true });
          }}
        />
      </div>
      <Panel
        title={user === undefined ? "Accounts that are nobody's" : `Accounts of user ${String(user)}`}
        look={look}
        flush
        isEmpty={({ accounts }) => accounts.length === 0}
        empty={<p>There is none.</p>}
      >
        {({ accounts }) => (
          <Table
            caption="Accounts"
            rows={accounts}
            keyOf={(row) => String(row.account)}
            columns={[
              {
                id: "account",
                head: "Account",
                cell: (row) => (
                  <Link
                    to="/ledger"
                    search={{ tab: "journal", account: row.account, user: undefined, from: undefined, at: undefined }}
                  >
                    {row.account}
                  </Link>
                ),
              },
              { id: "holder", head: "Whose", by: (row) => row.holder, cell: (row) => row.holder },
              { id: "asset", head: "Asset", by: (row) => row.asset, cell: (row) => <Foreign>{row.asset}</Foreign> },
              ...SUMS,
              {
                id: "entries",
                head: "Entries",
                numeric: true,
                by: (row) => row.entries,
                cell: (row) => <Amount value={row.entries} />,
              },
              ...(user === undefined || at === undefined
                ? []
                : [
                    {
                      id: "then",
                      head: "Then",
                      numeric: true,
                      cell: (row: { asset: string }) => <BalanceThen user={user} asset={row.asset} at={at} />,
                    },
                  ]),
            ]}
          />
        )}
      </Panel>
    </>
  );
}

/** What a user had of an asset at a moment. */
function BalanceThen({ user, asset, at }: { user: number; asset: string; at: string }) {
  const moment = new Date(`${at}Z`);
  const isMoment = !Number.isNaN(moment.getTime());
  const look = useLook(
    "/v1/ledger/balance",
    { query: { user, asset, at: isMoment ? moment.toISOString() : "" } },
    { enabled: isMoment },
  );
  if (look.error !== null) return <Status tone="warn">{look.error.message}</Status>;
  return look.data === undefined ? <span className="muted">…</span> : <Amount value={look.data.value.posted} />;
}

function Journal() {
  const { account, user, from } = route.useSearch();
  const navigate = route.useNavigate();
  const asked = {
    order: "newest",
    limit: ROWS,
    ...(account === undefined ? {} : { account }),
    ...(from === undefined ? {} : { from }),
  };
  const look = useLook("/v1/ledger/entries", { query: asked as never }, { topics: ["money", "markets"] });
  const set = (next: Partial<ReturnType<typeof route.useSearch>>) =>
    void navigate({ search: (old) => ({ ...old, from: undefined, ...next }) });
  return (
    <>
      <div className="row" role="search">
        <NarrowNumber label="Account" value={account} set={(account) => set({ account })} />
        <NarrowNumber label="From entry" value={from} set={(from) => set({ from })} />
        {user === undefined ? null : <span>of user {user}</span>}
      </div>
      <Panel
        title="Journal, the newest first"
        look={look}
        flush
        isEmpty={({ entries }) => entries.length === 0}
        empty={<p>There is no entry like that.</p>}
      >
        {({ entries, next_from }) => (
          <>
            <Entries rows={entries} />
            <Older before={from} next={next_from ?? null} go={(from) => set({ from })} />
          </>
        )}
      </Panel>
    </>
  );
}

function Entries({ rows }: { rows: readonly Entry[] }) {
  return (
    <Table
      caption="Entries of the journal"
      rows={rows}
      keyOf={(row) => String(row.number)}
      columns={[
        { id: "number", head: "Entry", numeric: true, cell: (row) => String(row.number) },
        { id: "time", head: "When", cell: (row) => <When at={row.time} /> },
        { id: "kind", head: "Kind", cell: (row) => row.kind },
        { id: "reason", head: "Why", cell: (row) => row.reason },
        { id: "debit", head: "Debit", cell: (row) => `${row.debit_holder} (${String(row.debit)})` },
        { id: "credit", head: "Credit", cell: (row) => `${row.credit_holder} (${String(row.credit)})` },
        { id: "amount", head: "Amount", numeric: true, cell: (row) => <Amount value={row.amount} asset={row.asset} /> },
        { id: "after", head: "Balance after", numeric: true, cell: (row) => <Amount value={row.balance ?? ""} /> },
        { id: "transfer", head: "Transfer", cell: (row) => <Id of={row.transfer} /> },
        { id: "actor", head: "By", cell: (row) => row.actor },
      ]}
    />
  );
}

function Verify() {
  return (
    <Verification
      title="Verified"
      path="/v1/ledger/verify"
      about="Reads the whole journal on this node and compares it with the balances. A million entries take seconds, a long history minutes."
      ask="Verify"
      good="Every entry was there, in its order, and every balance followed from them."
      facts={({ entries, hash }) => [
        ["Entries", <Amount key="entries" value={entries} />],
        ["Hash of all of them", <Id key="hash" of={hash} chars={64} />],
      ]}
    />
  );
}
