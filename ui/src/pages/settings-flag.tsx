/** One flag: its rule, all of it to be changed, what was done to it, and the way back. */
import { Link } from "@tanstack/react-router";
import { Act } from "../app/act";
import { type AnswerOf, useLook } from "../api/look";
import { Diff, differing, Instead } from "../kit/diff";
import { Facts } from "../kit/facts";
import { Choice, Field, Input } from "../kit/field";
import { NETWORKS } from "../kit/filters";
import { Panel } from "../kit/panel";
import { Status } from "../kit/status";
import { Table } from "../kit/table";
import { Foreign, When } from "../kit/values";
import { type FlagRule, PERMILLE, ruleOf, wordsOf } from "./flag-rule";

export type Flag = AnswerOf<"/v1/flags">["flags"][number];

export function FlagOne({ name }: { name: string }) {
  const look = useLook("/v1/flags/{name}", { path: { name } }, { topics: ["settings"] });
  const flag = look.data?.value;
  return (
    <>
      <p>
        <Link to="/settings" search={{ tab: "flags" }}>
          All flags
        </Link>
      </p>
      <Panel title="Flag" look={look} actions={flag === undefined ? null : <SetFlag flag={flag} />}>
        {(one) => (
          <Facts
            of={[
              ["Name", <Foreign key="name">{one.name}</Foreign>],
              ["Stands", <Stands key="stands" of={one} />],
              ["What it is for", <Foreign key="what">{one.description}</Foreign>],
              ["Of a thousand subjects", String(one.permille)],
              ["And for", one.allowed.length === 0 ? "nobody else" : <Foreign key="for">{one.allowed.join(", ")}</Foreign>],
              ["Networks", one.networks.length === 0 ? "every one" : <Foreign key="on">{one.networks.join(", ")}</Foreign>],
              ["Expires", one.expires_at == null ? "never" : <When key="expires" at={one.expires_at} />],
              ["Version", String(one.version)],
            ]}
          />
        )}
      </Panel>
      <Panel
        title="What was done to it"
        look={look}
        flush
        isEmpty={({ changes }) => changes.length === 0}
        empty={<p>Its history is not kept any more.</p>}
      >
        {(one) => (
          <Table
            caption="Changes of this flag, the newest first"
            rows={one.changes}
            keyOf={(row) => String(row.version)}
            columns={[
              { id: "version", head: "Version", numeric: true, cell: (row) => String(row.version) },
              { id: "was", head: "It was from then on", cell: (row) => <Foreign>{row.summary}</Foreign> },
              { id: "by", head: "By", cell: (row) => <Foreign>{row.by}</Foreign> },
              { id: "why", head: "Why", cell: (row) => <Foreign>{row.reason}</Foreign> },
              { id: "at", head: "When", cell: (row) => <When at={row.at} /> },
              { id: "do", head: "", cell: (row) => <Back flag={one} version={row.version} summary={row.summary} /> },
            ]}
          />
        )}
      </Panel>
    </>
  );
}

export function Stands({ of: flag }: { of: Flag }) {
  return (
    <Status tone={flag.on && !flag.expired ? "good" : "idle"}>
      <Foreign>{flag.summary}</Foreign>
      {flag.expired ? ", and expired" : ""}
    </Status>
  );
}

const OFF: FlagRule = { on: false, permille: PERMILLE, allowed: [], networks: [], expires_at: null };

function presentOf(flag: Flag | null): FlagRule {
  if (flag === null) return OFF;
  const { on, permille, allowed, networks, expires_at } = flag;
  return { on, permille, allowed, networks, expires_at: expires_at ?? null };
}

/** As the API takes a rule. */
export function bodyOf(rule: FlagRule) {
  return { ...rule, allowed: [...rule.allowed], networks: [...rule.networks] as never[] };
}

/** The flag as a version made it. */
function Back({ flag, version, summary }: { flag: Flag; version: number; summary: string }) {
  const rule = ruleOf(summary, presentOf(flag));
  const why = version === flag.version ? "This is what holds." : typeof rule === "string" ? rule : null;
  return (
    <Act
      change="PUT /v1/flags/{name}"
      names={{ name: flag.name }}
      label="Back to this"
      subject={`version ${String(version)} of ${flag.name}`}
      why={why}
      consequence={<Instead of={flag.summary} is={summary} />}
      versus={{ holds: flag.summary, changed: flag.changes[0], mine: () => summary }}
      body={(reason) => ({ ...bodyOf(typeof rule === "string" ? presentOf(flag) : rule), reason, if_version: flag.version })}
    />
  );
}

interface Form {
  name: string;
  on: boolean;
  permille: string;
  description: string;
  allowed: string;
  networks: readonly string[];
  expires: string;
}

function formOf(flag: Flag | null): Form {
  return {
    name: flag?.name ?? "",
    on: flag?.on ?? true,
    permille: String(flag?.permille ?? PERMILLE),
    description: flag?.description ?? "",
    allowed: (flag?.allowed ?? []).join("\n"),
    networks: flag?.networks ?? [],
    expires: flag?.expires_at ?? "",
  };
}

