/** Settings, flags, and their history: what holds, what a change would come to, who changed what. */
import { getRouteApi, Link } from "@tanstack/react-router";
import { useLook } from "../api/look";
import { Input } from "../kit/field";
import { Page } from "../kit/page";
import { Panel } from "../kit/panel";
import { Table } from "../kit/table";
import { capital } from "../kit/text";
import { Foreign, When } from "../kit/values";
import { Change, Value } from "./settings-change";
import { FlagOne } from "./settings-flag";
import { Flags } from "./settings-flags";
import { History } from "./settings-history";
import { One } from "./settings-one";
import { Policy } from "./settings-policy";

const route = getRouteApi("/settings");
const TABS = ["settings", "flags", "policy", "history"] as const;

export function Settings() {
  const { tab = "settings", find = "", key, place, flag, edit } = route.useSearch();
  return (
    <Page title="Settings">
      <nav className="tabs" aria-label="Kinds of configuration">
        {TABS.map((name) => (
          <Link key={name} to="/settings" search={{ tab: name }} aria-current={tab === name ? "page" : undefined}>
            {capital(name)}
          </Link>
        ))}
      </nav>
      {tab === "flags" ? (
        flag === undefined ? (
          <Flags />
        ) : (
          <FlagOne name={flag} />
        )
      ) : tab === "policy" ? (
        <Policy edit={edit !== undefined} />
      ) : tab === "history" ? (
        <History />
      ) : key === undefined ? (
        <All find={find} />
      ) : (
        <One name={key} place={place} />
      )}
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
                  <Link className="code" to="/settings" search={{ key: one.key }}>
                    <Foreign>{one.key}</Foreign>
                  </Link>
                ),
              },
              {
                id: "value",
                head: "Value",
                cell: (one) => <Value of={one.value} />,
              },
              {
                id: "default",
                head: "Default",
                cell: (one) => (one.is_default ? <span className="muted">holds</span> : <Value of={one.default} />),
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
