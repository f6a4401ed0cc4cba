//! `exchequer user create|list|show|update`.

use clap::{Args, Subcommand, ValueEnum};
use exchequer_api::dto::{CreateUser, UpdateUser, User, UserCreated, UserUpdated, Users};
use reqwest::Method;

use super::args::{ClientArgs, ReasonArgs, StaleArgs};
use super::client::{Client, consistency};
use super::command::{CommandArgs, send};
use super::exit::{Exit, Stop};
use super::output::{Printer, columns, fields, text_or_nothing};

/// `exchequer user`.
#[derive(Debug, Clone, Subcommand)]
pub enum UserVerb {
    /// Create a user
    #[command(after_help = "Example:\n  exchequer user create --label 'Ada Lovelace' --kyc-level 2\n  \
                            exchequer user create --count 1000")]
    Create(CreateUserArgs),
    /// List users, in the order of their numbers
    #[command(after_help = "Example:\n  exchequer user list\n  exchequer user list --from 101 -n 50")]
    List(ListUsersArgs),
    /// Show a user
    #[command(after_help = "Example:\n  exchequer user show 12")]
    Show(ShowUserArgs),
    /// Change a user's label, level or fees, or freeze it
    ///
    /// A frozen user receives money and sends none: its transfers and new orders are refused; what it has open stays.
    #[command(after_help = "Example:\n  exchequer user update 12 --status frozen --reason 'LEGAL-7: court order'")]
    Update(UpdateUserArgs),
}

/// Whether a user can send money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum StatusWord {
    /// It can.
    Active,
    /// It cannot.
    Frozen,
}

/// `exchequer user create`.
#[derive(Debug, Clone, Args)]
pub struct CreateUserArgs {
    /// The label for people
    #[arg(long, value_name = "TEXT", conflicts_with = "count")]
    pub label: Option<String>,
    /// How well the person is known, 0 to 3
    #[arg(long, value_name = "LEVEL", default_value_t = 0)]
    pub kyc_level: u8,
    /// Which fees hold
    #[arg(long, value_name = "TIER", default_value_t = 0)]
    pub fee_tier: u8,
    /// Create so many users without labels; sandbox clusters only
    #[arg(long, value_name = "N")]
    pub count: Option<u32>,
    /// Which command it is.
    #[command(flatten)]
    pub command: CommandArgs,
    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

/// `exchequer user list`.
#[derive(Debug, Clone, Args)]
pub struct ListUsersArgs {
    /// The first number
    #[arg(long, value_name = "USER", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    pub from: u64,
    /// How many users at most
    #[arg(long, short = 'n', value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=100))]
    pub limit: u64,
    /// Where the answer may come from.
    #[command(flatten)]
    pub stale: StaleArgs,
    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

/// `exchequer user show`.
#[derive(Debug, Clone, Args)]
pub struct ShowUserArgs {
    /// The user's number
    #[arg(value_name = "USER")]
    pub user: u64,
    /// Where the answer may come from.
    #[command(flatten)]
    pub stale: StaleArgs,
    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

/// `exchequer user update`.
#[derive(Debug, Clone, Args)]
pub struct UpdateUserArgs {
    /// The user's number
    #[arg(value_name = "USER")]
    pub user: u64,
    /// The label for people; empty for none
    #[arg(long, value_name = "TEXT")]
    pub label: Option<String>,
    /// How well the person is known, 0 to 3
    #[arg(long, value_name = "LEVEL")]
    pub kyc_level: Option<u8>,
    /// Which fees hold
    #[arg(long, value_name = "TIER")]
    pub fee_tier: Option<u8>,
    /// Whether it can send money
    #[arg(long, value_enum, value_name = "STATUS")]
    pub status: Option<StatusWord>,
    /// Why.
    #[command(flatten)]
    pub reason: ReasonArgs,
    /// Which command it is.
    #[command(flatten)]
    pub command: CommandArgs,
    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

impl UserVerb {
    pub(super) fn client(&self) -> &ClientArgs {
        match self {
            UserVerb::Create(args) => &args.client,
            UserVerb::List(args) => &args.client,
            UserVerb::Show(args) => &args.client,
            UserVerb::Update(args) => &args.client,
        }
    }
}

pub(super) async fn run(verb: &UserVerb, printer: &mut Printer) -> Result<Exit, Stop> {
    let client = Client::open(verb.client())?;
    match verb {
        UserVerb::Create(args) => create(&client, args, printer).await?,
        UserVerb::List(args) => {
            let mut query = consistency(args.stale);
            query.push(("from", args.from.to_string()));
            query.push(("limit", args.limit.to_string()));
            let users: Users = client.get(&["users"], &query).await?;
            printer.answer(&users, list_text)?;
            if let Some(from) = users.next_from {
                printer.note(&format!("\nThere are {} users: --from {from}", users.count))?;
            }
        }
        UserVerb::Show(args) => {
            let user: User = client.get(&["users", &args.user.to_string()], &consistency(args.stale)).await?;
            printer.answer(&user, one_text)?;
        }
        UserVerb::Update(args) => update(&client, args, printer).await?,
    }
    Ok(Exit::Good)
}

async fn create(client: &Client, args: &CreateUserArgs, printer: &mut Printer) -> Result<(), Stop> {
    let id = args.command.id()?;
    let body = CreateUser {
        label: args.label.clone(),
        kyc_level: Some(args.kyc_level),
        fee_tier: Some(args.fee_tier),
        count: args.count,
        command_id: Some(id.to_string()),
    };
    let made: UserCreated = send(client, Method::POST, &["users"], &body, id).await?;
    printer.answer(&made, |made| match made.count {
        1 => format!("Created user {}", made.user),
        count => format!("Created {count} users from {} on", made.user),
    })
}

async fn update(client: &Client, args: &UpdateUserArgs, printer: &mut Printer) -> Result<(), Stop> {
    let id = args.command.id()?;
    let status = args.status.map(|status| match status {
        StatusWord::Active => "active".to_owned(),
        StatusWord::Frozen => "frozen".to_owned(),
    });
    let body = UpdateUser {
        label: args.label.clone(),
        kyc_level: args.kyc_level,
        fee_tier: args.fee_tier,
        status,
        reason: args.reason.reason.clone(),
        command_id: Some(id.to_string()),
    };
    let path = ["users", &args.user.to_string()];
    let done: UserUpdated = send(client, Method::PATCH, &path, &body, id).await?;
    printer.answer(&done, |done| match done.changed {
        true => format!("User {} is changed", done.user),
        false => format!("User {} was so already", done.user),
    })
}

pub(super) fn list_text(users: &Users) -> String {
    let rows = users.users.iter().map(|user| {
        [
            user.user.to_string(),
            user.status.clone(),
            user.kyc_level.to_string(),
            user.fee_tier.to_string(),
            user.created_at.clone(),
            text_or_nothing(&user.label),
        ]
    });
    columns(["USER", "STATUS", "KYC-LEVEL", "FEE-TIER", "CREATED", "LABEL"], rows)
}

pub(super) fn one_text(user: &User) -> String {
    fields([
        ("User", user.user.to_string()),
        ("Label", text_or_nothing(&user.label)),
        ("Status", user.status.clone()),
        ("KYC level", user.kyc_level.to_string()),
        ("Fee tier", user.fee_tier.to_string()),
        ("Created", user.created_at.clone()),
    ])
}
