/** Every network: how far it is scanned, what is switched on, what it may cost. */
import type { UseQueryResult } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { Act } from "../app/act";
import type { Refused, Seen } from "../api/client";
import { type AnswerOf, PACE, useLook } from "../api/look";
import { Instead } from "../kit/diff";
import { Choice } from "../kit/field";
import { Page } from "../kit/page";
import { Panel } from "../kit/panel";
import { Status, Word } from "../kit/status";
import { Table } from "../kit/table";
import { Amount, Foreign, Id } from "../kit/values";
import { type Head, ResumeScan, Stand, type Teller, tellerOf } from "./network-scan";
import { Stops } from "./payment-stops";

type Network = AnswerOf<"/v1/networks">["networks"][number];
type SwitchName = "deposits" | "withdrawals" | "sweeps";

/** What the word of a switch comes to. */
const OFF: Readonly<Record<SwitchName, string>> = {
  deposits: "Payments that come are seen and wait: none is credited before it is switched on again.",
  withdrawals: "Nothing is sent. What is queued waits in its order; what is sent is watched to its end.",
  sweeps: "Deposits stay on their addresses.",
};

export function Networks() {
  const networks = useLook("/v1/networks", {}, { topics: ["networks"] });
  const scans = useLook("/v1/scans", {}, { topics: ["networks"], every: PACE.live });
  const workers = useLook("/v1/workers", { query: { kind: "deposit" } }, { topics: ["workers"], every: PACE.live });
  const books = useLook("/v1/reconciliation", {}, { topics: ["money"] });
  const fees = useLook("/v1/gas", {}, { topics: ["money"] });
  return (
    <Page title="Networks">
      <Panel
        title="Chains"
        look={scans}
        flush
        isEmpty={({ networks }) => networks.length === 0}
        empty={<p>No network was scanned yet.</p>}
      >
        {({ networks }) => <Heads heads={networks} tellerOf={(network) => tellerOf(workers, network)} />}
      </Panel>
      <Panel
        title="What stops withdrawals"
        look={books}
        flush
        isEmpty={({ stops }) => stops.length === 0}
        empty={<Status tone="good">No discrepancy does.</Status>}
      >
        {({ stops }) => <Stops stops={stops} />}
      </Panel>
      <Panel title="What they are used for" look={networks} flush>
        {({ networks }) => (
          <Table
            caption="Networks, their switches and limits"
            rows={networks}
            keyOf={(one) => one.network}
            columns={[
              {
                id: "network",
                head: "Network",
                cell: (one) => <To network={one.network} />,
              },
              { id: "state", head: "State", cell: (one) => <Word of={one.state} /> },
              { id: "deposits", head: "Deposits", cell: (one) => <SwitchCell network={one} name="deposits" /> },
              { id: "withdrawals", head: "Withdrawals", cell: (one) => <SwitchCell network={one} name="withdrawals" /> },
              { id: "sweeps", head: "Sweeps", cell: (one) => <SwitchCell network={one} name="sweeps" /> },
              {
                id: "head",
                head: "Head",
                numeric: true,
                cell: (one) => (
                  <Beside look={scans}>
                    {({ networks }) => <Amount value={networks.find(({ network }) => network === one.network)?.head} />}
                  </Beside>
                ),
              },
              { id: "endpoints", head: "Endpoints", numeric: true, cell: (one) => String(one.endpoints.length) },
              { id: "tradable", head: "Confirmations to trade", numeric: true, cell: (one) => String(one.tradable) },
              { id: "withdrawable", head: "To withdraw", numeric: true, cell: (one) => String(one.withdrawable) },
              {
                id: "told",
                head: "Fee told last",
                numeric: true,
                cell: (one) => (
                  <Beside look={fees}>
                    {({ networks }) => (
                      <Amount value={networks.find(({ network }) => network === one.network)?.fee ?? "not told"} />
                    )}
                  </Beside>
                ),
              },
              {
                id: "fee",
                head: "One transaction may cost",
                numeric: true,
                cell: (one) => <Amount value={one.fee_max ?? "no limit set"} />,
              },
            ]}
          />
        )}
      </Panel>
    </Page>
  );
}

