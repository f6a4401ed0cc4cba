/** What needs somebody: of everything that tells it, the worst first, and what of it is not known. */
import type { UseQueryResult } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { memo, type ReactNode, useMemo } from "react";
import type { Refused, Seen } from "../api/client";
import { type AnswerOf, PACE, useLook } from "../api/look";
import { useSession } from "../app/session";
import { useStanding } from "../app/standing";
import { ageOf } from "../kit/age";
import { Panel } from "../kit/panel";
import { Status, type Tone } from "../kit/status";
import { span } from "../kit/text";
import { Amount, Foreign, useNow, When } from "../kit/values";

/** States in which a withdrawal waits for a person. */
type NeedsPerson = "awaiting-approval" | "review" | "unknown" | "stuck";
/** Of each kind so many are listed; that there are more is told. */
const LISTED_MAX = 25;
/** A network that is so many blocks behind is told. */
const BEHIND_TOLD = 20;
/** What is older is not known any more, in milliseconds. */
const KNOWN_MS = 60_000;

interface Need {
  key: string;
  tone: Tone;
  text: ReactNode;
}

/** One of the reads that tell what needs somebody. */
interface Source {
  what: string;
  permission: string;
  look: Pick<UseQueryResult<Seen<unknown>, Refused>, "data" | "error">;
}

/** What of all this is not known, and why; nothing where everything is. */
function gapsOf(sources: readonly Source[], can: (permission: string) => boolean, now: number): Need[] {
  return sources.flatMap(({ what, permission, look: { data, error } }): Need[] => {
    const gap = (tone: Tone, text: ReactNode) => [{ key: what, tone, text }];
    if (!can(permission)) return gap("idle", `${what}: your roles do not let you see this (${permission})`);
    if (error !== null)
      return gap(
        "warn",
        <>
          {what}: {data === undefined ? "could not be read" : `not known for ${span(ageOf(data, now) ?? now - data.at)}`},{" "}
          <Foreign>{error.message}</Foreign> {error.code}
        </>,
      );
    if (data === undefined) return gap("info", `${what}: being read`);
    const age = ageOf(data, now);
    if (age === null) return gap("warn", `${what}: the node does not know how old it is`);
    return age > KNOWN_MS ? gap("warn", `${what}: not known for ${span(age)}`) : [];
  });
}

/** What somebody has to do something about, the worst first; and what of it is not known here, because nothing is no news then. */
export function Needs() {
  const { can } = useSession();
  const { look, status } = useStanding();
  const workers = useLook("/v1/workers", {}, { topics: ["workers"], every: PACE.glance, enabled: can("workers.read") });
  const ofState = (state: NeedsPerson) =>
    ["/v1/withdrawals", { query: { state, limit: LISTED_MAX } }, { topics: ["money"], enabled: can("users.read") }] as const;
  const approvals = useLook(...ofState("awaiting-approval"));
  const reviews = useLook(...ofState("review"));
  const unknowns = useLook(...ofState("unknown"));
  const stucks = useLook(...ofState("stuck"));
  const withdrawals = [
    ["awaiting-approval", approvals],
    ["review", reviews],
    ["unknown", unknowns],
    ["stuck", stucks],
  ] as const;
  const deposits = useLook(
    "/v1/deposits",
    { query: { waiting: "true", limit: LISTED_MAX } },
    { topics: ["money"], enabled: can("users.read") },
  );
  const proposals = useLook("/v1/proposals", {}, { topics: ["approvals"], enabled: can("approvals.read") });
  const scans = useLook("/v1/scans", {}, { topics: ["networks"], every: PACE.glance, enabled: can("status.read") });
  const attention = useLook("/v1/attention", {}, { topics: ["money"], enabled: can("users.read") });
  const books = useLook("/v1/reconciliation", {}, { topics: ["money"], enabled: can("status.read") });

  const sources: Source[] = [
    { what: "The cluster", permission: "status.read", look },
    { what: "Workers", permission: "workers.read", look: workers },
    ...withdrawals.map(([state, look]) => ({ what: `Withdrawals that are ${state}`, permission: "users.read", look })),
    { what: "Deposits that wait for a decision", permission: "users.read", look: deposits },
    { what: "What stops payouts", permission: "users.read", look: attention },
    { what: "Proposals", permission: "approvals.read", look: proposals },
    { what: "How far networks are scanned", permission: "status.read", look: scans },
    { what: "Whether books and chains agree", permission: "status.read", look: books },
  ];
  // The clock goes on every second; what it does not change is not gone through again.
  const needs = useMemo(
    () =>
      needsOf({
        problems: status?.problems,
        workers: workers.data?.value.workers,
        withdrawals: [
          ["awaiting-approval", approvals.data?.value],
          ["review", reviews.data?.value],
          ["unknown", unknowns.data?.value],
          ["stuck", stucks.data?.value],
        ],
        deposits: deposits.data?.value,
        proposals: proposals.data?.value.proposals.length,
        scans: scans.data?.value.networks,
        matters: attention.data?.value.matters,
        books: books.data?.value,
      }),
    [
      status?.problems,
      workers.data,
      approvals.data,
      reviews.data,
      unknowns.data,
      stucks.data,
      deposits.data,
      proposals.data,
      scans.data,
      attention.data,
      books.data,
    ],
  );
  const now = useNow();
  const gaps = gapsOf(sources, can, now);

  // The panel is as old as the oldest of what it is made of.
  const oldest = sources
    .flatMap(({ look: { data } }) => (data === undefined ? [] : [data]))
    .toSorted((a, b) => (ageOf(b, now) ?? Infinity) - (ageOf(a, now) ?? Infinity) || 0)[0];
  const whole =
    look.data === undefined || oldest === undefined
      ? look
      : { ...look, data: { ...look.data, at: oldest.at, ageMs: oldest.ageMs } };
  return (
    <Panel title="What needs somebody" look={whole}>
      {() => (
        <div className="stack">
          {needs.length > 0 ? (
            <Listed of={needs} />
          ) : gaps.length === 0 ? (
            <Status tone="good">Nothing does.</Status>
          ) : (
            <Status tone="idle">Nothing of what is known here does.</Status>
          )}
          {gaps.length === 0 ? null : (
            <section className="stack" aria-label="What is not known here">
              <h3>What is not known here</h3>
              <Listed of={gaps} />
            </section>
          )}
        </div>
      )}
    </Panel>
  );
}

