//! The signer's own policy: a JSON text in the vault's folder (`policy.sealed`), tagged with the vault's key, so that only
//! someone who opens the vault changes it. It is the signer's alone: no replicated setting can widen it.
//!
//! Amounts are texts of digits, in the smallest unit of their coin.

use std::collections::BTreeMap;
use std::path::Path;

use exchequer_chains::{Coin, NetworkParams, Parameters, parse_address};
use exchequer_domain::{ChainAddress, ClusterId, Network};
use serde::{Deserialize, Serialize};

use super::consistency::Contradiction;
use crate::files::{self, Existing, FileError, Readers};
use crate::secret::Key32;

/// The file in the vault's folder.
pub(crate) const FILE_NAME: &str = "policy.sealed";
/// The longest policy.
pub const POLICY_BYTES_MAX: u64 = 1 << 20;
/// Approvers of one policy.
pub const APPROVERS_MAX: usize = 256;
/// Rules of one policy.
pub const RULES_MAX: usize = 1_000;
/// The most approvals that a rule can ask for.
pub const APPROVALS_MAX: u8 = 16;

/// An amount in the smallest unit, written as a text of digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Units(pub u128);

impl Serialize for Units {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Units {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Units, D::Error> {
        let text = String::deserialize(from)?;
        let plain = !text.is_empty() && text.bytes().all(|digit| digit.is_ascii_digit());
        let amount = plain.then(|| text.parse().ok()).flatten();
        amount.map(Units).ok_or_else(|| serde::de::Error::custom("an amount is a text of digits"))
    }
}

/// What is allowed with one coin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CoinPolicy {
    /// The network's own coin, or a token by its contract. A token that is not listed is never touched.
    pub coin: Coin,
    /// The number of its asset in the cluster's books: part of what approvals sign.
    pub asset: u32,
    /// The most that one wallet may pay in any hour.
    pub hour_max: Units,
    /// The most that one wallet may pay in any 24 hours.
    pub day_max: Units,
    /// How many must approve one payment, by its amount: the first rule whose bound is not exceeded holds. Beyond the last
    /// one nothing is paid.
    pub rules: Vec<Rule>,
}

/// How many must approve a payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Up to this amount, itself included.
    pub up_to: Units,
    /// How many persons; 0 where none is needed.
    pub approvals: u8,
}

/// What is allowed on one network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkPolicy {
    /// Which of its chains.
    pub chain: Parameters,
    /// The most that one transaction may cost.
    pub fee_max: Units,
    /// The most that a payment of the network's own coin may cost, in thousandths of what is paid.
    pub fee_permille_max: u32,
    /// What may always be paid in fees, whatever the payment is.
    pub fee_free: Units,
    /// How many of the coin's smallest unit are a minor unit of the books, in which caps of fees are approved.
    pub fee_minor_unit: Units,
    /// Where sweeps may go. Pinned here: no other destination is ever signed for a sweep.
    pub sweep_to: Vec<ChainAddress>,
    /// Whether coin may be staked (TRON).
    pub stake: bool,
    /// Whether only what the committed log has decided is signed.
    pub decided_only: bool,
    /// The coins.
    pub coins: Vec<CoinPolicy>,
}

/// Somebody whose approval counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Approver {
    /// The number of their key in the cluster.
    pub key: u32,
    /// The person. Two keys of one person are one approval.
    pub person: String,
    /// The Ed25519 key, 64 hexadecimal digits.
    pub public: String,
}

/// The signer's policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// From 1; a lower one than was used before is refused.
    pub version: u64,
    /// Whose approvals: 32 hexadecimal digits.
    pub cluster: String,
    /// By network.
    pub networks: BTreeMap<Network, NetworkPolicy>,
    /// Who may approve.
    pub approvers: Vec<Approver>,
}

/// Why a policy is not used.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// The file system.
    #[error(transparent)]
    File(#[from] FileError),
    /// No policy.
    #[error("this signer has no policy: nothing is signed before one is put in place")]
    Missing,
    /// Its tag is not this vault's.
    #[error("the policy was not put in place with this vault's key, or was changed since: refused")]
    Tag,
    /// It does not read.
    #[error("the policy does not read: {0}")]
    Json(String),
    /// It contradicts itself.
    #[error("the policy is refused: {0}")]
    Content(String),
    /// What it allows would never be signed.
    #[error("the policy contradicts itself: {0}")]
    Contradiction(Contradiction),
    /// It is not newer.
    #[error("policy version {found} is not newer than {present}: give it a higher number")]
    Version {
        /// Of the new one.
        found: u64,
        /// Of the present one.
        present: u64,
    },
}

impl Policy {
    /// Reads and checks a policy.
    ///
    /// # Errors
    /// [`PolicyError::Json`], [`PolicyError::Content`].
    pub fn parse(json: &str) -> Result<Policy, PolicyError> {
        let policy: Policy = serde_json::from_str(json).map_err(|error| PolicyError::Json(error.to_string()))?;
        policy.check()?;
        Ok(policy)
    }

