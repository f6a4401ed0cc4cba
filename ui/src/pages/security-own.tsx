/** One's own account: another password, another authenticator, new recovery codes. */
import { type ReactNode, useEffect, useState } from "react";
import { Act, useWhyNot } from "../app/act";
import { Enrolment, NewPassword, RecoveryCodes, type Send } from "../app/credentials";
import { useSending } from "../app/deed";
import { holdPage } from "../app/holding";
import { useHosted } from "../app/hosted";
import { useSession } from "../app/session";
import { ShownOnce } from "../app/shown-once";
import type { Change } from "../api/change";
import { Button } from "../kit/button";
import { Dialog } from "../kit/dialog";
import { Facts } from "../kit/facts";
import { toast } from "../kit/toast";
import { Foreign, When } from "../kit/values";

const OTHERS_END = "Your other sessions end at once; this one goes on.";

export function OwnAccount() {
  const { who } = useSession();
  // Of the frame, and not of the dialog or the page: somebody may have closed or left those before the codes came.
  const hosted = useHosted(null);
  const show = (codes: readonly string[]) => {
    const kept = () => {
      hosted.close();
      toast("Your new authenticator is enrolled. Your other sessions have ended.");
    };
    hosted.keep(() => (
      <ShownOnce title="Recovery codes" close={kept}>
        <RecoveryCodes of={codes} />
      </ShownOnce>
    ));
  };
  return (
    <section className="card" aria-label="Your account">
      <header>
        <h2>Your account</h2>
      </header>
      <div className="body stack">
        <Facts
          of={[
            ["Name", who.name],
            ["Roles", who.roles.length === 0 ? "none" : who.roles.join(", ")],
            [
              "May",
              <details key="may">
                <summary>{who.permissions.length} permissions</summary>
                <Foreign>{who.permissions.join(", ")}</Foreign>
              </details>,
            ],
            ["This session ends unless it is used", <When key="over" at={who.over_at} />],
          ]}
        />
        <div className="row">
          <Asking change="POST /v1/session/password" label="Change your password">
            {(close) => <Password close={close} />}
          </Asking>
          <Asking change="POST /v1/session/second-factor" label="Enrol another authenticator">
            {(close) => <Authenticator close={close} enrolled={show} />}
          </Asking>
          <Act
            change="POST /v1/session/recovery-codes"
            names={undefined}
            label="New recovery codes"
            subject={who.name}
            consequence={`Codes that you had before are not valid any more. ${OTHERS_END}`}
            reasonless
            body={() => undefined}
            once={({ recovery_codes }) => <RecoveryCodes of={recovery_codes} />}
          />
        </div>
      </div>
    </section>
  );
}

interface AskingProps {
  change: Change;
  label: string;
  children: (close: () => void) => ReactNode;
}

/** A change of one's own credentials: no reason is asked for, but what only its person knows. */
function Asking({ change, label, children }: AskingProps) {
  const [open, setOpen] = useState(false);
  const why = useWhyNot(change);
  return (
    <>
      <Button data-change={change} why={why} onClick={() => setOpen(true)}>
        {label}
      </Button>
      {open ? children(() => setOpen(false)) : null}
    </>
  );
}

/** Sending, and whether something is on its way: its answer is told in the dialog, which stays for it. */
function useHeldSending(): { send: Send; busy: boolean } {
  const sending = useSending();
  const [busy, setBusy] = useState(false);
  const send: Send = async (name, why, call) => {
    setBusy(true);
    try {
      return await sending(name, why, call);
    } finally {
      setBusy(false);
    }
  };
  return { send, busy };
}

function Password({ close }: { close: () => void }) {
  const { send, busy } = useHeldSending();
  useEffect(holdPage, []);
  return (
    <Dialog open onOpenChange={(open) => (open || busy ? undefined : close())} title="Change your password" about={OTHERS_END}>
      <NewPassword
        presentLabel="Your present password"
        send={send}
        done={() => {
          close();
          toast("Your password is changed. Your other sessions have ended.");
        }}
      />
    </Dialog>
  );
}

function Authenticator({ close, enrolled }: { close: () => void; enrolled: (codes: readonly string[]) => void }) {
  const { send, busy } = useHeldSending();
  useEffect(holdPage, []);
  return (
    <Dialog
      open
      onOpenChange={(open) => (open || busy ? undefined : close())}
      title="Enrol another authenticator"
      about={`The present one holds until a code of the new one was shown. ${OTHERS_END}`}
    >
      <Enrolment
        send={send}
        enrolled={(codes) => {
          close();
          enrolled(codes);
        }}
      />
    </Dialog>
  );
}
