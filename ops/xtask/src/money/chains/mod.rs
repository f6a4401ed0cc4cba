//! The nodes of the six networks, and what anybody may do on a chain: pay an address, look what one has received, make
//! blocks.
//!
//! What has been paid is looked up at the nodes themselves, past the endpoints that the exchange has: an address that nobody
//! used before, and what it holds, says how often it was paid.

mod doors;
mod sight;

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use exchequer_test_nodes::anvil::Options;
use exchequer_test_nodes::contracts::{Contract, word};
use exchequer_test_nodes::shim::{Finality, Profile};
use exchequer_test_nodes::tron::{Address, Again, BLOCK_MS, Behaviour, Options as TronOptions, Payer, TRX};
use exchequer_test_nodes::{Anvil, Bitcoin, Tron};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use self::doors::Doors;
pub(crate) use self::doors::{DOORS, Which};
use super::places::{DOLLAR, PLACES, Place, amount, units};
use crate::stop::Stop;

/// Who pays on the networks of Ethereum's kind. Nobody has its key; the node lets it pay all the same.
const RICH: &str = "0x00000000000000000000000000000000deadbeef";
const RICH_WEI: u128 = 1_000_000_000_000_000_000_000_000_000;
/// What the payer on TRON begins with.
const RICH_SUN: i64 = 1_000_000_000 * TRX;
const RICH_DOLLARS: &str = "1000000000";
/// How long before now the chain of TRON begins, as its simulator has it.
const TRON_SPAN: Duration = Duration::from_secs(3_600);

/// How fast blocks come.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    pub(crate) bitcoin: Duration,
    pub(crate) evm: Duration,
    pub(crate) tron: Duration,
    /// How many blocks behind the head Ethereum and Arbitrum are final; as their public networks' where it is none.
    pub(crate) finality: Option<u64>,
    /// How far TRON's clock is behind this machine's when it begins.
    pub(crate) tron_behind: Duration,
}

impl Pace {
    /// As a person likes to watch it.
    pub(crate) const HUMAN: Pace = Pace::of([20_000, 2_000, 3_000], None, 30);
    /// As a test of the journey likes it.
    pub(crate) const QUICK: Pace = Pace::of([3_000, 500, 1_000], None, 30);
    /// For many payments one after the other. What is built on TRON is over five minutes after the chain's time, and no signer signs
    /// what is not over within seven of this machine's: where a payment is to outlive its time, the chain leaps past that, and what is
    /// built then must still be within those seven.
    pub(crate) const HASTY: Pace = Pace::of([1_000, 500, 300], Some(6), 245);

    const fn of(ms: [u64; 3], finality: Option<u64>, behind_s: u64) -> Pace {
        let [bitcoin, evm, tron] = ms;
        let [bitcoin, evm, tron] =
            [Duration::from_millis(bitcoin), Duration::from_millis(evm), Duration::from_millis(tron)];
        Pace { bitcoin, evm, tron, finality, tron_behind: Duration::from_secs(behind_s) }
    }
}

struct Evm {
    place: &'static Place,
    anvil: Anvil,
    token: String,
    /// One payment of [`RICH`]'s at a time: the node would give two of them one nonce.
    paying: Mutex<()>,
}

/// The nodes. Dropped, they end.
pub(crate) struct Chains {
    runtime: Runtime,
    doors: Vec<Doors>,
    evm: Vec<Evm>,
    bitcoin: Arc<Mutex<Bitcoin>>,
    tron: Tron,
    tron_token: Address,
    tron_pace: Duration,
    payer: Payer,
    halt: Stop,
    miner: Option<JoinHandle<()>>,
}

impl Drop for Chains {
    fn drop(&mut self) {
        self.halt.now();
        // A miner that panicked is of no use any more, and is not missed.
        let _ended = self.miner.take().map(JoinHandle::join);
    }
}

fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl Chains {
    /// Starts them.
    ///
    /// # Errors
    /// [`exchequer_test_nodes::Missing`] where one is not installed, or why one did not start.
    pub(crate) fn start(pace: Pace) -> Result<Chains> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let started = runtime.block_on(async {
            let [a, b, c, d] = Profile::ALL;
            let (a, b, c, d) = tokio::try_join!(evm(a, pace), evm(b, pace), evm(c, pace), evm(d, pace))?;
            let (evm, mut doors): (Vec<_>, Vec<_>) = [a, b, c, d].into_iter().unzip();
            let bitcoin = Bitcoin::start().await?;
            bitcoin.fund().await?;
            let (first, second) = (bitcoin.shim().endpoint().clone(), bitcoin.endpoint().await?.endpoint().clone());
            doors.push(Doors::of("bitcoin", [first, second]));
            let options = TronOptions { block_ms: Some(ms(pace.tron)), ..TronOptions::default() };
            let tron = Tron::start_with(options).await?;
            doors.push(Doors::of("tron", [tron.first().clone(), tron.endpoint().await?]));
            anyhow::Ok((evm, bitcoin, tron, doors))
        });
        let (evm, bitcoin, tron, doors) = started?;
        let payer = Payer::named("the demo's payer")?;
        tron.fund(payer.address(), RICH_SUN);
        let tron_token = tron.token(Behaviour::Token, DOLLAR, 6);
        tron.issue(tron_token, payer.address(), units(RICH_DOLLARS, 6).context("too many decimals")?)?;
        // Some are final then.
        tron.mine(ms(TRON_SPAN.saturating_sub(pace.tron_behind)) / BLOCK_MS.unsigned_abs());
        let tron_pace = pace.tron;
        let (bitcoin, halt) = (Arc::new(Mutex::new(bitcoin)), Stop::new());
        let miner = mine(runtime.handle().clone(), bitcoin.clone(), pace.bitcoin, halt.clone())?;
        let miner = Some(miner);
        let chains = Chains { runtime, doors, evm, bitcoin, tron, tron_token, tron_pace, payer, halt, miner };
        chains.walk_on();
        Ok(chains)
    }

    fn at(&self, network: &str) -> Result<&Evm> {
        self.evm.iter().find(|evm| evm.place.network == network).with_context(|| format!("no network {network}"))
    }

    /// The method by which transactions are sent, as faults name it.
    pub(crate) fn broadcast_method(network: &str) -> &'static str {
        match network {
            "bitcoin" => "sendrawtransaction",
            "tron" => "broadcasthex",
            _ => "eth_sendRawTransaction",
        }
    }

    /// The contract of the dollar token; none on a network without tokens.
    pub(crate) fn token(&self, network: &str) -> Result<Option<String>> {
        Ok(match network {
            "bitcoin" => None,
            "tron" => Some(self.tron_token.to_string()),
            _ => Some(self.at(network)?.token.clone()),
        })
    }

    fn bitcoin(&self) -> std::sync::MutexGuard<'_, Bitcoin> {
        self.bitcoin.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Pays an address in a transaction of somebody's; its name.
    ///
    /// # Errors
    /// The node refuses it.
    pub(crate) fn pay(&self, network: &str, is_token: bool, to: &str, units: u128) -> Result<String> {
        match network {
            "bitcoin" => self.runtime.block_on(self.bitcoin().pay(to, &amount(units, 8))),
            "tron" => {
                let to: Address = to.parse().map_err(|error: String| anyhow!(error))?;
                if is_token {
                    return self.tron.pay_token(&self.payer, self.tron_token, to, units);
                }
                self.tron.pay(&self.payer, to, i64::try_from(units)?)
            }
            _ => {
                let evm = self.at(network)?;
                let (target, data, wei) = match is_token {
                    true => (evm.token.as_str(), call("transfer(address,uint256)", to, Some(units))?, 0),
                    false => (to, Vec::new(), units),
                };
                let _alone = evm.paying.lock().unwrap_or_else(PoisonError::into_inner);
                let receipt = self.runtime.block_on(evm.anvil.send_as(RICH, Some(target), &data, wei))?;
                let name = receipt.get("transactionHash").and_then(Value::as_str).context("no transaction")?;
                Ok(name.trim_start_matches("0x").to_owned())
            }
        }
    }

    /// An address of somebody who is no user and was never paid.
    ///
    /// # Errors
    /// The node gives none.
    pub(crate) fn stranger(&self, network: &str, name: &str) -> Result<String> {
        let hash = exchequer_test_nodes::shim::keccak(format!("stranger {name}").as_bytes());
        let account: [u8; 20] = hash.get(12..).unwrap_or_default().try_into()?;
        Ok(match network {
            "bitcoin" => {
                let asked = self.bitcoin().direct().clone();
                let made = self.runtime.block_on(asked.call("getnewaddress", json!(["", "bech32"])))?;
                made.as_str().context("no address")?.to_owned()
            }
            "tron" => Address(account).to_string(),
            _ => format!("0x{}", hex::encode(account)),
        })
    }

    /// Gives up the last blocks and makes others; what was in them comes again.
    ///
    /// # Errors
    /// The node does not.
    pub(crate) fn reorganise(&self, network: &str, depth: u64) -> Result<()> {
        match network {
            "bitcoin" => self.runtime.block_on(self.bitcoin().reorganise(depth, false)),
            "tron" => self.tron.fork(depth, &Again::All),
            _ => {
                let evm = self.at(network)?;
                self.runtime.block_on(evm.anvil.reorganise_alike(depth))
            }
        }
    }

    /// Puts TRON's time forward. Its blocks come as before, and its clock all but stands, so that this machine's comes nearer.
    pub(crate) fn leap(&self, time: Duration) {
        self.tron.chain(|chain| {
            chain.step_ms = i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
            chain.mine(1);
            chain.step_ms = 1;
        });
    }

    /// From here on TRON's clock goes as this machine's does, however fast blocks come.
    pub(crate) fn walk_on(&self) {
        self.tron.chain(|chain| chain.step_ms = i64::try_from(self.tron_pace.as_millis()).unwrap_or(BLOCK_MS));
    }

    /// Kills Bitcoin's node and has it back. The other networks' could not be started again with the blocks that they had.
    ///
    /// # Errors
    /// It does not come back.
    pub(crate) fn restart_bitcoin(&self) -> Result<()> {
        self.runtime.block_on(self.bitcoin().restart())
    }
}

