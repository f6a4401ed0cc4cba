//! The guard of changes: what one person alone may not do to a setting.
//!
//! A setting whose danger is the highest changes only with a second person. A guarded one does where it moves further than
//! a part of what it was. Small steps do not lead around that: what counts is the distance from the value that held when
//! the first change of the last [`DAY_US`] began.

use exchequer_domain::Timestamp;

use super::schema::{self, Danger, Setting};
use super::scope::Key;
use super::value::Value;
use super::{SettingState, Settings};

/// How long steps are counted together, in microseconds.
pub const DAY_US: u64 = 86_400 * 1_000_000;

/// Whether a change of a setting from `old` to `new` needs a second person; `key` may name a place.
#[must_use]
pub fn needs_second_person(key: &str, old: &Value, new: &Value) -> bool {
    Key::parse(key).is_ok_and(|key| is_far(key.setting, old, new))
}

fn is_far(setting: &Setting, old: &Value, new: &Value) -> bool {
    if setting.danger >= Danger::Level3 {
        return old != new;
    }
    let Some(percent) = setting.guard_percent else { return false };
    let far = |old: u64, moved: u64| u128::from(moved) * 100 > u128::from(old) * u128::from(percent);
    match (old, new) {
        (Value::Integer(old), Value::Integer(new)) => far(old.unsigned_abs(), old.abs_diff(*new)),
        (Value::DurationUs(old), Value::DurationUs(new)) | (Value::Bytes(old), Value::Bytes(new)) => {
            far(*old, old.abs_diff(*new))
        }
        // Words and switches have no distance: any change is one.
        (
            Value::Bool(_) | Value::Integer(_) | Value::DurationUs(_) | Value::Bytes(_) | Value::Choice(_),
            Value::Bool(_) | Value::Integer(_) | Value::DurationUs(_) | Value::Bytes(_) | Value::Choice(_),
        ) => old != new,
    }
}

impl Settings {
    /// Whether giving `key` this value, or none for the less specific one, needs a second person at this time. A key that
    /// does not exist needs nobody: it is refused anyway.
    #[must_use]
    pub fn change_needs_second_person(&self, key: &str, new: Option<&Value>, now: Timestamp) -> bool {
        let Ok(key) = Key::parse(key) else { return false };
        let (present, before) = (self.value_at(&key), self.before(&key, now));
        let new = match new {
            Some(new) => new.clone(),
            None => self.value_without(&key),
        };
        [present, before].iter().any(|old| is_far(key.setting, old, &new))
    }

    /// Whether going back to a revision needs a second person: where it might change what one person alone may not.
    #[must_use]
    pub fn revert_needs_second_person(&self, to_revision: u64) -> bool {
        let mut changed = self.changed_after(to_revision);
        changed.any(|key| {
            let setting = key.split('@').next().and_then(schema::find);
            setting.is_some_and(|setting| setting.danger >= Danger::Level3 || setting.guard_percent.is_some())
        })
    }

    /// What held in a place when the present day of its changes began; the present value where none has.
    #[must_use]
    pub fn before(&self, key: &Key, now: Timestamp) -> Value {
        let state = self.state(&key.to_string()).filter(|state| is_same_day(state, now));
        state.map_or_else(|| self.value_at(key), |state| state.before.clone())
    }

    /// What [`SettingState::before`] and its moment are after a change at `now`.
    pub(crate) fn day_of(&self, key: &Key, now: Timestamp) -> (Value, Timestamp) {
        match self.state(&key.to_string()) {
            Some(state) if is_same_day(state, now) => (state.before.clone(), state.before_at),
            Some(_) | None => (self.value_at(key), now),
        }
    }
}

fn is_same_day(state: &SettingState, now: Timestamp) -> bool {
    now.0 < state.before_at.0.saturating_add(DAY_US)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::world::{DAY, World, set, unset};

    /// Goal: one person moves a guarded setting by half at most, in both directions, and a critical one not at all; other
    /// settings are free. Method: both sides of each limit.
    #[test]
    fn half_is_one_persons() {
        let integer = Value::Integer;
        for (key, old, new, needed) in [
            ("limit.orders_day", integer(100), integer(150), false),
            ("limit.orders_day", integer(100), integer(151), true),
            ("limit.orders_day", integer(100), integer(50), false),
            ("limit.orders_day", integer(100), integer(49), true),
            ("limit.orders_day", integer(0), integer(1), true),
            ("limit.orders_day", integer(i64::MAX), integer(i64::MIN), true),
            ("threshold.queue_age@kind:selftest", Value::DurationUs(100), Value::DurationUs(151), true),
            ("autopilot.min_quorum", integer(3), integer(4), true),
            ("autopilot.min_quorum", integer(3), integer(3), false),
            ("sweeps.hot_target_usd", integer(20_000), integer(1_000_000_000), true),
            ("log.entries_kept", integer(1), integer(1_000), false),
            ("no.such", integer(1), integer(1_000), false),
        ] {
            assert_eq!(needs_second_person(key, &old, &new), needed, "{key}: {old} -> {new}");
        }
    }

    /// Goal: small steps do not lead around the guard, and a day later the way is open again. Method: steps of less than
    /// half each; the state is loaded anew after each entry by the world.
    #[test]
    fn steps_of_a_day_count_together() {
        const KEY: &str = "limit.orders_day";
        let mut world = World::new();
        let needed = |world: &World, value: i64| {
            let (settings, now) = (world.state.settings(), world.now);
            settings.change_needs_second_person(KEY, Some(&Value::Integer(value)), now)
        };
        assert!(!needed(&world, 200_000) && needed(&world, 250_000));
        world.run(set(KEY, Value::Integer(200_000), None)).unwrap();
        world.now.0 += DAY - 1;
        assert!(!needed(&world, 240_000) && needed(&world, 250_000));
        world.run(set(KEY, Value::Integer(230_000), None)).unwrap();
        assert!(needed(&world, 250_000));
        world.now.0 += 1;
        assert!(!needed(&world, 250_000) && needed(&world, 350_000));
        // Taking a value away is a change like any other.
        let unset_needed = |world: &World| world.state.settings().change_needs_second_person(KEY, None, world.now);
        assert!(!unset_needed(&world));
        world.run(set(KEY, Value::Integer(340_000), None)).unwrap();
        assert!(unset_needed(&world));
        world.run(unset(KEY, None)).unwrap();
        assert!(world.state.settings().revert_needs_second_person(0));
        assert!(!world.state.settings().revert_needs_second_person(4));
    }
}
