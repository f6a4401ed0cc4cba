/** What is happening and what needs somebody, on one page: at most twelve figures, each leading to its page. */
import { useSession } from "../app/session";
import { useStanding } from "../app/standing";
import { PACE, useLook } from "../api/look";
import { Page } from "../kit/page";
import { grouped } from "../kit/text";
import { Tile } from "../kit/tile";
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
  const { look, status } = useStanding();
  const workers = useLook("/v1/workers", {}, { topics: ["workers"], every: PACE.live, enabled: can("workers.read") });
  const queues = useLook("/v1/queues", {}, { topics: ["jobs"], every: PACE.live, enabled: can("workers.read") });
  const markets = useLook("/v1/markets", {}, { topics: ["markets"], enabled: can("markets.read") });
  const gas = useLook("/v1/gas", {}, { topics: ["money"], enabled: can("configuration.read") });
  const pools = useLook("/v1/address-pools", {}, { topics: ["money"], enabled: can("configuration.read") });
  const all = workers.data?.value.workers;
  const wanted = all?.filter(({ desired }) => desired === "running");
  const running = wanted?.filter(({ state }) => state === "running").length;
  const perMinute = all?.reduce((sum, { summary }) => sum + (summary?.done_per_minute ?? 0), 0);
  const depth = queues.data?.value.queues.reduce((sum, queue) => sum + queue.waiting, 0);
  // Of the markets that are paid for in the same asset as the first: other assets cannot be summed with it.
  const quote = markets.data?.value.markets[0]?.quote;
  const summed = (markets.data?.value.markets ?? []).filter((one) => one.quote === quote).slice(0, SUMMED_MAX);
  const day = useDay(summed.map(({ symbol }) => symbol));
  const trading = markets.data?.value.markets.filter(({ phase }) => phase === "trading").length;
  const low = pools.data?.value.pools.reduce((least, { waiting }) => Math.min(least, waiting), Infinity);
  return (
    <section className="tiles" aria-label="Figures">
      {status === undefined ? null : (
        <>
          <Tile
            title="Cluster"
            figure={status.health}
            note={`${status.leader ?? "nobody"} leads; ${String(status.failure_tolerance)} may fail`}
            tone={status.health === "healthy" ? "good" : status.health === "degraded" ? "warn" : "bad"}
            to="/cluster"
            at={look.data?.at}
          />
          <Tile
            title="Entries applied"
            figure={status.applied.toLocaleString("en")}
            sample={status.applied}
            to="/cluster"
            at={look.data?.at}
          />
          <Tile
            title="Signer of this node"
            figure={status.signer?.state ?? "none"}
            note={status.signer?.why ?? (status.signer == null ? "this node has no vault" : undefined)}
            to="/cluster"
            at={look.data?.at}
          />
        </>
      )}
      {running === undefined || wanted === undefined ? null : (
        <Tile
          title="Workers that run"
          figure={`${String(running)} of ${String(wanted.length)}`}
          sample={running}
          note={running === wanted.length ? "all that are wanted" : `${String(wanted.length - running)} do not`}
          tone={running === wanted.length ? "good" : "bad"}
          to="/workers"
          at={workers.data?.at}
        />
      )}
      {perMinute === undefined ? null : (
        <Tile
          title="Jobs done a minute"
          figure={perMinute.toLocaleString("en")}
          sample={perMinute}
          to="/workers"
          at={workers.data?.at}
        />
      )}
      {depth === undefined ? null : (
        <Tile title="Jobs that wait" figure={depth.toLocaleString("en")} sample={depth} to="/workers" at={queues.data?.at} />
      )}
      {day.data === undefined || quote === undefined ? null : (
        <Tile
          title={`Traded in 24 h, ${String(summed.length)} markets`}
          figure={`${grouped(decimal(day.data.value.last))} ${quote}`}
          past={day.data.value.hours}
          change={changeOf(day.data.value)}
          to="/markets"
          at={day.data.at}
        />
      )}
      {trading === undefined ? null : (
        <Tile
          title="Markets that trade"
          figure={`${String(trading)} of ${String(markets.data?.value.markets.length ?? 0)}`}
          sample={trading}
          to="/markets"
          at={markets.data?.at}
        />
      )}
      {low === undefined || low === Infinity ? null : (
        <Tile
          title="Addresses in the smallest pool"
          figure={low.toLocaleString("en")}
          sample={low}
          to="/sweeps"
          at={pools.data?.at}
        />
      )}
      {gas.data === undefined ? null : (
        <Tile title="Networks with gas" figure={String(gas.data.value.networks.length)} to="/networks" at={gas.data.at} />
      )}
    </section>
  );
}
