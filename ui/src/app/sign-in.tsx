/** Signing in: name, password and code; then what a new account must do first. */
import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { api, seen, setCsrfToken } from "../api/client";
import { Button } from "../kit/button";
import { Input } from "../kit/field";
import { Trouble } from "../kit/panel";
import { Enrolment, NewPassword, Password, RecoveryCodes, type Send, useForm, Wrong } from "./credentials";
import { holdShownOnce } from "./holding";
import { type NoSession, rememberSignedIn, SESSION_KEY, type SignedIn } from "./session";

/** There is no session yet that could show a second factor first. */
const plainly: Send = (_, __, send) => send();

export function SignIn({ must: first, refused }: NoSession) {
  const client = useQueryClient();
  const [must, setMust] = useState(first);
  // What the node says when it is asked again counts, without anything being taken away that is filled in for the same.
  const [told, setTold] = useState(first);
  if (told !== first) {
    setTold(first);
    setMust(first);
  }
  const enter = async (who: SignedIn) => {
    setCsrfToken(who.csrf_token);
    rememberSignedIn(true);
    setMust(who.must);
    if (who.must === "nothing") {
      await client.resetQueries();
      return;
    }
    // What was asked before this knows of a former session, and of its token.
    await client.cancelQueries({ queryKey: SESSION_KEY });
    client.setQueryData(SESSION_KEY, { value: who, ageMs: 0, at: Date.now() });
  };
  return (
    <main className="sign-in">
      <title>Sign in · Exchequer</title>
      {refused === null ? null : <Trouble refused={refused} again={() => void client.invalidateQueries()} />}
      {must === "change-password" ? (
        <NewPassword
          head={
            <>
              <h1>Choose your own password</h1>
              <p className="muted">The one you signed in with is valid once.</p>
            </>
          }
          presentLabel="The password you got"
          send={plainly}
          done={({ session }) => enter(session)}
        />
      ) : must === "enrol-second-factor" ? (
        <Enrol done={() => client.resetQueries()} />
      ) : (
        <Credentials done={enter} />
      )}
    </main>
  );
}

function Credentials({ done }: { done: (who: SignedIn) => Promise<void> }) {
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const [code, setCode] = useState("");
  const { wrong, busy, run } = useForm();
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
      <Password label="Password" value={password} autoComplete="current-password" set={setPassword} />
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

const CONFIRMED = "POST /v1/session/second-factor/confirm";

function Enrol({ done }: { done: () => Promise<unknown> }) {
  const [codes, setCodes] = useState<readonly string[] | null>(null);
  // From when the codes may come: the node has the session as a whole one from then on, and would have the pages drawn in their place.
  const [isHeld, hold] = useState(false);
  useEffect(() => (isHeld ? holdShownOnce() : undefined), [isHeld]);
  const send: Send = async (name, _, send) => {
    if (name !== CONFIRMED) return send();
    hold(true);
    try {
      return await send();
    } catch (error) {
      hold(false);
      throw error;
    }
  };
  if (codes !== null && !isHeld) return <p role="status">You are being signed in.</p>;
  if (codes !== null) {
    return (
      <div className="stack">
        <h1>{codes.length} recovery codes</h1>
        <RecoveryCodes of={codes} />
        <Button
          look="main"
          onClick={() => {
            hold(false);
            void done();
          }}
        >
          They are kept
        </Button>
      </div>
    );
  }
  return (
    <Enrolment
      head={
        <>
          <h1>Your second factor</h1>
          <p>Whoever administers an exchange shows an authenticator&apos;s code as well. Have the app at hand.</p>
        </>
      }
      send={send}
      enrolled={setCodes}
    />
  );
}
