/** The sums of an account, as every list of accounts shows them. */
import type { AnswerOf } from "../api/look";
import type { Column } from "../kit/table";
import { Amount } from "../kit/values";

type Account = AnswerOf<"/v1/ledger/accounts">["accounts"][number];

export const SUMS: readonly Column<Account>[] = [
  { id: "posted", head: "Posted", numeric: true, cell: (row) => <Amount value={row.posted} /> },
  { id: "available", head: "Can leave", numeric: true, cell: (row) => <Amount value={row.available} /> },
  { id: "held", head: "Held", numeric: true, cell: (row) => <Amount value={row.held} /> },
  { id: "reserved", head: "In orders", numeric: true, cell: (row) => <Amount value={row.reserved} /> },
];
