/** The same done to many workers: what it would come to for each, then what came of it for each, and the way back. */
import { Link, useNavigate } from "@tanstack/react-router";
import { Act } from "../app/act";
import { type AnswerOf, useLook } from "../api/look";
import { Panel } from "../kit/panel";
import { Status, type Tone, Word } from "../kit/status";
import { Table } from "../kit/table";
import { Foreign, When } from "../kit/values";
import { WORKER } from "./worker-column";

export const ACTIONS = ["restart", "stop", "start"] as const;
export type Action = (typeof ACTIONS)[number];

/** Which workers are meant. */
export interface Selection {
  kind?: string | undefined;
  network?: string | undefined;
  state?: string | undefined;
}

type Preview = AnswerOf<"/v1/workers/bulk/preview">;
type Bulk = AnswerOf<"/v1/workers/bulk/{id}">;

/** What an effect is called, and how grave it is. */
const EFFECTS: Readonly<Record<string, readonly [Tone, string]>> = {
  starts: ["good", "starts"],
  "starts-again": ["good", "starts again"],
  stops: ["warn", "stops"],
  restarts: ["warn", "is replaced"],
  nothing: ["idle", "stays as it is"],
};

function Effect({ of }: { of: string }) {
  const [tone, text] = EFFECTS[of] ?? ["info", of];
  return <Status tone={tone}>{text}</Status>;
}

/** What doing it would come to, worker by worker, and the button that does it. */
export function BulkPreview({ action, of }: { action: Action; of: Selection }) {
  const asked = { action, ...Object.fromEntries(Object.entries(of).filter(([, value]) => value !== undefined)) };
  const look = useLook("/v1/workers/bulk/preview", { query: asked }, { topics: ["workers"] });
  const navigate = useNavigate();
  const plan = look.data?.value;
  const meant = Object.entries(of)
    .flatMap(([what, value]) => (value === undefined ? [] : [`${what} ${String(value)}`]))
    .join(", ");
  return (
    <Panel
      title={`What it would come to: ${action}`}
      look={look}
      flush
      actions={
        <>
          {plan === undefined ? null : (
            <Act
              change="POST /v1/workers/bulk"
              names={undefined}
              label={`Go on: ${action}`}
              subject={`${String(plan.changes)} workers${meant === "" ? "" : ` of ${meant}`}`}
              why={plan.changes === 0 ? "Nothing would change." : null}
              consequence={<Summary plan={plan} meant={meant === "" ? "All workers" : `Workers of ${meant}`} />}
              body={(reason) => ({ ...asked, plan: plan.plan, reason })}
              done={({ bulk, changed }) => {
                void navigate({
                  to: "/workers",
                  search: { ...of, kind: of.kind, network: of.network, state: of.state, do: undefined, bulk },
                });
                return `${String(changed)} workers are different now.`;
              }}
            />
          )}
          <Link to="/workers" search={{ kind: of.kind, network: of.network, state: of.state, do: undefined, bulk: undefined }}>
            Leave it
          </Link>
        </>
      }
      isEmpty={({ items }) => items.length === 0}
      empty={<p>No worker is meant: nothing would happen.</p>}
    >
      {({ items }) => (
        <Table
          caption="What it would come to for each worker"
          rows={items}
          keyOf={(row) => row.worker}
          columns={[
            { id: "worker", head: "Worker", by: (row) => row.worker, cell: (row) => row.worker },
            { id: "effect", head: "What happens", by: (row) => row.effect, cell: (row) => <Effect of={row.effect} /> },
          ]}
        />
      )}
    </Panel>
  );
}

/** Of how many workers a dialog says the names. */
const NAMED = 20;

/** How many workers what happens to, and to which. */
function Summary({ plan, meant }: { plan: Preview; meant: string }) {
  const byEffect = new Map<string, string[]>();
  for (const { effect, worker } of plan.items) byEffect.set(effect, [...(byEffect.get(effect) ?? []), worker]);
  return (
    <>
      <p>
        <Foreign>{meant}</Foreign>:
      </p>
      <ul style={{ listStyle: "none" }}>
        {[...byEffect].map(([effect, workers]) => (
          <li key={effect}>
            {workers.length}: <Effect of={effect} />{" "}
            <span className="muted">
              <Foreign>{workers.slice(0, NAMED).join(", ")}</Foreign>
              {workers.length > NAMED ? ` and ${String(workers.length - NAMED)} more` : ""}
            </span>
          </li>
        ))}
      </ul>
    </>
  );
}

/** What came of it, worker by worker. */
export function BulkResult({ bulk }: { bulk: number }) {
  const look = useLook("/v1/workers/bulk/{id}", { path: { id: bulk } }, { topics: ["workers"] });
  const workers = useLook("/v1/workers", {}, { topics: ["workers"] });
  const states = new Map(workers.data?.value.workers.map((one) => [one.worker, one] as const));
  const done = look.data?.value;
  return (
    <Panel
      title={`What came of it: number ${String(bulk)}`}
      look={look}
      flush
      actions={done === undefined ? null : <Undo bulk={done} />}
      isEmpty={({ items }) => items.length === 0}
      empty={<p>No worker was meant.</p>}
    >
      {({ action, by, at, reason, items, changed }) => (
        <>
          <p style={{ padding: "var(--gap-2) var(--gap-4)" }}>
            <Foreign>{action}</Foreign> by <Foreign>{by}</Foreign>, <When at={at} />: <Foreign>{reason}</Foreign>. {changed} of{" "}
            {items.length} are different since.
          </p>
          <Table
            caption="What came of it for each worker"
            rows={items}
            keyOf={(row) => row.worker}
            columns={[
              WORKER,
              { id: "before", head: "Was wanted", cell: (row) => row.before },
              { id: "effect", head: "What was decided", by: (row) => row.effect, cell: (row) => <Effect of={row.effect} /> },
              {
                id: "now",
                head: "Is now",
                cell: (row) => {
                  const one = states.get(row.worker);
                  return one === undefined ? "not there" : <Word of={one.state} />;
                },
              },
              { id: "why", head: "Why", cell: (row) => <Foreign>{states.get(row.worker)?.why}</Foreign> },
              { id: "undone", head: "Taken back", cell: (row) => row.undone ?? "" },
            ]}
          />
        </>
      )}
    </Panel>
  );
}

/** A restart cannot be taken back: the processes that ran are over. */
const FOR_GOOD = "restart";

export function Undo({ bulk }: { bulk: Bulk }) {
  return (
    <Act
      change="POST /v1/workers/bulk/{id}/undo"
      names={{ id: bulk.bulk }}
      label="Take it back"
      subject={`number ${String(bulk.bulk)}`}
      why={
        bulk.undone_by != null
          ? `It was taken back by ${bulk.undone_by}.`
          : bulk.action === FOR_GOOD
            ? "A restart cannot be taken back."
            : null
      }
      consequence="Every worker about which nobody has decided otherwise since is wanted as it was before."
      body={(reason) => ({ reason })}
    />
  );
}
