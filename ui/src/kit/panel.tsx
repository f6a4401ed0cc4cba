/** What is read, in one of its states: loading, empty, refused, forbidden, stale, or there, with its age. */
import { type ReactNode, useEffect, useState } from "react";
import type { UseQueryResult } from "@tanstack/react-query";
import type { Refused, Seen } from "../api/client";
import { Age } from "./age";
import { Button } from "./button";
import { ExplainAnywhere } from "./explain";
import { visible } from "./text";

/** Quicker answers need no skeleton, in milliseconds. */
const SKELETON_AFTER_MS = 150;

interface Props<T> {
  title: string;
  look: UseQueryResult<Seen<T>, Refused>;
  actions?: ReactNode;
  /** Whether the body has no margin, as a table wants it. */
  flush?: boolean;
  /** What to say where there is nothing, and what to do next. */
  empty?: ReactNode;
  isEmpty?: (value: T) => boolean;
  /** What leads to other parts of the list: it stays where it is while another part is read, and may have the focus. */
  pager?: (value: T | undefined) => ReactNode;
  /** The permission that is needed, for those who lack it. */
  children: (value: T) => ReactNode;
}

export function Panel<T>({ title, look, actions, flush, empty, isEmpty, pager, children }: Props<T>) {
  const { data, error } = look;
  const isNothing = data !== undefined && isEmpty?.(data.value) === true;
  return (
    <section className="panel" aria-label={title} aria-busy={look.isPending}>
      <header>
        <h2>{title}</h2>
        {data === undefined ? null : <Age seen={data} />}
        {actions}
      </header>
      {data !== undefined && error !== null ? (
        <p className="stale" role="status">
          This is what was last seen; since then: {visible(error.message)} {error.code}
        </p>
      ) : null}
      {data !== undefined ? (
        isNothing ? (
          <div className="state">{empty ?? <p className="muted">There is nothing here yet.</p>}</div>
        ) : (
          <div className="body" data-flush={flush === true ? "" : undefined}>
            {children(data.value)}
          </div>
        )
      ) : error !== null ? (
        <Trouble refused={error} again={() => void look.refetch()} />
      ) : (
        <Skeleton />
      )}
      {isNothing ? null : pager?.(data?.value)}
    </section>
  );
}

export function Trouble({ refused, again }: { refused: Refused; again?: () => void }) {
  const forbidden = refused.status === 403;
  return (
    <div className="state" role="alert">
      <h3>{forbidden ? "Your roles do not let you see this" : "This could not be read"}</h3>
      <p>{visible(refused.message)}</p>
      {refused.hint === "" ? null : <p className="muted">{visible(refused.hint)}</p>}
      <p className="muted code">
        {refused.code} <ExplainAnywhere code={refused.code} />
        {refused.requestId === "" ? "" : ` · request ${refused.requestId}`}
      </p>
      {forbidden || again === undefined ? null : <Button onClick={again}>Ask again</Button>}
    </div>
  );
}

export function Skeleton({ lines = 4 }: { lines?: number }) {
  const [shown, show] = useState(false);
  useEffect(() => {
    const timer = window.setTimeout(() => {
      show(true);
    }, SKELETON_AFTER_MS);
    return () => {
      window.clearTimeout(timer);
    };
  }, []);
  return (
    <div className="state" style={{ width: "100%" }} role="status">
      <span className="visually-hidden">Loading</span>
      {shown
        ? Array.from({ length: lines }, (_, at) => (
            <div key={at} className="skeleton" style={{ width: `${String(90 - at * 14)}%` }} />
          ))
        : null}
    </div>
  );
}
