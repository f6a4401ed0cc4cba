/** One discrepancy: what differs, its whole story, and what persons make of it. */
import { getRouteApi, Link } from "@tanstack/react-router";
import { Act } from "../app/act";
import { type AnswerOf, useLook } from "../api/look";
import { Facts } from "../kit/facts";
import { Choice } from "../kit/field";
import { Page } from "../kit/page";
import { Panel } from "../kit/panel";
import { Status, Word } from "../kit/status";
import { Table } from "../kit/table";
import { Amount, Foreign, Id, When } from "../kit/values";
import { Urgency } from "./urgency";

const route = getRouteApi("/reconciliation/$discrepancy");
type View = AnswerOf<"/v1/reconciliation/discrepancies/{discrepancy}">;

/** What is open can be explained and adjusted; what is over cannot. */
const OVER: readonly string[] = ["adjusted", "closed"];

export function Discrepancy() {
  const { discrepancy } = route.useParams();
  const look = useLook(
    "/v1/reconciliation/discrepancies/{discrepancy}",
    { path: { discrepancy: Number(discrepancy) } },
    { topics: ["money"] },
  );
  const one = look.data?.value;
  return (
    <Page
      title={`Discrepancy ${discrepancy}`}
      actions={
        one === undefined || OVER.includes(one.status) ? null : (
          <div className="row">
            <Explain of={one} />
            <Close of={one} />
            <Adjust of={one} />
          </div>
        )
      }
    >
      <Panel title="What differs" look={look}>
        {(one) => <What of={one} />}
      </Panel>
      <Panel
        title="Story"
        look={look}
        flush
        isEmpty={({ story }) => story.length === 0}
        empty={<p>Nothing was said of it yet.</p>}
      >
        {({ story }) => (
          <Table
            caption="What happened to it, the first on top"
            rows={story.map((line, at) => ({ ...line, key: String(at) }))}
            keyOf={(line) => line.key}
            columns={[
              { id: "at", head: "When", cell: (line) => <When at={line.at} /> },
              { id: "by", head: "By", cell: (line) => <Foreign>{line.by ?? "by itself"}</Foreign> },
              { id: "what", head: "What", cell: (line) => <Foreign>{line.what}</Foreign> },
            ]}
          />
        )}
      </Panel>
    </Page>
  );
}

function What({ of: one }: { of: View }) {
  return (
    <Facts
      of={[
        ["Status", <Word key="status" of={one.status} />],
        ["Urgency", <Urgency key="severity" of={one.severity} />],
        ["What it seems to be", <Foreign key="class">{one.class}</Foreign>],
        ["Above what should be", <Amount key="amount" value={one.amount ?? one.difference} asset={one.asset ?? "units"} />],
        ["The same in smallest units", <Amount key="units" value={one.difference} />],
        [
          "It stops",
          one.stops == null ? (
            "no withdrawals"
          ) : (
            <Status key="stops" tone="bad">
              withdrawals: <Foreign>{one.stops}</Foreign>
            </Status>
          ),
        ],
        ["Of", <Foreign key="scope">{one.scope}</Foreign>],
        [
          "Network",
          one.network == null ? null : (
            <Link key="network" to="/networks/$network" params={{ network: one.network }}>
              <Foreign>{one.network}</Foreign>
            </Link>
          ),
        ],
        ["At", one.address == null ? null : <Id key="address" of={one.address} chars={64} />],
        ["Contract", one.contract == null ? null : <Id key="contract" of={one.contract} chars={64} />],
        ["First seen", <When key="first" at={one.first_seen_at} />],
        ["Last seen", <When key="last" at={one.last_seen_at} />],
        ["The two sides agree again since", one.gone_since == null ? null : <When key="gone" at={one.gone_since} />],
      ]}
    />
  );
}

