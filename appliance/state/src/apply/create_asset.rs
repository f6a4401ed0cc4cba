//! `CreateAsset`: there is something more that accounts can count.

use serde::{Deserialize, Serialize};

use super::{Entry, Stop, check_reason};
use crate::assets::{self, AssetRecord, DECIMALS_MAX, NAME_BYTES_MAX};
use crate::audit::AuditAction;
use crate::command::Actor;
use crate::event::EventKind;
use crate::outcome::Done;
use crate::rejection::{Field, Rejection};

/// Creates an asset under the next number. Nothing of it can be changed later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateAsset {
    /// 1 to 16 characters of A-Z and 0-9; no other asset's.
    pub code: String,
    /// Decimals of a unit, 0 to 18.
    pub decimals: u8,
    /// For people; 1 to 100 bytes.
    pub name: String,
    /// Why.
    pub reason: String,
}

impl CreateAsset {
    pub(super) fn apply(self, entry: &mut Entry<'_>, actor: Actor) -> Result<Done, Stop> {
        assets::check_code(&self.code)?;
        if self.decimals > DECIMALS_MAX {
            return Err(Rejection::Invalid { field: Field::AssetDecimals }.into());
        }
        let blank = self.name.trim().is_empty() || self.name.chars().any(char::is_control);
        if blank || self.name.len() > NAME_BYTES_MAX {
            return Err(Rejection::Invalid { field: Field::AssetName }.into());
        }
        check_reason(&self.reason)?;
        if let Some(other) = entry.state.assets.by_code(&self.code) {
            return Err(Rejection::AssetExists { asset: other.number }.into());
        }
        let number = entry.state.assets.next().ok_or(Rejection::AssetsFull)?;

        let detail = format!("asset {}, {} decimals, {}", number.0, self.decimals, self.name);
        let created_at = entry.now;
        let target = self.code.clone();

        entry.put_asset(AssetRecord { number, code: self.code, decimals: self.decimals, name: self.name, created_at });
        entry.audit(actor, AuditAction::CreateAsset, target, detail, self.reason);
        entry.event(EventKind::AssetCreated { asset: number });
        Ok(Done::AssetCreated { asset: number })
    }
}

#[cfg(test)]
mod tests {
    use exchequer_ledger::Asset;

    use super::*;
    use crate::tests::world::{World, asset};

    /// Goal: assets get numbers from 1, are found by number and code, and are on record; a code is given once.
    #[test]
    fn numbers_and_codes() {
        let mut world = World::new();
        for (code, number) in [("BTC", 1), ("1INCH", 2)] {
            assert_eq!(world.run(asset(code)), Ok(Done::AssetCreated { asset: Asset(number) }));
            let found = world.state.assets().get(Asset(number)).unwrap();
            assert_eq!((found.code.as_str(), found.decimals), (code, 8));
            assert_eq!(world.state.assets().by_code(code), Some(found));
        }
        assert_eq!(world.state.assets().iter().count(), 2);
        assert_eq!(world.state.assets().get(Asset(0)), None);
        assert_eq!(world.refused(asset("BTC")), Rejection::AssetExists { asset: Asset(1) });
        let record = world.audit().pop().unwrap().content;
        assert_eq!((record.target.as_str(), record.detail.as_str()), ("1INCH", "asset 2, 8 decimals, A coin"));
    }

    /// Goal: what breaks a rule is refused, at both sides of each limit.
    #[test]
    fn refuses_broken_fields() {
        let mut world = World::new();
        let crate::Body::CreateAsset(good) = asset("A") else { panic!("not an asset") };
        let body = |command| crate::Body::CreateAsset(command);
        for code in ["", "btc", "B-C", "É", &"X".repeat(17)] {
            let broken = body(CreateAsset { code: code.into(), ..good.clone() });
            assert_eq!(world.refused(broken), Rejection::Invalid { field: Field::AssetCode }, "{code}");
        }
        for name in ["", " ", "a\nb", &"n".repeat(101)] {
            let broken = body(CreateAsset { name: name.into(), ..good.clone() });
            assert_eq!(world.refused(broken), Rejection::Invalid { field: Field::AssetName }, "{name}");
        }
        let broken = body(CreateAsset { decimals: 19, ..good.clone() });
        assert_eq!(world.refused(broken), Rejection::Invalid { field: Field::AssetDecimals });
        assert_eq!(world.refused(body(CreateAsset { reason: " ".into(), ..good.clone() })), Rejection::ReasonMissing);
        let largest = CreateAsset { code: "X".repeat(16), decimals: 18, name: "n".repeat(100), ..good };
        assert!(world.run(body(largest)).is_ok());
    }
}
