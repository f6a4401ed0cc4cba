//! Secrets: their text comes in and never goes out.

use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

use super::Changed;
use super::shapes::{CommandIdText, Moment, Reason, SecretName};

/// A text that is shown nowhere: neither in a log nor in a refusal.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretText(pub Zeroizing<String>);

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

impl Serialize for SecretText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for SecretText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<SecretText, D::Error> {
        // The derived error would show what was sent instead of a text.
        match serde_json::Value::deserialize(deserializer)? {
            serde_json::Value::String(text) => Ok(SecretText(Zeroizing::new(text))),
            _ => Err(serde::de::Error::custom("`value` is a text")),
        }
    }
}

impl JsonSchema for SecretText {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "SecretText".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "The text of a secret, 1 to 4096 bytes. It is sealed before it is stored, and never shown.",
            "minLength": 1,
            "maxLength": 4096,
            "writeOnly": true,
        })
    }
}

/// One secret, without its text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Secret {
    /// Its name.
    #[schemars(with = "SecretName")]
    pub name: String,
    /// How it is referred to.
    pub reference: String,
    /// How often it was put, from 1.
    pub version: u32,
    /// When it was made, in replicated time.
    #[schemars(with = "Moment")]
    pub created_at: String,
    /// Who put the present version, why and when.
    pub changed: Changed,
    /// The network whose endpoints refer to it.
    pub used_by: Option<String>,
}

/// `GET /v1/secrets`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Secrets {
    /// Every secret, by name.
    pub secrets: Vec<Secret>,
}

/// `PUT /v1/secrets/{name}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PutSecret {
    /// The text.
    pub value: SecretText,
    /// Refused unless its version is this one; zero for one that does not exist.
    pub if_version: Option<u32>,
    /// Why; kept in the audit.
    #[schemars(with = "Reason")]
    pub reason: String,
}

/// The answer to [`PutSecret`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SecretPut {
    /// The secret.
    #[schemars(with = "SecretName")]
    pub name: String,
    /// Its version since.
    pub version: u32,
    /// The entry it was applied in.
    pub index: u64,
    /// The command's id.
    #[schemars(with = "CommandIdText")]
    pub command_id: String,
}
