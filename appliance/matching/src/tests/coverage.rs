//! What random logs have seen: the table is printed, and what is rare fails.

use std::collections::BTreeMap;

use crate::{Action, By, Command, End, Life, NewOrder, Phase, Rejection, Report, When};

/// How often each thing was seen.
#[derive(Debug, Default)]
pub(super) struct Coverage(BTreeMap<String, u64>);

/// All variants of a type; one that is not named does not compile.
macro_rules! all {
    ($type:ident: $($variant:ident),+) => {{
        fn whole(value: $type) -> $type {
            match value { $($type::$variant => value),+ }
        }
        [$($type::$variant),+].map(whole)
    }};
}

fn wanted() -> Vec<String> {
    let rejections = all!(Rejection: UnknownOrder, Phase, Owner, Fees, Price, Quantity, Peak, Deadline, Trigger,
        WouldTrigger, PercentPrice, Notional, OrdersMax, StopsMax, PositionMax, Full, WouldTake, CannotFill, Funds);
    let ends = all!(End: Completed, Cancelled, CancelledAll, Replaced, CancelAfter, Pair, Deadline, Unfilled, Quote,
        SelfTrade, StepsMax, PriceBand, Full, Refused, Delisted);
    let others = [
        "restored",
        "phase: PreOpen",
        "phase: Auction",
        "phase: Uncrossing",
        "phase: Trading",
        "phase: PostOnly",
        "phase: CancelOnly",
        "phase: Halt",
        "phase: Delisted",
        "report: Trade",
        "report: Triggered",
        "report: Reduced",
        "report: Amended, kept",
        "report: Amended, moved",
        "done: Cancel",
        "done: CancelAll",
        "done: CancelAfter",
        "done: Replace",
        "done: SetPhase",
        "done: SetReference",
        "done: SetFilters",
        "done: SetBreaker",
        "done: Tick",
    ];
    let actions =
        ["rest", "rest until", "iceberg", "post-only", "immediate", "fill or kill", "market", "market by quote"];
    let whens = ["", ", stop loss", ", take profit", ", trailing"];
    let orders = actions.iter().flat_map(|action| whens.map(|when| format!("done: {action}{when}")));
    let pairs =
        actions[..7].iter().flat_map(|action| whens[1..].iter().map(move |when| format!("pair: {action}{when}")));
    let rejections = rejections.map(|why| format!("rejected: {why:?}"));
    let ends = ends.map(|why| format!("ended: {why:?}"));
    rejections.into_iter().chain(ends).chain(others.map(String::from)).chain(orders).chain(pairs).collect()
}

fn name_of(order: &NewOrder) -> String {
    let action = match order.action {
        Action::Limit { life: Life::Immediate, .. } => "immediate",
        Action::Limit { life: Life::FillOrKill, .. } => "fill or kill",
        Action::Limit { life: Life::Rest { post_only: true, .. }, .. } => "post-only",
        Action::Limit { life: Life::Rest { peak: Some(_), .. }, .. } => "iceberg",
        Action::Limit { life: Life::Rest { until: Some(_), .. }, .. } => "rest until",
        Action::Limit { life: Life::Rest { .. }, .. } => "rest",
        Action::Market { by: By::Lots, .. } => "market",
        Action::Market { by: By::Quote, .. } => "market by quote",
    };
    let when = match order.when {
        None => "",
        Some(When::StopLoss(_)) => ", stop loss",
        Some(When::TakeProfit(_)) => ", take profit",
        Some(When::Trailing(_)) => ", trailing",
    };
    format!("{action}{when}")
}

fn name_of_phase(phase: Phase) -> &'static str {
    match phase {
        Phase::PreOpen => "phase: PreOpen",
        Phase::Auction { .. } => "phase: Auction",
        Phase::Uncrossing { .. } => "phase: Uncrossing",
        Phase::Trading => "phase: Trading",
        Phase::PostOnly => "phase: PostOnly",
        Phase::CancelOnly { .. } => "phase: CancelOnly",
        Phase::Halt => "phase: Halt",
        Phase::Delisted => "phase: Delisted",
    }
}

impl Coverage {
    pub(super) fn count(&mut self, name: impl Into<String>) {
        *self.0.entry(name.into()).or_default() += 1;
    }

    /// A command and its reports.
    pub(super) fn command(&mut self, command: &Command, reports: &[Report]) {
        for report in reports {
            match report {
                Report::Accepted { .. } => {}
                Report::Rejected { why, .. } => self.count(format!("rejected: {why:?}")),
                Report::Ended { why, .. } => self.count(format!("ended: {why:?}")),
                Report::Trade(_) => self.count("report: Trade"),
                Report::Reduced { .. } => self.count("report: Reduced"),
                Report::Amended { kept: true, .. } => self.count("report: Amended, kept"),
                Report::Amended { kept: false, .. } => self.count("report: Amended, moved"),
                Report::Triggered { .. } => self.count("report: Triggered"),
                Report::Phase(phase) => self.count(name_of_phase(*phase)),
            }
        }
        if reports.iter().any(|report| matches!(report, Report::Rejected { .. })) {
            return;
        }
        match command {
            Command::New(new) => self.count(format!("done: {}", name_of(new))),
            Command::Pair(pair) => self.count(format!("pair: {}", name_of(&pair.stop))),
            Command::Cancel { .. } => self.count("done: Cancel"),
            Command::Amend { .. } => {}
            Command::Replace { .. } => self.count("done: Replace"),
            Command::CancelAll { .. } => self.count("done: CancelAll"),
            Command::CancelAfter { .. } => self.count("done: CancelAfter"),
            Command::SetPhase(_) => self.count("done: SetPhase"),
            Command::SetFilters(_) => self.count("done: SetFilters"),
            Command::SetBreaker(_) => self.count("done: SetBreaker"),
            Command::SetReference(_) => self.count("done: SetReference"),
            Command::Tick => self.count("done: Tick"),
        }
    }

    /// Prints the table; fails where something was seen less often than `least`.
    pub(super) fn finish(&self, least: u64) {
        let wanted = wanted();
        let mut rare = Vec::new();
        for name in &wanted {
            let count = self.0.get(name).copied().unwrap_or(0);
            println!("{count:>9}  {name}");
            if count < least {
                rare.push(name);
            }
        }
        assert!(self.0.keys().all(|name| wanted.contains(name)), "something was seen that is not in the table");
        assert!(rare.is_empty(), "seen less than {least} times: {rare:?}");
    }
}
