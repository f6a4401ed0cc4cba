/** The withdrawal policy in words, and its rules as the fields of a form. */
import type { BodyOf } from "../api/change";
import type { AnswerOf } from "../api/look";
import { grouped } from "../kit/text";

export type PolicyView = AnswerOf<"/v1/withdrawal-policy">;
export type Rule = PolicyView["rules"][number];
type Sent = BodyOf<"PUT /v1/withdrawal-policy">;

const usd = (amount: string) => `${grouped(amount)} USD`;

function needsOf(needs: Rule["needs"]): string {
  return (needs ?? []).map(({ count, group }) => `${String(count)} of ${group}`).join(", ");
}

/** What a rule is for. */
export function whenOf(rule: Rule): string {
  const { assets = [], networks = [], destinations = [], usd_from, usd_below, accumulated } = rule;
  const parts = [
    assets.length === 0 ? "" : `of ${assets.join(" or ")}`,
    networks.length === 0 ? "" : `on ${networks.join(" or ")}`,
    destinations.length === 0 ? "" : `to a place that is ${destinations.join(" or ")}`,
    usd_from == null ? "" : `worth ${usd(usd_from)} or more`,
    usd_below == null ? "" : `worth less than ${usd(usd_below)}`,
    accumulated == null
      ? ""
      : `worth ${usd(accumulated.usd_from)} or more together with what the user withdrew within ${accumulated.window}`,
  ].filter((part) => part !== "");
  return parts.length === 0 ? "all withdrawals" : `withdrawals ${parts.join(", ")}`;
}

/** What becomes of what it is for. */
export function thenOf(rule: Rule): string {
  if (rule.verdict === "allow") return "go on without anybody's approval";
  if (rule.verdict === "block") return "are refused";
  if (rule.verdict !== "approve") return rule.verdict;
  const needs = needsOf(rule.needs);
  const delay = rule.delay == null ? "" : `, then wait for ${rule.delay}`;
  return `${needs === "" ? "wait for nobody" : `wait for the approval of ${needs}`}${delay}`;
}

/** What a policy says, line by line, for a diff: the order of its rules is what it says too. */
export function linesOf(policy: Pick<PolicyView, "rules" | "groups" | "limits" | "small_may_pass">): string[] {
  return [
    ...policy.rules.map((rule) => `${rule.name}: ${whenOf(rule)} ${thenOf(rule)}`),
    ...policy.groups.map(({ name, members }) => `group ${name}: ${membersOf(members)}`),
    ...policy.limits.map(
      ({ day_usd, month_usd }, level) =>
        `KYC level ${String(level)}: ${usd(day_usd)} in any 24 hours, ${usd(month_usd)} in any 30 days`,
    ),
    policy.small_may_pass
      ? "what the hot wallet can pay passes what it cannot"
      : "nothing passes what the hot wallet cannot pay",
  ];
}

export function membersOf(members: readonly number[] | undefined): string {
  return members === undefined || members.length === 0
    ? "everybody who may approve movements of money"
    : `admins ${members.join(", ")}`;
}

/** A rule as it is typed: every part as text. */
export interface RuleForm {
  key: number;
  name: string;
  verdict: string;
  assets: string;
  networks: string;
  destinations: string;
  usd_from: string;
  usd_below: string;
  sum_from: string;
  window: string;
  needs: string;
  delay: string;
}

export interface PolicyForm {
  rules: readonly RuleForm[];
  groups: readonly { name: string; members: string }[];
  limits: readonly { day_usd: string; month_usd: string }[];
  small_may_pass: boolean;
}

const joined = (list: readonly (string | number)[] | undefined) => (list ?? []).join(", ");
const split = (text: string) =>
  text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");

export function formOf(policy: PolicyView): PolicyForm {
  return {
    rules: policy.rules.map((rule, key) => ({
      key,
      name: rule.name,
      verdict: rule.verdict,
      assets: joined(rule.assets),
      networks: joined(rule.networks),
      destinations: joined(rule.destinations),
      usd_from: rule.usd_from ?? "",
      usd_below: rule.usd_below ?? "",
      sum_from: rule.accumulated?.usd_from ?? "",
      window: rule.accumulated?.window ?? "",
      needs: needsOf(rule.needs),
      delay: rule.delay ?? "",
    })),
    groups: policy.groups.map(({ name, members }) => ({ name, members: joined(members) })),
    limits: policy.limits.map((limit) => ({ ...limit })),
    small_may_pass: policy.small_may_pass,
  };
}

