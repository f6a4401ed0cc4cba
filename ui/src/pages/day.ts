/** What was traded in the last 24 hours and in those before, of the spot dialect's candles. */
import { useQuery } from "@tanstack/react-query";
import { readElse, Refused, type Seen } from "../api/client";
import { useNodeAge } from "./market-public";

const HOURS = 24;
const EVERY_MS = 60_000;
/** So many markets are summed at most: each is a request of its own. */
export const SUMMED_MAX = 8;
/** Decimals that a sum keeps. */
const DECIMALS = 2;
/** In a candle: what was paid. */
const PAID = 7;

/** Decimal text in hundredths; digits beyond are left out. */
export function hundredths(decimal: string): bigint {
  const [whole = "0", rest = ""] = decimal.split(".");
  return BigInt(whole + rest.slice(0, DECIMALS).padEnd(DECIMALS, "0"));
}

/** Hundredths as decimal text. */
export function decimal(hundredths: bigint): string {
  const text = String(hundredths).padStart(DECIMALS + 1, "0");
  return `${text.slice(0, -DECIMALS)}.${text.slice(-DECIMALS)}`;
}

export interface Day {
  /** What was paid in the last 24 hours, in hundredths. */
  last: bigint;
  /** In the 24 hours before those. */
  before: bigint;
  /** Hour by hour, for drawing alone. */
  hours: readonly number[];
}

/** The sum of hours of several markets; an hour that a market has no candle of had no trade. */
export function summed(markets: readonly (readonly (readonly [number, bigint])[])[], now: number): Day {
  const begin = Math.floor(now / 3_600_000) - (2 * HOURS - 1);
  const hours = Array.from({ length: 2 * HOURS }, () => 0n);
  for (const [at, paid] of markets.flat()) {
    const hour = Math.floor(at / 3_600_000) - begin;
    const present = hours[hour];
    if (present !== undefined) hours[hour] = present + paid;
  }
  const sum = (part: readonly bigint[]) => part.reduce((all, one) => all + one, 0n);
  const last = hours.slice(HOURS);
  return { last: sum(last), before: sum(hours.slice(0, HOURS)), hours: last.map((one) => Number(one)) };
}

/** How a sum differs from the one before, in words. */
export function changeOf({ last, before }: Day): string {
  if (before === 0n) return "nothing in the 24 h before";
  const permille = Number(((last - before) * 1_000n) / before);
  const sign = permille < 0 ? "\u2212" : "+";
  return `${sign}${(Math.abs(permille) / 10).toFixed(1)} % against the 24 h before`;
}

export function useDay(symbols: readonly string[]) {
  const { ageMs, isKnown } = useNodeAge();
  return useQuery<Seen<Day>, Refused>({
    queryKey: ["day", ...symbols],
    queryFn: async ({ signal }) => {
      const read = async (symbol: string) => {
        const query = new URLSearchParams({ symbol, interval: "1h", limit: String(2 * HOURS) });
        const url = new URL(`/api/v3/klines?${query.toString()}`, window.location.origin);
        const rows = (await readElse(
          url,
          signal,
          ({ status }) => new Refused(status, "", "The candles could not be read.", "", ""),
        )) as (readonly [number, ...string[]])[];
        return rows.map((row) => [row[0], hundredths(row[PAID] ?? "0")] as const);
      };
      const markets = await Promise.all(symbols.map(read));
      return { value: summed(markets, Date.now()), ageMs, at: Date.now() };
    },
    refetchInterval: EVERY_MS,
    enabled: isKnown && symbols.length > 0,
  });
}
