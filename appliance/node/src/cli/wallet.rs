//! `exchequer wallet`, `listing` and `price`: the exchange's accounts on chains, which assets are there, and what they are
//! worth for limits and policies.

use clap::{Args, Subcommand};
use exchequer_api::dto::{
    AddressPools, ListingPut, Listings, MoneyChanged, PutListing, Reasoned, ReferencePrices, RegisterWallet, SetPrice,
    WalletAddress, WalletRegistered, Wallets,
};
use exchequer_domain::{Code, Problem};
use reqwest::Method;

use super::args::{ClientArgs, ProposeArgs};
use super::client::{Client, consistency};
use super::command::{CommandArgs, send};
use super::confirm::Question;
use super::exit::{Exit, Stop};
use super::money_args::{AskArgs, ChangeArgs};
use super::output::{Printer, columns, one_line, or_nothing};

/// `exchequer wallet`.
#[derive(Debug, Clone, Subcommand)]
pub enum WalletVerb {
    /// List the wallets, retired ones too
    #[command(after_help = "Example:\n  exchequer wallet list")]
    List(AskArgs),
    /// Register a wallet
    ///
    /// [dangerous] What pays for the exchange, and where deposits are gathered, is decided here. Asks for the wallet's name.
    #[command(
        after_help = "Example:\n  exchequer wallet register hot-eth --role hot --network ethereum --xpub xpub6CUG \\\n    \
                            --own 0x52908400098527886E0F7030069857D2E4169EE7 --reason 'OPS-501'\n  exchequer wallet \
                            register deposits --role deposit --family evm --xpub xpub6CUG \\\n    --reason 'OPS-502'"
    )]
    Register(RegisterWalletArgs),
    /// Take a wallet out of use
    ///
    /// [dangerous] What arrives at its addresses is still seen. Asks for the wallet's number.
    #[command(after_help = "Example:\n  exchequer wallet retire 3 --reason 'OPS-503'")]
    Retire(RetireWalletArgs),
    /// Show how many deposit addresses wait for users
    #[command(after_help = "Example:\n  exchequer wallet pool")]
    Pool(AskArgs),
}

/// `exchequer wallet register`.
#[derive(Debug, Clone, Args)]
pub struct RegisterWalletArgs {
    /// Its name: small letters, digits, `-` and `_`
    #[arg(value_name = "NAME")]
    pub name: String,
    /// What it is for
    #[arg(long, value_name = "ROLE", value_parser = ["deposit", "hot", "gas", "cold"])]
    pub role: String,
    /// On which network it is used; every one of the family where none is given
    #[arg(long, value_name = "NETWORK", required_unless_present = "family")]
    pub network: Option<String>,
    /// How its networks are built
    #[arg(long, value_name = "FAMILY", value_parser = ["bitcoin", "evm", "tron"])]
    pub family: Option<String>,
    /// The extended public key of its account
    #[arg(long, value_name = "KEY")]
    pub xpub: Option<String>,
    /// An address of it; again for further ones, in the order of their numbers from 0
    #[arg(long = "own", value_name = "ADDRESS")]
    pub addresses: Vec<String>,
    /// Deposits may be swept to it
    #[arg(long)]
    pub pinned: bool,
    /// How it is changed.
    #[command(flatten)]
    pub change: ChangeArgs,
}

/// `exchequer wallet retire`.
#[derive(Debug, Clone, Args)]
pub struct RetireWalletArgs {
    /// The wallet's number
    #[arg(value_name = "WALLET")]
    pub wallet: u32,
    /// How it is changed.
    #[command(flatten)]
    pub change: ChangeArgs,
}

/// `exchequer listing`.
#[derive(Debug, Clone, Subcommand)]
pub enum ListingVerb {
    /// List which assets there are on which networks, and on what terms
    #[command(after_help = "Example:\n  exchequer listing list")]
    List(AskArgs),
    /// List an asset on a network, or give its listing other terms
    ///
    /// [dangerous] Contract and decimals are said again; the decimals change only to the contract's own. Asks for the asset's code.
    #[command(after_help = "Example:\n  exchequer listing set ethereum USDT --contract \
                            0xdAC17F958D2ee523a2206206994597C13D831ec7 \\\n    --decimals 6 --deposit-min 1 --min 10 --max \
                            100000 --step 0.000001 --fee 4 --reason 'OPS-504'")]
    Set(Box<SetListingArgs>),
}

