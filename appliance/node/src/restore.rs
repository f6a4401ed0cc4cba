//! Restoring a snapshot: the first node of a new lineage in an empty folder.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use exchequer_domain::{ClusterId, Code, NodeId, Problem};
use exchequer_raft::{Address, Machine, offline};
use exchequer_state::registry::NodeVersion;
use exchequer_state::{FirstNode, Reform, check_reason};
use exchequer_storage::{Disk, create_folder};
use rustls_pki_types::CertificateDer;

use crate::identity::{Authority, Contents, Credentials, Folder, Grant, Identity, Keyring, NodeKey};
use crate::install::{AUTHORITY_KEY_PURPOSE, FIRST_CERTIFICATE_TTL, check_node, key_fingerprint, refused};
use crate::machine::{Exchange, problem_of, storage_problem};
use crate::recovery::{Reformed, disk_of, encode, give, next_lineage};
use crate::snapshot_file;

/// What a restore needs.
#[derive(Debug, Clone)]
pub struct Restore {
    /// The snapshot file.
    pub file: PathBuf,
    /// The keyring's export file.
    pub keyring: PathBuf,
    /// The data folder; it must hold no node.
    pub data_dir: PathBuf,
    /// The node's name.
    pub name: String,
    /// `host:port` at which clients will reach it.
    pub api_address: String,
    /// `host:port` at which peers will reach it.
    pub peer_address: String,
    /// Why; kept in the audit.
    pub reason: String,
}

/// Makes the first node of a new lineage from a snapshot file.
///
/// # Errors
/// `SnapshotOtherCluster` where keyring and snapshot differ, `SnapshotCorrupt`, `SnapshotTruncated`,
/// `FolderInitialised` where the folder is not empty; values that the state would refuse. The folder is empty then.
pub async fn restore(args: &Restore) -> Result<Reformed, Problem> {
    check_node(&args.name, &args.api_address, &args.peer_address)?;
    check_reason(&args.reason).map_err(|rejection| refused(&rejection))?;
    // Also where only the identity is lost: that log may be the last copy of something.
    Folder::expect_empty(&args.data_dir)?;
    let text = std::fs::read_to_string(&args.keyring)
        .map_err(|error| Problem::new(Code::KeyringWrong, format!("{}: {error}", args.keyring.display())))?;
    let keyring = Keyring::import(&text)?;
    let inspection = snapshot_file::inspect(&args.file)?;
    let cluster_id: ClusterId = inspection
        .origin
        .cluster_id
        .parse()
        .map_err(|_| Problem::new(Code::SnapshotCorrupt, "the snapshot's cluster id cannot be read"))?;
    if keyring.cluster_id() != cluster_id {
        let text = format!("the snapshot is of cluster {cluster_id}, the keyring of {}", keyring.cluster_id());
        return Err(Problem::new(Code::SnapshotOtherCluster, text));
    }

    let folder = Folder::claim(&args.data_dir)?;
    let rebuilt = rebuild(args, cluster_id, &keyring, &folder).await;
    if rebuilt.is_err() {
        folder.clear();
    }
    rebuilt
}

async fn rebuild(
    args: &Restore,
    cluster_id: ClusterId,
    keyring: &Keyring,
    folder: &Folder,
) -> Result<Reformed, Problem> {
    let disk = disk_of(&args.data_dir)?;
    let staging = args.data_dir.join("incoming").join("restore");
    create_folder(&staging).map_err(|error| storage_problem(&error))?;
    let (_, manifest) = snapshot_file::unpack(&args.file, &staging)?;
    let target = args.data_dir.join("incoming").join(&manifest.name);
    std::fs::rename(&staging, &target).map_err(|error| Problem::new(Code::Internal, error.to_string()))?;
    exchequer_storage::write_atomically(&target.join("manifest"), &manifest.encode())
        .map_err(|error| storage_problem(&error))?;
    let machine = offline::adopt::<Exchange, Exchange>(disk.as_ref(), &manifest, |rows| Exchange::load(rows))
        .map_err(|fatal| problem_of(&fatal))?;
    let cluster = machine
        .state
        .cluster()
        .cloned()
        .ok_or_else(|| Problem::new(Code::SnapshotCorrupt, "the snapshot holds no cluster"))?;
    if cluster.id != cluster_id {
        return Err(Problem::new(Code::SnapshotCorrupt, "the snapshot's rows are of another cluster"));
    }
    let key = keyring.open(AUTHORITY_KEY_PURPOSE, &cluster.authority.sealed_key)?;
    let authority = Authority::open(CertificateDer::from(cluster.authority.certificate_der.clone()), &key)?;
    let version = NodeVersion::of_this_program();
    version.check(cluster.logic_version).map_err(|rejection| refused(&rejection))?;
    let lineage = next_lineage(cluster.lineage)?;
    let address = Address { name: args.name.clone(), peer: args.peer_address.clone() };
    let shared: Arc<dyn Disk> = disk;
    let (id, index) = offline::reform::<Exchange>(shared, None, address).await.map_err(|fatal| problem_of(&fatal))?;

    let node_key = NodeKey::generate()?;
    let addresses = [args.api_address.clone(), args.peer_address.clone()];
    let grant =
        Grant { node_id: NodeId(id), addresses: &addresses, ttl: FIRST_CERTIFICATE_TTL, now: SystemTime::now() };
    let certificate = authority.sign(&node_key.request()?, &grant)?;
    let reform = Reform {
        lineage,
        id: NodeId(id),
        node: FirstNode {
            name: args.name.clone(),
            api_address: args.api_address.clone(),
            peer_address: args.peer_address.clone(),
            version,
            key_fingerprint: key_fingerprint(&certificate),
        },
        restored: true,
        reason: args.reason.clone(),
    };
    let contents = Contents {
        identity: Identity {
            cluster_id,
            lineage,
            node_id: NodeId(id),
            name: args.name.clone(),
            api_address: args.api_address.clone(),
            peer_address: args.peer_address.clone(),
            sandbox: cluster.sandbox,
        },
        credentials: Credentials { authorities: vec![authority.certificate().clone()], certificate, key: node_key },
        keyring: Keyring::import(&keyring.export())?,
    };
    give(folder)?;
    folder.complete(&contents, &encode(&reform)?)?;
    Ok(Reformed { cluster_id: cluster_id.to_string(), lineage, node_id: id, index, warnings: Vec::new() })
}
