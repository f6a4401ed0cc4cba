/** A market's limits, its circuit breaker and its reference price: what holds, and what a change would make of it. */
import { Act } from "../app/act";
import type { BodyOf } from "../api/change";
import type { AnswerOf } from "../api/look";
import { Facts } from "../kit/facts";
import { Input } from "../kit/field";
import { Foreign } from "../kit/values";

type Market = AnswerOf<"/v1/markets/{symbol}">;
type Body = BodyOf<"POST /v1/markets/{symbol}/configure">;
type Filters = NonNullable<Body["filters"]>;
type Form = Readonly<Record<string, string>>;

const AMOUNT = /^\d+(\.\d{1,18})?$/;
const COUNT = /^\d{1,9}$/;
/** A span as the API takes it. */
const SPAN = /^(\d+(us|ms|s|m|h|d))+$/;

interface Limit {
  name: string;
  label: string;
  fits: RegExp;
  of: (filters: Market["filters"]) => string | number | null | undefined;
}

const amount = (
  name: Exclude<keyof Filters, "bid_percent" | "ask_percent" | "orders_max" | "stops_max">,
  label: string,
): Limit => ({ name, label, fits: AMOUNT, of: (filters) => filters[name] });

/** What can be changed, in the order in which it is asked for. A range is two limits, given together. */
const LIMITS: readonly Limit[] = [
  amount("price_min", "Lowest price"),
  amount("price_max", "Highest price"),
  amount("price_step", "Prices are multiples of"),
  amount("quantity_min", "Smallest quantity"),
  amount("quantity_max", "Largest quantity"),
  amount("market_quantity_max", "Largest quantity of a market order"),
  amount("quantity_step", "Quantities are multiples of"),
  amount("notional_min", "Smallest price times quantity"),
  amount("notional_max", "Largest price times quantity"),
  amount("position_max", "Most that a user may have and be buying"),
  { name: "orders_max", label: "Open orders of a user, at most", fits: COUNT, of: (filters) => filters.orders_max },
  { name: "stops_max", label: "Orders of a user that wait, at most", fits: COUNT, of: (filters) => filters.stops_max },
  ...(["bid", "ask"] as const).flatMap((side) => [
    {
      name: `${side}_lowest`,
      label: `Lowest ${side}, in millionths of the reference`,
      fits: COUNT,
      of: (filters: Market["filters"]) => filters[`${side}_percent`]?.lowest_ppm,
    },
    {
      name: `${side}_highest`,
      label: `Highest ${side}, in millionths of the reference`,
      fits: COUNT,
      of: (filters: Market["filters"]) => filters[`${side}_percent`]?.highest_ppm,
    },
  ]),
];

const BREAKER = [
  { name: "band_ppm", label: "Band within a minute, in millionths (0 is off)", fits: COUNT },
  { name: "pause", label: "Pause", fits: SPAN },
  { name: "auction", label: "Auction after it", fits: SPAN },
] as const;

const text = (value: string | number | null | undefined) => (value == null ? "" : String(value));

interface Asked {
  name: string;
  label: string;
  fits: RegExp;
}
interface Part {
  asked: readonly Asked[];
  /** What holds. */
  now: Form;
  /** What is sent along with one that was changed, because the API takes them together. */
  together: (name: string, other: string) => boolean;
}

/** `bid` of `bid_lowest`; nothing of what is no end of a range. */
const sideOf = (name: string) => /^(bid|ask)_/.exec(name)?.[1];

const limitsOf = ({ filters }: Market): Part => ({
  asked: LIMITS,
  now: Object.fromEntries(LIMITS.map(({ name, of }) => [name, text(of(filters))])),
  together: (name, other) => sideOf(name) !== undefined && sideOf(name) === sideOf(other),
});
const breakerOf = ({ breaker }: Market): Part => ({
  asked: BREAKER,
  now: Object.fromEntries(BREAKER.map(({ name }) => [name, text(breaker[name])])),
  together: () => true,
});
const referenceOf = ({ reference }: Market): Part => ({
  asked: [{ name: "reference", label: "Reference price", fits: AMOUNT }],
  now: { reference: text(reference) },
  together: () => false,
});

function changedOf({ asked, now }: Part, form: Form): readonly Asked[] {
  return asked.filter(({ name }) => form[name] !== now[name]);
}

