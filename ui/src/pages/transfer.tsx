/** One transfer of the ledger: its entries, what became of it, and what undid it. */
import { getRouteApi } from "@tanstack/react-router";
import { useLook } from "../api/look";
import { Facts } from "../kit/facts";
import { Page } from "../kit/page";
import { Panel } from "../kit/panel";
import { Status } from "../kit/status";
import { shortened } from "../kit/text";
import { Foreign, Id, When } from "../kit/values";
import { Entries, TransferLink } from "./ledger-journal";

const route = getRouteApi("/ledger/transfers/$transfer");

export function Transfer() {
  const { transfer } = route.useParams();
  const look = useLook("/v1/ledger/transfers/{id}", { path: { id: transfer } }, { topics: ["money", "markets"] });
  return (
    <Page title={`Transfer ${shortened(transfer)}`}>
      <Panel title="Standing" look={look}>
        {(one) => (
          <div className="stack">
            <p>
              {one.status === "burnt" ? (
                <Status tone="bad">Burnt: it failed, nothing was booked, and its id cannot be used again.</Status>
              ) : one.reverted_by == null ? (
                <Status tone="good">{one.status}</Status>
              ) : (
                <Status tone="warn">
                  <Foreign>{one.status}</Foreign>, and reverted by <TransferLink id={one.reverted_by} />
                </Status>
              )}
            </p>
            <Facts
              of={[
                ["Id", <Id key="id" of={one.id} chars={64} />],
                ["Booked", one.entries[0] === undefined ? null : <When key="time" at={one.entries[0].time} />],
                ["By", one.entries[0] === undefined ? null : <Foreign key="by">{one.entries[0].actor}</Foreign>],
                ["Note", one.note == null ? null : <Foreign key="note">{one.note}</Foreign>],
                [
                  "Why it failed",
                  one.error == null ? null : (
                    <span key="error">
                      <Foreign>{one.error.message}</Foreign> <span className="code">{one.error.code}</span>
                    </span>
                  ),
                ],
              ]}
            />
          </div>
        )}
      </Panel>
      <Panel
        title="Entries"
        look={look}
        flush
        isEmpty={({ entries }) => entries.length === 0}
        empty={<p>It has none: nothing was booked.</p>}
      >
        {({ entries }) => <Entries rows={entries} within />}
      </Panel>
    </Page>
  );
}
