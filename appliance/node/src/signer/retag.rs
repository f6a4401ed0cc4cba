//! The leading node has the pool's addresses vouched for anew where the vault was made from its words again: such a vault has the same
//! keys and another tag.
//!
//! Invariants: only the tag of an address changes, and only where the signer derives that very address under its index from a
//! registered deposit account. One that it does not derive keeps its old tag, is shown to nobody by an open signer, and is told. Pools are gone
//! through from their end, so that the first address vouches for the whole pool.

use exchequer_domain::{ChainAddress, Family};
use exchequer_state::custody::{self, MAC_BYTES, PoolAddress, Wallet, WalletRole};
use exchequer_state::{Actor, Body, Command, Outcome, StockAddresses};
use exchequer_vault::signer::{Client, proto};

use super::line::{LocalSigner, Trouble};
use super::stock::{self, AT_ONCE, Account};
use crate::supervisor::Ground;

/// How far the pools were gone through for a vault.
#[derive(Default)]
pub(crate) struct Retagging {
    vault: [u8; 16],
    /// What is left: a family, and below which index; none where its first address was not looked at.
    left: Vec<(Family, Option<u32>)>,
    /// Addresses that no account has.
    foreign: u64,
}

type Entries = Vec<(ChainAddress, [u8; MAC_BYTES])>;

/// Goes one step on: the next addresses from the end, of one family. Gives whether anything is left.
///
/// # Errors
/// The signer is of no use, or the command was refused: the same step comes again.
pub(crate) async fn step<G: Ground>(
    ground: &G,
    signer: &LocalSigner,
    actor: Actor,
    going: &mut Retagging,
) -> Result<bool, Trouble> {
    let Some(vault) = signer.seen().status.map(|status| status.standing.vault) else { return Ok(false) };
    if going.vault != vault {
        let left = stock::FAMILIES.map(|family| (family, None)).to_vec();
        *going = Retagging { vault, left, foreign: 0 };
    }
    let Some((family, below)) = going.left.last().copied() else { return Ok(false) };
    let wallets = ground.state(|state| {
        let mut wallets: Vec<Wallet> = state.custody().wallets().cloned().collect();
        wallets.retain(|wallet| wallet.role == WalletRole::Deposit && wallet.family == family);
        (wallets, state.custody().pool(family).stocked)
    });
    let (wallets, stocked) = wallets.map_err(|problem| Trouble::Other(problem.message))?;
    let below = below.unwrap_or(stocked).min(stocked);
    if below == 0 || wallets.is_empty() {
        going.left.pop();
        return Ok(!going.left.is_empty());
    }
    let mut client = signer.talk().await?;
    let accounts = signer.ask(client.xpubs()).await?;
    let accounts = accounts_of(ground, &accounts, &wallets)?;
    let mut round = Round { signer, client: &mut client, accounts: &accounts };
    if going.left.last().is_some_and(|(_, below)| below.is_none()) {
        let first = rows(ground, family, 0, 1)?;
        let vouched = match first.first() {
            Some((index, row)) => round.tag(*index, &row.address).await? == Some(row.mac),
            None => true,
        };
        if vouched {
            going.left.pop();
            return Ok(!going.left.is_empty());
        }
        tracing::warn!(
            ?family,
            addresses = stocked,
            "this vault's tags of deposit addresses are others: they are tagged anew"
        );
    }
    let from = below.saturating_sub(AT_ONCE);
    let (mut runs, mut foreign) = (Vec::<(u32, Entries)>::new(), 0_u64);
    for (index, PoolAddress { address, mac, .. }) in rows(ground, family, from, below - from)? {
        match round.tag(index, &address).await? {
            Some(tag) if tag == mac => {}
            Some(tag) => match runs.last_mut() {
                Some((first, entries)) if *first as usize + entries.len() == index as usize => {
                    entries.push((address, tag))
                }
                Some(_) | None => runs.push((index, vec![(address, tag)])),
            },
            None => foreign += 1,
        }
    }
    for (first_index, entries) in runs {
        let stock = StockAddresses { family, first_index, entries };
        let command = Command { id: ground.command_id(), actor, epoch: None, body: Body::StockAddresses(stock) };
        match ground.submit(command).await.map_err(|problem| Trouble::Other(problem.message))? {
            Outcome::Done(_) => {}
            Outcome::Rejected(why) => return Err(Trouble::Other(why.problem().message)),
        }
    }
    going.foreign += foreign;
    if let Some((_, below)) = going.left.last_mut() {
        *below = Some(from);
    }
    if from == 0 {
        going.left.pop();
        let foreign = std::mem::take(&mut going.foreign);
        if foreign > 0 {
            tracing::error!(
                ?family,
                foreign,
                "deposit addresses are of no account of this vault: a seed of it is missing; they keep their tags"
            );
        } else {
            tracing::info!(?family, addresses = stocked, "deposit addresses are tagged anew");
        }
    }
    Ok(!going.left.is_empty())
}

fn rows<G: Ground>(ground: &G, family: Family, from: u32, count: u32) -> Result<Vec<(u32, PoolAddress)>, Trouble> {
    let rows = ground.rows(|_, rows| custody::given_addresses(rows, family, from, count as usize));
    rows.map_err(|problem| Trouble::Other(problem.message))?.map_err(|halt| Trouble::Other(halt.to_string()))
}

fn accounts_of<G: Ground>(
    ground: &G,
    accounts: &[proto::AccountXpub],
    wallets: &[Wallet],
) -> Result<Vec<Account>, Trouble> {
    let of = ground.state(|state| {
        wallets.iter().flat_map(|wallet| stock::accounts_of(state, accounts, wallet)).collect::<Vec<_>>()
    });
    of.map_err(|problem| Trouble::Other(problem.message))
}

struct Round<'a> {
    signer: &'a LocalSigner,
    client: &'a mut Client,
    accounts: &'a [Account],
}

impl Round<'_> {
    /// The tag of an address under its index, by the first account that has it; none where no account has.
    async fn tag(&mut self, index: u32, address: &ChainAddress) -> Result<Option<[u8; MAC_BYTES]>, Trouble> {
        for account in self.accounts {
            // Derived here first: of what is not ours the signer is asked nothing.
            if account.key.address(index, false).ok().as_ref() != Some(address) {
                continue;
            }
            let path = account.key.path(index, false);
            let asked = self.client.address(account.network, account.generation, path, account.scheme);
            let (derived, tag) = self.signer.ask(asked).await?;
            if derived == *address {
                return Ok(Some(tag));
            }
        }
        Ok(None)
    }
}
