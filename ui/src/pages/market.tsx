/** One market: candles, book, the last day, and its phase. */
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { Act } from "../app/act";
import { Refused, type Seen } from "../api/client";
import { PACE, useLook } from "../api/look";
import { type Candle, Candles } from "../kit/candles";
import { Facts } from "../kit/facts";
import { Choice } from "../kit/field";
import { Page } from "../kit/page";
import { Panel } from "../kit/panel";
import { Word } from "../kit/status";
import { Table } from "../kit/table";
import { capital, utc } from "../kit/text";
import { Amount } from "../kit/values";

const route = getRouteApi("/markets/$symbol");
const INTERVALS = ["1m", "5m", "15m", "1h", "4h", "1d"] as const;
const PHASES = ["pre-open", "auction", "trading", "post-only", "cancel-only", "halted"] as const;
const CANDLES = 200;
const BOOK_DEPTH = 15;

export function Market() {
  const { symbol } = route.useParams();
  const { interval = "1m" } = route.useSearch();
  const navigate = route.useNavigate();
  const market = useLook("/v1/markets/{symbol}", { path: { symbol } }, { topics: ["markets"], every: PACE.live });
  const book = useLook("/v1/markets/{symbol}/book", { path: { symbol }, query: { depth: BOOK_DEPTH } }, { every: PACE.live });
  const day = useLook("/v1/markets/{symbol}/statistics", { path: { symbol } }, { every: PACE.calm });
  const candles = useCandles(symbol, interval);
  return (
    <Page title={symbol}>
      <Panel title="Standing" look={market}>
        {(one) => (
          <div className="stack">
            <Facts
              of={[
                ["Phase", <Word key="phase" of={one.phase} />],
                ["Last", <Amount key="last" value={one.last ?? "no trade yet"} asset={one.quote} />],
                ["Bid and ask", `${one.bid ?? "none"} and ${one.ask ?? "none"}`],
                ["Tick and lot", `${one.tick} and ${one.lot}`],
                ["Open orders", <Amount key="open" value={one.open_orders} />],
              ]}
            />
            <Phase symbol={symbol} phase={one.phase} orders={one.open_orders} />
          </div>
        )}
      </Panel>
      <Panel
        title="Candles"
        look={candles}
        actions={
          <Choice
            label="Interval"
            of={INTERVALS}
            value={interval}
            onChange={(event) => {
              void navigate({ search: { interval: event.target.value } });
            }}
          />
        }
        isEmpty={(all) => all.length === 0}
        empty={<p>There was no trade yet.</p>}
      >
        {(all) => <CandleViews candles={all} title={`${symbol} ${interval}`} />}
      </Panel>
      <Panel
        title="Book"
        look={book}
        isEmpty={({ asks, bids }) => asks.length + bids.length === 0}
        empty={<p>Nobody offers anything.</p>}
      >
        {({ asks, bids }) => (
          <div className="row" style={{ alignItems: "flex-start" }}>
            <Side caption="Bids, the best first" levels={bids} />
            <Side caption="Asks, the best first" levels={asks} />
          </div>
        )}
      </Panel>
      <Panel title="The last 24 hours" look={day} isEmpty={({ day }) => day == null} empty={<p>There was no trade.</p>}>
        {({ day, spread }) =>
          day == null ? null : (
            <Facts
              of={[
                ["Change", `${day.change_percent.toFixed(2)} %`],
                ["High and low", `${day.high} and ${day.low}`],
                ["Volume", <Amount key="volume" value={day.volume} />],
                ["Paid for it", <Amount key="quote" value={day.quote_volume} />],
                ["Trades", <Amount key="trades" value={day.trades} />],
                [
                  "Spread",
                  spread == null ? "a side is empty" : `${spread.price}, ${spread.basis_points.toFixed(2)} basis points`,
                ],
              ]}
            />
          )
        }
      </Panel>
    </Page>
  );
}

function Phase({ symbol, phase, orders }: { symbol: string; phase: string; orders: number }) {
  return (
    <div className="row">
      <Act
        change="POST /v1/markets/{symbol}/phase"
        names={{ symbol }}
        label="Change the phase"
        subject={symbol}
        form={{ next: "cancel-only" }}
        wrong={({ next }) => (next === phase ? "It is in that phase." : null)}
        consequence={({ next }) => `${phase} becomes ${next}. ${String(orders)} orders are open.`}
        body={(reason, { next }) => ({ phase: next as never, reason })}
        fields={({ next }, set) => (
          <Choice label="Phase" of={PHASES} value={next} onChange={(event) => set({ next: event.target.value })} />
        )}
      />
    </div>
  );
}

interface Level {
  price: string;
  quantity: string;
  orders: number;
}

function Side({ caption, levels }: { caption: string; levels: readonly Level[] }) {
  return (
    <div style={{ flex: "1 1 18rem", minWidth: 0 }}>
      <Table
        caption={caption}
        rows={levels}
        keyOf={(one) => one.price}
        columns={[
          { id: "price", head: "Price", numeric: true, cell: (one) => <Amount value={one.price} /> },
          { id: "quantity", head: "Quantity", numeric: true, cell: (one) => <Amount value={one.quantity} /> },
          { id: "orders", head: "Orders", numeric: true, cell: (one) => String(one.orders) },
        ]}
      />
    </div>
  );
}

/** The dialect's klines: arrays of moments and decimal text. */
function useCandles(symbol: string, interval: string) {
  return useQuery<Seen<readonly Candle[]>, Refused>({
    queryKey: ["klines", symbol, interval],
    queryFn: async ({ signal }) => {
      const query = new URLSearchParams({ symbol, interval, limit: String(CANDLES) });
      const request = new Request(new URL(`/api/v3/klines?${query.toString()}`, window.location.origin), { signal });
      const response = await fetch(request).catch(() => null);
      if (response === null) throw new Refused(0, "", "The node cannot be reached.", "The page asks again by itself.", "");
      if (!response.ok) {
        const { msg } = (await response.json().catch(() => ({}))) as { msg?: string };
        const told = msg === undefined ? "" : `: ${msg}`;
        const id = response.headers.get("x-request-id") ?? "";
        throw new Refused(response.status, "", `The candles could not be read${told}`, "", id);
      }
      const rows = (await response.json()) as [number, string, string, string, string, string][];
      const value = rows.map(([at, open, high, low, close, volume]) => ({ at, open, high, low, close, volume }));
      return { value, ageMs: null, at: Date.now() };
    },
    refetchInterval: PACE.calm,
  });
}

function CandleViews({ candles, title }: { candles: readonly Candle[]; title: string }) {
  return (
    <>
      <Candles candles={candles} title={title} />
      <details>
        <summary>The same as a table</summary>
        <Table
          caption={`${title}, the newest first`}
          rows={candles.toReversed()}
          keyOf={(one) => String(one.at)}
          columns={[
            { id: "at", head: "Begins", cell: (one) => utc(one.at) },
            ...(["open", "high", "low", "close", "volume"] as const).map((name) => ({
              id: name,
              head: capital(name),
              numeric: true,
              cell: (one: Candle) => <Amount value={one[name]} />,
            })),
          ]}
        />
      </details>
    </>
  );
}
