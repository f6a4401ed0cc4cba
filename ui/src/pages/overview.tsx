/** What is happening and what needs somebody, on one page: at most twelve figures, each leading to its page. */
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { useSession } from "../app/session";
import { useStanding } from "../app/standing";
import { PACE, useLook } from "../api/look";
import { Page } from "../kit/page";
import { Panel } from "../kit/panel";
import { Status, type Tone } from "../kit/status";
import { Tile } from "../kit/tile";
import { Amount, Foreign, When } from "../kit/values";

/** States in which a withdrawal waits for a person. */
const NEEDS_PERSON = ["awaiting-approval", "review", "unknown", "stuck"];
/** A network that is so many blocks behind is told. */
const BEHIND_TOLD = 20;

export function Overview() {
  return (
    <Page title="Overview">
      <Needs />
      <Figures />
    </Page>
  );
}

interface Need {
  key: string;
  tone: Tone;
  text: ReactNode;
}

/** What somebody has to do something about, the worst first. */
function Needs() {
  const { can } = useSession();
  const { look, status } = useStanding();
  const workers = useLook("/v1/workers", {}, { topics: ["workers"], every: PACE.live, enabled: can("workers.read") });
  const withdrawals = useLook("/v1/withdrawals", { query: { limit: 100 } }, { topics: ["money"], enabled: can("users.read") });
  const deposits = useLook(
    "/v1/deposits",
    { query: { waiting: "true", limit: 100 } },
    { topics: ["money"], enabled: can("users.read") },
  );
  const proposals = useLook("/v1/proposals", {}, { topics: ["approvals"], enabled: can("approvals.read") });
  const scans = useLook("/v1/scans", {}, { topics: ["networks"], every: PACE.live });
  const attention = useLook("/v1/attention", {}, { topics: ["money"], enabled: can("users.read") });
  const books = useLook("/v1/reconciliation", {}, { topics: ["money"] });

  const needs: Need[] = [];
  const add = (tone: Tone, key: string, text: ReactNode) => needs.push({ key, tone, text });
  for (const problem of status?.problems ?? [])
    add(
      "warn",
      problem,
      <Link to="/cluster">
        <Foreign>{problem}</Foreign>
      </Link>,
    );
  for (const one of workers.data?.value.workers ?? []) {
    if (one.state !== "failed" && one.state !== "degraded") continue;
    add(
      one.state === "failed" ? "bad" : "warn",
      one.worker,
      <>
        <Link to="/workers/$worker" params={{ worker: one.worker }} search={{ tab: "diagnosis" }}>
          <Foreign>{one.worker}</Foreign>
        </Link>{" "}
        {one.state === "failed" ? "has failed" : "is degraded"} since <When at={one.since} />:{" "}
        <Foreign>{one.why ?? "it did not say why"}</Foreign>
      </>,
    );
  }
  for (const one of withdrawals.data?.value.withdrawals ?? []) {
    if (!NEEDS_PERSON.includes(one.state)) continue;
    add(
      one.state === "awaiting-approval" ? "info" : "bad",
      `withdrawal ${String(one.withdrawal)}`,
      <>
        <Link to="/withdrawals/$withdrawal" params={{ withdrawal: String(one.withdrawal) }}>
          Withdrawal {one.withdrawal}
        </Link>{" "}
        of <Amount value={one.amount} asset={one.asset} /> on <Foreign>{one.network}</Foreign>: <Foreign>{one.state}</Foreign>,
        since <When at={one.moved_at} />
      </>,
    );
  }
  for (const one of scans.data?.value.networks ?? []) {
    if (one.halted_since != null)
      add(
        "bad",
        `halt ${one.network}`,
        <Link to="/networks">
          <Foreign>{one.network}</Foreign> stands still after a deep reorganisation
        </Link>,
      );
    else if (one.behind > BEHIND_TOLD)
      add(
        "warn",
        `behind ${one.network}`,
        <>
          <Foreign>{one.network}</Foreign> is {one.behind} blocks behind
        </>,
      );
  }
  for (const one of books.data?.value.networks ?? []) {
    if (one.stopped_since != null)
      add(
        "bad",
        `stop ${one.network}`,
        <Link to="/reconciliation" search={{ network: one.network }}>
          <Foreign>{one.network}</Foreign> pays nothing out: something is missing there
        </Link>,
      );
    else if (one.open > 0)
      add(
        "warn",
        `open ${one.network}`,
        <>
          <Foreign>{one.network}</Foreign>: books and chain differ in {one.open} places
        </>,
      );
  }
  for (const one of attention.data?.value.matters ?? []) {
    add(
      one.severity === "P0" || one.severity === "P1" ? "bad" : "warn",
      `${one.concern} ${one.network} ${one.subject}`,
      <>
        <Foreign>{`${one.severity} on ${one.network}: ${one.concern.replaceAll("-", " ")}, ${one.subject}`}</Foreign>, since{" "}
        <When at={one.since} />. <Foreign>{one.what_to_do}</Foreign>{" "}
        {one.withdrawal == null ? null : (
          <Link to="/withdrawals/$withdrawal" params={{ withdrawal: String(one.withdrawal) }}>
            Withdrawal {one.withdrawal}
          </Link>
        )}
      </>,
    );
  }
  const waiting = deposits.data?.value.deposits.length ?? 0;
  if (waiting > 0)
    add(
      "warn",
      "suspense",
      <Link to="/deposits" search={{ waiting: "true", network: undefined, user: undefined, before: undefined, tx: undefined }}>
        {waiting} deposits wait for a decision whose they are
      </Link>,
    );
  const open = proposals.data?.value.proposals.length ?? 0;
  if (open > 0) add("info", "proposals", <Link to="/approvals">{open} proposals wait for approval</Link>);
  const order: readonly Tone[] = ["bad", "warn", "info"];
  needs.sort((a, b) => order.indexOf(a.tone) - order.indexOf(b.tone));

  return (
    <Panel title="What needs somebody" look={look}>
      {() =>
        needs.length === 0 ? (
          <Status tone="good">Nothing does.</Status>
        ) : (
          <ul className="stack" style={{ listStyle: "none", gap: "var(--gap-2)" }}>
            {needs.map(({ key, tone, text }) => (
              <li key={key}>
                <Status tone={tone}>{text}</Status>
              </li>
            ))}
          </ul>
        )
      }
    </Panel>
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
