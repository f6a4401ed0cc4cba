//! `exchequer admin create|list|show|roles|disable|enable|reset|password|totp`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use exchequer_api::dto::{
    Admin, AdminUpdated, Admins, BeginFactor, ChangePassword, ConfirmFactor, CreateAdmin, CredentialsChanged,
    FactorBegun, PasswordGiven, ResetAdmin, UpdateAdmin,
};
use reqwest::Method;
use serde::Serialize;

use super::args::{ClientArgs, ProposeArgs, ReasonArgs};
use super::client::{Client, Repeat};
use super::command::{CommandArgs, send};
use super::exit::{Exit, Stop};
use super::output::{NOTHING, Printer, columns, fields, text_or_nothing};
use super::{login, secret_input};

/// `exchequer admin`.
#[derive(Debug, Clone, Subcommand)]
pub enum AdminVerb {
    /// Make an admin, with a one-time password
    ///
    /// The password is shown this once; it must be changed at the first sign-in, and a second factor enrolled. With the
    /// operator token only as long as there is no active owner.
    #[command(after_help = "Example:\n  exchequer admin create bob --person 'Bob Builder' --role operations \
                            --reason 'OPS-12: hired'\n  \
                            exchequer admin create eve --person e-17 --role auditor --from 10.0.0.0/8 --reason audit")]
    Create(CreateAdminArgs),
    /// List those who administer the exchange
    #[command(after_help = "Example:\n  exchequer admin list")]
    List(ListAdminsArgs),
    /// Show an admin, and what it may do
    #[command(after_help = "Example:\n  exchequer admin show bob")]
    Show(ShowAdminArgs),
    /// Give an admin other roles; its sessions end
    #[command(after_help = "Example:\n  exchequer admin roles bob --role operations --role auditor --reason 'OPS-13'")]
    Roles(RolesArgs),
    /// Take an admin's access away; its sessions end
    #[command(after_help = "Example:\n  exchequer admin disable bob --reason 'left the company'")]
    Disable(ChangeAdminArgs),
    /// Give an admin its access back
    #[command(after_help = "Example:\n  exchequer admin enable bob --reason 'back from leave'")]
    Enable(ChangeAdminArgs),
    /// Give an admin a new one-time password; the second factor must be enrolled anew
    #[command(after_help = "Example:\n  exchequer admin reset bob --reason 'lost telephone and recovery codes'")]
    Reset(ChangeAdminArgs),
    /// Change your own password; your other sessions end
    #[command(after_help = "Example:\n  exchequer admin password")]
    Password(PasswordArgs),
    /// Enrol your authenticator, and get new recovery codes; your other sessions end
    #[command(after_help = "Example:\n  exchequer admin totp")]
    Totp(TotpArgs),
}

