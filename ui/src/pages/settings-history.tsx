/** Who changed which setting, and the way back. */
import { getRouteApi } from "@tanstack/react-router";
import { Act } from "../app/act";
import { type AnswerOf, useLook } from "../api/look";
import { Instead } from "../kit/diff";
import { Older } from "../kit/older";
import { Panel } from "../kit/panel";
import { type Column, Table } from "../kit/table";
import { Foreign, When } from "../kit/values";
import { unread } from "./preview";

const HISTORY_ROWS = 100;

type Change = AnswerOf<"/v1/settings/history">["changes"][number];

/** The way back to before a change, all that came after it included. */
const back = (revision: number): Column<Change> => ({
  id: "do",
  head: "",
  cell: (one) => <Revert to={one.revision - 1} from={revision} />,
});

function Revert({ to, from }: { to: number; from: number }) {
  const useDifference = () => {
    const look = useLook("/v1/settings/diff", { query: { from, to } }, { topics: ["settings"], every: false });
    const differences = look.data?.value.differences;
    return {
      wrong: unread(look),
      consequence: (
        <>
          <p>
            All settings go back to their values as of revision {to}: {from - to} changes are undone.
          </p>
          {differences?.map(({ key, from, to }) => (
            <div key={key}>
              <span className="code">
                <Foreign>{key}</Foreign>
              </span>
              <Instead of={from ?? "default"} is={to ?? "default"} />
            </div>
          ))}
        </>
      ),
    };
  };
  return (
    <Act
      change="POST /v1/settings/revert"
      names={undefined}
      label="Back to before this"
      subject={`revision ${String(to)}`}
      useMore={useDifference}
      body={(reason) => ({ to_revision: to, if_revision: from, reason })}
    />
  );
}

const route = getRouteApi("/settings");

export function History({ of: key }: { of?: string | undefined }) {
  const { before } = route.useSearch();
  const navigate = route.useNavigate();
  const look = useLook(
    "/v1/settings/history",
    {
      query: {
        limit: HISTORY_ROWS,
        ...(key === undefined ? {} : { key }),
        ...(before === undefined ? {} : { before }),
      },
    },
    { topics: ["settings"] },
  );
  return (
    <Panel
      title="History"
      look={look}
      flush
      // Those of one setting are looked for among all, so that there can be more behind a part that is empty.
      isEmpty={({ changes, next_before }) => changes.length === 0 && next_before == null && before === undefined}
      empty={
        key === undefined ? (
          <p>Nothing was ever changed: every default holds.</p>
        ) : (
          <p>
            <span className="code">
              <Foreign>{key}</Foreign>
            </span>{" "}
            was never set.
          </p>
        )
      }
      pager={(page) => (
        <Older
          before={before}
          next={page?.next_before}
          go={(before) => void navigate({ search: (old) => ({ ...old, before }) })}
        />
      )}
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
              cell: (one) => <Instead of={one.from ?? "default"} is={one.to ?? "default"} />,
            },
            { id: "by", head: "By", cell: (one) => one.by },
            { id: "reason", head: "Why", cell: (one) => <Foreign>{one.reason}</Foreign> },
            { id: "at", head: "When", cell: (one) => <When at={one.at} /> },
            ...(key === undefined ? [back(revision)] : []),
          ]}
        />
      )}
    </Panel>
  );
}