/** What another read has of a row: that it could not be read is not that there is none. */
function Beside<T>({ look, children }: { look: UseQueryResult<Seen<T>, Refused>; children: (value: T) => ReactNode }) {
  if (look.data !== undefined)
    return (
      <>
        {children(look.data.value)}
        {look.error === null ? null : <Status tone="warn">what was last seen</Status>}
      </>
    );
  return look.error === null ? <span className="muted">…</span> : <Status tone="warn">could not be read</Status>;
}

function To({ network }: { network: string }) {
  return (
    <Link to="/networks/$network" params={{ network }}>
      <Foreign>{network}</Foreign>
    </Link>
  );
}

function Heads({ heads, tellerOf }: { heads: readonly Head[]; tellerOf: (network: string) => Teller }) {
  return (
    <Table
      caption="How far each network is scanned"
      rows={heads}
      keyOf={(one) => one.network}
      columns={[
        { id: "network", head: "Network", cell: (one) => <To network={one.network} /> },
        { id: "stand", head: "Stands", cell: (one) => <Stand head={one} teller={tellerOf(one.network)} /> },
        { id: "head", head: "Head", numeric: true, by: (one) => one.head, cell: (one) => <Amount value={one.head} /> },
        { id: "scanned", head: "Scanned", numeric: true, cell: (one) => <Amount value={one.scanned?.height ?? "nothing"} /> },
        { id: "behind", head: "Behind", numeric: true, by: (one) => one.behind, cell: (one) => <Amount value={one.behind} /> },
        { id: "final", head: "Final", numeric: true, cell: (one) => <Amount value={one.finalized ?? "not told"} /> },
        { id: "agreed", head: "Endpoints agree up to", numeric: true, cell: (one) => <Amount value={one.agreed} /> },
        { id: "settled", head: "Deposits can leave up to", numeric: true, cell: (one) => <Amount value={one.settled} /> },
        { id: "hash", head: "Last block", cell: (one) => <Id of={one.scanned?.hash} /> },
        { id: "do", head: "", cell: (one) => (one.halted_since == null ? null : <ResumeScan head={one} />) },
      ]}
    />
  );
}

function SwitchCell({ network, name }: { network: Network; name: SwitchName }) {
  const { on, refused } = network[name];
  return (
    <Status tone={!on ? "idle" : refused == null ? "good" : "warn"}>{!on ? "off" : refused == null ? "on" : refused}</Status>
  );
}

/** One switch of a network, by hand. */
export function SwitchAct({ network, name }: { network: Network; name: SwitchName }) {
  const { on } = network[name];
  return (
    <Act
      change="PUT /v1/networks/{network}"
      names={{ network: network.network }}
      label={`${on ? "Switch off" : "Switch on"} ${name}`}
      subject={network.network}
      consequence={on ? OFF[name] : "What waits goes on in its order."}
      body={(reason) => ({ [name]: !on, reason, if_version: network.version })}
    />
  );
}

const STATES = ["enabled", "deposits-only", "withdrawals-only", "suspended", "delisting"] as const;

/** What a network is used for as a whole. */
export function StateAct({ network }: { network: Network }) {
  return (
    <Act
      change="PUT /v1/networks/{network}"
      names={{ network: network.network }}
      label="Change the state"
      subject={network.network}
      form={{ state: network.state }}
      wrong={({ state }) => (state === network.state ? "Choose another state." : null)}
      consequence={({ state }) => <Instead of={network.state} is={state} />}
      body={(reason, { state }) => ({ state, reason, if_version: network.version })}
      fields={({ state }, set) => (
        <Choice label="State" of={STATES} value={state} onChange={(event) => set({ state: event.target.value })} />
      )}
    />
  );
}
