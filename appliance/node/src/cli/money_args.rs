//! What the verbs about money on chains have in common.

use clap::Args;
use exchequer_domain::{Code, CommandId, Problem};

use super::args::{ClientArgs, ConsentArgs, ProposeArgs, ReasonArgs, StaleArgs};
use super::client::Client;
use super::command::CommandArgs;
use super::confirm::Question;
use super::exit::Stop;
use super::output::Printer;
use super::worker::consent;

/// What every question takes.
#[derive(Debug, Clone, Args)]
pub struct AskArgs {
    /// Where the answer may come from.
    #[command(flatten)]
    pub stale: StaleArgs,
    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

/// Which part of a long list.
#[derive(Debug, Clone, Args)]
pub struct PartArgs {
    /// Those before this number
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..))]
    pub before: Option<u64>,
    /// How many at most
    #[arg(long, short = 'n', value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=100))]
    pub limit: u64,
}

impl PartArgs {
    pub(super) fn add_to(&self, query: &mut Vec<(&'static str, String)>) {
        query.extend(self.before.map(|before| ("before", before.to_string())));
        query.push(("limit", self.limit.to_string()));
    }
}

/// What every change takes that others may have to approve.
#[derive(Debug, Clone, Args)]
pub struct ChangeArgs {
    /// Why.
    #[command(flatten)]
    pub reason: ReasonArgs,
    /// Consent.
    #[command(flatten)]
    pub consent: ConsentArgs,
    /// Whether it is proposed.
    #[command(flatten)]
    pub propose: ProposeArgs,
    /// Which command it is.
    #[command(flatten)]
    pub command: CommandArgs,
    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

/// What a change takes that has no reason of its own.
#[derive(Debug, Clone, Args)]
pub struct RequestArgs {
    /// Consent.
    #[command(flatten)]
    pub consent: ConsentArgs,
    /// Whether it is proposed.
    #[command(flatten)]
    pub propose: ProposeArgs,
    /// Which command it is.
    #[command(flatten)]
    pub command: CommandArgs,
    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

impl ChangeArgs {
    /// Asks, and gives who takes the change and under which id.
    pub(super) fn begin(
        &self,
        client: &Client,
        verb: &str,
        question: &Question<'_>,
        printer: &mut Printer,
    ) -> Result<(Client, CommandId), Stop> {
        consent(self.consent, verb, question, printer)?;
        Ok((client.proposing(&self.propose), self.command.id()?))
    }

    pub(super) fn why(&self) -> String {
        self.reason.reason.clone()
    }
}

/// A file that holds JSON of a request.
pub(super) fn read_json<T: serde::de::DeserializeOwned>(path: &std::path::Path) -> Result<T, Problem> {
    let bad = |error: String| Problem::new(Code::BadRequest, format!("{}: {error}", path.display()));
    let text = std::fs::read(path).map_err(|error| bad(error.to_string()))?;
    serde_json::from_slice(&text).map_err(|error| bad(error.to_string()))
}
