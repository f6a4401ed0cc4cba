//! Fees, accounts, balances and calls that are tried.

use exchequer_domain::ChainAddress;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::{EvmNode, borrowed, hex};
use crate::Coin;
use crate::node::{Account, DECIMALS, FeeFacts, NodeError, Trial, TrialCall, amount_of, decimals_of};
use crate::rpc::{Call, RpcError, Wide, data, quantity_u64, quantity_wide};
use crate::scan::{Header, Key};

/// Blocks of which tips are looked at.
const FEE_BLOCKS: u64 = 20;
/// Percentiles of tips in a block.
const PERCENTILES: [u8; 3] = [25, 50, 90];
/// The call of a token for a balance: the first bytes of the hash of `balanceOf(address)`.
const BALANCE_OF: [u8; 4] = [0x70, 0xa0, 0x82, 0x31];
/// A revert with a reason: the first bytes of the hash of `Error(string)`.
const ERROR_STRING: [u8; 4] = [0x08, 0xc3, 0x79, 0xa0];
/// How nodes call a revert.
const REVERTED: i64 = 3;
/// What programs of nodes say of a call that the contract's code did not come through, without the blanks: some write them, some the
/// names of their errors.
const FAILED_IN_IT: [&str; 22] = [
    "revert",
    "invalidopcode",
    "invalidfeopcode",
    "opcodenotfound",
    "undefinedinstruction",
    "badinstruction",
    "badjumpdestination",
    "invalidjump",
    "stackunderflow",
    "stackoverflow",
    "stacklimitreached",
    "outofoffset",
    "returndataoutofbounds",
    "gasuint64overflow",
    "writeprotection",
    "statechangeduringstaticcall",
    "callnotallowedinsidestatic",
    "maxcalldepthexceeded",
    "calltoodeep",
    "outofgas",
    "vmexecutionerror",
    "vmexception",
];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireHistory {
    #[serde(default)]
    base_fee_per_gas: Vec<String>,
    #[serde(default)]
    gas_used_ratio: Vec<Box<RawValue>>,
    #[serde(default)]
    reward: Option<Vec<Vec<String>>>,
}

impl EvmNode {
    pub(super) async fn identify(&self) -> Result<bool, NodeError> {
        let id: String = self.transport.call(&Call::new("eth_chainId", json!([]))).await?;
        let id = quantity_u64(&id).ok_or_else(|| NodeError::unreadable("no chain id"))?;
        Ok(id == self.params.chain_id()?)
    }

    pub(super) async fn fees(&self) -> Result<FeeFacts, NodeError> {
        let calls = [
            Call::new("eth_feeHistory", json!([hex(FEE_BLOCKS), "latest", PERCENTILES])),
            Call::new("eth_gasPrice", json!([])),
            Call::new("eth_maxPriorityFeePerGas", json!([])),
        ];
        let mut answers = self.transport.batch(&calls).await?.into_iter();
        let mut next = || answers.next().ok_or_else(|| NodeError::incomplete("an answer is missing"));
        let (history, price, tip) = (next()?, next()??, next()?);
        let amount = |json: &RawValue| number(json).ok_or_else(|| NodeError::unreadable("no price"));
        let (base_fee, tips) = match history {
            Ok(json) => history_facts(&borrowed(&json)?)?,
            Err(RpcError::Refused { .. }) => (None, None),
            Err(error) => return Err(error.into()),
        };
        let tip = match tip {
            Ok(json) => Some(amount(&json)?),
            Err(RpcError::Refused { .. }) => None,
            Err(error) => return Err(error.into()),
        };
        Ok(FeeFacts::Evm { base_fee, tips, gas_price: amount(&price)?, tip })
    }

    pub(super) async fn account(&self, address: &ChainAddress) -> Result<Account, NodeError> {
        let count = |tag: &str| Call::new("eth_getTransactionCount", json!([address.as_str(), tag]));
        let balance = Call::new("eth_getBalance", json!([address.as_str(), "latest"]));
        let mut answers =
            self.transport.batch(&[count("latest"), count("pending"), count("finalized"), balance]).await?.into_iter();
        let mut next = || answers.next().ok_or_else(|| NodeError::incomplete("an answer is missing"));
        let (latest, pending, finalized, balance) = (next()??, next()??, next()?, next()??);
        let nonce = |json: &RawValue| {
            number(json).and_then(|n| u64::try_from(n).ok()).ok_or_else(|| NodeError::unreadable("no nonce"))
        };
        let finalized = match finalized {
            Ok(json) => Some(nonce(&json)?),
            Err(RpcError::Refused { .. }) => None,
            Err(error) => return Err(error.into()),
        };
        let balance = number(&balance).ok_or_else(|| NodeError::unreadable("no balance"))?;
        Ok(Account::Evm { latest: nonce(&latest)?, pending: nonce(&pending)?, finalized, balance })
    }

