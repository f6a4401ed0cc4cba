/**
 * A change that carries a signature of this browser's key over what is shown: consent to a withdrawal, approval of a proposal.
 *
 * Its dialog is about what was on the page when it was opened, as that of every change. It is made at nodes that follow as well, which
 * hand it on to the leader: the key of a browser lives at one address, and does not move with the leadership.
 */
import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useEffect, useState } from "react";
import { type BodyOf, type Change, change, CommandIds, factsOf, type NamesOf, type ResultOf } from "../api/change";
import { Refused } from "../api/client";
import { useLook } from "../api/look";
import { Button } from "../kit/button";
import { Dialog } from "../kit/dialog";
import { Input } from "../kit/field";
import { Status } from "../kit/status";
import { visible } from "../kit/text";
import { toast } from "../kit/toast";
import { useWhyNot } from "./act";
import { keptKey, sign } from "./approval-key";
import { Gone, ON_ITS_WAY, SentBefore, Told, Typed, untyped, wordFor, useSending, useToldElsewhere } from "./deed";
import { holdPage } from "./holding";
import { useHosted } from "./hosted";
import { useSession } from "./session";
import { useStanding } from "./standing";
import { InAudit } from "./told";
import { carriedOf, type Draft, forgetUnanswered, keepUnanswered, unansweredOf } from "./unanswered";

/** The key of this browser at this node and its number, if it is enrolled and confirmed. */
export function useOwnKey() {
  const { who } = useSession();
  const { status } = useStanding();
  const kept = useQuery({ queryKey: ["own key", who.name], queryFn: async () => (await keptKey(who.name)) ?? null });
  const keys = useLook("/v1/approval-keys", {}, { topics: ["approvals"] });
  const enrolled = keys.data?.value.keys.find(
    ({ public_key, state }) => public_key === kept.data?.publicKey && state !== "revoked",
  );
  // That it is not known yet, or could not be read, is not that there is none.
  const unknown = (what: string, { error }: { error: Error | null }) =>
    error === null ? `${what} is being read.` : `${what} could not be read: ${error.message}`;
  const why =
    kept.data === undefined
      ? unknown("Whether this browser has an approval key of yours", kept)
      : kept.data === null
        ? `This browser has no approval key of yours for this node${status === undefined ? "" : ` (${status.node})`}: make one under Security.`
        : keys.data === undefined
          ? unknown("Which approval keys are enrolled", keys)
          : enrolled === undefined
            ? "This browser's approval key is not enrolled: enrol it under Security."
            : enrolled.state !== "confirmed"
              ? "This browser's approval key waits for another person to confirm it."
              : null;
  return { kept: kept.data ?? null, enrolled, why };
}

/** What became of it, as it is told. */
export interface Outcome {
  tone: "good" | "bad" | "info";
  text: string;
}

interface Props<C extends Change> {
  change: C;
  names: NamesOf<C>;
  label: string;
  title: string;
  /** What it is about, as it is typed where the danger asks for that. */
  subject: string;
  /** What it is that is signed, in a sentence. */
  about: string;
  /** What is signed, in words: the whole of it. */
  children: ReactNode;
  /** What those words are made of beside what is signed: where it changes, it is told. */
  shown?: unknown;
  /** The bytes that are signed, made of what is shown; throws where what the node says of them is another thing. */
  bytes: () => Uint8Array;
  body: (key: number, signature: string, reason: string) => BodyOf<C>;
  /** Whether a reason is asked for. */
  reasoned?: boolean;
  why?: string | null;
  /** Whether an own key that is not confirmed yet is enough: the first two keys confirm each other. */
  unconfirmed?: boolean;
  /** What is kept once it is made. */
  after?: () => Promise<void>;
  done: (result: ResultOf<C>) => Outcome;
}

export function SignedAct<C extends Change>(props: Props<C>) {
  const { label, why } = props;
  const general = useWhyNot(props.change, true);
  const own = useOwnKey();
  const { who } = useSession();
  const hosted = useHosted(props);
  const isEnough = props.unconfirmed === true && own.enrolled !== undefined;
  return (
    <>
      <Button
        data-change={props.change}
        look="main"
        why={general ?? why ?? (isEnough ? null : own.why)}
        onClick={() => {
          const deed = JSON.stringify([who.name, props.change, props.names]);
          // The bytes are made of what is on the page now; the id is that of what was sent before, if it is the same.
          const fresh = { reason: "", ids: new CommandIds(), sentAt: null };
          const before = unansweredOf<Props<C>, null>(deed) ?? { ...fresh, ...carriedOf(deed) };
          const draft = { ...before, props, form: null };
          hosted.show((live) => <Signing {...{ draft, deed, live }} close={hosted.close} />);
        }}
      >
        {label}
      </Button>
      {hosted.teller}
    </>
  );
}