    fn check(&self) -> Result<(), PolicyError> {
        let wrong = |what: String| Err(PolicyError::Content(what));
        if self.version == 0 {
            return wrong("versions begin with 1".into());
        }
        self.cluster_id()?;
        if self.approvers.len() > APPROVERS_MAX {
            return wrong(format!("more than {APPROVERS_MAX} approvers"));
        }
        for (at, approver) in self.approvers.iter().enumerate() {
            approver.public_key()?;
            let before = &self.approvers[..at];
            if before.iter().any(|other| other.key == approver.key || other.public == approver.public) {
                return wrong(format!("key {} is there twice", approver.key));
            }
            if approver.person.trim().is_empty() {
                return wrong(format!("key {} is nobody's", approver.key));
            }
        }
        for (network, of) in &self.networks {
            let params = self.params(*network)?;
            let sound = |address: &ChainAddress| {
                parse_address(&params, address.as_str()).is_ok_and(|canonical| canonical == *address)
            };
            if of.fee_minor_unit.0 == 0 {
                return wrong(format!("a minor unit of {network} is nothing"));
            }
            if let Some(address) = of.sweep_to.iter().find(|address| !sound(address)) {
                return wrong(format!("{address} is no address of {network} in its one form"));
            }
            let tokens = of.coins.iter().filter_map(|coin| match &coin.coin {
                Coin::Native => None,
                Coin::Token(contract) => Some(contract),
            });
            for contract in tokens.clone() {
                if !sound(contract) {
                    return wrong(format!("{contract} is no contract of {network} in its one form"));
                }
            }
            for (at, coin) in of.coins.iter().enumerate() {
                if of.coins[..at].iter().any(|other| other.coin == coin.coin) {
                    return wrong(format!("a coin of {network} is there twice"));
                }
                let rising = coin.rules.windows(2).all(|pair| pair[0].up_to < pair[1].up_to);
                if !rising
                    || coin.rules.len() > RULES_MAX
                    || coin.rules.iter().any(|rule| rule.approvals > APPROVALS_MAX)
                {
                    return wrong(format!(
                        "rules of {network} do not rise, are too many, or ask for too many approvals"
                    ));
                }
                if coin.hour_max > coin.day_max {
                    return wrong(format!("an hour of {network} allows more than a day"));
                }
            }
        }
        Ok(())
    }

    /// Whose approvals count.
    ///
    /// # Errors
    /// It does not read.
    pub fn cluster_id(&self) -> Result<ClusterId, PolicyError> {
        self.cluster.parse().map_err(|error| PolicyError::Content(format!("cluster: {error}")))
    }

    /// How a network is run.
    ///
    /// # Errors
    /// It is not in the policy, or its chain is another family's.
    pub fn params(&self, network: Network) -> Result<NetworkParams, PolicyError> {
        let of = self.networks.get(&network);
        let of = of.ok_or_else(|| PolicyError::Content(format!("{network} is not in the policy")))?;
        NetworkParams::custom(network, of.chain).map_err(|error| PolicyError::Content(error.to_string()))
    }

    /// Every network's parameters.
    ///
    /// # Errors
    /// As [`Policy::params`].
    pub fn all_params(&self) -> Result<Vec<NetworkParams>, PolicyError> {
        self.networks.keys().map(|network| self.params(*network)).collect()
    }
}

impl Approver {
    pub(crate) fn public_key(&self) -> Result<[u8; 32], PolicyError> {
        let mut key = [0; 32];
        hex::decode_to_slice(&self.public, &mut key)
            .map_err(|_| PolicyError::Content(format!("key {} is not 64 hexadecimal digits", self.key)))?;
        Ok(key)
    }
}

pub(super) fn tag(json: &[u8], vault_key: &Key32) -> blake3::Hash {
    blake3::keyed_hash(vault_key.derive("exchequer vault policy v1").bytes(), json)
}

/// Puts a policy in place, tagged with the key of an open vault.
///
/// # Errors
/// It does not read or contradicts itself, is not newer than the present one, or cannot be written.
pub fn install(folder: &Path, vault: &crate::sealed::Vault, json: &str) -> Result<Policy, PolicyError> {
    let policy = Policy::parse_new(json)?;
    match load(folder, vault) {
        Ok(present) if present.version >= policy.version => {
            return Err(PolicyError::Version { found: policy.version, present: present.version });
        }
        Ok(_) | Err(PolicyError::Missing) => {}
        Err(error) => return Err(error),
    }
    let mut bytes = tag(json.as_bytes(), vault.key()).as_bytes().to_vec();
    bytes.extend_from_slice(json.as_bytes());
    files::write_private(&folder.join(FILE_NAME), &bytes, Existing::Replace)?;
    Ok(policy)
}

/// The policy that is in place.
///
/// # Errors
/// There is none, or it is not this vault's.
pub fn load(folder: &Path, vault: &crate::sealed::Vault) -> Result<Policy, PolicyError> {
    let read = files::read_private(&folder.join(FILE_NAME), Readers::Owner, POLICY_BYTES_MAX + 32);
    let bytes = read.map_err(|error| if error.is_missing() { PolicyError::Missing } else { error.into() })?;
    read_tagged(&bytes, vault)
}

