/** What a person can do about directives: send one to a worker, take it back, release it, and decide about it. */
import { Act } from "../app/act";
import { type AnswerOf, useLook } from "../api/look";
import { Choice, Input } from "../kit/field";
import { Foreign } from "../kit/values";
import { outcomesTold } from "./job-deeds";
import { unread } from "./preview";

export type Directive = AnswerOf<"/v1/directives/{directive}">;

const PRIORITIES = ["emergency", "safety", "money", "normal", "bulk"];

interface Letter {
  target: string;
  action: string;
  payload: string;
  priority: string;
  approval: string;
}

/** Which actions every worker knows, and what they come to. */
const KNOWN: Readonly<Record<string, string>> = {
  start: "It is wanted to run; one that has failed starts again.",
  stop: "It finishes what it has begun, and stops.",
  restart: "It finishes what it has begun; a new process takes over.",
};

/** What is known of whom it is for, before it is sent. */
function useTarget({ target, action }: Letter) {
  const worker = target.trim();
  const look = useLook("/v1/workers/{worker}", { path: { worker } }, { enabled: worker !== "", every: false });
  const one = look.data?.value;
  return {
    wrong: worker === "" ? "Name the worker." : action.trim() === "" ? "Say what it shall do." : unread(look),
    consequence:
      one === undefined ? null : (
        <p>
          <Foreign>{one.worker}</Foreign> is {one.state}; {one.summary?.queue_depth ?? 0} jobs wait for it.{" "}
          {KNOWN[action.trim()] ?? "Whether it knows this action is for the worker to say."}
        </p>
      ),
  };
}

export function SendDirective({ target }: { target?: string }) {
  return (
    <Act<"POST /v1/directives", Letter>
      change="POST /v1/directives"
      names={undefined}
      label="Send a directive"
      subject={({ target }) => (target.trim() === "" ? "a worker" : target.trim())}
      form={{ target: target ?? "", action: "restart", payload: "", priority: "normal", approval: "no" }}
      useMore={useTarget}
      body={(reason, { target, action, payload, priority, approval }) => ({
        target: target.trim(),
        action: action.trim(),
        ...(payload === "" ? {} : { payload }),
        priority,
        needs_approval: approval === "yes",
        reason,
      })}
      fields={({ target: worker, action, payload, priority, approval }, set) => (
        <>
          {target === undefined ? (
            <Input
              label="Worker"
              help="Such as deposit/bitcoin-1."
              value={worker}
              autoComplete="off"
              spellCheck={false}
              onChange={(event) => set({ target: event.target.value })}
            />
          ) : null}
          <Input
            label="Action"
            help="start, stop, restart, or what the worker knows it by."
            value={action}
            autoComplete="off"
            spellCheck={false}
            onChange={(event) => set({ action: event.target.value })}
          />
          <Input
            label="What belongs to it"
            help="For an action of the worker's own; others take nothing."
            value={payload}
            autoComplete="off"
            onChange={(event) => set({ payload: event.target.value })}
          />
          <Choice
            label="Priority"
            of={PRIORITIES}
            value={priority}
            onChange={(event) => set({ priority: event.target.value })}
          />
          <Choice
            label="Waits until others have released it"
            of={["no", "yes"]}
            value={approval}
            onChange={(event) => set({ approval: event.target.value })}
          />
        </>
      )}
      done={({ directives }) => `Sent as directive ${directives.map(({ directive }) => String(directive)).join(", ")}.`}
    />
  );
}

const NOT_DISPATCHED = ["pending-approval", "queued"];

/** Decisions about a directive of which nobody knows what became, and what each says. */
const DECISIONS = {
  retry: "It is dispatched again: what it asks for may then be done twice.",
  done: "It counts as done. Nothing is sent.",
  failed: "It counts as failed. Nothing is sent.",
} as const;
type Decision = keyof typeof DECISIONS;

export function DirectiveDeeds({ directive }: { directive: Directive }) {
  const number = directive.directive;
  const subject = `directive ${String(number)}`;
  return (
    <div className="row">
      <Act
        change="POST /v1/directives/cancel"
        names={undefined}
        label="Cancel directive"
        subject={subject}
        why={
          NOT_DISPATCHED.includes(directive.state)
            ? null
            : `It is ${directive.state}: only what was not dispatched yet can be cancelled.`
        }
        consequence="It is never dispatched."
        body={(reason) => ({ directives: [number], reason })}
        done={(result) => outcomesTold(`Directive ${String(number)} is cancelled.`, result)}
      />
      {directive.state === "pending-approval" ? (
        <Act
          change="POST /v1/directives/release"
          names={undefined}
          label="Release"
          subject={subject}
          consequence={
            <p>
              {directive.target} is asked to <Foreign>{directive.action}</Foreign>, as {directive.by} wants. It takes another
              person than who sent it.
            </p>
          }
          body={(reason) => ({ directives: [number], reason })}
          done={(result) => outcomesTold(`Directive ${String(number)} is released.`, result)}
        />
      ) : null}
      {directive.state === "needs-review" ? (
        <Act<"POST /v1/directives/{directive}/review", { decision: Decision }>
          change="POST /v1/directives/{directive}/review"
          names={{ directive: number }}
          label="Decide"
          subject={subject}
          form={{ decision: "done" }}
          consequence={({ decision }) => DECISIONS[decision]}
          body={(reason, { decision }) => ({ decision, reason })}
          fields={({ decision }, set) => (
            <Choice
              label="What became of it"
              of={Object.keys(DECISIONS)}
              value={decision}
              onChange={(event) => set({ decision: event.target.value as Decision })}
            />
          )}
        />
      ) : null}
    </div>
  );
}
