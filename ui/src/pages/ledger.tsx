/** The books: what there is and where, accounts, the journal, what somebody had at a time, and whether it all adds up. */
import { getRouteApi, Link } from "@tanstack/react-router";
import { useLook } from "../api/look";
import { Page } from "../kit/page";
import { Panel } from "../kit/panel";
import { Table } from "../kit/table";
import { Amount, Foreign, Id } from "../kit/values";
import { Accounts } from "./ledger-accounts";
import { Journal } from "./ledger-journal";
import { Verification } from "./verification";

const route = getRouteApi("/ledger");
const TABS = ["balance", "accounts", "journal", "verify"] as const;
const NAMES: Readonly<Record<(typeof TABS)[number], string>> = {
  balance: "Trial balance",
  accounts: "Accounts",
  journal: "Journal",
  verify: "Verify",
};

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
