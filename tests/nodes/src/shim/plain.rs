//! A node as it is; only the door adds faults.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::admit::Refused;
use super::door::{Backend, Call, Outcome, sorted};
use crate::faults::Fault;
use crate::rpc::Rpc;

/// What a node does for one asker at a time, and refuses to any other meanwhile.
const ALONE: &str = "scantxoutset";

#[derive(Debug)]
pub(super) struct Plain {
    upstream: Rpc,
    /// Shared by all endpoints of a node: each is to be like a node of its own, which the others' scans do not concern.
    turn: Arc<Mutex<()>>,
}

impl Plain {
    pub(super) fn new(upstream: Rpc, turn: Arc<Mutex<()>>) -> Plain {
        Plain { upstream, turn }
    }

    async fn forward(&self, calls: &[Call]) -> Vec<Outcome> {
        let alone = calls.iter().any(|call| call.method == ALONE);
        let _turn = if alone { Some(self.turn.lock().await) } else { None };
        let asked = |(at, call): (usize, &Call)| json!({"id": at, "method": call.method, "params": call.params});
        let bodies: Vec<Value> = calls.iter().enumerate().map(asked).collect();
        let outcomes = match self.upstream.send(&Value::Array(bodies)).await {
            Ok(answer) => sorted(answer, calls.len()),
            Err(error) => calls.iter().map(|_| Err(Refused::new(-32603, format!("{error:#}")))).collect(),
        };
        let forget = |(call, outcome): (&Call, Outcome)| match call.method.as_str() {
            "getrawtransaction" | "gettransaction" if call.faults.contains(&Fault::UnknownTransaction) => {
                Err(Refused::new(-5, "No such mempool or blockchain transaction"))
            }
            "getblock" | "getblockhash" if call.faults.contains(&Fault::MissingBlock) => {
                Err(Refused::new(-5, "Block not found"))
            }
            _ => outcome,
        };
        calls.iter().zip(outcomes).map(forget).collect()
    }
}

impl Backend for Plain {
    fn answer<'a>(&'a self, calls: &'a [Call]) -> Pin<Box<dyn Future<Output = Vec<Outcome>> + Send + 'a>> {
        Box::pin(self.forward(calls))
    }
}
