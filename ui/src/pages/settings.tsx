/** Settings, flags, and their history: what holds, what a change would come to, who changed what. */
import { getRouteApi, Link } from "@tanstack/react-router";
import { Act } from "../app/act";
import { type AnswerOf, useLook } from "../api/look";
import { Choice, Input } from "../kit/field";
import { Page } from "../kit/page";
import { Panel } from "../kit/panel";
import { Status } from "../kit/status";
import { Table } from "../kit/table";
import { capital } from "../kit/text";
import { Foreign, When } from "../kit/values";

const route = getRouteApi("/settings");
const TABS = ["settings", "flags", "history"] as const;
const HISTORY_ROWS = 100;

type Setting = AnswerOf<"/v1/settings">["settings"][number];
type Flag = AnswerOf<"/v1/flags">["flags"][number];

export function Settings() {
  const { tab = "settings", find = "" } = route.useSearch();
  return (
    <Page title="Settings">
      <nav className="tabs" aria-label="Kinds of configuration">
        {TABS.map((name) => (
          <Link
            key={name}
            to="/settings"
            search={{ tab: name, find: undefined }}
            aria-current={tab === name ? "page" : undefined}
          >
            {capital(name)}
          </Link>
        ))}
      </nav>
      {tab === "flags" ? <Flags /> : tab === "history" ? <History /> : <All find={find} />}
    </Page>
  );
}

function All({ find }: { find: string }) {
  const navigate = route.useNavigate();
  const look = useLook("/v1/settings", {}, { topics: ["settings"] });
  return (
    <>
      <div className="row" role="search">
        <Input
          label="With the text"
          value={find}
          onChange={(event) => {
            const text = event.target.value;
            void navigate({ search: (old) => ({ ...old, find: text === "" ? undefined : text }), replace: true });
          }}
        />
      </div>
      <Panel title="Settings" look={look} flush>
        {({ settings }) => (
          <Table
            caption="Settings by key"
            rows={settings.filter(({ key, description }) => `${key} ${description}`.toLowerCase().includes(find.toLowerCase()))}
            keyOf={(one) => one.key}
            columns={[
              {
                id: "key",
                head: "Setting",
                by: (one) => one.key,
                cell: (one) => (
                  <span className="code">
                    <Foreign>{one.key}</Foreign>
                  </span>
                ),
              },
              {
                id: "value",
                head: "Value",
                cell: (one) => (
                  <span className="code">
                    <Foreign>{one.value}</Foreign>
                  </span>
                ),
              },
              {
                id: "default",
                head: "Default",
                cell: (one) =>
                  one.is_default ? (
                    <span className="muted">holds</span>
                  ) : (
                    <span className="code">
                      <Foreign>{one.default}</Foreign>
                    </span>
                  ),
              },
              { id: "what", head: "What it is", cell: (one) => one.description },
              { id: "takes", head: "Takes", cell: (one) => one.takes },
              { id: "effect", head: "Takes effect", cell: (one) => one.takes_effect },
              {
                id: "places",
                head: "Own values in places",
                cell: (one) => one.overrides.map(({ key, value }) => `${key} = ${value}`).join("; "),
              },
              { id: "changed", head: "Changed", cell: (one) => (one.changed == null ? "" : <When at={one.changed.at} />) },
              { id: "do", head: "", cell: (one) => <Change setting={one} /> },
            ]}
          />
        )}
      </Panel>
    </>
  );
}

