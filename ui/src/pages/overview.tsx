/** What is happening and what needs somebody, on one page: at most twelve figures, each leading to its page. */
import { useSession } from "../app/session";
import { useStanding } from "../app/standing";
import { type AnswerOf, type Look, PACE, useLook } from "../api/look";
import { Page } from "../kit/page";
import { grouped } from "../kit/text";
import { type Figure, Tile } from "../kit/tile";
import { changeOf, decimal, SUMMED_MAX, useDay } from "./day";
import { Needs } from "./needs";

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
  const gas = useLook("/v1/gas", {}, { topics: ["money"], enabled: can("configuration.read") });
  const pools = useLook("/v1/address-pools", {}, { topics: ["money"], enabled: can("configuration.read") });
  return (
    <section className="tiles" aria-label="Figures">
      <Tile title="Cluster" to="/cluster" look={look}>
        {({ health, leader, failure_tolerance }) => ({
          figure: health,
          note: `${leader ?? "nobody"} leads; ${String(failure_tolerance)} may fail`,
          tone: health === "healthy" ? "good" : health === "degraded" ? "warn" : "bad",
        })}
      </Tile>
      <Tile title="Entries applied" to="/cluster" look={look}>
        {({ applied }) => ({ figure: applied.toLocaleString("en"), sample: applied })}
      </Tile>
      <Tile title="Signer of this node" to="/cluster" look={look}>
        {({ signer }) => ({
          figure: signer?.state ?? "none",
          note: signer?.why ?? (signer == null ? "this node has no vault" : undefined),
        })}
      </Tile>
      <Tile title="Workers that run" to="/workers" look={workers} lacking={lacking("workers.read")}>
        {({ workers }) => running(workers)}
      </Tile>
      <Tile title="Jobs done a minute" to="/workers" look={workers} lacking={lacking("workers.read")}>
        {({ workers }) => summed(workers.map(({ summary }) => summary?.done_per_minute ?? 0))}
      </Tile>
      <Tile title="Jobs that wait" to="/jobs" look={queues} lacking={lacking("workers.read")}>
        {({ queues }) => summed(queues.map(({ waiting }) => waiting))}
      </Tile>
      <Traded markets={markets} lacking={lacking("markets.read")} />
      <Tile title="Markets that trade" to="/markets" look={markets} lacking={lacking("markets.read")}>
        {({ markets }) => {
          const trading = markets.filter(({ phase }) => phase === "trading").length;
          return { figure: `${String(trading)} of ${String(markets.length)}`, sample: trading };
        }}
      </Tile>
      <Tile title="Addresses in the smallest pool" to="/sweeps" look={pools} lacking={lacking("configuration.read")}>
        {({ pools }) => {
          if (pools.length === 0) return { figure: "none", note: "no network has a pool of addresses yet" };
          const least = Math.min(...pools.map(({ waiting }) => waiting));
          return { figure: least.toLocaleString("en"), sample: least };
        }}
      </Tile>
      <Tile title="Networks with gas" to="/networks" look={gas} lacking={lacking("configuration.read")}>
        {({ networks }) => ({ figure: String(networks.length) })}
      </Tile>
    </section>
  );
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
