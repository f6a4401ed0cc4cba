//! The help, and the page that is made of it.

use std::path::Path;

use clap::{Command, CommandFactory as _};

use crate::cli::Cli;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/operators/command-line.md");
const WIDTH: usize = 100;
const INTRODUCTION: &str = "\
# The command line

This page is the help of every verb. It is generated: `UPDATE=1 cargo test -p exchequer-node command_line_page` writes it
anew.

Tables have plain columns that `awk` can cut; `--output json` prints the API's own answer instead. Values are never
rounded. Errors go to standard error as `EXQ-nnnn: what happened` and `hint: what to do`, with `--output json` as the
API's refusal; `exchequer explain CODE` tells more. Exit codes: 0 done or healthy, 1 refused or failed (wrong usage
included), 2 answered but degraded, 3 no quorum or no leader, 4 a server that must not be started again on its folder.

Verbs that cannot be taken back ask for a name or id to be typed; without a terminal they need `--yes`, and
`cluster recover apply` needs `--confirm CLUSTER-ID`.
";

/// Every verb with its words, the hidden ones too.
fn verbs(command: &Command, words: &str, found: &mut Vec<(String, Command)>) {
    found.push((words.to_owned(), command.clone()));
    for verb in command.get_subcommands() {
        verbs(verb, &format!("{words} {}", verb.get_name()), found);
    }
}

fn all() -> Vec<(String, Command)> {
    let mut command = Cli::command().term_width(WIDTH);
    command.build();
    let mut found = Vec::new();
    verbs(&command, "exchequer", &mut found);
    found
}

/// Goal: the definitions hold together: no flag twice, no positional after an optional one.
#[test]
fn the_tree_is_sound() {
    Cli::command().debug_assert();
}

/// Goal: whoever is stuck finds an example at every verb, and it is a command that is understood. Method: each example's
/// words are parsed; shell continuations are joined.
#[test]
fn every_help_has_examples_that_work() {
    for (words, mut command) in all() {
        let help = command.render_long_help().to_string();
        let (_, examples) = help.split_once("Example:\n").unwrap_or_else(|| panic!("`{words}` has no example"));
        let joined = examples.replace("\\\n", " ");
        let examples: Vec<&str> = joined.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        assert!(!examples.is_empty(), "{words}");
        for example in examples {
            assert!(example.starts_with(&words), "`{example}` is no example of `{words}`");
            let plain = example.split(" > ").next().unwrap();
            if let Err(error) = Cli::command().try_get_matches_from(split(plain)) {
                panic!("`{example}` is not understood: {error}");
            }
        }
    }
}

/// Words as a shell splits them, as far as the examples go.
fn split(line: &str) -> Vec<String> {
    let parts = line.split('\'').enumerate();
    parts
        .flat_map(|(at, part)| match at % 2 {
            0 => part.split_whitespace().map(str::to_owned).collect(),
            _ => vec![part.to_owned()],
        })
        .collect()
}

/// Goal: every flag says what it is for.
#[test]
fn every_flag_has_a_help() {
    for (words, command) in all() {
        assert!(command.get_about().is_some(), "{words}");
        for flag in command.get_arguments() {
            assert!(flag.get_help().is_some(), "{words}: {}", flag.get_id());
        }
    }
}

/// Goal: the page in the documentation is what the binary says. Method: the page is rendered anew and compared;
/// `UPDATE=1` writes it.
#[test]
fn command_line_page_is_up_to_date() {
    let mut page = INTRODUCTION.to_owned();
    for (words, mut command) in all() {
        // The long help would say the same on five times as many lines; only its introduction is missing in the short.
        if let Some(about) = command.get_long_about().cloned() {
            command = command.about(about);
        }
        let help = command.render_help().to_string();
        let help: Vec<&str> = help.lines().map(str::trim_end).collect();
        page.push_str(&format!("\n## {words}\n\n```text\n{}\n```\n", help.join("\n").trim_end()));
    }
    let path = Path::new(PAGE);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, &page).unwrap();
    }
    let written = std::fs::read_to_string(path).unwrap();
    assert!(written == page, "docs/operators/command-line.md is out of date: run this test with UPDATE=1");
}
