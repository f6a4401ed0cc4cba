/**
 * What keeps pages true without asking all the time: the node's stream of events says which topics changed, and reads of those
 * topics are made again. Whoever may not read events, and whoever is not connected, is served by the pace of the reads.
 */
import type { QueryClient } from "@tanstack/react-query";
import { useSyncExternalStore } from "react";
import { Refused } from "./client";
import type { Topic } from "./look";
import { EventText, listen, type Told } from "./stream";

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

const isTopic = (event: string): event is Topic => (TOPICS as readonly string[]).includes(event);

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
  const over = new AbortController();
  let timer: number | undefined;
  let again: number | undefined;

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
  const hear = ({ event }: Told) => {
    if (event === "gap") for (const topic of TOPICS) note(topic);
    else if (isTopic(event)) note(event);
  };
  const opened = () => {
    // What happened while nobody listened is not told by a new stream.
    if (liveness !== "live") for (const topic of TOPICS) note(topic);
    set("live");
  };
  const connect = async () => {
    const text = new EventText();
    const take = (part: string) => {
      text.add(part);
      for (let told = text.next(); told !== null; told = text.next()) hear(told);
      return Promise.resolve();
    };
    try {
      await listen("/v1/events/stream", { after: null, opened, take }, over.signal);
    } catch (error) {
      // Pages are served by the pace of their reads meanwhile, and those tell what stands in the way.
      if (!(error instanceof Refused) && !over.signal.aborted) throw error;
    }
    if (over.signal.aborted) return;
    // A node that died is known by this first: whether it is there is asked at once, and the page goes on elsewhere where it is not.
    if (liveness === "live") void client.invalidateQueries({ queryKey: ["/v1/status"] });
    set("connecting");
    again = window.setTimeout(() => void connect(), AGAIN_MS);
  };
  void connect();
  return () => {
    over.abort();
    window.clearTimeout(timer);
    window.clearTimeout(again);
    set("connecting");
  };
}
