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
import { Shell } from "./shell";

/** A query's text, where it is one. */
export function textOf(search: Record<string, unknown>, name: string): string | undefined {
  const value = search[name];
  return typeof value === "string" && value !== "" ? value : typeof value === "number" ? String(value) : undefined;
}

/** A query's whole number, where it is one. */
export function numberOf(search: Record<string, unknown>, name: string): number | undefined {
  const value = Number(search[name]);
  return search[name] !== undefined && search[name] !== "" && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}

const root = createRootRoute({ component: Shell, notFoundComponent: NotFound, errorComponent: Failed });

const overview = createRoute({
  getParentRoute: () => root,
  path: "/",
  component: lazyRouteComponent(() => import("../pages/overview"), "Overview"),
});
const workers = createRoute({
  getParentRoute: () => root,
  path: "/workers",
  component: lazyRouteComponent(() => import("../pages/workers"), "Workers"),
  validateSearch: (search: Record<string, unknown>) => ({
    kind: textOf(search, "kind"),
    network: textOf(search, "network"),
    state: textOf(search, "state"),
  }),
});
const worker = createRoute({
  getParentRoute: () => root,
  path: "/workers/$worker",
  component: lazyRouteComponent(() => import("../pages/worker"), "Worker"),
  validateSearch: (search: Record<string, unknown>) => ({ tab: textOf(search, "tab") }),
});
const approvals = createRoute({
  getParentRoute: () => root,
  path: "/approvals",
  component: lazyRouteComponent(() => import("../pages/approvals"), "Approvals"),
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
  validateSearch: (search: Record<string, unknown>) => ({ tab: textOf(search, "tab"), find: textOf(search, "find") }),
});
const security = createRoute({
  getParentRoute: () => root,
  path: "/security",
  component: lazyRouteComponent(() => import("../pages/security"), "Security"),
});
const maintenance = createRoute({
  getParentRoute: () => root,
  path: "/maintenance",
  component: lazyRouteComponent(() => import("../pages/maintenance"), "Maintenance"),
});

const routeTree = root.addChildren([
  overview,
  workers,
  worker,
  withdrawals,
  withdrawal,
  approvals,
  approval,
  cluster,
  settings,
  security,
  maintenance,
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
