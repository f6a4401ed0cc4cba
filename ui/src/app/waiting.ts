/** What waits for the approval of persons: proposals, and withdrawals. */
import { useLook } from "../api/look";
import { useSession } from "./session";

/** So many withdrawals are read; that there are more is told. */
const ROWS = 100;

export function useWaitingProposals(enabled = true) {
  return useLook("/v1/proposals", {}, { topics: ["approvals"], enabled });
}

/** Those before a number, or the newest. */
export function useWaitingWithdrawals(before?: number, enabled = true) {
  const query = { state: "awaiting-approval" as const, limit: ROWS, ...(before === undefined ? {} : { before }) };
  return useLook("/v1/withdrawals", { query }, { topics: ["money"], enabled });
}

/** How many there are of what this person may see, and whether there may be more: what could not be read may hold some. */
export function useWaiting(): { count: number; isWhole: boolean } {
  const { can } = useSession();
  const mays = { proposals: can("approvals.read"), withdrawals: can("users.read") };
  const proposals = useWaitingProposals(mays.proposals);
  const withdrawals = useWaitingWithdrawals(undefined, mays.withdrawals);
  const waiting = proposals.data?.value.proposals.filter(({ state }) => state === "waiting") ?? [];
  const paid = withdrawals.data?.value;
  const isRead = (look: { data: unknown; error: unknown }) => look.data !== undefined && look.error === null;
  return {
    count: waiting.length + (paid?.withdrawals.length ?? 0),
    isWhole: (!mays.proposals || isRead(proposals)) && (!mays.withdrawals || isRead(withdrawals)) && paid?.next_before == null,
  };
}
