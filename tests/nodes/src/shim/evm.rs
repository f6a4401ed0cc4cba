//! One endpoint of a network of Ethereum's kind: what a request is turned into before anvil sees it.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::{Value, json};

use super::admit::{Refused, admit, height, in_nodes_words};
use super::door::{Backend, Call, Outcome, sorted};
use super::dress::{dress, forked, named};
use super::profile::{Finality, Profile};
use super::{rlp, system};
use crate::faults::{Fault, Faults};
use crate::rpc::Rpc;

/// The methods that need a state, and where in their parameters the block stands.
const STATE: [(&str, usize); 6] = [
    ("eth_getBalance", 1),
    ("eth_getCode", 1),
    ("eth_getTransactionCount", 1),
    ("eth_getStorageAt", 2),
    ("eth_call", 1),
    ("eth_estimateGas", 1),
];
const BLOCKS: [&str; 3] = ["eth_getBlockByNumber", "eth_getBlockByHash", "eth_getBlockReceipts"];

/// What one request sees of the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct View {
    /// Anvil's height.
    pub(super) head: u64,
    /// The height that is shown.
    pub(super) shown: u64,
    /// None where the tag is not known.
    pub(super) safe: Option<u64>,
    /// None where the tag is not known.
    pub(super) finalized: Option<u64>,
    /// The first block that is another one.
    pub(super) fork: Option<u64>,
}

/// The backend.
#[derive(Debug)]
pub(super) struct Evm {
    profile: Profile,
    upstream: Rpc,
    faults: Faults,
    finality: Arc<Mutex<Finality>>,
    /// The blocks of the network's own transactions that were shown.
    own: Mutex<HashMap<String, String>>,
    /// The true names of blocks that were shown under others.
    true_names: Mutex<HashMap<String, String>>,
}

/// What becomes of a call.
enum Step {
    Answer(Outcome),
    Forward(String, Value),
}

impl Evm {
    pub(super) fn new(profile: Profile, upstream: Rpc, faults: Faults, finality: Arc<Mutex<Finality>>) -> Evm {
        Evm { profile, upstream, faults, finality, own: Mutex::default(), true_names: Mutex::default() }
    }

    async fn all(&self, calls: &[Call]) -> Vec<Outcome> {
        let view = match self.view(calls).await {
            Ok(view) => view,
            Err(refused) => return calls.iter().map(|_| Err(refused.clone())).collect(),
        };
        let mut outcomes: Vec<Option<Outcome>> = Vec::with_capacity(calls.len());
        let mut forward = Vec::new();
        for call in calls {
            match self.prepare(&view, call).await {
                Step::Answer(outcome) => outcomes.push(Some(outcome)),
                Step::Forward(method, params) => {
                    forward.push(json!({"jsonrpc": "2.0", "id": forward.len(), "method": method, "params": params}));
                    outcomes.push(None);
                }
            }
        }
        let count = forward.len();
        let mut answered = match count {
            0 => Vec::new(),
            _ => match self.upstream.send(&Value::Array(forward)).await {
                Ok(answer) => sorted(answer, count),
                Err(error) => (0..count).map(|_| Err(Refused::new(-32603, format!("{error:#}")))).collect(),
            },
        }
        .into_iter();
        let mut finished = Vec::with_capacity(calls.len());
        for (call, outcome) in calls.iter().zip(outcomes) {
            finished.push(match outcome {
                Some(outcome) => outcome,
                None => match answered.next() {
                    Some(Ok(result)) => self.finish(&view, call, result).await,
                    Some(Err(refused)) if call.method == "eth_sendRawTransaction" => Err(in_nodes_words(refused)),
                    Some(Err(refused)) => Err(refused),
                    None => Err(Refused::new(-32603, "the node behind did not answer")),
                },
            });
        }
        finished
    }

    async fn view(&self, calls: &[Call]) -> Result<View, Refused> {
        let head = self.upstream.call("eth_blockNumber", json!([])).await.ok().as_ref().and_then(height);
        let head = head.ok_or_else(|| Refused::new(-32603, "the node behind does not answer"))?;
        let (mut shown, mut fork) = (head, None);
        for fault in calls.iter().flat_map(|call| &call.faults) {
            match fault {
                Fault::StuckAt { height } => shown = shown.min(*height),
                Fault::HeadBack { blocks } => {
                    shown = shown.min(head.saturating_sub(self.faults.below(blocks.saturating_add(1))));
                }
                Fault::MinorityFork { from, until_final } => fork = Some((*from, *until_final)),
                _ => {}
            }
        }
        let (safe, finalized) = match *self.finality.lock() {
            Finality::Behind { safe, finalized } => {
                (Some(shown.saturating_sub(safe)), Some(shown.saturating_sub(finalized)))
            }
            Finality::Halted { at } => (Some(at.min(shown)), Some(at.min(shown))),
            Finality::Unsupported => (None, None),
        };
        let is_over = |from: u64| finalized.is_some_and(|height| height >= from);
        let fork = fork.filter(|(from, until_final)| !until_final || !is_over(*from)).map(|(from, _)| from);
        Ok(View { head, shown, safe, finalized, fork })
    }

