/** Flags: what is on, for whom and until when. */
import { type AnswerOf, useLook } from "../api/look";
import { Act } from "../app/act";
import { Choice, Input } from "../kit/field";
import { Panel } from "../kit/panel";
import { Status } from "../kit/status";
import { Table } from "../kit/table";
import { Foreign, When } from "../kit/values";

type Flag = AnswerOf<"/v1/flags">["flags"][number];

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
