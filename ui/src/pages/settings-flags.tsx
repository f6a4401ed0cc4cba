/** Flags: what is on, for whom and until when. */
import { Link } from "@tanstack/react-router";
import { useLook } from "../api/look";
import { Act } from "../app/act";
import { Instead } from "../kit/diff";
import { Panel } from "../kit/panel";
import { Table } from "../kit/table";
import { Foreign, When } from "../kit/values";
import { type Flag, SetFlag, Stands } from "./settings-flag";

export function Flags() {
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
                <Link className="code" to="/settings" search={{ tab: "flags", flag: one.name }}>
                  <Foreign>{one.name}</Foreign>
                </Link>
              ),
            },
            {
              id: "on",
              head: "Stands",
              cell: (one) => <Stands of={one} />,
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

/** The one thing that is most often wanted, with nothing else of it changed. */
function Switch({ flag }: { flag: Flag }) {
  return (
    <Act
      change="PUT /v1/flags/{name}"
      names={{ name: flag.name }}
      label={flag.on ? "Switch off" : "Switch on"}
      subject={flag.name}
      consequence={<Instead of={flag.on ? "on" : "off"} is={flag.on ? "off" : "on"} />}
      versus={{ holds: flag.summary, changed: flag.changes[0], mine: () => (flag.on ? "off" : "on") }}
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
