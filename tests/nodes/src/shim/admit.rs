//! Whether a node of the network would take a transaction: the rules that anvil is laxer about, in the words of the nodes.

use anyhow::Result;
use serde_json::{Value, json};

use super::profile::Profile;
use super::rlp::{self, Sent};
use crate::rpc::Rpc;

/// A node asks for so many percent more, on both prices, before it lets a transaction replace another.
const REPLACE_PERCENT: u128 = 10;

/// An error of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) code: i64,
    pub(crate) message: String,
    pub(crate) data: Option<Value>,
}

impl Refused {
    pub(crate) fn new(code: i64, message: impl Into<String>) -> Refused {
        Refused { code, message: message.into(), data: None }
    }
}

/// Looks at the bytes of `eth_sendRawTransaction` before anvil does.
pub(super) async fn admit(profile: Profile, upstream: &Rpc, params: &Value) -> Result<Sent, Refused> {
    let raw = params.get(0).and_then(Value::as_str).and_then(|text| hex::decode(text.strip_prefix("0x")?).ok());
    let raw = raw.ok_or_else(|| Refused::new(-32602, "invalid argument 0: not hexadecimal"))?;
    let sent = rlp::read(&raw).map_err(|error| Refused::new(-32000, format!("rlp: {error}")))?;
    alone(profile, &sent)?;
    let pool = upstream.call("txpool_content", json!([])).await;
    let pool = pool.map_err(|error| Refused::new(-32603, error.to_string()))?;
    match waiting(&pool, &sent) {
        Some(old) => replaces(&old, &sent).map(|()| sent),
        None => Ok(sent),
    }
}

/// What is judged without knowing others.
fn alone(profile: Profile, sent: &Sent) -> Result<(), Refused> {
    if sent.gas > profile.gas_cap() {
        let (cap, gas) = (profile.gas_cap(), sent.gas);
        return Err(Refused::new(-32000, format!("transaction gas limit too high (cap: {cap}, tx: {gas})")));
    }
    if sent.gas < profile.least_gas() {
        let (gas, least) = (sent.gas, profile.least_gas());
        return Err(Refused::new(-32000, format!("intrinsic gas too low: gas {gas}, minimum needed {least}")));
    }
    if sent.tip > sent.max_fee {
        return Err(Refused::new(-32000, "max priority fee per gas higher than max fee per gas"));
    }
    if sent.tip < profile.least_tip() {
        let (tip, least) = (sent.tip, profile.least_tip());
        let text = format!("transaction underpriced: gas tip cap {tip}, minimum needed {least}");
        return Err(Refused::new(-32000, text));
    }
    Ok(())
}

/// Prices of one that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Waiting {
    hash: String,
    max_fee: u128,
    tip: u128,
}

/// The one of the same sender and number that waits.
fn waiting(pool: &Value, sent: &Sent) -> Option<Waiting> {
    let sender = format!("0x{}", hex::encode(sent.sender));
    ["pending", "queued"].iter().find_map(|part| {
        let mut senders = pool.get(part)?.as_object()?.iter();
        let (_, theirs) = senders.find(|(name, _)| name.eq_ignore_ascii_case(&sender))?;
        let old = theirs.get(sent.nonce.to_string())?;
        let price = |name: &str| quantity(old.get(name)?);
        let max_fee = price("maxFeePerGas").or_else(|| price("gasPrice"))?;
        let tip = price("maxPriorityFeePerGas").unwrap_or(max_fee);
        Some(Waiting { hash: old.get("hash")?.as_str()?.to_owned(), max_fee, tip })
    })
}

fn replaces(old: &Waiting, sent: &Sent) -> Result<(), Refused> {
    if old.hash.eq_ignore_ascii_case(&format!("0x{}", hex::encode(sent.hash))) {
        return Err(Refused::new(-32000, "already known"));
    }
    let enough = |old: u128, new: u128| new.saturating_mul(100) >= old.saturating_mul(100 + REPLACE_PERCENT);
    if enough(old.max_fee, sent.max_fee) && enough(old.tip, sent.tip) {
        return Ok(());
    }
    Err(Refused::new(-32000, "replacement transaction underpriced"))
}

