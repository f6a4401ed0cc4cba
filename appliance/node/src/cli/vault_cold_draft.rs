//! What a cold wallet is to sign, out of flags: the network's part of it is the operator's to look up.

use clap::Args;
use exchequer_api::dto::Wallet;
use exchequer_chains::bitcoin::{ChangeTo, Coins, Draft, FeeRate, Offered, build, script_of};
use exchequer_chains::evm::{EvmAction, EvmFees, EvmTx, UnsignedEvm, account_of_text};
use exchequer_chains::tron::{self, RefBlock, TronAction, TronTx, UnsignedTron};
use exchequer_chains::{AccountKey, KeyPurpose, NetworkParams, Unsigned};
use exchequer_domain::{BlockHash, ChainAddress, Family, Network, OutPoint, Problem, Timestamp};
use exchequer_vault::cold::{self, ColdExport};

use super::vault_cold::{bad, pays_pinned};
use super::vault_draft::{family_word, scheme};
use super::vault_open::now;

/// The longest that a transaction of TRON may be able to come, in seconds: what the network takes.
const EXPIRY_SECONDS_MAX: u64 = 86_000;

/// What a cold wallet is to pay.
#[derive(Debug, Clone, Args)]
pub struct DraftArgs {
    /// On which network
    #[arg(long)]
    pub network: Network,
    /// The number of the cold wallet
    #[arg(long, value_name = "N")]
    pub wallet: u32,
    /// The index of its address that pays [EVM, TRON], or gets the change [Bitcoin]
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub index: u32,
    /// An address of a pinned hot wallet
    #[arg(long, value_name = "ADDRESS")]
    pub to: String,
    /// How much, in the coin's smallest unit
    #[arg(long, value_name = "UNITS")]
    pub amount: u128,
    /// The contract of a token; otherwise it is the network's own coin
    #[arg(long, value_name = "ADDRESS")]
    pub contract: Option<String>,
    /// EVM: the account's next nonce
    #[arg(long, value_name = "N")]
    pub nonce: Option<u64>,
    /// EVM: the gas that it may use, as a node estimates it
    #[arg(long, value_name = "N")]
    pub gas: Option<u64>,
    /// EVM: what a unit of gas may cost, in wei
    #[arg(long, value_name = "WEI")]
    pub max_fee: Option<u128>,
    /// EVM: what of it is for the block's maker
    #[arg(long, value_name = "WEI", default_value_t = 0)]
    pub tip: u128,
    /// TRON: the name of a solid block
    #[arg(long, value_name = "HASH")]
    pub block: Option<BlockHash>,
    /// TRON: for how long it can come, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 3_600, value_parser = clap::value_parser!(u64).range(60..=EXPIRY_SECONDS_MAX))]
    pub expires_in: u64,
    /// TRON: what a token's transfer may cost, in sun
    #[arg(long, value_name = "SUN", default_value_t = 0)]
    pub fee_limit: u64,
    /// Bitcoin: a coin to spend, TX:OUTPUT:SATOSHI:INDEX; as many as there are
    #[arg(long, value_name = "COIN")]
    pub coin: Vec<String>,
    /// Bitcoin: satoshi for 1,000 virtual bytes
    #[arg(long, value_name = "SATOSHI")]
    pub rate: Option<u64>,
    /// Bitcoin: the most that it may cost, in satoshi
    #[arg(long, value_name = "SATOSHI", default_value_t = 100_000)]
    pub fee_max: u64,
    /// Bitcoin: the height of the chain
    #[arg(long, value_name = "N")]
    pub height: Option<u32>,
    /// Bitcoin: the fingerprint of the cold seed's master key, 8 hexadecimal digits
    #[arg(long, value_name = "HEX")]
    pub fingerprint: Option<String>,
}

fn needed<T>(value: Option<T>, flag: &str, network: Network) -> Result<T, Problem> {
    value.ok_or_else(|| bad(format!("`{flag}` is needed on {network}")))
}

fn said(error: impl std::fmt::Display) -> Problem {
    bad(error.to_string())
}

