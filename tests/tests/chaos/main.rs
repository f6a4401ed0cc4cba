//! Real processes under faults: three servers in network namespaces of their own, clients that record everything, and
//! somebody who breaks things.
//!
//! One run is a seed and a time. Twelve clients write (plainly, by compare-and-set, under new and under repeated
//! command ids) and read (linearizably and locally) through all three nodes, while every 5 to 10 seconds something
//! happens: `kill -9` of one, two or all three, SIGSTOP, partitions of both kinds with the leader in the minority, full
//! disks, power cuts, a wiped node that joins again under a new id, rolling restarts, transfers of leadership. What
//! must hold:
//!
//! - no acknowledged write is lost, and no command takes effect twice;
//! - the history of each key is linearizable (checked with stateright's tester; `check.rs` says how it is fed), local
//!   reads never go back while their server runs, and definite refusals had no effect;
//! - within ten seconds of healing the three nodes have the same state hash, and `cluster verify` and `audit verify`
//!   agree;
//! - the cluster serves again after every fault, and no server ends or panics by itself.
//!
//! A run that has not seen every kind of fault take effect is invalid, which is not a pass. It goes on for at most
//! twice its time to get there.
//!
//! ```text
//! cargo test -p exchequer-tests --test chaos                                    # two minutes, and on until all was seen
//! EXCHEQUER_CHAOS_SECONDS=300 cargo test -p exchequer-tests --test chaos        # the slice in CI
//! EXCHEQUER_CHAOS_SECONDS=1800 cargo test -p exchequer-tests --test chaos       # the campaign
//! ```
//!
//! `EXCHEQUER_CHAOS_SEED` repeats a run's dice (which is not to repeat the run: real processes have their own time),
//! `EXCHEQUER_CHAOS_FAULTS=KillAll,PowerLeader` leaves only some kinds of faults. Where namespaces are not permitted the
//! run says so by name and takes place on loopback, without partitions, full disks and power cuts.
//!
//! That a power cut takes what was not synced, and that the run notices, is seen with Debian's `eatmydata`, whose library
//! turns every sync into nothing: with `LD_PRELOAD=libeatmydata.so` and `EXCHEQUER_CHAOS_FAULTS=PowerAll` the run must fail.

mod check;
mod disk;
mod faults;
mod ground;
mod history;
mod lab;
mod linear;
mod load;
mod nemesis;
mod plan;
mod planted;
mod report;
mod run;
mod say;

use anyhow::Result;

/// Goal: whatever happens to processes, network and disks, nothing acknowledged is lost, nothing happens twice, and
/// clients see one register. Method: the run that the module's documentation describes.
#[test]
fn three_nodes_under_faults() -> Result<()> {
    if !ground::is_inside() {
        match ground::Ground::prepare()? {
            Ok(ground) => return ground.run_inside("three_nodes_under_faults"),
            Err(error) => say::say(format_args!(
                "network namespaces are not permitted here ({error:#}): loopback, and no partitions"
            )),
        }
    }
    run::campaign(&plan::Plan::from_environment()?)
}
