//! Consent to what cannot be taken back: the operator types what the action is about.
//!
//! A question that can be answered with `y` is answered with `y`. Typing the name makes one look at it.

use std::io::{self, BufRead, Read as _};

use exchequer_domain::{Code, Problem};

use super::exit::Stop;
use super::output::Printer;

/// Longer answers are cut; no name or id is as long.
const ANSWER_BYTES_MAX: u64 = 1024;

/// What is asked before a dangerous action.
pub(crate) struct Question<'a> {
    /// What will happen, in sentences.
    pub(crate) consequence: &'a str,
    /// What must be typed.
    pub(crate) phrase: &'a str,
    /// What the phrase is, such as `the node's name`.
    pub(crate) phrase_is: &'a str,
}

/// Asks on the terminal.
///
/// # Errors
/// `BadRequest` when something else was typed. Nothing has happened then.
pub(crate) fn ask(printer: &mut Printer, question: &Question<'_>) -> Result<(), Stop> {
    ask_on(printer, question, &mut io::stdin().lock())
}

fn ask_on(printer: &mut Printer, question: &Question<'_>, answers: &mut dyn BufRead) -> Result<(), Stop> {
    printer
        .prompt(&format!("{}\nType {} (`{}`) to go on: ", question.consequence, question.phrase_is, question.phrase))?;
    let mut typed = String::new();
    let read = answers.take(ANSWER_BYTES_MAX).read_line(&mut typed);
    if read.is_ok() && typed.trim() == question.phrase {
        return Ok(());
    }
    let message = format!("not confirmed: what was typed is not `{}`; nothing was changed", question.phrase);
    Err(Problem::new(Code::BadRequest, message).hint("repeat the command when you are sure").into())
}

/// The error where nobody can be asked.
pub(crate) fn nobody_to_ask(verb: &str) -> Problem {
    let message = format!("`{verb}` asks for confirmation, and there is no terminal to ask on; nothing was changed");
    Problem::new(Code::BadRequest, message).hint("give --yes when you are sure")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::args::Format;
    use crate::cli::fixtures::Captured;

    /// Goal: only the exact phrase is consent. Method: the phrase, a yes, nothing at all, a flood.
    #[test]
    fn only_the_phrase_is_consent() {
        let question = Question { consequence: "n3 is removed.", phrase: "n3", phrase_is: "its name" };
        let flood = "n3".repeat(4096);
        for (typed, consent) in [
            ("n3\n", true),
            (" n3 \n", true),
            ("n3", true),
            ("y\n", false),
            ("", false),
            ("n33\n", false),
            (&flood, false),
        ] {
            let captured = Captured::default();
            let mut printer = captured.printer(Format::Table);
            assert_eq!(ask_on(&mut printer, &question, &mut typed.as_bytes()).is_ok(), consent, "{typed:.9}");
            assert_eq!(captured.err(), "n3 is removed.\nType its name (`n3`) to go on: ");
        }
    }
}
