//! The door for programs: encoded commands over gRPC, which is a POST over HTTP/2 with a length before the message.

use anyhow::{Context as _, Result, ensure};
use exchequer_domain::CommandId;
use exchequer_state::{Actor, Body, Command, Outcome};
use prost::Message;

use super::http::Http;

/// What stands before a message: a byte for compression, and its length.
const PREFIX_BYTES: usize = 5;

#[derive(Clone, PartialEq, Message)]
struct SubmitRequest {
    #[prost(bytes = "vec", repeated, tag = "1")]
    commands: Vec<Vec<u8>>,
}

#[derive(Clone, PartialEq, Message)]
struct SubmitReply {
    #[prost(bytes = "vec", repeated, tag = "1")]
    outcomes: Vec<Vec<u8>>,
    #[prost(uint64, tag = "2")]
    index: u64,
    #[prost(message, optional, tag = "3")]
    problem: Option<Problem>,
}

#[derive(Clone, PartialEq, Message)]
struct Problem {
    #[prost(string, tag = "1")]
    code: String,
    #[prost(string, tag = "2")]
    message: String,
}

impl Http {
    /// Has commands of the operator's carried out; their outcomes, in order.
    ///
    /// # Errors
    /// When no answer came, or none of them was taken.
    pub async fn submit(&self, bodies: Vec<Body>) -> Result<Vec<Outcome>> {
        let encode = |body| {
            let id = CommandId(rand::random());
            Command { id, actor: Actor::Operator, epoch: None, body }.encode()
        };
        let request = SubmitRequest { commands: bodies.into_iter().map(encode).collect() };
        let length = u32::try_from(request.encoded_len()).context("too much at once")?;
        let mut bytes = vec![0];
        bytes.extend_from_slice(&length.to_be_bytes());
        request.encode(&mut bytes)?;
        let answer = self.post_grpc("/exchequer.gateway.v1.Gateway/Submit", bytes).await?;
        let message = answer.get(PREFIX_BYTES..).context("an answer without a message")?;
        let reply = SubmitReply::decode(message).context("the answer is no reply")?;
        if let Some(problem) = reply.problem {
            anyhow::bail!("{}: {}", problem.code, problem.message);
        }
        ensure!(!reply.outcomes.is_empty(), "no outcomes");
        let read = |bytes: &Vec<u8>| Outcome::decode(bytes).map_err(|error| anyhow::anyhow!("{error}"));
        reply.outcomes.iter().map(read).collect()
    }
}
