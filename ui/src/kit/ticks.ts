/** The values at which an axis is labelled: round ones, and exact however great they are. */

const ROUND = [1n, 2n, 5n] as const;

export interface Ticks {
  /** From at or below the least value to at or above the greatest. */
  at: readonly bigint[];
  /** From one to the next. */
  step: bigint;
}

function floor(value: bigint, step: bigint): bigint {
  const rest = value % step;
  return value - rest - (rest < 0n ? step : 0n);
}

/** About `wanted` round values that `low` and `high` lie between. */
export function ticks(low: bigint, high: bigint, wanted: number): Ticks {
  const width = high > low ? high - low : 1n;
  let step = 1n;
  for (let power = 1n; ; power *= 10n) {
    const found = ROUND.find((round) => round * power * BigInt(wanted) >= width);
    if (found === undefined) continue;
    step = found * power;
    break;
  }
  const at: bigint[] = [];
  for (let one = floor(low, step); at.length < 2 || (at.at(-1) ?? high) < high; one += step) at.push(one);
  return { at, step };
}

/** Of `decimals` decimals those that no value of this step has a digit in. */
export function unused(step: bigint, decimals: number): number {
  let count = 0;
  for (let left = step; count < decimals && left % 10n === 0n; left /= 10n) count += 1;
  return count;
}
