/**
 * A change that a person makes: its button, what it will do, what it asks of the sender, and what became of it.
 *
 * Each is made in a dialog of its own, which says what follows from it. How much that asks follows from the description of the API, so
 * that the page asks what the node enforces: a reason for the audit at every level, where the node takes one; at level 3 a second factor
 * that was shown just now. What the page asks by itself is a second thought: from level 2 on the thing's name, at level 3 a phrase. What takes two persons is proposed instead, if the sender
 * wants it.
 *
 * An open dialog is about what was on the page when it was opened, and about nothing else: what is read meanwhile changes neither what
 * it says nor what it sends (versions neither), and is told. What is filled in is the dialog's own, for the same reason.
 */
import { useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { type ReactNode, useEffect, useState } from "react";
import { type BodyOf, type Change, change, CommandIds, factsOf, isProposed, type NamesOf, type ResultOf } from "../api/change";
import { type Proposed, Refused } from "../api/client";
import { Button } from "../kit/button";
import { Dialog } from "../kit/dialog";
import { Field } from "../kit/field";
import { Status } from "../kit/status";
import { safe } from "../kit/text";
import { toast } from "../kit/toast";
import { Gone, ON_ITS_WAY, SentBefore, Told, Typed, untyped, wordFor, useSending, useToldElsewhere } from "./deed";
import { holdPage } from "./holding";
import { useHosted } from "./hosted";
import { useSession } from "./session";
import { ProposedOnce, ShownOnce } from "./shown-once";
import { useStanding } from "./standing";
import { doneTo, InAudit } from "./told";
import { carriedOf, type Draft, forgetUnanswered, keepUnanswered, unansweredOf } from "./unanswered";
import { Beside, type Versus } from "./versus";

/** It takes two persons. */
const TWO_PERSONS = "EXQ-1101";
/** Somebody changed it since. */
const STALE = "EXQ-0404";
const REASON_CHARS_MAX = 500;

/** What may follow from what is filled in. */
type Of<F, T> = T | ((form: F) => T);

/** What is read about a form: why it cannot be sent, what follows from it, and how dangerous that is, where it can be told. */
interface More {
  wrong: string | null;
  consequence: ReactNode;
  danger?: number | undefined;
}

interface Props<C extends Change, F> {
  change: C;
  names: Of<F, NamesOf<C>>;
  /** On the button. */
  label: string;
  /** What it is done to, as it is typed for danger level 2. */
  subject: Of<F, string>;
  /** What follows from it: numbers and names, before it is made. */
  consequence?: Of<F, ReactNode>;
  body: (reason: string, form: F) => BodyOf<C>;
  /** What has to be filled in beside the reason, as it is when the dialog opens. */
  form?: F;
  fields?: (form: F, set: (next: Partial<F>) => void) => ReactNode;
  /** What of the form is not right yet. */
  wrong?: Of<F, string | null>;
  /** What is read about the form while it is filled in; a hook. */
  useMore?: (form: F) => More;
  /** How dangerous what it is done to is, where that can be more than the change by itself is. */
  danger?: number;
  /** What holds and what of it the form makes, to be shown beside one another where somebody else was quicker. */
  versus?: Versus<F>;
  /**
   * Whether it sends the whole of what holds afterwards, and no version of what held before: it is held back once that has changed,
   * or is not on the page any more, because it would undo what somebody else did meanwhile.
   */
  whole?: boolean;
  /** Why it cannot be made now, beside what is the same for all changes. */
  why?: string | null | undefined;
  look?: "main" | "danger" | "quiet";
  /** Whether it takes minutes, so that its dialog can be closed before it is made; its end is told all the same. */
  long?: boolean;
  /** Whether no reason is asked for: only for what the node asks none for. */
  reasonless?: boolean;
  /** Whether it is carried out as an approved proposal alone, so that it is proposed at once. */
  proposed?: boolean;
  /** Whether it is made at a node that follows too, because it is about this browser at this node. */
  anywhere?: boolean;
  /** What to tell, and do, when it is made. */
  done?: (result: ResultOf<C>) => string;
  /** The way back, told beside what was made: a change of its own, which is about what this one left. */
  undo?: (result: ResultOf<C>, form: F) => ReactNode;
  /** Whether it is about something that was told, which is not on the page: its dialog outlives its button. */
  detached?: boolean;
  /** What of the answer is shown this once: it stays until the person says that it is kept. */
  once?: (result: ResultOf<C>) => ReactNode;
}

/** Why a change cannot be made through this page by this person; null where it can. */
export function useWhyNot(name: Change, anywhere = false): string | null {
  const { can, who } = useSession();
  const { readOnly, follows } = useStanding();
  if (readOnly !== null && !(anywhere && follows)) return readOnly;
  const { permission } = factsOf(name);
  if (permission === null || can(permission)) return null;
  return `This needs the permission ${permission}, which your roles (${who.roles.join(", ")}) do not have.`;
}

function given<F, T>(of: Of<F, T>, form: F): T {
  return typeof of === "function" ? (of as (form: F) => T)(form) : of;
}

/** What a dialog would send; where this differs from what is on the page now, something has changed. */
function essence<C extends Change, F>(props: Props<C, F>, form: F): string {
  return JSON.stringify([
    props.change,
    props.label,
    given(props.names, form),
    given(props.subject, form),
    props.body("", form),
  ]);
}

/** Tells one opening of a dialog from the next. */
let turn = 0;

function tellProposed({ proposal, needed }: Proposed): void {
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
}

const nothingMore = (): More => ({ wrong: null, consequence: null });

function dangerOf<C extends Change, F>({ change, danger = 0 }: Props<C, F>): number {
  return Math.max(factsOf(change).danger, danger);
}

export function Act<C extends Change, F = undefined>(props: Props<C, F>) {
  const { label, look, why } = props;
  const general = useWhyNot(props.change, props.anywhere);
  const { who } = useSession();
  const hosted = useHosted(props);
  const danger = dangerOf(props);
  const open = (isAnew: boolean, from = props, reason = "") => {
    const form = from.form as F;
    // All that would be sent is in it: two sessions of one person, or two plans, can have the same title.
    const deed = JSON.stringify([who.name, essence(from, form)]);
    if (isAnew) forgetUnanswered(deed);
    const fresh = { props: from, form, reason, ids: new CommandIds(), sentAt: null };
    const draft = unansweredOf<Props<C, F>, F>(deed) ?? { ...fresh, ...carriedOf(deed) };
    turn += 1;
    const key = turn;
    hosted.show((live) => (
      <Asked
        key={key}
        {...{ draft, deed, live }}
        anew={(from, reason) => {
          open(true, from, reason);
        }}
        close={hosted.close}
        keep={(title, once, tell) => {
          const kept = () => {
            hosted.close();
            tell();
          };
          hosted.keep(() => (
            <ShownOnce title={title} close={kept}>
              {once}
            </ShownOnce>
          ));
        }}
      />
    ));
  };
  return (
    <>
      <Button
        data-change={props.change}
        look={look ?? (danger >= 3 ? "danger" : undefined)}
        why={general ?? why}
        onClick={() => {
          open(false);
        }}
      >
        {label}
      </Button>
      {props.detached === true ? null : hosted.teller}
    </>
  );
}

interface AskedProps<C extends Change, F> {
  draft: Draft<Props<C, F>, F>;
  deed: string;
  /** What is on the page now; null where what it is about is not there any more. */
  live: Props<C, F> | null;
  /** From what is given, with that reason; otherwise as it was on the page when the dialog was opened. */
  anew: (from?: Props<C, F>, reason?: string) => void;
  close: () => void;
  /** Shows what an answer has this once in the dialog's place, also where the dialog was closed before the answer came. */
  keep: (title: string, once: ReactNode, tell: () => void) => void;
}

function Asked<C extends Change, F>({ draft, deed, live, anew, close, keep }: AskedProps<C, F>) {
  const { props, ids, sentAt } = draft;
  const { label, useMore = nothingMore } = props;
  const { can } = useSession();
  const { summary } = factsOf(props.change);
  const general = useWhyNot(props.change, props.anywhere);
  const sending = useSending();
  const client = useQueryClient();
  const [form, setForm] = useState(draft.form);
  const [reason, setReason] = useState(draft.reason);
  const [typed, setTyped] = useState("");
  const [refused, setRefused] = useState<Refused | null>(null);
  const [busy, setBusy] = useState(false);
  const [isSentBefore, setSentBefore] = useState(sentAt !== null);
  const more = useMore(form);
  const tellElsewhere = useToldElsewhere();
  useEffect(holdPage, []);

  const subject = given(props.subject, form);
  const names = given(props.names, form);
  const consequence = given(props.consequence, form) ?? more.consequence;
  const sentAs = (propose: boolean) => [names, props.body(reason.trim(), form), propose];
  const isSame = sentAt !== null && ids.isOf(sentAs(props.proposed === true));
  // Where all of a form is sent, what it began from is part of what it is about.
  const begins = ({ whole, form }: Props<C, F>) => (whole === true ? JSON.stringify(form) : null);
  const hasChanged = live !== null && (essence(props, form) !== essence(live, form) || begins(props) !== begins(live));
  const danger = Math.max(dangerOf(props), more.danger ?? 0);
  const word = wordFor(danger, subject);
  const missing =
    general ??
    (props.whole === true && (live === null || hasChanged)
      ? "What this is about has changed meanwhile, and would be undone: close this and look again."
      : null) ??
    given(props.wrong, form) ??
    more.wrong ??
    (props.reasonless !== true && reason.trim() === "" ? "Say why: it is kept in the audit." : null) ??
    untyped(word, typed) ??
    (busy ? "It is on its way." : null);
  const isHeld = busy && props.long !== true;

  const tellMade = (value: ResultOf<C>) => {
    const done = props.done?.(value) ?? doneTo(label, subject);
    toast(
      <>
        {safe(isSentBefore ? `${done} It took effect once, now or when it was sent first: look whether it holds.` : done)}
        {can("audit.read") ? <InAudit of={value} /> : null}
      </>,
      "good",
      // What may have been made a while ago may have been changed since: there is no way back that is known to lead there.
      isSentBefore ? undefined : props.undo?.(value, form),
    );
  };

  const send = async (propose: boolean) => {
    setRefused(null);
    setBusy(true);
    // What was sent before and not answered keeps its id, whatever is sent now: a refusal of this one says nothing of that one.
    const before = ids.kept;
    const former = isSentBefore ? unansweredOf<Props<C, F>, F>(deed) : undefined;
    const body = props.body(reason.trim(), form);
    const id = ids.of(sentAs(propose));
    try {
      // Where the page is left before the answer, the same dialog knows of it.
      keepUnanswered(deed, { props, form, reason, ids, sentAt: Date.now() });
      const why = `${label} ${subject}: this asks for a second factor of the last minute.`;
      const seen = await sending(props.change, why, () => change(props.change, names, body, { propose, id }));
      if (seen !== null || !isSentBefore) forgetUnanswered(deed);
      if (seen === null) return;
      const { value } = seen;
      const [once, tell] = isProposed(value)
        ? [value.once == null ? undefined : <ProposedOnce of={value.once} />, () => tellProposed(value)]
        : [props.once?.(value), () => tellMade(value)];
      if (once === undefined) {
        close();
        tell();
      } else {
        keep(`${label}: ${subject}`, once, tell);
      }
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      if (error.isUnknown) {
        setSentBefore(true);
        keepUnanswered(deed, { props, form, reason, ids, sentAt: Date.now() });
      } else if (isSentBefore) {
        ids.back(before);
        if (former !== undefined) keepUnanswered(deed, former);
      } else {
        ids.answered();
        forgetUnanswered(deed);
      }
      setRefused(error);
      tellElsewhere(`${label}: ${subject}`, error, props.change, isSentBefore, id);
      // What somebody else made of it is looked at now, not when its time comes.
      if (error.code === STALE) void client.invalidateQueries();
    } finally {
      setBusy(false);
    }
  };

  return (
    <Dialog
      open
      onOpenChange={(open) => {
        if (!open && !isHeld) close();
      }}
      title={`${label}: ${subject}`}
      about={summary}
    >
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          if (missing === null) void send(props.proposed === true);
        }}
      >
        {sentAt === null ? null : (
          <SentBefore
            {...{ change: props.change, at: sentAt, isCarried: draft.isCarried === true, isSame, command: ids.kept[1] }}
          >
            <Button onClick={() => anew()}>Begin anew</Button>
          </SentBefore>
        )}
        {live === null ? <Gone /> : null}
        {props.versus !== undefined && refused?.code === STALE ? (
          <Beside
            before={props.versus}
            now={hasChanged ? (live.versus ?? null) : null}
            form={form}
            anew={() => {
              if (live !== null) anew(live, reason);
            }}
          />
        ) : null}
        {hasChanged ? (
          <p role="alert">
            <Status tone="warn">
              What this is about has changed meanwhile. This dialog is still about what was there when you opened it: close it
              and look again.
            </Status>
          </p>
        ) : null}
        {consequence == null ? null : <div className="consequence">{safe(consequence)}</div>}
        {props.fields?.(form, (next) => {
          setForm((old) => ({ ...old, ...next }));
        })}
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
        <Typed word={word} typed={typed} type={setTyped} />
        {refused === null ? null : (
          <div role="alert" className="stack">
            <Told refused={refused} change={props.change} before={isSentBefore} command={ids.kept[1]} />
            {refused.code === TWO_PERSONS ? (
              <div className="row">
                <Button look="main" why={missing} onClick={() => void send(true)}>
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
          <Button why={isHeld ? ON_ITS_WAY : null} onClick={close}>
            Cancel
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
