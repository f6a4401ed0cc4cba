//! Whether a deposit address is ours, before it is shown.
//!
//! Where the signer of this node is open, it says so by its tag and by deriving it again. Where it is not (the node that answers
//! is any of them), the address is derived here from the account's extended public key, and is the one that a leader's signer
//! vouched for when it was stocked. One that fails either is shown to nobody.

use exchequer_chains::{AccountKey, KeyPurpose, NetworkParams, Scheme};
use exchequer_domain::{ChainAddress, Code, Family, Network, Problem};
use exchequer_state::custody::{self, MAC_BYTES, Wallet, WalletRole};
use exchequer_state::{Rows, State};

use super::line::{LocalSigner, Trouble};
use super::{decided, stock};
use crate::supervisor::Ground;

/// Addresses that are remembered as vouched for.
const VOUCHED_KEPT: usize = 100_000;

/// What is known of an address here.
struct Known {
    mac: [u8; MAC_BYTES],
    /// The deposit wallets of the family, the latest first, with the parameters of its networks.
    wallets: Vec<Wallet>,
    params: Vec<NetworkParams>,
}

fn known(state: &State, rows: &dyn Rows, family: Family, index: u32, address: &ChainAddress) -> Result<Known, String> {
    let page = custody::given_addresses(rows, family, index, 1).map_err(|halt| halt.to_string())?;
    let row = page.into_iter().find(|(found, one)| *found == index && one.address == *address);
    let (_, row) = row.ok_or("it is not in the pool under its index")?;
    let mut wallets: Vec<Wallet> = state.custody().wallets().cloned().collect();
    wallets.retain(|wallet| wallet.role == WalletRole::Deposit && wallet.family == family);
    wallets.reverse();
    let networks = Network::ALL.iter().filter(|network| network.family() == family);
    Ok(Known { mac: row.mac, wallets, params: networks.map(|network| decided::params(state, *network)).collect() })
}

/// Whether an extended public key of ours has the address.
fn is_derived(known: &Known, index: u32, address: &ChainAddress) -> bool {
    let schemes = [Scheme::Keccak, Scheme::Segwit, Scheme::Taproot];
    known.wallets.iter().any(|wallet| {
        known.params.iter().any(|params| {
            schemes.iter().any(|scheme| {
                AccountKey::parse(params, *scheme, KeyPurpose::Deposit, &wallet.xpub)
                    .and_then(|key| key.address(index, false))
                    .is_ok_and(|own| own == *address)
            })
        })
    })
}

impl LocalSigner {
    /// Whether a deposit address may be shown.
    ///
    /// # Errors
    /// `SignerRefused` where it is not ours; the state cannot be read.
    pub(crate) async fn vouch<G: Ground>(
        &self,
        ground: &G,
        family: Family,
        index: u32,
        address: &ChainAddress,
    ) -> Result<(), Problem> {
        let known = match ground.rows(|state, rows| known(state, rows, family, index, address))? {
            Ok(known) => known,
            Err(why) => return refused(index, address, &why),
        };
        let asked = (family, index, address.clone(), known.mac);
        if self.vouched.lock().contains(&asked) {
            return Ok(());
        }
        if self.seen().state.is_open() {
            match self.by_signer(ground, &known, index, address).await {
                Ok(true) => {
                    let mut vouched = self.vouched.lock();
                    if vouched.len() >= VOUCHED_KEPT {
                        vouched.clear();
                    }
                    vouched.insert(asked);
                    return Ok(());
                }
                Ok(false) => return refused(index, address, "the signer does not vouch for it"),
                // It is of no use now: the other way is as good as on a node without one.
                Err(trouble) => tracing::warn!(%trouble, "an address could not be shown to the signer"),
            }
        }
        // A pool that was filled before any wallet was registered has its tags alone.
        if known.wallets.is_empty() || is_derived(&known, index, address) {
            return Ok(());
        }
        refused(index, address, "no deposit account of the exchange has it")
    }

    async fn by_signer<G: Ground>(
        &self,
        ground: &G,
        known: &Known,
        index: u32,
        address: &ChainAddress,
    ) -> Result<bool, Trouble> {
        let mut client = self.talk().await?;
        let accounts = self.ask(client.xpubs()).await?;
        for wallet in &known.wallets {
            let of = ground.state(|state| stock::accounts_of(state, &accounts, wallet));
            for account in of.map_err(|problem| Trouble::Other(problem.message))? {
                let path = account.key.path(index, false);
                let (network, generation, scheme) = (account.network, account.generation, account.scheme);
                let checked = client.verify_address(network, generation, path, scheme, address, &known.mac);
                match self.ask(checked).await {
                    Ok(()) => return Ok(true),
                    Err(error) if error.code() == Some("key") => {}
                    Err(error) => return Err(error.into()),
                }
            }
        }
        Ok(false)
    }
}

fn refused(index: u32, address: &ChainAddress, why: &str) -> Result<(), Problem> {
    tracing::error!(%address, index, why, "a deposit address is not shown");
    let message = format!("deposit address {index} is not shown to anybody: {why}");
    Err(Problem::new(Code::SignerRefused, message))
}
