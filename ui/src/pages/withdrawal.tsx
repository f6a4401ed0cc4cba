/** One withdrawal: what it waits for, every edge it went, the transactions that pay it, and what a person can decide. */
import { getRouteApi, Link } from "@tanstack/react-router";
import { Act } from "../app/act";
import { Transaction } from "../app/on-chain";
import { ApproveWithdrawal } from "../app/approve-withdrawal";
import { type AnswerOf, PACE, useLook } from "../api/look";
import { Facts } from "../kit/facts";
import { Choice } from "../kit/field";
import { Page } from "../kit/page";
import { Panel } from "../kit/panel";
import { Status, Word } from "../kit/status";
import { Table } from "../kit/table";
import { Amount, Foreign, Id, When } from "../kit/values";

const route = getRouteApi("/withdrawals/$withdrawal");
type Explained = AnswerOf<"/v1/withdrawals/{withdrawal}/explain">;
type Payout = NonNullable<Explained["payout"]>;
/** States of a payout in which a person may decide. */
const DECIDED_BY_PERSONS = ["stuck", "unknown", "review"];

export function Withdrawal() {
  const { withdrawal } = route.useParams();
  const number = Number(withdrawal);
  // Somebody watches this one: where money moves all the time, what is told of it alone comes too late.
  const look = useLook(
    "/v1/withdrawals/{withdrawal}/explain",
    { path: { withdrawal: number } },
    { topics: ["money"], every: PACE.live },
  );
  const one = look.data?.value.withdrawal;
  return (
    <Page title={`Withdrawal ${withdrawal}`} actions={one?.state === "awaiting-approval" ? <Consent withdrawal={one} /> : null}>
      <Panel title="Standing" look={look}>
        {({ withdrawal: one, now }) => (
          <div className="stack">
            {one.warning == null ? null : (
              <p>
                <Status tone="bad">
                  <strong>
                    <Foreign>{one.warning}</Foreign>
                  </strong>
                </Status>
              </p>
            )}
            <p>
              <Word of={one.state} />:{" "}
              <strong>
                <Foreign>{now}</Foreign>
              </strong>
            </p>
            <Facts
              of={[
                ["Amount", <Amount key="amount" value={one.amount} asset={one.asset} />],
                ["The receiver gets", <Amount key="gets" value={one.receives} asset={one.asset} />],
                ["Its user pays", <Amount key="fee" value={one.fee} asset={one.asset} />],
                [
                  "Worth when asked for",
                  one.usd == null ? "nobody could say" : <Amount key="usd" value={one.usd} asset="USD" />,
                ],
                ["Network", one.network],
                ["To", <Id key="to" of={one.address} chars={64} />],
                ["That address is", one.destination],
                ["Memo", one.memo == null ? null : <Foreign key="memo">{one.memo}</Foreign>],
                [
                  "User",
                  <Link key="user" to="/users/$user" params={{ user: String(one.user) }}>
                    {one.user}
                  </Link>,
                ],
                ["Asked for", <When key="asked" at={one.requested_at} />],
                ["By", one.initiator === "" ? "its user" : one.initiator],
                ["The client calls it", one.client_id === "" ? null : <Foreign key="client">{one.client_id}</Foreign>],
                ["Policy", one.rule === "" ? "for its user" : `rule ${one.rule}, version ${String(one.policy_version)}`],
                ["Who has to approve", one.needs.length === 0 ? "nobody" : one.needs.join(", ")],
                ["Who has approved", one.approved_by.length === 0 ? "nobody" : `admins ${one.approved_by.join(", ")}`],
                ["Hash that approvals sign", <Id key="hash" of={one.hash} />],
                ["Transaction", <Transaction key="tx" network={one.network} tx={one.tx} chars={72} />],
                ["The network may take at most", <Amount key="cap" value={one.fee_cap} asset="minor units of its coin" />],
                ["Time moves it on", one.due_at == null ? null : <When key="due" at={one.due_at} />],
                ["Moved last", <When key="moved" at={one.moved_at} />],
                ["Block", one.block == null ? null : String(one.block.height)],
              ]}
            />
          </div>
        )}
      </Panel>
      <Panel title="Every step" look={look} flush>
        {(explained) => <TimeLine of={explained} />}
      </Panel>
      <Panel
        title="What pays it"
        look={look}
        isEmpty={({ payout }) => payout == null}
        empty={<p>Nothing yet: it is not its turn, or it waits.</p>}
      >
        {({ payout }) => (payout == null ? null : <PayoutView payout={payout} />)}
      </Panel>
    </Page>
  );
}

function Consent({ withdrawal }: { withdrawal: Explained["withdrawal"] }) {
  return (
    <div className="row">
      <ApproveWithdrawal withdrawal={withdrawal} />
      <Act
        change="POST /v1/withdrawals/{withdrawal}/reject"
        names={{ withdrawal: withdrawal.withdrawal }}
        label="Reject"
        subject={`withdrawal ${String(withdrawal.withdrawal)}`}
        consequence={
          <>
            <Amount value={withdrawal.amount} asset={withdrawal.asset} /> are free again for user {withdrawal.user}. Nothing is
            sent.
          </>
        }
        body={(reason) => ({ reason })}
      />
    </div>
  );
}

