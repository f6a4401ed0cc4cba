/** The frame around every page: where one is, what is wrong everywhere, where one can go. */
import { useQueryClient } from "@tanstack/react-query";
import { Link, Outlet, useRouterState } from "@tanstack/react-router";
import { type ReactNode, useEffect, useState } from "react";
import { follow, useLiveness } from "../api/live";
import { Button } from "../kit/button";
import { Status, Word } from "../kit/status";
import { span, utc } from "../kit/text";
import { toast, Toasts } from "../kit/toast";
import { Foreign, useNow, When } from "../kit/values";
import { OfCommand } from "./deed";
import { Hosted } from "./hosted";
import { Keyboard } from "./keyboard";
import { PAGES } from "./pages";
import { useSession } from "./session";
import { arrived, isOnItsWay, onwards } from "./elsewhere";
import { usePageHeld } from "./holding";
import { StandingProvider, useStanding } from "./standing";
import { carrying, takeTold } from "./unanswered";
import { useWaiting } from "./waiting";
import { applyTheme, type Theme, theme } from "./theme";

export function Shell() {
  return (
    <StandingProvider>
      <a className="skip" href="#main">
        Skip to the page
      </a>
      <Hosted>
        <div className="shell">
          <Bar />
          <Navigation />
          <main className="main" id="main" tabIndex={-1}>
            <Outlet />
          </main>
        </div>
        <Toasts />
      </Hosted>
      <Live />
      <Keyboard />
    </StandingProvider>
  );
}

function Live() {
  const client = useQueryClient();
  const { can } = useSession();
  const may = can("events.read");
  useEffect(() => follow(client, may), [client, may]);
  return null;
}

function Bar() {
  const { status, look } = useStanding();
  const { who, signOut } = useSession();
  // A stream that is still open says nothing of a node that does not answer any more.
  const isLive = useLiveness() === "live" && look.error === null;
  return (
    <header className="bar">
      <div className="line">
        <Link to="/" className="name">
          Exchequer
        </Link>
        {status === undefined ? null : <Environment isSandbox={status.sandbox} />}
        {status === undefined ? null : (
          <>
            <span>
              <Foreign>{status.node}</Foreign>{" "}
              <span className="muted">
                <Foreign>{status.version}</Foreign>
              </span>
            </span>
            <Word of={look.error === null ? status.health : "unreachable"} />
          </>
        )}
        <span className="push">
          <Clock />
        </span>
        <span title="Whether the node tells of changes as they happen; without it pages ask every few seconds.">
          <Status tone={isLive ? "good" : "idle"}>{isLive ? "live" : "asking"}</Status>
        </span>
        <ThemeChoice />
        <Link to="/security">
          <Foreign>{who.name}</Foreign>
        </Link>
        <Button look="quiet" onClick={() => void signOut()}>
          Sign out
        </Button>
      </div>
      <Banners />
    </header>
  );
}

/** What is at stake: who has two windows open must not take one for the other. */
function Environment({ isSandbox }: { isSandbox: boolean | undefined }) {
  // A node that does not say is taken for the one where more is at stake.
  const name = isSandbox === true ? "sandbox" : "production";
  return (
    <span className="environment" data-of={name}>
      {name}
    </span>
  );
}

function Clock() {
  const now = useNow();
  return <span className="muted number">{utc(now)}</span>;
}

function ThemeChoice() {
  const [now, set] = useState<Theme>(theme());
  return (
    <select
      aria-label="Theme"
      value={now}
      onChange={(event) => {
        const next = event.target.value as Theme;
        set(next);
        applyTheme(next);
      }}
    >
      <option value="system">System</option>
      <option value="dark">Dark</option>
      <option value="light">Light</option>
    </select>
  );
}

function Banner({ tone, children }: { tone: "bad" | "warn" | "info"; children: ReactNode }) {
  return (
    <div className="banner" data-tone={tone} role={tone === "bad" ? "alert" : "status"}>
      {children}
    </div>
  );
}

