/**
 * What assets are, as this browser learned it when its approval key was made and from each payment that was approved since. An approval
 * binds an asset's number and an amount in the network's smallest units; the ticker and the decimals are words of whichever node answers.
 * A node that calls a number otherwise than before, or shows another amount than is signed, gets no signature.
 */

/** An asset: its number, its ticker, and how many decimals a unit of it has on networks that are known. */
export interface KnownAsset {
  number: number;
  code: string;
  /** By network; what is not there is not known. */
  decimals: Readonly<Record<string, number>>;
}

/** What a payment says of what it pays. */
export interface Paid {
  asset_number: number;
  asset: string;
  network: string;
  /** In the network's smallest units, as it is signed. */
  on_chain: string;
  /** In units of the asset, as it is shown. */
  receives: string;
}

/** Why a payment's words do not fit what is known; null where they do. */
export function contradiction(known: readonly KnownAsset[], paid: Paid): string | null {
  const number = String(paid.asset_number);
  const before = known.find((one) => one.number === paid.asset_number);
  if (before !== undefined && before.code !== paid.asset)
    return `This browser knows asset ${number} as ${before.code}; the node calls it ${paid.asset}.`;
  const namesake = known.find((one) => one.code === paid.asset);
  if (namesake !== undefined && namesake.number !== paid.asset_number)
    return `This browser knows ${paid.asset} as asset ${String(namesake.number)}; what is signed here is asset ${number}.`;
  if (decimalsOf(paid) === null)
    return `${paid.on_chain} smallest units are not ${paid.receives} ${paid.asset}, whatever their decimals.`;
  const usual = before?.decimals[paid.network];
  if (usual !== undefined && smallest(paid.receives, usual) !== BigInt(paid.on_chain))
    return `This browser knows ${paid.asset} on ${paid.network} with ${String(usual)} decimals: ${paid.on_chain} smallest units are not ${paid.receives}.`;
  return null;
}

/** Whether this browser knows both the asset and its decimals on the network. */
export function isKnown(known: readonly KnownAsset[], paid: Paid): boolean {
  return known.some((one) => one.number === paid.asset_number && one.decimals[paid.network] !== undefined);
}

/** What is known once a payment was approved. */
export function learned(known: readonly KnownAsset[], paid: Paid): readonly KnownAsset[] {
  const decimals = decimalsOf(paid);
  if (decimals === null || contradiction(known, paid) !== null) return known;
  const before = known.find((one) => one.number === paid.asset_number);
  const now = {
    number: paid.asset_number,
    code: paid.asset,
    decimals: { ...before?.decimals, [paid.network]: decimals },
  };
  return [...known.filter((one) => one.number !== paid.asset_number), now];
}

const DECIMALS_MAX = 38;

/** An amount in units with so many decimals; null where it has more digits behind the point, or is no amount. */
function smallest(amount: string, decimals: number): bigint | null {
  const match = /^(\d+)(?:\.(\d+?)0*)?$/.exec(amount);
  if (match === null) return null;
  const [, whole = "", rest = ""] = match;
  const part = rest === "0" ? "" : rest;
  return part.length > decimals ? null : BigInt(whole + part.padEnd(decimals, "0"));
}

/** With how many decimals the two amounts of a payment are the same; null where with none. */
function decimalsOf({ on_chain, receives }: Paid): number | null {
  if (!/^\d+$/.test(on_chain)) return null;
  const signed = BigInt(on_chain);
  for (let decimals = 0; decimals <= DECIMALS_MAX; decimals += 1) if (smallest(receives, decimals) === signed) return decimals;
  return null;
}
