/** Approval keys: everybody's, and the one of this browser. */
import { useQueryClient } from "@tanstack/react-query";
import { Act } from "../app/act";
import { keptKey, makeKey } from "../app/approval-key";
import type { KnownAsset } from "../app/known-assets";
import { useSession } from "../app/session";
import { SignedAct, useOwnKey } from "../app/signed-act";
import { useStanding } from "../app/standing";
import { type AnswerOf, look, useLook } from "../api/look";
import { confirmationBytes } from "../api/signing";
import { Button } from "../kit/button";
import { Facts } from "../kit/facts";
import { Input } from "../kit/field";
import { Panel } from "../kit/panel";
import { Status, Word } from "../kit/status";
import { Table } from "../kit/table";
import { toast } from "../kit/toast";
import { Foreign, Id, When } from "../kit/values";

type Key = AnswerOf<"/v1/approval-keys">["keys"][number];

export function Keys() {
  const look = useLook("/v1/approval-keys", {}, { topics: ["approvals"] });
  return (
    <Panel title="Approval keys" look={look}>
      {({ keys, in_force_since }) => (
        <div className="stack">
          <p>
            {in_force_since == null ? (
              <Status tone="warn">
                The two-person rule is not in force: two persons who may approve changes must have confirmed keys.
              </Status>
            ) : (
              <Status tone="good">
                The two-person rule is in force since <When at={in_force_since} />.
              </Status>
            )}
          </p>
          <OwnKey />
          <KeyTable keys={keys} />
        </div>
      )}
    </Panel>
  );
}

/** The key of this browser: made here, enrolled by its public half. */
function OwnKey() {
  const { who, can } = useSession();
  const client = useQueryClient();
  const { kept, enrolled, why } = useOwnKey();
  const { status } = useStanding();
  /** What assets are according to this node now; what this person may not read is learned from what is approved. */
  const assets = async (): Promise<readonly KnownAsset[]> => {
    if (!can("markets.read")) return [];
    const listed = await client.query(look("/v1/assets"));
    const listings = can("configuration.read") ? (await client.query(look("/v1/listings"))).value.listings : [];
    return listed.value.assets.map(({ number, code }) => ({
      number,
      code,
      decimals: Object.fromEntries(
        listings.filter(({ asset }) => asset === code).map(({ network, decimals }) => [network, decimals]),
      ),
    }));
  };
  const make = async () => {
    if ((await keptKey(who.name)) !== undefined) return;
    await makeKey(who.name, await assets());
    await client.invalidateQueries({ queryKey: ["own key"] });
    toast("A key was made. It is of use once it is enrolled, and confirmed by another person.");
  };
  return (
    <div className="stack">
      <Facts
        of={[
          ["This browser's key", kept === null ? "none" : <Id key="key" of={kept.publicKey} chars={64} />],
          ["It is", enrolled === undefined ? kept === null ? null : "not enrolled" : <Word key="state" of={enrolled.state} />],
          ["So", why],
        ]}
      />
      <p className="muted">
        A browser&apos;s key is for one node, at the address of this page: make, enrol and have confirmed one at every node at
        which you may have to approve. A node that follows takes approvals too.
      </p>
      <div className="row">
        {kept === null ? (
          <Button
            look="main"
            onClick={() => {
              make().catch((error: unknown) => toast(error instanceof Error ? error.message : String(error), "bad"));
            }}
          >
            Make a key in this browser
          </Button>
        ) : null}
        {kept !== null && enrolled === undefined ? (
          <Act
            change="POST /v1/approval-keys"
            names={undefined}
            label="Enrol it"
            subject="approval key"
            consequence="Read the public key to the person who confirms it, in the same room or over another channel."
            anywhere
            form={{ label: status === undefined ? "browser" : `browser at ${status.node}` }}
            body={(reason, { label }) => ({ label, public_key: kept.publicKey, reason })}
            fields={({ label }, set) => (
              <Input label="Label" value={label} maxLength={60} onChange={(event) => set({ label: event.target.value })} />
            )}
          />
        ) : null}
      </div>
    </div>
  );
}

function KeyTable({ keys }: { keys: readonly Key[] }) {
  const { who } = useSession();
  return (
    <Table
      caption="Keys with which people approve"
      rows={keys}
      keyOf={(one) => String(one.number)}
      columns={[
        { id: "number", head: "Key", numeric: true, cell: (one) => String(one.number) },
        { id: "person", head: "Person", cell: (one) => <Foreign>{one.person}</Foreign> },
        { id: "label", head: "Label", cell: (one) => <Foreign>{one.label}</Foreign> },
        { id: "state", head: "State", cell: (one) => <Word of={one.state} /> },
        { id: "public", head: "Public key", cell: (one) => <Id of={one.public_key} chars={24} /> },
        { id: "by", head: "Confirmed by", cell: (one) => one.confirmed_by ?? "" },
        { id: "at", head: "Enrolled", cell: (one) => <When at={one.enrolled_at} /> },
        {
          id: "do",
          head: "",
          cell: (one) => (
            <div className="row">
              {one.state === "enrolled" ? <Confirm of={one} isOwn={one.admin === who.admin} /> : null}
              {one.state === "revoked" ? null : (
                <Act
                  change="POST /v1/approval-keys/{id}/revoke"
                  names={{ id: one.number }}
                  label="Revoke"
                  subject={`key ${String(one.number)}`}
                  consequence="For ever: what it approved and is not carried out yet counts no more."
                  body={(reason) => ({ reason })}
                />
              )}
            </div>
          ),
        },
      ]}
    />
  );
}

function Confirm({ of: key, isOwn }: { of: Key; isOwn: boolean }) {
  const { status } = useStanding();
  return (
    <SignedAct
      change="POST /v1/approval-keys/{id}/confirm"
      names={{ id: key.number }}
      label="Confirm"
      subject={String(key.number)}
      title={`Confirm key ${String(key.number)} of ${key.person}`}
      why={isOwn ? "Another person confirms it." : null}
      about="You sign that this key, number for number, is its owner's."
      unconfirmed
      reasoned
      bytes={() => {
        if (status === undefined) throw new Error("It is not known yet which cluster this is.");
        return confirmationBytes(status.cluster_id, key.number, key.admin, key.public_key);
      }}
      body={(own, signature, reason) => ({ public_key: key.public_key, with: own, signature, reason })}
      done={() => ({ tone: "good", text: `Key ${String(key.number)} is confirmed.` })}
    >
      <p>Compare it with what its owner reads to you, in the same room or over another channel:</p>
      <pre>
        <Foreign>{key.public_key}</Foreign>
      </pre>
    </SignedAct>
  );
}
