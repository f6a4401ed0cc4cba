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
              subject={`${String(plan.changes)} workers`}
              why={plan.changes === 0 ? "Nothing would change." : null}
              consequence={<Summary plan={plan} />}
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

function Summary({ plan }: { plan: Preview }) {
  const counts = new Map<string, number>();
  for (const { effect } of plan.items) counts.set(effect, (counts.get(effect) ?? 0) + 1);
  return (
    <ul style={{ listStyle: "none" }}>
      {[...counts].map(([effect, count]) => (
        <li key={effect}>
          {count}: <Effect of={effect} />
        </li>
      ))}
    </ul>
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
