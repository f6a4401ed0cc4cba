//! Recovery from a lost quorum, and restoring a snapshot: a new lineage of the cluster from one node.
//!
//! Both are done on a stopped node, change nothing until everything is checked, and leave a node that elects itself.
//! The members that are not part of it are refused from then on and can only join again.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use exchequer_domain::{ClusterId, Code, NodeId, Problem};
use exchequer_raft::{Address, Machine, offline};
use exchequer_state::registry::NodeVersion;
use exchequer_state::{FirstNode, Reform};
use exchequer_storage::{Disk, FolderDisk, create_folder};
use rustls_pki_types::CertificateDer;
use serde::Serialize;

use crate::identity::{Authority, Contents, Credentials, Folder, Grant, Identity, Keyring, NodeKey};
use crate::install::{AUTHORITY_KEY_PURPOSE, FIRST_CERTIFICATE_TTL, key_fingerprint};
use crate::machine::{Exchange, problem_of, storage_problem};
use crate::snapshot_file;

/// One member in a recovery plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlanMember {
    /// Its id.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// Its peer address.
    pub address: String,
    /// Whether it votes.
    pub voter: bool,
    /// Whether it is this node, which would go on.
    pub survives: bool,
}

/// What `cluster recover plan` tells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// The cluster; to be typed to confirm.
    pub cluster_id: String,
    /// The lineage now.
    pub lineage: u64,
    /// This node.
    pub node_id: u64,
    /// Its last entry: term and index.
    pub last_term: u64,
    /// The index of its last entry.
    pub last_index: u64,
    /// The last entry it knew to be committed.
    pub committed_index: u64,
    /// Entries that it holds without knowing them committed: they would become so.
    pub uncertain_entries: u64,
    /// The members it knows.
    pub members: Vec<PlanMember>,
    /// What to look at before going on, in sentences.
    pub warnings: Vec<String>,
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reformed {
    /// The cluster.
    pub cluster_id: String,
    /// Its new lineage.
    pub lineage: u64,
    /// The node that goes on.
    pub node_id: u64,
    /// The index of the entry that made it the only member.
    pub index: u64,
}

fn disk_of(folder: &Path) -> Result<Arc<FolderDisk>, Problem> {
    FolderDisk::open(folder).map(Arc::new).map_err(|error| storage_problem(&error))
}

/// Says what recovery on this node would mean. Changes nothing.
///
/// # Errors
/// `FolderLocked` where the server runs; damage; `LogLost` where this node may not be the one to go on with.
pub async fn plan(data_dir: &Path) -> Result<Plan, Problem> {
    let (folder, contents) = Folder::open(data_dir)?;
    let plan = plan_of(data_dir, &contents).await;
    drop(folder);
    plan
}

async fn plan_of(data_dir: &Path, contents: &Contents) -> Result<Plan, Problem> {
    let disk = disk_of(data_dir)?;
    let held = offline::inspect::<Exchange>(disk).await.map_err(|fatal| problem_of(&fatal))?;
    let me = contents.identity.node_id.0;
    let (last_term, last_index) = held.last.unwrap_or((0, 0));
    let committed_index = held.committed.unwrap_or(0).max(held.applied.unwrap_or(0));
    let members: Vec<PlanMember> = held
        .members
        .iter()
        .map(|(id, (address, voter))| PlanMember {
            id: *id,
            name: address.name.clone(),
            address: address.peer.clone(),
            voter: *voter,
            survives: *id == me,
        })
        .collect();
    let mut warnings = vec![
        "Entries that only the other nodes had are lost. Run the plan on every node that is left and go on with the \
         one whose last index is highest."
            .to_owned(),
    ];
    let voters = members.iter().filter(|member| member.voter).count();
    if voters <= 1 {
        warnings.push("This node is the only voter it knows: start it, it needs no recovery.".to_owned());
    }
    if members.iter().all(|member| !member.survives || !member.voter) {
        warnings.push("This node has no vote in the membership it knows.".to_owned());
    }
    Ok(Plan {
        cluster_id: contents.identity.cluster_id.to_string(),
        lineage: contents.identity.lineage,
        node_id: me,
        last_term,
        last_index,
        committed_index,
        uncertain_entries: last_index.saturating_sub(committed_index),
        members,
        warnings,
    })
}