    pub(super) async fn balances(
        &self,
        of: &[(ChainAddress, Coin)],
        at: Header,
    ) -> Result<Vec<Option<u128>>, NodeError> {
        // By hash: a height would quietly mean another block after a reorganisation.
        let at = json!({"blockHash": format!("0x{}", at.block.hash), "requireCanonical": true});
        let mut calls = Vec::with_capacity(of.len());
        for (address, coin) in of {
            calls.push(match coin {
                Coin::Native => Call::new("eth_getBalance", json!([address.as_str(), at])),
                Coin::Token(token) => {
                    let Key::Account(account) = Key::of_address(&self.params, address).map_err(crate::TxError::from)?
                    else {
                        return Err(NodeError::NoSuchThing("scripts"));
                    };
                    let data = [BALANCE_OF.as_slice(), &[0; 12], &account].concat();
                    let call = json!({"to": token.as_str(), "data": format!("0x{}", hex::encode(data))});
                    Call::new("eth_call", json!([call, at]))
                }
            });
        }
        let mut balances = Vec::with_capacity(of.len());
        for (answer, (_, coin)) in self.transport.batch(&calls).await?.into_iter().zip(of) {
            balances.push(match (coin, answer) {
                (Coin::Native, answer) => {
                    let told = number(&answer.map_err(state_error)?);
                    Some(told.ok_or_else(|| NodeError::unreadable("no balance"))?)
                }
                // Empty: there is no such contract, which is not the same as having nothing of it.
                (Coin::Token(_), Ok(json)) => {
                    let returned = data(borrowed::<&str>(&json)?).ok_or_else(|| NodeError::unreadable("no bytes"))?;
                    amount_of(&returned)
                }
                // What a contract says when it reverts is its own: no word of it is the node's.
                (Coin::Token(_), Err(error)) if is_revert(&error) => None,
                (Coin::Token(_), Err(error)) => match state_error(error) {
                    NodeError::Rpc(error) if failed_in_it(&error) => None,
                    error => return Err(error),
                },
            });
        }
        Ok(balances)
    }

    pub(super) async fn nonces(&self, of: &[ChainAddress], at: Header) -> Result<Vec<Option<u64>>, NodeError> {
        let at = json!({"blockHash": format!("0x{}", at.block.hash), "requireCanonical": true});
        let call = |address: &ChainAddress| Call::new("eth_getTransactionCount", json!([address.as_str(), at]));
        let calls: Vec<Call> = of.iter().map(call).collect();
        let mut nonces = Vec::with_capacity(of.len());
        for answer in self.transport.batch(&calls).await? {
            let json = answer.map_err(state_error)?;
            let nonce = number(&json).and_then(|nonce| u64::try_from(nonce).ok());
            nonces.push(Some(nonce.ok_or_else(|| NodeError::unreadable("no nonce"))?));
        }
        Ok(nonces)
    }

