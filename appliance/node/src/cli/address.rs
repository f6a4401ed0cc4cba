//! `exchequer address`: where users deposit to, and where they withdraw to.

use clap::{Args, Subcommand};
use exchequer_api::dto::{AddressBook, AllocateAddress, DepositAddress, DepositAddresses};
use reqwest::Method;

use super::args::ClientArgs;
use super::client::{Client, consistency};
use super::command::{CommandArgs, send};
use super::exit::{Exit, Stop};
use super::money_args::AskArgs;
use super::output::{Printer, columns, one_line, or_nothing, text_or_nothing};

/// `exchequer address`.
#[derive(Debug, Clone, Subcommand)]
pub enum AddressVerb {
    /// List a user's deposit addresses; all of them stay valid
    #[command(after_help = "Example:\n  exchequer address list 12")]
    List(AddressesArgs),
    /// Give a user a deposit address, or say which one it has
    #[command(
        after_help = "Example:\n  exchequer address allocate 12 bitcoin\n  exchequer address allocate 12 bitcoin \
                            --fresh"
    )]
    Allocate(AllocateArgs),
    /// Show where a user withdraws to
    #[command(after_help = "Example:\n  exchequer address book 12")]
    Book(AddressesArgs),
}

/// `exchequer address list` and `book`.
#[derive(Debug, Clone, Args)]
pub struct AddressesArgs {
    /// The user's number
    #[arg(value_name = "USER")]
    pub user: u64,
    /// How it is asked.
    #[command(flatten)]
    pub ask: AskArgs,
}

/// `exchequer address allocate`.
#[derive(Debug, Clone, Args)]
pub struct AllocateArgs {
    /// The user's number
    #[arg(value_name = "USER")]
    pub user: u64,
    /// The network
    #[arg(value_name = "NETWORK")]
    pub network: String,
    /// A new one, also where the user has one
    #[arg(long)]
    pub fresh: bool,
    /// Which command it is.
    #[command(flatten)]
    pub command: CommandArgs,
    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

impl AddressVerb {
    pub(super) fn client(&self) -> &ClientArgs {
        match self {
            AddressVerb::List(args) | AddressVerb::Book(args) => &args.ask.client,
            AddressVerb::Allocate(args) => &args.client,
        }
    }
}

pub(super) async fn run(verb: &AddressVerb, printer: &mut Printer) -> Result<Exit, Stop> {
    let client = Client::open(verb.client())?;
    match verb {
        AddressVerb::List(args) => {
            let path = ["users", &args.user.to_string(), "addresses"];
            let addresses: DepositAddresses = client.get(&path, &consistency(args.ask.stale)).await?;
            printer.answer(&addresses, addresses_text)?;
        }
        AddressVerb::Book(args) => {
            let path = ["users", &args.user.to_string(), "address-book"];
            let book: AddressBook = client.get(&path, &consistency(args.ask.stale)).await?;
            printer.answer(&book, book_text)?;
        }
        AddressVerb::Allocate(args) => {
            let id = args.command.id()?;
            let (network, command_id) = (args.network.clone(), Some(id.to_string()));
            let body = AllocateAddress { network, fresh: args.fresh, command_id };
            let path = ["users", &args.user.to_string(), "addresses"];
            let given: DepositAddress = send(&client, Method::POST, &path, &body, id).await?;
            printer.answer(&given, |given| given.address.clone())?;
        }
    }
    Ok(Exit::Good)
}

fn addresses_text(addresses: &DepositAddresses) -> String {
    let rows = addresses
        .addresses
        .iter()
        .map(|one| [one.networks.join(","), one.address.clone(), or_nothing(one.given_at.clone())]);
    columns(["NETWORKS", "ADDRESS", "GIVEN"], rows)
}

fn book_text(book: &AddressBook) -> String {
    let rows = book.entries.iter().map(|entry| {
        [
            entry.network.clone(),
            entry.address.clone(),
            entry.state.clone(),
            or_nothing(entry.active_at.clone()),
            entry.memo.as_deref().map_or_else(|| "-".to_owned(), one_line),
            text_or_nothing(&entry.label),
        ]
    });
    let table = columns(["NETWORK", "ADDRESS", "STATE", "COUNTS-FROM", "MEMO", "LABEL"], rows);
    match (book.listed_only, &book.listed_only_ends_at) {
        (true, Some(ends)) => format!("{table}\n\nOnly these are paid, until {ends}"),
        (true, None) => format!("{table}\n\nOnly these are paid"),
        (false, _) => table,
    }
}
