/** What of a network is set by hand beside its switches: confirmations, what transactions may cost, and its endpoints. */
import { Act } from "../app/act";
import type { AnswerOf } from "../api/look";
import { Button } from "../kit/button";
import { Diff, differing } from "../kit/diff";
import { Field, Input } from "../kit/field";
import { Status } from "../kit/status";
import { grouped } from "../kit/text";
import { Foreign } from "../kit/values";

type View = AnswerOf<"/v1/networks/{network}">;
const CHANGE = "PUT /v1/networks/{network}";

/** What the API takes, at most. */
const CONFIRMATIONS_MAX = 10_000;
const ENDPOINTS_MAX = 8;

interface Limits {
  tradable: string;
  withdrawable: string;
  fee_max: string;
  fee_rate_max: string;
}
type Name = keyof Limits;

const LABELS: Readonly<Record<Name, string>> = {
  tradable: "Confirmations to trade with",
  withdrawable: "Confirmations to withdraw",
  fee_max: "One transaction may cost",
  fee_rate_max: "Highest rate offered",
};
const NAMES = Object.keys(LABELS) as Name[];

function limitsOf(network: View): Limits {
  const text = (value: string | number | null | undefined) => (value == null ? "" : String(value));
  return {
    tradable: text(network.tradable),
    withdrawable: text(network.withdrawable),
    fee_max: text(network.fee_max),
    fee_rate_max: text(network.fee_rate_max),
  };
}

/** What of a form differs from what holds. */
function changed(network: View, form: Limits): Name[] {
  const before = limitsOf(network);
  return NAMES.filter((name) => form[name].trim() !== before[name]);
}

function lines(network: View, form: Limits) {
  const before = limitsOf(network);
  const words = (name: Name, value: string) => `${LABELS[name]}: ${value === "" ? "no limit set" : grouped(value)}`;
  return changed(network, form).map((name) => ({
    gone: words(name, before[name]),
    new: words(name, form[name].trim()),
  }));
}

function wrongWith(network: View, form: Limits): string | null {
  const differs = changed(network, form);
  if (differs.length === 0) return "Change something first.";
  const trimmed = (name: Name) => form[name].trim();
  const isCount = (name: Name) =>
    /^\d{1,5}$/.test(trimmed(name)) && Number(trimmed(name)) >= 1 && Number(trimmed(name)) <= CONFIRMATIONS_MAX;
  if (!isCount("tradable") || !isCount("withdrawable"))
    return `Confirmations are whole numbers from 1 to ${grouped(String(CONFIRMATIONS_MAX))}.`;
  if (Number(trimmed("withdrawable")) < Number(trimmed("tradable")))
    return "What cannot be traded with yet cannot be withdrawn: as many confirmations at least.";
  for (const name of ["fee_max", "fee_rate_max"] as const) {
    if (!differs.includes(name)) continue;
    if (trimmed(name) === "") return `${LABELS[name]}: a limit can be changed and not be taken away.`;
    if (!/^[1-9]\d{0,19}$/.test(trimmed(name))) return `${LABELS[name]}: a whole number of minor units of its coin, from 1.`;
    if (BigInt(trimmed(name)) >= 1n << 64n) return `${LABELS[name]}: less than 2^64.`;
  }
  return null;
}

