//! `exchequer login`, `exchequer logout` and `exchequer session list|log|step-up|revoke`.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use exchequer_api::dto::{RevokeSessions, Sessions, ShowFactor, SignIn, SignInRecord, SignIns, SignedIn, SignedOut};
use exchequer_domain::{Code, Problem};
use reqwest::Method;

use super::args::ClientArgs;
use super::client::{Client, Repeat, authorities};
use super::exit::{Exit, Stop};
use super::output::{NOTHING, Printer, columns, fields, text_or_nothing};
use super::{secret_input, session_file};

/// `exchequer login`.
#[derive(Debug, Clone, Args)]
pub struct LoginArgs {
    /// The name to sign in with
    #[arg(value_name = "NAME")]
    pub name: String,
    /// A file whose first line is the password; otherwise it is asked for
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
    /// Ask for a recovery code instead of the authenticator's
    #[arg(long)]
    pub recovery: bool,
    /// A file whose first line is the code; otherwise it is asked for
    #[arg(long, value_name = "FILE")]
    pub code_file: Option<PathBuf>,
    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

/// `exchequer logout`.
#[derive(Debug, Clone, Args)]
pub struct LogoutArgs {
    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

/// `exchequer session`.
#[derive(Debug, Clone, Subcommand)]
pub enum SessionVerb {
    /// Show the session that this command line uses
    #[command(after_help = "Example:\n  exchequer session show")]
    Show(LogoutArgs),
    /// List the open sessions: your own, or with the permission sessions.change all
    #[command(after_help = "Example:\n  exchequer session list")]
    List(LogoutArgs),
    /// List who came in, was refused, or lost sessions, the newest first: your own, or with the permission sessions.change all
    #[command(after_help = "Example:\n  exchequer session log\n  exchequer session log --of admins --what refused")]
    Log(SignInLogArgs),
    /// Show the second factor again, as operations of danger level 3 ask for it
    #[command(after_help = "Example:\n  exchequer session step-up")]
    StepUp(StepUpArgs),
    /// End sessions before their time
    #[command(after_help = "Example:\n  exchequer session revoke --session 0123456789abcdef\n  \
                            exchequer session revoke --name bob --reason 'his laptop was stolen'")]
    Revoke(RevokeArgs),
}

/// `exchequer session log`.
#[derive(Debug, Clone, Args)]
pub struct SignInLogArgs {
    /// How many lines
    #[arg(long, short = 'n', value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..=1000))]
    pub lines: u64,
    /// The newest of those before this number
    #[arg(long, value_name = "NUMBER")]
    pub before: Option<u64>,
    /// Only those of admins, of customers, or of names that nobody has
    #[arg(long, value_name = "WHOM", value_parser = ["admins", "customers", "nobody"])]
    pub of: Option<String>,
    /// Only those who came in, were refused, or whose sessions were ended
    #[arg(long, value_name = "WHAT", value_parser = ["opened", "refused", "closed"])]
    pub what: Option<String>,
    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

/// `exchequer session step-up`.
#[derive(Debug, Clone, Args)]
pub struct StepUpArgs {
    /// Ask for a recovery code instead of the authenticator's
    #[arg(long)]
    pub recovery: bool,
    /// A file whose first line is the code; otherwise it is asked for
    #[arg(long, value_name = "FILE")]
    pub code_file: Option<PathBuf>,
    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

/// `exchequer session revoke`.
#[derive(Debug, Clone, Args)]
pub struct RevokeArgs {
    /// Whose; your own where nothing is said
    #[arg(long, value_name = "NAME", requires = "reason")]
    pub name: Option<String>,
    /// Which one; where nothing is said all, but the one in use
    #[arg(long, value_name = "HEX")]
    pub session: Option<String>,
    /// Why; it is kept in the audit
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

impl SessionVerb {
    pub(super) fn client(&self) -> &ClientArgs {
        match self {
            SessionVerb::Show(args) | SessionVerb::List(args) => &args.client,
            SessionVerb::Log(args) => &args.client,
            SessionVerb::StepUp(args) => &args.client,
            SessionVerb::Revoke(args) => &args.client,
        }
    }
}

/// A code, as `otp` and `recovery_code`. An empty line is none.
fn code(printer: &mut Printer, recovery: bool, file: Option<&Path>) -> Result<(Option<String>, Option<String>), Stop> {
    let what = if recovery { "Recovery code" } else { "Code of the authenticator (empty for none)" };
    let code = secret_input::password(printer, what, file)?.trim().to_owned();
    Ok(if code.is_empty() {
        (None, None)
    } else if recovery {
        (None, Some(code))
    } else {
        (Some(code), None)
    })
}

pub(super) async fn login(args: &LoginArgs, printer: &mut Printer) -> Result<Exit, Stop> {
    let password = secret_input::password(printer, "Password", args.password_file.as_deref())?;
    let (otp, recovery_code) = code(printer, args.recovery, args.code_file.as_deref())?;
    let password = password.to_string();
    let body = SignIn { name: args.name.clone(), password, otp, recovery_code, bearer: Some(true) };
    let client = Client::open(&args.client)?.unsigned();
    let mut signed: SignedIn = client.change(Method::POST, &["session"], &body, Repeat::Never).await?;
    take(&args.client, &mut signed)?;
    printer.answer(&signed, signed_text)?;
    match signed.must.as_str() {
        "change-password" => printer.note("\nThe password must be changed first: exchequer admin password")?,
        "enrol-second-factor" => printer.note("\nA second factor must be enrolled first: exchequer admin totp")?,
        _ => {}
    }
    Ok(Exit::Good)
}

/// Keeps a session's token in its file, and takes it out of what is printed.
pub(super) fn take(args: &ClientArgs, signed: &mut SignedIn) -> Result<(), Problem> {
    let missing = || Problem::new(Code::BadRequest, "the server answered no token");
    let token = signed.token.take().ok_or_else(missing)?;
    session_file::keep(&authorities(args)?, Some(&token))
}

pub(super) async fn logout(args: &LogoutArgs, printer: &mut Printer) -> Result<Exit, Stop> {
    let client = Client::open(&args.client)?.signed(&args.client)?;
    let ended: Result<SignedOut, Problem> =
        client.change(Method::DELETE, &["session"], &serde_json::Value::Null, Repeat::Never).await;
    // A session that is over already is as good.
    let ended = match ended {
        Err(problem) if problem.code == Code::SessionUnknown => SignedOut { sessions: 0 },
        ended => ended?,
    };
    session_file::keep(&authorities(&args.client)?, None)?;
    printer.answer(&ended, |ended| format!("{} session ended", ended.sessions))?;
    Ok(Exit::Good)
}

pub(super) async fn run(verb: &SessionVerb, printer: &mut Printer) -> Result<Exit, Stop> {
    let client = Client::open(verb.client())?.signed(verb.client())?;
    match verb {
        SessionVerb::Show(_) => {
            let signed: SignedIn = client.get(&["session"], &[]).await?;
            printer.answer(&signed, signed_text)?;
        }
        SessionVerb::List(_) => {
            let sessions: Sessions = client.get(&["sessions"], &[]).await?;
            printer.answer(&sessions, list_text)?;
        }
        SessionVerb::Log(args) => {
            let mut query = vec![("limit", args.lines.to_string())];
            query.extend(args.before.map(|before| ("before", before.to_string())));
            let words = [("of", &args.of), ("what", &args.what)];
            query.extend(words.into_iter().filter_map(|(name, word)| Some((name, word.clone()?))));
            let log: SignIns = client.get(&["sign-ins"], &query).await?;
            printer.answer(&log, log_text)?;
        }
        SessionVerb::StepUp(args) => {
            let (otp, recovery_code) = code(printer, args.recovery, args.code_file.as_deref())?;
            let body = ShowFactor { otp, recovery_code };
            let path = ["session", "step-up"];
            let signed: SignedIn = client.change(Method::POST, &path, &body, Repeat::Never).await?;
            printer.answer(&signed, signed_text)?;
        }
        SessionVerb::Revoke(args) => {
            let (name, session, reason) = (args.name.clone(), args.session.clone(), args.reason.clone());
            let body = RevokeSessions { name, session, reason };
            let ended: SignedOut = client.change(Method::POST, &["sessions", "revoke"], &body, Repeat::Never).await?;
            printer.answer(&ended, |ended| format!("{} sessions ended", ended.sessions))?;
        }
    }
    Ok(Exit::Good)
}

pub(super) fn signed_text(signed: &SignedIn) -> String {
    fields([
        ("Name", signed.name.clone()),
        ("Roles", text_or_nothing(&signed.roles.join(", "))),
        ("To do first", signed.must.clone()),
        ("Session", signed.session.clone()),
        ("Over at", signed.over_at.clone()),
        ("Stepped up until", signed.stepped_up_until.clone().unwrap_or_else(|| NOTHING.to_owned())),
    ])
}

fn list_text(sessions: &Sessions) -> String {
    let rows = sessions.sessions.iter().map(|one| {
        [
            one.session.clone(),
            one.name.clone(),
            if one.own { "yes" } else { "no" }.to_owned(),
            one.opened_at.clone(),
            one.seen_at.clone(),
            one.over_at.clone(),
            text_or_nothing(one.address.as_deref().unwrap_or_default()),
            text_or_nothing(&one.agent),
        ]
    });
    columns(["SESSION", "NAME", "OWN", "OPENED", "SEEN", "OVER", "ADDRESS", "PROGRAM"], rows)
}

pub(super) fn log_text(log: &SignIns) -> String {
    let whose = |one: &SignInRecord| match (one.admin, one.user) {
        (Some(admin), _) => one.name.clone().unwrap_or_else(|| format!("admin {admin}")),
        (None, Some(user)) => format!("user {user}"),
        (None, None) => "(nobody)".to_owned(),
    };
    let detail = |one: &SignInRecord| match (one.sessions, &one.by) {
        (Some(count), Some(by)) => format!("{count} by {by}"),
        _ => one.agent.clone().unwrap_or_default(),
    };
    let rows = log.sign_ins.iter().map(|one| {
        [
            one.number.to_string(),
            one.time.clone(),
            one.what.clone(),
            whose(one),
            text_or_nothing(one.address.as_deref().unwrap_or_default()),
            text_or_nothing(one.session.as_deref().unwrap_or_default()),
            text_or_nothing(&detail(one)),
        ]
    });
    columns(["NUMBER", "TIME", "WHAT", "WHOSE", "ADDRESS", "SESSION", "PROGRAM-OR-END"], rows)
}
