/** The journal, narrowed as the API can: to an account, to a user's asset, or not at all; and entries as they are listed anywhere. */
import { getRouteApi, Link } from "@tanstack/react-router";
import { type AnswerOf, useLook } from "../api/look";
import { Choice } from "../kit/field";
import { NarrowNumber } from "../kit/filters";
import { Older } from "../kit/older";
import { Panel } from "../kit/panel";
import { Table } from "../kit/table";
import { shortened, visible } from "../kit/text";
import { Amount, Foreign, Id, When } from "../kit/values";

const route = getRouteApi("/ledger");
const ROWS = 200;
type Entry = AnswerOf<"/v1/ledger/entries">["entries"][number];

/** An account, as a link to its entries. */
export function AccountLink({ account }: { account: number }) {
  return (
    <Link to="/ledger" search={{ tab: "journal", account, user: undefined, from: undefined, at: undefined }}>
      {account}
    </Link>
  );
}

export function Journal() {
  const { account, user: named, asset: chosen, from } = route.useSearch();
  const navigate = route.useNavigate();
  // An account is whose and of what already: beside it neither a user nor an asset narrows anything, and the API takes none.
  const user = account === undefined ? named : undefined;
  const asset = user === undefined ? undefined : chosen;
  const set = (next: Partial<ReturnType<typeof route.useSearch>>) =>
    void navigate({ search: (old) => ({ ...old, from: undefined, ...next }) });
  return (
    <>
      <div className="row" role="search">
        <NarrowNumber
          label="Account"
          value={account}
          set={(account) => set({ account, ...(account === undefined ? {} : { user: undefined, asset: undefined }) })}
        />
        <NarrowNumber
          label="User"
          value={user}
          set={(user) => {
            if (user !== undefined) set({ user, asset: undefined, account: undefined });
            else if (named !== undefined && account === undefined) set({ user: undefined, asset: undefined });
          }}
        />
        {user === undefined ? null : <AssetOf user={user} value={asset} set={(asset) => set({ asset })} />}
        <NarrowNumber label="From entry" value={from} set={(from) => set({ from })} />
      </div>
      {user !== undefined && asset === undefined ? (
        <Whose user={user} />
      ) : (
        <Found
          of={account !== undefined ? { account } : user !== undefined ? { user, asset } : {}}
          title={
            account !== undefined
              ? `Journal of account ${String(account)}, the newest first`
              : user !== undefined
                ? `Journal of user ${String(user)} in ${String(asset)}, the newest first`
                : "Journal, the newest first"
          }
          from={from}
          go={(from) => set({ from })}
        />
      )}
    </>
  );
}

/** Of which asset of a user: those that it has accounts for. */
function AssetOf({ user, value, set }: { user: number; value: string | undefined; set: (asset: string | undefined) => void }) {
  const look = useLook("/v1/ledger/accounts", { query: { user } }, { topics: ["money"] });
  const known = new Set(look.data?.value.accounts.map(({ asset }) => asset));
  // What the address names is what is shown, whether this user has it or not.
  if (value !== undefined) known.add(value);
  return (
    <Choice
      label="Asset"
      of={[["", "choose one"], ...[...known].sort().map((one) => [one, one] as const)]}
      value={value ?? ""}
      onChange={(event) => set(event.target.value === "" ? undefined : event.target.value)}
    />
  );
}

/** What of a user can be listed: nobody's entries are shown as this user's. */
function Whose({ user }: { user: number }) {
  const look = useLook("/v1/ledger/accounts", { query: { user } }, { topics: ["money"] });
  return (
    <Panel
      title={`Accounts of user ${String(user)}`}
      look={look}
      isEmpty={({ accounts }) => accounts.length === 0}
      empty={<p>Nothing was ever booked for this user.</p>}
    >
      {({ accounts }) => (
        <div className="stack">
          <p>The journal of a user is read by asset. Choose one:</p>
          <Table
            caption={`Accounts of user ${String(user)}`}
            rows={accounts}
            keyOf={(row) => String(row.account)}
            columns={[
              {
                id: "asset",
                head: "Asset",
                cell: (row) => (
                  <Link
                    to="/ledger"
                    search={{ tab: "journal", user, asset: row.asset, account: undefined, from: undefined, at: undefined }}
                  >
                    <Foreign>{row.asset}</Foreign>
                  </Link>
                ),
              },
              { id: "account", head: "Account", cell: (row) => <AccountLink account={row.account} /> },
              { id: "entries", head: "Entries", numeric: true, cell: (row) => <Amount value={row.entries} /> },
            ]}
          />
        </div>
      )}
    </Panel>
  );
}

interface FoundProps {
  of: { account?: number; user?: number; asset?: string | undefined };
  title: string;
  from: number | undefined;
  go: (from: number | undefined) => void;
}

function Found({ of, title, from, go }: FoundProps) {
  const asked = { order: "newest", limit: ROWS, ...of, ...(from === undefined ? {} : { from }) };
  const look = useLook("/v1/ledger/entries", { query: asked as never }, { topics: ["money", "markets"] });
  return (
    <Panel
      title={title}
      look={look}
      flush
      isEmpty={({ entries }) => entries.length === 0}
      empty={<p>There is no entry like that.</p>}
      pager={(page) => <Older before={from} next={page?.next_from} go={go} />}
    >
      {({ entries }) => <Entries rows={entries} />}
    </Panel>
  );
}

/** Entries; `within` is whether they are all of one transfer, which is then said elsewhere. */
export function Entries({ rows, within = false }: { rows: readonly Entry[]; within?: boolean }) {
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
        { id: "debit", head: "Debit", cell: (row) => <Side holder={row.debit_holder} account={row.debit} /> },
        { id: "credit", head: "Credit", cell: (row) => <Side holder={row.credit_holder} account={row.credit} /> },
        { id: "amount", head: "Amount", numeric: true, cell: (row) => <Amount value={row.amount} asset={row.asset} /> },
        ...(within
          ? [{ id: "reference", head: "Caused by", cell: (row: Entry) => <Id of={row.reference} /> }]
          : [
              {
                id: "after",
                head: "Balance after",
                numeric: true,
                cell: (row: Entry) => <Amount value={row.balance ?? ""} />,
              },
              { id: "transfer", head: "Transfer", cell: (row: Entry) => <TransferLink id={row.transfer} /> },
            ]),
        { id: "actor", head: "By", cell: (row) => row.actor },
      ]}
    />
  );
}

/** One side of an entry: whose, and the account as a link. */
function Side({ holder, account }: { holder: string; account: number }) {
  return (
    <>
      <Foreign>{holder}</Foreign> (<AccountLink account={account} />)
    </>
  );
}

/** A transfer, as a link to the whole of it. */
export function TransferLink({ id }: { id: string }) {
  return (
    <Link to="/ledger/transfers/$transfer" params={{ transfer: id }} className="code" title={visible(id)}>
      {shortened(visible(id))}
    </Link>
  );
}
