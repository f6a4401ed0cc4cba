//! Users and the keys of their programs.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::shapes::{AddressRange, CommandIdText, Label, Moment, Reason, ScopeWord};

/// One user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct User {
    /// Its number.
    pub user: u64,
    /// For people; may be empty.
    #[schemars(with = "Label")]
    pub label: String,
    /// How well the person is known, 0 to 3.
    pub kyc_level: u8,
    /// Which fees hold for it.
    pub fee_tier: u8,
    /// `active` or `frozen`; a frozen user receives money and sends none.
    pub status: String,
    /// When it was created, in replicated time.
    #[schemars(with = "Moment")]
    pub created_at: String,
}

/// `GET /v1/users`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Users {
    /// A page of the users, in the order of the numbers.
    pub users: Vec<User>,
    /// How many users there are; their numbers are 1 to this one.
    pub count: u64,
    /// Where the next page begins; none at the end.
    pub next_from: Option<u64>,
}

/// `POST /v1/users`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateUser {
    /// For people; at most 100 bytes. None for no label.
    #[schemars(with = "Option<Label>")]
    pub label: Option<String>,
    /// 0 to 3; 0 where nothing is said.
    #[schemars(range(max = 3))]
    pub kyc_level: Option<u8>,
    /// Which fees hold; 0 where nothing is said.
    pub fee_tier: Option<u8>,
    /// Makes so many users without labels at once; sandbox clusters only.
    #[schemars(range(min = 1, max = 10_000))]
    pub count: Option<u32>,
    /// 32 hexadecimal digits drawn by the sender; the same id takes effect once at most in 24 hours.
    #[schemars(with = "Option<CommandIdText>")]
    pub command_id: Option<String>,
}

/// The answer to [`CreateUser`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UserCreated {
    /// The number of the first new user.
    pub user: u64,
    /// How many there are, with consecutive numbers.
    pub count: u32,
    /// The entry it was applied in.
    pub index: u64,
    /// The command's id.
    #[schemars(with = "CommandIdText")]
    pub command_id: String,
}

/// `PATCH /v1/users/{user}`; what is not given stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateUser {
    /// At most 100 bytes; empty for none.
    #[schemars(with = "Option<Label>")]
    pub label: Option<String>,
    /// 0 to 3.
    #[schemars(range(max = 3))]
    pub kyc_level: Option<u8>,
    /// Which fees hold.
    pub fee_tier: Option<u8>,
    /// `active` or `frozen`.
    #[schemars(extend("enum" = ["active", "frozen", null]))]
    pub status: Option<String>,
    /// Why.
    #[schemars(with = "Reason")]
    pub reason: String,
    /// 32 hexadecimal digits drawn by the sender; the same id takes effect once at most in 24 hours.
    #[schemars(with = "Option<CommandIdText>")]
    pub command_id: Option<String>,
}

/// The answer to [`UpdateUser`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UserUpdated {
    /// The user.
    pub user: u64,
    /// Whether anything was different before.
    pub changed: bool,
    /// The entry it was applied in.
    pub index: u64,
    /// The command's id.
    #[schemars(with = "CommandIdText")]
    pub command_id: String,
}

/// One API key, without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ApiKey {
    /// Its number.
    pub id: u32,
    /// Its name, sent with every request.
    pub key: String,
    /// Whose it is.
    pub user: u64,
    /// For people.
    #[schemars(with = "Label")]
    pub label: String,
    /// `hmac-sha256` or `ed25519`.
    pub kind: String,
    /// The public key of an Ed25519 pair, hexadecimal.
    pub public_key: Option<String>,
    /// `read`, `trade`, `withdraw`.
    pub scopes: Vec<String>,
    /// Ranges such as `10.0.0.0/8` that it may be used from; anywhere when there is none.
    #[schemars(with = "Vec<AddressRange>")]
    pub addresses: Vec<String>,
    /// When it was created, in replicated time.
    #[schemars(with = "Moment")]
    pub created_at: String,
}

/// `GET /v1/users/{user}/api-keys`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ApiKeys {
    /// The user's keys that are not revoked, the oldest first.
    pub keys: Vec<ApiKey>,
}

/// `POST /v1/users/{user}/api-keys`. It has no command id: the secret is shown once, so a lost answer is made good by
/// revoking the key and making another one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateApiKey {
    /// For people; at most 100 bytes.
    #[schemars(with = "Option<Label>")]
    pub label: Option<String>,
    /// `read`, `trade`, `withdraw`.
    #[schemars(with = "Vec<ScopeWord>", length(min = 1))]
    pub scopes: Vec<String>,
    /// Addresses or ranges that it may be used from; a key that may withdraw needs one.
    #[schemars(with = "Option<Vec<AddressRange>>")]
    #[schemars(inner(length(max = 30)))]
    pub addresses: Option<Vec<String>>,
    /// The public key of an Ed25519 pair, hexadecimal or PEM; without one the key is of HMAC-SHA256.
    #[schemars(length(max = 500))]
    pub public_key: Option<String>,
    /// Why.
    #[schemars(with = "Reason")]
    pub reason: String,
}

/// The answer to [`CreateApiKey`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ApiKeyCreated {
    /// Its number.
    pub id: u32,
    /// Its name.
    pub key: String,
    /// The secret of a key of HMAC-SHA256, which is not shown again.
    pub secret: Option<String>,
    /// The entry it was applied in.
    pub index: u64,
    /// The command's id.
    #[schemars(with = "CommandIdText")]
    pub command_id: String,
}

/// `POST /v1/users/{user}/api-keys/revoke`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RevokeApiKey {
    /// The key's number or name.
    #[schemars(length(max = 64))]
    pub key: String,
    /// Why.
    #[schemars(with = "Reason")]
    pub reason: String,
    /// 32 hexadecimal digits drawn by the sender; the same id takes effect once at most in 24 hours.
    #[schemars(with = "Option<CommandIdText>")]
    pub command_id: Option<String>,
}

/// The answer to [`RevokeApiKey`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ApiKeyRevoked {
    /// The key's number.
    pub id: u32,
    /// The entry it was applied in.
    pub index: u64,
    /// The command's id.
    #[schemars(with = "CommandIdText")]
    pub command_id: String,
}