    async fn prepare(&self, view: &View, call: &Call) -> Step {
        match self.answer_here(view, call).await {
            Some(outcome) => Step::Answer(outcome),
            None => match self.rewrite(view, &call.method, call.params.clone()) {
                Ok((method, params)) => Step::Forward(method, params),
                Err(refused) => Step::Answer(Err(refused)),
            },
        }
    }

    /// What needs no anvil.
    async fn answer_here(&self, view: &View, call: &Call) -> Option<Outcome> {
        let (method, has) = (call.method.as_str(), |fault: &Fault| call.faults.contains(fault));
        let null = Some(Ok(Value::Null));
        match method {
            "eth_blockNumber" => return Some(Ok(json!(format!("0x{:x}", view.shown)))),
            "eth_getTransactionReceipt" if has(&Fault::NullReceipt) => return null,
            "eth_getBlockReceipts" if has(&Fault::NullReceipt) => return null,
            "eth_getTransactionByHash" if has(&Fault::UnknownTransaction) => return null,
            "eth_getTransactionReceipt" | "eth_getTransactionByHash" | "debug_traceTransaction" => {
                let hash = call.params.get(0).and_then(Value::as_str)?;
                let block_hash = self.own.lock().get(hash).cloned()?;
                return Some(Ok(self.own_transaction(method, &block_hash).await));
            }
            "eth_sendRawTransaction" => {
                let admitted = admit(self.profile, &self.upstream, &call.params).await;
                return match admitted {
                    Err(refused) => Some(Err(refused)),
                    Ok(sent) if has(&Fault::Swallow) => Some(Ok(json!(format!("0x{}", hex::encode(sent.hash))))),
                    Ok(_) => None,
                };
            }
            _ => {}
        }
        if BLOCKS.contains(&method) {
            let above = named(call.params.get(0)).is_some_and(|number| number > view.shown);
            return (above || has(&Fault::MissingBlock)).then_some(Ok(Value::Null));
        }
        let state = STATE.iter().find(|(name, _)| *name == method)?;
        if has(&Fault::PrunedState) {
            let root = hex::encode(rlp::keccak(method.as_bytes()));
            return Some(Err(Refused::new(-32000, format!("missing trie node {root} (path ) state is not available"))));
        }
        let above = named(call.params.get(state.1)).is_some_and(|number| number > view.shown);
        above.then(|| Err(Refused::new(-32000, "header not found")))
    }

    /// The call as anvil is to see it.
    fn rewrite(&self, view: &View, method: &str, mut params: Value) -> Result<(String, Value), Refused> {
        if method == "eth_getLogs" {
            self.bound_logs(view, &mut params)?;
        }
        let mut method = method.to_owned();
        if self.profile == Profile::Bsc && (method == "eth_getFinalizedHeader" || method == "eth_getFinalizedBlock") {
            let finalized = view.finalized.ok_or_else(|| Refused::new(-39001, "Unknown block"))?;
            let full = params.get(1).and_then(Value::as_bool).unwrap_or(false);
            params = json!([format!("0x{finalized:x}"), full]);
            "eth_getBlockByNumber".clone_into(&mut method);
        }
        // Raw bytes and hashes of transactions are no tags and no blocks.
        if method != "eth_sendRawTransaction" {
            self.translate(view, &mut params)?;
        }
        Ok((method, params))
    }

    /// Tags become heights, names on the other chain true names.
    fn translate(&self, view: &View, value: &mut Value) -> Result<(), Refused> {
        match value {
            Value::String(text) => {
                let at = match text.as_str() {
                    "safe" => Some(view.safe.ok_or_else(|| Refused::new(-39001, "safe block not found"))?),
                    "finalized" => {
                        Some(view.finalized.ok_or_else(|| Refused::new(-39001, "finalized block not found"))?)
                    }
                    "latest" | "pending" if view.shown < view.head => Some(view.shown),
                    _ => None,
                };
                if let Some(at) = at {
                    *text = format!("0x{at:x}");
                } else if let Some(name) = self.true_names.lock().get(text.as_str()) {
                    text.clone_from(name);
                }
                Ok(())
            }
            Value::Array(all) => all.iter_mut().try_for_each(|one| self.translate(view, one)),
            Value::Object(fields) => fields.values_mut().try_for_each(|one| self.translate(view, one)),
            Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
        }
    }