/// What anvil says, as the nodes of the networks say it.
pub(super) fn in_nodes_words(refused: Refused) -> Refused {
    let known = [
        ("already imported", "already known"),
        ("nonce too low", "nonce too low"),
        ("underpriced", "replacement transaction underpriced"),
        ("less than block base fee", "max fee per gas less than block base fee"),
        ("nsufficient funds", "insufficient funds for gas * price + value"),
        ("invalid chain id", "invalid sender: invalid chain id for signer"),
    ];
    let found = known.iter().find(|(part, _)| refused.message.contains(part));
    found.map_or(refused.clone(), |(_, text)| Refused::new(-32000, *text))
}

/// A number as JSON-RPC writes it.
pub(super) fn quantity(value: &Value) -> Option<u128> {
    u128::from_str_radix(value.as_str()?.strip_prefix("0x")?, 16).ok()
}

/// The same, up to 64 bits.
pub(super) fn height(value: &Value) -> Option<u64> {
    u64::try_from(quantity(value)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(max_fee: u128, tip: u128, gas: u64) -> Sent {
        let (to, value) = (Some([3; 20]), 0);
        Sent { hash: [1; 32], sender: [2; 20], to, value, nonce: 3, max_fee, tip, gas, chain_id: Some(1) }
    }

    /// Goal: only ten percent more on both prices replaces. Method: each side of the boundary, on each price.
    #[test]
    fn a_replacement_pays_ten_percent_more_on_both() {
        let old = Waiting { hash: "0x00".to_owned(), max_fee: 1_000, tip: 100 };
        let refused = Err(Refused::new(-32000, "replacement transaction underpriced"));
        assert_eq!(replaces(&old, &sent(1_100, 110, 21_000)), Ok(()));
        assert_eq!(replaces(&old, &sent(1_099, 110, 21_000)), refused);
        assert_eq!(replaces(&old, &sent(1_100, 109, 21_000)), refused);
        let same = Waiting { hash: format!("0x{}", "01".repeat(32)), ..old };
        assert_eq!(replaces(&same, &sent(1_100, 110, 21_000)), Err(Refused::new(-32000, "already known")));
    }

    /// Goal: each network's least tip, least gas and most gas are held. Method: each side of each boundary.
    #[test]
    fn every_network_has_its_bounds() {
        for profile in Profile::ALL {
            let (tip, least, cap) = (profile.least_tip(), profile.least_gas(), profile.gas_cap());
            assert_eq!(alone(profile, &sent(tip, tip, least)), Ok(()));
            assert_eq!(alone(profile, &sent(tip, tip, cap)), Ok(()));
            assert!(alone(profile, &sent(tip, tip, least - 1)).is_err());
            assert!(alone(profile, &sent(tip, tip, cap + 1)).is_err());
            assert!(alone(profile, &sent(tip, tip + 1, least)).is_err());
            if let Some(below) = tip.checked_sub(1) {
                assert!(alone(profile, &sent(tip, below, least)).is_err());
            }
        }
    }

    /// Goal: the one that waits is found whoever writes its sender how. Method: a pool as anvil prints it.
    #[test]
    fn the_one_that_waits_is_found() {
        let sender = format!("0x{}", hex::encode([2; 20])).to_uppercase().replace("0X", "0x");
        let old = json!({"hash": "0xab", "maxFeePerGas": "0x64", "maxPriorityFeePerGas": "0xa"});
        let pool = json!({"pending": {sender: {"3": old}}, "queued": {}});
        let found = Waiting { hash: "0xab".to_owned(), max_fee: 100, tip: 10 };
        assert_eq!(waiting(&pool, &sent(1, 1, 1)), Some(found));
        assert_eq!(waiting(&pool, &Sent { nonce: 4, ..sent(1, 1, 1) }), None);
    }
}