function Change({ setting }: { setting: Setting }) {
  const usePreview = ({ value }: { value: string }) => {
    const preview = useLook(
      "/v1/settings/preview",
      { query: { key: setting.key, value } },
      { topics: ["settings"], enabled: value !== setting.value && value !== "", every: false },
    );
    const refused = preview.error;
    const seen = value === setting.value ? undefined : preview.data?.value;
    return {
      wrong: value === setting.value ? "Give another value." : refused === null ? null : `${refused.message} ${refused.hint}`,
      consequence: seen === undefined ? `${setting.value} holds now.` : <Preview of={seen} />,
    };
  };
  return (
    <div className="row">
      <Act
        change="PUT /v1/settings/{key}"
        names={{ key: setting.key }}
        label="Change"
        subject={setting.key}
        form={{ value: setting.value }}
        useMore={usePreview}
        body={(reason, { value }) => ({ value, reason, if_revision: setting.revision })}
        fields={({ value }, set) =>
          setting.choices.length === 0 ? (
            <Input
              label="Value"
              help={setting.takes}
              value={value}
              autoComplete="off"
              onChange={(event) => set({ value: event.target.value })}
            />
          ) : (
            <Choice label="Value" of={setting.choices} value={value} onChange={(event) => set({ value: event.target.value })} />
          )
        }
      />
      {setting.is_default ? null : (
        <Act
          change="POST /v1/settings/{key}/unset"
          names={{ key: setting.key }}
          label="Unset"
          subject={setting.key}
          consequence={`The default, ${setting.default}, holds again.`}
          body={(reason) => ({ reason, if_revision: setting.revision })}
        />
      )}
    </div>
  );
}

/** What a change of a setting would come to. */
function Preview({ of: seen }: { of: AnswerOf<"/v1/settings/preview"> }) {
  return (
    <>
      <span className="diff">
        <span aria-hidden="true">−</span>
        <del>
          <Foreign>{seen.from}</Foreign>
        </del>
        <span aria-hidden="true">+</span>
        <ins>
          <Foreign>{seen.to}</Foreign>
        </ins>
      </span>
      <p>
        Takes effect: <Foreign>{seen.takes_effect}</Foreign>
      </p>
      {seen.needs_second_person ? <p>It takes a second person, once two have approval keys.</p> : null}
      {seen.not_in.length === 0 ? null : (
        <p>
          Other values go on to hold in <Foreign>{seen.not_in.join(", ")}</Foreign>.
        </p>
      )}
    </>
  );
}

function Flags() {
  const look = useLook("/v1/flags", {}, { topics: ["settings"] });
  return (
    <Panel
      title="Flags"
      look={look}
      flush
      actions={<SetFlag flag={null} />}
      isEmpty={({ flags }) => flags.length === 0}
      empty={<p>There are no flags yet. One that does not exist is off.</p>}
    >
      {({ flags }) => (
        <Table
          caption="Flags by name"
          rows={flags}
          keyOf={(one) => one.name}
          columns={[
            {
              id: "name",
              head: "Flag",
              by: (one) => one.name,
              cell: (one) => (
                <span className="code">
                  <Foreign>{one.name}</Foreign>
                </span>
              ),
            },
            {
              id: "on",
              head: "Stands",
              cell: (one) => <Status tone={one.on && !one.expired ? "good" : "idle"}>{one.summary}</Status>,
            },
            { id: "what", head: "What it is for", cell: (one) => <Foreign>{one.description}</Foreign> },
            {
              id: "expires",
              head: "Expires",
              cell: (one) => (one.expires_at == null ? "never" : <When at={one.expires_at} />),
            },
            { id: "changed", head: "Changed", cell: (one) => <When at={one.changes[0]?.at} /> },
            {
              id: "do",
              head: "",
              cell: (one) => (
                <div className="row">
                  <SetFlag flag={one} />
                  <Switch flag={one} />
                  <Act
                    change="POST /v1/flags/{name}/remove"
                    names={{ name: one.name }}
                    label="Remove"
                    subject={one.name}
                    consequence="It is off from then on, for everybody."
                    body={(reason) => ({ reason })}
                  />
                </div>
              ),
            },
          ]}
        />
      )}
    </Panel>
  );
}

const PERMILLE = 1_000;

