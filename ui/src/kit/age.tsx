/** How old what is shown is: one reckoning for panels, tiles and what is told of them. */
import type { Seen } from "../api/client";
import { span } from "./text";
import { useNow } from "./values";

/** What is younger is told as present, in milliseconds: the clock that tells it goes second by second. */
const NOW_MS = 1_500;
/** What is older says so in another colour, in milliseconds. */
const LATE_AFTER_MS = 30_000;

type Aged = Pick<Seen<unknown>, "ageMs" | "at">;

/** How old it is: the node's own age, and the time since it answered. Null where the node did not know its own. */
export function ageOf({ at, ageMs }: Aged, now: number): number | null {
  return ageMs === null ? null : Math.max(0, now - at) + ageMs;
}

/** What is not known to be young is drawn as late. */
export function Age({ seen }: { seen: Aged }) {
  const age = ageOf(seen, useNow());
  return (
    <span className="age" data-late={age === null || age > LATE_AFTER_MS ? "" : undefined}>
      {age === null ? "age unknown" : age < NOW_MS ? "now" : `${span(age)} old`}
    </span>
  );
}
