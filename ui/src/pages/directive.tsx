/** One directive: what it asks of whom, how far it came, what became of it, and what was done about it. */
import { getRouteApi, Link } from "@tanstack/react-router";
import { PACE, useLook } from "../api/look";
import { isAboutNumber } from "../api/window";
import { ExplainIn } from "../kit/explain";
import { Facts } from "../kit/facts";
import { Page } from "../kit/page";
import { Panel } from "../kit/panel";
import { Word } from "../kit/status";
import { Foreign, When } from "../kit/values";
import { type Directive, DirectiveDeeds } from "./directive-deeds";
import { AuditOf, EventsOf } from "./past-of";

const route = getRouteApi("/directives/$directive");

export function DirectivePage() {
  const { directive } = route.useParams();
  const look = useLook(
    "/v1/directives/{directive}",
    { path: { directive: Number(directive) } },
    { topics: ["directives"], every: PACE.live },
  );
  return (
    <Page
      title={`Directive ${directive}`}
      actions={look.data === undefined ? null : <DirectiveDeeds directive={look.data.value} />}
    >
      <Panel title="Standing" look={look}>
        {(one) => <DirectiveFacts directive={one} />}
      </Panel>
      <AuditOf
        what={`directive ${directive}`}
        target={(target) => isAboutNumber(target, "directive", Number(directive))}
        topics={["directives"]}
      />
      <EventsOf what={`directive ${directive}`} topic="directives" name={directive} />
    </Page>
  );
}

function DirectiveFacts({ directive: one }: { directive: Directive }) {
  return (
    <Facts
      of={[
        ["State", <Word key="state" of={one.state} />],
        ["Since", <When key="since" at={one.since} />],
        ["What it asks for", <Foreign key="action">{one.action}</Foreign>],
        ["What belongs to it", one.payload === "" ? null : <Foreign key="payload">{one.payload}</Foreign>],
        [
          "For",
          one.target.includes("/") ? (
            <Link key="target" to="/workers/$worker" params={{ worker: one.target }} search={{ tab: undefined }}>
              <Foreign>{one.target}</Foreign>
            </Link>
          ) : (
            one.target
          ),
        ],
        ["Asked by", one.by],
        ["Asked for", <When key="issued" at={one.issued_at} />],
        ["Why", <Foreign key="reason">{one.reason}</Foreign>],
        ["Its sender calls it", one.key == null ? null : <Foreign key="key">{one.key}</Foreign>],
        ["Priority", one.priority],
        ["Done twice", one.idempotent ? "it does no harm" : "it may do harm"],
        ["Not dispatched before", <When key="before" at={one.not_before} />],
        ["Not dispatched after", one.deadline == null ? "no deadline" : <When key="deadline" at={one.deadline} />],
        ["Dispatched last", <When key="dispatched" at={one.dispatched_at} />],
        ["Dispatched so far", `${String(one.attempt)} times`],
        ["Attempts failed", `${String(one.failed)}; ${String(one.max_attempts)} end it`],
        [
          "Made pointless by",
          one.superseded_by == null ? null : (
            <Link key="by" to="/directives/$directive" params={{ directive: String(one.superseded_by) }}>
              directive {one.superseded_by}
            </Link>
          ),
        ],
        [
          "Last error",
          one.error == null ? null : (
            <span key="error">
              <Foreign>{one.error}</Foreign> <ExplainIn text={one.error} />
            </span>
          ),
        ],
        ["What came out", one.result === "" ? "nothing was told" : <Foreign key="result">{one.result}</Foreign>],
      ]}
    />
  );
}