/** What holds for the whole exchange, and for this node. */
function Banners() {
  const { status, look, isSlow, readOnly, follows, leaderHref } = useStanding();
  const moved = isOnItsWay();
  const isHeld = usePageHeld();
  // Whoever came here because the leader was gone wants to go on at the next one.
  useEffect(() => {
    if (moved && readOnly === null) arrived();
    tellCarried();
    if (!moved || leaderHref === null || isHeld) return undefined;
    const leaving = new AbortController();
    void onwards(leaderHref, leaving.signal);
    return () => {
      leaving.abort();
    };
  }, [moved, readOnly, leaderHref, isHeld]);
  return (
    <>
      {isSlow ? (
        <Banner tone="warn">
          <strong>This node answers slowly.</strong> What is shown is what was last seen; what is changed is sent all the same.
        </Banner>
      ) : look.error?.isUnreachable === true ? (
        <Banner tone="bad">
          <strong>This node does not answer.</strong> What is shown is what was last seen.{" "}
          {isHeld
            ? "The page stays here as long as its dialog is open; once it is closed, other nodes are tried."
            : "Other nodes are being tried."}
        </Banner>
      ) : null}
      {status?.stopped_since == null ? null : (
        <Banner tone="bad">
          <strong>The exchange is stopped</strong> since <When at={status.stopped_since} />.{" "}
          <Link to="/maintenance">What is stopped, and how it goes on</Link>
        </Banner>
      )}
      {(status?.maintenance ?? []).map((one) => (
        <Banner key={one.number} tone="warn">
          {one.open ? "Maintenance" : "Maintenance is announced"} of <Foreign>{`${one.extent}: `}</Foreign>
          <Foreign>{one.banner}</Foreign>
        </Banner>
      ))}
      {look.error === null && status !== undefined && readOnly !== null ? (
        <Banner tone={status.leader_id == null || status.health === "no-quorum" ? "bad" : "info"}>
          <span>
            <Foreign>{readOnly}</Foreign> {follows ? <Behind ms={look.data?.ageMs ?? null} /> : null}
          </span>
          {leaderHref === null ? null : (
            <a href={leaderHref} onClick={({ currentTarget }) => (currentTarget.href = carrying(leaderHref))}>
              Open this page on the leader
            </a>
          )}
        </Banner>
      ) : null}
    </>
  );
}

/** Tells whoever came from another node of what was sent there and not answered. */
function tellCarried(): void {
  for (const id of takeTold())
    toast(
      <>
        A change was sent before this page came here, and not answered: it may have been made. <OfCommand id={id} />
      </>,
      "bad",
    );
}

/** How old what a follower shows was when it answered last. It changes with every answer: nobody is told of each. */
function Behind({ ms }: { ms: number | null }) {
  return <span aria-live="off">{ms === null ? "It did not say how far it is behind." : `It is ${span(ms)} behind.`}</span>;
}

function Navigation() {
  const { can } = useSession();
  const path = useRouterState({ select: (state) => state.location.pathname });
  const groups = [...new Set(PAGES.map(({ group }) => group))];
  return (
    <nav className="nav" aria-label="Pages">
      {groups.map((group) => {
        const pages = PAGES.filter((page) => page.group === group && can(page.permission));
        if (pages.length === 0) return null;
        return (
          <div key={group}>
            <h2>{group}</h2>
            <ul>
              {pages.map(({ to, title }) => {
                const isHere = to === "/" ? path === "/" : path === to || path.startsWith(`${to}/`);
                return (
                  <li key={to}>
                    <Link to={to} aria-current={isHere ? "page" : undefined}>
                      {title}
                      {to === "/approvals" ? <Waiting /> : null}
                    </Link>
                  </li>
                );
              })}
            </ul>
          </div>
        );
      })}
    </nav>
  );
}

/** How much waits for approval. */
function Waiting() {
  const { count, isWhole } = useWaiting();
  return count === 0 ? null : (
    <span className="count">
      {count}
      {isWhole ? "" : "+"}
      <span className="visually-hidden"> {isWhole ? "wait" : "and more may wait"}</span>
    </span>
  );
}
