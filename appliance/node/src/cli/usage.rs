//! Wrong usage as a refusal like any other, with a stable code.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use exchequer_domain::{Code, Problem};

use super::args::Format;

const LABEL: &str = "error: ";
/// Said below every usage; an error's hint is one line.
const MORE: &str = "For more information, try '--help'.";

/// What was wrong with the words of a command.
pub(crate) fn problem(error: &clap::Error) -> Problem {
    let text = error.render().to_string();
    let mut parts = text.trim().splitn(2, "\n\n");
    let message = parts.next().unwrap_or_default();
    let message = message.strip_prefix(LABEL).unwrap_or(message).split_whitespace().collect::<Vec<_>>().join(" ");
    let rest = parts.next().unwrap_or_default().replace(MORE, "");
    let hint = rest.split_whitespace().collect::<Vec<_>>().join(" ");
    let code = if lacks_reason(error) { Code::ReasonMissing } else { Code::BadRequest };
    Problem::new(code, message).hint(hint)
}

/// The one omission that has a code of its own.
fn lacks_reason(error: &clap::Error) -> bool {
    let missing = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::Strings(names)) => names.iter().any(|name| name.starts_with("--reason")),
        Some(ContextValue::String(name)) => name.starts_with("--reason"),
        Some(_) | None => false,
    };
    let kinds = [ErrorKind::MissingRequiredArgument, ErrorKind::InvalidValue];
    missing && kinds.contains(&error.kind())
}

/// The form in which to tell about words that could not be understood as a whole.
pub(crate) fn format(words: &[OsString]) -> Format {
    let wants_json = words.iter().enumerate().any(|(at, word)| {
        let next = || words.get(at + 1).is_some_and(|next| next == "json");
        ["--output=json", "-ojson", "-o=json"].iter().any(|form| word == form)
            || (["--output", "-o"].iter().any(|flag| word == flag) && next())
    });
    if wants_json { Format::Json } else { Format::Table }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::Cli;

    fn refused(words: &str) -> Problem {
        problem(&Cli::try_parse_from(words.split(' ')).unwrap_err())
    }

    /// Goal: a slip in the command gets one line with a stable code and what to do. Method: the usual slips.
    #[test]
    fn slips_have_codes() {
        let missing = refused("exchequer cluster remove n3");
        assert_eq!(missing.code, Code::ReasonMissing);
        assert!(missing.message.contains("--reason") && missing.hint.contains("Usage: exchequer cluster remove"));
        let empty = refused("exchequer cluster remove n3 --reason");
        assert_eq!(empty.code, Code::ReasonMissing);
        for slip in [
            "exchequer statsu",
            "exchequer status --adress n1",
            "exchequer init --name n1",
            "exchequer cluster token create --ttl 15 --reason x",
            "exchequer settings revert twelve --reason x",
            "exchequer cluster certificates rotate n1 --authority --reason x",
        ] {
            let problem = refused(slip);
            assert_eq!(problem.code, Code::BadRequest, "{slip}");
            assert!(!problem.message.contains('\n') && !problem.message.starts_with("error"), "{problem}");
        }
        assert!(refused("exchequer cluster token create --ttl 15 --reason x").message.contains("needs a unit"));
    }

    /// Goal: a program that asked for JSON gets its error as JSON even where the rest was not understood.
    #[test]
    fn the_form_is_found_in_any_words() {
        for (words, form) in [
            ("statsu --output json", Format::Json),
            ("statsu -o json", Format::Json),
            ("statsu --output=json", Format::Json),
            ("statsu --output table", Format::Table),
            ("json --output", Format::Table),
        ] {
            let words: Vec<OsString> = words.split(' ').map(OsString::from).collect();
            assert_eq!(format(&words), form, "{words:?}");
        }
    }
}
