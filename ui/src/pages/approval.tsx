/** One proposal: what would be done, who agrees; approved by a signature over the operation whose words are shown. */
import { getRouteApi } from "@tanstack/react-router";
import { Act } from "../app/act";
import { SignedAct } from "../app/signed-act";
import { useStanding } from "../app/standing";
import { type AnswerOf, useLook } from "../api/look";
import { approvalBytes, operationHash } from "../api/signing";
import { Facts } from "../kit/facts";
import { Page } from "../kit/page";
import { Panel } from "../kit/panel";
import { Word } from "../kit/status";
import { Foreign, Id, When } from "../kit/values";

const route = getRouteApi("/approvals/$proposal");
type Proposal = AnswerOf<"/v1/proposals/{id}">;

export function Approval() {
  const { proposal } = route.useParams();
  const look = useLook("/v1/proposals/{id}", { path: { id: Number(proposal) } }, { topics: ["approvals"] });
  const one = look.data?.value;
  return (
    <Page title={`Proposal ${proposal}`} actions={one?.state === "waiting" ? <Deeds proposal={one} /> : null}>
      <Panel title="What would be done" look={look}>
        {(one) => (
          <Facts
            of={[
              ["State", <Word key="state" of={one.state} />],
              ...operation(one),
              ["Reason", <Foreign key="reason">{one.reason}</Foreign>],
              ["Proposed by", one.initiator],
              [
                "Approved",
                `${String(one.approvals.length)} of ${String(one.needed)}: ${one.approvals.map(({ admin }) => `admin ${String(admin)}`).join(", ")}`,
              ],
              ["May be approved by whoever may", one.permission],
              ["Expires", <When key="expires" at={one.expires_at} />],
              ["Hash that approvals sign", <Id key="hash" of={one.hash} chars={64} />],
            ]}
          />
        )}
      </Panel>
    </Page>
  );
}

function operation({ lines }: Proposal): (readonly [string, React.ReactNode])[] {
  return lines.map(({ name, value }) => [name, <Foreign key={name}>{value}</Foreign>] as const);
}

function Deeds({ proposal: one }: { proposal: Proposal }) {
  const { status } = useStanding();
  const names = { id: one.number };
  return (
    <div className="row">
      <SignedAct
        change="POST /v1/proposals/{id}/approve"
        names={names}
        label="Approve"
        title={`Approve proposal ${String(one.number)}`}
        why={status === undefined ? "It is not known yet which cluster this is." : null}
        bytes={() => {
          if (operationHash(one.operation) !== one.hash) {
            throw new Error("The hash that the node shows is not that of this operation. Nothing is signed.");
          }
          return approvalBytes(status?.cluster_id ?? "", one.number, one.hash, one.expires_us);
        }}
        body={(key, signature) => ({ key, signature })}
        done={`Proposal ${String(one.number)} has your approval.`}
      >
        <Facts of={operation(one)} />
        <p className="muted">
          These words are the node&apos;s; the signature is over the operation&apos;s bytes. The command line makes the words
          itself: exchequer approve sign {one.number}
        </p>
      </SignedAct>
      <Act
        change="POST /v1/proposals/{id}/reject"
        names={names}
        label="Reject"
        subject={`proposal ${String(one.number)}`}
        consequence="It ends, and cannot be approved any more."
        body={(reason) => ({ reason })}
      />
      <Act
        change="POST /v1/proposals/{id}/revoke"
        names={names}
        label="Take back"
        subject={`proposal ${String(one.number)}`}
        consequence="It ends. Only whoever proposed it can take it back."
        body={(reason) => ({ reason })}
      />
    </div>
  );
}
