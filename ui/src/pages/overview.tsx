/** What is happening and what needs somebody, on one page: at most twelve figures, each leading to its page. */
import { useSession } from "../app/session";
import { useStanding } from "../app/standing";
import { type AnswerOf, type Look, PACE, useLook } from "../api/look";
import { Page } from "../kit/page";
import { grouped } from "../kit/text";
import { type Figure, Tile } from "../kit/tile";
import { changeOf, decimal, SUMMED_MAX, useDay } from "./day";
import { Needs } from "./needs";
import { difference, type History, inUnits, pastOf, type SeriesName, spanOf, useHistory } from "./past";

export function Overview() {
  return (
    <Page title="Overview">
      <Needs />
      <Figures />
    </Page>
  );
}

function Figures() {
  const { can } = useSession();
  const { look } = useStanding();
  const lacking = (permission: string) => (can(permission) ? undefined : permission);
  const workers = useLook("/v1/workers", {}, { topics: ["workers"], every: PACE.glance, enabled: can("workers.read") });
  const queues = useLook("/v1/queues", {}, { topics: ["jobs"], every: PACE.glance, enabled: can("workers.read") });
  const markets = useLook("/v1/markets", {}, { topics: ["markets"], enabled: can("markets.read") });
  const pools = useLook("/v1/address-pools", {}, { topics: ["money"], enabled: can("configuration.read") });
  const history = useHistory();
  // As old as what is known of it: a history that is late is told as late at the next read of anything.
  const past = (name: SeriesName) => pastOf(history, name, Math.max(look.dataUpdatedAt, history.dataUpdatedAt));
  return (
    <section className="tiles" aria-label="Figures">
      <Tile title="Cluster" to="/cluster" look={look}>
        {({ health, leader, failure_tolerance }) => ({
          figure: health,
          note: `${leader ?? "nobody"} leads; ${String(failure_tolerance)} may fail`,
          tone: health === "healthy" ? "good" : health === "degraded" ? "warn" : "bad",
          past: past("voters_heard").past,
          series: "voters_heard",
        })}
      </Tile>
      <Tile title="Entries applied" to="/cluster" look={look}>
        {({ applied }) => ({ figure: applied.toLocaleString("en"), sample: applied, ...past("entries_applied") })}
      </Tile>
      <Tile title="Signer of this node" to="/cluster" look={look}>
        {({ signer }) => ({
          figure: signer?.state ?? "none",
          note: signer?.why ?? (signer == null ? "this node has no vault" : undefined),
        })}
      </Tile>
      <Tile title="Workers that run" to="/workers" look={workers} lacking={lacking("workers.read")}>
        {({ workers }) => ({ ...running(workers), ...past("workers_running") })}
      </Tile>
      <Tile title="Jobs done a minute" to="/workers" look={workers} lacking={lacking("workers.read")}>
        {({ workers }) => ({
          ...summed(workers.map(({ summary }) => summary?.done_per_minute ?? 0)),
          ...past("jobs_done_per_minute"),
        })}
      </Tile>
      <Tile title="Jobs that wait" to="/jobs" look={queues} lacking={lacking("workers.read")}>
        {({ queues }) => ({ ...summed(queues.map(({ waiting }) => waiting)), ...past("jobs_waiting") })}
      </Tile>
      <Traded markets={markets} lacking={lacking("markets.read")} />
      <Tile title="Fees earned" to="/ledger" look={history}>
        {(history) => fees(history, markets.data?.value.markets[0]?.quote, look.dataUpdatedAt)}
      </Tile>
      <Tile title="Markets that trade" to="/markets" look={markets} lacking={lacking("markets.read")}>
        {({ markets }) => {
          const trading = markets.filter(({ phase }) => phase === "trading").length;
          return { figure: `${String(trading)} of ${String(markets.length)}`, sample: trading, ...past("markets_trading") };
        }}
      </Tile>
      <Tile title="Withdrawals that are open" to="/withdrawals" look={history}>
        {(history) => {
          const people = newest(history, "withdrawals_for_people");
          const note = people === undefined ? undefined : `${people} of them wait for people`;
          const figure = newest(history, "withdrawals_open") ?? "not known yet";
          return { figure, note, ...past("withdrawals_open"), at: sampledAt(history) };
        }}
      </Tile>
      <Tile title="Addresses in the smallest pool" to="/sweeps" look={pools} lacking={lacking("configuration.read")}>
        {({ pools }) => {
          if (pools.length === 0) return { figure: "none", note: "no network has a pool of addresses yet" };
          const least = Math.min(...pools.map(({ waiting }) => waiting));
          return { figure: least.toLocaleString("en"), sample: least, ...past("smallest_address_pool") };
        }}
      </Tile>
      <Tile title="Failed sign-ins" to="/security" look={history}>
        {(history) => {
          const locked = newest(history, "admins_locked");
          return {
            figure: newest(history, "admin_sign_ins_failed") ?? "not known yet",
            ...(locked === undefined
              ? {}
              : { note: `${locked} admins are locked out from somewhere`, tone: locked === "0" ? "good" : "warn" }),
            ...past("admin_sign_ins_failed"),
            at: sampledAt(history),
          };
        }}
      </Tile>
    </section>
  );
}

