/** Signing in: name, password and code; then what a new account must do first. */
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { change } from "../api/change";
import { api, Refused, seen, setCsrfToken } from "../api/client";
import { Button } from "../kit/button";
import { Input } from "../kit/field";
import { Trouble } from "../kit/panel";
import { Foreign } from "../kit/values";
import { type NoSession, rememberSignedIn, type SignedIn } from "./session";

export function SignIn({ must: first, refused }: NoSession) {
  const client = useQueryClient();
  const [must, setMust] = useState(first);
  const enter = async (who: SignedIn) => {
    setCsrfToken(who.csrf_token);
    rememberSignedIn(true);
    setMust(who.must);
    if (who.must === "nothing") await client.resetQueries();
  };
  return (
    <main className="sign-in">
      <title>Sign in · Exchequer</title>
      {refused === null ? null : <Trouble refused={refused} again={() => void client.invalidateQueries()} />}
      {must === "change-password" ? (
        <NewPassword done={enter} />
      ) : must === "enrol-second-factor" ? (
        <Enrol done={() => client.resetQueries()} />
      ) : (
        <Credentials done={enter} />
      )}
    </main>
  );
}

/** A form's sending: what is wrong, and whether it is on its way. */
function useSending() {
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

function Wrong({ of }: { of: Refused | null }) {
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
          <p className="muted">
            <Foreign>{of.hint}</Foreign>
          </p>
        </>
      )}
    </div>
  );
}

function Credentials({ done }: { done: (who: SignedIn) => Promise<void> }) {
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const [code, setCode] = useState("");
  const { wrong, busy, run } = useSending();
  return (
    <form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault();
        void run(async () => {
          const shown =
            code.trim() === "" ? {} : code.trim().length > 8 ? { recovery_code: code.trim() } : { otp: code.trim() };
          const { value } = await seen(api.POST("/v1/session", { body: { name: name.trim(), password, ...shown } }));
          await done(value);
        });
      }}
    >
      <h1>Exchequer</h1>
      <Input
        label="Name"
        value={name}
        autoComplete="username"
        autoFocus
        required
        onChange={(event) => {
          setName(event.target.value);
        }}
      />
      <Input
        label="Password"
        type="password"
        value={password}
        autoComplete="current-password"
        required
        onChange={(event) => {
          setPassword(event.target.value);
        }}
      />
      <Input
        label="Code"
        help="Of your authenticator, or a recovery code; nothing where you have none yet."
        value={code}
        autoComplete="one-time-code"
        onChange={(event) => {
          setCode(event.target.value);
        }}
      />
      <Wrong of={wrong} />
      <Button look="main" type="submit" why={busy ? "It is being checked." : null}>
        Sign in
      </Button>
    </form>
  );
}

function NewPassword({ done }: { done: (who: SignedIn) => Promise<void> }) {
  const [present, setPresent] = useState("");
  const [next, setNext] = useState("");
  const { wrong, busy, run } = useSending();
  return (
    <form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault();
        void run(async () => {
          const { value } = await change("POST /v1/session/password", undefined, { password: present, new_password: next });
          await done(value.session);
        });
      }}
    >
      <h1>Choose your own password</h1>
      <p className="muted">The one you signed in with is valid once. Take 12 characters or more that nobody would guess.</p>
      <Input
        label="The password you got"
        type="password"
        value={present}
        autoComplete="current-password"
        required
        onChange={(event) => {
          setPresent(event.target.value);
        }}
      />
      <Input
        label="Your own password"
        type="password"
        value={next}
        autoComplete="new-password"
        minLength={12}
        required
        onChange={(event) => {
          setNext(event.target.value);
        }}
      />
      <Wrong of={wrong} />
      <Button look="main" type="submit" why={busy ? "It is on its way." : null}>
        Change it
      </Button>
    </form>
  );
}

function Enrol({ done }: { done: () => Promise<unknown> }) {
  const [begun, setBegun] = useState<{ secret: string; ticket: string } | null>(null);
  const [password, setPassword] = useState("");
  const [codes, setCodes] = useState<readonly string[] | null>(null);
  const [otp, setOtp] = useState("");
  const { wrong, busy, run } = useSending();
  if (codes !== null) {
    return (
      <div className="stack">
        <h1>Ten recovery codes</h1>
        <p>
          Each is valid once, when your authenticator is lost. They are shown here and never again: keep them apart from it.
        </p>
        <pre>{codes.join("\n")}</pre>
        <Button look="main" onClick={() => void done()}>
          They are kept
        </Button>
      </div>
    );
  }
  if (begun === null) {
    return (
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          void run(async () => {
            const { value } = await change("POST /v1/session/second-factor", undefined, { password });
            setBegun(value);
          });
        }}
      >
        <h1>Your second factor</h1>
        <p>Whoever administers an exchange shows an authenticator's code as well. Have the app at hand.</p>
        <Input
          label="Password"
          type="password"
          value={password}
          autoComplete="current-password"
          required
          onChange={(event) => {
            setPassword(event.target.value);
          }}
        />
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
          const { value } = await change("POST /v1/session/second-factor/confirm", undefined, {
            otp: otp.trim(),
            ticket: begun.ticket,
          });
          setCodes(value.recovery_codes);
        });
      }}
    >
      <h1>Your second factor</h1>
      <p>Enter this secret into your authenticator, then the code that it shows.</p>
      <pre>{begun.secret}</pre>
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
