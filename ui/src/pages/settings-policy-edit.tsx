/** Another withdrawal policy in the place of the present one: filled in rule by rule, with what differs before it is proposed. */
import { Link, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { Act } from "../app/act";
import { Beside } from "../app/versus";
import { Button } from "../kit/button";
import { Diff, differing } from "../kit/diff";
import { Choice, Input } from "../kit/field";
import { visible } from "../kit/text";
import { formOf, linesOf, NEW_RULE, policyIn, type PolicyForm, type PolicyView, type RuleForm, wrongIn } from "./policy-words";

interface Props {
  policy: PolicyView;
  /** What the policy says now. */
  lines: readonly string[];
}

const listed = (lines: readonly string[]) => <Diff lines={lines.map((line) => ({ new: line }))} />;

export function PolicyEdit({ policy, lines }: Props) {
  const navigate = useNavigate();
  // What is filled in is of the policy as it was when one began; another version of it meanwhile is told.
  const [base, setBase] = useState(policy);
  const [form, setForm] = useState<PolicyForm>(() => formOf(policy));
  const before = linesOf(base);
  const differs = differing(before, linesOf(policyIn(form)));
  const isStale = policy.version !== base.version;
  const set = (next: Partial<PolicyForm>) => setForm((old) => ({ ...old, ...next }));
  return (
    <section className="stack" aria-label="Another policy">
      <h2>Another policy</h2>
      {isStale ? (
        <Beside
          before={{ holds: listed(before), mine: () => <Diff lines={differs} /> }}
          now={{
            holds: <Diff lines={differing(before, lines)} />,
            changed: policy.changed_at == null ? null : { at: policy.changed_at },
            mine: () => null,
          }}
          form={form}
          anew={() => {
            setBase(policy);
            setForm(formOf(policy));
          }}
        />
      ) : null}
      <ol className="stack">
        {form.rules.map((rule, at) => (
          <li key={rule.key}>
            <RuleFields rule={rule} at={at} rules={form.rules} set={(rules) => set({ rules })} />
          </li>
        ))}
      </ol>
      <div className="row">
        <Button
          onClick={() => {
            const key = Math.max(0, ...form.rules.map((rule) => rule.key)) + 1;
            set({ rules: [...form.rules, { ...NEW_RULE, key }] });
          }}
        >
          Add a rule
        </Button>
      </div>
      <Others form={form} set={set} />
      <section className="stack" aria-label="What differs">
        <h3>What differs</h3>
        {differs.length === 0 ? <p className="muted">Nothing yet.</p> : <Diff lines={differs} />}
      </section>
      <div className="row">
        <Act
          change="PUT /v1/withdrawal-policy"
          names={undefined}
          label="Put it in place"
          subject="the withdrawal policy"
          why={
            isStale
              ? "The policy was changed since you began: begin anew from what it is now."
              : differs.length === 0
                ? "Nothing differs yet."
                : wrongIn(form)
          }
          consequence={
            <>
              <Diff lines={differs} />
              <p>It judges what is confirmed from then on; what waits for approval goes on waiting for what it was told.</p>
            </>
          }
          body={(reason) => ({ ...policyIn(form), if_version: base.version, reason })}
          done={() => {
            void navigate({ to: "/settings", search: { tab: "policy" } });
            return "The policy holds.";
          }}
        />
        <Link to="/settings" search={{ tab: "policy" }}>
          Leave it as it is
        </Link>
      </div>
    </section>
  );
}

const TEXTS: readonly (readonly [Exclude<keyof RuleForm, "key" | "verdict">, string, string?])[] = [
  ["name", "Name"],
  ["usd_from", "Worth, USD, from"],
  ["usd_below", "Worth, USD, below"],
  ["sum_from", "With earlier ones, USD, from"],
  ["window", "Earlier ones within", "Such as 24h."],
  ["assets", "Assets", "With commas; all where there is none."],
  ["networks", "Networks", "With commas; all where there is none."],
  ["destinations", "Kinds of place", "new, listed, internal, lookalike; all where there is none."],
];
const APPROVED: typeof TEXTS = [
  ["needs", "Who approves", "Such as 2 of treasury, 1 of board."],
  ["delay", "Then waits for", "Such as 1h."],
];

interface RuleProps {
  rule: RuleForm;
  at: number;
  rules: readonly RuleForm[];
  set: (rules: RuleForm[]) => void;
}

function RuleFields({ rule, at, rules, set }: RuleProps) {
  const name = rule.name.trim() === "" ? `rule ${String(at + 1)}` : rule.name;
  const change = (next: Partial<RuleForm>) => set(rules.map((one) => (one === rule ? { ...one, ...next } : one)));
  return (
    <fieldset className="stack">
      <legend>{visible(name)}</legend>
      <div className="row">
        <Choice
          label="What becomes of them"
          of={["allow", "approve", "block"]}
          value={rule.verdict}
          onChange={(event) => change({ verdict: event.target.value })}
        />
        {[...TEXTS, ...(rule.verdict === "approve" ? APPROVED : [])].map(([part, label, help]) => (
          <Input
            key={part}
            label={label}
            {...(help === undefined ? {} : { help })}
            autoComplete="off"
            spellCheck={false}
            value={rule[part]}
            onChange={(event) => change({ [part]: event.target.value })}
          />
        ))}
      </div>
      <div className="row">
        <Button
          aria-label={`Earlier: ${visible(name)}`}
          why={at === 0 ? "It is the first." : null}
          onClick={() => set(rules.map((one, i) => (i === at - 1 ? rule : i === at ? (rules[at - 1] ?? one) : one)))}
        >
          Earlier
        </Button>
        <Button aria-label={`Take away: ${visible(name)}`} onClick={() => set(rules.filter((one) => one !== rule))}>
          Take away
        </Button>
      </div>
    </fieldset>
  );
}

/** The limits, the groups, and who may pass whom. */
function Others({ form, set }: { form: PolicyForm; set: (next: Partial<PolicyForm>) => void }) {
  const { limits, groups } = form;
  return (
    <>
      {limits.map((limit, level) => (
        <fieldset key={level} className="row">
          <legend>KYC level {level}</legend>
          {(["day_usd", "month_usd"] as const).map((part) => (
            <Input
              key={part}
              label={part === "day_usd" ? "USD in any 24 hours" : "USD in any 30 days"}
              inputMode="decimal"
              value={limit[part]}
              onChange={(event) =>
                set({ limits: limits.map((one, i) => (i === level ? { ...one, [part]: event.target.value } : one)) })
              }
            />
          ))}
        </fieldset>
      ))}
      {groups.map((group, at) => (
        <fieldset key={at} className="row">
          <legend>{visible(`Group ${group.name}`)}</legend>
          {(["name", "members"] as const).map((part) => (
            <Input
              key={part}
              label={part === "name" ? "Its name" : "Members"}
              {...(part === "name" ? {} : { help: "Numbers of admins; everybody who may approve where there is none." })}
              value={group[part]}
              onChange={(event) =>
                set({ groups: groups.map((one, i) => (i === at ? { ...one, [part]: event.target.value } : one)) })
              }
            />
          ))}
        </fieldset>
      ))}
      <div className="row">
        <Button onClick={() => set({ groups: [...groups, { name: "", members: "" }] })}>Add a group</Button>
        <Button why={groups.length === 0 ? "There is none." : null} onClick={() => set({ groups: groups.slice(0, -1) })}>
          Take the last group away
        </Button>
      </div>
      <Choice
        label="What the hot wallet cannot pay"
        of={[
          ["true", "is passed by what it can pay"],
          ["false", "is passed by nothing behind it"],
        ]}
        value={String(form.small_may_pass)}
        onChange={(event) => set({ small_may_pass: event.target.value === "true" })}
      />
    </>
  );
}
