/** One proposal: what would be done, who agrees; approved by a signature over the operation whose words are shown. */
import { getRouteApi } from "@tanstack/react-router";
import { Act } from "../app/act";
import { type Outcome, SignedAct } from "../app/signed-act";
import { useStanding } from "../app/standing";
import type { ResultOf } from "../api/change";
import { type AnswerOf, useLook } from "../api/look";
import { approvalBytes, operationHash } from "../api/signing";
import { Facts } from "../kit/facts";
import { Page } from "../kit/page";
import { Panel } from "../kit/panel";
import { Status, Word } from "../kit/status";
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
              [
                "State",
                one.state === "refused-at-execution" ? (
                  <Status key="state" tone="bad">
                    {one.state}
                  </Status>
                ) : (
                  <Word key="state" of={one.state} />
                ),
              ],
              [
                "It could not be carried out because",
                refusalOf(one) === null ? null : (
                  <Status key="refusal" tone="bad">
                    {refusalOf(one)}
                  </Status>
                ),
              ],
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

/** What an approval came to: the last one that is needed carries it out, or cannot. */
function outcomeOf(number: number, result: ResultOf<"POST /v1/proposals/{id}/approve">): Outcome {
  const what = `Proposal ${String(number)}`;
  const { state, refusal, approvals, needed } = result;
  if (refusal != null || state === "refused-at-execution")
    return { tone: "bad", text: `${what} was approved and could not be carried out: ${refusal ?? "the node did not say why"}` };
  if (state === "executed") return { tone: "good", text: `${what} is approved and carried out.` };
  return { tone: "info", text: `${what} has your approval: ${String(approvals)} of ${String(needed)}.` };
}

/** Why it could not be carried out, where the node says so. */
function refusalOf(proposal: object): string | null {
  return "refusal" in proposal && typeof proposal.refusal === "string" ? proposal.refusal : null;
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
        subject={String(one.number)}
        title={`Approve proposal ${String(one.number)}`}
        about="You sign the operation's bytes, this proposal's number and when it expires. The words below are the node's."
        shown={one.lines}
        why={
          status === undefined
            ? "It is not known yet which cluster this is."
            : one.lines.length === 0
              ? `This node cannot say what it would do, so it is not signed here: exchequer approve sign ${String(one.number)}`
              : null
        }
        bytes={() => {
          if (operationHash(one.operation) !== one.hash) {
            throw new Error("The hash that the node shows is not that of this operation. Nothing is signed.");
          }
          return approvalBytes(status?.cluster_id ?? "", one.number, one.hash, one.expires_us);
        }}
        body={(key, signature) => ({ key, signature })}
        done={(result) => outcomeOf(one.number, result)}
      >
        <Facts
          of={[
            ...operation(one),
            ["Proposed by", one.initiator],
            ["Reason", <Foreign key="reason">{one.reason}</Foreign>],
            ["Expires", <When key="expires" at={one.expires_at} />],
          ]}
        />
        <p className="muted">
          The command line makes these words itself, from the bytes that are signed: exchequer approve sign {one.number}
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
