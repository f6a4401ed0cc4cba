//! The node's static configuration: one small file, because everything else is a replicated setting.
//!
//! Layers, the later wins: defaults, `exchequer.toml`, `EXCHEQUER_<SECTION>__<KEY>`, flags.

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use exchequer_domain::{Code, Problem, parse_bytes, parse_duration};
use exchequer_state::Field;
use exchequer_state::registry::check_address;
use figment::Figment;
use figment::providers::{Env, Format, Serialized, Toml};
use serde::{Deserialize, Deserializer, Serialize};

use crate::listen::{OF_ADDRESS, OF_ADDRESS_RANGE};

/// Below, a log is cut into more files than it is worth; above, a start takes too long.
const LOG_BUFFER_BYTES: RangeInclusive<u64> = 128 << 10..=1 << 30;

/// What a node needs to know before it can read the replicated settings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The node's data folder.
    pub data_dir: PathBuf,
    /// The node's name; checked against the data folder where it is given.
    pub name: Option<String>,
    /// The door for clients.
    pub api: Listener,
    /// The door for peers.
    pub peer: Listener,
    /// The times of consensus.
    pub raft: RaftTimes,
    /// The disk.
    pub storage: StorageLimits,
    /// The signer beside the node.
    pub signer: SignerUse,
    /// The node's own log.
    pub log: LogOutput,
}

/// A listening address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listener {
    /// `host:port` to listen on. Empty: the address that was advertised at `init` or `join`.
    pub listen: String,
    /// `host:port` that others are told, where it is to change. Empty: as at `init` or `join`.
    pub advertise: String,
    /// Connections that one address may hold: 8 to 4,096. Of IPv6 a network of 64 bits counts as one.
    pub connections_of_address: u32,
}

/// The times of consensus; the same on every node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RaftTimes {
    /// Between heartbeats.
    #[serde(deserialize_with = "duration", serialize_with = "duration_text")]
    pub heartbeat: Duration,
    /// Without a heartbeat for this long at least, a follower stands for election.
    #[serde(deserialize_with = "duration", serialize_with = "duration_text")]
    pub election_timeout_min: Duration,
    /// At most this long.
    #[serde(deserialize_with = "duration", serialize_with = "duration_text")]
    pub election_timeout_max: Duration,
}

/// Limits of the disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StorageLimits {
    /// The size of the reserve file; below half of it in free space the node is read-only.
    #[serde(deserialize_with = "size", serialize_with = "size_text")]
    pub reserve: u64,
    /// Log kept in memory before it becomes a table file; a start reads back up to four times as much.
    #[serde(deserialize_with = "size", serialize_with = "size_text")]
    pub log_buffer: u64,
}

/// Who runs the signer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignerUse {
    /// A unit of the system does; otherwise the node runs one wherever its data folder has a vault.
    pub external: bool,
}

/// Where the node's log goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogOutput {
    /// `error`, `warn`, `info`, `debug`, `trace`, or directives such as `info,exchequer_raft=debug`.
    pub level: String,
    /// `text` or `json`.
    pub format: String,
}

impl Default for Config {
    fn default() -> Config {
        let listener =
            || Listener { listen: String::new(), advertise: String::new(), connections_of_address: OF_ADDRESS };
        Config {
            data_dir: PathBuf::from("/var/lib/exchequer"),
            name: None,
            api: listener(),
            peer: listener(),
            raft: RaftTimes {
                heartbeat: Duration::from_millis(50),
                election_timeout_min: Duration::from_millis(200),
                election_timeout_max: Duration::from_millis(400),
            },
            storage: StorageLimits { reserve: 256 << 20, log_buffer: 64 << 20 },
            signer: SignerUse { external: false },
            log: LogOutput { level: "info".to_owned(), format: "text".to_owned() },
        }
    }
}

impl Config {
    /// Reads the layers. A file that is named must exist.
    ///
    /// # Errors
    /// `ConfigUnknownKey` and `ConfigInvalid`, naming the key and where it stands.
    pub fn read(file: Option<&Path>, flags: &ConfigFlags) -> Result<Config, Problem> {
        if let Some(file) = file
            && !file.exists()
        {
            return Err(Problem::new(Code::ConfigInvalid, format!("{} does not exist", file.display())));
        }
        let mut figment = Figment::from(Serialized::defaults(Config::default()));
        if let Some(file) = file {
            figment = figment.merge(Toml::file_exact(file));
        }
        // The command line's own variables share the prefix; only the nested ones are the server's.
        figment = figment.merge(Env::prefixed("EXCHEQUER_").filter(|key| key.as_str().contains("__")).split("__"));
        let mut config: Config =
            figment.merge(Serialized::defaults(flags)).extract().map_err(|error| problem(&error))?;
        config.check()?;
        if let Some(folder) = &flags.data_dir {
            config.data_dir.clone_from(folder);
        }
        Ok(config)
    }

