//! `identity.toml`: which node of which cluster a data folder holds.
//!
//! It is the last file that `init` and `join` write, so its presence means that the others are complete. It ends with a
//! checksum: a damaged id must not start a node as somebody else.

use exchequer_domain::{ClusterId, Code, NodeId, Problem};
use serde::{Deserialize, Serialize};

const FORMAT: u32 = 1;
const HEADER: &str = "# Which node this folder holds. Written by exchequer; a change by hand is refused.\n";
const CHECKSUM: &str = "# checksum ";

/// Which node of which cluster a data folder holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The cluster.
    pub cluster_id: ClusterId,
    /// Which life of the cluster: 1, then numbers that only rise. A restore or a recovery from lost quorum begins the next one, so that nodes
    /// which were not part of it cannot come back with what they still hold.
    pub lineage: u64,
    /// The node.
    pub node_id: NodeId,
    /// The operator's name for the node, such as `n1`.
    pub name: String,
    /// Where clients reach it, `host:port`.
    pub api_address: String,
    /// Where other nodes reach it, `host:port`.
    pub peer_address: String,
    /// Whether the cluster was made for trying things out.
    pub sandbox: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    format: u32,
    cluster_id: String,
    lineage: u64,
    node_id: u64,
    name: String,
    api_address: String,
    peer_address: String,
    sandbox: bool,
}

#[derive(Deserialize)]
struct Format {
    format: u32,
}

impl Identity {
    /// Checks that the folder is the one that the configuration means.
    ///
    /// # Errors
    /// `FolderOfAnotherNode` when the names differ.
    pub fn expect_name(&self, configured: &str) -> Result<(), Problem> {
        if self.name == configured {
            return Ok(());
        }
        let message = format!(
            "the data folder belongs to the node `{}` (id {} of cluster {}), the configuration names `{}`",
            self.name.escape_debug(),
            self.node_id,
            self.cluster_id,
            configured.escape_debug()
        );
        Err(Problem::new(Code::FolderOfAnotherNode, message))
    }

    pub(crate) fn to_text(&self) -> Result<String, Problem> {
        let record = Record {
            format: FORMAT,
            cluster_id: self.cluster_id.to_string(),
            lineage: self.lineage,
            node_id: self.node_id.0,
            name: self.name.clone(),
            api_address: self.api_address.clone(),
            peer_address: self.peer_address.clone(),
            sandbox: self.sandbox,
        };
        let body = toml::to_string(&record)
            .map_err(|error| Problem::new(Code::Internal, format!("identity.toml cannot be written: {error}")))?;
        let text = format!("{HEADER}{body}");
        let checksum = blake3::hash(text.as_bytes());
        Ok(format!("{text}{CHECKSUM}{checksum}\n"))
    }

    pub(crate) fn from_text(bytes: &[u8]) -> Result<Identity, Problem> {
        let damaged = || Problem::new(Code::FileCorrupt, "identity.toml is damaged, or was changed by hand");
        let text = std::str::from_utf8(bytes).map_err(|_| damaged())?;
        let format: Format = toml::from_str(text).map_err(|_| damaged())?;
        if format.format > FORMAT {
            let message = format!("identity.toml has format {}, this version knows {FORMAT}", format.format);
            return Err(Problem::new(Code::FormatNewer, message));
        }
        let record: Record = toml::from_str(text).map_err(|_| damaged())?;
        let identity = Identity {
            cluster_id: record.cluster_id.parse().map_err(|_| damaged())?,
            lineage: record.lineage,
            node_id: NodeId(record.node_id),
            name: record.name,
            api_address: record.api_address,
            peer_address: record.peer_address,
            sandbox: record.sandbox,
        };
        let sound = identity.lineage > 0 && identity.node_id.0 > 0 && identity.to_text()? == text;
        if sound { Ok(identity) } else { Err(damaged()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::fixtures::identity;

    /// Goal: what is written reads back, whatever characters a name has; and the file is TOML for other tools too.
    #[test]
    fn reads_back() {
        let node = Identity { name: "n\"1\"\n# é".to_owned(), lineage: 3, sandbox: true, ..identity() };
        let text = node.to_text().unwrap();
        assert_eq!(Identity::from_text(text.as_bytes()).unwrap(), node);
        assert_eq!(toml::from_str::<toml::Table>(&text).unwrap()["node_id"].as_integer(), Some(1));
    }

    /// Goal: a newer format is told apart from damage, and ids that cannot be are refused.
    #[test]
    fn refuses_what_cannot_be() {
        let newer = identity().to_text().unwrap().replace("format = 1", "format = 2\nfuture = true");
        assert_eq!(Identity::from_text(newer.as_bytes()).unwrap_err().code, Code::FormatNewer);
        for odd in [Identity { lineage: 0, ..identity() }, Identity { node_id: NodeId(0), ..identity() }] {
            let text = odd.to_text().unwrap();
            assert_eq!(Identity::from_text(text.as_bytes()).unwrap_err().code, Code::FileCorrupt);
        }
    }

    /// Goal: a node never starts in the folder of another one.
    #[test]
    fn another_nodes_folder_is_named() {
        assert!(identity().expect_name("n1").is_ok());
        let refused = identity().expect_name("n2").unwrap_err();
        assert_eq!(refused.code, Code::FolderOfAnotherNode);
        assert!(refused.message.contains("`n1`") && refused.message.contains("`n2`"), "{refused}");
    }
}
