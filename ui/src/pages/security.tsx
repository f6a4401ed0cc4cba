/** Who may do what: one's own account and sessions, the people and their roles, everybody's keys. */
import { getRouteApi, Link } from "@tanstack/react-router";
import { Act } from "../app/act";
import { useSession } from "../app/session";
import { useLook } from "../api/look";
import { Page } from "../kit/page";
import { Panel } from "../kit/panel";
import { Table } from "../kit/table";
import { Foreign, When } from "../kit/values";
import { OwnAccount } from "./security-own";
import { Admins, Roles } from "./security-people";
import { Keys } from "./security-keys";
import { SignIns } from "./security-sign-ins";

const route = getRouteApi("/security");

export function Security() {
  const { tab } = route.useSearch();
  const isLog = tab === "sign-ins";
  return (
    <Page title="Security">
      <nav className="tabs" aria-label="Parts of security">
        <Link to="/security" search={{}} activeOptions={{ exact: true }} aria-current={isLog ? undefined : "page"}>
          Accounts and sessions
        </Link>
        <Link to="/security" search={{ tab: "sign-ins" }} aria-current={isLog ? "page" : undefined}>
          Sign-ins
        </Link>
      </nav>
      {isLog ? <SignIns /> : <Accounts />}
    </Page>
  );
}

function Accounts() {
  const { can } = useSession();
  return (
    <>
      <OwnAccount />
      <OpenSessions />
      {can("approvals.read") ? <Keys /> : null}
      {can("people.read") ? (
        <>
          <Admins />
          <Roles />
        </>
      ) : null}
    </>
  );
}

function OpenSessions() {
  const look = useLook("/v1/sessions", {}, { topics: ["people"] });
  const { who } = useSession();
  return (
    <Panel
      title="Open sessions"
      look={look}
      flush
      actions={
        <Act
          change="POST /v1/sessions/revoke"
          names={undefined}
          label="Sign out everywhere else"
          subject={who.name}
          consequence="All your sessions but this one end at once."
          body={(reason) => ({ reason })}
        />
      }
    >
      {({ sessions }) => (
        <Table
          caption="Open sessions"
          rows={sessions}
          keyOf={(one) => one.session}
          columns={[
            {
              id: "name",
              head: "Whose",
              by: (one) => one.name,
              cell: (one) =>
                one.own ? (
                  <strong>
                    <Foreign>{one.name}</Foreign> (this one)
                  </strong>
                ) : (
                  one.name
                ),
            },
            { id: "from", head: "From", cell: (one) => one.address ?? "unknown" },
            { id: "agent", head: "With", cell: (one) => <Foreign>{one.agent}</Foreign> },
            { id: "opened", head: "Opened", by: (one) => one.opened_at, cell: (one) => <When at={one.opened_at} /> },
            { id: "seen", head: "Used", by: (one) => one.seen_at, cell: (one) => <When at={one.seen_at} /> },
            { id: "over", head: "Ends", cell: (one) => <When at={one.over_at} /> },
            {
              id: "do",
              head: "",
              cell: (one) => (
                <Act
                  change="POST /v1/sessions/revoke"
                  names={undefined}
                  label="End"
                  subject={`the session of ${one.name} from ${one.address ?? "an unknown address"}`}
                  consequence={
                    <p>
                      It was opened <When at={one.opened_at} /> with <Foreign>{one.agent}</Foreign>, and used last{" "}
                      <When at={one.seen_at} />. It ends at once.
                    </p>
                  }
                  why={one.own ? "This is the one you are using: sign out." : null}
                  body={(reason) => ({ session: one.session, name: one.name, reason })}
                />
              ),
            },
          ]}
        />
      )}
    </Panel>
  );
}
