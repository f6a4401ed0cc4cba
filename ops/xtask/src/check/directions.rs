//! Dependencies point one way (ARCHITECTURE.md draws the map; this table is what holds it).

use std::collections::BTreeSet;

use anyhow::Result;
use cargo_metadata::{DependencyKind, Metadata, Package};

use super::graph;

/// One crate of the workspace and the crates of the workspace that it may name.
struct Room {
    name: &'static str,
    may_use: &'static [&'static str],
    /// Computes the same everywhere: nothing of [`IMPURE`] may be in what it is built from.
    pure: bool,
}

/// Nodes of chains. What the exchange is built of has them for its tests alone.
const TEST_NODES: &str = "exchequer-test-nodes";

const ROOMS: &[Room] = &[
    Room { name: "exchequer-domain", may_use: &[], pure: true },
    Room { name: "exchequer-ledger", may_use: &["exchequer-domain"], pure: true },
    Room { name: "exchequer-matching", may_use: &["exchequer-domain"], pure: true },
    Room {
        name: "exchequer-state",
        may_use: &["exchequer-domain", "exchequer-ledger", "exchequer-market-data", "exchequer-matching"],
        pure: true,
    },
    // It is fed plain values: neither the books nor the state are known to it.
    Room { name: "exchequer-market-data", may_use: &["exchequer-domain"], pure: true },
    // What is said on chains, and how their nodes are asked; neither books nor state are known to it.
    Room { name: "exchequer-chains", may_use: &["exchequer-domain", TEST_NODES], pure: false },
    // Keys, in a process that knows what transactions do and nothing of the exchange.
    Room { name: "exchequer-vault", may_use: &["exchequer-chains", "exchequer-domain"], pure: false },
    // Processes of their own, which reach the exchange through their protocol alone.
    Room { name: "exchequer-workers", may_use: &["exchequer-chains", "exchequer-domain"], pure: false },
    Room { name: "exchequer-storage", may_use: &[], pure: false },
    // Consensus knows no exchange: not even the domain's vocabulary.
    Room { name: "exchequer-raft", may_use: &["exchequer-storage"], pure: false },
    Room {
        name: "exchequer-api",
        may_use: &[
            "exchequer-chains",
            "exchequer-domain",
            "exchequer-market-data",
            "exchequer-raft",
            "exchequer-state",
            "exchequer-ui",
        ],
        pure: false,
    },
    // The console's files; it knows nothing of what serves them.
    Room { name: "exchequer-ui", may_use: &[], pure: false },
    Room {
        name: "exchequer-node",
        may_use: &[
            "exchequer-api",
            "exchequer-chains",
            "exchequer-domain",
            "exchequer-matching",
            "exchequer-raft",
            "exchequer-state",
            "exchequer-storage",
            "exchequer-vault",
            "exchequer-workers",
        ],
        pure: false,
    },
    Room {
        name: "exchequer-tests",
        may_use: &[
            "exchequer-api",
            "exchequer-domain",
            "exchequer-node",
            "exchequer-raft",
            "exchequer-state",
            "exchequer-storage",
        ],
        pure: false,
    },
    // Targets for fuzzers: the parsers of the pure crates and of the doors.
    Room {
        name: "exchequer-fuzz",
        may_use: &["exchequer-api", "exchequer-domain", "exchequer-matching", "exchequer-state"],
        pure: false,
    },
    // Nodes of chains for tests; none of the exchange's own crates.
    Room { name: TEST_NODES, may_use: &[], pure: false },
    Room { name: "exchequer-simulation", may_use: &["exchequer-raft", "exchequer-storage"], pure: false },
    // It drives the binary from outside, as an operator does; the networks' nodes are as foreign to the exchange as real ones.
    Room { name: "xtask", may_use: &[TEST_NODES], pure: false },
];

/// A foreign crate, or a family of them by prefix, and the only rooms that may name it.
struct Fenced {
    prefix: &'static str,
    rooms: &'static [&'static str],
}

const FENCED: &[Fenced] = &[
    Fenced { prefix: "openraft", rooms: &["exchequer-raft"] },
    Fenced { prefix: "rocksdb", rooms: &["exchequer-storage"] },
    Fenced { prefix: "librocksdb-sys", rooms: &["exchequer-storage"] },
    Fenced { prefix: "ethers-signers", rooms: &["exchequer-chains", "exchequer-vault"] },
    Fenced { prefix: "ethers", rooms: &["exchequer-chains", "exchequer-vault"] },
    // xtask writes secret keys as wallets do, to look for them in what was written.
    Fenced { prefix: "bitcoin", rooms: &["exchequer-chains", "exchequer-vault", "xtask"] },
];

/// What brings a runtime, a clock, chance or the outside into a pure crate.
const IMPURE: &[&str] = &[
    "tokio",
    "mio",
    "async-std",
    "smol",
    "hyper",
    "reqwest",
    "socket2",
    "rand",
    "rand_core",
    "getrandom",
    "fastrand",
    "chrono",
    "time",
    "rocksdb",
    "openraft",
];

/// Crates with a part that is pure, which is all that pure crates use: ring can draw keys, and checks signatures without chance.
const OPAQUE: &[&str] = &["ring"];

/// Features that plant bugs or replace disks. Only this room may switch them on, and no room by default.
const TEST_FEATURES: (&str, &[&str]) = ("exchequer-simulation", &["planted-bugs", "simulated"]);