function Explain({ of: one }: { of: View }) {
  return (
    <Act
      change="POST /v1/reconciliation/discrepancies/{discrepancy}/explain"
      names={{ discrepancy: one.discrepancy }}
      label="Say what it is"
      subject={`discrepancy ${String(one.discrepancy)}`}
      consequence="What you say goes into its story. It stays open, and stops what it stops."
      body={(explanation) => ({ explanation, close: false })}
    />
  );
}

/** What two sides contradict each other about, and what a chain is, no posting makes equal. */
const UNPOSTED: readonly string[] = ["rpc-fault", "reorg"];

function Close({ of: one }: { of: View }) {
  const isOver = one.gone_since != null || UNPOSTED.includes(one.class) || one.scope === "dust";
  return (
    <Act
      change="POST /v1/reconciliation/discrepancies/{discrepancy}/explain"
      names={{ discrepancy: one.discrepancy }}
      label="Close"
      subject={`discrepancy ${String(one.discrepancy)}`}
      why={isOver ? null : "The two sides still differ, and a posting could make them equal: adjust it."}
      consequence="It is over, with what you say as the last line of its story."
      body={(explanation) => ({ explanation, close: true })}
    />
  );
}

/** What it is booked as: against what, and whether it can be of what is more, or of what is less, than it should be. */
const CATEGORIES = {
  "opening-balance": ["It was there before the exchange watched: the owners' equity", "more"],
  "unknown-sender": ["Somebody's, and nobody knows whose: suspense", "more"],
  windfall: ["Nobody's deposit, such as a reward: the owners' equity", "more"],
  "network-fee": ["A network took it, or gave it back: the network's fees", "either"],
  loss: ["It is lost: the owners' equity", "less"],
  rounding: ["What rounding left: the owners' equity", "either"],
  "owners-move": ["The owners moved it by hand: the owners' equity", "either"],
} as const;
type Category = keyof typeof CATEGORIES;

/** The places whose difference a posting can take away. */
const POSTED: readonly string[] = ["address", "books", "own-transaction"];
const UNJUDGED: readonly string[] = ["timing", "rpc-fault", "unread"];

function whyNotAdjusted(one: View): string | null {
  if (one.gone_since != null) return "The two sides agree again: close it.";
  return POSTED.includes(one.scope) && !UNJUDGED.includes(one.class)
    ? null
    : "No posting takes away a difference of this kind.";
}

function Adjust({ of: one }: { of: View }) {
  const sign = one.difference.startsWith("-") ? "less" : "more";
  const fitting = (Object.keys(CATEGORIES) as Category[]).filter((name) => ["either", sign].includes(CATEGORIES[name][1]));
  return (
    <Act<"POST /v1/reconciliation/discrepancies/{discrepancy}/adjust", { category: Category }>
      change="POST /v1/reconciliation/discrepancies/{discrepancy}/adjust"
      names={{ discrepancy: one.discrepancy }}
      label="Propose an adjustment"
      subject={`discrepancy ${String(one.discrepancy)}`}
      proposed
      why={whyNotAdjusted(one)}
      form={{ category: fitting[0] ?? "rounding" }}
      consequence={({ category }) => (
        <>
          <p>
            The books change by <Amount value={one.amount ?? one.difference} asset={one.asset ?? "units"} /> (
            <Amount value={one.difference} asset="smallest units" />
            ), booked as {category}. {CATEGORIES[category][0]}.
          </p>
          <p>
            Nobody adjusts alone: it is proposed, and carried out once another person has approved it under Approvals. If the
            difference is another one by then, it is refused.
          </p>
        </>
      )}
      body={(reason, { category }) => ({ category, difference: one.difference, reason })}
      fields={({ category }, set) => (
        <Choice
          label="It is booked as"
          of={fitting.map((name) => [name, `${name}: ${CATEGORIES[name][0]}`] as const)}
          value={category}
          onChange={(event) => set({ category: event.target.value as Category })}
        />
      )}
    />
  );
}
