/** Pages of a list that goes back in time: the newest, or those before a number that is in the address. */
import { Button } from "./button";

interface Props {
  before: number | undefined;
  /** Before which number the next part goes on; null where there is none, undefined as long as that is not known. */
  next: number | null | undefined;
  go: (before: number | undefined) => void;
}

export function Older({ before, next, go }: Props) {
  if (before === undefined && next === undefined) return null;
  return (
    <nav className="row" aria-label="Pages of this list" style={{ padding: "var(--gap-3) var(--gap-4)" }}>
      <Button why={before === undefined ? "These are the newest." : null} onClick={() => go(undefined)}>
        Newest
      </Button>
      <Button
        why={next === null ? "There are none before these." : null}
        onClick={() => {
          if (next != null) go(next);
        }}
      >
        Older
      </Button>
      {before === undefined ? null : (
        <span className="muted">
          before number {before}; {next === undefined ? "not read yet" : "not refreshed from the top"}
        </span>
      )}
    </nav>
  );
}
