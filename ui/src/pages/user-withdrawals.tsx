/** A customer's latest withdrawals: asking for one in its name, and taking one back. */
import { useState } from "react";
import { Act } from "../app/act";
import { forgetName, nameOf } from "../app/unanswered";
import { type AnswerOf, useLook } from "../api/look";
import { Choice, Input } from "../kit/field";
import { NETWORKS } from "../kit/filters";
import { Panel } from "../kit/panel";
import { Table } from "../kit/table";
import { Amount, Foreign } from "../kit/values";
import { AMOUNT, ASKED, NETWORK, STATE, TO, WITHDRAWAL } from "./withdrawal-columns";

type Row = AnswerOf<"/v1/users/{user}/withdrawals">["withdrawals"][number];
type Account = AnswerOf<"/v1/ledger/accounts">["accounts"][number];
const ROWS = 20;
/** In these nothing is signed yet. */
const TAKEN_BACK = ["confirming", "screening", "awaiting-approval", "approved", "queued"];

export function UserWithdrawals({ user, accounts }: { user: number; accounts: readonly Account[] | undefined }) {
  const look = useLook("/v1/users/{user}/withdrawals", { path: { user }, query: { limit: ROWS } }, { topics: ["money"] });
  return (
    <Panel
      title="Latest withdrawals"
      look={look}
      flush
      actions={<Ask user={user} accounts={accounts} />}
      isEmpty={({ withdrawals }) => withdrawals.length === 0}
      empty={<p>It never asked for one.</p>}
    >
      {({ withdrawals }) => (
        <Table
          caption="Withdrawals of this user, the newest first"
          rows={withdrawals}
          keyOf={(row) => String(row.withdrawal)}
          columns={[
            WITHDRAWAL,
            STATE,
            AMOUNT,
            NETWORK,
            TO,
            ASKED,
            { id: "do", head: "", cell: (row) => <TakeBack user={user} row={row} /> },
          ]}
        />
      )}
    </Panel>
  );
}

function TakeBack({ user, row }: { user: number; row: Row }) {
  return (
    <Act
      change="POST /v1/users/{user}/withdrawals/cancel"
      names={{ user }}
      label="Take back"
      subject={`withdrawal ${String(row.withdrawal)}`}
      reasonless
      why={TAKEN_BACK.includes(row.state) ? null : `It is ${row.state}: only what nothing is signed of can be taken back.`}
      consequence={
        <>
          <Amount value={row.amount} asset={row.asset} /> are free again for user {user}. Nothing is sent.
        </>
      }
      body={() => ({ withdrawal: row.withdrawal })}
    />
  );
}

interface Form {
  asset: string;
  network: string;
  address: string;
  memo: string;
  amount: string;
  fee: string;
  client: string;
}

/** A name that no withdrawal has. */
function newName(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(8));
  return `console-${Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

const FIRST: string = NETWORKS[0];

function wrongWith({ asset, amount, address, client }: Form): string | null {
  if (asset === "") return "Say of which asset.";
  if (!/^\d+(\.\d{1,18})?$/.test(amount)) return "Say how much: digits, and a point where it is wanted.";
  if (address === "") return "Say where to.";
  return /^[!-~]{1,64}$/.test(client) ? null : "It wants a name of at most 64 characters, without spaces.";
}

/** What the next withdrawal of a user is called: kept beyond the page, so that what was sent without an answer is found again there. */
const nextOf = (user: number) => `withdrawal of ${String(user)}`;
const nextName = (user: number) => nameOf(nextOf(user), newName);

function Ask({ user, accounts }: { user: number; accounts: readonly Account[] | undefined }) {
  // The same name is the same withdrawal for ever: the next one has another.
  const [client, setClient] = useState(() => nextName(user));
  return (
    <Act<"POST /v1/users/{user}/withdrawals", Form>
      change="POST /v1/users/{user}/withdrawals"
      names={{ user }}
      label="Ask for a withdrawal"
      subject={({ amount, asset }) => (amount === "" || asset === "" ? `user ${String(user)}` : `${amount} ${asset}`)}
      form={{ asset: "", network: FIRST, address: "", memo: "", amount: "", fee: "deduct", client }}
      reasonless
      wrong={wrongWith}
      consequence={({ asset }) => {
        const account = accounts?.find((one) => one.asset === asset);
        return (
          <>
            <p>
              It is asked for in the name of user {user}: its money leaves once another person has approved it, whatever the
              policy says otherwise.
            </p>
            {asset === "" ? null : (
              <p>
                Of <Foreign>{asset}</Foreign> it can send{" "}
                {account === undefined ? (
                  accounts === undefined ? (
                    "what is not known here"
                  ) : (
                    "nothing"
                  )
                ) : (
                  <Amount value={account.available} />
                )}
                .
              </p>
            )}
          </>
        );
      }}
      body={(_, { asset, network, address, memo, amount, fee, client }) => ({
        asset,
        network,
        address,
        amount,
        fee_mode: fee,
        client_id: client,
        ...(memo === "" ? {} : { memo }),
      })}
      fields={({ asset, network, address, memo, amount, fee, client }, set) => (
        <>
          <Input
            label="Asset"
            value={asset}
            autoComplete="off"
            onChange={(event) => set({ asset: event.target.value.trim().toUpperCase() })}
          />
          <Input
            label="Amount"
            inputMode="decimal"
            value={amount}
            autoComplete="off"
            onChange={(event) => set({ amount: event.target.value.trim() })}
          />
          <Choice label="Network" of={NETWORKS} value={network} onChange={(event) => set({ network: event.target.value })} />
          <Input
            label="Address"
            value={address}
            autoComplete="off"
            spellCheck={false}
            onChange={(event) => set({ address: event.target.value.trim() })}
          />
          <Input
            label="Memo"
            help="Only where its receiver wants one."
            value={memo}
            autoComplete="off"
            onChange={(event) => set({ memo: event.target.value })}
          />
          <Choice
            label="The fee is"
            of={[
              ["deduct", "taken out of the amount"],
              ["on-top", "paid on top of it"],
            ]}
            value={fee}
            onChange={(event) => set({ fee: event.target.value })}
          />
          <Input
            label="Name"
            help="The same name with the same content is the same withdrawal, for ever."
            value={client}
            autoComplete="off"
            onChange={(event) => set({ client: event.target.value.trim() })}
          />
        </>
      )}
      done={({ withdrawal, state, first, warning }) => {
        forgetName(nextOf(user));
        setClient(nextName(user));
        const told = first
          ? `Withdrawal ${String(withdrawal)} is ${state}.`
          : `It was there before: withdrawal ${String(withdrawal)}, ${state}.`;
        return warning == null ? told : `${told} ${warning}`;
      }}
    />
  );
}
