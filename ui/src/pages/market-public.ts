/** What the public API says of a market, as everybody sees it: candles and trades. Its refusals have numbers of their own. */
import { useQuery } from "@tanstack/react-query";
import { Refused, type Seen } from "../api/client";
import { PACE } from "../api/look";
import type { Candle } from "../kit/candles";

const CANDLES = 200;
const TRADES = 50;

/** A trade: what was paid, and whether the order that came second bought or sold. */
export interface Trade {
  number: number;
  /** In milliseconds since 1970. */
  at: number;
  price: string;
  quantity: string;
  paid: string;
  taker: "bought" | "sold";
}

type Kline = [number, string, string, string, string, string];
interface PublicTrade {
  id: number;
  price: string;
  qty: string;
  quoteQty: string;
  time: number;
  isBuyerMaker: boolean;
}

async function read<R>(path: string, query: Record<string, string>, what: string, signal: AbortSignal): Promise<R> {
  const request = new Request(new URL(`${path}?${new URLSearchParams(query).toString()}`, window.location.origin), { signal });
  const response = await fetch(request).catch(() => null);
  if (response === null) throw new Refused(0, "", "The node cannot be reached.", "The page asks again by itself.", "");
  if (!response.ok) {
    const { msg } = (await response.json().catch(() => ({}))) as { msg?: string };
    const told = msg === undefined ? "" : `: ${msg}`;
    const id = response.headers.get("x-request-id") ?? "";
    throw new Refused(response.status, "", `The ${what} could not be read${told}`, "", id);
  }
  return (await response.json()) as R;
}

export function useCandles(symbol: string, interval: string) {
  return useQuery<Seen<readonly Candle[]>, Refused>({
    queryKey: ["klines", symbol, interval],
    queryFn: async ({ signal }) => {
      const query = { symbol, interval, limit: String(CANDLES) };
      const rows = await read<Kline[]>("/api/v3/klines", query, "candles", signal);
      const value = rows.map(([at, open, high, low, close, volume]) => ({ at, open, high, low, close, volume }));
      return { value, ageMs: null, at: Date.now() };
    },
    refetchInterval: PACE.calm,
  });
}

/** The latest trades, the newest first. They weigh much of what an address may ask for, so they are read calmly. */
export function useTrades(symbol: string) {
  return useQuery<Seen<readonly Trade[]>, Refused>({
    queryKey: ["trades", symbol],
    queryFn: async ({ signal }) => {
      const rows = await read<PublicTrade[]>("/api/v3/trades", { symbol, limit: String(TRADES) }, "trades", signal);
      const value = rows.map(({ id, price, qty, quoteQty, time, isBuyerMaker }) => ({
        number: id,
        at: time,
        price,
        quantity: qty,
        paid: quoteQty,
        taker: isBuyerMaker ? ("sold" as const) : ("bought" as const),
      }));
      return { value: value.toReversed(), ageMs: null, at: Date.now() };
    },
    refetchInterval: PACE.calm,
  });
}
