/** Every network: how far it is scanned, what is switched on, what it may cost. */
import { Link } from "@tanstack/react-router";
import { Act } from "../app/act";
import { type AnswerOf, PACE, useLook } from "../api/look";
import { Instead } from "../kit/diff";
import { Choice } from "../kit/field";
import { Page } from "../kit/page";
import { Panel } from "../kit/panel";
import { Status, Word } from "../kit/status";
import { Table } from "../kit/table";
import { Amount, Foreign, Id } from "../kit/values";
import { type Head, ResumeScan, type Silent, Stand } from "./network-scan";
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
  const heads = scans.data?.value.networks ?? [];
  // What a worker that does not work told last is no news of the network.
  const silent = new Map(
    (workers.data?.value.workers ?? [])
      .filter(({ state }) => state !== "running")
      .map((one) => [one.network ?? "", one] as const),
  );
  return (
    <Page title="Networks">
      <Panel
        title="Chains"
        look={scans}
        flush
        isEmpty={({ networks }) => networks.length === 0}
        empty={<p>No network was scanned yet.</p>}
      >
        {({ networks }) => <Heads heads={networks} silent={silent} />}
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
                cell: (one) => <Amount value={heads.find(({ network }) => network === one.network)?.head} />,
              },
              { id: "endpoints", head: "Endpoints", numeric: true, cell: (one) => String(one.endpoints.length) },
              { id: "tradable", head: "Confirmations to trade", numeric: true, cell: (one) => String(one.tradable) },
              { id: "withdrawable", head: "To withdraw", numeric: true, cell: (one) => String(one.withdrawable) },
              {
                id: "told",
                head: "Fee told last",
                numeric: true,
                cell: (one) => {
                  const told = fees.data?.value.networks.find(({ network }) => network === one.network);
                  return <Amount value={told?.fee ?? "not told"} />;
                },
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

function To({ network }: { network: string }) {
  return (
    <Link to="/networks/$network" params={{ network }}>
      <Foreign>{network}</Foreign>
    </Link>
  );
}

function Heads({ heads, silent }: { heads: readonly Head[]; silent: ReadonlyMap<string, Silent> }) {
  return (
    <Table
      caption="How far each network is scanned"
      rows={heads}
      keyOf={(one) => one.network}
      columns={[
        { id: "network", head: "Network", cell: (one) => <To network={one.network} /> },
        { id: "stand", head: "Stands", cell: (one) => <Stand head={one} silent={silent.get(one.network)} /> },
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
