/** Deposits, the newest first; those that wait for a decision; and why a transaction was or was not credited. */
import { getRouteApi, Link } from "@tanstack/react-router";
import { useState } from "react";
import { Act } from "../app/act";
import { Transaction } from "../app/on-chain";
import { type AnswerOf, useLook } from "../api/look";
import { Button } from "../kit/button";
import { Choice, Input } from "../kit/field";
import { Narrow, NarrowNumber, NETWORKS, networkOf } from "../kit/filters";
import { Older } from "../kit/older";
import { Page } from "../kit/page";
import { Panel } from "../kit/panel";
import { Status, Word } from "../kit/status";
import { Table } from "../kit/table";
import { Amount, Foreign, Id, When } from "../kit/values";

const route = getRouteApi("/deposits");
const ROWS = 100;
type Row = AnswerOf<"/v1/deposits">["deposits"][number];

export function Deposits() {
  const { network, user, waiting, before, tx } = route.useSearch();
  const navigate = route.useNavigate();
  const set = (next: Partial<ReturnType<typeof route.useSearch>>) =>
    void navigate({ search: (old) => ({ ...old, before: undefined, ...next }) });
  const asked = {
    limit: ROWS,
    ...(networkOf(network) === undefined ? {} : { network: networkOf(network) }),
    ...(user === undefined ? {} : { user }),
    ...(waiting === undefined ? {} : { waiting: "true" }),
    ...(before === undefined ? {} : { before }),
  };
  const look = useLook("/v1/deposits", { query: asked as never }, { topics: ["money"] });
  return (
    <Page title="Deposits">
      <div className="row" role="search">
        <Narrow label="Network" of={NETWORKS} value={network} set={(network) => set({ network })} />
        <NarrowNumber label="User" value={user} set={(user) => set({ user })} />
        <Narrow
          label="Which"
          of={["waiting"]}
          value={waiting === undefined ? undefined : "waiting"}
          set={(one) => set({ waiting: one === undefined ? undefined : "true" })}
        />
      </div>
      <Explain network={network} tx={tx} set={set} />
      <Panel
        title="Deposits"
        look={look}
        flush
        isEmpty={({ deposits }) => deposits.length === 0}
        empty={<p>There is none like that. A payment that is missing is explained by its transaction, above.</p>}
        pager={(page) => <Older before={before} next={page?.next_before} go={(before) => set({ before })} />}
      >
        {({ deposits }) => <List rows={deposits} />}
      </Panel>
    </Page>
  );
}

interface ExplainProps {
  network: string | undefined;
  tx: string | undefined;
  set: (next: { network?: string; tx?: string | undefined }) => void;
}

function Explain({ network, tx, set }: ExplainProps) {
  const [typed, setTyped] = useState(tx ?? "");
  const [where, setWhere] = useState<string>(network ?? NETWORKS[0]);
  const asked = networkOf(network);
  const look = useLook(
    "/v1/deposits/explain",
    { query: { network: asked, tx } as never },
    { topics: ["money"], enabled: asked !== undefined && tx !== undefined },
  );
  return (
    <>
      <form
        className="row"
        role="search"
        aria-label="Explain a transaction"
        onSubmit={(event) => {
          event.preventDefault();
          set({ network: where, tx: typed.trim() === "" ? undefined : typed.trim() });
        }}
      >
        <Choice label="Explain on" of={NETWORKS} value={where} onChange={(event) => setWhere(event.target.value)} />
        <Input
          label="the transaction"
          size={66}
          value={typed}
          spellCheck={false}
          onChange={(event) => setTyped(event.target.value)}
        />
        <Button type="submit">Explain</Button>
      </form>
      {asked === undefined || tx === undefined ? null : (
        <Panel title="Why it was or was not credited" look={look}>
          {({ findings, deposits, network, tx }) => (
            <div className="stack">
              <Transaction network={network} tx={tx} chars={72} />
              <Findings of={findings} />
              {deposits.map(({ deposit, findings }) => (
                <div key={deposit.deposit} className="stack">
                  <h3>
                    Deposit {deposit.deposit}: <Word of={deposit.state} />
                  </h3>
                  <p>
                    Seen <When at={deposit.seen_at} />, {deposit.confirmations} confirmations
                    {deposit.block == null ? ", in no block" : `, in block ${String(deposit.block.height)}`}; changed last{" "}
                    <When at={deposit.changed_at} />
                  </p>
                  <Findings of={findings} />
                </div>
              ))}
            </div>
          )}
        </Panel>
      )}
    </>
  );
}

