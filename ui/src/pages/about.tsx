/** What this is, and whose work is in it. */
import { getRouteApi, Link } from "@tanstack/react-router";
import { lazy, Suspense } from "react";
import { useStanding } from "../app/standing";
import { Facts } from "../kit/facts";
import { Page } from "../kit/page";
import { Id } from "../kit/values";

declare const __VERSION__: string;

const route = getRouteApi("/about");
/** These texts are long, and for those who ask. */
const LONG = {
  codes: ["Codes", lazy(() => import("./codes"))],
  notices: ["Works of others", lazy(() => import("./notices"))],
} as const;
const NAMES = ["codes", "notices"] as const;

export function About() {
  const { tab } = route.useSearch();
  const long = NAMES.find((name) => name === tab);
  const Long = long === undefined ? null : LONG[long][1];
  return (
    <Page title="About">
      <nav className="tabs" aria-label="About the console">
        <Link
          to="/about"
          search={{ tab: undefined }}
          activeOptions={{ exact: true }}
          aria-current={long === undefined ? "page" : undefined}
        >
          This node
        </Link>
        {NAMES.map((name) => (
          <Link key={name} to="/about" search={{ tab: name }} aria-current={long === name ? "page" : undefined}>
            {LONG[name][0]}
          </Link>
        ))}
      </nav>
      {Long === null ? (
        <ThisNode />
      ) : (
        <Suspense fallback={<p role="status">The texts are being loaded.</p>}>
          <Long />
        </Suspense>
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
