//! Recovery from a lost quorum: a new lineage of the cluster from one survivor. Restoring a snapshot ends the same way.
//!
//! Both are done on a stopped node, change nothing until everything is checked, and leave a node that elects itself.
//! The members that are not part of it are refused from then on and can only join again.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use exchequer_domain::{Code, NodeId, Problem};
use exchequer_raft::{Address, offline};
use exchequer_state::registry::NodeVersion;
use exchequer_state::{FirstNode, Reform, check_reason};
use exchequer_storage::FolderDisk;
use serde::Serialize;

use crate::identity::{Contents, Folder, Identity};
use crate::install::{check_node, key_fingerprint, random, refused};
use crate::machine::{Exchange, problem_of, storage_problem};

/// How long the stores may take to close.
const CLOSE_PATIENCE: Duration = Duration::from_secs(5);

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
    /// What to know about it, in sentences.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// Two lineages that begin at the same one are this far apart at most. Numbers stay below 2^53, which every JSON reader
/// can tell apart, for thousands of them.
const LINEAGE_STEP_MAX: u64 = 1 << 40;

/// The number of a new lineage. It is drawn, not counted: the same snapshot restored twice, or two survivors recovered,
/// are two clusters whose nodes must not take each other for their own.
pub(crate) fn next_lineage(present: u64) -> Result<u64, Problem> {
    let drawn = u64::from_le_bytes(random()?) % LINEAGE_STEP_MAX;
    Ok(present.saturating_add(1 + drawn))
}

pub(crate) fn disk_of(folder: &Path) -> Result<Arc<FolderDisk>, Problem> {
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
    if !data_dir.join("log").exists() && !data_dir.join("CURRENT").exists() {
        return Err(Problem::new(
            Code::RecoverRefused,
            "no server ever ran in this folder: it holds nothing to go on with",
        ));
    }
    let disk = Arc::new(FolderDisk::look(data_dir));
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
         one whose last term is highest and, where several have that term, whose last index is."
            .to_owned(),
    ];
    if !has_vote(&members) {
        warnings.push("This node has no vote in the membership it knows: recovery is refused on it.".to_owned());
    } else if voters(&members) == 1 {
        warnings.push("This node is the only voter it knows: start it, it needs no recovery.".to_owned());
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

fn voters(members: &[PlanMember]) -> usize {
    members.iter().filter(|member| member.voter).count()
}

fn has_vote(members: &[PlanMember]) -> bool {
    members.iter().any(|member| member.survives && member.voter)
}

/// Refuses where recovery would be wrong or pointless.
fn expect_recoverable(plan: &Plan) -> Result<(), Problem> {
    let text = if !has_vote(&plan.members) {
        "this node has no vote in the membership it knows: what was acknowledged need not be on it"
    } else if voters(&plan.members) == 1 {
        "this node is the only voter it knows; it can be started as it is"
    } else {
        return Ok(());
    };
    Err(Problem::new(Code::RecoverRefused, text))
}

/// Makes this node the only member of a new lineage.
///
/// # Errors
/// `RecoverUnconfirmed` where `confirm` is not the cluster id; `RecoverRefused` where nothing is to be recovered; a
/// reason that the audit does not take.
pub async fn apply(data_dir: &Path, confirm: &str, reason: &str) -> Result<Reformed, Problem> {
    let (mut folder, contents) = Folder::open(data_dir)?;
    let identity = contents.identity.clone();
    if confirm != identity.cluster_id.to_string() {
        let text = format!("`{confirm}` is not this cluster's id, {}", identity.cluster_id);
        return Err(Problem::new(Code::RecoverUnconfirmed, text));
    }
    check_reason(reason).map_err(|rejection| refused(&rejection))?;
    check_node(&identity.name, &identity.api_address, &identity.peer_address)?;
    let plan = plan_of(data_dir, &contents).await?;
    expect_recoverable(&plan)?;
    let lineage = next_lineage(identity.lineage)?;
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
    let done = begin_anew(&mut folder, &identity, &reform).await;
    let given = give(&folder);
    let (id, index) = done?;
    given?;
    let cluster_id = identity.cluster_id.to_string();
    Ok(Reformed { cluster_id, lineage, node_id: id, index, warnings: plan.warnings })
}

/// The note for the server and the new lineage are there before the surgery: a crash in between leaves a node that the
/// others refuse and that can be recovered again. What fails before the surgery took leaves the folder as it was.
async fn begin_anew(folder: &mut Folder, former: &Identity, reform: &Reform) -> Result<(u64, u64), Problem> {
    let noted = folder
        .write_bootstrap(&encode(reform)?)
        .and_then(|()| folder.install_identity(&Identity { lineage: reform.lineage, ..former.clone() }));
    let done = match noted {
        Ok(()) => cut_off(folder.path(), reform).await,
        Err(problem) => Err(problem),
    };
    if done.is_err() && is_as_before(folder.path(), reform.id).await {
        // Best done, but not needed: the server follows the note on a node that is alone, and nowhere else.
        let _ = folder.remove_bootstrap();
        let _ = folder.install_identity(former);
    }
    done
}

async fn cut_off(data_dir: &Path, reform: &Reform) -> Result<(u64, u64), Problem> {
    let address = Address { name: reform.node.name.clone(), peer: reform.node.peer_address.clone() };
    let disk = disk_of(data_dir)?;
    offline::reform::<Exchange>(disk, Some(reform.id.0), address).await.map_err(|fatal| problem_of(&fatal))
}

/// Whether the membership is still one of several. Not where that cannot be told.
async fn is_as_before(data_dir: &Path, node: NodeId) -> bool {
    let held = offline::inspect::<Exchange>(Arc::new(FolderDisk::look(data_dir))).await;
    held.is_ok_and(|held| held.members.iter().any(|(id, (_, voter))| *voter && *id != node.0))
}

/// Gives what root made to the folder's owner, under whom the server runs. The stores are closed first: they write
/// files while they close.
pub(crate) fn give(folder: &Folder) -> Result<(), Problem> {
    if folder.is_anothers() {
        exchequer_raft::join_threads(CLOSE_PATIENCE);
    }
    folder.give_all()
}

/// What a server does first in a folder that `init`, `recover` or `restore` left.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) enum FirstCommand {
    /// Make the cluster.
    Bootstrap(exchequer_state::Bootstrap),
    /// Begin a new lineage.
    Reform(Reform),
    /// Make the cluster, and then its first owner.
    BootstrapWithOwner(exchequer_state::Bootstrap, Box<exchequer_state::CreateAdmin>),
}

