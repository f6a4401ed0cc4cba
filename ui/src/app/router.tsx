/** Which address shows which page. Each page's code is loaded when it is gone to. */
import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Link,
  type ErrorComponentProps,
} from "@tanstack/react-router";
import { Refused } from "../api/client";
import { Button } from "../kit/button";
import { Trouble } from "../kit/panel";
import { type Range, rangeOf } from "../kit/range";
import { Shell } from "./shell";

/** A query's text, where it is one. */
export function textOf(search: Record<string, unknown>, name: string): string | undefined {
  const value = search[name];
  if (typeof value === "number" || value === true) return String(value);
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** A query's whole number, where it is one. */
export function numberOf(search: Record<string, unknown>, name: string): number | undefined {
  const value = Number(search[name]);
  return search[name] !== undefined && search[name] !== "" && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}

interface WorkerSearch {
  tab: string | undefined;
  /** Down to which level lines of the log are shown, and with which text. */
  level?: string | undefined;
  text?: string | undefined;
  /** The moment of the log that a link leads to. */
  at?: string | undefined;
}

interface AboutSearch {
  tab?: string | undefined;
  /** The code that is explained, or the text that is looked for in all of them. */
  code?: string | undefined;
  find?: string | undefined;
}

interface JobsSearch {
  tab: string | undefined;
  /** Those that are over, in place of those that are open. */
  over?: true | undefined;
  queue?: string | undefined;
  state?: string | undefined;
  before?: number | undefined;
}

const root = createRootRoute({ component: Shell, notFoundComponent: NotFound, errorComponent: Failed });

const overview = createRoute({
  getParentRoute: () => root,
  path: "/",
  component: lazyRouteComponent(() => import("../pages/overview"), "Overview"),
});
const history = createRoute({
  getParentRoute: () => root,
  path: "/history",
  component: lazyRouteComponent(() => import("../pages/history"), "History"),
  validateSearch: (search: Record<string, unknown>) => ({
    series: textOf(search, "series"),
    asset: textOf(search, "asset"),
    range: textOf(search, "range"),
    from: textOf(search, "from"),
    to: textOf(search, "to"),
    view: textOf(search, "view"),
  }),
});
const workers = createRoute({
  getParentRoute: () => root,
  path: "/workers",
  component: lazyRouteComponent(() => import("../pages/workers"), "Workers"),
  validateSearch: (search: Record<string, unknown>) => ({
    kind: textOf(search, "kind"),
    network: textOf(search, "network"),
    state: textOf(search, "state"),
    do: textOf(search, "do"),
    bulk: numberOf(search, "bulk"),
  }),
});
const worker = createRoute({
  getParentRoute: () => root,
  path: "/workers/$worker",
  component: lazyRouteComponent(() => import("../pages/worker"), "Worker"),
  validateSearch: (search: Record<string, unknown>): WorkerSearch => ({
    tab: textOf(search, "tab"),
    level: textOf(search, "level"),
    text: textOf(search, "text"),
    at: textOf(search, "at"),
  }),
});
const bulks = createRoute({
  getParentRoute: () => root,
  path: "/workers/bulk",
  component: lazyRouteComponent(() => import("../pages/workers-bulks"), "Bulks"),
});
const approvals = createRoute({
  getParentRoute: () => root,
  path: "/approvals",
  component: lazyRouteComponent(() => import("../pages/approvals"), "Approvals"),
  validateSearch: (search: Record<string, unknown>): { before?: number | undefined } => ({
    before: numberOf(search, "before"),
  }),
});
const approval = createRoute({
  getParentRoute: () => root,
  path: "/approvals/$proposal",
  component: lazyRouteComponent(() => import("../pages/approval"), "Approval"),
});
const cluster = createRoute({
  getParentRoute: () => root,
  path: "/cluster",
  component: lazyRouteComponent(() => import("../pages/cluster"), "Cluster"),
});

const withdrawals = createRoute({
  getParentRoute: () => root,
  path: "/withdrawals",
  component: lazyRouteComponent(() => import("../pages/withdrawals"), "Withdrawals"),
  validateSearch: (search: Record<string, unknown>) => ({
    network: textOf(search, "network"),
    state: textOf(search, "state"),
    user: numberOf(search, "user"),
    before: numberOf(search, "before"),
  }),
});
const withdrawal = createRoute({
  getParentRoute: () => root,
  path: "/withdrawals/$withdrawal",
  component: lazyRouteComponent(() => import("../pages/withdrawal"), "Withdrawal"),
});
const settings = createRoute({
  getParentRoute: () => root,
  path: "/settings",
  component: lazyRouteComponent(() => import("../pages/settings"), "Settings"),
  validateSearch: (
    search: Record<string, unknown>,
  ): {
    tab?: string | undefined;
    find?: string | undefined;
    key?: string | undefined;
    place?: string | undefined;
    flag?: string | undefined;
    edit?: string | undefined;
    before?: number | undefined;
  } => ({
    tab: textOf(search, "tab"),
    find: textOf(search, "find"),
    key: textOf(search, "key"),
    place: textOf(search, "place"),
    flag: textOf(search, "flag"),
    edit: textOf(search, "edit"),
    before: numberOf(search, "before"),
  }),
});
const security = createRoute({
  getParentRoute: () => root,
  path: "/security",
  component: lazyRouteComponent(() => import("../pages/security"), "Security"),
  validateSearch: (
    search: Record<string, unknown>,
  ): { tab?: string | undefined; of?: string | undefined; what?: string | undefined; before?: number | undefined } => ({
    tab: textOf(search, "tab"),
    of: textOf(search, "of"),
    what: textOf(search, "what"),
    before: numberOf(search, "before"),
  }),
});
const maintenance = createRoute({
  getParentRoute: () => root,
  path: "/maintenance",
  component: lazyRouteComponent(() => import("../pages/maintenance"), "Maintenance"),
});

const networks = createRoute({
  getParentRoute: () => root,
  path: "/networks",
  component: lazyRouteComponent(() => import("../pages/networks"), "Networks"),
});
const network = createRoute({
  getParentRoute: () => root,
  path: "/networks/$network",
  component: lazyRouteComponent(() => import("../pages/network"), "Network"),
});
const deposits = createRoute({
  getParentRoute: () => root,
  path: "/deposits",
  component: lazyRouteComponent(() => import("../pages/deposits"), "Deposits"),
  validateSearch: (search: Record<string, unknown>) => ({
    network: textOf(search, "network"),
    user: numberOf(search, "user"),
    waiting: textOf(search, "waiting"),
    before: numberOf(search, "before"),
    tx: textOf(search, "tx"),
  }),
});
const sweeps = createRoute({
  getParentRoute: () => root,
  path: "/sweeps",
  component: lazyRouteComponent(() => import("../pages/sweeps"), "Sweeps"),
  validateSearch: (search: Record<string, unknown>) => ({ network: textOf(search, "network") }),
});
const reconciliation = createRoute({
  getParentRoute: () => root,
  path: "/reconciliation",
  component: lazyRouteComponent(() => import("../pages/reconciliation"), "Reconciliation"),
  validateSearch: (
    search: Record<string, unknown>,
  ): { network?: string | undefined; on?: string | undefined; over?: string | undefined; before?: number | undefined } => ({
    network: textOf(search, "network"),
    on: textOf(search, "on"),
    over: textOf(search, "over"),
    before: numberOf(search, "before"),
  }),
});
const discrepancy = createRoute({
  getParentRoute: () => root,
  path: "/reconciliation/$discrepancy",
  component: lazyRouteComponent(() => import("../pages/discrepancy"), "Discrepancy"),
});
const markets = createRoute({
  getParentRoute: () => root,
  path: "/markets",
  component: lazyRouteComponent(() => import("../pages/markets"), "Markets"),
});
const market = createRoute({
  getParentRoute: () => root,
  path: "/markets/$symbol",
  component: lazyRouteComponent(() => import("../pages/market"), "Market"),
  validateSearch: (search: Record<string, unknown>) => ({ interval: textOf(search, "interval") }),
});
interface LedgerSearch {
  tab: string | undefined;
  user: number | undefined;
  asset?: string | undefined;
  account: number | undefined;
  from: number | undefined;
  at: string | undefined;
}
const ledger = createRoute({
  getParentRoute: () => root,
  path: "/ledger",
  component: lazyRouteComponent(() => import("../pages/ledger"), "Ledger"),
  validateSearch: (search: Record<string, unknown>): LedgerSearch => ({
    tab: textOf(search, "tab"),
    user: numberOf(search, "user"),
    asset: textOf(search, "asset"),
    account: numberOf(search, "account"),
    from: numberOf(search, "from"),
    at: textOf(search, "at"),
  }),
});
const transfer = createRoute({
  getParentRoute: () => root,
  path: "/ledger/transfers/$transfer",
  component: lazyRouteComponent(() => import("../pages/transfer"), "Transfer"),
});
const users = createRoute({
  getParentRoute: () => root,
  path: "/users",
  component: lazyRouteComponent(() => import("../pages/users"), "Users"),
  validateSearch: (search: Record<string, unknown>) => ({ from: numberOf(search, "from") }),
});
const user = createRoute({
  getParentRoute: () => root,
  path: "/users/$user",
  component: lazyRouteComponent(() => import("../pages/user"), "User"),
});
const jobs = createRoute({
  getParentRoute: () => root,
  path: "/jobs",
  component: lazyRouteComponent(() => import("../pages/jobs"), "Jobs"),
  validateSearch: (search: Record<string, unknown>): JobsSearch => ({
    tab: textOf(search, "tab"),
    over: search["over"] === true ? true : undefined,
    queue: textOf(search, "queue"),
    state: textOf(search, "state"),
    before: numberOf(search, "before"),
  }),
});
const job = createRoute({
  getParentRoute: () => root,
  path: "/jobs/$job",
  component: lazyRouteComponent(() => import("../pages/job"), "JobPage"),
});
const directive = createRoute({
  getParentRoute: () => root,
  path: "/directives/$directive",
  component: lazyRouteComponent(() => import("../pages/directive"), "DirectivePage"),
});
const command = createRoute({
  getParentRoute: () => root,
  path: "/commands/$command",
  component: lazyRouteComponent(() => import("../pages/command"), "CommandPage"),
});
const audit = createRoute({
  getParentRoute: () => root,
  path: "/audit",
  component: lazyRouteComponent(() => import("../pages/audit"), "Audit"),
  validateSearch: (search: Record<string, unknown>): Range & { before?: number | undefined; entry?: number | undefined } => ({
    ...rangeOf(search),
    before: numberOf(search, "before"),
    entry: numberOf(search, "entry"),
  }),
});
const about = createRoute({
  getParentRoute: () => root,
  path: "/about",
  component: lazyRouteComponent(() => import("../pages/about"), "About"),
  validateSearch: (search: Record<string, unknown>): AboutSearch => ({
    tab: textOf(search, "tab"),
    code: textOf(search, "code"),
    find: textOf(search, "find"),
  }),
});

export const routeTree = root.addChildren([
  overview,
  history,
  workers,
  worker,
  bulks,
  withdrawals,
  withdrawal,
  approvals,
  approval,
  cluster,
  settings,
  security,
  maintenance,
  networks,
  network,
  deposits,
  sweeps,
  reconciliation,
  discrepancy,
  markets,
  market,
  ledger,
  transfer,
  users,
  user,
  jobs,
  job,
  directive,
  command,
  audit,
  about,
]);

export const router = createRouter({ routeTree, basepath: "/ui", defaultPreload: "intent", scrollRestoration: true });

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}

function NotFound() {
  return (
    <div className="state">
      <h1>There is no such page</h1>
      <p>
        <Link to="/">Overview</Link> lists what there is; <kbd>?</kbd> lists the keys.
      </p>
    </div>
  );
}

function Failed({ error, reset }: ErrorComponentProps) {
  if (error instanceof Refused) return <Trouble refused={error} again={reset} />;
  return (
    <div className="state" role="alert">
      <h1>This page has failed</h1>
      <p>Nothing was changed by it. The others go on.</p>
      <pre>{error instanceof Error ? error.message : String(error)}</pre>
      <Button onClick={reset}>Show it again</Button>
    </div>
  );
}
