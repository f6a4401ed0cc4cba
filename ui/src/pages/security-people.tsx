/** The people who administer the exchange, and the roles that say what each may. */
import { Act } from "../app/act";
import { Copied } from "../app/credentials";
import { useSession } from "../app/session";
import { type AnswerOf, useLook } from "../api/look";
import { Instead } from "../kit/diff";
import { Choice, Input } from "../kit/field";
import { Panel } from "../kit/panel";
import { Status, Word } from "../kit/status";
import { Table } from "../kit/table";
import { Foreign, When } from "../kit/values";

type Admin = AnswerOf<"/v1/admins">["admins"][number];

/** What each role is for (docs/operators/people.md). What it allows is the node's to say, and is read from there. */
const ROLES: readonly (readonly [string, string])[] = [
  ["owner", "runs the house: people, rules, the cluster; moves no money"],
  ["security-officer", "sessions, people, secrets, emergencies"],
  ["treasury-operator", "begins movements of money"],
  ["treasury-approver", "approves movements of money that others began"],
  ["compliance", "users, and what the law asks"],
  ["finance", "reads the books"],
  ["support", "helps users; reads"],
  ["operations", "workers, networks, nodes, markets"],
  ["auditor", "reads everything, changes nothing"],
  ["executive", "reads the dashboard"],
];
const NAMES = ROLES.map(([name]) => name);
const TOPICS = { topics: ["people"] } as const;
/** Nobody changes what they may do themselves; the node refuses it too. */
const OWN = "This is your own account: another admin changes it.";
const ENDS = "Its sessions end at once.";

export function Admins() {
  const look = useLook("/v1/admins", {}, TOPICS);
  return (
    <Panel title="Admins" look={look} flush actions={<Make />}>
      {({ admins }) => (
        <Table
          caption="Who administers the exchange"
          rows={admins}
          keyOf={(one) => String(one.admin)}
          columns={[
            { id: "name", head: "Name", by: (one) => one.name, cell: (one) => one.name },
            { id: "person", head: "Person", cell: (one) => <Foreign>{one.person}</Foreign> },
            { id: "status", head: "Status", cell: (one) => <Word of={one.status} /> },
            { id: "roles", head: "Roles", cell: (one) => one.roles.join(", ") },
            { id: "may", head: "May", cell: (one) => <Permissions of={one.permissions} /> },
            {
              id: "from",
              head: "From",
              cell: (one) => (one.addresses.length === 0 ? "anywhere" : one.addresses.join(", ")),
            },
            {
              id: "factor",
              head: "Second factor",
              cell: (one) =>
                one.second_factor ? (
                  `enrolled, ${String(one.recovery_codes)} recovery codes left`
                ) : (
                  <Status tone="warn">missing</Status>
                ),
            },
            { id: "sessions", head: "Sessions", numeric: true, by: (one) => one.sessions, cell: (one) => String(one.sessions) },
            { id: "locked", head: "Locked", cell: (one) => (one.locked_until == null ? "no" : <When at={one.locked_until} />) },
            { id: "do", head: "", cell: (one) => <Changes of={one} /> },
          ]}
        />
      )}
    </Panel>
  );
}

function Changes({ of: one }: { of: Admin }) {
  const { who } = useSession();
  const own = one.admin === who.admin ? OWN : null;
  const further = NAMES.filter((name) => !one.roles.includes(name));
  const named = { name: one.name };
  // What is sent is the whole list, so that is what is shown and what has to have stayed.
  const given = (role: string) => [...one.roles, role];
  const left = (role: string) => one.roles.filter((name) => name !== role);
  return (
    <div className="row">
      <Act
        change="PATCH /v1/admins/{name}"
        names={named}
        label="Give a role"
        subject={({ role }) => `${role} to ${one.name}`}
        whole
        consequence={({ role }) => <After name={one.name} before={one.roles} after={given(role)} />}
        why={own ?? (further.length === 0 ? "It has every role." : null)}
        form={{ role: further[0] ?? "" }}
        fields={({ role }, set) => <RoleChoice of={further} value={role} set={(next) => set({ role: next })} />}
        body={(reason, { role }) => ({ roles: given(role), reason })}
      />
      <Act
        change="PATCH /v1/admins/{name}"
        names={named}
        label="Take a role"
        subject={({ role }) => `${role} of ${one.name}`}
        whole
        consequence={({ role }) => <After name={one.name} before={one.roles} after={left(role)} />}
        why={own ?? (one.roles.length < 2 ? "It has no other role: disable it instead." : null)}
        form={{ role: one.roles[0] ?? "" }}
        fields={({ role }, set) => <RoleChoice of={one.roles} value={role} set={(next) => set({ role: next })} />}
        body={(reason, { role }) => ({ roles: left(role), reason })}
      />
      <Act
        change="PATCH /v1/admins/{name}"
        names={named}
        label={one.status === "active" ? "Disable" : "Enable"}
        subject={one.name}
        consequence={one.status === "active" ? ENDS : "It may sign in again, with what it had."}
        why={own}
        body={(reason) => ({ status: one.status === "active" ? ("disabled" as const) : ("active" as const), reason })}
      />
      <Act
        change="POST /v1/admins/{name}/reset"
        names={named}
        label="Reset the sign-in"
        subject={one.name}
        consequence={`It gets a one-time password, which is shown to you once, and enrols its second factor anew. ${ENDS}`}
        why={own}
        body={(reason) => ({ reason })}
        once={({ name, one_time_password }) => <OneTime name={name} password={one_time_password} />}
      />
    </div>
  );
}

