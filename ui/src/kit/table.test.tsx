import { cleanup, render, screen, waitFor } from "@testing-library/react";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { type Column, Table } from "./table";

interface Row {
  name: string;
  deep: { count: number };
}

beforeEach(() => {
  vi.stubGlobal(
    "ResizeObserver",
    class {
      observe = () => undefined;
      disconnect = () => undefined;
    },
  );
});
afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

const MANY = 10_000;
const rows = (count: (at: number) => number): Row[] =>
  Array.from({ length: MANY }, (_, at) => ({ name: `row ${String(at)}`, deep: { count: count(at) } }));

/** A table that notes which rows it draws. */
function drawing() {
  const drawn: string[] = [];
  const cell = ({ name, deep }: Row) => {
    drawn.push(name);
    return `${name} has ${String(deep.count)}`;
  };
  const columns: readonly Column<Row>[] = [{ id: "row", head: "Row", by: ({ name }) => name, cell }];
  const table = (of: readonly Row[]) => <Table caption="Rows" columns={columns} rows={of} keyOf={({ name }) => name} />;
  return { drawn, table };
}

// Goal: a long list that is read again costs nothing where nothing is another, and is never an old one where something is. Method: every
// row anew with the same in it, then with another number in one of them.
it("draws of what is read again what has changed", async () => {
  const { drawn, table } = drawing();
  const { rerender } = render(table(rows(() => 1)));
  expect(drawn).toContain("row 0");
  expect(drawn.length).toBeLessThan(100);
  drawn.length = 0;
  rerender(table(rows(() => 1)));
  rerender(table(rows((at) => (at === 3 ? 2 : 1))));
  await waitFor(() => expect(screen.getByText("row 3 has 2")).toBeDefined());
  expect([...new Set(drawn)]).toEqual(["row 3"]);
});

// Goal: what is put off is put off with its columns. Method: another long list of other rows in the place of the first.
it("draws no row with the columns of others", async () => {
  const { table } = drawing();
  const { rerender } = render(table(rows(() => 1)));
  const numbers = Array.from({ length: MANY }, (_, at) => at);
  const columns: readonly Column<number>[] = [{ id: "n", head: "Number", cell: (one) => one.toFixed(2) }];
  rerender(<Table caption="Numbers" columns={columns} rows={numbers} keyOf={String} />);
  await waitFor(() => expect(screen.getByText("7.00")).toBeDefined());
  expect(screen.queryByText("row 7 has 1")).toBeNull();
});
