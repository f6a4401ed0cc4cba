/** One network: switches, assets, endpoints, wallets' gas, and what its workers say. */
import { getRouteApi, Link } from "@tanstack/react-router";
import { Act } from "../app/act";
import { type AnswerOf, PACE, useLook } from "../api/look";
import { Facts } from "../kit/facts";
import { Page } from "../kit/page";
import { Panel } from "../kit/panel";
import { Status, Word } from "../kit/status";
import { Table } from "../kit/table";
import { capital } from "../kit/text";
import { Amount, Foreign, When } from "../kit/values";
import { EndpointsAct, LimitsAct } from "./network-change";
import { Payments, Scan, tellerOf } from "./network-scan";
import { StateAct, SwitchAct } from "./networks";

const route = getRouteApi("/networks/$network");
type View = AnswerOf<"/v1/networks/{network}">;

export function Network() {
  const { network } = route.useParams();
  const look = useLook("/v1/networks/{network}", { path: { network: network } }, { topics: ["networks"] });
  const workers = useLook("/v1/workers", { query: { network: network } }, { topics: ["workers"], every: PACE.live });
  const gas = useLook("/v1/gas", {}, { topics: ["money"] });
  return (
    <Page title={network}>
      <Panel title="What it is used for" look={look}>
        {(one) => (
          <div className="stack">
            <Facts
              of={[
                ["State", <Word key="state" of={one.state} />],
                ["Confirmations to trade with", String(one.tradable)],
                ["Confirmations to withdraw", String(one.withdrawable)],
                ["One transaction may cost", <Amount key="fee" value={one.fee_max ?? "no limit set"} />],
                ["Highest rate offered", <Amount key="rate" value={one.fee_rate_max ?? "no limit set"} />],
                ["Changed", <When key="at" at={one.changed_at} />],
              ]}
            />
            <div className="row">
              <LimitsAct network={one} />
              <StateAct network={one} />
              <SwitchAct network={one} name="deposits" />
              <SwitchAct network={one} name="withdrawals" />
              <SwitchAct network={one} name="sweeps" />
            </div>
          </div>
        )}
      </Panel>
      <Scan network={network} teller={tellerOf(workers, network)} />
      <Payments network={network} />
      <Panel
        title="Endpoints"
        look={look}
        actions={look.data === undefined ? null : <EndpointsAct network={look.data.value} />}
        isEmpty={({ endpoints }) => endpoints.length === 0}
        empty={<p>It has none: nothing is read from it.</p>}
      >
        {({ endpoints }) => (
          <div className="stack">
            <ol>
              {endpoints.map((one) => (
                <li key={one} className="code">
                  <Foreign>{one}</Foreign>
                </li>
              ))}
            </ol>
            <p className="muted">
              In the order in which they are tried. One that could not be used for a minute is named by the network&apos;s
              deposit worker, below; up to which height they agree is told under Scan.
            </p>
          </div>
        )}
      </Panel>
      <Panel
        title="Assets with switches of their own"
        look={look}
        flush
        isEmpty={({ assets }) => assets.length === 0}
        empty={<p>None: all follow the network.</p>}
      >
        {(one) => <Assets of={one} />}
      </Panel>
      <Panel
        title="Gas"
        look={gas}
        isEmpty={({ networks }) => !networks.some((one) => one.network === network)}
        empty={<p>No fee was told yet.</p>}
      >
        {({ networks }) => {
          const one = networks.find((each) => each.network === network);
          return one === undefined ? null : (
            <Facts
              of={[
                ["Fee as it was told last", <Amount key="fee" value={one.fee ?? "not told"} />],
                ["What can wait goes up to", <Amount key="gate" value={one.fee_gate ?? "not known yet"} />],
                ["Brought to addresses today", <Amount key="today" value={one.topped_today} asset={one.asset} />],
                ["The day's budget", <Amount key="budget" value={one.budget_usd} asset="USD" />],
                ...one.runways.map(
                  (runway) =>
                    [
                      `${runway.role} wallets last`,
                      <Status
                        key={runway.role}
                        tone={runway.level === "fine" ? "good" : runway.level === "P2" ? "warn" : "bad"}
                      >
                        {runway.hours == null ? "longer than can be said" : `${String(runway.hours)} hours`} with{" "}
                        <Foreign>{runway.balance}</Foreign>
                      </Status>,
                    ] as const,
                ),
              ]}
            />
          );
        }}
      </Panel>
      <Panel
        title="Its workers"
        look={workers}
        flush
        isEmpty={({ workers }) => workers.length === 0}
        empty={<p>It has none: nothing happens there.</p>}
      >
        {({ workers }) => (
          <Table
            caption="Workers of this network"
            rows={workers}
            keyOf={(one) => one.worker}
            columns={[
              {
                id: "worker",
                head: "Worker",
                cell: (one) => (
                  <Link to="/workers/$worker" params={{ worker: one.worker }} search={{ tab: undefined }}>
                    <Foreign>{one.worker}</Foreign>
                  </Link>
                ),
              },
              { id: "state", head: "State", cell: (one) => <Word of={one.state} /> },
              { id: "why", head: "Why", cell: (one) => <Foreign>{one.why ?? ""}</Foreign> },
            ]}
          />
        )}
      </Panel>
    </Page>
  );
}

function Assets({ of: network }: { of: View }) {
  return (
    <Table
      caption="Assets with switches of their own on this network"
      rows={network.assets}
      keyOf={(one) => one.asset}
      columns={[
        { id: "asset", head: "Asset", cell: (one) => <Foreign>{one.asset}</Foreign> },
        ...(["deposits", "withdrawals", "sweeps"] as const).map((name) => ({
          id: name,
          head: capital(name),
          cell: (one: View["assets"][number]) => <Status tone={one[name] ? "good" : "idle"}>{one[name] ? "on" : "off"}</Status>,
        })),
        {
          id: "do",
          head: "",
          cell: (one) => (
            <div className="row">
              {(["deposits", "withdrawals"] as const).map((name) => (
                <Act
                  key={name}
                  change="POST /v1/networks/{network}/assets"
                  names={{ network: network.network }}
                  label={`${one[name] ? "Switch off" : "Switch on"} ${name}`}
                  subject={one.asset}
                  body={(reason) => ({ asset: one.asset, [name]: !one[name], reason })}
                />
              ))}
            </div>
          ),
        },
      ]}
    />
  );
}
