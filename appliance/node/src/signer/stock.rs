//! The leading node keeps deposit addresses waiting, so that no user waits for a person.
//!
//! Invariant: each address is derived twice, by the signer from its seed and here from the account's extended public key that
//! people registered; one on which the two do not agree goes nowhere.

use std::sync::Arc;
use std::time::Duration;

use exchequer_chains::{AccountKey, KeyPurpose, Scheme};
use exchequer_domain::{ChainAddress, Family, Network};
use exchequer_raft::Role;
use exchequer_state::custody::{MAC_BYTES, POOL_MAX, Wallet, WalletRole};
use exchequer_state::{Actor, Body, Command, Outcome, State, StockAddresses};
use exchequer_vault::signer::{Client, proto};

use super::decided;
use super::line::{LocalSigner, Trouble};
use super::retag::{self, Retagging};
use crate::house::House;
use crate::supervisor::Ground;

/// Fewer addresses than this never wait for long.
pub(crate) const POOL_LOW: u32 = 1_000;
/// Addresses of one command. The signer answers 500 requests a second, and signatures go before.
pub(crate) const AT_ONCE: u32 = 50;
/// Between two looks.
const ROUND: Duration = Duration::from_millis(500);
/// After a failure.
const PAUSE: Duration = Duration::from_secs(10);
pub(super) const FAMILIES: [Family; 3] = [Family::Bitcoin, Family::Evm, Family::Tron];

/// An account of the signer's that is a registered wallet's.
pub(super) struct Account {
    pub(super) network: Network,
    pub(super) generation: u32,
    pub(super) scheme: Scheme,
    pub(super) key: AccountKey,
}

/// What is missing in the pools: by family, the wallet, the first index, and how many.
fn missing(state: &State) -> Vec<(Wallet, u32, u32)> {
    let of = |family: Family| {
        let used = |wallet: &&Wallet| {
            wallet.role == WalletRole::Deposit && wallet.family == family && wallet.retired_at.is_none()
        };
        let wallet = state.custody().wallets().find(used)?;
        let pool = state.custody().pool(family);
        let short = POOL_LOW.saturating_sub(pool.stocked.saturating_sub(pool.given));
        let count = short.min(AT_ONCE).min(POOL_MAX.saturating_sub(pool.stocked));
        (count > 0).then(|| (wallet.clone(), pool.stocked, count))
    };
    FAMILIES.into_iter().filter_map(of).collect()
}

/// The signer's accounts whose key is this wallet's, in the order of the networks.
pub(super) fn accounts_of(state: &State, accounts: &[proto::AccountXpub], wallet: &Wallet) -> Vec<Account> {
    let mut found: Vec<Account> = accounts
        .iter()
        .filter(|account| account.purpose == "deposit" && account.xpub == wallet.xpub)
        .filter_map(|account| {
            let network: Network = account.network.parse().ok()?;
            let scheme = [Scheme::Keccak, Scheme::Segwit, Scheme::Taproot];
            let scheme = scheme.into_iter().find(|scheme| scheme_word(*scheme) == account.scheme)?;
            let params = decided::params(state, network);
            let key = AccountKey::parse(&params, scheme, KeyPurpose::Deposit, &account.xpub).ok()?;
            Some(Account { network, generation: account.generation, scheme, key })
        })
        .filter(|account| account.network.family() == wallet.family)
        .collect();
    found.sort_by_key(|account| (account.network, account.generation));
    found
}

const fn scheme_word(scheme: Scheme) -> &'static str {
    match scheme {
        Scheme::Keccak => "keccak",
        Scheme::Segwit => "segwit",
        Scheme::Taproot => "taproot",
    }
}

/// As `fill`: whether anything was missing, or the first failure.
#[cfg(test)]
pub(crate) async fn round<G: Ground>(ground: &G, signer: &LocalSigner, actor: Actor) -> Result<bool, Trouble> {
    let Filled { stocked, failed } = fill(ground, signer, actor).await?;
    failed.map_or(Ok(stocked > 0), Err)
}

/// What a step came to.
struct Filled {
    /// Pools that got something.
    stocked: usize,
    /// Why one got nothing, if any did not.
    failed: Option<Trouble>,
}

