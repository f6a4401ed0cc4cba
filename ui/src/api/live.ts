/**
 * What keeps pages true without asking all the time: the node's stream of events says which topics changed, and reads of those
 * topics are made again. Whoever may not read events, and whoever is not connected, is served by the pace of the reads.
 */
import type { QueryClient } from "@tanstack/react-query";
import { useSyncExternalStore } from "react";
import type { Topic } from "./look";

const TOPICS: readonly Topic[] = [
  "cluster",
  "settings",
  "people",
  "approvals",
  "workers",
  "jobs",
  "directives",
  "networks",
  "money",
  "markets",
  "emergency",
  "users",
  "sandbox",
];

/** Many events of one moment cause one read: this long is waited for more, in milliseconds. */
const GATHER_MS = 250;
/** After a stream that ended this long is waited, in milliseconds. */
const AGAIN_MS = 3_000;

export type Liveness = "connecting" | "live" | "off";

let liveness: Liveness = "connecting";
const watchers = new Set<() => void>();

function set(now: Liveness): void {
  liveness = now;
  for (const watcher of watchers) watcher();
}

/** Whether what changes is told by the node at present. */
export function useLiveness(): Liveness {
  return useSyncExternalStore(
    (watcher) => {
      watchers.add(watcher);
      return () => watchers.delete(watcher);
    },
    () => liveness,
  );
}

/** Follows the node's events until the returned function is called. */
export function follow(client: QueryClient, mayRead: boolean): () => void {
  if (!mayRead) {
    set("off");
    return () => undefined;
  }
  const changed = new Set<Topic>();
  let gathering: number | undefined;
  let again: number | undefined;
  let source: EventSource | undefined;

  const flush = () => {
    gathering = undefined;
    const topics = [...changed];
    changed.clear();
    void client.invalidateQueries({ predicate: ({ queryKey }) => topics.some((topic) => queryKey.includes(topic)) });
  };
  const note = (topic: Topic) => {
    changed.add(topic);
    gathering ??= window.setTimeout(flush, GATHER_MS);
  };
  const connect = () => {
    const stream = new EventSource("/v1/events/stream");
    source = stream;
    stream.onopen = () => {
      // What happened while nobody listened is not told by a new stream.
      if (liveness !== "live") for (const topic of TOPICS) note(topic);
      set("live");
    };
    for (const topic of TOPICS) {
      stream.addEventListener(topic, () => {
        note(topic);
      });
    }
    const end = () => {
      stream.close();
      set("connecting");
      again = window.setTimeout(connect, AGAIN_MS);
    };
    stream.addEventListener("gap", () => {
      for (const topic of TOPICS) note(topic);
    });
    stream.addEventListener("end", end);
    stream.onerror = end;
  };
  connect();
  return () => {
    source?.close();
    window.clearTimeout(gathering);
    window.clearTimeout(again);
    set("connecting");
  };
}
