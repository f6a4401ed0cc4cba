//! `exchequer vault xpubs|wallets`: the online side of the vault's keys, and its registration with the cluster.

use std::collections::BTreeMap;
use std::path::Path;

use clap::Args;
use exchequer_api::dto::{RegisterWallet, WalletAddress, WalletRegistered, Wallets};
use exchequer_chains::{KeyPath, KeyPurpose, Scheme};
use exchequer_domain::{Code, Family, Network, Problem};
use exchequer_vault::signer::{Client as Signer, proto};
use reqwest::Method;
use serde::Serialize;

use super::args::{ClientArgs, ConsentArgs, ProposeArgs};
use super::client::Client;
use super::command::{CommandArgs, send};
use super::confirm::Question;
use super::exit::{Exit, Stop};
use super::output::{Printer, columns, or_nothing};
use super::vault::{VaultFolderArgs, data_dir_of, socket_in};
use super::vault_draft::{family_word, scheme};
use super::vault_open::{connect, of_client};
use super::worker::consent;

/// `exchequer vault wallets`.
#[derive(Debug, Clone, Args)]
pub struct WalletsArgs {
    /// Register those that the cluster does not have
    #[arg(long, requires = "reason")]
    pub register: bool,
    /// Addresses of each hot wallet; on Bitcoin as many for change too
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=400))]
    pub hot: u32,
    /// Addresses of each gas wallet
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=400))]
    pub gas: u32,
    /// The seed's number [default: the newest]
    #[arg(long, value_name = "N")]
    pub generation: Option<u32>,
    /// Why; it is kept in the audit
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// Consent.
    #[command(flatten)]
    pub consent: ConsentArgs,
    /// Whether it is proposed.
    #[command(flatten)]
    pub propose: ProposeArgs,
    /// Whom to ask, and the folder beside whose signer it is.
    #[command(flatten)]
    pub client: ClientArgs,
}

/// One wallet of the vault.
#[derive(Debug, Clone, Serialize)]
struct Kept {
    name: String,
    role: &'static str,
    family: &'static str,
    xpub: String,
    addresses: Vec<Own>,
    pinned: bool,
    /// Its number in the cluster, where it is registered.
    wallet: Option<u32>,
    /// Whether this call registered it.
    registered_now: bool,
}

/// One address, as the signer vouches for it.
#[derive(Debug, Clone, Serialize)]
struct Own {
    address: String,
    change: bool,
    index: u32,
    tag: String,
}

#[derive(Debug, Clone, Serialize)]
struct KeptWallets {
    generation: u32,
    wallets: Vec<Kept>,
}

#[derive(Debug, Clone, Serialize)]
struct Account {
    network: String,
    generation: u32,
    purpose: String,
    scheme: String,
    path: String,
    xpub: String,
}

/// A network by which a family's addresses are asked for: they are alike on all of them that the policy has.
fn network_of(family: Family, accounts: &[proto::AccountXpub]) -> Option<Network> {
    let has = |network: &&Network| accounts.iter().any(|account| account.network == network.as_str());
    Network::ALL.iter().filter(|network| network.family() == family).find(has).copied()
}

pub(super) async fn xpubs(args: &VaultFolderArgs, printer: &mut Printer) -> Result<Exit, Stop> {
    let accounts = connect(&args.socket()).await?.xpubs().await.map_err(of_client)?;
    let account = |account: proto::AccountXpub| Account {
        network: account.network,
        generation: account.generation,
        purpose: account.purpose,
        scheme: account.scheme,
        path: account.path,
        xpub: account.xpub,
    };
    let accounts: Vec<Account> = accounts.into_iter().map(account).collect();
    printer.answer(&accounts, |accounts| {
        let row = |account: &Account| {
            [
                account.network.clone(),
                account.generation.to_string(),
                account.purpose.clone(),
                account.scheme.clone(),
                account.path.clone(),
                account.xpub.clone(),
            ]
        };
        columns(["NETWORK", "SEED", "PURPOSE", "SCHEME", "PATH", "XPUB"], accounts.iter().map(row))
    })?;
    Ok(Exit::Good)
}

/// Asks the signer for everything that the cluster is told of the vault.
async fn kept(socket: &Path, args: &WalletsArgs) -> Result<KeptWallets, Problem> {
    let mut signer = connect(socket).await?;
    let accounts = signer.xpubs().await.map_err(of_client)?;
    let newest = accounts.iter().map(|account| account.generation).max().unwrap_or_default();
    let generation = args.generation.unwrap_or(newest);
    let mut wallets = Vec::new();
    for family in [Family::Bitcoin, Family::Evm, Family::Tron] {
        let Some(network) = network_of(family, &accounts) else { continue };
        let counts: &[(KeyPurpose, u32)] = match family {
            Family::Bitcoin => &[(KeyPurpose::Deposit, 0), (KeyPurpose::Hot, args.hot)],
            Family::Evm | Family::Tron => {
                &[(KeyPurpose::Deposit, 0), (KeyPurpose::Hot, args.hot), (KeyPurpose::Gas, args.gas)]
            }
        };
        for (purpose, count) in counts {
            let at = Place { network, generation, purpose: *purpose };
            wallets.push(wallet(&mut signer, &accounts, family, &at, *count).await?);
        }
    }
    if wallets.is_empty() {
        let message = format!("the signer's policy names no network, or the vault has no seed {generation}");
        return Err(Problem::new(Code::VaultPolicy, message));
    }
    Ok(KeptWallets { generation, wallets })
}

