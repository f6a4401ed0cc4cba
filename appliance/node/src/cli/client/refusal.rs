//! What a server's refusal, or its silence, means to the one who asked.

use std::error::Error as _;

use exchequer_api::dto::Refusal;
use exchequer_domain::{Code, Problem};
use serde::Deserialize;

use crate::identity::handshake_problem;

/// How much of a text that is no refusal is shown.
const EXCERPT_CHARS_MAX: usize = 200;

/// How one try at one address failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failure {
    /// It was certainly not carried out, and another node may do better.
    NotTaken(Problem),
    /// It was sent, and whether it was carried out is not known.
    Lost(Problem),
    /// No other node would answer differently.
    Final(Problem),
}

/// A refusal with a code that this version does not know.
#[derive(Deserialize)]
struct Foreign {
    error: ForeignProblem,
}

#[derive(Deserialize)]
struct ForeignProblem {
    code: String,
    message: String,
    #[serde(default)]
    hint: String,
}

/// Reads the body of an answer that is not a success.
pub(super) fn refusal(address: &str, status: u16, body: &[u8]) -> Problem {
    if let Ok(Refusal { error }) = serde_json::from_slice(body) {
        return error;
    }
    if let Ok(Foreign { error }) = serde_json::from_slice(body) {
        let message = format!("{}: {}", error.code, error.message);
        return Problem::new(Code::Internal, message).hint(error.hint);
    }
    let text: String = String::from_utf8_lossy(body).trim().escape_debug().take(EXCERPT_CHARS_MAX).collect();
    let text = if text.is_empty() { "nothing more".to_owned() } else { format!("`{text}`") };
    let message = format!("{address} answered with HTTP status {status} and {text}");
    Problem::new(Code::BadRequest, message).hint("make sure that the address is the API of a node of this version")
}

/// Whether another node may do what this one refused.
pub(super) fn of_refusal(problem: Problem) -> Failure {
    if matches!(problem.code, Code::NoLeader | Code::NoQuorum | Code::Overloaded) {
        Failure::NotTaken(problem)
    } else if problem.code == Code::OutcomeUnknown {
        Failure::Lost(problem)
    } else {
        Failure::Final(problem)
    }
}

/// What the failure of a request means.
pub(super) fn of_error(address: &str, error: &reqwest::Error) -> Failure {
    let unreachable = |why: String| Problem::new(Code::Unreachable, format!("{address}: {why}"));
    match handshake_problem(error) {
        Some(problem) if problem.code == Code::Unreachable => {
            let message = format!("{address}: {}", problem.message);
            return Failure::NotTaken(Problem { message, ..problem });
        }
        // Going on to the next address would pass over a server that is not who it should be.
        Some(problem) => return Failure::Final(problem),
        None => {}
    }
    if error.is_builder() {
        return Failure::Final(Problem::new(Code::BadRequest, format!("{address}: {}", root_cause(error))));
    }
    if error.is_connect() {
        let why = if error.is_timeout() { "no connection in time".to_owned() } else { root_cause(error) };
        return Failure::NotTaken(unreachable(why));
    }
    let why = if error.is_timeout() { "no answer in time".to_owned() } else { root_cause(error) };
    Failure::Lost(unreachable(why))
}

/// The library's own words say only that sending failed; the reason is at the end of its chain.
fn root_cause(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(deeper) = cause {
        text = deeper.to_string();
        cause = deeper.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: what the server says reaches the operator unchanged, whatever its version; and what is no refusal is
    /// shown, cut to a line. Method: refusals, one with a code from the future, and pages of other programs.
    #[test]
    fn refusals_are_decoded() {
        let known = br#"{"error":{"code":"EXQ-0403","message":"`x` is outside","hint":"choose"}}"#;
        let expected = Problem::new(Code::SettingOutOfRange, "`x` is outside").hint("choose");
        assert_eq!(refusal("n1:8640", 422, known), expected);

        let newer = br#"{"error":{"code":"EXQ-9999","message":"too new","hint":"upgrade"}}"#;
        let problem = refusal("n1:8640", 409, newer);
        assert_eq!((problem.message.as_str(), problem.hint.as_str()), ("EXQ-9999: too new", "upgrade"));

        let page = format!("<html>\n{}", "x".repeat(10_000));
        let problem = refusal("n1:8640", 502, page.as_bytes());
        assert!(problem.message.starts_with("n1:8640 answered with HTTP status 502 and `<html>\\n"), "{problem}");
        assert!(problem.message.len() < 300);
        assert!(refusal("n1:8640", 404, b"").message.ends_with("404 and nothing more"));
    }

    /// Goal: only what was certainly not carried out is tried elsewhere without a second thought.
    #[test]
    fn refusals_that_another_node_may_lift() {
        for code in Code::ALL {
            let failure = of_refusal(Problem::new(*code, "x"));
            let expected = match code.as_str() {
                "EXQ-0303" | "EXQ-0304" | "EXQ-0313" => matches!(failure, Failure::NotTaken(_)),
                "EXQ-0305" => matches!(failure, Failure::Lost(_)),
                _ => matches!(failure, Failure::Final(_)),
            };
            assert!(expected, "{code}");
        }
    }
}
