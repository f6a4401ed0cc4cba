/** Directives: those that are open, or those that are over, page by page. */
import { getRouteApi, Link } from "@tanstack/react-router";
import { type AnswerOf, type Look, useLook } from "../api/look";
import { ExplainIn } from "../kit/explain";
import { Narrow } from "../kit/filters";
import { Older } from "../kit/older";
import { Panel } from "../kit/panel";
import { Word } from "../kit/status";
import { type Column, Table } from "../kit/table";
import { Foreign, When } from "../kit/values";
import { type Directive, DirectiveDeeds, SendDirective } from "./directive-deeds";
import { Which } from "./which";

const route = getRouteApi("/jobs");
const STATES = ["pending-approval", "queued", "dispatched", "acked", "running", "needs-review"] as const;
const ROWS = 100;

export function DirectiveList() {
  const { over = false, state, before } = route.useSearch();
  const navigate = route.useNavigate();
  const set = (next: { state?: string | undefined; before?: number | undefined }) =>
    void navigate({ search: (old) => ({ ...old, before: undefined, ...next }) });
  const page = { limit: ROWS, ...(before === undefined ? {} : { before }) };
  const known = STATES.find((one) => one === state);
  const narrowed = { ...page, ...(known === undefined ? {} : { state: known }) };
  const open = useLook("/v1/directives", { query: narrowed }, { topics: ["directives"], enabled: !over });
  const past = useLook("/v1/directives/history", { query: page }, { topics: ["directives"], enabled: over });
  const look: Look<"/v1/directives"> = over ? past : open;
  return (
    <>
      <div className="row" role="search">
        <Which tab="directives" over={over} open="Open" />
        {over ? null : <Narrow label="State" of={STATES} value={known} set={(state) => set({ state })} />}
      </div>
      <Panel
        title={over ? "Directives that are over" : "Open directives"}
        look={look}
        flush
        actions={<SendDirective />}
        isEmpty={({ directives, next_before }) => directives.length === 0 && next_before == null && before === undefined}
        empty={<p>{over ? "No directive is over yet." : "No directive like that is open."}</p>}
        pager={(page) => <Older before={before} next={page?.next_before} go={(before) => set({ before })} />}
      >
        {({ directives, next_before }) => <Directives rows={directives} goesOn={next_before != null} />}
      </Panel>
    </>
  );
}

function Directives({ rows, goesOn }: { rows: AnswerOf<"/v1/directives">["directives"]; goesOn: boolean }) {
  if (rows.length === 0 && goesOn)
    return (
      <p className="muted" style={{ padding: "var(--gap-2) var(--gap-4)" }}>
        None among those that were looked through; older ones may fit.
      </p>
    );
  return <Table caption="Directives, the latest first" rows={rows} keyOf={(row) => String(row.directive)} columns={COLUMNS} />;
}

const COLUMNS: readonly Column<Directive>[] = [
  {
    id: "directive",
    head: "Directive",
    by: (row) => row.directive,
    cell: (row) => (
      <Link to="/directives/$directive" params={{ directive: String(row.directive) }}>
        {row.directive}
      </Link>
    ),
  },
  { id: "action", head: "What", cell: (row) => <Foreign>{row.action}</Foreign> },
  { id: "target", head: "For", cell: (row) => row.target },
  { id: "state", head: "State", cell: (row) => <Word of={row.state} /> },
  { id: "priority", head: "Priority", cell: (row) => row.priority },
  { id: "by", head: "Asked by", cell: (row) => row.by },
  { id: "reason", head: "Why", cell: (row) => <Foreign>{row.reason}</Foreign> },
  {
    id: "error",
    head: "Last error",
    cell: (row) => (
      <>
        <Foreign>{row.error}</Foreign> <ExplainIn text={row.error} />
      </>
    ),
  },
  { id: "since", head: "Since", cell: (row) => <When at={row.since} /> },
  { id: "do", head: "", cell: (row) => <DirectiveDeeds directive={row} /> },
];