/// `exchequer listing set`.
#[derive(Debug, Clone, Args)]
pub struct SetListingArgs {
    /// The network
    #[arg(value_name = "NETWORK")]
    pub network: String,
    /// The asset
    #[arg(value_name = "ASSET")]
    pub asset: String,
    /// The token's contract; none for the network's own coin
    #[arg(long, value_name = "ADDRESS")]
    pub contract: Option<String>,
    /// Decimals of a unit on the network
    #[arg(long, value_name = "N")]
    pub decimals: u8,
    /// Less is gathered on its address until there is as much
    #[arg(long, value_name = "AMOUNT", default_value = "0")]
    pub deposit_min: String,
    /// The least that may be withdrawn at once
    #[arg(long, value_name = "AMOUNT")]
    pub min: String,
    /// The most that may be withdrawn at once
    #[arg(long, value_name = "AMOUNT")]
    pub max: String,
    /// What is withdrawn is a whole number of this
    #[arg(long, value_name = "AMOUNT")]
    pub step: String,
    /// What a withdrawal costs its user
    #[arg(long, value_name = "AMOUNT")]
    pub fee: String,
    /// How it is changed.
    #[command(flatten)]
    pub change: ChangeArgs,
}

/// `exchequer price`.
#[derive(Debug, Clone, Subcommand)]
pub enum PriceVerb {
    /// List the reference prices, and how old they are
    #[command(after_help = "Example:\n  exchequer price list")]
    List(AskArgs),
    /// Set the reference price of an asset, in US dollars
    ///
    /// One that is far from the present one wants another person.
    #[command(after_help = "Example:\n  exchequer price set BTC 91250.5 --source desk")]
    Set(SetPriceArgs),
}

