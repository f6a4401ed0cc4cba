//! `exchequer vault cold unsigned|signed`: what a cold wallet pays, as a file for the people who sign it elsewhere, and back.
//!
//! Invariants: nothing here has a key of a cold wallet; what goes out pays the exchange's own pinned hot wallets alone; what comes back is
//! handed on only where its bytes do exactly what went out, still to such a wallet, signed by the addresses that are spent from. It is not
//! broadcast from here: whoever does that sees first that the amount and the destination are meant.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use exchequer_api::dto::{NodeStatus, Wallet, Wallets};
use exchequer_chains::{Effects, NetworkParams, Payment};
use exchequer_domain::{Code, Network, Problem};
use exchequer_vault::cold::{self, ColdExport, ColdSigned};
use serde::Serialize;

use super::args::{ClientArgs, OutputArgs};
use super::client::Client;
use super::exit::{Exit, Stop};
use super::output::{Printer, fields};
use super::vault_cold_draft::{self, DraftArgs};
use super::vault_policy::read_text;

/// The longest file of a transaction for a cold wallet, in bytes.
const EXPORT_BYTES_MAX: u64 = 4 << 20;

/// `exchequer vault cold`.
#[derive(Debug, Clone, Subcommand)]
pub enum ColdVerb {
    /// Write a cold wallet's payment to a pinned hot wallet as a file to sign elsewhere
    ///
    /// A PSBT on Bitcoin, the bytes to sign elsewhere. What it spends, and what the network wants of it (nonce, fees, block), is said by flags: look
    /// it up at a node of the network. The amount is in the coin's smallest unit.
    #[command(
        after_help = "Example:\n  exchequer vault cold unsigned out.json --network ethereum --wallet 9 --to 0x15d3... \\\n    \
                      --amount 1000000000000000000 --nonce 4 --gas 21000 --max-fee 30000000000 --tip 1000000000"
    )]
    Unsigned(Box<UnsignedArgs>),
    /// Check what a cold wallet signed against what was written out, and write what is to be broadcast
    ///
    /// Broadcast it with a node of the network, once, and tell reconciliation of the move.
    #[command(after_help = "Example:\n  exchequer vault cold signed out.json signed.psbt --raw raw.hex")]
    Signed(SignedArgs),
}

/// `exchequer vault cold unsigned`.
#[derive(Debug, Clone, Args)]
pub struct UnsignedArgs {
    /// A new file
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// What it does.
    #[command(flatten)]
    pub draft: DraftArgs,
    /// Whom to ask which wallets there are.
    #[command(flatten)]
    pub client: ClientArgs,
}

/// `exchequer vault cold signed`.
#[derive(Debug, Clone, Args)]
pub struct SignedArgs {
    /// What `vault cold unsigned` wrote
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// What the cold wallet gave: a PSBT in base64, or a signed transaction in hexadecimal
    #[arg(value_name = "SIGNED")]
    pub signed: PathBuf,
    /// A new file for what is to be broadcast, in hexadecimal
    #[arg(long, value_name = "FILE")]
    pub raw: PathBuf,
    /// Whom to ask which wallets there are.
    #[command(flatten)]
    pub client: ClientArgs,
}

impl ColdVerb {
    pub(super) fn form(&self) -> OutputArgs {
        match self {
            ColdVerb::Unsigned(args) => args.client.form,
            ColdVerb::Signed(args) => args.client.form,
        }
    }
}

/// What a file is of.
#[derive(Debug, Clone, Serialize)]
struct Report {
    file: PathBuf,
    network: Network,
    /// Its name on the network, once it is signed.
    tx: Option<String>,
    description: Effects,
}

pub(super) fn bad(message: impl Into<String>) -> Problem {
    Problem::new(Code::BadRequest, message)
}

fn write_new(path: &Path, bytes: &[u8]) -> Result<(), Problem> {
    let failed = |error: std::io::Error| {
        bad(format!("the file {} cannot be written: {error}", path.display()))
            .hint("name a file that does not exist yet")
    };
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(failed)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(failed)
}

/// The wallets of the cluster, and how its networks are run.
struct Own {
    wallets: Vec<Wallet>,
    sandbox: bool,
}

async fn own(client: &Client) -> Result<Own, Problem> {
    let NodeStatus { sandbox, .. } = client.get(&["status"], &[]).await?;
    let Wallets { mut wallets } = client.get(&["wallets"], &[]).await?;
    wallets.retain(|wallet| wallet.retired_at.is_none());
    Ok(Own { wallets, sandbox })
}

