/** The settings that a worker can have values of its own for: what holds for it, where that comes from, and changing it for it alone. */
import { useQuery } from "@tanstack/react-query";
import { api, ASKED_AGAIN, type Refused, type Seen, seen } from "../api/client";
import { kept, PACE } from "../api/look";
import { Panel } from "../kit/panel";
import { Status } from "../kit/status";
import { Table } from "../kit/table";
import { When } from "../kit/values";
import { Change, Danger, type Setting, Value } from "./settings-change";

/** Settings whose values can differ from worker to worker, as the API tells them. */
const OF_WORKERS = "workers";

interface Held {
  /** The latest revision over all settings. */
  revision: number;
  settings: readonly Setting[];
}

/**
 * What holds for one worker. Which of several values does is asked of the node, setting by setting: it knows which place is the more
 * specific one.
 */
async function heldFor(worker: string, signal: AbortSignal): Promise<Seen<Held>> {
  const all = await seen(api.GET("/v1/settings", { signal }), ASKED_AGAIN);
  const keys = all.value.settings.filter(({ places }) => places === OF_WORKERS).map(({ key }) => `${key}@worker:${worker}`);
  const each = await Promise.all(
    keys.map((key) => seen(api.GET("/v1/settings/{key}", { params: { path: { key } }, signal }), ASKED_AGAIN)),
  );
  const reads: readonly Seen<unknown>[] = [all, ...each];
  return {
    value: { revision: all.value.revision, settings: each.map(({ value }) => value) },
    // It is as old as the oldest of what it was put together of.
    ageMs: reads.some(({ ageMs }) => ageMs === null) ? null : Math.max(...reads.map(({ ageMs }) => ageMs ?? 0)),
    at: Math.min(...reads.map(({ at }) => at)),
  };
}

/** In words, where the value that holds was set. */
export function cameFrom({ from, key }: Pick<Setting, "from" | "key">): string {
  if (from == null) return "default";
  const at = from.indexOf("@");
  if (at < 0) return "everywhere";
  return from === key
    ? "this worker"
    : from
        .slice(at + 1)
        .replaceAll(":", " ")
        .replace(",", ", ");
}

export function WorkerSettings({ worker, worksWith }: { worker: string; worksWith: number | undefined }) {
  const look = useQuery<Seen<Held>, Refused>({
    queryKey: ["/v1/settings", { for: worker }, "settings"],
    queryFn: ({ signal }) => heldFor(worker, signal),
    structuralSharing: kept,
    refetchInterval: PACE.calm,
  });
  return (
    <Panel
      title="Live configuration"
      look={look}
      flush
      isEmpty={({ settings }) => settings.length === 0}
      empty={<p>No setting has values of its own for workers.</p>}
    >
      {({ revision, settings }) => (
        <>
          <p className="flush-text">
            <Revision latest={revision} worksWith={worksWith} />
          </p>
          <Table
            caption="Settings as they hold for this worker"
            rows={settings}
            keyOf={(one) => one.key}
            columns={[
              {
                id: "key",
                head: "Setting",
                by: (one) => one.key,
                cell: (one) => <Value of={one.key.split("@", 1).join("")} />,
              },
              {
                id: "value",
                head: "Value",
                cell: (one) => <Value of={one.value} />,
              },
              { id: "from", head: "Comes from", by: cameFrom, cell: (one) => cameFrom(one) },
              {
                id: "default",
                head: "Default",
                cell: (one) => <Value of={one.default} />,
              },
              { id: "takes", head: "Takes", cell: (one) => one.takes },
              {
                id: "danger",
                head: "Danger",
                by: (one) => one.danger,
                cell: (one) => <Danger of={one.danger} />,
              },
              { id: "effect", head: "Takes effect", cell: (one) => one.takes_effect },
              { id: "what", head: "What it is", cell: (one) => one.description },
              {
                id: "changed",
                head: "Changed for this worker",
                cell: (one) => (one.changed == null ? "" : <When at={one.changed.at} />),
              },
              { id: "do", head: "", cell: (one) => <Change setting={one} /> },
            ]}
          />
        </>
      )}
    </Panel>
  );
}

/** Whether the worker has what is shown already. */
function Revision({ latest, worksWith }: { latest: number; worksWith: number | undefined }) {
  if (worksWith === undefined) return <Status tone="info">It is not known with which revision the worker works.</Status>;
  if (worksWith >= latest) return <Status tone="good">The worker works with the latest revision, {latest}.</Status>;
  return (
    <Status tone="info">
      The worker told that it works with revision {worksWith}; the latest of all settings is {latest}.
    </Status>
  );
}