/** What happened to it, and to what pays it, in one order. */
interface Happened {
  key: string;
  at: string;
  to: string | null;
  from: string | null | undefined;
  what: string;
  tx: string | null | undefined;
  by: string | null | undefined;
  index: number | null;
}

function happened({ traces, payout }: Explained): Happened[] {
  const edges = traces.map((trace, at) => ({ ...trace, key: `edge ${String(at)}`, tx: null }));
  const attempts = (payout?.attempts ?? []).map((attempt) => ({
    key: `attempt ${String(attempt.number)}`,
    at: attempt.prepared_at,
    to: null,
    from: null,
    what: `Transaction ${String(attempt.number)} was decided: ${attempt.purpose}, uses up ${attempt.claim}`,
    tx: attempt.tx,
    by: "its worker",
    index: null,
  }));
  // What has the same moment stays in the order of the log.
  return [...edges, ...attempts].sort((a, b) => Date.parse(a.at) - Date.parse(b.at));
}

function TimeLine({ of: explained }: { of: Explained }) {
  const { network } = explained.withdrawal;
  return (
    <Table
      caption="Everything that happened to it, the first on top"
      rows={happened(explained)}
      keyOf={(row) => row.key}
      columns={[
        { id: "at", head: "When", cell: (row) => <When at={row.at} /> },
        { id: "to", head: "To", cell: (row) => (row.to === null ? "" : <Word of={row.to} />) },
        { id: "from", head: "From", cell: (row) => row.from ?? "" },
        { id: "what", head: "On what grounds", cell: (row) => <Foreign>{row.what}</Foreign> },
        {
          id: "tx",
          head: "Transaction",
          cell: (row) => (row.tx == null ? "" : <Transaction network={network} tx={row.tx} />),
        },
        { id: "by", head: "By", cell: (row) => row.by ?? "time" },
        {
          id: "index",
          head: "Entry of the log",
          numeric: true,
          cell: (row) => (row.index === null ? "" : String(row.index)),
        },
      ]}
    />
  );
}

function PayoutView({ payout }: { payout: Payout }) {
  return (
    <div className="stack">
      <p>
        Payout {payout.payout}: <Word of={payout.state} /> since <When at={payout.moved_at} />, from address{" "}
        {payout.wallet_index} of wallet {payout.wallet}; pays withdrawals {payout.withdrawals.join(", ")}
      </p>
      {payout.denied == null ? null : (
        <p>
          <Status tone="warn">
            <Foreign>{payout.denied}</Foreign>
          </Status>
        </p>
      )}
      {DECIDED_BY_PERSONS.includes(payout.state) ? <Decide payout={payout} /> : null}
      <Table
        caption="Its transactions; each excludes every other"
        rows={payout.attempts}
        keyOf={(attempt) => String(attempt.number)}
        columns={[
          { id: "number", head: "Attempt", cell: (attempt) => String(attempt.number) },
          { id: "purpose", head: "Purpose", cell: (attempt) => attempt.purpose },
          { id: "claim", head: "Uses up", cell: (attempt) => attempt.claim },
          {
            id: "tx",
            head: "Transaction",
            cell: (attempt) =>
              attempt.tx == null ? "not signed yet" : <Transaction network={payout.network} tx={attempt.tx} />,
          },
          {
            id: "dead",
            head: "Can it be mined",
            cell: (attempt) => (attempt.dead ? <Status tone="idle">never: proved</Status> : <Status tone="info">yes</Status>),
          },
          {
            id: "fee",
            head: "Costs at most",
            numeric: true,
            cell: (attempt) => <Amount value={attempt.fee_max} asset="minor units" />,
          },
          { id: "at", head: "Decided", cell: (attempt) => <When at={attempt.prepared_at} /> },
          {
            id: "answers",
            head: "Endpoints said",
            cell: (attempt) => (
              <ul style={{ listStyle: "none" }}>
                {attempt.answers.map((answer) => (
                  <li key={answer}>
                    <Foreign>{answer}</Foreign>
                  </li>
                ))}
              </ul>
            ),
          },
        ]}
      />
    </div>
  );
}

/** What is decided without a proof; the others are on the command line, where the proof is given as a file. */
const DECISIONS = {
  resend: "The same bytes are sent again. Nothing can be paid twice by that.",
  bump: "A dearer transaction takes the same nonce or coins: one of the two is mined at most.",
  "cancel-by-noop": "A transaction to ourselves takes the same nonce or coins. What is mined decides whether it was paid.",
} as const;
type Decision = keyof typeof DECISIONS;

function Decide({ payout }: { payout: Payout }) {
  return (
    <div className="row">
      <Act<"POST /v1/payouts/{payout}/review", { decision: Decision }>
        change="POST /v1/payouts/{payout}/review"
        names={{ payout: payout.payout }}
        label="Decide"
        subject={`payout ${String(payout.payout)}`}
        form={{ decision: "resend" }}
        consequence={({ decision }) => DECISIONS[decision]}
        body={(reason, { decision }) => ({ reason, decision, from: payout.state })}
        fields={({ decision }, set) => (
          <Choice
            label="Decision"
            of={Object.keys(DECISIONS)}
            value={decision}
            onChange={(event) => set({ decision: event.target.value as Decision })}
            help="Marking it as paid elsewhere and refunding want a proof: exchequer withdrawal review --help"
          />
        )}
      />
    </div>
  );
}
