/** Where the page is: which node answers, whether it leads, and so whether anything can be changed here. */
import { createContext, type ReactNode, useContext, useEffect, useMemo, useState } from "react";
import { onRefused } from "../api/client";
import { type AnswerOf, type Look, PACE, useLook } from "../api/look";
import { useQueryClient } from "@tanstack/react-query";
import { elsewhere, hrefAt, isOnItsWay, rememberNodes, useLeaving, watchHere } from "./elsewhere";
import { usePageHeld } from "./holding";

export type NodeStatus = AnswerOf<"/v1/status">;

interface Standing {
  look: Look<"/v1/status">;
  status: NodeStatus | undefined;
  /** Whether it is there, and takes too long to say how it stands. */
  isSlow: boolean;
  /** Why nothing can be changed through this page now; null where it can. */
  readOnly: string | null;
  /** Whether that is because another node leads, which this one hands on to what it may. */
  follows: boolean;
  /** The leader's page at the same place; null where it is this one, or not known. */
  leaderHref: string | null;
}

const STATUS = ["/v1/status"] as const;

/** Who leads is looked for as long as nobody is known to, and by a page that is on its way to the next leader. */
export function pace(last: unknown): number {
  const status = last as NodeStatus | undefined;
  const isLooking = status !== undefined && (status.leader_id == null || (isOnItsWay() && status.leader_id !== status.id));
  return isLooking ? PACE.soon : PACE.live;
}

const Context = createContext<Standing | null>(null);

export function useStanding(): Standing {
  const standing = useContext(Context);
  if (standing === null) throw new Error("a page stands nowhere");
  return standing;
}

export function StandingProvider({ children }: { children: ReactNode }) {
  const client = useQueryClient();
  const look = useLook("/v1/status", {}, { topics: ["cluster", "emergency"], every: pace, retry: false });
  const peers = useLook("/v1/cluster/peers", {}, { topics: ["cluster"], every: PACE.glance });
  const status = look.data?.value;
  const members = peers.data?.value.peers;
  const isLed = status !== undefined && status.leader_id === status.id;

  useEffect(() => {
    if (members !== undefined) rememberNodes(members.map(({ api_address }) => api_address));
  }, [members]);

  // A node that does not answer any more: the page goes on at another one, where it was; not while somebody is at a change, whose
  // answer and whose id would be lost.
  const isHeld = usePageHeld();
  const isUnreachable = look.error?.isUnreachable === true;
  useEffect(() => {
    if (!isUnreachable || isHeld) return undefined;
    const leaving = new AbortController();
    void elsewhere(leaving.signal, isLed);
    return () => {
      leaving.abort();
    };
  }, [isUnreachable, isLed, isHeld]);

  // One that answers something is there: it is slow, and what it takes a while for is still sent.
  const [isThere, setThere] = useState(false);
  useEffect(() => {
    if (!isUnreachable) return undefined;
    const over = new AbortController();
    void watchHere(over.signal, setThere);
    return () => {
      over.abort();
      setThere(false);
    };
  }, [isUnreachable]);
  const isSlow = isUnreachable && isThere && status !== undefined;
  const isLeaving = useLeaving();

  // What another read noticed is looked at now; what is known already waits for its time.
  const isLost = look.error !== null && !isSlow;
  useEffect(
    () =>
      onRefused((refused) => {
        // Not while it is being looked at: its own refusal is told too, and would begin it anew without an end.
        const isLooking = client.isFetching({ queryKey: STATUS }) > 0;
        if (refused.isUnreachable && !isLost && !isLooking) void client.invalidateQueries({ queryKey: STATUS });
      }),
    [client, isLost],
  );

  const standing = useMemo<Standing>(() => {
    const leader = members?.find(({ id }) => id === status?.leader_id);
    return {
      look,
      status,
      isSlow,
      readOnly: isLeaving ? "The page goes on at another node at this moment." : readOnlyReason(status, isLost),
      follows: !isLost && status?.leader_id != null && status.health !== "no-quorum" && !isLed,
      leaderHref: isLed || leader === undefined ? null : hrefAt(leader.api_address),
    };
  }, [look, status, members, isLed, isLost, isSlow, isLeaving]);
  return <Context value={standing}>{children}</Context>;
}

function readOnlyReason(status: NodeStatus | undefined, isLost: boolean): string | null {
  if (isLost) return "This node does not answer at the moment; nothing can be changed through it.";
  if (status === undefined) return "It is not known yet which node leads.";
  if (status.leader_id == null || status.health === "no-quorum") {
    return "No leader has a majority at the moment; nothing can be changed until one has.";
  }
  if (status.leader_id !== status.id) {
    return `Node ${status.node} follows and shows only. Change things on the leader, ${status.leader ?? "another node"}.`;
  }
  return null;
}