/** How deep a payment has to be, and what a transaction may cost. */
export function LimitsAct({ network }: { network: View }) {
  return (
    <Act
      change={CHANGE}
      names={{ network: network.network }}
      label="Change confirmations and fees"
      subject={network.network}
      form={limitsOf(network)}
      wrong={(form) => wrongWith(network, form)}
      consequence={(form) => {
        const differs = lines(network, form);
        return differs.length === 0 ? "Nothing differs yet." : <Diff lines={differs} />;
      }}
      versus={{
        holds: <Listed of={NAMES.map((name) => `${LABELS[name]}: ${limitsOf(network)[name] || "no limit set"}`)} />,
        changed: network.changed_at == null ? null : { at: network.changed_at },
        mine: (form) => <Diff lines={lines(network, form)} />,
      }}
      body={(reason, form) => {
        const differs = changed(network, form);
        const of = (name: Name) => form[name].trim();
        return {
          ...(differs.includes("tradable") ? { tradable: Number(of("tradable")) } : {}),
          ...(differs.includes("withdrawable") ? { withdrawable: Number(of("withdrawable")) } : {}),
          ...(differs.includes("fee_max") ? { fee_max: of("fee_max") } : {}),
          ...(differs.includes("fee_rate_max") ? { fee_rate_max: of("fee_rate_max") } : {}),
          reason,
          if_version: network.version,
        };
      }}
      fields={(form, set) => (
        <>
          {NAMES.map((name) => (
            <Input
              key={name}
              label={LABELS[name]}
              inputMode="numeric"
              autoComplete="off"
              help={name.startsWith("fee") ? "In minor units of its coin." : "Blocks, the payment's own included."}
              value={form[name]}
              onChange={(event) => set({ [name]: event.target.value })}
            />
          ))}
        </>
      )}
    />
  );
}

function Listed({ of: lines }: { of: readonly string[] }) {
  return lines.length === 0 ? (
    <span className="muted">none</span>
  ) : (
    <ol>
      {lines.map((line) => (
        <li key={line} className="code">
          <Foreign>{line}</Foreign>
        </li>
      ))}
    </ol>
  );
}

function endpointsOf(text: string): string[] {
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
}

function wrongEndpoints(before: readonly string[], text: string): string | null {
  const after = endpointsOf(text);
  if (after.join("\n") === before.join("\n")) return "Change something first.";
  if (after.length > ENDPOINTS_MAX) return `At most ${String(ENDPOINTS_MAX)} endpoints.`;
  const wrong = after.find((one) => !/^(https?|wss?):\/\/[!-~]{1,500}$/.test(one));
  if (wrong !== undefined) return `${wrong}: it begins with https://, http://, wss:// or ws:// and has no spaces.`;
  return new Set(after).size === after.length ? null : "One of them is there twice.";
}

/** By which nodes the network is reached, in the order in which they are tried. */
export function EndpointsAct({ network }: { network: View }) {
  const before = network.endpoints;
  const difference = (text: string) => <Diff lines={differing(before, endpointsOf(text))} />;
  return (
    <Act
      change={CHANGE}
      names={{ network: network.network }}
      label="Change the endpoints"
      subject={network.network}
      form={{ text: before.join("\n") }}
      wrong={({ text }) => wrongEndpoints(before, text)}
      consequence={({ text }) => (
        <>
          {difference(text)}
          {endpointsOf(text).length === 0 ? (
            <Status tone="bad">Without an endpoint nothing is read from this network and nothing is sent there.</Status>
          ) : null}
        </>
      )}
      versus={{
        holds: <Listed of={before} />,
        changed: network.changed_at == null ? null : { at: network.changed_at },
        mine: ({ text }) => difference(text),
      }}
      body={(reason, { text }) => ({ endpoints: endpointsOf(text), reason, if_version: network.version })}
      fields={({ text }, set) => (
        <>
          <Field
            label="Endpoints"
            help="One a line, the one that is tried first on top. A key is never written here: refer to it, https://host/secret:NAME"
          >
            {(tied) => (
              <textarea
                {...tied}
                className="code"
                rows={Math.max(3, before.length + 1)}
                spellCheck={false}
                value={text}
                onChange={(event) => set({ text: event.target.value })}
              />
            )}
          </Field>
          <Order of={endpointsOf(text)} set={(lines) => set({ text: lines.join("\n") })} />
        </>
      )}
    />
  );
}

/** Another one first: the order is that in which they are tried. */
function Order({ of: lines, set }: { of: readonly string[]; set: (lines: string[]) => void }) {
  if (lines.length < 2) return null;
  return (
    <div className="row" role="group" aria-label="Which is tried first">
      {lines.slice(1).map((line) => (
        <Button key={line} look="quiet" onClick={() => set([line, ...lines.filter((one) => one !== line)])}>
          First: <Foreign>{line}</Foreign>
        </Button>
      ))}
    </div>
  );
}
