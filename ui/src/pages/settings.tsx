/** Settings, flags, and their history: what holds, what a change would come to, who changed what. */
import { getRouteApi, Link } from "@tanstack/react-router";
import { Act } from "../app/act";
import { type AnswerOf, useLook } from "../api/look";
import { Choice, Input } from "../kit/field";
import { Page } from "../kit/page";
import { Panel } from "../kit/panel";
import { Table } from "../kit/table";
import { capital } from "../kit/text";
import { Foreign, When } from "../kit/values";
import { Flags } from "./settings-flags";

const route = getRouteApi("/settings");
const TABS = ["settings", "flags", "history"] as const;
const HISTORY_ROWS = 100;

type Setting = AnswerOf<"/v1/settings">["settings"][number];

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
