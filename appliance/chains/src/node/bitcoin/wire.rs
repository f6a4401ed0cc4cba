//! Answers of Bitcoin nodes, as they come.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::node::NodeError;
use crate::rpc::satoshis;

#[derive(Deserialize)]
pub(super) struct WireInfo<'a> {
    #[serde(borrow)]
    pub(super) chain: &'a str,
    pub(super) blocks: u64,
    #[serde(default)]
    pub(super) pruned: bool,
}

#[derive(Deserialize)]
pub(super) struct WireIndex {
    pub(super) synced: bool,
}

#[derive(Deserialize)]
pub(super) struct WireTx<'a> {
    #[serde(borrow)]
    pub(super) txid: &'a str,
    #[serde(default, borrow)]
    pub(super) blockhash: Option<&'a str>,
}

#[derive(Deserialize)]
pub(super) struct WireHeight {
    pub(super) height: u64,
    pub(super) confirmations: i64,
}

#[derive(Deserialize)]
pub(super) struct WireOutput<'a> {
    pub(super) confirmations: u32,
    #[serde(borrow)]
    pub(super) value: &'a RawValue,
    #[serde(borrow, rename = "scriptPubKey")]
    pub(super) script: WireScript<'a>,
    pub(super) coinbase: bool,
}

#[derive(Deserialize)]
pub(super) struct WireScript<'a> {
    #[serde(borrow)]
    pub(super) hex: &'a str,
}

#[derive(Deserialize)]
pub(super) struct WireEstimate<'a> {
    #[serde(default, borrow)]
    pub(super) feerate: Option<&'a RawValue>,
}

#[derive(Deserialize)]
pub(super) struct WirePool<'a> {
    #[serde(borrow)]
    pub(super) mempoolminfee: &'a RawValue,
    #[serde(borrow)]
    pub(super) minrelaytxfee: &'a RawValue,
    #[serde(borrow)]
    pub(super) incrementalrelayfee: &'a RawValue,
}

#[derive(Deserialize)]
pub(super) struct WireScan<'a> {
    pub(super) success: bool,
    #[serde(borrow)]
    pub(super) bestblock: &'a str,
    #[serde(borrow)]
    pub(super) unspents: Vec<WireUnspent<'a>>,
}

#[derive(Deserialize)]
pub(super) struct WireUnspent<'a> {
    #[serde(borrow, rename = "scriptPubKey")]
    pub(super) script: &'a str,
    #[serde(borrow)]
    pub(super) amount: &'a RawValue,
}

pub(super) fn sats(json: &RawValue) -> Result<u64, NodeError> {
    satoshis(json.get()).ok_or_else(|| NodeError::unreadable("an amount that is none"))
}