    fn check(&self) -> Result<(), Problem> {
        let invalid = |text: String| Err(Problem::new(Code::ConfigInvalid, text));
        let raft = &self.raft;
        if raft.heartbeat < Duration::from_millis(5) {
            return invalid("raft.heartbeat must be at least 5ms".to_owned());
        }
        if raft.election_timeout_min < raft.heartbeat * 2 || raft.election_timeout_max <= raft.election_timeout_min {
            return invalid(
                "raft.election_timeout_min must be at least twice raft.heartbeat and below raft.election_timeout_max"
                    .to_owned(),
            );
        }
        for (key, address, field) in [
            ("api.advertise", &self.api.advertise, Field::ApiAddress),
            ("peer.advertise", &self.peer.advertise, Field::PeerAddress),
        ] {
            let anywhere = ["0.0.0.0:", "[::]:"].iter().any(|any| address.starts_with(any));
            if !address.is_empty() && (anywhere || check_address(address, field).is_err()) {
                return invalid(format!("{key} is `{address}`; it must be HOST:PORT, by which others reach this node"));
            }
        }
        for (key, share) in [
            ("api.connections_of_address", self.api.connections_of_address),
            ("peer.connections_of_address", self.peer.connections_of_address),
        ] {
            if !OF_ADDRESS_RANGE.contains(&share) {
                let (least, most) = (OF_ADDRESS_RANGE.start(), OF_ADDRESS_RANGE.end());
                return invalid(format!("{key} is {share}; it must be between {least} and {most}"));
            }
        }
        if !LOG_BUFFER_BYTES.contains(&self.storage.log_buffer) {
            return invalid("storage.log_buffer must be between 128KiB and 1GiB".to_owned());
        }
        if !["text", "json"].contains(&self.log.format.as_str()) {
            return invalid(format!("log.format is `{}`; it must be text or json", self.log.format));
        }
        Ok(())
    }
}

/// What flags of `exchequer server` override.
#[derive(Debug, Clone, Default, Serialize)]
pub struct ConfigFlags {
    /// The data folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_dir: Option<PathBuf>,
}

fn problem(error: &figment::Error) -> Problem {
    let mut lines = Vec::new();
    let mut code = Code::ConfigInvalid;
    for one in error.clone() {
        if matches!(one.kind, figment::error::Kind::UnknownField(..)) {
            code = Code::ConfigUnknownKey;
        }
        lines.push(one.to_string());
    }
    Problem::new(code, lines.join("; "))
}

fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    parse_duration(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
}

fn duration_text<S: serde::Serializer>(span: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&exchequer_domain::format_duration(*span))
}

fn size<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    parse_bytes(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
}

fn size_text<S: serde::Serializer>(bytes: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&exchequer_domain::format_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Config, Problem> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("exchequer.toml");
        std::fs::write(&file, text).unwrap();
        Config::read(Some(&file), &ConfigFlags::default())
    }

    /// Goal: an operator's slips are named, not swallowed. Method: a misspelt key, a bare number, an impossible time.
    #[test]
    fn slips_are_named() {
        assert_eq!(read("").unwrap(), Config::default());
        assert_eq!(read("data_dri = \"/x\"").unwrap_err().code, Code::ConfigUnknownKey);
        assert_eq!(read("[raft]\nheartbeet = \"50ms\"").unwrap_err().code, Code::ConfigUnknownKey);
        let bare = read("[raft]\nheartbeat = \"50\"").unwrap_err();
        assert_eq!(bare.code, Code::ConfigInvalid);
        assert!(bare.message.contains("needs a unit") && bare.message.contains("heartbeat"), "{bare}");
        assert_eq!(read("[raft]\nelection_timeout_max = \"100ms\"").unwrap_err().code, Code::ConfigInvalid);
        for odd in ["n1", "n1:", "0.0.0.0:8640", "[::]:8640"] {
            let refused = read(&format!("[api]\nadvertise = \"{odd}\"")).unwrap_err();
            assert!(refused.code == Code::ConfigInvalid && refused.message.contains("api.advertise"), "{refused}");
        }
        for (odd, key) in [("[api]", "api.connections_of_address"), ("[peer]", "peer.connections_of_address")] {
            for share in [0, 7, 4_097] {
                let refused = read(&format!("{odd}\nconnections_of_address = {share}")).unwrap_err();
                assert!(refused.code == Code::ConfigInvalid && refused.message.contains(key), "{refused}");
            }
            assert!(read(&format!("{odd}\nconnections_of_address = 4096")).is_ok());
        }
        assert!(read("[peer]\nadvertise = \"n1.example:8641\"").is_ok());
        assert_eq!(read("[storage]\nlog_buffer = \"1KiB\"").unwrap_err().code, Code::ConfigInvalid);
        assert_eq!(read("[storage]\nreserve = \"64MiB\"").unwrap().storage.reserve, 64 << 20);
    }
}