impl Own {
    fn params(&self, network: Network) -> NetworkParams {
        if self.sandbox { NetworkParams::test(network) } else { NetworkParams::mainnet(network) }
    }
}

/// Whether each payment goes to a hot wallet of the exchange's that is pinned and in use.
///
/// # Errors
/// `BadRequest`.
pub(super) fn pays_pinned(network: Network, payments: &[Payment], wallets: &[Wallet]) -> Result<(), Problem> {
    if payments.is_empty() {
        return Err(bad("it pays nobody"));
    }
    for payment in payments {
        let is = |wallet: &Wallet| {
            wallet.role == "hot"
                && wallet.pinned
                && wallet.retired_at.is_none()
                && wallet.family == super::vault_draft::family_word(network.family())
                && wallet.network.as_ref().is_none_or(|of| of.parse().is_ok_and(|of: Network| of == network))
                && wallet.addresses.iter().any(|own| !own.change && own.address == payment.to.as_str())
        };
        if !wallets.iter().any(is) {
            let message = format!("{} is no address of a pinned hot wallet of {network} that is in use", payment.to);
            return Err(bad(message)
                .hint("a cold wallet refills hot wallets and pays nobody else: `exchequer wallet list` shows them"));
        }
    }
    Ok(())
}

pub(super) async fn run(verb: &ColdVerb, printer: &mut Printer) -> Result<Exit, Stop> {
    match verb {
        ColdVerb::Unsigned(args) => unsigned(args, printer).await,
        ColdVerb::Signed(args) => signed(args, printer).await,
    }
}

async fn unsigned(args: &UnsignedArgs, printer: &mut Printer) -> Result<Exit, Stop> {
    let own = own(&Client::open(&args.client)?).await?;
    let export = vault_cold_draft::export(&own.params(args.draft.network), &args.draft, &own.wallets)?;
    let text = serde_json::to_vec_pretty(&export).map_err(|error| bad(error.to_string()))?;
    write_new(&args.file, &text)?;
    let report = Report { file: args.file.clone(), network: export.network, tx: None, description: export.description };
    printer
        .answer(&report, |report| text_of(report, "Compare it with what the cold wallet shows before anybody signs"))?;
    Ok(Exit::Good)
}

async fn signed(args: &SignedArgs, printer: &mut Printer) -> Result<Exit, Stop> {
    let own = own(&Client::open(&args.client)?).await?;
    let export: ColdExport = serde_json::from_str(&read_text(&args.file, EXPORT_BYTES_MAX)?)
        .map_err(|error| bad(format!("{} is no transaction for a cold wallet: {error}", args.file.display())))?;
    let text = read_text(&args.signed, cold::SIGNED_BYTES_MAX as u64)?;
    let (tx, raw) = checked(&own.params(export.network), &export, &text, &own.wallets)?;
    write_new(&args.raw, hex::encode(raw).as_bytes())?;
    let report =
        Report { file: args.raw.clone(), network: export.network, tx: Some(tx), description: export.description };
    printer.answer(&report, |report| {
        text_of(report, "Broadcast it once with a node of the network, and tell reconciliation of the move")
    })?;
    Ok(Exit::Good)
}

/// What came back: its name, and what is broadcast.
fn checked(
    params: &NetworkParams,
    export: &ColdExport,
    text: &str,
    wallets: &[Wallet],
) -> Result<(String, Vec<u8>), Problem> {
    pays_pinned(export.network, &export.description.payments, wallets)?;
    let is_hex = text.trim().trim_start_matches("0x").bytes().all(|letter| letter.is_ascii_hexdigit());
    let given = if is_hex { ColdSigned::Raw(text) } else { ColdSigned::Psbt(text) };
    let signed = cold::import(params, export, given).map_err(|error| bad(error.to_string()))?;
    Ok((signed.tx.to_string(), signed.raw))
}

fn text_of(report: &Report, next: &str) -> String {
    let mut lines = vec![
        ("File", report.file.display().to_string()),
        ("Network", report.network.to_string()),
        ("Transaction", report.tx.clone().unwrap_or_else(|| "not signed".into())),
        ("Costs at most", report.description.fee_max.to_string()),
    ];
    lines.extend(report.description.from.iter().map(|from| ("From", from.to_string())));
    lines.extend(report.description.payments.iter().map(|pay| ("Pays", format!("{} to {}", pay.amount, pay.to))));
    format!("{}\n\n{next}", fields(lines))
}
