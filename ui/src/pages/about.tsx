/** What this is, and whose work is in it. */
import { getRouteApi, Link } from "@tanstack/react-router";
import { lazy, Suspense } from "react";
import { useStanding } from "../app/standing";
import { Facts } from "../kit/facts";
import { Page } from "../kit/page";
import { Id } from "../kit/values";

declare const __VERSION__: string;

const route = getRouteApi("/about");
/** The texts of licences are long, and for those who ask. */
const Notices = lazy(() => import("./notices"));

export function About() {
  const { tab } = route.useSearch();
  const isNotices = tab === "notices";
  return (
    <Page title="About">
      <nav className="tabs" aria-label="About the console">
        <Link
          to="/about"
          search={{ tab: undefined }}
          activeOptions={{ exact: true }}
          aria-current={isNotices ? undefined : "page"}
        >
          This node
        </Link>
        <Link to="/about" search={{ tab: "notices" }} aria-current={isNotices ? "page" : undefined}>
          Works of others
        </Link>
      </nav>
      {isNotices ? (
        <Suspense fallback={<p role="status">The notices are being loaded.</p>}>
          <Notices />
        </Suspense>
      ) : (
        <ThisNode />
      )}
    </Page>
  );
}

function ThisNode() {
  const { status } = useStanding();
  return (
    <>
      <Facts
        of={[
          ["Node", status === undefined ? "not known yet" : `${status.node}, release ${status.version}`],
          ["Console", __VERSION__],
          ["Cluster", status === undefined ? null : <Id key="cluster" of={status.cluster_id} chars={32} />],
          ["Licence", "MIT or Apache-2.0"],
        ]}
      />
      <p>
        Candles are drawn by TradingView Lightweight Charts™, copyright TradingView, Inc.,{" "}
        <a href="https://www.tradingview.com/" rel="noreferrer">
          tradingview.com
        </a>
        , under the Apache License 2.0.
      </p>
      <p>
        The description of the API: <a href="/v1/openapi.json">/v1/openapi.json</a>, and of the spot dialect:{" "}
        <a href="/v1/openapi-spot.json">/v1/openapi-spot.json</a>.
      </p>
    </>
  );
}
