/** The members, who leads, who lags, what is saved, and what can be done about it. */
import { Act } from "../app/act";
import { CAME } from "../app/elsewhere";
import { useStanding } from "../app/standing";
import { type AnswerOf, PACE, useLook } from "../api/look";
import { Facts } from "../kit/facts";
import { Page } from "../kit/page";
import { Panel } from "../kit/panel";
import { Status, Word } from "../kit/status";
import { Table } from "../kit/table";
import { save } from "../kit/save";
import { grouped, span } from "../kit/text";
import { Foreign, Id, When } from "../kit/values";
import { Join } from "./cluster-join";

type Peer = AnswerOf<"/v1/cluster/peers">["peers"][number];

export function Cluster() {
  const { look, status } = useStanding();
  const peers = useLook("/v1/cluster/peers", {}, { topics: ["cluster"], every: PACE.live });
  return (
    <Page title="Cluster">
      <Panel title="Standing" look={look}>
        {(node) => (
          <div className="stack">
            {node.problems.length === 0 ? (
              <Status tone="good">Nothing is wrong.</Status>
            ) : (
              <ul style={{ listStyle: "none" }}>
                {node.problems.map((problem) => (
                  <li key={problem}>
                    <Status tone="warn">{problem}</Status>
                  </li>
                ))}
              </ul>
            )}
            <Facts
              of={[
                ["Answered by", `${node.node} (${node.role})`],
                ["Leader", node.leader ?? "none"],
                ["May fail", `${String(node.failure_tolerance)} of ${String(node.voters)} voters`],
                ["Applied", `${String(node.applied)} of ${String(node.last_index)} entries, term ${String(node.term)}`],
                ["On stable storage", `up to entry ${String(node.flushed)}`],
                ["Snapshot", node.snap_index == null ? "none yet" : `up to entry ${String(node.snap_index)}`],
                ["State hash", <Id key="hash" of={node.state_hash} />],
                ["Cluster", <Id key="cluster" of={node.cluster_id} />],
                ["Signer", node.signer == null ? "no vault on this node" : <Word key="signer" of={node.signer.state} />],
              ]}
            />
          </div>
        )}
      </Panel>
      <Panel
        title="Members"
        look={peers}
        flush
        actions={status === undefined ? null : <Snapshot node={status.node} cluster={status.cluster_id} />}
      >
        {({ peers }) => <Members peers={peers} leader={status?.leader_id ?? null} />}
      </Panel>
      <Join look={peers} leader={status?.leader_id ?? null} />
    </Page>
  );
}

function Members({ peers, leader }: { peers: readonly Peer[]; leader: number | null }) {
  const voters = peers.filter(({ voter }) => voter).length;
  return (
    <Table
      caption="Members of the cluster"
      rows={peers}
      keyOf={(peer) => String(peer.id)}
      columns={[
        { id: "node", head: "Node", cell: (peer) => peer.node, by: (peer) => peer.node },
        { id: "state", head: "State", cell: (peer) => <Word of={peer.state} />, by: (peer) => peer.state },
        { id: "voter", head: "Votes", cell: (peer) => (peer.voter ? "yes" : "no") },
        {
          id: "behind",
          head: "Entries behind",
          numeric: true,
          cell: (peer) => (peer.trails_leader_by == null ? "" : String(peer.trails_leader_by)),
          by: (peer) => peer.trails_leader_by ?? -1,
        },
        {
          id: "contact",
          head: "Heard of",
          cell: (peer) => (peer.last_contact_ms == null ? "answers here" : `${span(peer.last_contact_ms)} ago`),
          by: (peer) => peer.last_contact_ms ?? -1,
        },
        {
          id: "snap",
          head: "Snapshot",
          cell: (peer) => snapshotOf(peer),
          by: (peer) => peer.snap_index ?? -1,
        },
        { id: "since", head: "Healthy since", cell: (peer) => <When at={peer.stable_since} /> },
        {
          id: "api",
          head: "API",
          cell: (peer) => (
            <a href={`https://${peer.api_address}/ui/cluster?${CAME}=1`}>
              <Foreign>{peer.api_address}</Foreign>
            </a>
          ),
        },
        { id: "version", head: "Version", cell: (peer) => peer.version },
        { id: "do", head: "", cell: (peer) => <Deeds peer={peer} isLeader={peer.id === leader} voters={voters} /> },
      ]}
    />
  );
}

/** How far a member is behind, in words. */
function behind({ trails_leader_by }: Peer): string {
  if (trails_leader_by == null) return "as far behind as nobody knows";
  return trails_leader_by === 0 ? "behind by nothing" : `${grouped(String(trails_leader_by))} entries behind`;
}

/** Up to where a member's latest snapshot goes, and what its log holds beyond that. When it was taken no member tells. */
export function snapshotOf({ snap_index, last_index }: Pick<Peer, "snap_index" | "last_index">): string {
  if (snap_index == null) return "none yet";
  const beyond = Math.max(0, last_index - snap_index);
  return `up to entry ${String(snap_index)}, ${grouped(String(beyond))} entries before its last`;
}

/** A snapshot of this moment, as a file of whoever asks for it. */
function Snapshot({ node, cluster }: { node: string; cluster: string }) {
  return (
    <Act
      change="POST /v1/snapshot"
      names={undefined}
      label="Save a snapshot"
      long
      subject={node}
      consequence="The node takes a snapshot, verifies it, and this browser saves it as one file. Nothing is stopped. The file is of use with the keyring's export alone."
      body={(reason) => ({ reason })}
      done={(file) => {
        const at = new Date().toISOString().replaceAll(/[:.]/g, "-");
        const name = `exchequer-${cluster.slice(0, 8).replaceAll(/\W/g, "")}-${at}.tar.zst`;
        save(file as Blob, name);
        return `Saved as ${name}. Look whether it is whole: exchequer snapshot inspect ${name}`;
      }}
    />
  );
}

function Deeds({ peer, isLeader, voters }: { peer: Peer; isLeader: boolean; voters: number }) {
  return (
    <div className="row">
      {peer.voter ? (
        <Act
          change="POST /v1/cluster/transfer-leader"
          names={undefined}
          label="Make leader"
          subject={peer.node}
          why={isLeader ? "It leads already." : peer.state === "unreachable" ? "It cannot be reached." : null}
          consequence="The present leader stops its workers; the next one starts them. Changes wait for about a second."
          body={(reason) => ({ to: peer.node, reason })}
        />
      ) : (
        <Act
          change="POST /v1/cluster/promote"
          names={undefined}
          label="Promote"
          subject={peer.node}
          why={peer.state === "unreachable" ? "It cannot be reached." : null}
          consequence={`From then on its vote is needed for a majority. It is ${behind(peer)}.`}
          body={(reason) => ({ node: peer.node, reason, force: false })}
        />
      )}
      <Act
        change="POST /v1/cluster/remove"
        names={undefined}
        label="Remove"
        subject={peer.node}
        why={isLeader ? "It leads: make another node the leader first." : null}
        consequence={
          peer.voter
            ? `It is gone for good, and its data folder can never come back. ${String(voters - 1)} voters are left.`
            : "It is gone for good, and its data folder can never come back."
        }
        body={(reason) => ({ node: peer.node, reason })}
      />
    </div>
  );
}
