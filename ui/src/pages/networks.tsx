/** Every network: how far it is scanned, what is switched on, what it may cost. */
import { Link } from "@tanstack/react-router";
import { Act } from "../app/act";
import { type AnswerOf, PACE, useLook } from "../api/look";
import { Choice } from "../kit/field";
import { Page } from "../kit/page";
import { Panel } from "../kit/panel";
import { Status, Word } from "../kit/status";
import { Table } from "../kit/table";
import { Amount, Foreign, Id, When } from "../kit/values";

type Network = AnswerOf<"/v1/networks">["networks"][number];
type Head = AnswerOf<"/v1/scans">["networks"][number];
type SwitchName = "deposits" | "withdrawals" | "sweeps";

/** A network that is so many blocks behind is told. */
const BEHIND_TOLD = 20;

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
                cell: (one) => (
                  <Link to="/networks/$network" params={{ network: one.network }}>
                    <Foreign>{one.network}</Foreign>
                  </Link>
                ),
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

type Silent = ReadonlyMap<string, { worker: string; state: string; since: string }>;

function Heads({ heads, silent }: { heads: readonly Head[]; silent: Silent }) {
  return (
    <Table
      caption="How far each network is scanned"
      rows={heads}
      keyOf={(one) => one.network}
      columns={[
        { id: "network", head: "Network", cell: (one) => one.network },
        {
          id: "stand",
          head: "Stands",
          cell: (one) =>
            one.halted_since != null ? (
              <Status tone="bad">
                stands still since <When at={one.halted_since} />
              </Status>
            ) : silent.has(one.network) ? (
              <Status tone="warn">
                not told since its worker is <Foreign>{silent.get(one.network)?.state}</Foreign>,{" "}
                <When at={silent.get(one.network)?.since} />
              </Status>
            ) : one.behind > BEHIND_TOLD ? (
              <Status tone="warn">behind</Status>
            ) : (
              <Status tone="good">follows</Status>
            ),
        },
        { id: "head", head: "Head", numeric: true, by: (one) => one.head, cell: (one) => <Amount value={one.head} /> },
        { id: "scanned", head: "Scanned", numeric: true, cell: (one) => <Amount value={one.scanned?.height ?? "nothing"} /> },
        { id: "behind", head: "Behind", numeric: true, by: (one) => one.behind, cell: (one) => <Amount value={one.behind} /> },
        { id: "final", head: "Final", numeric: true, cell: (one) => <Amount value={one.finalized ?? "not told"} /> },
        { id: "agreed", head: "Endpoints agree up to", numeric: true, cell: (one) => <Amount value={one.agreed} /> },
        { id: "settled", head: "Deposits can leave up to", numeric: true, cell: (one) => <Amount value={one.settled} /> },
        { id: "hash", head: "Last block", cell: (one) => <Id of={one.scanned?.hash} /> },
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
      consequence={({ state }) => (
        <span className="diff">
          <span aria-hidden="true">−</span>
          <del>
            <Foreign>{network.state}</Foreign>
          </del>
          <span aria-hidden="true">+</span>
          <ins>{state}</ins>
        </span>
      )}
      body={(reason, { state }) => ({ state, reason, if_version: network.version })}
      fields={({ state }, set) => (
        <Choice label="State" of={STATES} value={state} onChange={(event) => set({ state: event.target.value })} />
      )}
    />
  );
}
