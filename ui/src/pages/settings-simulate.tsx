/** What would become of a withdrawal, by which rule, and what its user may still withdraw. Nothing is made. */
import { useState } from "react";
import { change, type ResultOf } from "../api/change";
import { Refused, type Seen } from "../api/client";
import { Button } from "../kit/button";
import { Facts } from "../kit/facts";
import { Choice, Input } from "../kit/field";
import { NETWORKS } from "../kit/filters";
import { Trouble } from "../kit/panel";
import { Status, type Tone } from "../kit/status";
import { Amount, Foreign, When } from "../kit/values";

const ASKED = "POST /v1/withdrawal-policy/simulate";
type Outcome = ResultOf<typeof ASKED>;

/** What the address is decides where nothing is said. */
const DESTINATIONS = [["", "what the address is"], "new", "listed", "internal", "lookalike"] as const;

const EMPTY = { user: "", asset: "", network: "ethereum", amount: "", address: "", destination: "" };
type Form = typeof EMPTY;

export function Simulate() {
  const [form, setForm] = useState<Form>(EMPTY);
  // With what it was asked of: what comes when something else is filled in by then is no answer to that.
  const [told, tell] = useState<{ of: Form; outcome: Seen<Outcome> | Refused } | null>(null);
  const [busy, setBusy] = useState(false);
  const set = (next: Partial<Form>) => {
    setForm((old) => ({ ...old, ...next }));
  };
  const outcome = told?.of === form ? told.outcome : null;
  const missing = !/^\d{1,15}$/.test(form.user.trim())
    ? "Say whose: a user's number."
    : form.asset.trim() === ""
      ? "Say of which asset."
      : !/^\d+(\.\d{1,18})?$/.test(form.amount.trim())
        ? "Say how much."
        : busy
          ? "It is on its way."
          : null;
  const ask = async () => {
    setBusy(true);
    try {
      const { user, asset, network, amount, address, destination } = form;
      const outcome = await change(ASKED, undefined as never, {
        user: Number(user.trim()),
        asset: asset.trim(),
        network: network,
        amount: amount.trim(),
        ...(address.trim() === "" ? {} : { address: address.trim() }),
        ...(destination === "" ? {} : { destination }),
      });
      tell({ of: form, outcome });
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      tell({ of: form, outcome: error });
    } finally {
      setBusy(false);
    }
  };
  return (
    <form
      className="stack"
      aria-label="What would become of a withdrawal"
      onSubmit={(event) => {
        event.preventDefault();
        if (missing === null) void ask();
      }}
    >
      <h2>What would become of a withdrawal</h2>
      <div className="row">
        <Input
          label="User"
          inputMode="numeric"
          size={8}
          value={form.user}
          onChange={(event) => set({ user: event.target.value })}
        />
        <Input
          label="Amount, its fee included"
          inputMode="decimal"
          size={14}
          value={form.amount}
          onChange={(event) => set({ amount: event.target.value })}
        />
        <Input label="Asset" size={8} value={form.asset} onChange={(event) => set({ asset: event.target.value })} />
        <Choice label="Network" of={NETWORKS} value={form.network} onChange={(event) => set({ network: event.target.value })} />
        <Input
          label="Address"
          help="Nothing for none."
          value={form.address}
          spellCheck={false}
          onChange={(event) => set({ address: event.target.value })}
        />
        <Choice
          label="Kind of place"
          of={DESTINATIONS}
          value={form.destination}
          onChange={(event) => set({ destination: event.target.value })}
        />
        <Button type="submit" why={missing}>
          Simulate
        </Button>
      </div>
      <div role="status">
        {outcome === null ? null : outcome instanceof Refused ? (
          <Trouble refused={outcome} />
        ) : (
          <Told of={outcome} asked={form} />
        )}
      </div>
    </form>
  );
}

const VERDICTS: Readonly<Record<string, readonly [Tone, string]>> = {
  allow: ["good", "it would go on without anybody's approval"],
  approve: ["warn", "it would wait for approval"],
  block: ["bad", "it would be refused"],
};

function Told({ of: { value: one, at }, asked }: { of: Seen<Outcome>; asked: Form }) {
  const [tone, words] = VERDICTS[one.verdict] ?? ["info", one.verdict];
  return (
    <div className="stack">
      <p>
        <Amount value={asked.amount.trim()} asset={asked.asset.trim()} /> of user {asked.user.trim()} on {asked.network}
        {asked.address.trim() === "" ? "" : <Foreign>{`, to ${asked.address.trim()}`}</Foreign>}
        {asked.destination === "" ? "" : `, as a ${asked.destination} place`}:
      </p>
      <Status tone={tone}>{words}</Status>
      {one.warning == null ? null : (
        <Status tone="bad">
          <Foreign>{one.warning}</Foreign>
        </Status>
      )}
      <Facts
        of={[
          ["By rule", one.rule === "" ? "none is for it" : <Foreign key="rule">{one.rule}</Foreign>],
          [
            "Who would have to approve",
            one.needs.length === 0 ? "nobody" : one.needs.map(({ count, group }) => `${String(count)} of ${group}`).join(", "),
          ],
          ["It would wait after that for", one.delay ?? null],
          ["Worth", one.usd == null ? "nobody can say" : <Amount key="usd" value={one.usd} asset="USD" />],
          ["The user may still withdraw today", <Amount key="day" value={one.day_left_usd} asset="USD" />],
          ["And in 30 days", <Amount key="month" value={one.month_left_usd} asset="USD" />],
          ["As things stood", <When key="at" at={new Date(at).toISOString()} />],
        ]}
      />
    </div>
  );
}