/// `exchequer price set`.
#[derive(Debug, Clone, Args)]
pub struct SetPriceArgs {
    /// The asset
    #[arg(value_name = "ASSET")]
    pub asset: String,
    /// US dollars for a unit, with six decimals at most
    #[arg(value_name = "USD")]
    pub usd: String,
    /// Where it is from
    #[arg(long, value_name = "TEXT")]
    pub source: String,
    /// When it held there [default: now]
    #[arg(long, value_name = "TIME")]
    pub at: Option<String>,
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

impl WalletVerb {
    pub(super) fn client(&self) -> &ClientArgs {
        match self {
            WalletVerb::List(args) | WalletVerb::Pool(args) => &args.client,
            WalletVerb::Register(args) => &args.change.client,
            WalletVerb::Retire(args) => &args.change.client,
        }
    }
}

impl ListingVerb {
    pub(super) fn client(&self) -> &ClientArgs {
        match self {
            ListingVerb::List(args) => &args.client,
            ListingVerb::Set(args) => &args.change.client,
        }
    }
}

impl PriceVerb {
    pub(super) fn client(&self) -> &ClientArgs {
        match self {
            PriceVerb::List(args) => &args.client,
            PriceVerb::Set(args) => &args.client,
        }
    }
}

pub(super) async fn wallet(verb: &WalletVerb, printer: &mut Printer) -> Result<Exit, Stop> {
    let client = Client::open(verb.client())?;
    match verb {
        WalletVerb::List(args) => {
            let wallets: Wallets = client.get(&["wallets"], &consistency(args.stale)).await?;
            printer.answer(&wallets, wallets_text)?;
        }
        WalletVerb::Pool(args) => {
            let pools: AddressPools = client.get(&["address-pools"], &consistency(args.stale)).await?;
            printer.answer(&pools, pools_text)?;
        }
        WalletVerb::Register(args) => register(&client, args, printer).await?,
        WalletVerb::Retire(args) => {
            let number = args.wallet.to_string();
            let question = Question {
                consequence: "Nothing is paid from the wallet, nor gathered in it, from then on.",
                phrase: &number,
                phrase_is: "the wallet's number",
            };
            let (client, id) = args.change.begin(&client, "exchequer wallet retire", &question, printer)?;
            let body = Reasoned { reason: args.change.why(), command_id: Some(id.to_string()) };
            let done: MoneyChanged = send(&client, Method::POST, &["wallets", &number, "retire"], &body, id).await?;
            printer.answer(&done, |_| format!("Wallet {number} is out of use"))?;
        }
    }
    Ok(Exit::Good)
}

async fn register(client: &Client, args: &RegisterWalletArgs, printer: &mut Printer) -> Result<(), Stop> {
    let question = Question {
        consequence: "The exchange pays from the wallet, or gathers deposits in it, from then on.",
        phrase: &args.name,
        phrase_is: "the wallet's name",
    };
    let (client, id) = args.change.begin(client, "exchequer wallet register", &question, printer)?;
    let numbered = |(at, address): (usize, &String)| {
        let index = u32::try_from(at).map_err(|_| Problem::new(Code::BadRequest, "there are too many addresses"))?;
        Ok(WalletAddress { address: address.clone(), change: false, index })
    };
    let body = RegisterWallet {
        name: args.name.clone(),
        role: args.role.clone(),
        family: args.family.clone(),
        network: args.network.clone(),
        xpub: args.xpub.clone(),
        addresses: args.addresses.iter().enumerate().map(numbered).collect::<Result<_, Problem>>()?,
        pinned: args.pinned,
        reason: args.change.why(),
        command_id: Some(id.to_string()),
    };
    let made: WalletRegistered = send(&client, Method::POST, &["wallets"], &body, id).await?;
    printer.answer(&made, |made| format!("Registered wallet {}", made.wallet))
}

pub(super) async fn listing(verb: &ListingVerb, printer: &mut Printer) -> Result<Exit, Stop> {
    let client = Client::open(verb.client())?;
    match verb {
        ListingVerb::List(args) => {
            let listings: Listings = client.get(&["listings"], &consistency(args.stale)).await?;
            printer.answer(&listings, listings_text)?;
        }
        ListingVerb::Set(args) => {
            let question = Question {
                consequence: "The asset comes in and goes out on these terms from then on.",
                phrase: &args.asset,
                phrase_is: "the asset's code",
            };
            let (client, id) = args.change.begin(&client, "exchequer listing set", &question, printer)?;
            let body = PutListing {
                network: args.network.clone(),
                asset: args.asset.clone(),
                contract: args.contract.clone(),
                decimals: args.decimals,
                deposit_min: args.deposit_min.clone(),
                withdrawal_min: args.min.clone(),
                withdrawal_max: args.max.clone(),
                withdrawal_step: args.step.clone(),
                withdrawal_fee: args.fee.clone(),
                reason: args.change.why(),
                command_id: Some(id.to_string()),
            };
            let done: ListingPut = send(&client, Method::PUT, &["listings"], &body, id).await?;
            let what = format!("{} on {}", args.asset, args.network);
            printer.answer(&done, |done| format!("{what} is at version {}", done.version))?;
        }
    }
    Ok(Exit::Good)
}

pub(super) async fn price(verb: &PriceVerb, printer: &mut Printer) -> Result<Exit, Stop> {
    let client = Client::open(verb.client())?;
    match verb {
        PriceVerb::List(args) => {
            let prices: ReferencePrices = client.get(&["prices"], &consistency(args.stale)).await?;
            printer.answer(&prices, prices_text)?;
        }
        PriceVerb::Set(args) => {
            let id = args.command.id()?;
            let body = SetPrice {
                asset: args.asset.clone(),
                usd: args.usd.clone(),
                source: args.source.clone(),
                at: args.at.clone(),
                command_id: Some(id.to_string()),
            };
            let client = client.proposing(&args.propose);
            let done: MoneyChanged = send(&client, Method::PUT, &["prices"], &body, id).await?;
            printer.answer(&done, |_| format!("A unit of {} is worth {} US dollars", args.asset, args.usd))?;
        }
    }
    Ok(Exit::Good)
}

fn wallets_text(wallets: &Wallets) -> String {
    let rows = wallets.wallets.iter().map(|wallet| {
        [
            wallet.wallet.to_string(),
            wallet.name.clone(),
            wallet.role.clone(),
            wallet.network.clone().unwrap_or_else(|| wallet.family.clone()),
            if wallet.retired_at.is_some() { "retired" } else { "used" }.to_owned(),
            if wallet.pinned { "yes" } else { "no" }.to_owned(),
            or_nothing(wallet.addresses.first().map(|own| own.address.clone())),
            wallet.addresses.len().to_string(),
        ]
    });
    columns(["WALLET", "NAME", "ROLE", "ON", "STATE", "SWEPT-TO", "FIRST-ADDRESS", "ADDRESSES"], rows)
}

fn pools_text(pools: &AddressPools) -> String {
    let rows = pools
        .pools
        .iter()
        .map(|pool| [pool.family.clone(), pool.waiting.to_string(), pool.given.to_string(), pool.stocked.to_string()]);
    columns(["FAMILY", "WAITING", "GIVEN", "STOCKED"], rows)
}

fn listings_text(listings: &Listings) -> String {
    let rows = listings.listings.iter().map(|one| {
        [
            one.network.clone(),
            one.asset.clone(),
            or_nothing(one.contract.clone()),
            one.decimals.to_string(),
            one.deposit_min.clone(),
            one.withdrawal_min.clone(),
            one.withdrawal_max.clone(),
            one.withdrawal_step.clone(),
            one.withdrawal_fee.clone(),
            one.version.to_string(),
        ]
    });
    let headings = ["NETWORK", "ASSET", "CONTRACT", "DECIMALS", "DEPOSIT-MIN", "MIN", "MAX", "STEP", "FEE", "VERSION"];
    columns(headings, rows)
}

fn prices_text(prices: &ReferencePrices) -> String {
    let rows = prices.prices.iter().map(|price| {
        [
            price.asset.clone(),
            price.usd.clone(),
            format!("{}s", price.age_s),
            if price.fresh { "yes" } else { "no" }.to_owned(),
            price.at.clone(),
            one_line(&price.source),
        ]
    });
    columns(["ASSET", "USD", "AGE", "FRESH", "AT", "SOURCE"], rows)
}
