/** Who came in, who was refused, and whose sessions were ended: one's own, or with the permission all. */
import { getRouteApi, Link } from "@tanstack/react-router";
import { type AnswerOf, useLook } from "../api/look";
import { Narrow } from "../kit/filters";
import { Older } from "../kit/older";
import { Panel } from "../kit/panel";
import { Word } from "../kit/status";
import { Table } from "../kit/table";
import { Amount, Foreign, When } from "../kit/values";

const route = getRouteApi("/security");
const ROWS = 100;
/** Whose, and what became of them, as the API names both. */
const OF = ["admins", "customers", "nobody"] as const;
const WHAT = ["opened", "refused", "closed"] as const;
type SignIn = AnswerOf<"/v1/sign-ins">["sign_ins"][number];

export function SignIns() {
  const { before, ...search } = route.useSearch();
  const navigate = route.useNavigate();
  // An address may say anything: what the API does not know narrows nothing.
  const of = OF.find((one) => one === search.of);
  const what = WHAT.find((one) => one === search.what);
  const narrow = (next: { of?: string | undefined } | { what?: string | undefined }) =>
    void navigate({ search: (old) => ({ ...old, ...next, before: undefined }) });
  const query = {
    limit: ROWS,
    ...(of === undefined ? {} : { of }),
    ...(what === undefined ? {} : { what }),
    ...(before === undefined ? {} : { before }),
  };
  const look = useLook("/v1/sign-ins", { query }, { topics: ["people"] });
  return (
    <>
      <div className="row" role="search">
        <Narrow label="Whose" of={OF} value={of} set={(next) => narrow({ of: next })} />
        <Narrow label="What" of={WHAT} value={what} set={(next) => narrow({ what: next })} />
      </div>
      <Panel
        title="Sign-ins"
        look={look}
        flush
        isEmpty={({ sign_ins }) => sign_ins.length === 0}
        empty={<p>There is none of these among those that are kept.</p>}
        pager={(page) => (
          <Older
            before={before}
            next={page?.next_before}
            go={(next) => void navigate({ search: (old) => ({ ...old, before: next }) })}
          />
        )}
      >
        {({ sign_ins, refused_of_nobody }) => (
          <>
            <p className="age" style={{ padding: "var(--gap-2) var(--gap-4)" }}>
              The newest 1,000 of each kind are kept. A session that is over by itself is not told.
              {refused_of_nobody == null ? (
                " Only your own are shown."
              ) : (
                <>
                  {" "}
                  Refused with names that nobody has, ever: <Amount value={refused_of_nobody} />; the names are not kept.
                </>
              )}
            </p>
            <Table
              caption="Sign-ins, the newest first"
              rows={sign_ins}
              keyOf={(row) => String(row.number)}
              columns={[
                { id: "time", head: "When", cell: (row) => <When at={row.time} /> },
                { id: "what", head: "What", cell: (row) => <Word of={row.what} /> },
                { id: "who", head: "Who", cell: (row) => <Who of={row} /> },
                { id: "from", head: "From", cell: (row) => <Told of={row.address} /> },
                { id: "agent", head: "With", cell: (row) => <Told of={row.agent} /> },
                { id: "factor", head: "Second factor", cell: (row) => <Told of={factor(row)} /> },
                { id: "ended", head: "Sessions ended", cell: (row) => <Told of={ended(row)} /> },
                {
                  id: "entry",
                  head: "Log entry",
                  numeric: true,
                  cell: (row) => String(row.index),
                },
              ]}
            />
          </>
        )}
      </Panel>
    </>
  );
}

function Who({ of: { admin, user, name } }: { of: SignIn }) {
  if (user != null)
    return (
      <Link to="/users/$user" params={{ user: String(user) }}>
        user {user}
      </Link>
    );
  if (admin == null) return <span className="muted">nobody known</span>;
  return name == null ? <>admin {admin}</> : <Foreign>{name}</Foreign>;
}

/** What is told of some kinds of records alone. */
function Told({ of }: { of: string | null | undefined }) {
  return of == null ? <span className="muted">not told</span> : <Foreign>{of}</Foreign>;
}

/** Whoever was refused may have shown one: only those who came in are known to have, or not to have. */
function factor({ with_factor }: SignIn): string | null {
  if (with_factor == null) return null;
  return with_factor ? "shown" : "none";
}

function ended({ sessions, by }: SignIn): string | null {
  return sessions == null ? null : `${String(sessions)}, by ${by ?? "nobody who is known"}`;
}
