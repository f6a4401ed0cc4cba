//! What a worker says, cut to what anybody keeps of it: before it waits anywhere, because a worker may say anything.

use exchequer_state::workers::ERROR_BYTES_MAX;
use exchequer_workers::proto::{self, directive_end, from_worker, job_end};
use exchequer_workers::protocol::{TEXT_BYTES_MAX, TRACE_BYTES_MAX, cut, cut_to};

/// Counters of one worker.
const COUNTERS_MAX: usize = 64;
/// The name of one.
const COUNTER_BYTES_MAX: usize = 64;
/// Jobs that a heartbeat may name: more than anybody holds.
const NAMED_MAX: usize = 256;
/// Queues that may be asked for, and the longest name: one more than can be given, so that too many are refused.
const QUEUES_MAX: usize = 17;
/// The longest name of anything, and the longest version.
const NAME_BYTES_MAX: usize = 64;

/// A worker's first message, cut.
pub(super) fn hello(hello: proto::Hello) -> proto::Hello {
    let proto::Hello { protocol, worker, version, mut binary_hash, pid } = hello;
    binary_hash.truncate(NAME_BYTES_MAX);
    let (worker, version) = (cut_to(worker, NAME_BYTES_MAX), cut_to(version, NAME_BYTES_MAX));
    proto::Hello { protocol, worker, version, binary_hash, pid }
}

/// A line of a worker's log, cut.
pub(super) fn line(line: proto::Log) -> proto::Log {
    proto::Log { text: cut(line.text), trace: cut_to(line.trace, TRACE_BYTES_MAX), ..line }
}

/// Any message of a worker, cut. A job's result stays as it is: one that is too long is no result.
pub(super) fn message(message: from_worker::Message) -> from_worker::Message {
    use from_worker::Message as Said;
    match message {
        Said::Hello(said) => Said::Hello(hello(said)),
        Said::Log(said) => Said::Log(line(said)),
        Said::Heartbeat(mut beat) => {
            beat.jobs.truncate(NAMED_MAX);
            let counters = beat.counters.into_iter().take(COUNTERS_MAX);
            let counters = counters.map(|(name, count)| (cut_to(name, COUNTER_BYTES_MAX), count)).collect();
            Said::Heartbeat(proto::Heartbeat { counters, ..beat })
        }
        Said::WantJobs(mut want) => {
            want.queues.truncate(QUEUES_MAX);
            // One byte more than a name has, so that one that is too long stays wrong.
            let queues = want.queues.into_iter().map(|name| cut_to(name, NAME_BYTES_MAX + 4)).collect();
            Said::WantJobs(proto::WantJobs { queues, ..want })
        }
        Said::JobEnd(proto::JobEnd { job, attempt, end: Some(job_end::End::Failed(why)) }) => {
            let end = Some(job_end::End::Failed(cut_to(why, exchequer_state::jobs::ERROR_BYTES_MAX)));
            Said::JobEnd(proto::JobEnd { job, attempt, end })
        }
        Said::DirectiveEnd(proto::DirectiveEnd { directive, end }) => {
            let end = end.map(|end| match end {
                directive_end::End::Succeeded(text) => directive_end::End::Succeeded(cut_to(text, TEXT_BYTES_MAX)),
                directive_end::End::Failed(why) => directive_end::End::Failed(cut_to(why, TEXT_BYTES_MAX)),
            });
            Said::DirectiveEnd(proto::DirectiveEnd { directive, end })
        }
        Said::ErrorSeen(mut error) => {
            error.fingerprint.truncate(NAME_BYTES_MAX);
            Said::ErrorSeen(proto::ErrorSeen { message: cut_to(error.message, ERROR_BYTES_MAX), ..error })
        }
        Said::Condition(proto::Condition { degraded_by }) => {
            Said::Condition(proto::Condition { degraded_by: cut_to(degraded_by, ERROR_BYTES_MAX) })
        }
        Said::JobProgress(_)
        | Said::JobEnd(_)
        | Said::DirectiveAcked(_)
        | Said::DirectiveRunning(_)
        | Said::Drained(_) => message,
    }
}

#[cfg(test)]
mod tests {
    use exchequer_workers::proto::FromWorker;

    use super::*;

    /// Goal: nothing that a worker says is kept at more than a few kilobytes. Method: each message that has texts, with as
    /// much in it as the transport lets through.
    #[test]
    fn nothing_is_long() {
        let long = || "é".repeat(30 << 10);
        let hash = vec![1; 60 << 10];
        let said: Vec<FromWorker> = vec![
            proto::Hello { worker: long(), version: long(), binary_hash: hash.clone(), ..proto::Hello::default() }
                .into(),
            proto::Log { text: long(), trace: long(), ..proto::Log::default() }.into(),
            proto::Heartbeat {
                counters: (0..5_000).map(|number| (format!("{number} {}", "x".repeat(99)), 1)).collect(),
                jobs: (0..9_000).collect(),
                settings_revision: 1,
            }
            .into(),
            proto::WantJobs { queues: vec![long(); 40], at_once: 1 }.into(),
            proto::JobEnd { job: 1, attempt: 1, end: Some(job_end::End::Failed(long())) }.into(),
            proto::DirectiveEnd { directive: 1, end: Some(directive_end::End::Succeeded(long())) }.into(),
            proto::DirectiveEnd { directive: 1, end: Some(directive_end::End::Failed(long())) }.into(),
            proto::ErrorSeen { fingerprint: hash, message: long() }.into(),
            proto::Condition { degraded_by: long() }.into(),
        ];
        for said in said {
            let kept: FromWorker = FromWorker { message: said.message.map(message) };
            let shown = format!("{kept:?}");
            assert!(shown.len() <= 12 << 10, "{} bytes: {shown}", shown.len());
        }
        let short = proto::ErrorSeen { fingerprint: vec![1; 8], message: "node 17 is away".into() };
        assert_eq!(message(from_worker::Message::ErrorSeen(short.clone())), from_worker::Message::ErrorSeen(short));
    }
}
