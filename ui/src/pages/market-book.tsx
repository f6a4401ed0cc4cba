/** A market's book: how deep it is, drawn and in words, and each price with what there is up to it. */
import { Table } from "../kit/table";
import { plus } from "../kit/decimal";
import { grouped, visible } from "../kit/text";
import { Amount } from "../kit/values";

interface Level {
  price: string;
  quantity: string;
  orders: number;
}
/** A price with what there is up to it, from the best one on. */
interface Deep extends Level {
  sum: string;
}

interface Props {
  bids: readonly Level[];
  asks: readonly Level[];
  base: string;
}

export function deepened(levels: readonly Level[]): readonly Deep[] {
  let sum = "0";
  return levels.map((level) => {
    sum = plus(sum, level.quantity);
    return { ...level, sum };
  });
}

export function Book({ bids, asks, base }: Props) {
  const [buying, selling] = [deepened(bids), deepened(asks)];
  return (
    <div className="stack">
      <Depth bids={buying} asks={selling} base={base} />
      <div className="row" style={{ alignItems: "flex-start" }}>
        <Side caption="Bids, the best first" levels={buying} />
        <Side caption="Asks, the best first" levels={selling} />
      </div>
    </div>
  );
}

/** What a side comes to, in words. */
function inWords(name: string, base: string, levels: readonly Deep[]): string {
  const [best, last] = [levels[0], levels.at(-1)];
  if (best === undefined || last === undefined) return `no ${name}`;
  return `${name} of ${grouped(last.sum)} ${base} from ${grouped(best.price)} to ${grouped(last.price)}`;
}

const [WIDTH, HEIGHT] = [600, 120];

/** How deep both sides are by price: steps, of which the next is what there is up to the next price. */
function Depth({ bids, asks, base }: { bids: readonly Deep[]; asks: readonly Deep[]; base: string }) {
  const words = visible(`The prices shown: ${inWords("bids", base, bids)}; ${inWords("asks", base, asks)}.`);
  // For drawing alone: what is on the screen has fewer digits than a price.
  const prices = [...bids, ...asks].map(({ price }) => Number(price));
  const [low, high] = [Math.min(...prices), Math.max(...prices)];
  const most = Math.max(...[...bids, ...asks].map(({ sum }) => Number(sum)));
  const x = (price: string) => (high === low ? WIDTH / 2 : ((Number(price) - low) / (high - low)) * WIDTH);
  const y = (sum: string) => (most === 0 ? HEIGHT : HEIGHT - (Number(sum) / most) * HEIGHT);
  const path = (levels: readonly Deep[], edge: number) => {
    const [best] = levels;
    if (best === undefined) return "";
    const steps = levels.map(({ price, sum }) => `H${String(x(price))}V${String(y(sum))}`);
    return `M${String(x(best.price))} ${String(HEIGHT)}${steps.join("")}H${String(edge)}V${String(HEIGHT)}Z`;
  };
  return (
    <figure>
      <svg
        role="img"
        aria-label={`Depth of the book. ${words}`}
        viewBox={`0 0 ${String(WIDTH)} ${String(HEIGHT)}`}
        preserveAspectRatio="none"
        style={{ width: "100%", height: HEIGHT, display: "block" }}
      >
        <path d={path(bids, 0)} style={{ fill: "var(--good)", opacity: 0.55 }} />
        <path d={path(asks, WIDTH)} style={{ fill: "var(--bad)", opacity: 0.55 }} />
      </svg>
      <figcaption className="muted">{words}</figcaption>
    </figure>
  );
}

function Side({ caption, levels }: { caption: string; levels: readonly Deep[] }) {
  return (
    <div style={{ flex: "1 1 20rem", minWidth: 0 }}>
      <Table
        caption={caption}
        rows={levels}
        keyOf={(one) => one.price}
        columns={[
          { id: "price", head: "Price", numeric: true, cell: (one) => <Amount value={one.price} /> },
          { id: "quantity", head: "Quantity", numeric: true, cell: (one) => <Amount value={one.quantity} /> },
          { id: "sum", head: "Up to here", numeric: true, cell: (one) => <Amount value={one.sum} /> },
          { id: "orders", head: "Orders", numeric: true, cell: (one) => String(one.orders) },
        ]}
      />
    </div>
  );
}
