//! A node as it is; only the door adds faults.

use std::future::Future;
use std::pin::Pin;

use serde_json::{Value, json};

use super::admit::Refused;
use super::door::{Backend, Call, Outcome, sorted};
use crate::faults::Fault;
use crate::rpc::Rpc;

#[derive(Debug)]
pub(super) struct Plain {
    upstream: Rpc,
}

impl Plain {
    pub(super) fn new(upstream: Rpc) -> Plain {
        Plain { upstream }
    }

    async fn forward(&self, calls: &[Call]) -> Vec<Outcome> {
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