struct Place {
    network: Network,
    generation: u32,
    purpose: KeyPurpose,
}

async fn wallet(
    signer: &mut Signer,
    accounts: &[proto::AccountXpub],
    family: Family,
    at: &Place,
    count: u32,
) -> Result<Kept, Problem> {
    let (role, scheme_word) = (role_word(at.purpose), scheme_word(scheme(family)));
    let account = accounts.iter().find(|account| {
        account.network == at.network.as_str()
            && account.generation == at.generation
            && account.purpose == role
            && account.scheme == scheme_word
    });
    let account = account.ok_or_else(|| {
        Problem::new(Code::NotFound, format!("the vault has no {role} account of seed {} there", at.generation))
    })?;
    let branches: &[bool] = if family == Family::Bitcoin { &[false, true] } else { &[false] };
    let mut addresses = Vec::new();
    for change in branches {
        for index in 0..count {
            let path = KeyPath { purpose: at.purpose, index, change: *change };
            let told = signer.address(at.network, at.generation, path, scheme(family)).await;
            let (address, tag) = told.map_err(of_client)?;
            addresses.push(Own { address: address.to_string(), change: *change, index, tag: hex::encode(tag) });
        }
    }
    let of_seed = if at.generation == 0 { String::new() } else { format!("-{}", at.generation) };
    let family = family_word(family);
    Ok(Kept {
        name: format!("{role}-{family}{of_seed}"),
        role,
        family,
        xpub: account.xpub.clone(),
        addresses,
        pinned: at.purpose == KeyPurpose::Hot,
        wallet: None,
        registered_now: false,
    })
}

const fn role_word(purpose: KeyPurpose) -> &'static str {
    match purpose {
        KeyPurpose::Deposit => "deposit",
        KeyPurpose::Hot => "hot",
        KeyPurpose::Gas => "gas",
        KeyPurpose::Cold => "cold",
    }
}

const fn scheme_word(scheme: Scheme) -> &'static str {
    match scheme {
        Scheme::Keccak => "keccak",
        Scheme::Segwit => "segwit",
        Scheme::Taproot => "taproot",
    }
}

pub(super) async fn wallets(args: &WalletsArgs, printer: &mut Printer) -> Result<Exit, Stop> {
    let mut all = kept(&socket_in(&data_dir_of(&args.client)), args).await?;
    if args.register {
        let question = Question {
            consequence: "The exchange takes deposits at addresses of these wallets, gathers them there, and pays from them.",
            phrase: "register",
            phrase_is: "the word",
        };
        consent(args.consent, "exchequer vault wallets --register", &question, printer)?;
        register(args, &mut all.wallets).await?;
    }
    printer.answer(&all, text)?;
    Ok(Exit::Good)
}

async fn register(args: &WalletsArgs, all: &mut [Kept]) -> Result<(), Stop> {
    let client = Client::open(&args.client)?.proposing(&args.propose);
    let Wallets { wallets } = client.get(&["wallets"], &[]).await?;
    let present = wallets.into_iter().filter(|wallet| wallet.retired_at.is_none());
    let present: BTreeMap<(String, String, String), u32> =
        present.map(|wallet| ((wallet.role, wallet.family, wallet.xpub), wallet.wallet)).collect();
    for kept in all {
        let key = (kept.role.to_owned(), kept.family.to_owned(), kept.xpub.clone());
        if let Some(number) = present.get(&key) {
            kept.wallet = Some(*number);
            continue;
        }
        let id = CommandArgs::default().id()?;
        let own = |own: &Own| WalletAddress { address: own.address.clone(), change: own.change, index: own.index };
        let body = RegisterWallet {
            name: kept.name.clone(),
            role: kept.role.to_owned(),
            family: Some(kept.family.to_owned()),
            network: None,
            xpub: Some(kept.xpub.clone()),
            addresses: kept.addresses.iter().map(own).collect(),
            pinned: kept.pinned,
            reason: args.reason.clone().unwrap_or_default(),
            command_id: Some(id.to_string()),
        };
        let sent: Result<WalletRegistered, Stop> = send(&client, Method::POST, &["wallets"], &body, id).await;
        match sent {
            Ok(made) => (kept.wallet, kept.registered_now) = (Some(made.wallet), true),
            // Each of them waits by itself.
            Err(Stop::Proposed(_)) => {}
            Err(stop) => return Err(stop),
        }
    }
    Ok(())
}

fn text(all: &KeptWallets) -> String {
    let row = |wallet: &Kept| {
        [
            wallet.name.clone(),
            wallet.role.to_owned(),
            wallet.family.to_owned(),
            or_nothing(wallet.wallet),
            if wallet.registered_now { "yes" } else { "no" }.to_owned(),
            or_nothing(wallet.addresses.first().map(|own| own.address.clone())),
            wallet.addresses.len().to_string(),
        ]
    };
    columns(["NAME", "ROLE", "FAMILY", "WALLET", "NEW", "FIRST-ADDRESS", "ADDRESSES"], all.wallets.iter().map(row))
}
