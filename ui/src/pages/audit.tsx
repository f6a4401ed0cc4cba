/** Who did what, when, and whether the chain of records is whole. */
import { getRouteApi, Link } from "@tanstack/react-router";
import { type AnswerOf, useLook } from "../api/look";
import { Button } from "../kit/button";
import { Older } from "../kit/older";
import { Page } from "../kit/page";
import { Panel } from "../kit/panel";
import { isWhole, momentText, type Range } from "../kit/range";
import { Table } from "../kit/table";
import { TimeRange } from "../kit/time-range";
import { Amount, Foreign, Id, When } from "../kit/values";
import { type Entry, queryOf, useFound } from "./audit-reads";
import { Verification } from "./verification";

const route = getRouteApi("/audit");

export function Audit() {
  const { before, entry, ...range } = route.useSearch();
  const navigate = route.useNavigate();
  const go = (next: number | undefined) => void navigate({ search: (old) => ({ ...old, before: next }) });
  return (
    <Page title="Audit">
      <Verify />
      <div className="row">
        <TimeRange
          range={range}
          set={(next) => {
            // The same time in another zone is no other time: what is looked at stays.
            const other = next.from === range.from && next.to === range.to ? {} : { before: undefined, entry: undefined };
            void navigate({ search: (old) => ({ ...old, ...next, ...other }) });
          }}
        />
      </div>
      {isWhole(range) && entry === undefined ? (
        <Latest before={before} zone={range.zone} go={go} />
      ) : (
        <Looked range={range} entry={entry} before={before} go={go} />
      )}
    </Page>
  );
}

interface LatestProps {
  before: number | undefined;
  zone: Range["zone"];
  go: (before: number | undefined) => void;
}

/** All records, page by page back from the newest. */
function Latest({ before, zone, go }: LatestProps) {
  const look = useLook(
    "/v1/audit",
    { query: queryOf({}, undefined, before, 0) },
    { topics: ["settings", "people", "approvals", "workers", "networks", "money", "emergency", "users"] },
  );
  return (
    <Panel
      title={before === undefined ? "The latest records" : "Earlier records"}
      look={look}
      flush
      isEmpty={({ entries }) => entries.length === 0}
      empty={<p>There is no record yet.</p>}
      pager={(page) => <Older before={before} next={page?.next_before} go={go} />}
    >
      {({ entries }) => <Records entries={entries.toReversed()} zone={zone} />}
    </Panel>
  );
}

interface LookedProps {
  range: Range;
  entry: number | undefined;
  before: number | undefined;
  go: (before: number | undefined) => void;
}

/** The records of a time, or of one log entry, page by page back from the newest of them. */
function Looked({ range, entry, before, go }: LookedProps) {
  const look = useFound(range, entry, before);
  return (
    <Panel
      title={entry === undefined ? "Records of that time" : `Records of log entry ${String(entry)}`}
      look={look}
      flush
      actions={
        <div className="row">
          {entry === undefined ? null : (
            <Link to="/audit" search={{}}>
              All records
            </Link>
          )}
          <Button why={look.isFetching ? "It is being looked at." : null} onClick={() => void look.refetch()}>
            Look again
          </Button>
        </div>
      }
      pager={(page) => <Older before={before} next={page?.next_before} go={go} />}
    >
      {(found) => (
        <>
          <HowFar of={found} before={before} />
          <Records entries={found.entries.toReversed()} zone={range.zone} exact />
        </>
      )}
    </Panel>
  );
}

/** How many these are, and whether there are more. */
function HowFar({ of: { entries, next_before }, before }: { of: AnswerOf<"/v1/audit">; before: number | undefined }) {
  const which = before === undefined ? "" : ` before number ${String(before)}`;
  return (
    <p role="status" style={{ padding: "var(--gap-3) var(--gap-4) 0" }}>
      {entries.length} {entries.length === 1 ? "record" : "records"}
      {which}.{" "}
      {next_before == null
        ? "No earlier one is of these."
        : `It goes on before number ${String(next_before)}: earlier ones are not shown here.`}
    </p>
  );
}

function Records({ entries, zone, exact }: { entries: readonly Entry[]; zone: Range["zone"]; exact?: boolean }) {
  return (
    <Table
      caption="Records of the audit, the newest first"
      rows={entries}
      keyOf={(row) => String(row.sequence)}
      columns={[
        { id: "sequence", head: "Record", numeric: true, cell: (row) => String(row.sequence) },
        {
          id: "time",
          head: "When",
          cell: (row) =>
            exact === true || zone !== undefined ? (
              <time dateTime={row.time}>{momentText(Date.parse(row.time), zone)}</time>
            ) : (
              <When at={row.time} />
            ),
        },
        { id: "actor", head: "By", cell: (row) => row.actor },
        { id: "action", head: "What", cell: (row) => row.action },
        { id: "target", head: "To", cell: (row) => <Foreign>{row.target}</Foreign> },
        { id: "detail", head: "In this case", cell: (row) => <Foreign>{row.detail}</Foreign> },
        { id: "reason", head: "Why", cell: (row) => <Foreign>{row.reason}</Foreign> },
        { id: "hash", head: "Hash", cell: (row) => <Id of={row.hash} /> },
      ]}
    />
  );
}

function Verify() {
  return (
    <Verification
      title="The chain"
      path="/v1/audit/verify"
      about="Reads every record on this node, and whether each follows from the one before it."
      ask="Verify the chain"
      good="The chain was whole."
      facts={({ records, hash }) => [
        ["Records", <Amount key="records" value={records} />],
        ["Hash of the last", <Id key="hash" of={hash} chars={64} />],
      ]}
    />
  );
}
