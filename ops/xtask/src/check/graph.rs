//! Who depends on whom, read from cargo's own resolution.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use cargo_metadata::{DependencyKind, Metadata, PackageId};

/// The packages that `start` is built from, itself included, along normal dependencies only: what ends up in a binary. What
/// those called `opaque` are built from is not looked at.
///
/// # Errors
/// The metadata has no resolution.
pub(crate) fn normal_closure(metadata: &Metadata, start: &PackageId, opaque: &[&str]) -> Result<BTreeSet<String>> {
    let resolve = metadata.resolve.as_ref().context("cargo metadata without a resolution")?;
    let mut next: BTreeMap<&PackageId, Vec<&PackageId>> = BTreeMap::new();
    for node in &resolve.nodes {
        let normal =
            node.deps.iter().filter(|dep| dep.dep_kinds.iter().any(|kind| kind.kind == DependencyKind::Normal));
        next.insert(&node.id, normal.map(|dep| &dep.pkg).collect());
    }
    let closed = metadata.packages.iter().filter(|package| opaque.contains(&package.name.as_str()));
    closed.for_each(|package| drop(next.remove(&package.id)));
    let mut seen = BTreeSet::from([start]);
    let mut queue = vec![start];
    while let Some(id) = queue.pop() {
        for dep in next.get(id).into_iter().flatten() {
            if seen.insert(dep) {
                queue.push(dep);
            }
        }
    }
    Ok(metadata.packages.iter().filter(|package| seen.contains(&package.id)).map(|p| p.name.to_string()).collect())
}
