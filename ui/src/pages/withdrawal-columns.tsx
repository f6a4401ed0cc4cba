/** What every list of withdrawals shows of each: which, how it is, how much, and where to. */
import { Link } from "@tanstack/react-router";
import type { AnswerOf } from "../api/look";
import { Word } from "../kit/status";
import type { Column } from "../kit/table";
import { Amount, Id, When } from "../kit/values";

type Row = AnswerOf<"/v1/withdrawals">["withdrawals"][number];

export const WITHDRAWAL: Column<Row> = {
  id: "number",
  head: "Withdrawal",
  by: (row) => row.withdrawal,
  cell: (row) => (
    <Link to="/withdrawals/$withdrawal" params={{ withdrawal: String(row.withdrawal) }}>
      {row.withdrawal}
    </Link>
  ),
};
export const STATE: Column<Row> = {
  id: "state",
  head: "State",
  by: (row) => row.state,
  cell: (row) => <Word of={row.state} />,
};
export const AMOUNT: Column<Row> = {
  id: "amount",
  head: "Amount",
  numeric: true,
  cell: (row) => <Amount value={row.amount} asset={row.asset} />,
};
export const NETWORK: Column<Row> = { id: "network", head: "Network", by: (row) => row.network, cell: (row) => row.network };
export const TO: Column<Row> = { id: "to", head: "To", cell: (row) => <Id of={row.address} /> };
export const ASKED: Column<Row> = {
  id: "asked",
  head: "Asked for",
  by: (row) => row.requested_at,
  cell: (row) => <When at={row.requested_at} />,
};
