/** A worker by its name, as every list of workers leads to it. */
import { Link } from "@tanstack/react-router";
import type { Column } from "../kit/table";
import { Foreign } from "../kit/values";

export const WORKER: Column<{ readonly worker: string }> = {
  id: "worker",
  head: "Worker",
  by: (row) => row.worker,
  cell: (row) => (
    <Link to="/workers/$worker" params={{ worker: row.worker }} search={{ tab: undefined }}>
      <Foreign>{row.worker}</Foreign>
    </Link>
  ),
};
