//! What is wrong with a worker: checks in the order of what depends on what, a verdict, and the next step.
//!
//! Everything is read off the replicated state, so that every node gives the same diagnosis; what only the leader's
//! supervisor knows is in the worker's state and errors.

use std::time::Duration;

use exchequer_domain::{NodeId, WorkerKind, format_duration};
use exchequer_state::State as Exchange;
use exchequer_state::jobs::QueueName;
use exchequer_state::networks::Operation;
use exchequer_state::settings::{Scope, Value, schema};
use exchequer_state::workers::{Desired, FailedBy, Observed, WorkerRecord};

use crate::dto::{WorkerCheck, WorkerDiagnosis};

/// A worker that was not heard of for so long is late: the leader reports every ten seconds.
const HEARTBEAT_LATE_AFTER: Duration = Duration::from_secs(30);
/// A change of state that takes longer is stuck.
const STUCK_AFTER: Duration = Duration::from_secs(30);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Verdict {
    Good,
    Warning,
    Bad,
}

struct Found {
    name: &'static str,
    verdict: Verdict,
    detail: String,
    next_step: String,
}

fn good(name: &'static str, detail: impl Into<String>) -> Found {
    Found { name, verdict: Verdict::Good, detail: detail.into(), next_step: String::new() }
}

fn warning(name: &'static str, detail: impl Into<String>, next_step: impl Into<String>) -> Found {
    Found { name, verdict: Verdict::Warning, detail: detail.into(), next_step: next_step.into() }
}

fn bad(name: &'static str, detail: impl Into<String>, next_step: impl Into<String>) -> Found {
    Found { name, verdict: Verdict::Bad, detail: detail.into(), next_step: next_step.into() }
}

/// Looks at everything that a worker depends on.
pub(super) fn of(state: &Exchange, worker: &WorkerRecord, leader: Option<NodeId>) -> WorkerDiagnosis {
    let checks = [
        leads(state, leader),
        emergency(state),
        maintenance(state, worker),
        wanted(worker),
        failed(worker),
        crashes(state, worker),
        running(state, worker),
        program(state, worker),
        settings(state, worker),
        heartbeat(state, worker),
        network(state, worker),
        flags(state, worker),
        paused(state, worker),
        queue(state, worker),
        errors(worker),
    ];
    // The first of the worst: what the others may follow from.
    let worst = checks.iter().map(|check| check.verdict).max().unwrap_or(Verdict::Good);
    let first = checks.iter().find(|check| check.verdict == worst && worst != Verdict::Good);
    let (finding, next_step) = match first {
        Some(check) => (check.detail.clone(), check.next_step.clone()),
        None => ("all is as it should be".to_owned(), String::new()),
    };
    let checks = checks.into_iter().map(|check| WorkerCheck {
        name: check.name.to_owned(),
        verdict: word(check.verdict).to_owned(),
        detail: check.detail,
        next_step: check.next_step,
    });
    let (worker, verdict) = (worker.id.to_string(), word(worst).to_owned());
    WorkerDiagnosis { worker, verdict, finding, next_step, checks: checks.collect() }
}

const fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Good => "good",
        Verdict::Warning => "warning",
        Verdict::Bad => "bad",
    }
}

fn leads(state: &Exchange, leader: Option<NodeId>) -> Found {
    match (leader, state.epoch()) {
        (Some(leader), Some(epoch)) if leader == epoch.node => {
            good("leader", format!("node {leader} leads since index {}", epoch.index))
        }
        (Some(leader), _) => {
            warning("leader", format!("node {leader} leads and has not begun its work"), "look again in a few seconds")
        }
        (None, _) => bad("leader", "no leader is known: nobody runs workers", "see `exchequer status` on every node"),
    }
}

fn emergency(state: &Exchange) -> Found {
    let Some(emergency) = state.emergency() else { return good("emergency", "the exchange is not stopped") };
    bad(
        "emergency",
        format!("the exchange is stopped since {}: nothing is signed, paid out, swept or changed", emergency.since),
        "see `exchequer emergency status`; it goes on with `exchequer emergency resume`, where two persons want it",
    )
}

fn maintenance(state: &Exchange, worker: &WorkerRecord) -> Found {
    let windows = state.maintenance();
    let open = worker.id.network.map_or_else(|| windows.system(), |network| windows.network(network));
    let Some(window) = open else { return good("maintenance", "none is open") };
    let until = window.ends.map_or_else(|| "somebody ends it".to_owned(), |ends| ends.to_string());
    warning(
        "maintenance",
        format!("of {}, until {until}: {}", window.extent, window.banner),
        format!("wait, or `exchequer maintenance end {} --reason TEXT` where it is over", window.id.0),
    )
}

