//! Licences, sources and bans of everything the workspace is built from, by the lists in `deny.toml`.
//!
//! cargo-deny reads the same file; these rules hold the same promises where it is not installed.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context, Result};
use cargo_metadata::{Metadata, Package};
use serde::Deserialize;

use super::licence;
use crate::repo;

/// `deny.toml`, the parts that are held here.
#[derive(Debug, Deserialize)]
pub(crate) struct Policy {
    licenses: Licences,
    bans: Bans,
    sources: Sources,
}

#[derive(Debug, Deserialize)]
struct Licences {
    allow: Vec<String>,
    #[serde(default)]
    exceptions: Vec<Exception>,
}

#[derive(Debug, Deserialize)]
struct Exception {
    #[serde(rename = "crate")]
    name: String,
    allow: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Bans {
    deny: Vec<Ban>,
}

#[derive(Debug, Deserialize)]
struct Ban {
    #[serde(rename = "crate")]
    name: String,
    reason: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Sources {
    allow_registry: Vec<String>,
    allow_git: Vec<String>,
}

impl Policy {
    /// Reads `deny.toml`.
    ///
    /// # Errors
    /// It is missing or not in the expected form.
    pub(crate) fn read() -> Result<Policy> {
        let text = fs::read_to_string(repo::root().join("deny.toml")).context("deny.toml")?;
        toml::from_str(&text).context("deny.toml")
    }
}

/// Packages whose licence cannot be met with the allowed ones.
pub(crate) fn licences(metadata: &Metadata, policy: &Policy) -> Vec<String> {
    let exceptions: BTreeMap<&str, &Exception> =
        policy.licenses.exceptions.iter().map(|exception| (exception.name.as_str(), exception)).collect();
    let refused = |package: &&Package| {
        let extra = exceptions.get(package.name.as_str()).map(|exception| exception.allow.as_slice());
        let allowed = |name: &str| policy.licenses.allow.iter().chain(extra.unwrap_or_default()).any(|one| one == name);
        !licence::is_met(package.license.as_deref().unwrap_or_default(), &allowed)
    };
    let tell = |package: &Package| {
        let licence = package.license.as_deref().unwrap_or("no licence");
        format!("{} {}: {licence} is not allowed by deny.toml", package.name, package.version)
    };
    metadata.packages.iter().filter(refused).map(tell).collect()
}

/// Packages from anywhere but an allowed registry or the repository itself.
pub(crate) fn sources(metadata: &Metadata, policy: &Policy) -> Vec<String> {
    let mut findings = Vec::new();
    for package in &metadata.packages {
        let Some(source) = &package.source else {
            if !package.manifest_path.starts_with(&metadata.workspace_root) {
                findings.push(format!("{}: a path outside of the repository", package.name));
            }
            continue;
        };
        let registry = source.repr.strip_prefix("registry+").or_else(|| source.repr.strip_prefix("sparse+"));
        let git = source.repr.strip_prefix("git+").and_then(|url| url.split(['?', '#']).next());
        let allowed = registry.is_some_and(|url| policy.sources.allow_registry.iter().any(|one| one == url))
            || git.is_some_and(|url| policy.sources.allow_git.iter().any(|one| one == url));
        if !allowed {
            findings.push(format!("{} {}: comes from {}", package.name, package.version, source.repr));
        }
    }
    findings
}

/// Packages that `deny.toml` bans.
pub(crate) fn bans(metadata: &Metadata, policy: &Policy) -> Vec<String> {
    let mut findings = Vec::new();
    for package in &metadata.packages {
        for ban in policy.bans.deny.iter().filter(|ban| ban.name == package.name.as_str()) {
            findings.push(format!("{} {} is banned: {}", package.name, package.version, ban.reason));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: everything the workspace is built from is allowed.
    #[test]
    fn the_supply_is_allowed() {
        let (metadata, policy) = (repo::metadata().unwrap(), Policy::read().unwrap());
        assert_eq!(licences(&metadata, &policy), Vec::<String>::new());
        assert_eq!(sources(&metadata, &policy), Vec::<String>::new());
        assert_eq!(bans(&metadata, &policy), Vec::<String>::new());
    }

    /// Goal: the rules can fail. Method: the same packages under a policy that allows nothing and bans one of them.
    #[test]
    fn a_forbidden_supply_is_found() {
        let metadata = repo::metadata().unwrap();
        let policy: Policy = toml::from_str(
            r#"
            [licenses]
            allow = ["MIT"]
            exceptions = [{ crate = "untrusted", allow = ["ISC"] }]
            [bans]
            deny = [{ crate = "serde", reason = "as a test" }]
            [sources]
            allow-registry = []
            allow-git = []
            "#,
        )
        .unwrap();
        let refused = licences(&metadata, &policy);
        assert!(refused.iter().any(|finding| finding.starts_with("ring ")), "{refused:?}");
        assert!(!refused.iter().any(|finding| finding.starts_with("untrusted ")), "{refused:?}");
        let foreign = metadata.packages.iter().filter(|package| package.source.is_some()).count();
        assert_eq!(sources(&metadata, &policy).len(), foreign);
        let banned = bans(&metadata, &policy);
        assert!(banned.len() == 1 && banned[0].ends_with("is banned: as a test"), "{banned:?}");
    }

    /// Goal: a ban without a reason is not accepted, so that nobody has to guess later.
    #[test]
    fn bans_have_reasons() {
        for ban in Policy::read().unwrap().bans.deny {
            assert!(ban.reason.len() > 10, "{}: a ban needs a reason", ban.name);
        }
    }
}
