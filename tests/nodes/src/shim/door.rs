//! JSON-RPC over HTTP with faults: one call or a batch in, what a node answers out, or something that it should not.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use serde_json::{Value, json};

use super::admit::Refused;
use crate::faults::{Fault, Faults};
use crate::http::{Answers, Asked, Reply};
use crate::transport;

/// One call, and what is to happen to it.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) id: Value,
    pub(crate) method: String,
    pub(crate) params: Value,
    pub(crate) faults: Vec<Fault>,
}

/// What a call gives.
pub(crate) type Outcome = Result<Value, Refused>;

/// Whoever knows the answers.
pub(crate) trait Backend: Send + Sync + 'static {
    /// One outcome for each call, in the same order.
    fn answer<'a>(&'a self, calls: &'a [Call]) -> Pin<Box<dyn Future<Output = Vec<Outcome>> + Send + 'a>>;
}

/// The server's side.
pub(crate) struct Door<B> {
    pub(crate) backend: B,
    pub(crate) faults: Faults,
}

impl<B: Backend> Answers for Door<B> {
    fn answer(self: Arc<Self>, asked: Asked) -> Pin<Box<dyn Future<Output = Reply> + Send>> {
        Box::pin(async move {
            if let Some(reply) = transport::control(&self.faults, &asked) {
                return reply;
            }
            let body: Value = match serde_json::from_slice(&asked.body) {
                Ok(body) => body,
                Err(error) => return Reply::json(&failure(&Value::Null, &Refused::new(-32700, error.to_string()))),
            };
            self.calls(body).await
        })
    }
}

impl<B: Backend> Door<B> {
    async fn calls(&self, body: Value) -> Reply {
        let (batch, bodies) = match body {
            Value::Array(bodies) => (true, bodies),
            one => (false, vec![one]),
        };
        if bodies.is_empty() {
            return Reply::json(&failure(&Value::Null, &Refused::new(-32600, "empty batch")));
        }
        let calls: Vec<Call> = bodies.into_iter().map(|body| self.read(body)).collect();
        let all: Vec<Fault> = calls.iter().flat_map(|call| call.faults.iter().cloned()).collect();
        if let Some(reply) = transport::before(&all).await {
            return reply;
        }
        let outcomes = self.backend.answer(&calls).await;
        let mut replies: Vec<Value> = calls.iter().zip(outcomes).map(|(call, outcome)| reply(call, outcome)).collect();
        self.confuse(&all, &mut replies);
        let body = if batch { Value::Array(replies) } else { replies.into_iter().next().unwrap_or_default() };
        transport::after(&all, Reply::json(&body))
    }

    fn read(&self, mut body: Value) -> Call {
        let method = body.get("method").and_then(Value::as_str).unwrap_or_default().to_owned();
        let faults = self.faults.draw(&method);
        let mut take = |name: &str| body.get_mut(name).map(Value::take).unwrap_or_default();
        Call { id: take("id"), params: take("params"), method, faults }
    }

    /// What goes wrong between the replies of one answer.
    fn confuse(&self, faults: &[Fault], replies: &mut Vec<Value>) {
        if replies.is_empty() {
            return;
        }
        let at = |count: usize| self.faults.below(count as u64) as usize;
        if faults.contains(&Fault::WrongId) {
            let place = at(replies.len());
            if let Some(id) = replies.get_mut(place).and_then(|reply| reply.get_mut("id")) {
                *id = json!(4_000_000_000_u32);
            }
        }
        if faults.contains(&Fault::LostFromBatch) && replies.len() > 1 {
            replies.remove(at(replies.len()));
        }
        if faults.contains(&Fault::DuplicateReply)
            && let Some(twice) = replies.get(at(replies.len())).cloned()
        {
            replies.push(twice);
        }
        if faults.contains(&Fault::ReorderReplies) {
            self.faults.shuffle(replies);
        }
    }
}

fn reply(call: &Call, outcome: Outcome) -> Value {
    let broken = call.faults.iter().find_map(|fault| match fault {
        Fault::Error { code, message } => Some(Refused::new(*code, message.clone())),
        _ => None,
    });
    match broken.map_or(outcome, Err) {
        Ok(result) => json!({"jsonrpc": "2.0", "id": call.id, "result": result}),
        Err(refused) => failure(&call.id, &refused),
    }
}

fn failure(id: &Value, refused: &Refused) -> Value {
    let mut error = json!({"code": refused.code, "message": refused.message});
    if let (Some(data), Some(fields)) = (&refused.data, error.as_object_mut()) {
        fields.insert("data".to_owned(), data.clone());
    }
    json!({"jsonrpc": "2.0", "id": id, "error": error})
}

/// What is behind the door answered a batch whose ids are the places of the calls.
pub(crate) fn sorted(answer: Value, count: usize) -> Vec<Outcome> {
    let silent = || Err(Refused::new(-32603, "the node behind did not answer"));
    let mut outcomes: Vec<Outcome> = (0..count).map(|_| silent()).collect();
    let Value::Array(replies) = answer else { return outcomes };
    for mut reply in replies {
        let place = reply.get("id").and_then(Value::as_u64).and_then(|id| outcomes.get_mut(id as usize));
        let Some(place) = place else { continue };
        *place = match reply.get("error") {
            Some(error) if !error.is_null() => Err(Refused {
                code: error.get("code").and_then(Value::as_i64).unwrap_or(-32603),
                message: error.get("message").and_then(Value::as_str).unwrap_or_default().to_owned(),
                data: error.get("data").cloned(),
            }),
            _ => Ok(reply.get_mut("result").map(Value::take).unwrap_or_default()),
        };
    }
    outcomes
}
