//! The assets' room: what accounts count, and how many decimals a unit of it has.
//!
//! Invariants: numbers go from 1 without gaps; a code belongs to one asset for ever; nothing of an asset ever changes.

use std::collections::BTreeMap;

use exchequer_domain::Timestamp;
use exchequer_ledger::Asset;
use serde::{Deserialize, Serialize};

use crate::codec::{self, DecodeError};
use crate::halt::Halt;
use crate::rejection::{Field, Rejection};
use crate::rows::{self, Rows, Table};

/// Longest code.
pub const CODE_BYTES_MAX: usize = 16;
/// Longest name.
pub const NAME_BYTES_MAX: usize = 100;
/// Most decimals of a unit.
pub const DECIMALS_MAX: u8 = 18;
/// Assets that may exist.
pub const ASSETS_MAX: usize = 4_096;

/// One asset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssetRecord {
    /// Its number, by which the ledger knows it.
    pub number: Asset,
    /// The ticker, such as `BTC`; unique.
    pub code: String,
    /// A unit is ten to the power of this many minor units.
    pub decimals: u8,
    /// The name for people.
    pub name: String,
    /// Replicated time of its creation.
    pub created_at: Timestamp,
}

/// Every asset.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Assets {
    /// In the order of their numbers.
    assets: Vec<AssetRecord>,
    codes: BTreeMap<String, Asset>,
}

impl Assets {
    pub(crate) fn load(rows: &dyn Rows) -> Result<Assets, Halt> {
        let mut assets = Assets::default();
        rows::for_each_of_table(rows, Table::Asset, |key, value| {
            let asset: AssetRecord = codec::decode(value).map_err(|error| Halt::row(Table::Asset, error))?;
            let next = Some(asset.number) == assets.next() && key == asset.number.0.to_be_bytes();
            if !next || assets.codes.contains_key(&asset.code) {
                return Err(Halt::row(Table::Asset, DecodeError::Malformed));
            }
            assets.put(asset);
            Ok(())
        })?;
        Ok(assets)
    }

    /// An asset by its number.
    #[must_use]
    pub fn get(&self, number: Asset) -> Option<&AssetRecord> {
        self.assets.get(usize::try_from(number.0.checked_sub(1)?).ok()?)
    }

    /// An asset by its code.
    #[must_use]
    pub fn by_code(&self, code: &str) -> Option<&AssetRecord> {
        self.get(*self.codes.get(code)?)
    }

    /// Every asset, in the order of the numbers.
    pub fn iter(&self) -> impl Iterator<Item = &AssetRecord> {
        self.assets.iter()
    }

    /// The asset with this number, or the refusal that there is none.
    pub(crate) fn known(&self, asset: Asset) -> Result<&AssetRecord, Rejection> {
        self.get(asset).ok_or(Rejection::AssetUnknown { asset })
    }

    /// The number of the next asset; none when there are as many as there may be.
    pub(crate) fn next(&self) -> Option<Asset> {
        let number = u32::try_from(self.assets.len()).ok()?.checked_add(1)?;
        (self.assets.len() < ASSETS_MAX).then_some(Asset(number))
    }

    /// Adds the asset with the next number.
    pub(crate) fn put(&mut self, asset: AssetRecord) {
        self.codes.insert(asset.code.clone(), asset.number);
        self.assets.push(asset);
    }
}

/// Whether a code can be an asset's.
///
/// # Errors
/// `Invalid` of the code.
pub fn check_code(code: &str) -> Result<(), Rejection> {
    let allowed = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
    if (1..=CODE_BYTES_MAX).contains(&code.len()) && code.bytes().all(allowed) {
        Ok(())
    } else {
        Err(Rejection::Invalid { field: Field::AssetCode })
    }
}