interface SigningProps<C extends Change> {
  draft: Draft<Props<C>, null>;
  deed: string;
  /** What is on the page now; null where what it is about is not there any more. */
  live: Props<C> | null;
  close: () => void;
}

/** What would be signed, or why nothing would. */
function essence<C extends Change>({ change, names, bytes, shown }: Props<C>): string {
  try {
    return JSON.stringify([change, names, shown, Array.from(bytes())]);
  } catch (error) {
    return String(error);
  }
}

function Signing<C extends Change>({ draft, deed, live, close }: SigningProps<C>) {
  const { props, ids } = draft;
  const own = useOwnKey();
  const { can } = useSession();
  const sending = useSending();
  const [reason, setReason] = useState(draft.reason);
  const [typed, type] = useState("");
  const [wrong, setWrong] = useState<Error | null>(null);
  const [busy, setBusy] = useState(false);
  const [isSentBefore, setSentBefore] = useState(draft.sentAt !== null);
  const tellElsewhere = useToldElsewhere();
  useEffect(holdPage, []);
  const word = wordFor(factsOf(props.change).danger, props.subject);
  const missing =
    (props.reasoned === true && reason.trim() === "" ? "Say why: it is kept in the audit." : null) ??
    untyped(word, typed) ??
    (busy ? "It is on its way." : null);
  const send = async () => {
    setWrong(null);
    setBusy(true);
    const before = ids.kept;
    const former = isSentBefore ? unansweredOf<Props<C>, null>(deed) : undefined;
    let id = "";
    try {
      if (own.kept === null || own.enrolled === undefined) throw new Error(own.why ?? "This browser has no approval key.");
      const body = props.body(own.enrolled.number, await sign(own.kept, props.bytes()), reason.trim());
      id = ids.of([props.names, body]);
      keepUnanswered(deed, { props, form: null, reason, ids, sentAt: Date.now() });
      const seen = await sending(props.change, props.title, () => change(props.change, props.names, body, { id }));
      if (seen !== null || !isSentBefore) forgetUnanswered(deed);
      if (seen === null) return;
      close();
      const { tone, text } = props.done(seen.value);
      toast(
        <>
          {visible(text)}
          {can("audit.read") ? <InAudit of={seen.value} /> : null}
        </>,
        tone,
      );
      await props.after?.();
    } catch (error) {
      if (error instanceof Refused && error.isUnknown) {
        setSentBefore(true);
        keepUnanswered(deed, { props, form: null, reason, ids, sentAt: Date.now() });
      } else if (error instanceof Refused && isSentBefore) {
        ids.back(before);
        if (former !== undefined) keepUnanswered(deed, former);
      } else if (error instanceof Refused) {
        ids.answered();
        forgetUnanswered(deed);
      }
      setWrong(error instanceof Error ? error : new Error(String(error)));
      if (error instanceof Refused) tellElsewhere(props.title, error, props.change, isSentBefore, id);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Dialog open onOpenChange={(open) => (open || busy ? undefined : close())} title={props.title} about={props.about}>
      {live === null ? (
        <Gone />
      ) : essence(props) === essence(live) ? null : (
        <p role="alert">
          <Status tone="warn">
            What this is about has changed meanwhile. You would sign what is listed here, as it was when you opened it: close
            this and look again.
          </Status>
        </p>
      )}
      {draft.sentAt === null ? null : (
        // A key of another node signs in another way.
        <SentBefore
          {...{
            change: props.change,
            at: draft.sentAt,
            isCarried: draft.isCarried === true,
            isSame: false,
            command: ids.kept[1],
          }}
        />
      )}
      {props.children}
      {props.reasoned === true ? (
        <Input label="Reason" value={reason} onChange={(event) => setReason(event.target.value)} />
      ) : null}
      <Typed {...{ word, typed, type }} />
      <div role="alert">
        {wrong === null ? null : wrong instanceof Refused ? (
          <Told refused={wrong} change={props.change} before={isSentBefore} command={ids.kept[1]} />
        ) : (
          <strong>{wrong.message}</strong>
        )}
      </div>
      <div className="row">
        <Button look="main" why={missing} onClick={() => void send()}>
          Sign and approve
        </Button>
        <Button why={busy ? ON_ITS_WAY : null} onClick={close}>
          Cancel
        </Button>
      </div>
    </Dialog>
  );
}