pub(crate) fn encode(reform: &Reform) -> Result<Vec<u8>, Problem> {
    postcard::to_stdvec(&FirstCommand::Reform(reform.clone()))
        .map_err(|error| Problem::new(Code::Internal, error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: restored twice, or recovered on two survivors, a cluster goes on as two that tell each other apart. Method:
    /// many lineages drawn from the same one: all higher, all different, and exact in JSON.
    #[test]
    fn every_new_lineage_is_another() {
        let drawn: std::collections::BTreeSet<u64> = (0..1_000).map(|_| next_lineage(7).unwrap()).collect();
        assert_eq!(drawn.len(), 1_000);
        assert!(drawn.iter().all(|lineage| (8..1 << 53).contains(lineage)));
    }

    fn plan(members: &[(u64, bool)]) -> Plan {
        let member = |(id, voter): &(u64, bool)| PlanMember {
            id: *id,
            name: format!("n{id}"),
            address: format!("n{id}:1"),
            voter: *voter,
            survives: *id == 1,
        };
        Plan {
            cluster_id: String::new(),
            lineage: 1,
            node_id: 1,
            last_term: 1,
            last_index: 1,
            committed_index: 1,
            uncertain_entries: 0,
            members: members.iter().map(member).collect(),
            warnings: Vec::new(),
        }
    }

    /// Goal: only a voter that has lost others goes on. Method: memberships in which it is, and is not, one.
    #[test]
    fn who_may_go_on() {
        for good in [&[(1, true), (2, true)][..], &[(1, true), (2, true), (3, false)]] {
            assert_eq!(expect_recoverable(&plan(good)), Ok(()), "{good:?}");
        }
        for bad in [&[][..], &[(1, true)], &[(1, true), (2, false)], &[(1, false), (2, true), (3, true)], &[(2, true)]]
        {
            let refused = expect_recoverable(&plan(bad)).unwrap_err();
            assert_eq!(refused.code, Code::RecoverRefused, "{bad:?}");
        }
    }
}
