//! The faults that concern a whole answer, whatever protocol is spoken, and the way to set faults over HTTP.

use std::time::Duration;

use serde_json::json;

use crate::faults::{Fault, Faults, Rule};
use crate::http::{Asked, Ending, Reply};

const PAGE: &str =
    "<!doctype html><html><head><title>Please wait</title></head><body>Checking your browser</body></html>";

/// What is answered instead of looking at the request.
pub(crate) async fn before(faults: &[Fault]) -> Option<Reply> {
    for fault in faults {
        match fault {
            Fault::Delay { ms } => tokio::time::sleep(Duration::from_millis(*ms)).await,
            Fault::Refuse => return Some(Reply::none(Ending::Closed)),
            Fault::Html => return Some(Reply::new(200, "text/html", PAGE.into())),
            Fault::TooManyRequests { retry_after_s } => {
                let body = json!({"error": {"code": -32005, "message": "too many requests"}}).to_string();
                let limited = Reply::new(429, "application/json", body.into_bytes());
                return Some(Reply { retry_after_s: Some(*retry_after_s), ..limited });
            }
            Fault::TooLarge => return Some(Reply::new(413, "text/plain", b"payload too large".to_vec())),
            Fault::BadGateway => return Some(Reply::new(502, "text/html", b"<html>502 Bad Gateway</html>".to_vec())),
            Fault::NullReceipt
            | Fault::UnknownTransaction
            | Fault::MissingBlock
            | Fault::HeadBack { .. }
            | Fault::StuckAt { .. }
            | Fault::MinorityFork { .. }
            | Fault::DuplicateReply
            | Fault::ReorderReplies
            | Fault::WrongId
            | Fault::LostFromBatch
            | Fault::Truncated
            | Fault::BrokenOff
            | Fault::DropReply
            | Fault::Hang
            | Fault::Swallow
            | Fault::PrunedState
            | Fault::Error { .. } => {}
        }
    }
    None
}

/// What becomes of the answer on its way.
pub(crate) fn after(faults: &[Fault], reply: Reply) -> Reply {
    let has = |wanted: &Fault| faults.contains(wanted);
    let ending = if has(&Fault::DropReply) {
        Ending::Closed
    } else if has(&Fault::Hang) {
        Ending::Never
    } else if has(&Fault::BrokenOff) {
        Ending::BrokenOff
    } else if has(&Fault::Truncated) {
        Ending::Truncated
    } else {
        reply.ending
    };
    Reply { ending, ..reply }
}

/// `/control/faults`: GET tells the rules and how often each fault was drawn, POST adds a rule or a list of rules
/// (`?seed=N` seeds their chance), DELETE takes all away.
pub(crate) fn control(faults: &Faults, asked: &Asked) -> Option<Reply> {
    if asked.path != "/control/faults" {
        return None;
    }
    if let Some(seed) = asked.query.strip_prefix("seed=").and_then(|seed| seed.parse().ok()) {
        faults.seed(seed);
    }
    match asked.method.as_str() {
        "POST" => {
            let many = serde_json::from_slice::<Vec<Rule>>(&asked.body);
            match many.or_else(|_| serde_json::from_slice::<Rule>(&asked.body).map(|one| vec![one])) {
                Ok(rules) => rules.into_iter().for_each(|rule| faults.add(rule)),
                Err(error) => return Some(Reply::new(400, "text/plain", error.to_string().into_bytes())),
            }
        }
        "DELETE" => faults.clear(),
        _ => {}
    }
    Some(Reply::json(&json!({"rules": faults.rules(), "fired": faults.fired()})))
}