/// As [`load`], of the file's bytes.
pub(crate) fn read_tagged(bytes: &[u8], vault: &crate::sealed::Vault) -> Result<Policy, PolicyError> {
    let Some((found, json)) = bytes.split_first_chunk::<32>() else { return Err(PolicyError::Tag) };
    if tag(json, vault.key()) != blake3::Hash::from_bytes(*found) {
        return Err(PolicyError::Tag);
    }
    let json = std::str::from_utf8(json).map_err(|_| PolicyError::Json("not UTF-8".into()))?;
    Policy::parse(json)
}

/// The policy that is in place as its file has it, without the vault's key: to be shown. Whether it is this vault's is not
/// known, so nothing is decided by it.
///
/// # Errors
/// There is none, or it does not read.
pub fn peek(folder: &Path) -> Result<Policy, PolicyError> {
    let read = files::read_private(&folder.join(FILE_NAME), Readers::Owner, POLICY_BYTES_MAX + 32);
    let bytes = read.map_err(|error| if error.is_missing() { PolicyError::Missing } else { error.into() })?;
    peek_bytes(&bytes)
}

/// As [`peek`], of the file's bytes.
pub(crate) fn peek_bytes(tagged: &[u8]) -> Result<Policy, PolicyError> {
    let Some((_, json)) = tagged.split_first_chunk::<32>() else { return Err(PolicyError::Tag) };
    Policy::parse(std::str::from_utf8(json).map_err(|_| PolicyError::Json("not UTF-8".into()))?)
}

#[cfg(test)]
mod tests {
    use exchequer_domain::Timestamp;

    use super::*;
    use crate::sealed::{self, Opener};

    /// The example of the operators' page.
    fn example() -> String {
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/operators/signer.md");
        let page = std::fs::read_to_string(page).unwrap();
        let (_, rest) = page.split_once("```json\n").unwrap();
        rest.split_once("```").unwrap().0.replace("(64 hexadecimal digits)", &"ab".repeat(32))
    }

    /// Goal: the example of the operators' page is a policy, and what contradicts itself is none.
    #[test]
    fn what_contradicts_itself_is_no_policy() {
        let json = example();
        Policy::parse(&json).unwrap();
        for (from, to) in [
            ("\"version\": 1", "\"version\": 0"),
            ("\"version\": 1", "\"versions\": 1"),
            ("\"cluster\": \"03", "\"cluster\": \""),
            ("\"20000000000000000000\"", "\"50000000000000000001\""),
            ("\"20000000000000000000\"", "20"),
            ("\"20000000000000000000\"", "\"-20\""),
            ("\"2000000000000000000\"", "\"15000000000000000000\""),
            ("\"approvals\": 2", "\"approvals\": 17"),
            ("0x15d34AAf54267DB7D7c367839AAf71A00a2C6A65", "0x15d34aaf54267db7d7c367839aaf71a00a2c6a65"),
            ("{ \"Evm\": { \"chain_id\": 1 } }", "{ \"Bitcoin\": \"Mainnet\" }"),
            ("\"fee_minor_unit\": \"1\"", "\"fee_minor_unit\": \"0\""),
            ("\"Alice\"", "\" \""),
            ("abab", "ab"),
        ] {
            let wrong = json.replacen(from, to, 1);
            assert_ne!(wrong, json, "{from}");
            assert!(Policy::parse(&wrong).is_err(), "{to}");
        }
    }

    /// Goal: a policy is put in place by the vault's key alone, and only by a newer one; every bit of it counts.
    #[test]
    fn a_policy_is_put_in_place_by_the_vaults_key_alone() {
        let folder = tempfile::tempdir().unwrap();
        let key = folder.path().join("key");
        sealed::create_key_file(&key).unwrap();
        let opener = Opener::KeyFile(&key);
        let path = folder.path().join("one");
        let vault = sealed::init(&path, &opener, Timestamp(1)).unwrap();
        let other = sealed::init(&folder.path().join("two"), &opener, Timestamp(1)).unwrap();
        assert!(matches!(load(&path, &vault), Err(PolicyError::Missing)));
        let json = example();
        let policy = install(&path, &vault, &json).unwrap();
        assert_eq!(load(&path, &vault).unwrap(), policy);
        assert!(matches!(install(&path, &vault, &json), Err(PolicyError::Version { found: 1, present: 1 })));
        assert!(matches!(load(&path, &other), Err(PolicyError::Tag)));
        let next = json.replacen("\"version\": 1", "\"version\": 2", 1);
        assert!(matches!(install(&path, &other, &next), Err(PolicyError::Tag)));
        install(&path, &vault, &next).unwrap();
        let bytes = std::fs::read(path.join(FILE_NAME)).unwrap();
        for at in (0..bytes.len()).step_by(7) {
            let mut wrong = bytes.clone();
            wrong[at] ^= 4;
            files::write_private(&path.join(FILE_NAME), &wrong, Existing::Replace).unwrap();
            assert!(matches!(load(&path, &vault), Err(PolicyError::Tag)), "byte {at}");
        }
    }
}
