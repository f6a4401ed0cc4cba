/**
 * A change that a person makes: its button, what it will do, what it asks of the sender, and what became of it.
 *
 * How much is asked follows from the description of the API, so that the page asks what the node enforces:
 * level 0 is made at once, level 1 after a reason, level 2 after the thing's name, level 3 after a phrase and a second factor
 * that was shown just now. What takes two persons is proposed instead, if the sender wants it.
 */
import { useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { type ReactNode, useState } from "react";
import { type BodyOf, type Change, change, factsOf, isProposed, type NamesOf, CommandIds, type ResultOf } from "../api/change";
import { Refused } from "../api/client";
import { Button } from "../kit/button";
import { Dialog } from "../kit/dialog";
import { Field, Input } from "../kit/field";
import { toast } from "../kit/toast";
import { useSession } from "./session";
import { useStanding } from "./standing";

/** It takes two persons. */
const TWO_PERSONS = "EXQ-1101";
const STEP_UP = "EXQ-0216";
const REASON_CHARS_MAX = 500;
/** What is typed where the danger is greatest. */
export const PHRASE = "i know what this does";

interface Props<C extends Change> {
  change: C;
  names: NamesOf<C>;
  /** On the button. */
  label: string;
  /** What it is done to, as it is typed for danger level 2. */
  subject: string;
  /** What follows from it: numbers and names, before it is made. */
  consequence?: ReactNode;
  body: (reason: string) => BodyOf<C>;
  /** What else has to be filled in. */
  children?: ReactNode;
  /** Why it cannot be made now, beside what is the same for all changes. */
  why?: string | null | undefined;
  /** What of the form is not right yet. */
  wrong?: string | null | undefined;
  look?: "main" | "danger" | "quiet";
  /** Whether no reason is asked for: only for what the node asks none for. */
  reasonless?: boolean;
  /** What to tell, and do, when it is made. */
  done?: (result: ResultOf<C>) => string;
}

/** Why a change cannot be made through this page by this person; null where it can. */
export function useWhyNot(name: Change): string | null {
  const { can, who } = useSession();
  const { readOnly } = useStanding();
  if (readOnly !== null) return readOnly;
  const { permission } = factsOf(name);
  if (permission === null || can(permission)) return null;
  return `This needs the permission ${permission}, which your roles (${who.roles.join(", ")}) do not have.`;
}

export function Act<C extends Change>(props: Props<C>) {
  const { label, look, why } = props;
  const general = useWhyNot(props.change);
  const [open, setOpen] = useState(false);
  const { danger } = factsOf(props.change);
  return (
    <>
      <Button
        data-change={props.change}
        look={look ?? (danger >= 3 ? "danger" : undefined)}
        why={general ?? why}
        onClick={() => {
          setOpen(true);
        }}
      >
        {label}
      </Button>
      {open ? (
        <Asked
          {...props}
          close={() => {
            setOpen(false);
          }}
        />
      ) : null}
    </>
  );
}

function Asked<C extends Change>(props: Props<C> & { close: () => void }) {
  const { label, subject, names, consequence, children, wrong, close } = props;
  const { danger, fresh, summary } = factsOf(props.change);
  const general = useWhyNot(props.change);
  const { stepUp } = useSession();
  const client = useQueryClient();
  const [reason, setReason] = useState("");
  const [typed, setTyped] = useState("");
  const [refused, setRefused] = useState<Refused | null>(null);
  const [busy, setBusy] = useState(false);
  const [ids] = useState(() => new CommandIds());

  const word = danger === 3 ? PHRASE : subject;
  const missing =
    general ??
    wrong ??
    (props.reasonless !== true && reason.trim() === "" ? "Say why: it is kept in the audit." : null) ??
    (danger >= 2 && typed.trim() !== word ? `Type ${word} to go on.` : null) ??
    (busy ? "It is on its way." : null);

  const send = async (propose: boolean) => {
    setRefused(null);
    if (fresh === "always" && !(await stepUp(`${label} ${subject}: this asks for a second factor of the last minute.`))) return;
    setBusy(true);
    try {
      const body = props.body(reason.trim());
      const { value } = await change(props.change, names, body, { propose, id: ids.of([names, body, propose]) });
      close();
      if (isProposed(value)) {
        const { proposal, needed } = value;
        toast(
          <>
            Proposed as{" "}
            <Link to="/approvals/$proposal" params={{ proposal: String(proposal) }}>
              proposal {proposal}
            </Link>
            ; {needed} must approve it.
          </>,
          "info",
        );
      } else toast(props.done?.(value) ?? `${label}: ${subject}. Done.`);
      void client.invalidateQueries();
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      if (error.code === STEP_UP && (await stepUp(error.message))) {
        setBusy(false);
        await send(propose);
        return;
      }
      if (!error.isUnknown) ids.answered();
      setRefused(error);
    } finally {
      setBusy(false);
    }
  };

  return (
    <Dialog
      open
      onOpenChange={(open) => {
        if (!open) close();
      }}
      title={`${label}: ${subject}`}
      about={summary}
    >
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          if (missing === null) void send(false);
        }}
      >
        {consequence === undefined ? null : <div className="consequence">{consequence}</div>}
        {children}
        {props.reasonless === true ? null : (
          <Field label="Reason" help="For the audit; others read it.">
            {(tied) => (
              <textarea
                {...tied}
                rows={2}
                maxLength={REASON_CHARS_MAX}
                value={reason}
                onChange={(event) => {
                  setReason(event.target.value);
                }}
              />
            )}
          </Field>
        )}
        {danger < 2 ? null : (
          <Input
            label={`Type “${word}” to confirm`}
            value={typed}
            autoComplete="off"
            spellCheck={false}
            onChange={(event) => {
              setTyped(event.target.value);
            }}
          />
        )}
        {refused === null ? null : (
          <div role="alert" className="stack">
            <p>
              <strong>{refused.message}</strong> <span className="code">{refused.code}</span>
            </p>
            {refused.hint === "" ? null : <p className="muted">{refused.hint}</p>}
            {refused.code === TWO_PERSONS ? (
              <div className="row">
                <Button look="main" onClick={() => void send(true)}>
                  Propose it to others
                </Button>
              </div>
            ) : null}
          </div>
        )}
        <div className="row">
          <Button look={danger >= 2 ? "danger" : "main"} type="submit" why={missing}>
            {label}
          </Button>
          <Button onClick={close}>Cancel</Button>
        </div>
      </form>
    </Dialog>
  );
}
