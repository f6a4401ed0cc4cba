/** One market: candles, book, trades, the last day, its phase and its limits. */
import { getRouteApi } from "@tanstack/react-router";
import { Act } from "../app/act";
import type { BodyOf } from "../api/change";
import { PACE, useLook } from "../api/look";
import { type Candle, Candles } from "../kit/candles";
import { Facts } from "../kit/facts";
import { Choice } from "../kit/field";
import { Page } from "../kit/page";
import { Panel } from "../kit/panel";
import { Word } from "../kit/status";
import { Table } from "../kit/table";
import { capital, grouped, utc } from "../kit/text";
import { Amount, When } from "../kit/values";
import { Book } from "./market-book";
import { Limits } from "./market-limits";
import { CancelOrders } from "./market-orders";
import { type Trade, useCandles, useTrades } from "./market-public";

const route = getRouteApi("/markets/$symbol");
const INTERVALS = ["1m", "5m", "15m", "1h", "4h", "1d"] as const;
type Phase = BodyOf<"POST /v1/markets/{symbol}/phase">["phase"];
/** Phases a market is brought to, with what is told of those that say it least. */
const PHASES: Readonly<Record<Phase, string>> = {
  "pre-open": "",
  auction: "",
  trading: "",
  "post-only": "Orders that would trade at once are refused.",
  "cancel-only": "Nothing but cancellations is taken.",
  halt: "Nothing moves, not even deadlines.",
  delisted: "For ever: all orders end.",
};
const BOOK_DEPTH = 25;

export function Market() {
  const { symbol } = route.useParams();
  const { interval = "1m" } = route.useSearch();
  const navigate = route.useNavigate();
  const market = useLook("/v1/markets/{symbol}", { path: { symbol } }, { topics: ["markets"], every: PACE.live });
  const book = useLook("/v1/markets/{symbol}/book", { path: { symbol }, query: { depth: BOOK_DEPTH } }, { every: PACE.live });
  const day = useLook("/v1/markets/{symbol}/statistics", { path: { symbol } }, { every: PACE.calm });
  const candles = useCandles(symbol, interval);
  const trades = useTrades(symbol);
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
            <div className="row">
              <Phase symbol={symbol} phase={one.phase} orders={one.open_orders} />
              <CancelOrders symbol={symbol} />
            </div>
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
        {({ asks, bids }) => <Book bids={bids} asks={asks} base={market.data?.value.base ?? ""} />}
      </Panel>
      <Panel
        title="Recent trades"
        look={trades}
        flush
        isEmpty={(all) => all.length === 0}
        empty={<p>There was no trade yet.</p>}
      >
        {(all) => <Trades trades={all} />}
      </Panel>
      <Panel title="The last 24 hours" look={day} isEmpty={({ day }) => day == null} empty={<p>There was no trade.</p>}>
        {({ day, spread, depth }) =>
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
                ...depth.map(
                  ({ percent, bids, asks }) =>
                    [`Within ${String(percent)} %`, `bids of ${grouped(bids)}, asks of ${grouped(asks)}`] as const,
                ),
              ]}
            />
          )
        }
      </Panel>
      <Panel title="Limits" look={market}>
        {(one) => <Limits market={one} />}
      </Panel>
    </Page>
  );
}

function Phase({ symbol, phase, orders }: { symbol: string; phase: string; orders: number }) {
  return (
    <Act<"POST /v1/markets/{symbol}/phase", { next: Phase }>
      change="POST /v1/markets/{symbol}/phase"
      names={{ symbol }}
      label="Change the phase"
      subject={symbol}
      form={{ next: "cancel-only" }}
      wrong={({ next }) => (next === phase ? "It is in that phase." : null)}
      consequence={({ next }) => `${phase} becomes ${next}. ${PHASES[next]} ${String(orders)} orders are open.`}
      body={(reason, { next }) => ({ phase: next, reason })}
      fields={({ next }, set) => (
        <Choice
          label="Phase"
          of={Object.keys(PHASES)}
          value={next}
          onChange={(event) => set({ next: event.target.value as Phase })}
        />
      )}
    />
  );
}

function Trades({ trades }: { trades: readonly Trade[] }) {
  return (
    <Table
      caption="Trades, the newest first"
      rows={trades}
      keyOf={(one) => String(one.number)}
      columns={[
        { id: "number", head: "Trade", numeric: true, cell: (one) => String(one.number) },
        { id: "at", head: "When", cell: (one) => <When at={new Date(one.at).toISOString()} /> },
        { id: "taker", head: "The second order", cell: (one) => one.taker },
        { id: "price", head: "Price", numeric: true, cell: (one) => <Amount value={one.price} /> },
        { id: "quantity", head: "Quantity", numeric: true, cell: (one) => <Amount value={one.quantity} /> },
        { id: "paid", head: "Paid for it", numeric: true, cell: (one) => <Amount value={one.paid} /> },
      ]}
    />
  );
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