export const NEW_RULE: Omit<RuleForm, "key"> = {
  name: "",
  verdict: "approve",
  assets: "",
  networks: "",
  destinations: "",
  usd_from: "",
  usd_below: "",
  sum_from: "",
  window: "",
  needs: "1 of treasury",
  delay: "",
};

function needsIn(text: string): NonNullable<Rule["needs"]> {
  return split(text).map((part) => {
    const [, count = "0", group = ""] = /^(\d{1,3}) of (.+)$/.exec(part) ?? [];
    return { count: Number(count), group };
  });
}

function ruleIn(form: RuleForm): Rule {
  const text = (value: string) => value.trim();
  const isApproved = form.verdict === "approve";
  return {
    name: text(form.name),
    verdict: form.verdict,
    ...(split(form.assets).length === 0 ? {} : { assets: split(form.assets) }),
    ...(split(form.networks).length === 0 ? {} : { networks: split(form.networks) }),
    ...(split(form.destinations).length === 0 ? {} : { destinations: split(form.destinations) }),
    ...(text(form.usd_from) === "" ? {} : { usd_from: text(form.usd_from) }),
    ...(text(form.usd_below) === "" ? {} : { usd_below: text(form.usd_below) }),
    ...(text(form.sum_from) === "" ? {} : { accumulated: { usd_from: text(form.sum_from), window: text(form.window) } }),
    ...(isApproved && text(form.needs) !== "" ? { needs: needsIn(form.needs) } : {}),
    ...(isApproved && text(form.delay) !== "" ? { delay: text(form.delay) } : {}),
  };
}

/** The policy that a form says, as the API takes it. */
export function policyIn(form: PolicyForm): Pick<Sent, "rules" | "groups" | "limits"> & { small_may_pass: boolean } {
  return {
    rules: form.rules.map(ruleIn),
    groups: form.groups.map(({ name, members }) => ({ name: name.trim(), members: split(members).map(Number) })),
    limits: form.limits.map(({ day_usd, month_usd }) => ({ day_usd: day_usd.trim(), month_usd: month_usd.trim() })),
    small_may_pass: form.small_may_pass,
  };
}

const AMOUNT = /^\d+(\.\d{1,18})?$/;
const SPAN = /^\s*(\d+(us|ms|s|m|h|d))+\s*$/;

/** What of a form the node would not take, as far as that is known here. */
export function wrongIn(form: PolicyForm): string | null {
  for (const rule of form.rules) {
    const of = `Rule ${rule.name.trim() === "" ? "without a name" : rule.name}`;
    if (rule.name.trim() === "") return "Every rule has a name.";
    for (const amount of [rule.usd_from, rule.usd_below, rule.sum_from])
      if (amount.trim() !== "" && !AMOUNT.test(amount.trim())) return `${of}: an amount in US dollars has digits and a point.`;
    if ((rule.sum_from.trim() === "") !== (rule.window.trim() === "")) return `${of}: a sum has an amount and a time.`;
    for (const span of [rule.window, rule.delay])
      if (span.trim() !== "" && !SPAN.test(span)) return `${of}: a time is such as 24h or 30m.`;
    if (rule.verdict === "approve" && !split(rule.needs).every((part) => /^[1-9]\d{0,2} of .+$/.test(part)))
      return `${of}: who approves is such as 2 of treasury.`;
  }
  if (form.groups.some(({ name }) => name.trim() === "")) return "Every group has a name.";
  if (!form.groups.every(({ members }) => split(members).every((one) => /^[1-9]\d{0,9}$/.test(one))))
    return "Members are numbers of admins, with commas between.";
  return form.limits.every(({ day_usd, month_usd }) => AMOUNT.test(day_usd.trim()) && AMOUNT.test(month_usd.trim()))
    ? null
    : "A limit is an amount in US dollars.";
}
