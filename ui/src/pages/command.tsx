/** What became of a command whose answer was lost. */
import { getRouteApi } from "@tanstack/react-router";
import { type AnswerOf, useLook } from "../api/look";
import { Explain } from "../kit/explain";
import { Facts } from "../kit/facts";
import { Page } from "../kit/page";
import { Panel } from "../kit/panel";
import { Status } from "../kit/status";
import { Foreign, Id } from "../kit/values";
import { LookUp } from "./look-up";

const route = getRouteApi("/commands/$command");
type Outcome = AnswerOf<"/v1/commands/{id}">;

export function CommandPage() {
  const { command } = route.useParams();
  const look = useLook("/v1/commands/{id}", { path: { id: command } });
  return (
    <Page title="Command">
      <LookUp />
      <Panel title="What became of it" look={look}>
        {(outcome) => (
          <div className="stack">
            <p>
              <Id of={command} chars={32} />
            </p>
            {outcome.status === "done" ? <Done outcome={outcome} /> : <Rejected outcome={outcome} />}
          </div>
        )}
      </Panel>
      <p className="muted">
        Outcomes are kept for a day. That none is known says nothing for certain: the command may never have arrived, may be
        under way still, or may be older than that.
      </p>
    </Page>
  );
}

function Done({ outcome }: { outcome: Extract<Outcome, { status: "done" }> }) {
  const { kind, ...rest } = outcome.effect;
  const told = Object.entries(rest).map(
    ([name, value]) => [name.replaceAll("_", " "), typeof value === "string" ? value : JSON.stringify(value)] as const,
  );
  return (
    <>
      <p>
        <Status tone="good">It took effect: {kind}</Status>
      </p>
      <Facts of={told} />
    </>
  );
}

function Rejected({ outcome: { error } }: { outcome: Extract<Outcome, { status: "rejected" }> }) {
  return (
    <>
      <p>
        <Status tone="bad">It was refused and changed nothing.</Status>
      </p>
      <p>
        <strong>
          <Foreign>{error.message}</Foreign>
        </strong>{" "}
        <span className="code">{error.code}</span> <Explain code={error.code} />
      </p>
      {error.hint === "" ? null : (
        <p className="muted">
          <Foreign>{error.hint}</Foreign>
        </p>
      )}
    </>
  );
}