/// One node of Ethereum's kind with a dollar token of which [`RICH`] has plenty, and its doors.
async fn evm(profile: Profile, pace: Pace) -> Result<(Evm, Doors)> {
    let place = PLACES.iter().find(|place| place.network == profile.name()).context("no such network")?;
    let anvil = Anvil::start(Options { block_ms: Some(ms(pace.evm)), ..Options::from(profile) }).await?;
    anvil.fund(RICH, RICH_WEI).await?;
    let decimals = place.token.map_or(6, |token| token.decimals);
    let code = Contract::tether_like("Tether USD", DOLLAR, u8::try_from(decimals)?)?;
    let made = anvil.send_as(RICH, None, &code, 0).await?;
    let token = made.get("contractAddress").and_then(Value::as_str).context("no contract")?.to_owned();
    let plenty = units(RICH_DOLLARS, decimals).context("too many decimals")?;
    anvil.send_as(RICH, Some(&token), &call("issue(address,uint256)", RICH, Some(plenty))?, 0).await?;
    let other = anvil.endpoint().await?;
    if let (Some(behind), Profile::Ethereum | Profile::Arbitrum) = (pace.finality, profile) {
        for shim in [anvil.shim(), &other] {
            shim.finality(Finality::Behind { safe: behind / 2, finalized: behind });
        }
    }
    let doors = Doors::of(place.network, [anvil.shim().endpoint().clone(), other.endpoint().clone()]);
    Ok((Evm { place, anvil, token, paying: Mutex::default() }, doors))
}

/// A call of the token's.
fn call(signature: &str, address: &str, amount: Option<u128>) -> Result<Vec<u8>> {
    let account = hex::decode(address.trim_start_matches("0x")).context("no address")?;
    if account.len() != 20 {
        bail!("{address} is no address");
    }
    let mut data = Contract::TetherLike.selector(signature)?.to_vec();
    data.extend([0; 12]);
    data.extend(account);
    if let Some(amount) = amount {
        let (high, low) = ((amount >> 64) as u64, amount as u64);
        let mut words = word(low);
        words.get_mut(16..24).into_iter().for_each(|part| part.copy_from_slice(&high.to_be_bytes()));
        data.extend(words);
    }
    Ok(data)
}

fn mine(
    handle: tokio::runtime::Handle,
    bitcoin: Arc<Mutex<Bitcoin>>,
    every: Duration,
    halt: Stop,
) -> Result<JoinHandle<()>> {
    let work = move || {
        while halt.pause(every).is_ok() {
            let node = bitcoin.lock().unwrap_or_else(PoisonError::into_inner);
            // One that is being started again misses a block.
            let _mined = handle.block_on(node.mine(1));
        }
    };
    Ok(std::thread::Builder::new().name("bitcoin-miner".to_owned()).spawn(work)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: a call of the token's is what its contract reads: method, address and amount, each at its place. Method: an
    /// amount of more than 64 bits.
    #[test]
    fn calls_are_words() {
        let data = call("transfer(address,uint256)", RICH, Some((1 << 64) + 2)).unwrap();
        assert_eq!(data.len(), 68);
        assert_eq!(hex::encode(&data[..4]), "a9059cbb");
        assert_eq!(hex::encode(&data[16..36]), RICH[2..]);
        assert_eq!(u128::from_be_bytes(data[52..].try_into().unwrap()), (1 << 64) + 2);
        assert!(call("transfer(address,uint256)", "0x12", None).is_err());
    }
}
