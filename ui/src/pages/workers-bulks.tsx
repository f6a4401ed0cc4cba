/** What was done to many workers at once: the runs that are kept, the newest first. */
import { Link } from "@tanstack/react-router";
import { type AnswerOf, useLook } from "../api/look";
import { Page } from "../kit/page";
import { Panel } from "../kit/panel";
import { type Column, Table } from "../kit/table";
import { Foreign, When } from "../kit/values";
import { Undo } from "./workers-bulk";

const NOTHING_CHOSEN = { kind: undefined, network: undefined, state: undefined, do: undefined, bulk: undefined };

type Run = AnswerOf<"/v1/workers/bulk">["bulks"][number];

export function Bulks() {
  const look = useLook("/v1/workers/bulk", {}, { topics: ["workers"] });
  return (
    <Page title="Bulk runs">
      <p className="muted">
        A run is chosen and previewed on the list of{" "}
        <Link to="/workers" search={NOTHING_CHOSEN}>
          workers
        </Link>
        . What it decides, it decides for all of them at once: there is nothing to stop halfway; what was decided can be taken
        back. The latest hundred are kept.
      </p>
      <Panel
        title="What was done to many workers"
        look={look}
        flush
        isEmpty={({ bulks }) => bulks.length === 0}
        empty={<p>Nothing was done to many workers at once yet.</p>}
      >
        {({ bulks }) => (
          <Table caption="Bulk runs, the newest first" rows={bulks} keyOf={(row) => String(row.bulk)} columns={COLUMNS} />
        )}
      </Panel>
    </Page>
  );
}

const COLUMNS: readonly Column<Run>[] = [
  {
    id: "bulk",
    head: "Bulk",
    by: (row) => row.bulk,
    cell: (row) => (
      <Link to="/workers" search={{ ...NOTHING_CHOSEN, bulk: row.bulk }}>
        {row.bulk}
      </Link>
    ),
  },
  { id: "action", head: "What", by: (row) => row.action, cell: (row) => row.action },
  { id: "selector", head: "To which", cell: (row) => (row.selector === "" ? "all" : row.selector) },
  { id: "workers", head: "Workers", numeric: true, by: (row) => row.workers, cell: (row) => String(row.workers) },
  { id: "changed", head: "Changed", numeric: true, by: (row) => row.changed, cell: (row) => String(row.changed) },
  { id: "by", head: "By", cell: (row) => row.by },
  { id: "at", head: "When", by: (row) => row.at, cell: (row) => <When at={row.at} /> },
  { id: "reason", head: "Why", cell: (row) => <Foreign>{row.reason}</Foreign> },
  { id: "undone", head: "Taken back by", cell: (row) => row.undone_by ?? "" },
  { id: "do", head: "", cell: (row) => <Undo bulk={row} /> },
];
