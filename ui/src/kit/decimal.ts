/** Sums of amounts. Amounts are decimal text: not a digit may be lost. */

/** An amount, as so many units and how many digits of them are behind the point. */
function units(amount: string): { whole: bigint; digits: number } {
  const [before = "", behind = ""] = amount.split(".");
  return { whole: BigInt(before + behind), digits: behind.length };
}

/** The sum of two amounts without signs, with as many digits behind the point as the longer of them. */
export function plus(one: string, other: string): string {
  const [a, b] = [units(one), units(other)];
  const digits = Math.max(a.digits, b.digits);
  const scaled = ({ whole, digits: own }: typeof a) => whole * 10n ** BigInt(digits - own);
  const sum = String(scaled(a) + scaled(b)).padStart(digits + 1, "0");
  return digits === 0 ? sum : `${sum.slice(0, -digits)}.${sum.slice(-digits)}`;
}
