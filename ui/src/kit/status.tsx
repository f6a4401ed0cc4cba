import { Circle, CircleCheck, Info, OctagonX, TriangleAlert } from "lucide-react";
import type { ReactNode } from "react";
import { safe } from "./text";

/** How something stands. Never told by colour alone: each has a shape and a word. */
export type Tone = "good" | "warn" | "bad" | "info" | "idle";

const SHAPES = { good: CircleCheck, warn: TriangleAlert, bad: OctagonX, info: Info, idle: Circle } as const;

export function Status({ tone, children }: { tone: Tone; children: ReactNode }) {
  const Shape = SHAPES[tone];
  return (
    <span className="status" data-tone={tone}>
      <Shape aria-hidden="true" strokeWidth={2.6} />
      <span>{safe(children)}</span>
    </span>
  );
}

const TONES: Readonly<Record<string, Tone>> = {
  // Workers.
  running: "good",
  starting: "info",
  draining: "info",
  degraded: "warn",
  failed: "bad",
  stopped: "idle",
  // Nodes.
  healthy: "good",
  "no-quorum": "bad",
  leader: "good",
  follower: "good",
  learner: "info",
  candidate: "warn",
  unreachable: "bad",
  // Networks, assets, flags, users, keys.
  enabled: "good",
  suspended: "bad",
  maintenance: "warn",
  active: "good",
  frozen: "bad",
  disabled: "idle",
  revoked: "idle",
  closed: "idle",
  confirmed: "good",
  // Money.
  completed: "good",
  credited: "good",
  unlocked: "good",
  swept: "good",
  done: "good",
  review: "bad",
  unknown: "bad",
  stuck: "bad",
  reversed: "bad",
  suspense: "warn",
  rejected: "idle",
  cancelled: "idle",
  expired: "idle",
  waiting: "info",
  pending: "info",
  executed: "good",
};

/** The tone of a word of the API; a word that is not known is told as it is, as information. */
export function toneOf(word: string): Tone {
  return TONES[word] ?? "info";
}

export function Word({ of }: { of: string }) {
  return <Status tone={toneOf(of)}>{of}</Status>;
}
