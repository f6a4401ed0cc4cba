//! `exchequer policy show|simulate|set`: who must agree to withdrawals, and how much may leave.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use exchequer_api::dto::{
    PolicyRule, PolicySet, PolicySimulated, SetWithdrawalPolicy, SimulatePolicy, WithdrawalPolicy,
};
use reqwest::Method;
use serde::{Deserialize, Serialize};

use super::args::ClientArgs;
use super::client::{Client, Repeat, consistency};
use super::command::send;
use super::confirm::Question;
use super::exit::{Exit, Stop};
use super::money_args::{AskArgs, ChangeArgs, read_json};
use super::output::{Printer, columns, fields, one_line, or_nothing, text_or_nothing};

/// `exchequer policy`.
#[derive(Debug, Clone, Subcommand)]
pub enum PolicyVerb {
    /// Show the withdrawal policy; with `--output json` as `set` takes it
    #[command(after_help = "Example:\n  exchequer policy show\n  exchequer policy show --output json > policy.json")]
    Show(AskArgs),
    /// Say what would become of a withdrawal as things stand, and by which rule
    #[command(
        after_help = "Example:\n  exchequer policy simulate --user 12 --asset USDT --network tron --amount 25000"
    )]
    Simulate(SimulateArgs),
    /// Put the policy of a file in the place of the present one
    ///
    /// [dangerous] What none of its rules is for is blocked. The file is what `policy show --output json` prints; its
    /// version must still be the present one. Asks for the word `policy`.
    #[command(after_help = "Example:\n  exchequer policy set policy.json --reason 'BOARD-7'")]
    Set(SetPolicyArgs),
}

/// `exchequer policy simulate`.
#[derive(Debug, Clone, Args)]
pub struct SimulateArgs {
    /// Whose
    #[arg(long, value_name = "USER")]
    pub user: u64,
    /// Of what
    #[arg(long, value_name = "ASSET")]
    pub asset: String,
    /// On which network
    #[arg(long, value_name = "NETWORK")]
    pub network: String,
    /// How much, the fee included
    #[arg(long, value_name = "AMOUNT")]
    pub amount: String,
    /// To what kind of place; where nothing is said, what the address is, or `new`
    #[arg(long, value_name = "KIND", value_parser = ["new", "listed", "internal", "lookalike"])]
    pub destination: Option<String>,
    /// Where to: whether it looks like an address that the user knows
    #[arg(long, value_name = "ADDRESS")]
    pub to: Option<String>,
    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

/// `exchequer policy set`.
#[derive(Debug, Clone, Args)]
pub struct SetPolicyArgs {
    /// The file
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// How it is changed.
    #[command(flatten)]
    pub change: ChangeArgs,
}

/// What is in a file: a policy as it is shown.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct File {
    #[serde(flatten)]
    policy: WithdrawalPolicy,
}

impl PolicyVerb {
    pub(super) fn client(&self) -> &ClientArgs {
        match self {
            PolicyVerb::Show(args) => &args.client,
            PolicyVerb::Simulate(args) => &args.client,
            PolicyVerb::Set(args) => &args.change.client,
        }
    }
}

pub(super) async fn run(verb: &PolicyVerb, printer: &mut Printer) -> Result<Exit, Stop> {
    let client = Client::open(verb.client())?;
    match verb {
        PolicyVerb::Show(args) => {
            let policy: WithdrawalPolicy = client.get(&["withdrawal-policy"], &consistency(args.stale)).await?;
            printer.answer(&policy, policy_text)?;
        }
        PolicyVerb::Simulate(args) => {
            let body = SimulatePolicy {
                user: args.user,
                asset: args.asset.clone(),
                network: args.network.clone(),
                amount: args.amount.clone(),
                destination: args.destination.clone(),
                address: args.to.clone(),
            };
            let path = ["withdrawal-policy", "simulate"];
            let told: PolicySimulated = client.change(Method::POST, &path, &body, Repeat::Read).await?;
            printer.answer(&told, simulated_text)?;
        }
        PolicyVerb::Set(args) => set(&client, args, printer).await?,
    }
    Ok(Exit::Good)
}

async fn set(client: &Client, args: &SetPolicyArgs, printer: &mut Printer) -> Result<(), Stop> {
    let File { policy } = read_json(&args.file)?;
    let question = Question {
        consequence: "Withdrawals are judged by the policy of the file from then on.",
        phrase: "policy",
        phrase_is: "the word",
    };
    let (client, id) = args.change.begin(client, "exchequer policy set", &question, printer)?;
    let body = SetWithdrawalPolicy {
        rules: policy.rules,
        groups: policy.groups,
        limits: policy.limits,
        small_may_pass: policy.small_may_pass,
        if_version: Some(policy.version),
        reason: args.change.why(),
        command_id: Some(id.to_string()),
    };
    let done: PolicySet = send(&client, Method::PUT, &["withdrawal-policy"], &body, id).await?;
    printer.answer(&done, |done| format!("The policy is at version {}", done.version))
}

/// Which withdrawals a rule is for.
fn when(rule: &PolicyRule) -> String {
    let mut parts = Vec::new();
    let named = [&rule.assets, &rule.networks, &rule.destinations];
    parts.extend(named.into_iter().filter(|names| !names.is_empty()).map(|names| names.join(",")));
    parts.extend(rule.usd_from.as_ref().map(|usd| format!("from {usd} USD")));
    parts.extend(rule.usd_below.as_ref().map(|usd| format!("below {usd} USD")));
    parts.extend(rule.accumulated.as_ref().map(|sum| format!("from {} USD in {}", sum.usd_from, sum.window)));
    if parts.is_empty() { "any".to_owned() } else { parts.join("; ") }
}

fn policy_text(policy: &WithdrawalPolicy) -> String {
    let rules = policy.rules.iter().enumerate().map(|(at, rule)| {
        let needs: Vec<String> = rule.needs.iter().map(|need| format!("{} of {}", need.count, need.group)).collect();
        [
            (at + 1).to_string(),
            rule.verdict.clone(),
            text_or_nothing(&needs.join(", ")),
            or_nothing(rule.delay.clone()),
            when(rule),
            one_line(&rule.name),
        ]
    });
    let rules = columns(["RULE", "VERDICT", "NEEDS", "DELAY", "FOR", "NAME"], rules);
    let limits = policy
        .limits
        .iter()
        .enumerate()
        .map(|(level, limit)| [level.to_string(), limit.day_usd.clone(), limit.month_usd.clone()]);
    let limits = columns(["KYC-LEVEL", "USD-A-DAY", "USD-IN-30-DAYS"], limits);
    format!("Version {}\n\n{rules}\n\n{limits}", policy.version)
}

fn simulated_text(told: &PolicySimulated) -> String {
    let needs: Vec<String> = told.needs.iter().map(|need| format!("{} of {}", need.count, need.group)).collect();
    fields([
        ("Verdict", told.verdict.clone()),
        ("Rule", text_or_nothing(&told.rule)),
        ("Needs", text_or_nothing(&needs.join(", "))),
        ("Delay", or_nothing(told.delay.clone())),
        ("Look", text_or_nothing(told.warning.as_deref().unwrap_or(""))),
        ("US dollars", or_nothing(told.usd.clone())),
        ("Left today", told.day_left_usd.clone()),
        ("Left in 30 days", told.month_left_usd.clone()),
    ])
}