/// What a worker of this kind does on its network.
const fn operation(kind: WorkerKind) -> Option<Operation> {
    match kind {
        WorkerKind::Deposit => Some(Operation::Deposit),
        WorkerKind::Withdrawal => Some(Operation::Withdrawal),
        WorkerKind::Consolidation | WorkerKind::Gas => Some(Operation::Sweep),
        WorkerKind::Selftest
        | WorkerKind::BalanceSync
        | WorkerKind::PriceFeed
        | WorkerKind::OrderMatching
        | WorkerKind::MarketData
        | WorkerKind::Risk
        | WorkerKind::SecurityAudit
        | WorkerKind::FinancialReporting
        | WorkerKind::SystemHealth => None,
    }
}

fn network(state: &Exchange, worker: &WorkerRecord) -> Found {
    let Some(network) = worker.id.network else { return good("network", "it works on none") };
    let Some(operation) = operation(worker.id.kind) else { return good("network", format!("it reads {network}")) };
    // Emergency and maintenance have checks of their own.
    match state.networks().get(network).may(operation) {
        Ok(()) => good("network", format!("{} are on, on {network}", operation.as_str())),
        Err(why) => warning(
            "network",
            format!("{} are off, on {network}: {why}", operation.as_str()),
            format!("see `exchequer network show {network}`"),
        ),
    }
}

/// Flags of its kind's are those that are named after it, as `KIND` or `KIND.WHAT`.
fn flags(state: &Exchange, worker: &WorkerRecord) -> Found {
    let (kind, name) = (worker.id.kind.to_string(), worker.id.to_string());
    let own = |flag: &str| flag.strip_prefix(&kind).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    let names = || state.flags().iter().map(|flag| flag.name.as_str()).filter(|flag| own(flag));
    let off = names().find(|flag| !state.flags().is_on(flag, &name, worker.id.network, state.time()));
    match off {
        Some(flag) => {
            warning("flags", format!("the flag `{flag}` is off for it"), format!("see `exchequer flag show {flag}`"))
        }
        None => good("flags", format!("none of {} is off for it", names().count())),
    }
}

fn paused(state: &Exchange, worker: &WorkerRecord) -> Found {
    let own = worker.id.network.map_or(worker.id.kind.to_string(), |network| format!("{}.{network}", worker.id.kind));
    let name = QueueName::try_from(own).ok();
    let queue = name.and_then(|name| state.jobs().queue(&name, state.time()).map(|(queue, _)| queue.clone()));
    match queue {
        Some(queue) if queue.paused => warning(
            "pause",
            format!("its queue `{}` is paused: it gets no jobs", queue.name),
            format!("`exchequer job queue resume {} --reason TEXT` where it should go on", queue.name),
        ),
        Some(_) | None => good("pause", "its queue is not paused"),
    }
}

fn wanted(worker: &WorkerRecord) -> Found {
    match (worker.desired, worker.held) {
        (Desired::Running, _) => good("desired", "it is to run"),
        (Desired::Stopped, true) => warning(
            "desired",
            "somebody stopped it: `exchequer audit tail` says who and why",
            format!("`exchequer worker start {} --reason TEXT` where it should run", worker.id),
        ),
        (Desired::Stopped, false) => good("desired", "the scaling stopped it: the others are enough"),
    }
}

fn failed(worker: &WorkerRecord) -> Found {
    let Observed::Failed { since, why } = &worker.observed else { return good("failure", "it has not failed") };
    let again = format!("then `exchequer worker start {} --reason TEXT`", worker.id);
    let (what, step) = match why {
        FailedBy::CrashLoop => {
            ("it crashed 5 times within 10 minutes", format!("read its errors and logs, mend the cause, {again}"))
        }
        FailedBy::BinaryMissing => {
            ("its program is not there, or not the registered one", format!("put the program in its place, {again}"))
        }
        FailedBy::Protocol => ("it does not speak the protocol", format!("let it run another program, {again}")),
        FailedBy::Refused => ("it refused to start", format!("read its errors and logs, mend the cause, {again}")),
    };
    bad("failure", format!("{what}; failed since {since}"), step)
}

fn crashes(state: &Exchange, worker: &WorkerRecord) -> Found {
    let waits = worker.next_start.since(state.time());
    let count = worker.crashes.len();
    if worker.desired == Desired::Running && matches!(worker.observed, Observed::Stopped { .. }) && !waits.is_zero() {
        let detail = format!("it crashed {count} times lately and starts again in {}", format_duration(waits));
        let now = format!("wait, or `exchequer worker restart {} --reason TEXT` to start it at once", worker.id);
        return warning("back-off", detail, now);
    }
    match count {
        0 => good("back-off", "no crashes lately"),
        _ => warning("back-off", format!("it crashed {count} times lately"), "read its errors and logs"),
    }
}

