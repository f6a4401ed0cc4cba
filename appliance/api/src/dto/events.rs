//! Durable events and their consumers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::shapes::{CommandIdText, ConsumerName, Moment, Reason, TopicWord};

/// One durable event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Event {
    /// From 1, without gaps; the same on every node.
    pub number: u64,
    /// What it is about, coarsely.
    #[schemars(with = "TopicWord")]
    pub topic: String,
    /// What happened, such as `setting-changed`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What it happened to, among things of its topic; may be empty.
    pub key: String,
    /// The version of the shape of `data`.
    pub schema: u16,
    /// The entry of the log in which it arose.
    pub index: u64,
    /// Replicated time.
    #[schemars(with = "Moment")]
    pub time: String,
    /// The command that caused it; none where time or a new leader did.
    #[schemars(with = "Option<CommandIdText>")]
    pub command: Option<String>,
    /// On whose behalf that command was sent.
    pub actor: Option<String>,
    /// What the type has to say. Moments in it are microseconds since 1970.
    pub data: Value,
}

/// `GET /v1/events?from=&topics=&limit=`: the events from a number on, or the newest ones where none is given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EventPage {
    /// Oldest first.
    pub events: Vec<Event>,
    /// The number of the oldest event that is kept.
    pub first: u64,
    /// The number of the last event there is.
    pub last: u64,
    /// What to give as `from` to go on; beyond `last` where there is nothing more.
    pub next: u64,
}

/// One event that has no number and is kept nowhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EphemeralEvent {
    /// What it is about, coarsely.
    pub topic: String,
    /// What happened, such as `node-health`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What it happened to, among things of its topic.
    pub key: String,
    /// By the clock of the node that tells it.
    pub time: String,
    /// What the type has to say.
    pub data: Value,
}

/// Events that are not kept any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EventGap {
    /// The first one that was asked for.
    pub from: u64,
    /// The last one that is gone.
    pub to: u64,
}

/// Someone who reads events and whose offset is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Consumer {
    /// Its name.
    pub name: String,
    /// What it reads: words with commas between, or `all`.
    pub topics: String,
    /// The number of the last event it is done with.
    pub offset: u64,
    /// How many events there are behind its offset, of whatever topic.
    pub behind: u64,
    /// Whether events behind its offset are not kept any more.
    pub is_gapped: bool,
    /// When it last committed.
    #[schemars(with = "Option<Moment>")]
    pub committed_at: Option<String>,
    /// When it was made.
    #[schemars(with = "Moment")]
    pub created_at: String,
}

/// `GET /v1/events/consumers`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Consumers {
    /// By name.
    pub consumers: Vec<Consumer>,
    /// The number of the oldest event that is kept.
    pub first: u64,
    /// The number of the last event there is.
    pub last: u64,
}

/// `POST /v1/events/consumers`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AddConsumer {
    /// Free among consumers.
    #[schemars(with = "ConsumerName")]
    pub name: String,
    /// What it reads; everything where nothing is said.
    #[schemars(with = "Option<Vec<TopicWord>>")]
    pub topics: Option<Vec<String>>,
    /// The last event that it need not see: zero for all that are kept, none for those from now on.
    pub offset: Option<u64>,
    /// Why.
    #[schemars(with = "Reason")]
    pub reason: String,
    /// The same id takes effect once at most.
    #[schemars(with = "Option<CommandIdText>")]
    pub command_id: Option<String>,
}

/// `POST /v1/events/consumers/{consumer}/commit`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CommitConsumer {
    /// The number of the last event that is done with.
    pub offset: u64,
    /// Why the offset goes back; it must not where nothing is said.
    #[schemars(with = "Option<Reason>")]
    pub rewind: Option<String>,
    /// The same id takes effect once at most.
    #[schemars(with = "Option<CommandIdText>")]
    pub command_id: Option<String>,
}

/// `POST /v1/events/consumers/{consumer}/remove`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RemoveConsumer {
    /// Why.
    #[schemars(with = "Reason")]
    pub reason: String,
    /// The same id takes effect once at most.
    #[schemars(with = "Option<CommandIdText>")]
    pub command_id: Option<String>,
}

/// What became of a consumer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ConsumerChanged {
    /// Its name.
    pub name: String,
    /// Its offset; none where it is gone.
    pub offset: Option<u64>,
    /// The entry of the change.
    pub index: u64,
    /// The command.
    #[schemars(with = "CommandIdText")]
    pub command_id: String,
}