/// The transaction as it goes out.
///
/// # Errors
/// `BadRequest`: it is no cold wallet's, pays anybody but a pinned hot wallet, or something is missing.
pub(super) fn export(params: &NetworkParams, args: &DraftArgs, wallets: &[Wallet]) -> Result<ColdExport, Problem> {
    let family = args.network.family();
    let found = wallets.iter().find(|wallet| wallet.wallet == args.wallet);
    let wallet = found.ok_or_else(|| bad(format!("there is no wallet {} in use", args.wallet)))?;
    if wallet.role != "cold" || wallet.family != family_word(family) {
        let (name, role, of) = (&wallet.name, &wallet.role, &wallet.family);
        return Err(bad(format!(
            "wallet {} ({name}) is a {role} wallet of {of}: no cold one of {}",
            args.wallet, args.network
        )));
    }
    let account = AccountKey::parse(params, scheme(family), KeyPurpose::Cold, &wallet.xpub);
    let account = account.map_err(|error| bad(format!("the key of wallet {}: {error}", args.wallet)))?;
    let unsigned = match family {
        Family::Bitcoin => bitcoin(params, args, &account)?,
        Family::Evm => evm(params, args, &account)?,
        Family::Tron => tron(params, args, &account)?,
    };
    let fingerprint = match (&args.fingerprint, family) {
        (Some(text), _) => {
            let mut bytes = [0; 4];
            hex::decode_to_slice(text, &mut bytes).map_err(|_| bad("the fingerprint is 8 hexadecimal digits"))?;
            bytes
        }
        (None, Family::Bitcoin) => {
            return Err(bad("`--fingerprint` is needed on Bitcoin: the wallet finds its keys by it"));
        }
        (None, Family::Evm | Family::Tron) => [0; 4],
    };
    let export = cold::export(params, &unsigned, std::slice::from_ref(&account), fingerprint).map_err(said)?;
    pays_pinned(args.network, &export.description.payments, wallets)?;
    Ok(export)
}

fn evm(params: &NetworkParams, args: &DraftArgs, account: &AccountKey) -> Result<Unsigned, Problem> {
    let own = account.address(args.index, false).map_err(said)?;
    let from = account_of_text(own.as_str()).map_err(said)?;
    let to = account_of_text(&args.to).map_err(said)?;
    let action = match &args.contract {
        Some(contract) => {
            EvmAction::TokenTransfer { contract: account_of_text(contract).map_err(said)?, to, amount: args.amount }
        }
        None => EvmAction::Transfer { to, amount: args.amount },
    };
    let max_fee = needed(args.max_fee, "--max-fee", args.network)?;
    let tx = EvmTx {
        chain_id: params.chain_id().map_err(said)?,
        nonce: needed(args.nonce, "--nonce", args.network)?,
        fees: EvmFees::Dynamic { max_fee, tip: args.tip },
        gas: needed(args.gas, "--gas", args.network)?,
        action,
    };
    Ok(Unsigned::Evm(UnsignedEvm::new(params, account.path(args.index, false), from, tx).map_err(said)?))
}

fn tron(params: &NetworkParams, args: &DraftArgs, account: &AccountKey) -> Result<Unsigned, Problem> {
    let own = account.address(args.index, false).map_err(said)?;
    let owner = tron::account_of_text(own.as_str()).map_err(said)?;
    let to = tron::account_of_text(&args.to).map_err(said)?;
    let action = match &args.contract {
        Some(contract) => {
            let contract = tron::account_of_text(contract).map_err(said)?;
            TronAction::TokenTransfer { contract, to, amount: args.amount }
        }
        None => {
            let amount = u64::try_from(args.amount).map_err(|_| bad("there are not so many sun"))?;
            TronAction::Transfer { to, amount }
        }
    };
    let ref_block = RefBlock::of(&needed(args.block, "--block", args.network)?);
    let Timestamp(at) = now();
    let made_ms = at / 1_000;
    let expires_ms = made_ms.saturating_add(args.expires_in.saturating_mul(1_000));
    let tx = TronTx { owner, action, ref_block, expires_ms, made_ms, fee_limit: args.fee_limit };
    Ok(Unsigned::Tron(UnsignedTron::new(params, account.path(args.index, false), tx).map_err(said)?))
}

