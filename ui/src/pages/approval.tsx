/** One proposal: what would be done, who agrees. */
import { getRouteApi } from "@tanstack/react-router";
import { useLook } from "../api/look";
import { Facts } from "../kit/facts";
import { Page } from "../kit/page";
import { Panel } from "../kit/panel";
import { Word } from "../kit/status";
import { Foreign, Id, When } from "../kit/values";

const route = getRouteApi("/approvals/$proposal");

export function Approval() {
  const { proposal } = route.useParams();
  const look = useLook("/v1/proposals/{id}", { path: { id: Number(proposal) } }, { topics: ["approvals"] });
  return (
    <Page title={`Proposal ${proposal}`}>
      <Panel title="What would be done" look={look}>
        {(one) => (
          <Facts
            of={[
              ["State", <Word key="state" of={one.state} />],
              ...one.lines.map(({ name, value }) => [name, <Foreign key={name}>{value}</Foreign>] as const),
              ["Reason", <Foreign key="reason">{one.reason}</Foreign>],
              ["Proposed by", one.initiator],
              ["Expires", <When key="expires" at={one.expires_at} />],
              ["Hash", <Id key="hash" of={one.hash} />],
            ]}
          />
        )}
      </Panel>
    </Page>
  );
}
