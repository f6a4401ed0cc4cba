/** A check that reads everything there is: made when a person asks for it, and old from then on. */
import { type ReactNode, useState } from "react";
import type { Seen } from "../api/client";
import { type Look, type Readable, useAsked } from "../api/look";
import { Button } from "../kit/button";
import { Facts } from "../kit/facts";
import { Panel, Trouble } from "../kit/panel";
import { Status } from "../kit/status";
import { span, visible } from "../kit/text";
import { useNow } from "../kit/values";

type Value<P extends Readable> = NonNullable<Look<P>["data"]> extends Seen<infer T> ? T : never;

interface Props<P extends Readable> {
  title: string;
  /** What reads it all. */
  path: P;
  /** What is read, before it is asked for. */
  about: string;
  /** On the button. */
  ask: string;
  /** What it means that nothing was amiss. */
  good: string;
  facts: (value: Value<P>) => readonly (readonly [string, ReactNode])[];
}

export function Verification<P extends Readable>({ title, path, about, ask, good, facts }: Props<P>) {
  const look = useAsked(path);
  const { data, error, isFetching, refetch } = look;
  const button = (
    <Button look="main" why={isFetching ? "It is being read." : null} onClick={() => void refetch()}>
      {data === undefined && error === null ? ask : "Verify again"}
    </Button>
  );
  if (isFetching) return <Reading key="reading" />;
  if (error !== null) {
    return (
      <section className="panel" aria-label={title}>
        <header>
          <h2>{title}</h2>
          {button}
        </header>
        {error.status === 401 || error.status === 403 ? (
          <Trouble refused={error} />
        ) : (
          <div className="state" role="alert">
            {error.status === BROKEN ? (
              <Status tone="bad">
                <strong>It does not verify.</strong>
              </Status>
            ) : (
              <Status tone="warn">Whether it is whole is not known.</Status>
            )}
            <p>
              {visible(error.message)} <span className="code">{error.code}</span>
            </p>
            {error.hint === "" ? null : <p className="muted">{visible(error.hint)}</p>}
          </div>
        )}
      </section>
    );
  }
  if (data === undefined) {
    return (
      <div className="state">
        <p>{about}</p>
        {button}
      </div>
    );
  }
  return (
    <Panel title={title} look={look} actions={button}>
      {(value) => (
        <div className="stack">
          <Status tone="good">{good}</Status>
          <Facts of={facts(value)} />
        </div>
      )}
    </Panel>
  );
}

/** The status of what was read and is not as it must be; what could not be read has others. */
const BROKEN = 500;

/** How long it has been at it: with a great history it takes minutes. */
function Reading() {
  const now = useNow();
  const [since] = useState(now);
  return (
    <div className="state" role="status">
      <Status tone="info">
        Every record is being read, for {span(Math.max(0, now - since))} now. With a long history it takes minutes.
      </Status>
    </div>
  );
}
