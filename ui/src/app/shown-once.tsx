/**
 * What an answer shows this once. The dialog goes when the person says that it is kept: by no key or click beside it, and by no way to
 * another page, which stays shut meanwhile.
 */
import { useBlocker } from "@tanstack/react-router";
import { type ReactNode, useEffect } from "react";
import { Button } from "../kit/button";
import { Dialog } from "../kit/dialog";
import { Copied } from "./credentials";
import { holdPage, holdShownOnce } from "./holding";

const stay = () => true;

export function ShownOnce({ title, children, close }: { title: string; children: ReactNode; close: () => void }) {
  useEffect(holdPage, []);
  useEffect(holdShownOnce, []);
  useBlocker({ shouldBlockFn: stay, enableBeforeUnload: false });
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