/** The newest of a series, as it is shown; nothing where none is kept. */
function newest({ series }: History, name: SeriesName): string | undefined {
  const value = series.find((one) => one.series === name)?.points.at(-1)?.value;
  return value === undefined ? undefined : grouped(value);
}

const sampledAt = ({ sampled_at }: History) => (sampled_at == null ? undefined : Date.parse(sampled_at));

/** What was earned in fees, of the asset that markets are paid for in where there are several. */
function fees(history: History, quote: string | undefined, now: number): Figure {
  const lines = history.series.filter(({ series }) => series === "fees");
  const line = lines.find(({ asset }) => asset === quote) ?? lines[0];
  const earned = line === undefined ? null : difference(line);
  if (line === undefined || earned === null) return { figure: "none", note: "nothing is kept of its last day yet" };
  const [base, others] = [Number(line.points[0]?.value ?? 0), lines.length - 1];
  return {
    figure: `${grouped(inUnits(earned, line.decimals ?? 0))} ${line.asset ?? ""}`,
    past: line.points.map(({ value }) => Number(value) - base),
    series: "fees",
    change: spanOf(history, line, now),
    at: sampledAt(history),
    note: others === 0 ? undefined : `in ${String(others)} other assets too`,
  };
}

function running(workers: AnswerOf<"/v1/workers">["workers"]): Figure {
  const wanted = workers.filter(({ desired }) => desired === "running");
  const running = wanted.filter(({ state }) => state === "running").length;
  const isAll = running === wanted.length;
  return {
    figure: `${String(running)} of ${String(wanted.length)}`,
    sample: running,
    note: isAll ? "all that are wanted" : `${String(wanted.length - running)} do not`,
    tone: isAll ? "good" : "bad",
  };
}

function summed(counts: readonly number[]): Figure {
  const sum = counts.reduce((all, one) => all + one, 0);
  return { figure: sum.toLocaleString("en"), sample: sum };
}

interface TradedProps {
  markets: Look<"/v1/markets">;
  lacking: string | undefined;
}

/** Of the markets that are paid for in the same asset as the first: other assets cannot be summed with it. */
function Traded({ markets, lacking }: TradedProps) {
  const all = markets.data?.value.markets;
  const quote = all?.[0]?.quote;
  const summed = (all ?? []).filter((one) => one.quote === quote).slice(0, SUMMED_MAX);
  const day = useDay(summed.map(({ symbol }) => symbol));
  // Which markets there are has to be known first.
  if (quote === undefined)
    return (
      <Tile title="Traded in 24 h" to="/markets" look={markets} lacking={lacking}>
        {() => ({ figure: "nothing", note: "there is no market yet" })}
      </Tile>
    );
  return (
    <Tile title={`Traded in 24 h, ${String(summed.length)} markets`} to="/markets" look={day} lacking={lacking}>
      {(day) => ({ figure: `${grouped(decimal(day.last))} ${quote}`, past: day.hours, change: changeOf(day) })}
    </Tile>
  );
}
