//! The room of access: the operator token and the join tokens, hashes only.
//!
//! Invariants: a join token lets one node in, before it expires; at most [`TOKENS_MAX`] are kept. Tokens that are used
//! or expired stay for a week, so that a late joiner learns what is wrong instead of "unknown".

use std::collections::BTreeMap;

use exchequer_domain::{NodeId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::codec;
use crate::command::Actor;
use crate::halt::Halt;
use crate::rows::{self, Rows, Table};

/// Join tokens that are kept, usable or not.
pub const TOKENS_MAX: usize = 1_000;
/// Shortest life of a join token, in microseconds.
pub const TOKEN_TTL_US_MIN: u64 = 1_000_000;
/// Longest life of a join token, in microseconds: a week.
pub const TOKEN_TTL_US_MAX: u64 = 7 * 86_400 * 1_000_000;
/// How long a token is kept after its expiry, used or not, in microseconds: a week.
pub const TOKEN_KEPT_US: u64 = 7 * 86_400 * 1_000_000;

/// A one-time token for a node to join with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JoinToken {
    /// The public part.
    pub id: [u8; 8],
    /// BLAKE3 of the secret part.
    pub secret_hash: [u8; 32],
    /// It cannot be used from this moment on.
    pub expires_at: Timestamp,
    /// The node that it let in.
    pub used_by: Option<NodeId>,
    /// The node whose place the new one takes; none where it only joins.
    pub replaces: Option<NodeId>,
    /// Replicated time of its making.
    pub created_at: Timestamp,
    /// On whose behalf.
    pub created_by: Actor,
    /// Why.
    pub reason: String,
}

impl JoinToken {
    /// Whether a node could still join with it.
    #[must_use]
    pub fn usable(&self, now: Timestamp) -> bool {
        self.used_by.is_none() && now < self.expires_at
    }
}

/// Who may come in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Access {
    operator_token_hash: Option<[u8; 32]>,
    join_tokens: BTreeMap<[u8; 8], JoinToken>,
}

impl Access {
    pub(crate) fn load(rows: &dyn Rows) -> Result<Access, Halt> {
        let mut access = Access::default();
        rows::for_each_of_table(rows, Table::OperatorToken, |_, value| {
            let hash = codec::decode(value).map_err(|error| Halt::row(Table::OperatorToken, error))?;
            access.operator_token_hash = Some(hash);
            Ok(())
        })?;
        rows::for_each_of_table(rows, Table::JoinToken, |_, value| {
            let token = codec::decode(value).map_err(|error| Halt::row(Table::JoinToken, error))?;
            access.put_join_token(token);
            Ok(())
        })?;
        Ok(access)
    }

    /// BLAKE3 of the operator token; none before the bootstrap.
    #[must_use]
    pub fn operator_token_hash(&self) -> Option<&[u8; 32]> {
        self.operator_token_hash.as_ref()
    }

    /// The join token with this id, usable or not.
    #[must_use]
    pub fn join_token(&self, id: &[u8; 8]) -> Option<&JoinToken> {
        self.join_tokens.get(id)
    }

    /// The join tokens that are kept, by id.
    pub fn join_tokens(&self) -> impl Iterator<Item = &JoinToken> {
        self.join_tokens.values()
    }

    /// The tokens whose week after expiry is over.
    pub(crate) fn forgettable(&self, now: Timestamp) -> Vec<[u8; 8]> {
        let over = |token: &&JoinToken| now.0 >= token.expires_at.0.saturating_add(TOKEN_KEPT_US);
        self.join_tokens().filter(over).map(|token| token.id).collect()
    }

    /// When as many tokens are kept as may be: the useless one that expires first.
    pub(crate) fn displaced(&self, now: Timestamp) -> Result<Option<[u8; 8]>, crate::Rejection> {
        if self.join_tokens.len() < TOKENS_MAX {
            return Ok(None);
        }
        let useless = self.join_tokens().filter(|token| !token.usable(now));
        match useless.min_by_key(|token| token.expires_at) {
            Some(token) => Ok(Some(token.id)),
            None => Err(crate::Rejection::JoinTokensFull),
        }
    }

    pub(crate) fn set_operator_token_hash(&mut self, hash: [u8; 32]) {
        self.operator_token_hash = Some(hash);
    }

    pub(crate) fn put_join_token(&mut self, token: JoinToken) {
        self.join_tokens.insert(token.id, token);
    }

    pub(crate) fn forget_join_token(&mut self, id: &[u8; 8]) {
        self.join_tokens.remove(id);
    }
}
