//! The words for what the state has as values: sides, phases, ends, holders. Requests take the same words.

use exchequer_domain::{Code, Problem, Timestamp};
use exchequer_state::ledger::{self, Holder, Kind, Reason, Store};
use exchequer_state::matching::{End, Phase, PhaseChange, SelfTrade, Side};
use exchequer_state::users::UserStatus;

fn unknown(field: &str, words: &str) -> Problem {
    Problem::new(Code::BadRequest, format!("`{field}` is one of {words}"))
}

pub(crate) const fn side(side: Side) -> &'static str {
    match side {
        Side::Buy => "buy",
        Side::Sell => "sell",
    }
}

pub(crate) fn parse_side(text: &str) -> Result<Side, Problem> {
    match text {
        "buy" => Ok(Side::Buy),
        "sell" => Ok(Side::Sell),
        _ => Err(unknown("side", "buy, sell")),
    }
}

pub(crate) const fn status(status: UserStatus) -> &'static str {
    match status {
        UserStatus::Active => "active",
        UserStatus::Frozen => "frozen",
    }
}

pub(crate) fn parse_status(text: &str) -> Result<UserStatus, Problem> {
    match text {
        "active" => Ok(UserStatus::Active),
        "frozen" => Ok(UserStatus::Frozen),
        _ => Err(unknown("status", "active, frozen")),
    }
}

pub(crate) const fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::PreOpen => "pre-open",
        Phase::Auction { .. } => "auction",
        Phase::Uncrossing { .. } => "uncrossing",
        Phase::Trading => "trading",
        Phase::PostOnly => "post-only",
        Phase::CancelOnly { .. } => "cancel-only",
        Phase::Halt => "halt",
        Phase::Delisted => "delisted",
    }
}

/// When a phase ends by itself.
pub(crate) const fn phase_end(phase: Phase) -> Option<Timestamp> {
    match phase {
        Phase::Auction { ends } => ends,
        Phase::CancelOnly { until } => until,
        Phase::PreOpen
        | Phase::Uncrossing { .. }
        | Phase::Trading
        | Phase::PostOnly
        | Phase::Halt
        | Phase::Delisted => None,
    }
}

pub(crate) fn parse_phase(text: &str, ends: Option<Timestamp>) -> Result<PhaseChange, Problem> {
    let change = match text {
        "auction" => return Ok(PhaseChange::Auction { ends }),
        "pre-open" => PhaseChange::PreOpen,
        "trading" => PhaseChange::Trading,
        "post-only" => PhaseChange::PostOnly,
        "cancel-only" => PhaseChange::CancelOnly,
        "halt" => PhaseChange::Halt,
        "delisted" => PhaseChange::Delisted,
        _ => return Err(unknown("phase", "pre-open, auction, trading, post-only, cancel-only, halt, delisted")),
    };
    match ends {
        None => Ok(change),
        Some(_) => Err(Problem::new(Code::BadRequest, "`ends_at` goes with the phase `auction`")),
    }
}

pub(crate) fn parse_self_trade(text: Option<&str>) -> Result<SelfTrade, Problem> {
    match text {
        None | Some("expire-taker") => Ok(SelfTrade::ExpireTaker),
        Some("expire-maker") => Ok(SelfTrade::ExpireMaker),
        Some("expire-both") => Ok(SelfTrade::ExpireBoth),
        Some("decrement") => Ok(SelfTrade::Decrement),
        Some("allow") => Ok(SelfTrade::Allow),
        Some(_) => Err(unknown("self_trade", "expire-taker, expire-maker, expire-both, decrement, allow")),
    }
}

/// A moment as clients write it.
pub(crate) fn parse_time(field: &str, text: &str) -> Result<Timestamp, Problem> {
    let moment = Timestamp::parse(text);
    let wrong = || Problem::new(Code::BadRequest, format!("`{field}` is a moment such as 2026-11-23T12:00:00Z"));
    moment.ok_or_else(wrong)
}

pub(crate) const fn end(end: End) -> &'static str {
    match end {
        End::Completed => "completed",
        End::Cancelled => "cancelled",
        End::CancelledAll => "cancelled-all",
        End::Replaced => "replaced",
        End::CancelAfter => "cancel-after",
        End::Pair => "pair",
        End::Deadline => "deadline",
        End::Unfilled => "unfilled",
        End::Quote => "quote-spent",
        End::SelfTrade => "self-trade",
        End::StepsMax => "steps-max",
        End::PriceBand => "price-band",
        End::Full => "full",
        End::Refused => "refused",
        End::Delisted => "delisted",
    }
}

/// Whose an account is and what for.
pub(crate) fn holder(holder: Holder) -> String {
    match holder {
        Holder::Customer { customer, sub_account: 0 } => format!("user {customer}"),
        Holder::Customer { customer, sub_account } => format!("user {customer}/{sub_account}"),
        Holder::Clearing => "clearing".to_owned(),
        Holder::Suspense => "suspense".to_owned(),
        Holder::Custody { network, store } => {
            let store = match store {
                Store::Deposit => "deposit",
                Store::Hot => "hot",
                Store::Cold => "cold",
            };
            format!("custody {network}/{store}")
        }
        Holder::Venue { venue } => format!("venue {venue}"),
        Holder::FeeIncome => "fee-income".to_owned(),
        Holder::GasExpense { network } => format!("gas-expense {network}"),
        Holder::Equity => "equity".to_owned(),
    }
}

pub(crate) const fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Post => "post",
        Kind::Hold => "hold",
        Kind::Capture => "capture",
        Kind::Release => "release",
        Kind::Expire => "expire",
        Kind::Revert => "revert",
    }
}

pub(crate) const fn reason(reason: Reason) -> &'static str {
    match reason {
        Reason::Deposit => "deposit",
        Reason::Order => "order",
        Reason::Trade => "trade",
        Reason::Withdrawal => "withdrawal",
        Reason::Sweep => "sweep",
        Reason::Gas => "gas",
        Reason::Fee => "fee",
        Reason::Internal => "internal",
        Reason::Funding => "funding",
        Reason::Adjustment => "adjustment",
        Reason::Reversal => "reversal",
        Reason::Expiry => "expiry",
    }
}

pub(crate) fn actor(actor: ledger::Actor) -> String {
    match actor {
        ledger::Actor::System => "system".to_owned(),
        ledger::Actor::Operator(_) => "operator".to_owned(),
        ledger::Actor::Customer(user) => format!("user {user}"),
        ledger::Actor::Worker(node) => format!("node {node}"),
    }
}
