/** What an answer shows this once. The dialog goes when the person says that it is kept, and by no key or click beside it. */
import { type ReactNode, useEffect } from "react";
import { Button } from "../kit/button";
import { Dialog } from "../kit/dialog";
import { Copied } from "./credentials";
import { holdPage } from "./holding";

export function ShownOnce({ title, children, close }: { title: string; children: ReactNode; close: () => void }) {
  useEffect(holdPage, []);
  return (
    <Dialog open onOpenChange={() => undefined} title={title} about="This is shown here and never again.">
      {children}
      <div className="row">
        <Button look="main" onClick={close}>
          It is kept
        </Button>
      </div>
    </Dialog>
  );
}

/** What is valid once others have agreed to what was proposed: a one-time password, a join token. */
export function ProposedOnce({ of }: { of: string }) {
  return (
    <div className="stack">
      <p>It is valid once others have approved the proposal, and is given to nobody else.</p>
      <Copied what="it">{of}</Copied>
    </div>
  );
}
