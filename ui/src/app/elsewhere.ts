/**
 * Where to go when the node of this page is gone: the addresses of the others are remembered as long as it was there, the first
 * that is alive is gone to, at the same place. Its page shows who leads, and moves on to the leader if the former one led.
 */
import { useSyncExternalStore } from "react";
import { carrying } from "./unanswered";

let nodes: readonly string[] = [];

/** Whoever has not answered within this is not there, in milliseconds. */
const TRY_MS = 1_500;
/** Between two looks whether any other node is there, in milliseconds. */
const ANY_AGAIN_MS = 1_000;
/** The same for the next leader, which is there any moment. */
const LEADER_AGAIN_MS = 300;

/** The API addresses of all nodes. */
export function rememberNodes(addresses: readonly string[]): void {
  nodes = addresses;
}

/** Whether a node answers at all. What it answers is not for this page to see. */
async function isAlive(address: string, signal: AbortSignal): Promise<boolean> {
  try {
    const patience = AbortSignal.any([signal, AbortSignal.timeout(TRY_MS)]);
    await fetch(`https://${address}/livez`, { mode: "no-cors", cache: "no-store", credentials: "omit", signal: patience });
    return true;
  } catch {
    return false;
  }
}

/** Goes to the first other node that is alive, unless this one answers again meanwhile; `led` says whether this one was the leader. */
export async function elsewhere(signal: AbortSignal, led: boolean): Promise<void> {
  const here = window.location.host;
  const there = await repeated(
    async () => {
      const others = nodes.filter((address) => address !== here);
      if (others.length === 0) return null;
      // All at once: a node that fell silent takes the whole of its time.
      const found = Promise.any(
        others.map(async (address) => {
          if (await isAlive(address, signal)) return address;
          throw new Error("not there");
        }),
      ).catch(() => null);
      return (await isAlive(here, signal)) ? null : found;
    },
    ANY_AGAIN_MS,
    signal,
  );
  if (there === null) return;
  const to = new URL(hrefAt(there));
  if (led || isOnItsWay()) to.searchParams.set(MOVED, "1");
  leave();
  window.location.assign(carrying(to.href));
}

/** Tells again and again, until `signal` says so, whether this page's node answers at all. */
export async function watchHere(signal: AbortSignal, tell: (isThere: boolean) => void): Promise<void> {
  const here = window.location.host;
  await repeated(
    async () => {
      const isThere = await isAlive(here, signal);
      if (!signal.aborted) tell(isThere);
      return null;
    },
    ANY_AGAIN_MS,
    signal,
  );
}

/** A page that is being left is there until the next one is, at most for so long where that never comes, in milliseconds. */
const LEAVING_MS = 10_000;
let leavingUntil = 0;
const watchers = new Set<() => void>();

function leave(): void {
  leavingUntil = Date.now() + LEAVING_MS;
  const tell = () => {
    for (const watcher of watchers) watcher();
  };
  window.setTimeout(tell, LEAVING_MS);
  tell();
}

/** Whether the page is being left: what is sent now would be cut off. */
export function useLeaving(): boolean {
  return useSyncExternalStore(
    (watcher) => {
      watchers.add(watcher);
      return () => watchers.delete(watcher);
    },
    () => Date.now() < leavingUntil,
  );
}

/** What `look` finds, once it does: it looks again after a pause until then, or until `signal` says so, and finds nothing then. */
async function repeated<T>(look: () => Promise<T | null>, pauseMs: number, signal: AbortSignal): Promise<T | null> {
  for (;;) {
    const found = await look();
    if (signal.aborted) return null;
    if (found !== null) return found;
    await new Promise<void>((done) => {
      const over = () => {
        window.clearTimeout(timer);
        signal.removeEventListener("abort", over);
        done();
      };
      const timer = window.setTimeout(over, pauseMs);
      signal.addEventListener("abort", over);
    });
  }
}

/** Whether this page was come to because the leader was gone, and shall go on to the next one. */
export function isOnItsWay(): boolean {
  return new URLSearchParams(window.location.search).has(MOVED);
}

/** The page is where it wanted to be: it does not follow the leadership any further. */
export function arrived(): void {
  const here = new URL(window.location.href);
  here.searchParams.delete(MOVED);
  window.history.replaceState(window.history.state, "", here);
}

/** Goes on to whoever is said to lead, once it is there: what a follower names may be the one that was lost, until the next is elected. */
export async function onwards(leaderHref: string, signal: AbortSignal): Promise<void> {
  const { host } = new URL(leaderHref);
  const there = await repeated(async () => ((await isAlive(host, signal)) ? leaderHref : null), LEADER_AGAIN_MS, signal);
  if (there === null) return;
  leave();
  window.location.replace(carrying(there));
}

/** Says of an address that its page was come to from another node. */
export const CAME = "came";
/** Says that the former node led: the page goes on to whoever leads. */
const MOVED = "moved";

/** The same place on another node. */
export function hrefAt(address: string): string {
  const { pathname, search, hash } = window.location;
  const there = new URL(`https://${address}${pathname}${search}${hash}`);
  there.searchParams.delete(MOVED);
  there.searchParams.set(CAME, "1");
  return there.href;
}

/** Whether this page was come to from another node; told once, and taken out of the address. */
export function takeCame(): boolean {
  const here = new URL(window.location.href);
  if (!here.searchParams.has(CAME)) return false;
  here.searchParams.delete(CAME);
  window.history.replaceState(window.history.state, "", here);
  return true;
}
