/** What the public API says of a market, as everybody sees it: candles and trades. Its refusals have numbers of their own. */
import { useQuery } from "@tanstack/react-query";
import { readElse, Refused, type Seen } from "../api/client";
import { PACE } from "../api/look";
import { useStanding } from "../app/standing";
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
  const url = new URL(`${path}?${new URLSearchParams(query).toString()}`, window.location.origin);
  return (await readElse(url, signal, (response, body) => {
    const { msg } = (body ?? {}) as { msg?: string };
    const told = msg === undefined ? "" : `: ${msg}`;
    const id = response.headers.get("x-request-id") ?? "";
    return new Refused(response.status, "", `The ${what} could not be read${told}`, "", id);
  })) as R;
}

/** How old what a node shows is, which the public API does not say: as the node itself said last. Nothing is read before that is known. */
export function useNodeAge(): { ageMs: number | null; isKnown: boolean } {
  const { look } = useStanding();
  return { ageMs: look.data?.ageMs ?? null, isKnown: !look.isPending };
}

export function useCandles(symbol: string, interval: string) {
  const { ageMs, isKnown } = useNodeAge();
  return useQuery<Seen<readonly Candle[]>, Refused>({
    queryKey: ["klines", symbol, interval],
    queryFn: async ({ signal }) => {
      const query = { symbol, interval, limit: String(CANDLES) };
      const rows = await read<Kline[]>("/api/v3/klines", query, "candles", signal);
      const value = rows.map(([at, open, high, low, close, volume]) => ({ at, open, high, low, close, volume }));
      return { value, ageMs, at: Date.now() };
    },
    enabled: isKnown,
    refetchInterval: PACE.calm,
  });
}

/** The latest trades, the newest first. They weigh much of what an address may ask for, so they are read calmly. */
export function useTrades(symbol: string) {
  const { ageMs, isKnown } = useNodeAge();
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
      return { value: value.toReversed(), ageMs, at: Date.now() };
    },
    enabled: isKnown,
    refetchInterval: PACE.calm,
  });
}