    /// Asked of nobody's account and without what it would cost: some nodes refuse a contract as the caller, and who has no gas knows
    /// its decimals all the same.
    pub(super) async fn decimals(&self, token: &ChainAddress) -> Result<Option<u8>, NodeError> {
        let call = json!({"to": token.as_str(), "data": format!("0x{}", hex::encode(DECIMALS))});
        match self.transport.call::<String>(&Call::new("eth_call", json!([call, "latest"]))).await {
            // Empty: there is no such contract.
            Ok(returned) => Ok(decimals_of(&data(&returned).ok_or_else(|| NodeError::unreadable("no bytes"))?)),
            // A contract that does not tell fails, for which each program of a node has words of its own. Whatever else a node says
            // is its own trouble: that it is asked too much says nothing of a contract.
            Err(error) if failed_in_it(&error) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    pub(super) async fn trial(&self, call: &TrialCall) -> Result<Trial, NodeError> {
        let call = json!({
            "from": call.from.as_str(),
            "to": call.to.as_str(),
            "value": format!("{:#x}", call.value),
            "data": format!("0x{}", hex::encode(&call.data)),
        });
        let calls = [Call::new("eth_call", json!([call, "latest"])), Call::new("eth_estimateGas", json!([call]))];
        let mut answers = self.transport.batch(&calls).await?.into_iter();
        let mut next = || answers.next().ok_or_else(|| NodeError::incomplete("an answer is missing"));
        let (returned, units) = (next()?, next()?);
        let (returned, units) = match (returned, units) {
            (Err(error), _) | (_, Err(error)) => return reverted(error),
            (Ok(returned), Ok(units)) => (returned, units),
        };
        let returned = data(borrowed::<&str>(&returned)?).ok_or_else(|| NodeError::unreadable("no bytes"))?;
        let units =
            number(&units).and_then(|n| u64::try_from(n).ok()).ok_or_else(|| NodeError::unreadable("no gas"))?;
        Ok(Trial::Done { returned, units })
    }
}

fn number(json: &RawValue) -> Option<u128> {
    serde_json::from_str::<&str>(json.get()).ok().and_then(quantity_wide).and_then(Wide::narrow)
}

/// The base fee of the next block, and the median tips.
fn history_facts(history: &WireHistory) -> Result<(Option<u128>, Option<[u128; 3]>), NodeError> {
    let read = |text: &String| {
        quantity_wide(text).and_then(Wide::narrow).ok_or_else(|| NodeError::unreadable("no fee in the history"))
    };
    // One more than there are blocks: the last one is of the block to come.
    let base_fee = history.base_fee_per_gas.last().map(read).transpose()?;
    // Ratios are fractions; all that is asked of them is whether they are 0.
    let empty = |ratio: &RawValue| ratio.get().bytes().all(|byte| matches!(byte, b'0' | b'.'));
    let used: Vec<bool> = history.gas_used_ratio.iter().map(|ratio| !empty(ratio)).collect();
    let mut tips = [Vec::new(), Vec::new(), Vec::new()];
    for (rewards, _) in history.reward.iter().flatten().zip(&used).filter(|(_, used)| **used) {
        for (to, reward) in tips.iter_mut().zip(rewards) {
            to.push(read(reward)?);
        }
    }
    let mut medians = [0; 3];
    for (to, tips) in medians.iter_mut().zip(&mut tips) {
        tips.sort_unstable();
        match tips.get(tips.len() / 2) {
            Some(median) => *to = *median,
            None => return Ok((base_fee, None)),
        }
    }
    Ok((base_fee, Some(medians)))
}

/// Why there is no state of a block.
fn state_error(error: RpcError) -> NodeError {
    let words = match &error {
        RpcError::Refused { message, .. } => message.to_lowercase(),
        RpcError::Unreachable(_) | RpcError::Lost(_) | RpcError::Busy { .. } | RpcError::Denied(_) => String::new(),
    };
    let pruned = [
        "missing trie node",
        "pruned",
        "due to pruning",
        "state not available",
        "state is not available",
        "no state available",
        "state unavailable",
        "historical state",
    ];
    // One names the state between its words.
    let named = words.starts_with("state ") && words.contains("is not available") || words.contains("fully indexed");
    if named || pruned.iter().any(|part| words.contains(part)) { NodeError::Pruned } else { NodeError::Rpc(error) }
}

/// Whether a contract ended a call by itself: how programs of nodes begin to say so, or their code for it with what the contract returned.
/// The code alone may be of whoever stands before the node.
fn is_revert(error: &RpcError) -> bool {
    let RpcError::Refused { code, message, data } = error else { return false };
    let words = message.trim_start().to_lowercase();
    let begins = ["execution reverted", "vm execution error", "vm exception while processing transaction"];
    begins.iter().any(|begin| words.starts_with(begin)) || (*code == REVERTED && data.is_some())
}

/// Whether a call was made and failed, by the words of a node's program.
fn failed_in_it(error: &RpcError) -> bool {
    let RpcError::Refused { message, .. } = error else { return false };
    let words: String = message.to_lowercase().split_whitespace().collect();
    is_revert(error) || FAILED_IN_IT.iter().any(|part| words.contains(part))
}

fn reverted(error: RpcError) -> Result<Trial, NodeError> {
    let RpcError::Refused { code, message, data: details } = error else { return Err(error.into()) };
    let words = message.to_lowercase();
    let hopeless = ["revert", "invalid opcode", "out of gas", "insufficient funds", "gas required exceeds allowance"];
    if code != REVERTED && !hopeless.iter().any(|part| words.contains(part)) {
        return Err(NodeError::Rpc(RpcError::Refused { code, message, data: details }));
    }
    let bytes =
        details.and_then(|json| serde_json::from_str::<Value>(&json).ok()).and_then(|json| data(json.as_str()?));
    let reason =
        bytes.as_deref().and_then(reason).map_or_else(|| message.clone(), |reason| format!("{message}: {reason}"));
    Ok(Trial::Reverted { reason })
}

/// The text of a revert that has one.
fn reason(bytes: &[u8]) -> Option<String> {
    let rest = bytes.strip_prefix(&ERROR_STRING)?.get(32..)?;
    let (length, text) = rest.split_at_checked(32)?;
    let length = Wide(length.try_into().ok()?).narrow().and_then(|length| usize::try_from(length).ok())?;
    let text = std::str::from_utf8(text.get(..length.min(200))?).ok()?;
    Some(text.chars().filter(|c| !c.is_control()).collect())
}
