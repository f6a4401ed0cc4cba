//! `exchequer explain`: what an error code means, why it comes about, and what to do.

use clap::Args;
use exchequer_domain::{Code, Problem};
use serde::Serialize;

use super::args::OutputArgs;
use super::exit::{Exit, Stop};
use super::output::{Printer, columns};

const PREFIX: &str = "EXQ-";

/// `exchequer explain`.
#[derive(Debug, Clone, Args)]
pub struct ExplainArgs {
    /// The code, such as EXQ-0304 or 304 [default: a list of them all]
    #[arg(value_name = "CODE")]
    pub code: Option<String>,
    /// How it is answered.
    #[command(flatten)]
    pub form: OutputArgs,
}

/// One code as a program reads it.
#[derive(Serialize)]
struct Page {
    code: Code,
    title: &'static str,
    hint: &'static str,
    /// Markdown; left out in the list.
    #[serde(skip_serializing_if = "Option::is_none")]
    page: Option<&'static str>,
}

pub(super) fn run(args: &ExplainArgs, printer: &mut Printer) -> Result<Exit, Stop> {
    match &args.code {
        Some(text) => {
            let code = parse(text)?;
            let page = Page { code, title: code.title(), hint: code.hint(), page: Some(code.page()) };
            printer.answer(&page, |_| code.page().to_owned())?;
        }
        None => {
            let page = |code: &Code| Page { code: *code, title: code.title(), hint: code.hint(), page: None };
            let pages: Vec<Page> = Code::ALL.iter().map(page).collect();
            printer.answer(&pages, |pages| {
                columns(["CODE", "MEANING"], pages.iter().map(|page| [page.code.to_string(), page.title.to_owned()]))
            })?;
        }
    }
    Ok(Exit::Good)
}

/// Reads a code as people write it: with or without the prefix and the zeros in front.
fn parse(text: &str) -> Result<Code, Problem> {
    let number = text
        .get(..PREFIX.len())
        .filter(|start| start.eq_ignore_ascii_case(PREFIX))
        .map_or(text, |_| text.get(PREFIX.len()..).unwrap_or_default());
    let code = format!("{PREFIX}{number:0>4}");
    code.parse().map_err(|_| {
        Problem::new(Code::NotFound, format!("there is no code `{}`", text.escape_debug()))
            .hint("`exchequer explain` lists them all")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: a code is found in whatever form it was copied or remembered.
    #[test]
    fn codes_in_all_their_forms() {
        for text in ["EXQ-0304", "exq-0304", "0304", "304", "EXQ-304"] {
            assert_eq!(parse(text), Ok(Code::NoQuorum), "{text}");
        }
        for text in ["", "EXQ-", "EXQ-9999", "quorum", "ÄXQ-0304", "é"] {
            assert_eq!(parse(text).unwrap_err().code, Code::NotFound, "{text}");
        }
    }
}
