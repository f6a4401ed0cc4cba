//! JSON-RPC 2.0, and 1.0 as Bitcoin nodes speak it: calls alone and in batches.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use super::{Lost, RpcError, Transport};

/// Most calls that are sent in one request; more are sent in several.
pub const BATCH_CALLS_MAX: usize = 100;
/// Longest data of a refusal that is kept, in bytes: a revert's reason.
const REFUSAL_DATA_BYTES_MAX: usize = 4096;
/// The code of JSON-RPC for a method that the node does not know.
const METHOD_UNKNOWN: i64 = -32601;

/// A question.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// What is asked for.
    pub method: &'static str,
    /// Its parameters, a list.
    pub params: Value,
}

impl Call {
    /// A question with parameters, a JSON list.
    #[must_use]
    pub fn new(method: &'static str, params: Value) -> Call {
        Call { method, params }
    }
}

#[derive(Serialize)]
struct Question<'a> {
    jsonrpc: &'static str,
    id: u64,
    method: &'a str,
    params: &'a Value,
}

#[derive(Deserialize)]
struct Reply<'a> {
    // Absent or null where the node could not read the question.
    #[serde(default)]
    id: Option<Value>,
    // Null is a result, and not the same as none.
    #[serde(default, borrow, deserialize_with = "present")]
    result: Option<&'a RawValue>,
    #[serde(default)]
    error: Option<Refusal>,
}

#[derive(Deserialize)]
struct Refusal {
    #[serde(default)]
    code: i64,
    #[serde(default)]
    message: String,
    #[serde(default)]
    data: Option<Box<RawValue>>,
}

/// What one call came to: the JSON of the result (`null` included), or why there is none.
pub(crate) type Reached = Result<Box<RawValue>, RpcError>;

impl RpcError {
    /// Whether the node knows no such method.
    #[must_use]
    pub fn method_unknown(&self) -> bool {
        match self {
            RpcError::Refused { code, message, .. } => {
                let message = message.to_ascii_lowercase();
                *code == METHOD_UNKNOWN
                    || message.contains("method not found")
                    || message.contains("does not exist/is not available")
            }
            RpcError::Unreachable(_) | RpcError::Lost(_) | RpcError::Busy { .. } | RpcError::Denied(_) => false,
        }
    }
}

/// Numbers by which providers tell that they are asked too often: their HTTP status, that of EIP-1474 for a limit, and one of QuickNode's.
const ASKED_TOO_OFTEN: [i64; 3] = [429, -32_005, -32_007];

impl Transport {
    /// Asks one question.
    ///
    /// # Errors
    /// See [`RpcError`].
    pub async fn call<T: DeserializeOwned>(&self, call: &Call) -> Result<T, RpcError> {
        let id = self.ids(1);
        let body = encode(&question(call, id))?;
        let answer = self.post("", body).await?;
        if answer.is_turned_away() {
            return Err(answer.failure("it is turned away"));
        }
        let Ok(reply) = serde_json::from_slice::<Reply<'_>>(&answer.body) else {
            return Err(answer.failure("no JSON-RPC"));
        };
        let known = reply.id.as_ref().and_then(Value::as_u64);
        if known.is_none() && reply.error.is_none() {
            return Err(answer.failure("no JSON-RPC"));
        }
        if known.is_some_and(|known| known != id) {
            return Err(RpcError::Lost(Lost::Ids("the id is another one")));
        }
        read(&self.judged(reply)?)
    }

    /// Asks several questions in as few requests as are allowed, and gives the answers in the questions' order. Nothing
    /// makes them answers about the same moment: compare hashes where that matters.
    ///
    /// # Errors
    /// Where a request as a whole came to nothing; a question that the node refuses is an error in its place.
    pub(crate) async fn batch(&self, calls: &[Call]) -> Result<Vec<Reached>, RpcError> {
        let mut all = Vec::with_capacity(calls.len());
        for part in calls.chunks(BATCH_CALLS_MAX) {
            all.extend(self.request(part).await?);
        }
        Ok(all)
    }

    async fn request(&self, calls: &[Call]) -> Result<Vec<Reached>, RpcError> {
        let count = calls.len() as u64;
        let first = self.ids(count);
        let questions: Vec<Question<'_>> = calls.iter().zip(first..).map(|(call, id)| question(call, id)).collect();
        let answer = self.post("", encode(&questions)?).await?;
        if answer.is_turned_away() {
            return Err(answer.failure("it is turned away"));
        }
        let Ok(replies) = serde_json::from_slice::<Vec<Reply<'_>>>(&answer.body) else {
            // A batch that is refused as a whole comes back as one refusal.
            return match serde_json::from_slice::<Reply<'_>>(&answer.body) {
                Ok(reply) if reply.error.is_some() => {
                    Err(self.judged(reply).err().unwrap_or_else(|| answer.failure("")))
                }
                Ok(_) | Err(_) => Err(answer.failure("no JSON-RPC batch")),
            };
        };
        let wrong = |why| RpcError::Lost(Lost::Ids(why));
        let mut found: BTreeMap<u64, Reply<'_>> = BTreeMap::new();
        for reply in replies {
            let id = reply.id.as_ref().and_then(Value::as_u64).ok_or(wrong("an answer has no id"))?;
            if !(first..first + count).contains(&id) {
                return Err(wrong("an answer has an id of no question"));
            }
            if found.insert(id, reply).is_some() {
                return Err(wrong("two answers have one id"));
            }
        }
        (first..first + count)
            .map(|id| found.remove(&id).map(|reply| self.judged(reply)).ok_or(wrong("an answer is missing")))
            .collect()
    }

    fn judged(&self, reply: Reply<'_>) -> Reached {
        match (reply.error, reply.result) {
            // Of the endpoint, which says so in a node's form; nothing was asked of the node, or nobody knows.
            (Some(error), _) if ASKED_TOO_OFTEN.contains(&error.code) => Err(RpcError::Busy { after: None }),
            (Some(error), _) => Err(RpcError::Refused {
                code: error.code,
                message: self.endpoint().clean(&error.message),
                data: error.data.map(|data| data.get().to_owned()).filter(|data| data.len() <= REFUSAL_DATA_BYTES_MAX),
            }),
            (None, Some(result)) => Ok(result.to_owned()),
            (None, None) => Err(RpcError::unreadable("neither a result nor an error")),
        }
    }
}

fn present<'de: 'a, 'a, D: serde::Deserializer<'de>>(from: D) -> Result<Option<&'a RawValue>, D::Error> {
    <&RawValue>::deserialize(from).map(Some)
}

fn question(call: &Call, id: u64) -> Question<'_> {
    Question { jsonrpc: "2.0", id, method: call.method, params: &call.params }
}

fn encode(value: &impl Serialize) -> Result<Vec<u8>, RpcError> {
    serde_json::to_vec(value).map_err(|error| RpcError::Unreachable(format!("the question cannot be written: {error}")))
}

/// A result as a type. What does not fit is an answer that was not asked for.
pub(crate) fn read<T: DeserializeOwned>(result: &RawValue) -> Result<T, RpcError> {
    serde_json::from_str(result.get()).map_err(|error| RpcError::misshapen(&error))
}