/// `exchequer admin create`.
#[derive(Debug, Clone, Args)]
pub struct CreateAdminArgs {
    /// The name to sign in with: a-z, 0-9 and .-_@+
    #[arg(value_name = "NAME")]
    pub name: String,
    /// Who it is: a personnel number, an e-mail address; two accounts of one person have the same
    #[arg(long, value_name = "TEXT")]
    pub person: String,
    /// What for; can be repeated
    #[arg(long = "role", value_name = "ROLE", required = true)]
    pub roles: Vec<String>,
    /// From where it may act: an address or a range; can be repeated [default: from anywhere]
    #[arg(long = "from", value_name = "RANGE")]
    pub ranges: Vec<String>,
    /// Why.
    #[command(flatten)]
    pub reason: ReasonArgs,
    /// Whether it is proposed.
    #[command(flatten)]
    pub propose: ProposeArgs,
    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

/// `exchequer admin list`.
#[derive(Debug, Clone, Args)]
pub struct ListAdminsArgs {
    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

/// `exchequer admin show`.
#[derive(Debug, Clone, Args)]
pub struct ShowAdminArgs {
    /// The admin's name or number
    #[arg(value_name = "NAME")]
    pub name: String,
    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

/// `exchequer admin roles`.
#[derive(Debug, Clone, Args)]
pub struct RolesArgs {
    /// The admin's name or number
    #[arg(value_name = "NAME")]
    pub name: String,
    /// What for, all of it; can be repeated
    #[arg(long = "role", value_name = "ROLE", required = true)]
    pub roles: Vec<String>,
    /// Why.
    #[command(flatten)]
    pub reason: ReasonArgs,
    /// Which command it is.
    #[command(flatten)]
    pub command: CommandArgs,
    /// Whether it is proposed.
    #[command(flatten)]
    pub propose: ProposeArgs,
    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

/// A change of an admin that needs nothing but a reason.
#[derive(Debug, Clone, Args)]
pub struct ChangeAdminArgs {
    /// The admin's name or number
    #[arg(value_name = "NAME")]
    pub name: String,
    /// Why.
    #[command(flatten)]
    pub reason: ReasonArgs,
    /// Whether it is proposed.
    #[command(flatten)]
    pub propose: ProposeArgs,
    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

/// `exchequer admin password`.
#[derive(Debug, Clone, Args)]
pub struct PasswordArgs {
    /// A file whose first line is the present password; otherwise it is asked for
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
    /// A file whose first line is the new password; otherwise it is asked for
    #[arg(long, value_name = "FILE")]
    pub new_password_file: Option<PathBuf>,
    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

/// `exchequer admin totp`.
#[derive(Debug, Clone, Args)]
pub struct TotpArgs {
    /// A file whose first line is the password; otherwise it is asked for
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

impl AdminVerb {
    pub(super) fn client(&self) -> &ClientArgs {
        match self {
            AdminVerb::Create(args) => &args.client,
            AdminVerb::List(args) => &args.client,
            AdminVerb::Show(args) => &args.client,
            AdminVerb::Roles(args) => &args.client,
            AdminVerb::Disable(args) | AdminVerb::Enable(args) | AdminVerb::Reset(args) => &args.client,
            AdminVerb::Password(args) => &args.client,
            AdminVerb::Totp(args) => &args.client,
        }
    }
}

pub(super) async fn run(verb: &AdminVerb, printer: &mut Printer) -> Result<Exit, Stop> {
    let client = Client::open(verb.client())?;
    match verb {
        AdminVerb::Create(args) => {
            let body = CreateAdmin {
                name: args.name.clone(),
                person: args.person.clone(),
                roles: args.roles.clone(),
                addresses: Some(args.ranges.clone()),
                reason: args.reason.reason.clone(),
            };
            given(&client.proposing(&args.propose), &["admins"], &body, printer).await?;
        }
        AdminVerb::List(_) => {
            let admins: Admins = client.get(&["admins"], &[]).await?;
            printer.answer(&admins, list_text)?;
        }
        AdminVerb::Show(args) => {
            let admin: Admin = client.get(&["admins", &args.name], &[]).await?;
            printer.answer(&admin, one_text)?;
        }
        AdminVerb::Roles(args) => {
            let (roles, reason) = (Some(args.roles.clone()), args.reason.reason.clone());
            let client = client.proposing(&args.propose);
            update(&client, &args.name, (roles, None), reason, args.command, printer).await?;
        }
        AdminVerb::Disable(args) => {
            let (change, client) = ((None, Some("disabled".to_owned())), client.proposing(&args.propose));
            update(&client, &args.name, change, args.reason.reason.clone(), CommandArgs::default(), printer).await?;
        }
        AdminVerb::Enable(args) => {
            let (change, client) = ((None, Some("active".to_owned())), client.proposing(&args.propose));
            update(&client, &args.name, change, args.reason.reason.clone(), CommandArgs::default(), printer).await?;
        }
        AdminVerb::Reset(args) => {
            let body = ResetAdmin { reason: args.reason.reason.clone() };
            given(&client.proposing(&args.propose), &["admins", &args.name, "reset"], &body, printer).await?;
        }
        AdminVerb::Password(args) => {
            let client = client.signed(&args.client)?;
            let present = secret_input::password(printer, "Present password", args.password_file.as_deref())?;
            let new = secret_input::new_password(printer, args.new_password_file.as_deref())?;
            let body = ChangePassword { password: present.to_string(), new_password: new.to_string() };
            let path = ["session", "password"];
            let changed: CredentialsChanged = client.change(Method::POST, &path, &body, Repeat::Never).await?;
            went_on(&args.client, changed, printer)?;
        }
        AdminVerb::Totp(args) => {
            let client = client.signed(&args.client)?;
            let password = secret_input::password(printer, "Password", args.password_file.as_deref())?;
            let body = BeginFactor { password: password.to_string() };
            let path = ["session", "second-factor"];
            let begun: FactorBegun = client.change(Method::POST, &path, &body, Repeat::Never).await?;
            let (secret, uri) = (&begun.secret, &begun.uri);
            printer.prompt(&format!("Enter this secret into your authenticator:\n  {secret}\n  {uri}\n"))?;
            let otp = secret_input::hidden(printer, "The code that it shows")?.trim().to_owned();
            let body = ConfirmFactor { ticket: begun.ticket, otp };
            let path = ["session", "second-factor", "confirm"];
            let changed: CredentialsChanged = client.change(Method::POST, &path, &body, Repeat::Never).await?;
            went_on(&args.client, changed, printer)?;
        }
    }
    Ok(Exit::Good)
}

async fn given<B: Serialize>(client: &Client, path: &[&str], body: &B, printer: &mut Printer) -> Result<(), Stop> {
    let given: PasswordGiven = client.change_or_propose(Method::POST, path, body, Repeat::Never).await?;
    printer.answer(&given, given_text)?;
    printer.note("\nThe one-time password is not shown again. It must be changed at the first sign-in.")
}

async fn update(
    client: &Client,
    name: &str,
    (roles, status): (Option<Vec<String>>, Option<String>),
    reason: String,
    command: CommandArgs,
    printer: &mut Printer,
) -> Result<(), Stop> {
    let id = command.id()?;
    let body = UpdateAdmin { roles, status, addresses: None, reason, command_id: Some(id.to_string()) };
    let updated: AdminUpdated = send(client, Method::PATCH, &["admins", name], &body, id).await?;
    printer.answer(&updated, |updated| {
        let changed = if updated.changed { "changed; its sessions have ended" } else { "as asked already" };
        format!("Admin {} is {changed}", updated.admin)
    })
}

/// The session goes on under another token.
fn went_on(args: &ClientArgs, mut changed: CredentialsChanged, printer: &mut Printer) -> Result<(), Stop> {
    login::take(args, &mut changed.session)?;
    printer.answer(&changed, |changed| {
        let codes = changed.recovery_codes.join("\n  ");
        let codes = if codes.is_empty() { codes } else { format!("\nRecovery codes, each for one use:\n  {codes}") };
        format!("{}{codes}", login::signed_text(&changed.session))
    })?;
    if changed.recovery_codes.is_empty() {
        return Ok(());
    }
    printer.note("\nKeep the recovery codes apart from the authenticator: they are not shown again.")
}

fn given_text(given: &PasswordGiven) -> String {
    fields([
        ("Number", given.number.to_string()),
        ("Name", given.name.clone()),
        ("One-time password", given.one_time_password.clone()),
    ])
}

fn list_text(admins: &Admins) -> String {
    let rows = admins.admins.iter().map(|admin| {
        [
            admin.admin.to_string(),
            admin.name.clone(),
            text_or_nothing(&admin.person),
            admin.status.clone(),
            admin.roles.join(","),
            if admin.second_factor { "yes" } else { "no" }.to_owned(),
            admin.sessions.to_string(),
            admin.locked_until.clone().unwrap_or_else(|| NOTHING.to_owned()),
        ]
    });
    columns(["ADMIN", "NAME", "PERSON", "STATUS", "ROLES", "SECOND-FACTOR", "SESSIONS", "LOCKED-UNTIL"], rows)
}

fn one_text(admin: &Admin) -> String {
    fields([
        ("Admin", admin.admin.to_string()),
        ("Name", admin.name.clone()),
        ("Person", text_or_nothing(&admin.person)),
        ("Status", admin.status.clone()),
        ("Roles", admin.roles.join(", ")),
        ("May", admin.permissions.join(", ")),
        ("From", text_or_nothing(&admin.addresses.join(", "))),
        ("Second factor", if admin.second_factor { "enrolled" } else { "missing" }.to_owned()),
        ("Recovery codes", admin.recovery_codes.to_string()),
        ("Password", if admin.must_change_password { "must be changed" } else { "their own" }.to_owned()),
        ("Locked until", admin.locked_until.clone().unwrap_or_else(|| NOTHING.to_owned())),
        ("Sessions", admin.sessions.to_string()),
        ("Created", admin.created_at.clone()),
    ])
}