/// A coin as a flag says it.
fn coin(params: &NetworkParams, account: &AccountKey, text: &str) -> Result<Offered, Problem> {
    let wrong = || bad(format!("{text}: a coin is TX:OUTPUT:SATOSHI:INDEX"));
    let parts: Vec<&str> = text.split(':').collect();
    let [tx, vout, amount, index] = parts.as_slice() else { return Err(wrong()) };
    let tx = tx.parse().map_err(|_| wrong())?;
    let (vout, amount) = (vout.parse().map_err(|_| wrong())?, amount.parse().map_err(|_| wrong())?);
    let index: u32 = index.parse().map_err(|_| wrong())?;
    let address = account.address(index, false).map_err(said)?;
    let script = script_of(params, &address).map_err(said)?;
    Ok(Offered { outpoint: OutPoint { tx, vout }, coins: Coins { amount, script, key: account.path(index, false) } })
}

fn bitcoin(params: &NetworkParams, args: &DraftArgs, account: &AccountKey) -> Result<Unsigned, Problem> {
    if args.contract.is_some() {
        return Err(bad("there are no tokens on Bitcoin"));
    }
    let to = ChainAddress::canonical(&args.to).map_err(|_| bad(format!("{} is no address", args.to)))?;
    let amount = u64::try_from(args.amount).map_err(|_| bad("there are not so many satoshi"))?;
    let must = args.coin.iter().map(|text| coin(params, account, text)).collect::<Result<Vec<_>, _>>()?;
    if must.is_empty() {
        return Err(bad("`--coin` is needed on Bitcoin, once for each coin that is spent"));
    }
    let change =
        ChangeTo { address: account.address(args.index, true).map_err(said)?, key: account.path(args.index, true) };
    let draft = Draft {
        payments: vec![(to, amount)],
        must,
        may: vec![],
        change,
        rate: FeeRate::of_kvb(needed(args.rate, "--rate", args.network)?).map_err(said)?,
        fee_max: args.fee_max,
        tip_height: needed(args.height, "--height", args.network)?,
    };
    Ok(Unsigned::Bitcoin(build(params, &draft).map_err(said)?))
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        draft: DraftArgs,
    }

    /// Accounts 3 of a seed that everybody knows, on test networks.
    const KEYS: [(&str, &str); 3] = [
        (
            "evm",
            "xpub6Bh6Cg7bvjFddVd7gtHZroaYHwdUqXDF19rcPBTptnBb9aVhZCSuuGU2T8hKxUvMWSvTZmhMUXGLYb94yfrkD5HdFdsvkP8iKeGRQwctQnK",
        ),
        (
            "bitcoin",
            "tpubDDA3frU31t8ha3SNFDsPtp1GCJ5vNpjqknuwKbCTxhMWZ1pUb5nF15CXyyFB3mXH2w7Wuzbg8uTatcVwCq647pVudZNASfsVn9f28LJPrGp",
        ),
        (
            "tron",
            "xpub6CCd6xRaRNYQTSiBZ2y1ZQnTP5dqeLU5JcCqoeBjNnRikoRHEYvREdiDCe31X4bAHsQJwaMJERDvQvJLvUwUxA8dMwg8QXuBnjBwdxgvYu9",
        ),
    ];
    const HOT: [&str; 3] = [
        "0xa0Ee7A142d267C1f36714E4a8F75612F20a79720",
        "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080",
        "TAdPhL67oBXwwNVvFQuMzNh9yWHmiptf8H",
    ];

    fn wallets() -> Vec<Wallet> {
        let wallet = |number: usize, role: &str, family: &str, xpub: &str, own: Option<&str>| {
            let addresses: Vec<_> = own
                .into_iter()
                .map(|address| serde_json::json!({"address": address, "change": false, "index": 0}))
                .collect();
            let json = serde_json::json!({
                "wallet": number, "name": role, "role": role, "family": family, "network": null, "xpub": xpub,
                "addresses": addresses, "pinned": role == "hot", "registered_at": "2026-01-01T00:00:00Z",
                "retired_at": null
            });
            serde_json::from_value::<Wallet>(json).unwrap()
        };
        let both = KEYS.iter().zip(HOT).enumerate().flat_map(|(at, ((family, xpub), hot))| {
            [wallet(2 * at + 1, "cold", family, xpub, None), wallet(2 * at + 2, "hot", family, "", Some(hot))]
        });
        both.collect()
    }

    fn drafted(line: &str, wallets: &[Wallet]) -> Result<ColdExport, String> {
        let args = Line::try_parse_from(std::iter::once("x").chain(line.split_whitespace()));
        let args = args.map_err(|error| error.to_string())?.draft;
        export(&NetworkParams::test(args.network), &args, wallets).map_err(|problem| problem.message)
    }

    fn lines() -> [String; 3] {
        let tx = "11".repeat(32);
        [
            format!(
                "--network ethereum --wallet 1 --to {} --amount 5 --nonce 3 --gas 21000 --max-fee 9 --tip 1",
                HOT[0]
            ),
            format!(
                "--network bitcoin --wallet 3 --to {} --amount 50000 --coin {tx}:0:90000:0 --rate 2000 --height 700 \
                 --fingerprint b8688df1",
                HOT[1]
            ),
            format!("--network tron --wallet 5 --to {} --amount 5000000 --block {}", HOT[2], "22".repeat(32)),
        ]
    }

    /// Goal: what a cold wallet is to sign says what was asked for, on each kind of network. Method: the description that goes out.
    #[test]
    fn what_goes_out_is_what_was_asked_for() {
        for (line, (hot, amount)) in lines().iter().zip(HOT.into_iter().zip([5_u128, 50_000, 5_000_000])) {
            let out = drafted(line, &wallets()).unwrap_or_else(|error| panic!("{line}: {error}"));
            let [payment] = out.description.payments.as_slice() else { panic!("{:?}", out.description.payments) };
            assert_eq!((payment.to.as_str(), payment.amount), (hot, amount));
            assert_eq!(out.digests.len(), 1);
            assert_eq!(out.psbt.is_some(), out.network == Network::Bitcoin);
        }
    }

    /// Goal: a cold wallet pays a pinned hot wallet in use and nobody else, and only a cold wallet is drafted for. Method: wallets that are
    /// not pinned, of another network, retired or gone; a hot wallet as payer; flags that are missing.
    #[test]
    fn nobody_else_is_paid() {
        let all = wallets();
        let changed = |change: &dyn Fn(&mut Wallet)| {
            let mut all = all.clone();
            all.iter_mut().filter(|wallet| wallet.role == "hot").for_each(change);
            all
        };
        let wrong = [
            changed(&|wallet| wallet.pinned = false),
            changed(&|wallet| wallet.retired_at = Some("2026-01-02T00:00:00Z".into())),
            changed(&|wallet| wallet.network = Some("bsc".into())),
            changed(&|wallet| wallet.addresses.clear()),
            changed(&|wallet| wallet.role = "gas".into()),
        ];
        for line in lines() {
            for wallets in &wrong {
                let refused = drafted(&line, wallets).unwrap_err();
                assert!(refused.contains("no address of a pinned hot wallet"), "{line}: {refused}");
            }
        }
        let evm = &lines()[0];
        let hot = evm.replace("--wallet 1", "--wallet 2");
        assert!(drafted(&hot, &all).unwrap_err().contains("no cold one"));
        assert!(drafted(&evm.replace("--wallet 1", "--wallet 3"), &all).unwrap_err().contains("no cold one"));
        assert!(drafted(&evm.replace("--nonce 3", ""), &all).unwrap_err().contains("`--nonce` is needed"));
        assert!(drafted(&lines()[2].replace("--block", "--fee-limit 5 --block 33"), &all).is_err());
        assert!(drafted(&lines()[1].replace(":0:90000", ":90000"), &all).unwrap_err().contains("a coin is"));
    }
}