/** A moment that says in which zone it is. */
const MOMENT = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?Z$/;
const SUBJECT_CHARS_MAX = 64;

function wrongWith(form: Form): string | null {
  if (!/^[a-z][a-z0-9._-]{0,63}$/.test(form.name))
    return "A name has lower case letters, digits, dots, underscores and hyphens.";
  if (!/^\d{1,4}$/.test(form.permille.trim()) || Number(form.permille) > PERMILLE) return "Of a thousand subjects: 0 to 1000.";
  const expires = form.expires.trim();
  if (expires !== "" && (!MOMENT.test(expires) || Number.isNaN(Date.parse(expires))))
    return "It expires at a moment in UTC such as 2026-12-31T00:00:00Z, or never.";
  return ruleOfForm(form).allowed.some((subject) => subject.length > SUBJECT_CHARS_MAX)
    ? `A subject has at most ${String(SUBJECT_CHARS_MAX)} characters.`
    : null;
}

function ruleOfForm(form: Form): FlagRule {
  const lines = form.allowed.split("\n").map((line) => line.trim());
  const expires = form.expires.trim();
  return {
    on: form.on,
    permille: Number(form.permille),
    allowed: [...new Set(lines.filter((line) => line !== ""))],
    networks: form.networks,
    expires_at: expires === "" ? null : expires,
  };
}

/** A flag made, or changed in any part of its rule. */
export function SetFlag({ flag }: { flag: Flag | null }) {
  const before = flag === null ? [] : wordsOf(presentOf(flag), flag.description);
  const difference = (form: Form) => <Diff lines={differing(before, wordsOf(ruleOfForm(form), form.description))} />;
  return (
    <Act
      change="PUT /v1/flags/{name}"
      form={formOf(flag)}
      names={({ name }) => ({ name })}
      label={flag === null ? "New flag" : "Change"}
      subject={({ name }) => (name === "" ? "a flag" : name)}
      wrong={wrongWith}
      consequence={(form) => (wrongWith(form) === null ? difference(form) : null)}
      versus={{
        holds: flag === null ? "it does not exist: off" : <Diff lines={before.map((line) => ({ new: line }))} />,
        changed: flag?.changes[0],
        mine: difference,
      }}
      body={(reason, form) => ({
        ...bodyOf(ruleOfForm(form)),
        // None is the present one.
        ...(form.description === (flag?.description ?? "") ? {} : { description: form.description }),
        reason,
        if_version: flag?.version ?? 0,
      })}
      undo={({ summary, version }) => (flag === null ? null : <Undo before={flag} now={summary} version={version} />)}
      fields={(form, set) => <Fields isNew={flag === null} form={form} set={set} />}
    />
  );
}

/** The way back to what was before a change. */
function Undo({ before, now, version }: { before: Flag; now: string; version: number }) {
  return (
    <Act
      change="PUT /v1/flags/{name}"
      names={{ name: before.name }}
      label="Undo"
      subject={before.name}
      detached
      look="quiet"
      consequence={<Instead of={now} is={before.summary} />}
      body={(reason) => ({
        ...bodyOf(presentOf(before)),
        description: before.description,
        reason,
        if_version: version,
      })}
    />
  );
}

function Fields({ isNew, form, set }: { isNew: boolean; form: Form; set: (next: Partial<Form>) => void }) {
  return (
    <>
      {isNew ? (
        <Input label="Name" value={form.name} autoComplete="off" onChange={(event) => set({ name: event.target.value })} />
      ) : null}
      <Input label="What it is for" value={form.description} onChange={(event) => set({ description: event.target.value })} />
      <Choice
        label="It is"
        of={["on", "off"]}
        value={form.on ? "on" : "off"}
        onChange={(event) => set({ on: event.target.value === "on" })}
      />
      <Input
        label="Of a thousand subjects"
        inputMode="numeric"
        value={form.permille}
        onChange={(event) => set({ permille: event.target.value })}
      />
      <Field label="And for these subjects" help="One a line.">
        {(tied) => (
          <textarea {...tied} rows={3} value={form.allowed} onChange={(event) => set({ allowed: event.target.value })} />
        )}
      </Field>
      <fieldset className="row">
        <legend>On these networks; on every one where none is chosen</legend>
        {NETWORKS.map((name) => (
          <label key={name}>
            <input
              type="checkbox"
              checked={form.networks.includes(name)}
              onChange={(event) =>
                set({
                  networks: NETWORKS.filter((one) => (one === name ? event.target.checked : form.networks.includes(one))),
                })
              }
            />{" "}
            {name}
          </label>
        ))}
      </fieldset>
      <Input
        label="Expires"
        help="In UTC, such as 2026-12-31T00:00:00Z; nothing for never."
        value={form.expires}
        autoComplete="off"
        spellCheck={false}
        onChange={(event) => set({ expires: event.target.value })}
      />
    </>
  );
}
