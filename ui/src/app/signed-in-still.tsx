import { useState } from "react";
import type { Refused } from "../api/client";
import { Button } from "../kit/button";
import { visible } from "../kit/text";

/** In the place of the page, which nobody shall read any more, although the node did not end the session. */
export function SignedInStill({ refused, signOut }: { refused: Refused; signOut: () => Promise<void> }) {
  const [busy, setBusy] = useState(false);
  const again = async () => {
    setBusy(true);
    await signOut();
    setBusy(false);
  };
  return (
    <main className="sign-in">
      <title>Still signed in · Exchequer</title>
      <div className="stack" role="alert">
        <h1>You are still signed in</h1>
        <p>
          <strong>{visible(refused.message)}</strong> <span className="code">{refused.code}</span>
        </p>
        {refused.hint === "" ? null : <p className="muted">{visible(refused.hint)}</p>}
        <p>
          Whoever opens this page in this browser is you, until the node hears that you are gone. Do not leave the browser to
          others before.
        </p>
        <div className="row">
          <Button look="main" why={busy ? "It is on its way." : null} onClick={() => void again()}>
            Sign out again
          </Button>
          <Button onClick={() => window.location.reload()}>Go on</Button>
        </div>
      </div>
    </main>
  );
}
