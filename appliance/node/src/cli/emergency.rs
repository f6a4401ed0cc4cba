//! `exchequer emergency stop|resume|status`: the exchange stands still, and goes on.

use clap::{Args, Subcommand};
use exchequer_api::dto::{ChangeEmergency, EmergencyChanged, EmergencyStatus};
use reqwest::Method;

use super::args::{ClientArgs, ConsentArgs, ProposeArgs, ReasonArgs};
use super::client::Client;
use super::command::{CommandArgs, send};
use super::confirm::{self, Question};
use super::exit::{Exit, Stop};
use super::output::{Printer, columns, fields, one_line, or_nothing};

/// What is typed before the exchange is stopped.
const STOP_PHRASE: &str = "stop the exchange";
/// What is typed before it goes on.
const RESUME_PHRASE: &str = "resume the exchange";

/// `exchequer emergency`.
#[derive(Debug, Clone, Subcommand)]
pub enum EmergencyVerb {
    /// Stop the exchange
    ///
    /// [dangerous] In one step on all nodes: nothing is signed, paid out or swept, orders can only be cancelled, and changes
    /// wait that the emergency does not need. One person is enough; to go on takes two.
    #[command(after_help = "Example:\n  exchequer emergency stop --reason 'INC-7: a key may be out'")]
    Stop(ChangeEmergencyArgs),
    /// Let the exchange go on
    ///
    /// [dangerous] Markets that traded reopen with an auction of at least a minute. Once the two-person rule is in force
    /// another person must approve it.
    #[command(
        after_help = "Example:\n  exchequer emergency resume --reason 'INC-7: false alarm'\n  exchequer emergency resume \
                            --reason 'INC-7: false alarm' --propose"
    )]
    Resume(ResumeArgs),
    /// Show whether the exchange is stopped, by whom, why, and what is blocked
    ///
    /// Answered from what the asked node has, also without a leader. Exit code 2: the exchange is stopped.
    #[command(after_help = "Example:\n  exchequer emergency status")]
    Status(EmergencyStatusArgs),
}

/// `exchequer emergency stop` and `resume`.
#[derive(Debug, Clone, Args)]
pub struct ChangeEmergencyArgs {
    /// Why.
    #[command(flatten)]
    pub reason: ReasonArgs,
    /// Consent.
    #[command(flatten)]
    pub consent: ConsentArgs,
    /// Which command it is.
    #[command(flatten)]
    pub command: CommandArgs,
    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

/// `exchequer emergency resume`.
#[derive(Debug, Clone, Args)]
pub struct ResumeArgs {
    /// Whether it is proposed.
    #[command(flatten)]
    pub propose: ProposeArgs,
    /// The rest.
    #[command(flatten)]
    pub change: ChangeEmergencyArgs,
}

/// `exchequer emergency status`.
#[derive(Debug, Clone, Args)]
pub struct EmergencyStatusArgs {
    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

impl EmergencyVerb {
    pub(super) fn client(&self) -> &ClientArgs {
        match self {
            EmergencyVerb::Stop(args) => &args.client,
            EmergencyVerb::Resume(args) => &args.change.client,
            EmergencyVerb::Status(args) => &args.client,
        }
    }
}

pub(super) async fn run(verb: &EmergencyVerb, printer: &mut Printer) -> Result<Exit, Stop> {
    let client = Client::open(verb.client())?;
    match verb {
        EmergencyVerb::Stop(args) => {
            let consequence = "Nothing is signed, paid out or swept any more, and orders can only be cancelled. To go on \
                               takes two persons.";
            change(&client, args, "stop", (STOP_PHRASE, consequence), printer).await?;
        }
        EmergencyVerb::Resume(args) => {
            let consequence = "Signing, withdrawals and sweeps go on, and markets that traded reopen with an auction.";
            let client = client.proposing(&args.propose);
            change(&client, &args.change, "resume", (RESUME_PHRASE, consequence), printer).await?;
        }
        EmergencyVerb::Status(_) => {
            let status: EmergencyStatus = client.get(&["emergency"], &[]).await?;
            printer.answer(&status, text)?;
            return Ok(if status.stopped { Exit::Degraded } else { Exit::Good });
        }
    }
    Ok(Exit::Good)
}

async fn change(
    client: &Client,
    args: &ChangeEmergencyArgs,
    verb: &str,
    (phrase, consequence): (&str, &str),
    printer: &mut Printer,
) -> Result<(), Stop> {
    if !args.consent.yes {
        if !printer.can_ask() {
            return Err(confirm::nobody_to_ask(&format!("emergency {verb}")).into());
        }
        confirm::ask(printer, &Question { consequence, phrase, phrase_is: "the phrase" })?;
    }
    let id = args.command.id()?;
    let body = ChangeEmergency { reason: args.reason.reason.clone(), command_id: Some(id.to_string()) };
    let done: EmergencyChanged = send(client, Method::POST, &["emergency", verb], &body, id).await?;
    printer.answer(&done, |done| match done.stopped {
        true => {
            format!("The exchange is stopped since index {}; {} markets became cancel-only", done.index, done.markets)
        }
        false => format!("The exchange goes on since index {}; {} markets reopen", done.index, done.markets),
    })
}

pub(super) fn text(status: &EmergencyStatus) -> String {
    if !status.stopped {
        return "The exchange is not stopped".to_owned();
    }
    let mut text = fields([
        ("Stopped since", or_nothing(status.since.clone())),
        ("By", or_nothing(status.by.clone())),
        ("Reason", or_nothing(status.reason.as_deref().map(one_line))),
        ("Index", or_nothing(status.index)),
        ("Blocked", status.blocked.join(", ")),
    ]);
    if !status.markets.is_empty() {
        let rows =
            status.markets.iter().map(|market| [market.symbol.clone(), market.before.clone(), market.phase.clone()]);
        text.push_str(&format!("\n\n{}", columns(["MARKET", "BEFORE", "PHASE"], rows)));
    }
    text
}