/** The roles that an account has afterwards, all of them. */
function After({ name, before, after }: { name: string; before: readonly string[]; after: readonly string[] }) {
  return (
    <>
      <p>
        <Foreign>{name}</Foreign> has these roles afterwards, and no others:
      </p>
      <Instead of={before.join(", ")} is={after.join(", ")} />
      <p>{ENDS}</p>
    </>
  );
}

function Make() {
  return (
    <Act
      change="POST /v1/admins"
      names={undefined}
      label="New admin"
      subject={({ name }) => (name.trim() === "" ? "the new one" : name.trim())}
      consequence="Its one-time password is shown to you once. Two accounts of one person count as one person."
      form={{ name: "", person: "", role: "support", from: "" }}
      wrong={({ name, person }) =>
        name.trim() === "" ? "Say what is typed to sign in." : person.trim() === "" ? "Say who it is." : null
      }
      fields={({ name, person, role, from }, set) => (
        <>
          <Input
            label="Name"
            help="What is typed to sign in."
            value={name}
            autoComplete="off"
            onChange={(event) => set({ name: event.target.value })}
          />
          <Input
            label="Person"
            help="Who it is: a personnel number, an address of mail."
            value={person}
            autoComplete="off"
            onChange={(event) => set({ person: event.target.value })}
          />
          <RoleChoice of={NAMES} value={role} set={(next) => set({ role: next })} />
          <Input
            label="From these addresses only"
            help="Ranges, apart by commas; from anywhere where nothing is said."
            value={from}
            autoComplete="off"
            onChange={(event) => set({ from: event.target.value })}
          />
        </>
      )}
      body={(reason, { name, person, role, from }) => {
        const ranges = from.split(",").map((one) => one.trim());
        const addresses = ranges.filter((one) => one !== "");
        return {
          name: name.trim(),
          person: person.trim(),
          roles: [role],
          reason,
          ...(addresses.length === 0 ? {} : { addresses }),
        };
      }}
      once={({ name, one_time_password }) => <OneTime name={name} password={one_time_password} />}
    />
  );
}

function RoleChoice({ of, value, set }: { of: readonly string[]; value: string; set: (role: string) => void }) {
  const about = new Map(ROLES);
  return (
    <Choice
      label="Role"
      of={of.map((name) => [name, about.has(name) ? `${name}: ${about.get(name) ?? ""}` : name] as const)}
      value={value}
      onChange={(event) => set(event.target.value)}
    />
  );
}

function OneTime({ name, password }: { name: string; password: string }) {
  return (
    <div className="stack">
      <p>
        Hand it to whoever signs in as{" "}
        <strong>
          <Foreign>{name}</Foreign>
        </strong>
        ; it is valid for one sign-in, which chooses another and enrols an authenticator.
      </p>
      <Copied what="the password">{password}</Copied>
    </div>
  );
}

function Permissions({ of }: { of: readonly string[] }) {
  return (
    <details>
      <summary>{of.length} permissions</summary>
      <Foreign>{of.join(", ")}</Foreign>
    </details>
  );
}

/** What a role allows is known where somebody has that one alone: the node lists what accounts may, not what roles do. */
export function Roles() {
  const look = useLook("/v1/admins", {}, TOPICS);
  return (
    <Panel title="Roles" look={look} flush>
      {({ admins }) => (
        <Table
          caption="Roles, what they are for, and who has them"
          rows={ROLES}
          keyOf={([name]) => name}
          columns={[
            { id: "role", head: "Role", by: ([name]) => name, cell: ([name]) => <strong>{name}</strong> },
            { id: "for", head: "For", cell: ([, about]) => about },
            {
              id: "who",
              head: "Who has it",
              cell: ([name]) => {
                const having = admins.filter(({ roles }) => roles.includes(name)).map((one) => one.name);
                return having.length === 0 ? <span className="muted">nobody</span> : having.join(", ");
              },
            },
            {
              id: "may",
              head: "Allows",
              cell: ([name]) => {
                const alone = admins.find(({ roles }) => roles.length === 1 && roles[0] === name);
                return alone === undefined ? (
                  <span className="muted">not known here: nobody has it alone</span>
                ) : (
                  <Permissions of={alone.permissions} />
                );
              },
            },
          ]}
        />
      )}
    </Panel>
  );
}
