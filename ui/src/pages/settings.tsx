/** Settings, flags, and their history: what holds, what a change would come to, who changed what. */
import { getRouteApi, Link } from "@tanstack/react-router";
import { Act } from "../app/act";
import { useLook } from "../api/look";
import { Input } from "../kit/field";
import { Page } from "../kit/page";
import { Panel } from "../kit/panel";
import { Table } from "../kit/table";
import { capital } from "../kit/text";
import { Foreign, When } from "../kit/values";
import { ChangeSetting } from "./setting-change";
import { Flags } from "./settings-flags";

const route = getRouteApi("/settings");
const TABS = ["settings", "flags", "history"] as const;
const HISTORY_ROWS = 100;

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
              { id: "do", head: "", cell: (one) => <ChangeSetting setting={one} /> },
            ]}
          />
        )}
      </Panel>
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
