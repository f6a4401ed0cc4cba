/** What was done to one thing and by whom, and what happened to it: as far back as was looked, which is told. */
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import type { Refused, Seen } from "../api/client";
import type { Topic } from "../api/look";
import { auditOf, type AuditRecord, auditWindow, type Event, eventsWindow, type Window } from "../api/window";
import { Older } from "../kit/older";
import { Panel } from "../kit/panel";
import { Table } from "../kit/table";
import { grouped } from "../kit/text";
import { Foreign, Id, When } from "../kit/values";

/** A window is much to read, and what is new in it is told by events: it is read again this often anyway, in milliseconds. */
const EVERY_MS = 60_000;

/** Where the window before this one ends; null where this one is the oldest. */
function nextOf(window: Window<unknown> | undefined): number | null | undefined {
  return window === undefined ? undefined : window.from > window.oldest ? window.from : null;
}

interface AuditProps {
  /** The thing, in the words of whoever reads. */
  what: string;
  /** The target that records about the thing have; or, where there are several such, whether one is about it. */
  target: string | ((target: string) => boolean);
  topics: readonly Topic[];
}

/** Records of the audit about one thing. */
export function AuditOf(props: AuditProps) {
  // How far back one is, is of the one thing.
  return <AuditWindow key={props.what} {...props} />;
}

function AuditWindow({ what, target: wanted, topics }: AuditProps) {
  const [before, go] = useState<number | undefined>();
  const look = useQuery<Seen<Window<AuditRecord>>, Refused>({
    queryKey: ["/v1/audit", { about: what, before }, ...topics],
    queryFn: ({ signal }) =>
      typeof wanted === "string"
        ? auditOf(wanted, before, signal)
        : auditWindow(({ target }) => wanted(target), before, signal),
    refetchInterval: EVERY_MS,
  });
  return (
    <Panel
      title="What was done, and by whom"
      look={look}
      flush
      pager={(window) => <Older before={before} next={nextOf(window)} go={go} />}
    >
      {(window) => (
        <>
          <Looked at={window} what={what} of="records of the audit" />
          <Table
            caption={`Records of the audit about ${what}, the newest first`}
            rows={window.found}
            keyOf={(row) => String(row.sequence)}
            columns={[
              { id: "sequence", head: "Record", numeric: true, cell: (row) => String(row.sequence) },
              { id: "time", head: "When", cell: (row) => <When at={row.time} /> },
              { id: "actor", head: "By", cell: (row) => row.actor },
              { id: "action", head: "What", cell: (row) => row.action },
              { id: "target", head: "To", cell: (row) => <Foreign>{row.target}</Foreign> },
              { id: "detail", head: "In this case", cell: (row) => <Foreign>{row.detail}</Foreign> },
              { id: "reason", head: "Why", cell: (row) => <Foreign>{row.reason}</Foreign> },
            ]}
          />
        </>
      )}
    </Panel>
  );
}

interface EventsProps {
  what: string;
  topic: Topic;
  /** The thing's name, as events tell it. */
  name: string;
}

/** Events that happened to one thing: whatever the cause was, persons, time or a new leader. */
export function EventsOf(props: EventsProps) {
  // How far back one is, is of the one thing.
  return <EventsWindow key={props.what} {...props} />;
}

function EventsWindow({ what, topic, name }: EventsProps) {
  const [before, go] = useState<number | undefined>();
  const look = useQuery<Seen<Window<Event>>, Refused>({
    queryKey: ["/v1/events", { topic, name, before }, topic],
    queryFn: ({ signal }) => eventsWindow(topic, name, before, signal),
    refetchInterval: EVERY_MS,
  });
  return (
    <Panel
      title="What happened to it"
      look={look}
      flush
      pager={(window) => <Older before={before} next={nextOf(window)} go={go} />}
    >
      {(window) => (
        <>
          <Looked at={window} what={what} of="events" />
          <Table
            caption={`Events about ${what}, the newest first`}
            rows={window.found}
            keyOf={(row) => String(row.number)}
            columns={[
              { id: "number", head: "Event", numeric: true, cell: (row) => String(row.number) },
              { id: "time", head: "When", cell: (row) => <When at={row.time} /> },
              { id: "type", head: "What", cell: (row) => row.type },
              { id: "data", head: "In this case", cell: (row) => dataText(row.data) },
              { id: "actor", head: "By", cell: (row) => row.actor ?? "time, or a new leader" },
              { id: "command", head: "Command", cell: (row) => <CommandLink id={row.command} /> },
            ]}
          />
        </>
      )}
    </Panel>
  );
}

function CommandLink({ id }: { id: string | null | undefined }) {
  if (id == null) return <span className="muted">none</span>;
  return (
    <span className="row">
      <Id of={id} />
      <Link to="/commands/$command" params={{ command: id }}>
        What became of it
      </Link>
    </span>
  );
}

/** Which numbers were looked through: what is not found may be in none of them and yet have happened. */
function Looked({ at, what, of }: { at: Window<unknown>; what: string; of: string }) {
  const [from, to, newest] = [at.from, at.to, at.newest].map((number) => grouped(String(number)));
  const isAll = at.from <= at.oldest && at.to >= at.newest;
  return (
    <p className="muted" style={{ padding: "var(--gap-2) var(--gap-4)" }}>
      {at.to === 0
        ? `There are no ${of} yet.`
        : `Only the ${of} ${String(from)} to ${String(to)}, of ${String(newest)}, were looked through for ${what}: ${
            isAll ? "that is all that are kept." : "what is outside of them is not shown."
          }`}
    </p>
  );
}

/** What an event has to say, name by name. */
export function dataText(data: unknown): string {
  if (typeof data !== "object" || data === null) return data == null ? "" : JSON.stringify(data);
  return Object.entries(data)
    .map(([name, value]) => `${name}: ${typeof value === "string" ? value : JSON.stringify(value)}`)
    .join(", ");
}
