/** A node that is to enter: a token for it, shown this once, with what is typed on its machine; and what comes after. */
import { useState } from "react";
import { Act } from "../app/act";
import type { AnswerOf, Look } from "../api/look";
import { Button } from "../kit/button";
import { Choice, Input } from "../kit/field";
import { Panel } from "../kit/panel";
import { Status } from "../kit/status";
import { visible } from "../kit/text";
import { toast } from "../kit/toast";
import { Id, When } from "../kit/values";

type Peer = AnswerOf<"/v1/cluster/peers">["peers"][number];
interface Form {
  replaces: string;
  ttl: string;
}
interface Place {
  name: string;
  api: string;
  peer: string;
}

/** What goes into a command line as it is: nothing that a shell obeys. */
const PLAIN = /^[A-Za-z0-9._:[\]-]{1,99}$/;
const SPAN = /^(\d+(us|ms|s|m|h|d))+$/;
/** One word of a command line, whatever is in it. */
const quoted = (word: string) => (/^[A-Za-z0-9._:/[\]-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`);

/** What of a new node's place is not said yet. */
function missing({ name, api, peer }: Place): string | null {
  if (!PLAIN.test(name)) return "Name the node: letters, digits, points and hyphens.";
  if (!PLAIN.test(api)) return "Say where clients will reach it, such as 10.0.0.4:8640.";
  return PLAIN.test(peer) ? null : "Say where its peers will reach it, such as 10.0.0.4:8641.";
}

/** The command with which a node enters, at a member that is reached there. */
export function joining(member: string, token: string, { name, api, peer }: Place): string {
  const words = ["--token", token, "--data-dir", "/var/lib/exchequer", "--name", name, "--api", api, "--peer", peer];
  return ["runuser -u exchequer -- exchequer join", quoted(member), ...words.map(quoted)].join(" ");
}

export function Join({ look, leader }: { look: Look<"/v1/cluster/peers">; leader: number | null }) {
  const peers = look.data?.value.peers ?? [];
  const member = peers.find(({ id }) => id === leader)?.api_address ?? window.location.host;
  return (
    <Panel
      title="Adding a node"
      look={look}
      actions={
        <>
          <Tokens peers={peers} member={member} />
          <AddLearner />
        </>
      }
    >
      {() => (
        <ol>
          <li>Install the package on its machine; it stays down until it has joined.</li>
          <li>Make a join token here, and type there what is shown with it.</li>
          <li>The node is then among the members as a learner, which has no vote.</li>
          <li>
            Once it has kept up for a while the autopilot gives it its vote, if the number of voters is odd then;{" "}
            <em>Promote</em> does so at once.
          </li>
        </ol>
      )}
    </Panel>
  );
}

function AddLearner() {
  return (
    <Act
      change="POST /v1/cluster/learners"
      names={undefined}
      label="Add as a learner"
      subject={({ node }) => (node === "" ? "a node" : node)}
      form={{ node: "" }}
      wrong={({ node }) => (node === "" ? "Name the node, or give its id." : null)}
      consequence="A node receives the log from then on. Joining does this by itself: it is for a node whose joining was cut short after it was admitted."
      body={(reason, { node }) => ({ node: /^\d+$/.test(node) ? Number(node) : node, reason })}
      fields={({ node }, set) => (
        <Input
          label="Node"
          help="Its name, or its id."
          value={node}
          autoComplete="off"
          onChange={(event) => set({ node: event.target.value.trim() })}
        />
      )}
    />
  );
}

/** `member` is where the new node reaches one that is in. */
function Tokens({ peers, member }: { peers: readonly Peer[]; member: string }) {
  return (
    <Act<"POST /v1/cluster/tokens", Form>
      change="POST /v1/cluster/tokens"
      names={undefined}
      label="Make a join token"
      subject="a new node"
      form={{ replaces: "", ttl: "15m" }}
      wrong={({ ttl }) => (SPAN.test(ttl) ? null : "How long it is good is a span, such as 15m.")}
      consequence={({ replaces }) => (
        <>
          <p>
            Whoever has the token enters the cluster with one node, once, and gets the keyring that opens every sealed secret.
          </p>
          {replaces === "" ? null : (
            <p>{visible(replaces)} is removed for good once the new node votes, which has to have the same name.</p>
          )}
        </>
      )}
      body={(reason, { ttl, replaces }) => ({ reason, ttl, replace: replaces === "" ? null : replaces })}
      fields={({ replaces, ttl }, set) => (
        <>
          <Choice
            label="In the place of"
            of={[["", "nobody"], ...peers.map(({ node }) => [node, node] as const)]}
            value={replaces}
            onChange={(event) => set({ replaces: event.target.value })}
          />
          <Input
            label="The token is good for"
            help="A span, such as 15m."
            value={ttl}
            autoComplete="off"
            onChange={(event) => set({ ttl: event.target.value.trim() })}
          />
        </>
      )}
      once={({ token, expires_at }) => <Shown token={token} expires={expires_at} member={member} />}
    />
  );
}

interface ShownProps {
  token: string;
  expires: string;
  member: string;
}

/** A token with what is typed on the new node's machine. */
function Shown({ token, expires, member }: ShownProps) {
  const [place, setPlace] = useState<Place>({ name: "", api: "", peer: "" });
  const wrong = missing(place);
  const field = (of: keyof Place, label: string, example: string) => (
    <Input
      label={label}
      placeholder={example}
      value={place[of]}
      autoComplete="off"
      spellCheck={false}
      onChange={(event) => setPlace({ ...place, [of]: event.target.value.trim() })}
    />
  );
  return (
    <div className="stack">
      <p role="status">
        <Status tone="warn">
          It ends <When at={expires} />.
        </Status>
      </p>
      <Id of={token} chars={200} />
      <div className="row">
        {field("name", "The new node's name", "n4")}
        {field("api", "Its address for clients", "10.0.0.4:8640")}
        {field("peer", "Its address for peers", "10.0.0.4:8641")}
      </div>
      {wrong === null ? (
        <>
          <p>Type on its machine:</p>
          <pre>{visible(`${joining(member, token, place)}\nsystemctl start exchequer`)}</pre>
        </>
      ) : null}
      <div className="row">
        <Button why={wrong} onClick={() => copy(joining(member, token, place))}>
          Copy the command
        </Button>
      </div>
    </div>
  );
}

function copy(text: string): void {
  navigator.clipboard.writeText(text).then(
    () => {
      toast("Copied.");
    },
    () => {
      toast("The browser does not let this page copy.", "bad");
    },
  );
}