/// Fills the pools by one step each. A family whose pool cannot be filled keeps no other one waiting: such as one of whose account
/// the signer has no key, or derives another address, or whose command is refused.
///
/// # Errors
/// The signer is of no use.
async fn fill<G: Ground>(ground: &G, signer: &LocalSigner, actor: Actor) -> Result<Filled, Trouble> {
    let other = |why: String| Trouble::Other(why);
    let wanted = ground.state(missing).map_err(|problem| other(problem.message))?;
    let mut filled = Filled { stocked: 0, failed: None };
    if wanted.is_empty() {
        return Ok(filled);
    }
    let mut client = signer.talk().await?;
    let accounts = signer.ask(client.xpubs()).await?;
    for (wallet, first, count) in wanted {
        let stocked = stock(ground, signer, (&mut client, &accounts), actor, (&wallet, first, count)).await;
        match stocked {
            Ok(()) => filled.stocked += 1,
            Err(trouble) => filled.failed = filled.failed.or(Some(trouble)),
        }
    }
    Ok(filled)
}

/// Fills one pool by one step.
async fn stock<G: Ground>(
    ground: &G,
    signer: &LocalSigner,
    (client, accounts): (&mut Client, &[proto::AccountXpub]),
    actor: Actor,
    (wallet, first, count): (&Wallet, u32, u32),
) -> Result<(), Trouble> {
    let other = |why: String| Trouble::Other(why);
    let of = ground.state(|state| accounts_of(state, accounts, wallet));
    let account = of.map_err(|problem| other(problem.message))?.into_iter().next();
    let account = account.ok_or_else(|| {
        other(format!("the signer has no account with the key of wallet {} ({})", wallet.id.0, wallet.name))
    })?;
    let entries = derive(signer, client, &account, first, count).await?;
    let stock = StockAddresses { family: wallet.family, first_index: first, entries };
    let command = Command { id: ground.command_id(), actor, epoch: None, body: Body::StockAddresses(stock) };
    match ground.submit(command).await.map_err(|problem| other(problem.message))? {
        Outcome::Done(_) => tracing::info!(family = ?wallet.family, first, count, "deposit addresses are stocked"),
        Outcome::Rejected(why) => return Err(other(why.problem().message)),
    }
    Ok(())
}

async fn derive(
    signer: &LocalSigner,
    client: &mut Client,
    account: &Account,
    first: u32,
    count: u32,
) -> Result<Vec<(ChainAddress, [u8; MAC_BYTES])>, Trouble> {
    let mut entries = Vec::with_capacity(count as usize);
    for index in first..first.saturating_add(count) {
        let path = account.key.path(index, false);
        let asked = client.address(account.network, account.generation, path, account.scheme);
        let (address, tag) = signer.ask(asked).await?;
        let own = account.key.address(index, false).map_err(|error| Trouble::Other(error.to_string()))?;
        if own != address {
            let why = format!("for deposit address {index} the signer says {address}, and its account's key {own}");
            return Err(Trouble::Other(why));
        }
        entries.push((address, tag));
    }
    Ok(entries)
}

/// Runs for as long as the node does; acts only while it leads.
pub(crate) async fn run(house: Arc<House>) {
    let mut told = None;
    let (mut going, mut waits) = (Retagging::default(), None);
    loop {
        tokio::time::sleep(ROUND).await;
        let status = house.node.status();
        if status.role != Role::Leader || status.epoch.is_none() || !house.signer.seen().state.is_open() {
            continue;
        }
        if let Err(trouble) = retag::step(&*house, &house.signer, Actor::Node(house.id()), &mut going).await
            && waits.as_ref() != Some(&trouble)
        {
            tracing::warn!(%trouble, "deposit addresses cannot be tagged anew");
            waits = Some(trouble);
        }
        let filled = fill(&*house, &house.signer, Actor::Node(house.id())).await;
        let Filled { stocked, failed } = filled.unwrap_or_else(|trouble| Filled { stocked: 0, failed: Some(trouble) });
        if let Some(trouble) = failed.as_ref().filter(|trouble| told.as_ref() != Some(*trouble)) {
            tracing::warn!(trouble = %trouble, "deposit addresses cannot be stocked");
        }
        let pauses = failed.is_some() && stocked == 0;
        told = failed;
        // While one pool is filled, another one's failure keeps nothing waiting.
        if pauses {
            tokio::time::sleep(PAUSE).await;
        }
    }
}