/// Everything in the workspace that breaks the table.
///
/// # Errors
/// Cargo's metadata is not whole.
pub(crate) fn findings(metadata: &Metadata) -> Result<Vec<String>> {
    let members = metadata.workspace_packages();
    let ours: BTreeSet<&str> = members.iter().map(|package| package.name.as_str()).collect();
    let mut findings = Vec::new();
    for package in &members {
        let Some(room) = ROOMS.iter().find(|room| room.name == package.name.as_str()) else {
            findings.push(format!("{}: not in the table of rooms (ops/xtask/src/check/directions.rs)", package.name));
            continue;
        };
        findings.extend(directions(package, room, &ours));
        if room.pure {
            findings.extend(impurities(&graph::normal_closure(metadata, &package.id, OPAQUE)?, room.name));
        }
    }
    Ok(findings)
}

fn directions(package: &Package, room: &Room, ours: &BTreeSet<&str>) -> Vec<String> {
    let mut findings = Vec::new();
    let default = package.features.get("default").into_iter().flatten();
    for feature in default.filter(|feature| TEST_FEATURES.1.contains(&feature.as_str())) {
        findings.push(format!("{}: {feature} must not be a default feature", room.name));
    }
    for dep in &package.dependencies {
        let name = dep.name.as_str();
        if ours.contains(name) && !room.may_use.contains(&name) {
            findings.push(format!("{}: may not depend on {name}", room.name));
        }
        if name == TEST_NODES && room.name != "xtask" && dep.kind != DependencyKind::Development {
            findings.push(format!("{}: {TEST_NODES} is for tests alone", room.name));
        }
        // The longest prefix decides, so that one crate of a family can have a fence of its own.
        let fence = FENCED.iter().filter(|fence| name.starts_with(fence.prefix)).max_by_key(|fence| fence.prefix.len());
        if let Some(fence) = fence.filter(|fence| !fence.rooms.contains(&room.name)) {
            findings.push(format!("{}: only {} may name {name}", room.name, fence.rooms.join(", ")));
        }
        let (tester, features) = TEST_FEATURES;
        let asked = dep.features.iter().find(|feature| features.contains(&feature.as_str()));
        if let Some(feature) = asked.filter(|_| room.name != tester && dep.kind != DependencyKind::Development) {
            findings.push(format!("{}: only {tester} may switch on {name}'s feature {feature}", room.name));
        }
        if room.pure && dep.kind == DependencyKind::Build {
            findings.push(format!("{}: a pure crate has no build dependency ({name})", room.name));
        }
    }
    findings
}

fn impurities(closure: &BTreeSet<String>, room: &str) -> Vec<String> {
    let found = IMPURE.iter().filter(|name| closure.contains(**name));
    found.map(|name| format!("{room}: a pure crate is built from {name}; see `cargo tree -i {name}`")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::repo;

    /// Goal: the workspace keeps the directions. Method: the table against cargo's own metadata.
    #[test]
    fn the_workspace_keeps_its_directions() {
        let metadata = repo::metadata().unwrap();
        assert_eq!(findings(&metadata).unwrap(), Vec::<String>::new());
    }

    /// Goal: the rules can fail. Method: real packages of the workspace held against rooms that allow nothing.
    #[test]
    fn a_broken_direction_is_found() {
        let metadata = repo::metadata().unwrap();
        let members = metadata.workspace_packages();
        let ours = members.iter().map(|package| package.name.as_str()).collect();
        let package = |name: &str| members.iter().copied().find(|package| package.name.as_str() == name).unwrap();

        let closed = Room { name: "exchequer-state", may_use: &[], pure: true };
        let found = directions(package("exchequer-state"), &closed, &ours);
        let refused = ["exchequer-domain", "exchequer-ledger", "exchequer-market-data", "exchequer-matching"];
        assert_eq!(found, refused.map(|name| format!("exchequer-state: may not depend on {name}")));
        let closed = Room { name: "exchequer-market-data", may_use: &["exchequer-state"], pure: true };
        let found = directions(package("exchequer-market-data"), &closed, &ours);
        assert_eq!(found, ["exchequer-market-data: may not depend on exchequer-domain"]);

        let disguised =
            Room { name: "exchequer-tests", may_use: &["exchequer-raft", "exchequer-storage"], pure: false };
        let found = directions(package("exchequer-simulation"), &disguised, &ours);
        let refused = ["exchequer-raft's feature planted-bugs", "exchequer-storage's feature simulated"];
        assert_eq!(
            found,
            refused.map(|what| format!("exchequer-tests: only exchequer-simulation may switch on {what}"))
        );

        let disguised = Room { name: "exchequer-api", may_use: &["exchequer-storage"], pure: false };
        let found = directions(package("exchequer-raft"), &disguised, &ours);
        assert_eq!(found, ["exchequer-api: only exchequer-raft may name openraft"]);
    }

    /// Goal: a runtime hidden behind another dependency is found. Method: the closure of a crate that has one.
    #[test]
    fn an_impure_closure_is_found() {
        let metadata = repo::metadata().unwrap();
        let api = metadata.workspace_packages().into_iter().find(|p| p.name.as_str() == "exchequer-api").unwrap();
        let found = impurities(&graph::normal_closure(&metadata, &api.id, &[]).unwrap(), "exchequer-api");
        assert!(found.iter().any(|finding| finding.contains("built from tokio")), "{found:?}");
    }

    /// Goal: the table itself has no slip: no name twice, no circle.
    #[test]
    fn the_table_has_no_circle() {
        let mut done: Vec<&str> = Vec::new();
        let mut left: Vec<&Room> = ROOMS.iter().collect();
        while !left.is_empty() {
            let before = left.len();
            left.retain(|room| {
                let ready = room.may_use.iter().all(|name| done.contains(name));
                if ready {
                    assert!(!done.contains(&room.name), "{} stands twice", room.name);
                    done.push(room.name);
                }
                !ready
            });
            assert!(left.len() < before, "a circle, or a name that is no room");
        }
    }
}
