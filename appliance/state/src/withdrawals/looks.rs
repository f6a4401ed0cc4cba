//! Addresses that look alike. Whoever wants to be paid in somebody's place makes an address whose ends are those of one that is
//! known, and puts it where it is copied from; people compare the ends.
//!
//! Invariant: an address is known to a user once the user's book has it, or money of the user's was paid to it; what only asks for
//! money never becomes known by that.

use exchequer_domain::{ChainAddress, Family as ChainFamily, UserId};

use super::withdrawal::Order;
use crate::codec;
use crate::halt::Halt;
use crate::rows::{Rows, Table};
use crate::state::State;

/// Letters at each end that people compare.
const END_CHARS: usize = 4;
/// Known addresses of one look, the latest ones.
pub(crate) const ALIKE_MAX: usize = 8;

/// The ends of an address, without what all of its kind begin with, and without difference of capitals; none of what is too short
/// to have a middle.
fn ends(family: ChainFamily, address: &str) -> Option<[u8; 2 * END_CHARS]> {
    let text = address.to_ascii_lowercase();
    let bare = match family {
        ChainFamily::Evm => text.strip_prefix("0x").unwrap_or(&text),
        ChainFamily::Tron => text.strip_prefix('t').unwrap_or(&text),
        // Behind the network's word, the version; of the older kinds the first letter is the version.
        ChainFamily::Bitcoin => match text.split_once('1') {
            Some((word @ ("bc" | "tb" | "bcrt"), rest)) => rest.get(1..).unwrap_or(word),
            Some(_) | None => text.get(1..).unwrap_or(&text),
        },
    };
    let bytes = bare.as_bytes();
    if bytes.len() <= 2 * END_CHARS {
        return None;
    }
    let (first, last) = (bytes.first_chunk::<END_CHARS>()?, bytes.last_chunk::<END_CHARS>()?);
    [first.as_slice(), last.as_slice()].concat().try_into().ok()
}

/// The row of the addresses that a user knows and that look like this one; none of what is too short.
pub(crate) fn look_key(user: UserId, family: ChainFamily, address: &ChainAddress) -> Option<Vec<u8>> {
    let ends = ends(family, address.as_str())?;
    Some(Table::AddressLook.key(&[user.0.to_be_bytes().as_slice(), &[family as u8], &ends].concat()))
}

/// Of the addresses that look like this one the latest, where this one is none of them.
pub(crate) fn stranger_among(known: &[ChainAddress], address: &ChainAddress) -> Option<ChainAddress> {
    if known.contains(address) { None } else { known.last().cloned() }
}

impl State {
    /// A known address of the user's that the address of an order looks like without being it; none where there is none.
    ///
    /// # Errors
    /// The rows cannot be read, are damaged, or are of a newer program.
    pub fn looks_like(&self, rows: &dyn Rows, order: &Order) -> Result<Option<ChainAddress>, Halt> {
        let Some(key) = look_key(order.user, order.network.family(), &order.to) else { return Ok(None) };
        let row = rows.get(Table::AddressLook.family(), &key)?;
        let known = row.map(|row| codec::decode::<Vec<ChainAddress>>(&row));
        let known = known.transpose().map_err(|error| Halt::row(Table::AddressLook, error))?.unwrap_or_default();
        Ok(stranger_among(&known, &order.to))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: what people compare is what is compared: the ends behind what all addresses of a kind begin with, whatever the
    /// capitals, on every family. Method: pairs that look alike, and pairs that do not.
    #[test]
    fn ends_are_compared() {
        let alike =
            |family, one: &str, two: &str| ends(family, one).is_some() && ends(family, one) == ends(family, two);
        let evm = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed";
        assert!(alike(ChainFamily::Evm, evm, "0x5aae000000000000000000000000000000006bEaEd"));
        assert!(!alike(ChainFamily::Evm, evm, "0x5aaf000000000000000000000000000000006bEaEd"));
        assert!(!alike(ChainFamily::Evm, evm, "0x5aae000000000000000000000000000000006bEaEe"));
        let tron = "TJCnKsPa7y5okkXvQAidZBzqx3QyQ6sxMW";
        assert!(alike(ChainFamily::Tron, tron, "TJCnK111111111111111111111111sxMW"));
        assert!(!alike(ChainFamily::Tron, tron, "TJCm1111111111111111111111111sxMW"));
        let segwit = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4";
        assert!(alike(ChainFamily::Bitcoin, segwit, "bc1qw508qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqf3t4"));
        assert!(
            !alike(ChainFamily::Bitcoin, segwit, "bc1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqf3t4"),
            "not only the word"
        );
        assert!(alike(
            ChainFamily::Bitcoin,
            "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2",
            "1BvBMxxxxxxxxxxxxxxxxxxxxxxxxxNVN2"
        ));
        assert_eq!(ends(ChainFamily::Evm, "0x12345678"), None, "no middle");
    }
}