/** What is known of what can need somebody; nothing where it is not known. */
interface Known {
  problems: readonly string[] | undefined;
  workers: AnswerOf<"/v1/workers">["workers"] | undefined;
  withdrawals: readonly (readonly [NeedsPerson, AnswerOf<"/v1/withdrawals"> | undefined])[];
  deposits: AnswerOf<"/v1/deposits"> | undefined;
  proposals: number | undefined;
  scans: AnswerOf<"/v1/scans">["networks"] | undefined;
  matters: AnswerOf<"/v1/attention">["matters"] | undefined;
  books: AnswerOf<"/v1/reconciliation"> | undefined;
}

/** What needs somebody, the worst first. */
function needsOf(of: Known): Need[] {
  const needs: Need[] = [];
  const add = (tone: Tone, key: string, text: ReactNode) => needs.push({ key, tone, text });
  for (const problem of of.problems ?? [])
    add(
      "warn",
      problem,
      <Link to="/cluster">
        <Foreign>{problem}</Foreign>
      </Link>,
    );
  for (const state of ["failed", "degraded"]) {
    const more = (of.workers ?? []).filter((one) => one.state === state).length - LISTED_MAX;
    if (more <= 0) continue;
    add(
      state === "failed" ? "bad" : "warn",
      `more ${state} workers`,
      <Link to="/workers" search={{ state, kind: undefined, network: undefined, do: undefined, bulk: undefined }}>
        {more} more workers {state === "failed" ? "have failed" : "are degraded"} than are listed here
      </Link>,
    );
  }
  for (const one of ["failed", "degraded"].flatMap((state) =>
    (of.workers ?? []).filter((one) => one.state === state).slice(0, LISTED_MAX),
  )) {
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
  for (const [state, list] of of.withdrawals) {
    if (list?.next_before == null) continue;
    add(
      state === "awaiting-approval" ? "info" : "bad",
      `more ${state}`,
      <Link to="/withdrawals" search={{ state, network: undefined, user: undefined, before: list.next_before }}>
        There are more withdrawals that are {state} than are listed here
      </Link>,
    );
  }
  // One that moved between two of these reads is in both: where it was last is where it is.
  const moved = of.withdrawals
    .flatMap(([, list]) => list?.withdrawals ?? [])
    .toSorted((a, b) => Date.parse(a.moved_at) - Date.parse(b.moved_at));
  for (const one of new Map(moved.map((one) => [one.withdrawal, one])).values()) {
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
  for (const one of of.scans ?? []) {
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
  for (const one of of.books?.networks ?? []) {
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
  const matters = of.matters ?? [];
  if (matters.length > LISTED_MAX)
    add("bad", "more matters", `${String(matters.length - LISTED_MAX)} more matters stop payouts than are listed here`);
  for (const one of matters.slice(0, LISTED_MAX)) {
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
  if ((of.books?.left_out ?? 0) > 0)
    add(
      "bad",
      "left out",
      <Link to="/reconciliation" search={{ network: undefined }}>
        {of.books?.left_out} discrepancies found no room
      </Link>,
    );
  const waiting = of.deposits?.deposits.length ?? 0;
  if (waiting > 0)
    add(
      "warn",
      "suspense",
      <Link to="/deposits" search={{ waiting: "true", network: undefined, user: undefined, before: undefined, tx: undefined }}>
        {waiting}
        {of.deposits?.next_before == null ? "" : " and more"} deposits wait for a decision whose they are
      </Link>,
    );
  const open = of.proposals ?? 0;
  if (open > 0) add("info", "proposals", <Link to="/approvals">{open} proposals wait for approval</Link>);
  const order: readonly Tone[] = ["bad", "warn", "info"];
  return needs.sort((a, b) => order.indexOf(a.tone) - order.indexOf(b.tone));
}

const Listed = memo(function Listed({ of: lines }: { of: readonly Need[] }) {
  return (
    <ul className="stack" style={{ listStyle: "none", gap: "var(--gap-2)" }}>
      {lines.map(({ key, tone, text }) => (
        <li key={key}>
          <Status tone={tone}>{text}</Status>
        </li>
      ))}
    </ul>
  );
});
