//! Messages of the money link in the words of the domain, and back.

use exchequer_domain::{BlockHash, BlockRef, ChainAddress, OutPoint, Place, TxId};

use super::{LinkError, proto};

type Read<T> = Result<T, LinkError>;

/// A hash.
///
/// # Errors
/// It has not 32 bytes.
pub fn hash(bytes: &[u8]) -> Read<[u8; 32]> {
    bytes.try_into().map_err(|_| LinkError::Unreadable("a hash has 32 bytes"))
}

/// A transaction's name.
///
/// # Errors
/// As [`hash`].
pub fn tx(bytes: &[u8]) -> Read<TxId> {
    hash(bytes).map(TxId)
}

/// A block's message.
#[must_use]
pub fn of_block(block: BlockRef) -> proto::Block {
    proto::Block { height: block.height, hash: block.hash.0.to_vec() }
}

/// A block that must be there.
///
/// # Errors
/// It is not, or its hash is none.
pub fn block(message: Option<&proto::Block>) -> Read<BlockRef> {
    let message = message.ok_or(LinkError::Unreadable("a block is missing"))?;
    Ok(BlockRef { height: message.height, hash: BlockHash(hash(&message.hash)?) })
}

/// An output's message.
#[must_use]
pub fn of_outpoint(outpoint: OutPoint) -> proto::OutPoint {
    proto::OutPoint { tx: outpoint.tx.0.to_vec(), vout: outpoint.vout }
}

/// An output that must be there.
///
/// # Errors
/// It is not, or its transaction's name is none.
pub fn outpoint(message: Option<&proto::OutPoint>) -> Read<OutPoint> {
    let message = message.ok_or(LinkError::Unreadable("an output is missing"))?;
    Ok(OutPoint { tx: tx(&message.tx)?, vout: message.vout })
}

/// A place's message.
#[must_use]
pub fn of_place(place: Place) -> proto::Place {
    use proto::place::Place as Message;
    let place = match place {
        Place::Output(number) => Message::Output(number),
        Place::Value => Message::Value(true),
        Place::Call(number) => Message::Call(number),
        Place::Log(number) => Message::Log(number),
    };
    proto::Place { place: Some(place) }
}

/// A place that must be there.
///
/// # Errors
/// It is not.
pub fn place(message: Option<&proto::Place>) -> Read<Place> {
    use proto::place::Place as Message;
    match message.and_then(|message| message.place.as_ref()) {
        Some(Message::Output(number)) => Ok(Place::Output(*number)),
        Some(Message::Value(true)) => Ok(Place::Value),
        Some(Message::Call(number)) => Ok(Place::Call(*number)),
        Some(Message::Log(number)) => Ok(Place::Log(*number)),
        Some(Message::Value(false)) | None => Err(LinkError::Unreadable("a place is missing")),
    }
}

/// An address.
///
/// # Errors
/// It can be none.
pub fn address(text: &str) -> Read<ChainAddress> {
    ChainAddress::canonical(text)
        .map_err(|_| LinkError::Unreadable("an address has letters and digits, a hundred at most"))
}

/// A coin's message: the token's contract, or nothing for the network's own coin.
#[must_use]
pub fn of_coin(coin: Option<&ChainAddress>) -> String {
    coin.map(ToString::to_string).unwrap_or_default()
}

/// A coin: none for the network's own.
///
/// # Errors
/// As [`address`].
pub fn coin(text: &str) -> Read<Option<ChainAddress>> {
    if text.is_empty() { Ok(None) } else { address(text).map(Some) }
}

/// An amount.
///
/// # Errors
/// It is no number of digits alone that fits into 128 bits.
pub fn amount(text: &str) -> Read<u128> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let read = if digits { text.parse().ok() } else { None };
    read.ok_or(LinkError::Unreadable("an amount is a number of digits, of 128 bits at most"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: what is said is what is heard, and what is no value is refused. Method: each word there and back, and slips.
    #[test]
    fn words_read_back() {
        let at = BlockRef { height: 7, hash: BlockHash([3; 32]) };
        assert_eq!(block(Some(&of_block(at))), Ok(at));
        let out = OutPoint { tx: TxId([9; 32]), vout: 4 };
        assert_eq!(outpoint(Some(&of_outpoint(out))), Ok(out));
        for one in [Place::Output(0), Place::Value, Place::Call(3), Place::Log(u32::MAX)] {
            assert_eq!(place(Some(&of_place(one))), Ok(one));
        }
        assert_eq!(amount(&u128::MAX.to_string()), Ok(u128::MAX));
        assert_eq!(coin(""), Ok(None));
        for slip in ["", "+1", "-1", "1.0", "0x1", "340282366920938463463374607431768211456"] {
            assert!(amount(slip).is_err(), "{slip}");
        }
        assert!(block(None).is_err() && place(None).is_err() && outpoint(None).is_err());
        assert!(hash(&[1; 31]).is_err() && address("a b").is_err());
    }
}
