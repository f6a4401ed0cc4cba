/** What this is, and whose work is in it. */
import { useStanding } from "../app/standing";
import { Facts } from "../kit/facts";
import { Page } from "../kit/page";
import { Id } from "../kit/values";

declare const __VERSION__: string;

export function About() {
  const { status } = useStanding();
  return (
    <Page title="About">
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
    </Page>
  );
}
