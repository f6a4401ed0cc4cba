/** The withdrawal policy: who must agree, how much may leave, what would become of a withdrawal, and another policy in its place. */
import { Link } from "@tanstack/react-router";
import { type AnswerOf, useLook } from "../api/look";
import { Facts } from "../kit/facts";
import { Panel } from "../kit/panel";
import { Table } from "../kit/table";
import { Amount, Foreign, When } from "../kit/values";
import { linesOf, membersOf, thenOf, whenOf } from "./policy-words";
import { PolicyEdit } from "./settings-policy-edit";
import { Simulate } from "./settings-simulate";

type View = AnswerOf<"/v1/withdrawal-policy">;

export function Policy({ edit }: { edit: boolean }) {
  const look = useLook("/v1/withdrawal-policy", {}, { topics: ["settings", "money"] });
  return (
    <>
      <Panel
        title="Who must agree to withdrawals"
        look={look}
        actions={
          edit ? null : (
            <Link to="/settings" search={{ tab: "policy", edit: "true" }}>
              Change the policy
            </Link>
          )
        }
      >
        {(policy) => <Rules of={policy} />}
      </Panel>
      <Panel title="How much may leave" look={look} flush>
        {({ limits }) => (
          <Table
            caption="What a user may withdraw, by KYC level"
            rows={limits.map((limit, level) => ({ ...limit, level }))}
            keyOf={(row) => String(row.level)}
            columns={[
              { id: "level", head: "KYC level", cell: (row) => String(row.level) },
              { id: "day", head: "In any 24 hours", numeric: true, cell: (row) => <Amount value={row.day_usd} asset="USD" /> },
              {
                id: "month",
                head: "In any 30 days",
                numeric: true,
                cell: (row) => <Amount value={row.month_usd} asset="USD" />,
              },
            ]}
          />
        )}
      </Panel>
      {edit && look.data !== undefined ? <PolicyEdit policy={look.data.value} lines={linesOf(look.data.value)} /> : null}
      {edit ? null : <Simulate />}
    </>
  );
}

function Rules({ of: policy }: { of: View }) {
  return (
    <div className="stack">
      <p>The first rule that a withdrawal fits decides; what fits none is refused.</p>
      {policy.rules.length === 0 ? <p>There is no rule: every withdrawal is refused.</p> : null}
      <ol>
        {policy.rules.map((rule) => (
          <li key={rule.name}>
            <strong>
              <Foreign>{rule.name}</Foreign>
            </strong>
            : <Foreign>{`${whenOf(rule)} ${thenOf(rule)}`}</Foreign>
          </li>
        ))}
      </ol>
      <Facts
        of={[
          ...policy.groups.map(
            ({ name, members }) => [`Group ${name}`, <Foreign key={name}>{membersOf(members)}</Foreign>] as const,
          ),
          [
            "What the hot wallet cannot pay",
            policy.small_may_pass ? "is passed by what it can pay" : "is passed by nothing behind it",
          ],
          ["Version", String(policy.version)],
          ["Changed", <When key="at" at={policy.changed_at} />],
        ]}
      />
    </div>
  );
}