function Findings({ of }: { of: AnswerOf<"/v1/deposits/explain">["findings"] }) {
  return (
    <ol style={{ listStyle: "none" }}>
      {of.map(({ good, text }) => (
        <li key={text}>
          <Status tone={good ? "good" : "warn"}>
            <Foreign>{text}</Foreign>
          </Status>
        </li>
      ))}
    </ol>
  );
}

function List({ rows }: { rows: readonly Row[] }) {
  return (
    <Table
      caption="Deposits, the newest first"
      rows={rows}
      keyOf={(row) => String(row.deposit)}
      columns={[
        {
          id: "number",
          head: "Deposit",
          by: (row) => row.deposit,
          cell: (row) => (
            <Link
              to="/deposits"
              search={{ network: row.network, tx: row.tx, user: undefined, waiting: undefined, before: undefined }}
            >
              {row.deposit}
            </Link>
          ),
        },
        { id: "state", head: "State", by: (row) => row.state, cell: (row) => <Word of={row.state} /> },
        {
          id: "amount",
          head: "Amount",
          numeric: true,
          cell: (row) => (
            <Amount value={row.amount ?? row.on_chain} asset={row.asset ?? "units of a coin that is not listed"} />
          ),
        },
        { id: "network", head: "Network", by: (row) => row.network, cell: (row) => row.network },
        {
          id: "user",
          head: "User",
          by: (row) => row.user ?? 0,
          cell: (row) => (row.user == null ? "nobody yet" : String(row.user)),
        },
        {
          id: "deep",
          head: "Confirmations",
          numeric: true,
          by: (row) => row.confirmations,
          cell: (row) => String(row.confirmations),
        },
        { id: "why", head: "Waits because", cell: (row) => <Foreign>{row.why ?? ""}</Foreign> },
        {
          id: "debt",
          head: "Owed since",
          numeric: true,
          cell: (row) => (row.debt == null ? "" : <Amount value={row.debt} asset={row.asset ?? undefined} />),
        },
        { id: "to", head: "To", cell: (row) => <Id of={row.address} /> },
        { id: "tx", head: "Transaction", cell: (row) => <Transaction network={row.network} tx={row.tx} /> },
        { id: "seen", head: "Seen", by: (row) => row.seen_at, cell: (row) => <When at={row.seen_at} /> },
        { id: "do", head: "", cell: (row) => (row.why == null ? null : <Assign row={row} />) },
      ]}
    />
  );
}

/** Whose it is, decided by a person. */
function Assign({ row }: { row: Row }) {
  const isUser = (user: string) => /^\d{1,15}$/.test(user.trim());
  return (
    <Act
      change="POST /v1/deposits/{deposit}/assign"
      names={{ deposit: row.deposit }}
      label="Decide"
      subject={`deposit ${String(row.deposit)}`}
      form={{ user: row.user == null ? "" : String(row.user) }}
      wrong={({ user }) => (isUser(user) || user.trim() === "" ? null : "A user's number, or nothing for the exchange itself.")}
      consequence={({ user }) => (isUser(user) ? `It is credited to user ${user.trim()}.` : "It becomes the exchange's own.")}
      body={(reason, { user }) => ({ user: isUser(user) ? Number(user.trim()) : null, exchange: !isUser(user), reason })}
      fields={({ user }, set) => (
        <Input
          label="User"
          help="Nothing for the exchange itself."
          inputMode="numeric"
          value={user}
          onChange={(event) => set({ user: event.target.value })}
        />
      )}
    />
  );
}
