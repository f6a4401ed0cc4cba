/**
 * What a person signs in with, changed by that person: password, authenticator, recovery codes. The same forms for a new account, which
 * must, and for whoever wants to later. Secrets are shown here once, and kept nowhere else by the page.
 */
import { lazy, type ReactNode, Suspense, useState } from "react";
import { type Change, change } from "../api/change";
import { Refused, type Seen } from "../api/client";
import type { components } from "../api/schema.gen";
import { Button } from "../kit/button";
import { Input } from "../kit/field";
import { Foreign } from "../kit/values";

type Changed = components["schemas"]["CredentialsChanged"];
type Begun = components["schemas"]["FactorBegun"];

/** How a form's change is sent: with the second factor before it where there is a session that can show one; null where it was given up. */
export type Send = <T>(name: Change, why: string, send: () => Promise<Seen<T>>) => Promise<Seen<T> | null>;

const Qr = lazy(() => import("../kit/qr"));

/** A form's sending: what is wrong, and whether it is on its way. */
export function useForm() {
  const [wrong, setWrong] = useState<Refused | null>(null);
  const [busy, setBusy] = useState(false);
  const run = async (work: () => Promise<void>) => {
    setBusy(true);
    setWrong(null);
    try {
      await work();
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      setWrong(error);
    } finally {
      setBusy(false);
    }
  };
  return { wrong, busy, run };
}

export function Wrong({ of }: { of: Refused | null }) {
  return (
    <div role="alert">
      {of === null ? null : (
        <>
          <p>
            <strong>
              <Foreign>{of.message}</Foreign>
            </strong>{" "}
            <span className="code">{of.code}</span>
          </p>
          {of.isUnknown ? <p>It may have been made all the same.</p> : null}
          <p className="muted">
            <Foreign>{of.hint}</Foreign>
          </p>
        </>
      )}
    </div>
  );
}

/** Text that has to be taken elsewhere, with a button that copies it and says whether it did. */
export function Copied({ what, children }: { what: string; children: string }) {
  const [told, tell] = useState("");
  return (
    <div className="stack">
      <pre>
        <Foreign>{children}</Foreign>
      </pre>
      <div className="row">
        <Button
          onClick={() => {
            navigator.clipboard.writeText(children).then(
              () => tell("Copied."),
              () => tell("The browser does not let this page copy."),
            );
          }}
        >
          Copy {what}
        </Button>
        <span role="status">{told}</span>
      </div>
    </div>
  );
}

interface PasswordProps {
  label: string;
  help?: string;
  value: string;
  autoComplete: "current-password" | "new-password";
  minLength?: number;
  set: (typed: string) => void;
}

export function Password({ set, ...rest }: PasswordProps) {
  return (
    <Input
      {...rest}
      type="password"
      required
      onChange={(event) => {
        set(event.target.value);
      }}
    />
  );
}

interface NewPasswordProps {
  head?: ReactNode;
  /** What the present password is called. */
  presentLabel: string;
  send: Send;
  done: (changed: Changed) => Promise<void> | void;
}

export function NewPassword({ head, presentLabel, send, done }: NewPasswordProps) {
  const [present, setPresent] = useState("");
  const [next, setNext] = useState("");
  const { wrong, busy, run } = useForm();
  return (
    <form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault();
        void run(async () => {
          const body = { password: present, new_password: next };
          const name = "POST /v1/session/password";
          const changed = await send(name, "Your password is changed.", () => change(name, undefined, body));
          if (changed !== null) await done(changed.value);
        });
      }}
    >
      {head}
      <Password label={presentLabel} value={present} autoComplete="current-password" set={setPresent} />
      <Password
        label="Your own password"
        help="12 characters or more that nobody would guess."
        value={next}
        autoComplete="new-password"
        minLength={12}
        set={setNext}
      />
      <Wrong of={wrong} />
      <Button look="main" type="submit" why={busy ? "It is on its way." : null}>
        Change it
      </Button>
    </form>
  );
}

interface EnrolmentProps {
  head?: ReactNode;
  send: Send;
  /** What becomes of the codes is the asker's. */
  enrolled: (codes: readonly string[]) => void;
}

/** An authenticator: the password, then its secret as a picture and as text, then a code of it. Nothing changes before the code. */
export function Enrolment({ head, send, enrolled }: EnrolmentProps) {
  const [begun, setBegun] = useState<Begun | null>(null);
  const [password, setPassword] = useState("");
  const [otp, setOtp] = useState("");
  const { wrong, busy, run } = useForm();
  if (begun === null) {
    return (
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          void run(async () => {
            const name = "POST /v1/session/second-factor";
            const why = "Whoever has an authenticator shows it before another one is enrolled.";
            const seen = await send(name, why, () => change(name, undefined, { password }));
            if (seen === null) return;
            setBegun(seen.value);
            // It has done what it was typed for.
            setPassword("");
          });
        }}
      >
        {head}
        <Password label="Password" value={password} autoComplete="current-password" set={setPassword} />
        <Wrong of={wrong} />
        <Button look="main" type="submit" why={busy ? "It is on its way." : null}>
          Begin
        </Button>
      </form>
    );
  }
  return (
    <form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault();
        void run(async () => {
          const name = "POST /v1/session/second-factor/confirm";
          const body = { otp: otp.trim(), ticket: begun.ticket };
          const seen = await send(name, "The new authenticator is enrolled.", () => change(name, undefined, body));
          if (seen !== null) enrolled(seen.value.recovery_codes);
        });
      }}
    >
      {head}
      <p>Have your authenticator read this picture, or enter the secret below it. Then enter the code that it shows.</p>
      <Suspense fallback={<p role="status">The picture is being drawn.</p>}>
        <Qr text={begun.uri} label="The secret for your authenticator, as a picture; the same as text is below" />
      </Suspense>
      <Copied what="the secret">{begun.secret}</Copied>
      <Input
        label="Code"
        value={otp}
        autoComplete="one-time-code"
        inputMode="numeric"
        required
        onChange={(event) => {
          setOtp(event.target.value);
        }}
      />
      <Wrong of={wrong} />
      <Button look="main" type="submit" why={busy ? "It is being checked." : null}>
        Enrol
      </Button>
    </form>
  );
}

export function RecoveryCodes({ of }: { of: readonly string[] }) {
  return (
    <div className="stack">
      <p>
        Each is valid once, when your authenticator is lost. They are shown here and never again: keep them apart from it. Codes
        that you had before are not valid any more.
      </p>
      <Copied what="the codes">{of.join("\n")}</Copied>
    </div>
  );
}
