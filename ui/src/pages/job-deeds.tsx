/** What a person can do with jobs: let them begin anew or at once, and end them. */
import { Act } from "../app/act";
import type { AnswerOf } from "../api/look";

export type Job = AnswerOf<"/v1/jobs/{job}">;
type Outcome = {
  readonly outcomes: readonly { readonly error?: { readonly code: string; readonly message: string } | null }[];
};

/** The state of those in the dead letter: every attempt failed. */
export const DEAD = "discarded";
const WAITING = ["scheduled", "retryable"];
const OVER = ["completed", "cancelled"];

/** What became of several at once: each is done, or refused, by itself. */
export function outcomesTold(done: string, { outcomes }: Outcome): string {
  const refused = outcomes.flatMap(({ error }) => (error == null ? [] : [error]));
  const [first] = refused;
  if (first === undefined) return done;
  const why = `${first.message} (${first.code})`;
  if (outcomes.length === 1) return `Nothing was done: ${why}.`;
  return `${String(outcomes.length - refused.length)} of ${String(outcomes.length)} were done; of the others nothing became, the first because: ${why}.`;
}

function whyNoRetry({ state }: Job): string | null {
  if (state === DEAD || WAITING.includes(state)) return null;
  if (OVER.includes(state)) return `It is over: ${state}.`;
  return state === "executing" ? "A worker has it." : "It can be taken already.";
}

export function JobDeeds({ job }: { job: Job }) {
  const subject = `job ${String(job.job)}`;
  return (
    <div className="row">
      <Act
        change="POST /v1/jobs/retry"
        names={undefined}
        label="Retry"
        subject={subject}
        why={whyNoRetry(job)}
        consequence={
          job.state === DEAD
            ? `It leaves the dead letter and begins anew, with all its ${String(job.max_attempts)} attempts and no deadline.`
            : "It need not wait any more: the next free worker takes it."
        }
        body={(reason) => ({ jobs: [job.job], reason })}
        done={(result) => outcomesTold(`Job ${String(job.job)} can be taken now.`, result)}
      />
      <Act
        change="POST /v1/jobs/cancel"
        names={undefined}
        label="Cancel job"
        subject={subject}
        why={OVER.includes(job.state) ? `It is over: ${job.state}.` : null}
        consequence={
          job.state === "executing"
            ? "The worker that has it is not heard any more about it; what it did outside stays done."
            : job.state === DEAD
              ? "It leaves the dead letter and is never done."
              : "It is never done."
        }
        body={(reason) => ({ jobs: [job.job], reason })}
        done={(result) => outcomesTold(`Job ${String(job.job)} is cancelled.`, result)}
      />
    </div>
  );
}

/** The dead letter, as far as it is on the page, begins anew. */
export function RetryAll({ jobs }: { jobs: readonly Job[] }) {
  const dead = jobs.filter(({ state }) => state === DEAD);
  return (
    <Act
      change="POST /v1/jobs/retry"
      names={undefined}
      label="Retry all on this page"
      subject={`${String(dead.length)} jobs`}
      why={dead.length === 0 ? "None of the jobs on this page is in the dead letter." : null}
      consequence={`These ${String(dead.length)} jobs of the dead letter begin anew, each with all its attempts and no deadline: ${dead.map(({ job }) => String(job)).join(", ")}.`}
      body={(reason) => ({ jobs: dead.map(({ job }) => job), reason })}
      done={(result) => outcomesTold(`${String(dead.length)} jobs can be taken now.`, result)}
    />
  );
}
