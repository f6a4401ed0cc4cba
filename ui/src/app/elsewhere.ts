/**
 * Where to go when the node of this page is gone: the addresses of the others are remembered as long as it was there, the first
 * that is alive is gone to, at the same place. Its page shows who leads, and moves on to the leader if the former one led.
 */

let nodes: readonly string[] = [];

/** Whoever has not answered within this is not there, in milliseconds. */
const TRY_MS = 1_500;

/** The API addresses of all nodes. */
export function rememberNodes(addresses: readonly string[]): void {
  nodes = addresses;
}

/** Whether a node answers at all. What it answers is not for this page to see. */
async function isAlive(address: string, signal: AbortSignal): Promise<boolean> {
  try {
    const patience = AbortSignal.any([signal, AbortSignal.timeout(TRY_MS)]);
    await fetch(`https://${address}/livez`, { mode: "no-cors", cache: "no-store", signal: patience });
    return true;
  } catch {
    return false;
  }
}

/** Goes to the first other node that is alive, unless this one answers again meanwhile; `led` says whether this one was the leader. */
export async function elsewhere(signal: AbortSignal, led: boolean): Promise<void> {
  const here = window.location.host;
  const others = nodes.filter((address) => address !== here);
  if (others.length === 0) return;
  if (await isAlive(here, signal)) return;
  const found = await Promise.any(
    others.map(async (address) => {
      if (await isAlive(address, signal)) return address;
      throw new Error("not there");
    }),
  ).catch(() => null);
  if (found === null || signal.aborted) return;
  const { pathname, search, hash } = window.location;
  const asked = new URLSearchParams(search);
  if (led) asked.set("moved", "1");
  window.location.assign(`https://${found}${pathname}?${asked.toString()}${hash}`);
}
