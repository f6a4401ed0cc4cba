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
/** What changes all the time is read again no more often than this, in milliseconds: an exchange at work has events by the second. */
const PAUSE_MS = 10_000;
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
  /** When the reads of a topic that changed are due, and when they were made last. */
  const due = new Map<Topic, number>();
  const made = new Map<Topic, number>();
  let timer: number | undefined;
  let again: number | undefined;
  let source: EventSource | undefined;

  const arm = () => {
    window.clearTimeout(timer);
    if (due.size > 0) timer = window.setTimeout(flush, Math.max(0, Math.min(...due.values()) - Date.now()));
  };
  const flush = () => {
    const now = Date.now();
    const topics = [...due].filter(([, at]) => at <= now).map(([topic]) => topic);
    for (const topic of topics) {
      due.delete(topic);
      made.set(topic, now);
    }
    void client.invalidateQueries({ predicate: ({ queryKey }) => topics.some((topic) => queryKey.includes(topic)) });
    arm();
  };
  const note = (topic: Topic) => {
    if (due.has(topic)) return;
    due.set(topic, Math.max(Date.now() + GATHER_MS, (made.get(topic) ?? 0) + PAUSE_MS));
    arm();
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
    stream.onerror = () => {
      // A node that died is known by this first: whether it is there is asked at once, and the page goes on elsewhere where it is not.
      if (liveness === "live") void client.invalidateQueries({ queryKey: ["/v1/status"] });
      end();
    };
  };
  connect();
  return () => {
    source?.close();
    window.clearTimeout(timer);
    window.clearTimeout(again);
    set("connecting");
  };
}
