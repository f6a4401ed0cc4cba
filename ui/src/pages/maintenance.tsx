/** Stopping: maintenance of a network or of everything, and the emergency. */
import { Act } from "../app/act";
import { type AnswerOf, useLook } from "../api/look";
import { Facts } from "../kit/facts";
import { Page } from "../kit/page";
import { Panel } from "../kit/panel";
import { Status, Word } from "../kit/status";
import { Table } from "../kit/table";
import { Foreign, When } from "../kit/values";
import { Begin, Planned } from "./maintenance-plan";

type Window = AnswerOf<"/v1/maintenance">["windows"][number];

export function Maintenance() {
  const emergency = useLook("/v1/emergency", {}, { topics: ["emergency"] });
  const windows = useLook("/v1/maintenance", {}, { topics: ["emergency", "networks", "cluster"] });
  return (
    <Page title="Maintenance and emergency">
      <Panel title="Emergency" look={emergency}>
        {(now) => (
          <div className="stack">
            {now.stopped ? (
              <>
                <Status tone="bad">
                  <strong>The exchange is stopped.</strong>
                </Status>
                <Facts
                  of={[
                    ["Since", <When key="since" at={now.since} />],
                    ["By", now.by ?? null],
                    ["Why", <Foreign key="why">{now.reason}</Foreign>],
                    ["Blocked", now.blocked.join(", ")],
                    ["Markets", now.markets.map(({ symbol, phase }) => `${symbol}: ${phase}`).join(", ")],
                  ]}
                />
              </>
            ) : (
              <Status tone="good">The exchange runs.</Status>
            )}
            <div className="row">
              {now.stopped ? (
                <Act
                  change="POST /v1/emergency/resume"
                  names={undefined}
                  label="Resume"
                  subject="the exchange"
                  consequence="Signing, withdrawals and sweeps begin again, and markets go back to the phase they were in. It takes two persons once two have approval keys."
                  body={(reason) => ({ reason })}
                />
              ) : (
                <Act
                  change="POST /v1/emergency/stop"
                  names={undefined}
                  label="Stop everything"
                  subject="the exchange"
                  consequence={
                    <>
                      <p>
                        Within two seconds: nothing is signed, no withdrawal leaves, nothing is swept, markets take
                        cancellations alone.
                      </p>
                      <p>Deposits go on to be seen and are credited later. What was sent already is watched to its end.</p>
                    </>
                  }
                  body={(reason) => ({ reason })}
                />
              )}
            </div>
          </div>
        )}
      </Panel>
      <Panel
        title="Maintenance"
        look={windows}
        flush
        actions={
          <>
            <Begin extent="network" />
            <Begin extent="system" />
          </>
        }
        isEmpty={({ windows }) => windows.length === 0}
        empty={<p>None is announced and none is open.</p>}
      >
        {({ windows }) => <Windows windows={windows} />}
      </Panel>
    </Page>
  );
}

function Windows({ windows }: { windows: readonly Window[] }) {
  return (
    <Table
      caption="Maintenance that is announced or open"
      rows={windows}
      keyOf={(one) => String(one.number)}
      columns={[
        { id: "extent", head: "Of", cell: (one) => one.extent },
        { id: "open", head: "Stands", cell: (one) => <Word of={one.open ? "maintenance" : "pending"} /> },
        { id: "from", head: "Begins", cell: (one) => <Planned at={one.starts_at} /> },
        {
          id: "to",
          head: "Ends",
          cell: (one) => (one.ends_at == null ? "when somebody ends it" : <Planned at={one.ends_at} />),
        },
        { id: "banner", head: "Customers are told", cell: (one) => <Foreign>{one.banner}</Foreign> },
        { id: "why", head: "Why", cell: (one) => <Foreign>{one.reason}</Foreign> },
        { id: "by", head: "By", cell: (one) => one.by },
        {
          id: "do",
          head: "",
          cell: (one) => (
            <Act
              change="POST /v1/maintenance/windows/{id}/end"
              names={{ id: one.number }}
              label="End"
              subject={`maintenance of ${one.extent}`}
              body={(reason) => ({ reason })}
            />
          ),
        },
      ]}
    />
  );
}
