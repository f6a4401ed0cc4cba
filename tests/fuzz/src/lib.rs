//! Targets: each takes any bytes and must neither panic nor break what it says holds. Fuzzers call them (`libfuzzer/`),
//! and so does the short seeded run in `tests/slice.rs`.

#![allow(clippy::panic, reason = "a panic is how a target says that something does not hold")]

mod bodies;
pub mod mutate;
mod seeds;
mod state;

use exchequer_domain::{
    Timestamp, format_bytes, format_decimal, format_duration, parse_amount, parse_bytes, parse_decimal, parse_duration,
};
use exchequer_matching::{Market, workload};
use exchequer_state::audit::AuditRecord;
use exchequer_state::settings::SettingChange;
use exchequer_state::{Outcome, scratch};

/// A target.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name; also that of its folder of inputs.
    pub name: &'static str,
    /// What it does with bytes.
    pub run: fn(&[u8]),
    /// Inputs that get far, made by the code that reads them, so that they stay right.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// How much longer an input takes than a short one, roughly: the seeded run has so many times fewer of them.
    pub weight: u32,
}

/// All of them.
pub const TARGETS: &[Target] = &[
    Target { name: "command", run: state::command, seeds: seeds::commands, weight: 10 },
    Target { name: "rows", run: state::rows, seeds: seeds::rows, weight: 40 },
    Target { name: "records", run: records, seeds: seeds::records, weight: 1 },
    Target { name: "market", run: market, seeds: seeds::markets, weight: 4 },
    Target { name: "workload", run: order_file, seeds: seeds::order_files, weight: 1 },
    Target { name: "body", run: bodies::body, seeds: bodies::seeds, weight: 2 },
    Target { name: "spot_query", run: exchequer_api::fuzz::spot_query, seeds: seeds::spot_queries, weight: 1 },
    Target { name: "spot_number", run: exchequer_api::fuzz::spot_number, seeds: seeds::numbers, weight: 1 },
    Target { name: "words", run: words, seeds: seeds::numbers, weight: 1 },
];

/// The target with this name.
#[must_use]
pub fn target(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}

/// Runs a target by its name; one that does not exist is a mistake of the caller's.
pub fn run(name: &str, bytes: &[u8]) {
    match target(name) {
        Some(target) => (target.run)(bytes),
        None => panic!("there is no target {name}"),
    }
}

/// Rows and answers that are decoded by themselves.
fn records(bytes: &[u8]) {
    if let Ok(outcome) = Outcome::decode(bytes) {
        assert_eq!(Outcome::decode(&outcome.encode()), Ok(outcome), "an outcome is read back");
    }
    let _ = AuditRecord::decode(bytes);
    let _ = SettingChange::decode(bytes);
    let _ = scratch::decode(bytes);
}

/// A market's image: what is taken for one can be written, and is the same when it is read again.
fn market(bytes: &[u8]) {
    if let Ok(market) = Market::decode(bytes) {
        let written = market.encode().map_err(|halt| format!("{halt:?}"));
        let again = written.map(|bytes| Market::decode(&bytes).map(|market| market.encode().ok()));
        assert!(matches!(again, Ok(Ok(Some(_)))), "a market that was read is written and read back: {again:?}");
    }
}

/// The published format of files of orders.
fn order_file(bytes: &[u8]) {
    if let Ok(messages) = workload::decode(bytes) {
        assert_eq!(workload::decode(&workload::encode(&messages)), Ok(messages), "a file is read back");
    }
}

/// Amounts, moments, spans and sizes as text: what is read is printed as something that is read as the same.
fn words(bytes: &[u8]) {
    let Some((decimals, text)) = bytes.split_first() else { return };
    let Ok(text) = std::str::from_utf8(text) else { return };
    let decimals = decimals % 40;
    if let Ok(units) = parse_decimal(text, decimals) {
        assert_eq!(parse_decimal(&format_decimal(units, decimals), decimals), Ok(units), "{text}");
        assert_eq!(parse_amount(text, decimals).is_ok(), units > 0, "{text}");
    }
    if let Some(moment) = Timestamp::parse(text) {
        let millis = Timestamp(moment.millis() * 1000);
        assert_eq!(Timestamp::parse(&millis.to_string()), Some(millis), "{text}");
    }
    if let Ok(span) = parse_duration(text) {
        assert_eq!(parse_duration(&format_duration(span)), Ok(span), "{text}");
    }
    if let Ok(size) = parse_bytes(text) {
        assert_eq!(parse_bytes(&format_bytes(size)), Ok(size), "{text}");
    }
}
