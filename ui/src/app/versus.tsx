/**
 * Something was changed meanwhile: what one began from, what there is now, and what one wants oneself, beside one another, so that whoever
 * begins anew knows what of the other's would be taken away.
 */
import type { ReactNode } from "react";
import { Button } from "../kit/button";
import { Facts } from "../kit/facts";
import { Status } from "../kit/status";
import { Foreign, When } from "../kit/values";

/** What holds, and what the form would make of it. */
export interface Versus<F> {
  holds: ReactNode;
  /** Who made it so, why and when, as far as that is known. */
  changed?: { by?: string | undefined; reason?: string | undefined; at: string } | null | undefined;
  mine: (form: F) => ReactNode;
}

interface Props<F> {
  before: Versus<F>;
  /** What holds now; null as long as that is not read again. */
  now: Versus<F> | null;
  form: F;
  anew: () => void;
}

export function Beside<F>({ before, now, form, anew }: Props<F>) {
  const { changed } = now ?? {};
  return (
    <section className="stack" aria-label="Their change beside yours">
      <Status tone="warn">It has been changed since you opened this, so what you want of it was refused.</Status>
      <Facts
        of={[
          ["You began from", before.holds],
          ["Now it is", now === null ? <span className="muted">being read</span> : now.holds],
          [
            "Changed by",
            changed == null ? null : (
              <>
                {changed.by === undefined ? null : <Foreign>{`${changed.by}, `}</Foreign>}
                <When at={changed.at} />
                {changed.reason === undefined ? null : <Foreign>{`: ${changed.reason}`}</Foreign>}
              </>
            ),
          ],
          ["You want", before.mine(form)],
        ]}
      />
      <div className="row">
        <Button why={now === null ? "What it is now is being read." : null} onClick={anew}>
          Begin anew from what it is now
        </Button>
      </div>
    </section>
  );
}