fn running(state: &Exchange, worker: &WorkerRecord) -> Found {
    let age = state.time().since(worker.observed.since());
    let (name, long) = (worker.observed.name(), age > STUCK_AFTER);
    let is = format!("it is {name} for {}", format_duration(Duration::from_secs(age.as_secs())));
    match &worker.observed {
        Observed::Running { .. } if worker.wants_drain() && long => {
            bad("state", format!("{is}, although it is to end"), "see the leader's log: its supervisor does not act")
        }
        Observed::Running { .. } => good("state", is),
        Observed::Degraded { why, .. } => warning("state", format!("{is}: {why}"), "read its errors and logs"),
        Observed::Stopped { .. } if worker.desired == Desired::Running => {
            let waited = state.time().since(worker.next_start.max(worker.observed.since()));
            if waited > STUCK_AFTER {
                bad(
                    "state",
                    format!("{is}, although it is to run"),
                    "see the leader's log: its supervisor does not act",
                )
            } else {
                warning("state", format!("{is} and about to start"), "look again in a few seconds")
            }
        }
        Observed::Starting { .. } | Observed::Draining { .. } if long => {
            warning("state", is, "read its logs: it takes unusually long")
        }
        Observed::Stopped { .. } | Observed::Starting { .. } | Observed::Draining { .. } => good("state", is),
        Observed::Failed { .. } => good("state", is),
    }
}

fn program(state: &Exchange, worker: &WorkerRecord) -> Found {
    let Some(wanted) = state.workers().binary_of(worker.id) else {
        return good("program", format!("the node's own program, version {}", shown(&worker.version)));
    };
    let runs = worker.observed.epoch().is_some();
    match worker.binary {
        Some(hash) if runs && hash != wanted.hash => warning(
            "program",
            format!("it runs version {} and is to run `{}`", shown(&worker.version), wanted.name),
            format!("`exchequer worker restart {} --reason TEXT`", worker.id),
        ),
        Some(_) | None => good("program", format!("`{}`, version {}", wanted.name, wanted.version)),
    }
}

fn shown(version: &str) -> &str {
    if version.is_empty() { "not known" } else { version }
}

fn settings(state: &Exchange, worker: &WorkerRecord) -> Found {
    let (has, present) = (worker.settings_revision, state.settings().revision());
    if worker.observed.epoch().is_none() || has >= present {
        return good("settings", format!("revision {present}"));
    }
    warning(
        "settings",
        format!("it works with revision {has} of the settings, and {present} is the present one"),
        format!("`exchequer worker restart {} --reason TEXT` where it stays behind", worker.id),
    )
}

fn heartbeat(state: &Exchange, worker: &WorkerRecord) -> Found {
    if worker.observed.epoch().is_none() {
        return good("heartbeat", "it has no process");
    }
    let heard = worker.summary.map_or(worker.observed.since(), |summary| summary.heartbeat);
    let age = state.time().since(heard);
    let detail = format!("heard of {} ago", format_duration(Duration::from_millis(age.as_millis() as u64)));
    if age <= HEARTBEAT_LATE_AFTER {
        return good("heartbeat", detail);
    }
    let step = format!("`exchequer worker restart {} --reason TEXT` where it hangs", worker.id);
    bad("heartbeat", detail, step)
}

fn queue(state: &Exchange, worker: &WorkerRecord) -> Found {
    let fleet = state.workers().fleet(worker.id.kind, worker.id.network);
    let target = fleet.and_then(|fleet| fleet.bounds).map(|bounds| bounds.queue_age_target_us);
    // What is longer than the threshold degrades it, where nothing scales.
    let most = state.settings().get_for(&schema::THRESHOLD_QUEUE_AGE, &Scope::worker(worker.id));
    let most = u64::try_from(most.as_micros()).unwrap_or(u64::MAX);
    let target = target.map_or(most, |target| target.min(most));
    let (depth, age_us) = match (worker.summary, fleet) {
        (Some(summary), _) => (summary.queue_depth, summary.queue_age_us),
        (None, Some(fleet)) => (fleet.queue_depth, fleet.queue_age_us),
        (None, None) => (0, 0),
    };
    let detail = format!("{depth} jobs wait, the oldest for {}", Value::DurationUs(age_us));
    if age_us <= target {
        return good("queue", detail);
    }
    warning(
        "queue",
        format!("{detail}, longer than the {} that it should", Value::DurationUs(target)),
        format!("`exchequer worker scale {} --max N` for more workers, or see `exchequer job list`", worker.id.kind),
    )
}

fn errors(worker: &WorkerRecord) -> Found {
    match worker.errors.last() {
        None => good("errors", "none"),
        Some(group) => warning(
            "errors",
            format!("{} kinds; the latest, {} times: {}", worker.errors.len(), group.count, group.message),
            format!("`exchequer worker show {}` lists them", worker.id),
        ),
    }
}
