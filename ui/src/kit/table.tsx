/** A table that sorts what it shows, and draws of many rows those alone that are seen. */
import { replaceEqualDeep } from "@tanstack/react-query";
import { memo, type ReactNode, startTransition, useDeferredValue, useMemo, useRef, useState } from "react";
import { useSeen } from "./seen";
import { safe } from "./text";

export interface Column<R> {
  id: string;
  head: string;
  cell: (row: R) => ReactNode;
  /** What it is sorted by; a column without it is not sorted. */
  by?: (row: R) => string | number | bigint;
  numeric?: boolean;
}

interface Props<R> {
  /** What is in it, for those who do not see it. */
  caption: string;
  columns: readonly Column<R>[];
  rows: readonly R[];
  keyOf: (row: R) => string;
  selected?: ReadonlySet<string>;
}

/** Up to here every row is drawn. */
const DRAWN_MAX = 150;
const ROW_PX = 33;

/**
 * A long list is drawn of what was read last as soon as there is time for it, and in small steps, so that whoever scrolls meanwhile waits
 * for none of it. All that it is drawn of is put off together: rows go with their own columns.
 */
export function Table<R>(props: Props<R>) {
  const later = useDeferredValue(props);
  return <DrawnTable {...(props.rows.length > DRAWN_MAX && later.rows.length > DRAWN_MAX ? later : props)} />;
}

const DrawnTable = memo(function DrawnTable<R>({ caption, columns, rows, keyOf, selected }: Props<R>) {
  const [sort, setSort] = useState<{ id: string; down: boolean } | null>(null);
  const sorted = useMemo(() => {
    const by = columns.find(({ id }) => id === sort?.id)?.by;
    if (sort === null || by === undefined) return rows;
    const sign = sort.down ? -1 : 1;
    // What is sorted by is asked of each row once, not at each comparison.
    const named = rows.map((row) => ({ row, by: by(row) }));
    named.sort((a, b) => (a.by < b.by ? -sign : a.by > b.by ? sign : 0));
    return named.map(({ row }) => row);
  }, [rows, columns, sort]);

  const scroll = useRef<HTMLDivElement>(null);
  const isLong = sorted.length > DRAWN_MAX;
  const { from, to } = useSeen(scroll, sorted.length, ROW_PX, isLong);
  const [above, below] = [from * ROW_PX, (sorted.length - to) * ROW_PX];

  return (
    // A part that scrolls can be reached by keyboard.
    <div className="table-scroll" ref={scroll} tabIndex={0} role="region" aria-label={caption}>
      <table className="table" aria-rowcount={sorted.length + 1}>
        <caption className="visually-hidden">{caption}</caption>
        <thead>
          <tr>
            {columns.map(({ id, head, by, numeric }) => {
              const direction = sort?.id === id ? (sort.down ? "descending" : "ascending") : undefined;
              return (
                <th key={id} scope="col" className={numeric === true ? "number" : undefined} aria-sort={direction}>
                  {by === undefined ? (
                    head
                  ) : (
                    <button
                      type="button"
                      onClick={() => {
                        startTransition(() => {
                          setSort(sort?.id === id ? { id, down: !sort.down } : { id, down: false });
                        });
                      }}
                    >
                      {head}
                      <span aria-hidden="true">{direction === undefined ? "" : direction === "ascending" ? " ↑" : " ↓"}</span>
                    </button>
                  )}
                </th>
              );
            })}
          </tr>
        </thead>
        <tbody>
          {sorted.length === 0 ? (
            <tr>
              <td colSpan={columns.length} className="muted">
                There is none.
              </td>
            </tr>
          ) : null}
          {above > 0 ? <Space height={above} columns={columns.length} /> : null}
          {sorted.slice(from, to).map((row, at) => {
            const key = keyOf(row);
            return <Row key={key} row={row} index={from + at} columns={columns} isSelected={selected?.has(key) === true} />;
          })}
          {below > 0 ? <Space height={below} columns={columns.length} /> : null}
        </tbody>
      </table>
    </div>
  );
}) as <R>(props: Props<R>) => ReactNode;

interface RowProps<R> {
  row: R;
  /** Its place among all, from nought. */
  index: number;
  columns: readonly Column<R>[];
  isSelected: boolean;
}

/** Whether nothing is another, where a row that was read again has the same in it: of a long list every row is read anew. */
function isDrawn<R>(before: RowProps<R>, now: RowProps<R>): boolean {
  if (before.index !== now.index || before.columns !== now.columns || before.isSelected !== now.isSelected) return false;
  return before.row === now.row || replaceEqualDeep(before.row, now.row) === before.row;
}

/** A row is drawn anew where what is in it, or what is told of rows, is another; not because others are scrolled into sight. */
const Row = memo(function Row<R>({ row, index, columns, isSelected }: RowProps<R>) {
  return (
    <tr aria-rowindex={index + 2} aria-selected={isSelected ? true : undefined}>
      {columns.map(({ id, cell, numeric }) => (
        <td key={id} className={numeric === true ? "number" : undefined}>
          {safe(cell(row))}
        </td>
      ))}
    </tr>
  );
}, isDrawn) as <R>(props: RowProps<R>) => ReactNode;

function Space({ height, columns }: { height: number; columns: number }) {
  return (
    <tr aria-hidden="true">
      <td colSpan={columns} style={{ height, padding: 0, border: 0 }} />
    </tr>
  );
}
