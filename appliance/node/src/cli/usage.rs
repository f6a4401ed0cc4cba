//! Wrong usage as a refusal like any other, with a stable code.

use std::ffi::{OsStr, OsString};

use clap::error::{ContextKind, ContextValue, ErrorKind};
use exchequer_domain::{Code, Problem};

use super::args::Format;

const LABEL: &str = "error: ";
/// Said below every usage; an error's hint is one line.
const MORE: &str = "For more information, try '--help'.";

/// What was wrong with the words of a command.
pub(crate) fn problem(error: &clap::Error) -> Problem {
    let text = error.render().to_string();
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        // The text is the whole help; its one line of usage says what is missing.
        let usage = text.lines().find(|line| line.starts_with("Usage: ")).unwrap_or_default();
        return Problem::new(Code::BadRequest, "the command lacks its verb").hint(usage);
    }
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

/// The form in which to tell about words that could not be understood as a whole: what the words ask for, or else what
/// the environment's `variable` does.
pub(crate) fn format(words: &[OsString], variable: Option<&OsStr>) -> Format {
    const FLAGS: [&str; 2] = ["--output", "-o"];
    const JOINED: [&str; 3] = ["--output=", "-o=", "-o"];
    let texts: Vec<&str> = words.iter().filter_map(|word| word.to_str()).collect();
    let asked = texts.iter().enumerate().find_map(|(at, word)| {
        if FLAGS.contains(word) {
            return texts.get(at + 1).copied();
        }
        JOINED.iter().find_map(|flag| word.strip_prefix(flag)).filter(|form| ["json", "table"].contains(form))
    });
    let form = asked.or_else(|| variable.and_then(OsStr::to_str));
    if form == Some("json") { Format::Json } else { Format::Table }
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

    /// Goal: a program that asked for JSON gets its error as JSON even where the rest was not understood, whether it asked
    /// by a flag or by the environment; and the flag counts for more.
    #[test]
    fn the_form_is_found_in_any_words() {
        for (words, variable, form) in [
            ("statsu --output json", None, Format::Json),
            ("statsu -o json", None, Format::Json),
            ("statsu -ojson", None, Format::Json),
            ("statsu --output=json", None, Format::Json),
            ("statsu --output table", None, Format::Table),
            ("json --output", None, Format::Table),
            ("statsu", Some("json"), Format::Json),
            ("statsu", Some("table"), Format::Table),
            ("statsu --output table", Some("json"), Format::Table),
            ("statsu --output=table", Some("json"), Format::Table),
            ("statsu --output=json", Some("table"), Format::Json),
        ] {
            let words: Vec<OsString> = words.split(' ').map(OsString::from).collect();
            assert_eq!(format(&words, variable.map(OsStr::new)), form, "{words:?} {variable:?}");
        }
    }

    /// Goal: a command without its verb is told in the form of any other slip, in one line.
    #[test]
    fn a_missing_verb_is_a_slip_like_any_other() {
        for words in ["exchequer", "exchequer cluster", "exchequer cluster token"] {
            let problem = refused(words);
            assert_eq!((problem.code, problem.message.as_str()), (Code::BadRequest, "the command lacks its verb"));
            assert!(problem.hint.starts_with(&format!("Usage: {words} ")), "{}", problem.hint);
        }
    }
}
