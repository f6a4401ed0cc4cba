//! The history of the settings, and what is computed from it for readers.

use std::collections::BTreeMap;

use exchequer_domain::Timestamp;
use serde::{Deserialize, Serialize};

use super::value::Value;
use crate::codec::{self, DecodeError};
use crate::command::Actor;
use crate::rows::Table;

/// One revision, as its row holds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingChange {
    /// From 1 over all settings, without gaps.
    pub revision: u64,
    /// Which setting.
    pub key: String,
    /// The value before; none where the default held.
    pub old: Option<Value>,
    /// The value after; none where it went back to the default.
    pub new: Option<Value>,
    /// On whose behalf.
    pub actor: Actor,
    /// Why.
    pub reason: String,
    /// Replicated time.
    pub time: Timestamp,
    /// The log entry.
    pub index: u64,
}

impl SettingChange {
    /// Reads the value of a row of [`Table::SettingHistory`].
    ///
    /// # Errors
    /// The bytes are not a revision, or one of a newer program.
    pub fn decode(bytes: &[u8]) -> Result<SettingChange, DecodeError> {
        codec::decode(bytes)
    }
}

/// The row key of a revision.
#[must_use]
pub fn history_key(revision: u64) -> Vec<u8> {
    Table::SettingHistory.key(&revision.to_be_bytes())
}

/// The scan limits of what [`diff`] needs: every revision after the lower one, up to the higher one.
#[must_use]
pub fn history_range(from: u64, to: u64) -> (Vec<u8>, Vec<u8>) {
    Table::SettingHistory.range(from.min(to).saturating_add(1), from.max(to))
}

/// What differs in one setting between two revisions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Which setting.
    pub key: String,
    /// Its value as of the first revision; none is the default.
    pub from: Option<Value>,
    /// Its value as of the second revision; none is the default.
    pub to: Option<Value>,
}

/// What differs between the settings as of revision `from` and as of `to`, by key; either may be the later one.
///
/// `changes` are revisions in ascending order that include all of [`history_range`]; others are ignored.
pub fn diff(changes: impl IntoIterator<Item = SettingChange>, from: u64, to: u64) -> Vec<Difference> {
    let (low, high) = (from.min(to), from.max(to));
    let mut ends: BTreeMap<String, (Option<Value>, Option<Value>)> = BTreeMap::new();
    for change in changes.into_iter().filter(|change| change.revision > low && change.revision <= high) {
        ends.entry(change.key).or_insert((change.old, None)).1 = change.new;
    }
    let differing = ends.into_iter().filter(|(_, (at_low, at_high))| at_low != at_high);
    let directed = differing.map(|(key, (at_low, at_high))| match from <= to {
        true => Difference { key, from: at_low, to: at_high },
        false => Difference { key, from: at_high, to: at_low },
    });
    directed.collect()
}

/// The revisions of one setting, or of all.
pub fn history<'a>(
    changes: impl IntoIterator<Item = &'a SettingChange>,
    key: Option<&str>,
) -> impl Iterator<Item = &'a SettingChange> {
    changes.into_iter().filter(move |change| key.is_none_or(|key| change.key == key))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(revision: u64, key: &str, old: Option<i64>, new: Option<i64>) -> SettingChange {
        SettingChange {
            revision,
            key: key.into(),
            old: old.map(Value::Integer),
            new: new.map(Value::Integer),
            actor: Actor::Operator,
            reason: "test".into(),
            time: Timestamp(revision),
            index: revision,
        }
    }

    fn changes() -> Vec<SettingChange> {
        vec![
            change(1, "a", None, Some(1)),
            change(2, "b", None, Some(5)),
            change(3, "a", Some(1), Some(2)),
            change(4, "b", Some(5), None),
        ]
    }

    /// Goal: a diff shows the net effect between two revisions, in either direction, and nothing that came back to
    /// where it was.
    #[test]
    fn diff_is_the_net_effect() {
        let a = |from: Option<i64>, to: Option<i64>| Difference {
            key: "a".into(),
            from: from.map(Value::Integer),
            to: to.map(Value::Integer),
        };
        assert_eq!(diff(changes(), 0, 4), [a(None, Some(2))]);
        assert_eq!(diff(changes(), 4, 0), [a(Some(2), None)]);
        assert_eq!(diff(changes(), 1, 3)[0], a(Some(1), Some(2)));
        assert_eq!(diff(changes(), 1, 3)[1].to, Some(Value::Integer(5)));
        assert_eq!(diff(changes(), 2, 2), []);
    }

    /// Goal: the history of one setting leaves out the others.
    #[test]
    fn history_of_one_setting() {
        let all = changes();
        let of_b: Vec<u64> = history(&all, Some("b")).map(|change| change.revision).collect();
        assert_eq!(of_b, [2, 4]);
        assert_eq!(history(&all, None).count(), 4);
    }
}
