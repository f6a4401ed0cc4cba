/** What a customer is taken for: how well it is known, which fees hold, and what people call it. */
import { Act } from "../app/act";
import { Choice, Input } from "../kit/field";
import { Foreign } from "../kit/values";
import type { UserRow } from "./users";

interface Form {
  kyc: string;
  tier: string;
  label: string;
}

const LEVELS = ["0", "1", "2", "3"] as const;
const TIER_MAX = 255;
const LABEL_BYTES_MAX = 100;
const NAMES: Readonly<Record<keyof Form, string>> = { kyc: "KYC level", tier: "Fee tier", label: "Label" };

const formOf = ({ kyc_level, fee_tier, label }: UserRow): Form => ({ kyc: String(kyc_level), tier: String(fee_tier), label });

export function ChangeUser({ user }: { user: UserRow }) {
  const now = formOf(user);
  const changed = (form: Form) => (["kyc", "tier", "label"] as const).filter((name) => form[name] !== now[name]);
  const wrong = (form: Form) => {
    if (!/^\d{1,3}$/.test(form.tier) || Number(form.tier) > TIER_MAX) return "A fee tier is a whole number from 0.";
    if (new TextEncoder().encode(form.label).length > LABEL_BYTES_MAX) return "A label has at most 100 bytes.";
    return changed(form).length === 0 ? "Nothing is changed yet." : null;
  };
  return (
    <Act<"PATCH /v1/users/{user}", Form>
      change="PATCH /v1/users/{user}"
      names={{ user: user.user }}
      label="Change"
      subject={`user ${String(user.user)}`}
      form={now}
      wrong={wrong}
      consequence={(form) =>
        changed(form).length === 0
          ? "Nothing is changed yet."
          : changed(form).map((name) => (
              <div key={name}>
                <p>{NAMES[name]}</p>
                <span className="diff">
                  <span aria-hidden="true">−</span>
                  <del>
                    <Foreign>{now[name] === "" ? "none" : now[name]}</Foreign>
                  </del>
                  <span aria-hidden="true">+</span>
                  <ins>
                    <Foreign>{form[name] === "" ? "none" : form[name]}</Foreign>
                  </ins>
                </span>
              </div>
            ))
      }
      // What is not given stays, whoever changed it meanwhile.
      body={(reason, form) => ({
        ...(form.kyc === now.kyc ? {} : { kyc_level: Number(form.kyc) }),
        ...(form.tier === now.tier ? {} : { fee_tier: Number(form.tier) }),
        ...(form.label === now.label ? {} : { label: form.label }),
        reason,
      })}
      fields={({ kyc, tier, label }, set) => (
        <>
          <Choice label={NAMES.kyc} of={LEVELS} value={kyc} onChange={(event) => set({ kyc: event.target.value })} />
          <Input
            label={NAMES.tier}
            inputMode="numeric"
            value={tier}
            autoComplete="off"
            onChange={(event) => set({ tier: event.target.value.trim() })}
          />
          <Input
            label={NAMES.label}
            value={label}
            autoComplete="off"
            onChange={(event) => set({ label: event.target.value })}
          />
        </>
      )}
    />
  );
}

/** Signs a customer out everywhere. */
export function EndSessions({ user }: { user: number }) {
  return (
    <Act
      change="POST /v1/users/{user}/sessions/revoke"
      names={{ user }}
      label="End sessions"
      subject={`user ${String(user)}`}
      consequence="Every session ends at once: its person has to sign in again. API keys go on."
      body={(reason) => ({ reason })}
      done={({ sessions }) => `${String(sessions)} sessions of user ${String(user)} ended.`}
    />
  );
}
