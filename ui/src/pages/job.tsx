/** One job: what it is, how far it came, what became of it, and what was done about it. */
import { getRouteApi, Link } from "@tanstack/react-router";
import { PACE, useLook } from "../api/look";
import { isAboutNumber } from "../api/window";
import { ExplainIn } from "../kit/explain";
import { Facts } from "../kit/facts";
import { Page } from "../kit/page";
import { Panel } from "../kit/panel";
import { Word } from "../kit/status";
import { Foreign, When } from "../kit/values";
import { type Job, JobDeeds } from "./job-deeds";
import { AuditOf, EventsOf } from "./past-of";

const route = getRouteApi("/jobs/$job");

export function JobPage() {
  const { job } = route.useParams();
  const look = useLook("/v1/jobs/{job}", { path: { job: Number(job) } }, { topics: ["jobs"], every: PACE.live });
  return (
    <Page title={`Job ${job}`} actions={look.data === undefined ? null : <JobDeeds job={look.data.value} />}>
      <Panel title="Standing" look={look}>
        {(one) => <JobFacts job={one} />}
      </Panel>
      <AuditOf what={`job ${job}`} target={(target) => isAboutNumber(target, "job", Number(job))} topics={["jobs"]} />
      <EventsOf what={`job ${job}`} topic="jobs" name={job} />
    </Page>
  );
}

function JobFacts({ job }: { job: Job }) {
  return (
    <Facts
      of={[
        ["State", <Word key="state" of={job.state} />],
        ["Since", <When key="since" at={job.since} />],
        [
          "Queue",
          <Link key="queue" to="/jobs" search={{ tab: "jobs", queue: job.queue }}>
            <Foreign>{job.queue}</Foreign>
          </Link>,
        ],
        ["Priority", `${String(job.priority)} of 0 to 9; 0 is first`],
        ["What is to be done", <Foreign key="payload">{job.payload}</Foreign>],
        ["Key", job.key == null ? null : <Foreign key="key">{job.key}</Foreign>],
        ["Entered", <When key="entered" at={job.enqueued_at} />],
        ["By", job.by],
        ["Not taken before", <When key="before" at={job.not_before} />],
        ["Not begun after", job.deadline == null ? "no deadline" : <When key="deadline" at={job.deadline} />],
        [
          "A worker has it",
          job.lease == null ? null : (
            <span key="lease">
              <Link to="/workers/$worker" params={{ worker: job.lease.worker }} search={{ tab: undefined }}>
                <Foreign>{job.lease.worker}</Foreign>
              </Link>
              , its lease ends <When at={job.lease.until} />
            </span>
          ),
        ],
        ["This attempt is done to", job.lease == null ? null : `${(job.progress_permille / 10).toFixed(1)} %`],
        ["Attempts begun", `${String(job.attempt)} of at most ${String(job.max_attempts)} that may fail`],
        ["Attempts failed", String(job.failed)],
        ["Put off by its worker", `${String(job.snoozes)} times`],
        [
          "Last error",
          job.error == null ? null : (
            <span key="error">
              <Foreign>{job.error}</Foreign> <ExplainIn text={job.error} />
            </span>
          ),
        ],
        ["What came out", job.result === "" ? "nothing was told" : <Foreign key="result">{job.result}</Foreign>],
      ]}
    />
  );
}
