/** What all changes of a person have in common: the second factor where it is asked for, and how a refusal is told. */
import { useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { type ReactNode, useCallback, useEffect, useRef } from "react";
import { type Change, factsOf } from "../api/change";
import { Refused, type Seen } from "../api/client";
import { Explain } from "../kit/explain";
import { Input } from "../kit/field";
import { Status } from "../kit/status";
import { visible } from "../kit/text";
import { toast } from "../kit/toast";
import { When } from "../kit/values";
import { useSession } from "./session";

const STEP_UP = "EXQ-0216";
/** What is typed where the danger is greatest. */
export const PHRASE = "i know what this does";
/** From this danger on something is typed. */
const TYPED_FROM = 2;

/** What is typed before a change of that danger is sent; null where nothing is. The node does not get it. */
export function wordFor(danger: number, subject: string): string | null {
  return danger < TYPED_FROM ? null : danger > TYPED_FROM ? PHRASE : subject;
}

/** Why it is held back as long as that is not typed. */
export function untyped(word: string | null, typed: string): string | null {
  return word === null || typed.trim() === word ? null : `Type ${word} to go on.`;
}

/** Where it is typed. */
export function Typed({ word, typed, type }: { word: string | null; typed: string; type: (text: string) => void }) {
  return word === null ? null : (
    <Input
      label={`Type “${word}” to confirm`}
      value={typed}
      autoComplete="off"
      spellCheck={false}
      onChange={(event) => {
        type(event.target.value);
      }}
    />
  );
}

/** Sends a change, with the second factor shown before it where the API says so, or once the node asks; null where the person gave up. */
export function useSending() {
  const { stepUp } = useSession();
  const client = useQueryClient();
  return useCallback(
    async <T,>(name: Change, why: string, send: () => Promise<Seen<T>>): Promise<Seen<T> | null> => {
      if (factsOf(name).fresh === "always" && !(await stepUp(why))) return null;
      const sent = send().catch(async (error: unknown) => {
        // The node says what is fresh, whatever this browser's clock says; asked twice, it would be asked for ever.
        if (!(error instanceof Refused) || error.code !== STEP_UP || !(await stepUp(error.message, true))) throw error;
        return send();
      });
      const seen = await sent;
      void client.invalidateQueries();
      return seen;
    },
    [stepUp, client],
  );
}

/**
 * Why a dialog cannot be closed: what became of what it sent is told there, and the same opened again would not know of it. The page's
 * requests have a time limit, so that this has one.
 */
export const ON_ITS_WAY = "It is on its way; this closes when its answer is here, after a minute at most.";

/** Tells in the page's corner what stood in the way of a change, where its dialog went with its page before the answer came. */
export function useToldElsewhere() {
  const isDrawn = useRef(false);
  useEffect(() => {
    isDrawn.current = true;
    return () => {
      isDrawn.current = false;
    };
  }, []);
  return useCallback((title: string, refused: Refused, change: Change, before: boolean, command: string) => {
    if (isDrawn.current) return;
    toast(
      <>
        <p>{visible(title)}</p>
        <Told {...{ refused, change, before, command }} />
      </>,
      "bad",
    );
  }, []);
}

/** What a dialog says once what it is about is not on the page any more. */
export function Gone() {
  return (
    <p role="alert">
      <Status tone="warn">
        What this is about is not on the page any more: it may be over, or may have moved in its list. This dialog is still
        about what was there when you opened it.
      </Status>
    </p>
  );
}

/** Where it is told what became of a command; nothing where it has no id. */
export function OfCommand({ id }: { id: string }) {
  return id === "" ? null : (
    <>
      What became of it is told at its command:{" "}
      <Link className="code" to="/commands/$command" params={{ command: id }}>
        {id}
      </Link>
      .
    </>
  );
}

interface SentBeforeProps {
  change: Change;
  /** When it was sent, in milliseconds since 1970. */
  at: number;
  /** Whether that was at another node, and, there, whether what is filled in here now is what was sent. */
  isCarried: boolean;
  isSame: boolean;
  command: string;
  /** What can be done about it. */
  children?: ReactNode;
}

/** What a dialog says that is opened again, of what it sent and had no answer to. */
export function SentBefore({ change, at, isCarried, isSame, command, children }: SentBeforeProps) {
  const { once } = factsOf(change);
  const again = isCarried
    ? "Filled in as it was then, and sent again, it takes effect once"
    : "Sent again as it is, it takes effect once.";
  const filled = isSame ? "; as it is now it is the same." : "; as it is now it would be another one.";
  return (
    <div className="row" role="status">
      <Status tone="warn">
        This was sent{isCarried ? " at another node" : ""} <When at={new Date(at).toISOString()} /> and not answered: it may
        have been made. {once ? `${again}${isCarried ? filled : ""}` : "Look whether it was before you send it again."}{" "}
        <OfCommand id={once ? command : ""} />
      </Status>
      {children}
    </div>
  );
}

interface ToldProps {
  refused: Refused;
  change: Change;
  before: boolean;
  /** Its id. */
  command: string;
}

/**
 * What stood in the way of a change. Where it is not known whether it was made, that is what is told; where the node could not begin with
 * it, that nothing was done. `before` is whether it was sent before without an answer.
 */
export function Told({ refused, change, before, command }: ToldProps) {
  return (
    <>
      <p>
        <strong>{visible(refused.message)}</strong> <span className="code">{refused.code}</span> <Explain code={refused.code} />
      </p>
      {refused.isUnknown ? (
        <p>
          It may have been made.{" "}
          {factsOf(change).once ? "Send it again: it takes effect once." : "Look whether it was before you send it again."}{" "}
          <OfCommand id={factsOf(change).once ? command : ""} />
        </p>
      ) : refused.isHeldOff ? (
        <p>{before ? "This time nothing was done." : "Nothing was done."}</p>
      ) : null}
      {before && !refused.isUnknown ? <p>What was sent before, and not answered, may have been made all the same.</p> : null}
      {refused.hint === "" ? null : <p className="muted">{visible(refused.hint)}</p>}
    </>
  );
}
