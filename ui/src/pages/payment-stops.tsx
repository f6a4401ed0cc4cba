/** What pays nothing out, and how it goes on: whoever lets it go on names what is missing, with what it came to when it was looked at. */
import { Link } from "@tanstack/react-router";
import { Act } from "../app/act";
import type { AnswerOf } from "../api/look";
import { Status } from "../kit/status";
import { Table } from "../kit/table";
import { Amount, Foreign, When } from "../kit/values";

type Stop = AnswerOf<"/v1/reconciliation">["stops"][number];

export function Stops({ stops }: { stops: readonly Stop[] }) {
  return (
    <Table
      caption="What stops withdrawals"
      rows={stops}
      keyOf={(row) => row.stopped}
      columns={[
        {
          id: "stopped",
          head: "Pays nothing out",
          cell: (row) => (
            <Status tone="bad">
              <Foreign>{row.stopped}</Foreign>, since <When at={row.since} />
            </Status>
          ),
        },
        { id: "by", head: "By discrepancies", cell: (row) => <Missing of={row.stopped_by} /> },
        { id: "do", head: "", cell: (row) => <ResumePayments stop={row} /> },
      ]}
    />
  );
}

function ResumePayments({ stop }: { stop: Stop }) {
  return (
    <Act
      change="POST /v1/reconciliation/{stop}/resume"
      names={{ stop: stop.stopped }}
      label="Pay out again"
      subject={stop.stopped}
      consequence={
        <>
          <p>Withdrawals leave again although this is missing:</p>
          <Missing of={stop.stopped_by} />
        </>
      }
      body={(reason) => ({ reason, seen: stop.stopped_by })}
    />
  );
}

function Missing({ of }: { of: Stop["stopped_by"] }) {
  return (
    <ul>
      {of.map(({ discrepancy, difference }) => (
        <li key={discrepancy}>
          <Link to="/reconciliation/$discrepancy" params={{ discrepancy: String(discrepancy) }}>
            discrepancy {discrepancy}
          </Link>
          : <Amount value={difference} asset="smallest units" />
        </li>
      ))}
    </ul>
  );
}