/** What is not right yet with what was filled in. */
function wrongWith(part: Part, form: Form): string | null {
  const changed = changedOf(part, form);
  if (changed.length === 0) return "Nothing is changed yet.";
  for (const { name, label, fits } of changed) {
    if (form[name] === "") return `${label}: what is left empty stays. A limit is lifted by a value that nothing reaches.`;
    if (!fits.test(form[name] ?? "")) return `${label}: this is not what the API takes.`;
  }
  for (const side of ["bid", "ask"]) {
    const range = [form[`${side}_lowest`], form[`${side}_highest`]];
    if (changed.some(({ name }) => name.startsWith(`${side}_`)) && range.includes(""))
      return `A range of the ${side}s has a lowest and a highest end.`;
  }
  return null;
}

/** The limits that were changed, and no others: the node leaves the rest as it is. */
function filtersFor(part: Part, form: Form): Filters {
  const changed = new Set(changedOf(part, form).map(({ name }) => name));
  const filters: Record<string, unknown> = {};
  for (const { name, fits } of LIMITS) {
    if (!changed.has(name)) continue;
    const side = sideOf(name);
    if (side === undefined) filters[name] = fits === COUNT ? Number(form[name]) : form[name];
    else
      filters[`${side}_percent`] = {
        lowest_ppm: Number(form[`${side}_lowest`]),
        highest_ppm: Number(form[`${side}_highest`]),
      };
  }
  return filters;
}

/** What a change would come to, before it is made. */
function Diff({ part, form }: { part: Part; form: Form }) {
  const changed = changedOf(part, form);
  if (changed.length === 0) return <p>Nothing is changed yet.</p>;
  const along = part.asked.filter((one) => !changed.includes(one) && changed.some(({ name }) => part.together(name, one.name)));
  return (
    <>
      {changed.map(({ name, label }) => (
        <div key={name}>
          <p>{label}</p>
          <span className="diff">
            <span aria-hidden="true">−</span>
            <del>
              <Foreign>{part.now[name] === "" ? "none" : part.now[name]}</Foreign>
            </del>
            <span aria-hidden="true">+</span>
            <ins>
              <Foreign>{form[name]}</Foreign>
            </ins>
          </span>
        </div>
      ))}
      {along.map(({ name, label }) => (
        <p key={name}>
          {label}: <Foreign>{form[name]}</Foreign> is sent with it, as it is.
        </p>
      ))}
      <p>Takes effect at once. Orders that rest are not looked at again.</p>
    </>
  );
}

interface ConfigureProps {
  market: Market;
  label: string;
  part: Part;
  body: (form: Form) => Omit<Body, "reason">;
}

function Configure({ market: { symbol }, label, part, body }: ConfigureProps) {
  return (
    <Act<"POST /v1/markets/{symbol}/configure", Form>
      change="POST /v1/markets/{symbol}/configure"
      names={{ symbol }}
      label={label}
      subject={symbol}
      whole
      form={part.now}
      wrong={(form) => wrongWith(part, form)}
      consequence={(form) => <Diff part={part} form={form} />}
      body={(reason, form) => ({ ...body(form), reason })}
      fields={(form, set) =>
        part.asked.map(({ name, label }) => (
          <Input
            key={name}
            label={label}
            value={form[name] ?? ""}
            autoComplete="off"
            onChange={(event) => set({ [name]: event.target.value.trim() })}
          />
        ))
      }
    />
  );
}

export function Limits({ market }: { market: Market }) {
  const [limits, breaker, reference] = [limitsOf(market), breakerOf(market), referenceOf(market)];
  const shown = [limits, breaker, reference].flatMap(({ asked, now }) =>
    asked.map(({ name, label }) => [label, now[name] === "" ? "none" : (now[name] ?? "none")] as const),
  );
  return (
    <div className="stack">
      <div className="row">
        <Configure
          market={market}
          label="Change limits"
          part={limits}
          body={(form) => ({ filters: filtersFor(limits, form) })}
        />
        <Configure
          market={market}
          label="Change the breaker"
          part={breaker}
          body={({ band_ppm, pause, auction }) => ({
            breaker: { band_ppm: Number(band_ppm), pause: pause ?? "", auction: auction ?? "" },
          })}
        />
        <Configure
          market={market}
          label="Set the reference price"
          part={reference}
          body={({ reference }) => ({ reference: reference ?? "" })}
        />
      </div>
      <Facts of={shown} />
    </div>
  );
}