/// Makes this node the only member of a new lineage.
///
/// # Errors
/// `RecoverUnconfirmed` where `confirm` is not the cluster id; `RecoverRefused` where nothing is to be recovered.
pub async fn apply(data_dir: &Path, confirm: &str, reason: &str) -> Result<Reformed, Problem> {
    let (mut folder, contents) = Folder::open(data_dir)?;
    let identity = contents.identity.clone();
    if confirm != identity.cluster_id.to_string() {
        let text = format!("`{confirm}` is not this cluster's id, {}", identity.cluster_id);
        return Err(Problem::new(Code::RecoverUnconfirmed, text));
    }
    let plan = plan_of(data_dir, &contents).await?;
    if plan.members.iter().filter(|member| member.voter).count() <= 1 {
        let text = "this node is the only voter it knows; it can be started as it is";
        return Err(Problem::new(Code::RecoverRefused, text));
    }
    let lineage = identity.lineage + 1;
    let reform = Reform {
        lineage,
        id: identity.node_id,
        node: FirstNode {
            name: identity.name.clone(),
            api_address: identity.api_address.clone(),
            peer_address: identity.peer_address.clone(),
            version: NodeVersion::of_this_program(),
            key_fingerprint: key_fingerprint(&contents.credentials.certificate),
        },
        restored: false,
        reason: reason.to_owned(),
    };
    // The note is there before the surgery: a crash in between leaves a node that can be recovered again.
    folder.write_bootstrap(&encode(&reform)?)?;
    let disk = disk_of(data_dir)?;
    let address = Address { name: identity.name.clone(), peer: identity.peer_address.clone() };
    let (id, index) = offline::reform::<Exchange>(disk, Some(identity.node_id.0), address)
        .await
        .map_err(|fatal| problem_of(&fatal))?;
    folder.install_identity(&Identity { lineage, ..identity.clone() })?;
    Ok(Reformed { cluster_id: identity.cluster_id.to_string(), lineage, node_id: id, index })
}

/// What a server does first in a folder that `init`, `recover` or `restore` left.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) enum FirstCommand {
    /// Make the cluster.
    Bootstrap(exchequer_state::Bootstrap),
    /// Begin a new lineage.
    Reform(Reform),
}

fn encode(reform: &Reform) -> Result<Vec<u8>, Problem> {
    postcard::to_stdvec(&FirstCommand::Reform(reform.clone()))
        .map_err(|error| Problem::new(Code::Internal, error.to_string()))
}

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
/// `FolderInitialised`; nothing is left in the folder then that a server would start from.
pub async fn restore(args: &Restore) -> Result<Reformed, Problem> {
    // Also where only the identity is lost: that log may be the last copy of something.
    Folder::expect_unused(&args.data_dir)?;
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

    let rebuilt = rebuild(args, cluster_id, &keyring).await;
    if rebuilt.is_err() {
        // A half restored folder must not look like a node's.
        for name in ["log", "guard", "CURRENT", "state-1", "snapshots", "incoming"] {
            let path = args.data_dir.join(name);
            let _ = if path.is_dir() { std::fs::remove_dir_all(&path) } else { std::fs::remove_file(&path) };
        }
    }
    rebuilt
}

async fn rebuild(args: &Restore, cluster_id: ClusterId, keyring: &Keyring) -> Result<Reformed, Problem> {
    create_folder(&args.data_dir).map_err(|error| storage_problem(&error))?;
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
    let lineage = cluster.lineage + 1;
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
            version: NodeVersion::of_this_program(),
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
    Folder::create_around(&args.data_dir, &contents, &encode(&reform)?)?;
    Ok(Reformed { cluster_id: cluster_id.to_string(), lineage, node_id: id, index })
}