function SetFlag({ flag }: { flag: Flag | null }) {
  const before = flag === null ? "it does not exist: off" : flag.summary;
  const after = (on: boolean, permille: string) => (on ? `on for ${permille} of a thousand subjects` : "off");
  return (
    <Act
      change="PUT /v1/flags/{name}"
      form={{ name: flag?.name ?? "", on: flag?.on ?? true, permille: String(flag?.permille ?? PERMILLE) }}
      names={({ name }) => ({ name })}
      label={flag === null ? "New flag" : "Change"}
      subject={({ name }) => (name === "" ? "a flag" : name)}
      wrong={({ name, permille }) =>
        !/^[a-z][a-z0-9.-]{0,63}$/.test(name)
          ? "A name has lower case letters, digits, dots and hyphens."
          : !/^\d{1,4}$/.test(permille.trim()) || Number(permille) > PERMILLE
            ? "Of a thousand subjects: 0 to 1000."
            : null
      }
      consequence={({ on, permille }) => (
        <span className="diff">
          <span aria-hidden="true">−</span>
          <del>
            <Foreign>{before}</Foreign>
          </del>
          <span aria-hidden="true">+</span>
          <ins>
            <Foreign>{after(on, permille)}</Foreign>
          </ins>
        </span>
      )}
      body={(reason, { on, permille }) => ({
        on,
        permille: Number(permille),
        allowed: flag?.allowed ?? [],
        networks: flag?.networks ?? [],
        expires_at: flag?.expires_at ?? null,
        reason,
        if_version: flag?.version ?? 0,
      })}
      fields={({ name, on, permille }, set) => (
        <>
          {flag === null ? (
            <Input label="Name" value={name} autoComplete="off" onChange={(event) => set({ name: event.target.value })} />
          ) : null}
          <Choice
            label="It is"
            of={["on", "off"]}
            value={on ? "on" : "off"}
            onChange={(event) => set({ on: event.target.value === "on" })}
          />
          <Input
            label="Of a thousand subjects"
            inputMode="numeric"
            value={permille}
            onChange={(event) => set({ permille: event.target.value })}
          />
        </>
      )}
    />
  );
}

/** The one thing that is most often wanted, with nothing else of it changed. */
function Switch({ flag }: { flag: Flag }) {
  return (
    <Act
      change="PUT /v1/flags/{name}"
      names={{ name: flag.name }}
      label={flag.on ? "Switch off" : "Switch on"}
      subject={flag.name}
      consequence={
        <span className="diff">
          <span aria-hidden="true">−</span>
          <del>{flag.on ? "on" : "off"}</del>
          <span aria-hidden="true">+</span>
          <ins>{flag.on ? "off" : "on"}</ins>
        </span>
      }
      body={(reason) => ({
        on: !flag.on,
        permille: flag.permille,
        allowed: flag.allowed,
        networks: flag.networks,
        expires_at: flag.expires_at ?? null,
        reason,
        if_version: flag.version,
      })}
    />
  );
}

function History() {
  const look = useLook("/v1/settings/history", { query: { limit: HISTORY_ROWS } }, { topics: ["settings"] });
  return (
    <Panel
      title="History"
      look={look}
      flush
      isEmpty={({ changes }) => changes.length === 0}
      empty={<p>Nothing was ever changed: every default holds.</p>}
    >
      {({ changes, revision }) => (
        <Table
          caption="Changes of settings, the newest first"
          rows={changes}
          keyOf={(one) => String(one.revision)}
          columns={[
            { id: "revision", head: "Revision", numeric: true, cell: (one) => String(one.revision) },
            {
              id: "key",
              head: "Setting",
              cell: (one) => (
                <span className="code">
                  <Foreign>{one.key}</Foreign>
                </span>
              ),
            },
            {
              id: "diff",
              head: "Change",
              cell: (one) => (
                <span className="diff">
                  <span aria-hidden="true">−</span>
                  <del>
                    <Foreign>{one.from ?? "default"}</Foreign>
                  </del>
                  <span aria-hidden="true">+</span>
                  <ins>
                    <Foreign>{one.to ?? "default"}</Foreign>
                  </ins>
                </span>
              ),
            },
            { id: "by", head: "By", cell: (one) => one.by },
            { id: "reason", head: "Why", cell: (one) => <Foreign>{one.reason}</Foreign> },
            { id: "at", head: "When", cell: (one) => <When at={one.at} /> },
            {
              id: "do",
              head: "",
              cell: (one) => (
                <Act
                  change="POST /v1/settings/revert"
                  names={undefined}
                  label="Back to before this"
                  subject={`revision ${String(one.revision - 1)}`}
                  consequence={`All settings go back to their values before revision ${String(one.revision)}: ${String(revision - one.revision + 1)} changes are undone.`}
                  body={(reason) => ({ to_revision: one.revision - 1, if_revision: revision, reason })}
                />
              ),
            },
          ]}
        />
      )}
    </Panel>
  );
}