    /// The bounds of a question for logs, and nothing above what is shown.
    fn bound_logs(&self, view: &View, params: &mut Value) -> Result<(), Refused> {
        let Some(filter) = params.get_mut(0).and_then(Value::as_object_mut) else { return Ok(()) };
        if filter.contains_key("blockHash") {
            return Ok(());
        }
        let place = |name: &str| match filter.get(name).and_then(Value::as_str) {
            Some("earliest") => Some(0),
            Some("safe") => view.safe,
            Some("finalized") => view.finalized,
            Some("latest" | "pending") | None => Some(view.shown),
            Some(_) => height(filter.get(name)?),
        };
        let unknown = || Refused::new(-32602, "invalid block number or unknown tag");
        let (from, to) = (place("fromBlock").ok_or_else(unknown)?, place("toBlock").ok_or_else(unknown)?);
        if to < from {
            return Err(Refused::new(-32000, "invalid block range params"));
        }
        let most = self.profile.logs_blocks();
        if to - from >= most {
            return Err(Refused::new(-32602, format!("block range is too wide: at most {most} blocks")));
        }
        filter.insert("fromBlock".to_owned(), json!(format!("0x{from:x}")));
        filter.insert("toBlock".to_owned(), json!(format!("0x{:x}", to.min(view.shown).max(from))));
        if from > view.shown {
            // Asks for something that is there and empty: nothing can be in logs of no contract.
            filter.insert("address".to_owned(), json!([format!("0x{}", "00".repeat(20))]));
        }
        Ok(())
    }

    async fn finish(&self, view: &View, call: &Call, mut result: Value) -> Outcome {
        let method = match call.method.as_str() {
            "eth_getFinalizedHeader" | "eth_getFinalizedBlock" => "eth_getBlockByNumber",
            method => method,
        };
        if method == "eth_getBlockReceipts" && result.as_array().is_some_and(Vec::is_empty) {
            result = self.only_own(&call.params).await;
        }
        if method.starts_with("debug_traceBlock") {
            self.trace_own(&call.params, &mut result).await;
        }
        self.remember(view, &result);
        let full = call.params.get(1).and_then(Value::as_bool).unwrap_or(false);
        let mut dressed = dress(self.profile, view, method, full, result)?;
        if call.method == "eth_getFinalizedHeader"
            && let Some(fields) = dressed.as_object_mut()
        {
            fields.remove("transactions");
            fields.remove("uncles");
        }
        Ok(dressed)
    }

    /// Names that may come back in a later request.
    fn remember(&self, view: &View, result: &Value) {
        let Some((number, hash)) = system::block_of(result) else { return };
        if system::place(self.profile, number).is_some() {
            self.own.lock().insert(system::hash(hash), hash.to_owned());
        }
        if view.fork.is_some_and(|from| number >= from) {
            self.true_names.lock().insert(forked(hash), hash.to_owned());
        }
    }

    async fn block(&self, named: &Value) -> Option<Value> {
        let by_hash = named.as_str().is_some_and(|text| text.len() == 66);
        let method = if by_hash { "eth_getBlockByHash" } else { "eth_getBlockByNumber" };
        self.upstream.call(method, json!([named, false])).await.ok().filter(Value::is_object)
    }

    /// The receipts of a block in which nobody sent anything.
    async fn only_own(&self, params: &Value) -> Value {
        let named = params.get(0).map(|named| named.get("blockHash").unwrap_or(named).clone()).unwrap_or_default();
        let Some(block) = self.block(&named).await else { return json!([]) };
        let own = system::block_of(&block).filter(|(number, _)| system::place(self.profile, *number).is_some());
        match own {
            Some((number, hash)) => json!([system::receipt(self.profile, number, hash, 0, "0x0")]),
            None => json!([]),
        }
    }

    /// The trace of the network's own transaction, at its place among those of its block.
    async fn trace_own(&self, params: &Value, result: &mut Value) {
        let named = params.get(0).cloned().unwrap_or_default();
        let (Some(block), Some(all)) = (self.block(&named).await, result.as_array_mut()) else { return };
        let Some((number, hash)) = system::block_of(&block) else { return };
        let own = json!({"txHash": system::hash(hash), "result": system::frame(self.profile)});
        match system::place(self.profile, number) {
            Some(system::Place::First) => all.insert(0, own),
            Some(system::Place::Last) => all.push(own),
            None => {}
        }
    }

    async fn own_transaction(&self, method: &str, block_hash: &str) -> Value {
        let Some(block) = self.block(&json!(block_hash)).await else { return Value::Null };
        let Some((number, hash)) = system::block_of(&block) else { return Value::Null };
        let sent = block.get("transactions").and_then(Value::as_array).map_or(0, Vec::len) as u64;
        let index = if system::place(self.profile, number) == Some(system::Place::First) { 0 } else { sent };
        let used = block.get("gasUsed").and_then(Value::as_str).unwrap_or("0x0");
        match method {
            "eth_getTransactionReceipt" => system::receipt(self.profile, number, hash, index, used),
            "debug_traceTransaction" => system::frame(self.profile),
            _ => system::transaction(self.profile, number, hash, index),
        }
    }
}

impl Backend for Evm {
    fn answer<'a>(&'a self, calls: &'a [Call]) -> Pin<Box<dyn Future<Output = Vec<Outcome>> + Send + 'a>> {
        Box::pin(self.all(calls))
    }
}
