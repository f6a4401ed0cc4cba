/** What goes and what comes, line by line, with signs for those who see no colours. */
import { visible } from "./text";

/** A line that goes, or comes. */
export interface Differing {
  gone?: string | undefined;
  new?: string | undefined;
}

/** What of the lines before is not there after, and what is new there, in the order of the lines. */
export function differing(before: readonly string[], after: readonly string[]): Differing[] {
  // The longest way through both on which lines are the same; what is beside it goes or comes.
  const same = Array.from({ length: before.length + 1 }, () => new Array<number>(after.length + 1).fill(0));
  const at = (row: number, column: number) => same[row]?.[column] ?? 0;
  for (let row = before.length - 1; row >= 0; row -= 1)
    for (let column = after.length - 1; column >= 0; column -= 1) {
      const line = same[row];
      if (line === undefined) continue;
      line[column] =
        before[row] === after[column] ? at(row + 1, column + 1) + 1 : Math.max(at(row + 1, column), at(row, column + 1));
    }
  const lines: Differing[] = [];
  let [row, column] = [0, 0];
  while (row < before.length || column < after.length) {
    if (row < before.length && column < after.length && before[row] === after[column]) {
      row += 1;
      column += 1;
    } else if (column >= after.length || (row < before.length && at(row + 1, column) >= at(row, column + 1))) {
      lines.push({ gone: before[row] });
      row += 1;
    } else {
      lines.push({ new: after[column] });
      column += 1;
    }
  }
  return lines;
}

export function Diff({ lines }: { lines: readonly Differing[] }) {
  return (
    <div className="diff">
      {lines.map(({ gone, new: come }, index) => (
        <Line key={index} gone={gone} come={come} />
      ))}
    </div>
  );
}

function Line({ gone, come }: { gone: string | undefined; come: string | undefined }) {
  return (
    <>
      {gone === undefined ? null : (
        <>
          <span aria-hidden="true">−</span>
          <del>{visible(gone)}</del>
        </>
      )}
      {come === undefined ? null : (
        <>
          <span aria-hidden="true">+</span>
          <ins>{visible(come)}</ins>
        </>
      )}
    </>
  );
}

/** One value, and another one in its place. */
export function Instead({ of: before, is }: { of: string; is: string }) {
  return <Diff lines={[{ gone: before, new: is }]} />;
}
