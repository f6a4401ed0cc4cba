/** Accounts: what they hold now, and what a user had at a moment. */
import { getRouteApi } from "@tanstack/react-router";
import { type AnswerOf, useLook } from "../api/look";
import { Input } from "../kit/field";
import { NarrowNumber } from "../kit/filters";
import { Age } from "../kit/age";
import { Panel } from "../kit/panel";
import { Status } from "../kit/status";
import { type Column, Table } from "../kit/table";
import { utc } from "../kit/text";
import { Amount, Foreign } from "../kit/values";
import { SUMS } from "./account-columns";
import { AccountLink } from "./ledger-journal";

const route = getRouteApi("/ledger");
type Account = AnswerOf<"/v1/ledger/accounts">["accounts"][number];

/** The moment that a field for times without a zone names, in UTC; null where it names none. */
function momentOf(text: string): number | null {
  const at = Date.parse(`${text}Z`);
  return Number.isNaN(at) ? null : at;
}

export function Accounts() {
  const { user, at: named } = route.useSearch();
  const navigate = route.useNavigate();
  const look = useLook("/v1/ledger/accounts", { query: user === undefined ? {} : { user } }, { topics: ["money"] });
  // What was is kept by user and asset: of accounts that are nobody's there is the present alone, and no moment is named above it.
  const text = user === undefined ? "" : (named ?? "");
  const at = text === "" ? null : momentOf(text);
  const title = user === undefined ? "Accounts that are nobody's" : `Accounts of user ${String(user)}`;
  return (
    <>
      <div className="row" role="search">
        <NarrowNumber
          label="User (nobody's without)"
          value={user}
          set={(user) => void navigate({ search: (old) => ({ ...old, user, at: user === undefined ? undefined : old.at }) })}
        />
        <Input
          label="As of (UTC)"
          type="datetime-local"
          step={1}
          readOnly={user === undefined}
          aria-disabled={user === undefined}
          help={user === undefined ? "What was is known by user and asset: choose a user first." : undefined}
          wrong={text !== "" && at === null ? "This is no moment." : null}
          value={text}
          onChange={(event) => {
            if (user === undefined) return;
            const text = event.target.value;
            void navigate({ search: (old) => ({ ...old, at: text === "" ? undefined : text }), replace: true });
          }}
        />
      </div>
      <Panel
        title={at === null ? title : `${title}, as of ${utc(at)}`}
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
              { id: "account", head: "Account", cell: (row) => <AccountLink account={row.account} /> },
              { id: "holder", head: "Whose", by: (row) => row.holder, cell: (row) => row.holder },
              { id: "asset", head: "Asset", by: (row) => row.asset, cell: (row) => <Foreign>{row.asset}</Foreign> },
              ...(user === undefined || at === null ? PRESENT : then(user, at)),
            ]}
          />
        )}
      </Panel>
    </>
  );
}

const PRESENT: readonly Column<Account>[] = [
  ...SUMS,
  { id: "entries", head: "Entries", numeric: true, by: (row) => row.entries, cell: (row) => <Amount value={row.entries} /> },
];

/** The columns of a moment: what is of the present says so. */
function then(user: number, at: number): readonly Column<Account>[] {
  return [
    {
      id: "posted-then",
      head: "Posted then",
      numeric: true,
      cell: (row) => <BalanceThen user={user} asset={row.asset} at={at} of="posted" />,
    },
    {
      id: "held-then",
      head: "Held then",
      numeric: true,
      cell: (row) => <BalanceThen user={user} asset={row.asset} at={at} of="held" />,
    },
    { id: "posted", head: "Posted now", numeric: true, cell: (row) => <Amount value={row.posted} /> },
  ];
}

interface Then {
  user: number;
  asset: string;
  at: number;
  of: "posted" | "held";
}

/** What a user had of an asset at a moment. */
function BalanceThen({ user, asset, at, of }: Then) {
  const look = useLook("/v1/ledger/balance", { query: { user, asset, at: new Date(at).toISOString() } });
  if (look.data === undefined)
    return look.error === null ? <span className="muted">…</span> : <Status tone="warn">{look.error.message}</Status>;
  const { value } = look.data;
  return (
    <>
      <Amount value={value[of]} />
      {value.is_final ? null : (
        <span className="muted">
          {" "}
          so far, <Age seen={look.data} />
        </span>
      )}
      {look.error === null ? null : <Status tone="warn">last seen; since then: {look.error.message}</Status>}
    </>
  );
}
