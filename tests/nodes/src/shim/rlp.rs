//! Enough of RLP and of the three kinds of signed transactions to know who sent what at which price.

use anyhow::{Context as _, Result, bail, ensure};
use k256::ecdsa::{RecoveryId, Signature, VerifyingKey};
use sha3::{Digest as _, Keccak256};

/// Keccak-256, as Ethereum and TRON use it.
#[must_use]
pub fn keccak(bytes: &[u8]) -> [u8; 32] {
    Keccak256::digest(bytes).into()
}

/// What a signed transaction says, as far as a node decides by it whether to take it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// Its name.
    pub hash: [u8; 32],
    /// Who signed it.
    pub sender: [u8; 20],
    /// Whom it pays or calls; none where it makes a contract.
    pub to: Option<[u8; 20]>,
    /// How much it moves, in wei.
    pub value: u128,
    /// Its number among the sender's.
    pub nonce: u64,
    /// At most so much for a unit of gas, in wei.
    pub max_fee: u128,
    /// Of that for the block's maker, in wei; the same where the kind does not tell them apart.
    pub tip: u128,
    /// The limit of gas.
    pub gas: u64,
    /// The chain that it is for; none where the signature does not say.
    pub chain_id: Option<u64>,
}

/// One item: its payload, and how it stood with its head.
#[derive(Clone, Copy)]
struct Item<'a> {
    list: bool,
    payload: &'a [u8],
    whole: &'a [u8],
}

fn item(bytes: &[u8]) -> Result<(Item<'_>, &[u8])> {
    let first = *bytes.first().context("ends too early")?;
    let (list, head, length) = match first {
        0..=0x7f => (false, 0, 1),
        0x80..=0xb7 => (false, 1, usize::from(first - 0x80)),
        0xc0..=0xf7 => (true, 1, usize::from(first - 0xc0)),
        long => {
            let base = if long >= 0xf8 { 0xf7 } else { 0xb7 };
            let digits = usize::from(long - base);
            ensure!(digits <= 4, "a length of {digits} bytes");
            let length = bytes.get(1..=digits).context("ends too early")?;
            (long >= 0xf8, 1 + digits, length.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)))
        }
    };
    let end = head.checked_add(length).context("too long")?;
    let payload = bytes.get(head..end).context("ends too early")?;
    let whole = bytes.get(..end).context("ends too early")?;
    Ok((Item { list, payload, whole }, bytes.get(end..).unwrap_or_default()))
}

fn number(item: Item<'_>) -> Result<u128> {
    ensure!(!item.list && item.payload.len() <= 16, "not a number of at most 16 bytes");
    ensure!(item.payload.first() != Some(&0), "a number begins with zero");
    Ok(item.payload.iter().fold(0, |sum, byte| sum << 8 | u128::from(*byte)))
}

fn small(item: Item<'_>) -> Result<u64> {
    u64::try_from(number(item)?).context("a number is too large")
}

/// The bytes as a list with a head.
pub(crate) fn listed(payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(payload.len() + 9);
    match u8::try_from(payload.len()) {
        Ok(length) if length <= 55 => bytes.push(0xc0 + length),
        _ => {
            let length: Vec<u8> = payload.len().to_be_bytes().into_iter().skip_while(|byte| *byte == 0).collect();
            bytes.push(0xf7 + u8::try_from(length.len()).unwrap_or(8));
            bytes.extend_from_slice(&length);
        }
    }
    bytes.extend_from_slice(payload);
    bytes
}

/// A number as RLP writes it.
pub(crate) fn written(number: u64) -> Vec<u8> {
    let digits: Vec<u8> = number.to_be_bytes().into_iter().skip_while(|byte| *byte == 0).collect();
    match digits.as_slice() {
        [one] if *one < 0x80 => vec![*one],
        digits => [&[0x80 + u8::try_from(digits.len()).unwrap_or(8)], digits].concat(),
    }
}

/// Reads a signed transaction and finds out who signed it. Kinds 0, 1 and 2; others are not sent by exchanges.
///
/// # Errors
/// What is wrong with it.
pub fn read(raw: &[u8]) -> Result<Sent> {
    let kind = *raw.first().context("empty")?;
    let body = match kind {
        1 | 2 => raw.get(1..).unwrap_or_default(),
        0xc0..=0xff => raw,
        other => bail!("transaction type not supported: {other}"),
    };
    let (outer, rest) = item(body)?;
    ensure!(outer.list && rest.is_empty(), "not one list");
    let (mut fields, mut left) = (Vec::new(), outer.payload);
    while !left.is_empty() {
        let (field, rest) = item(left)?;
        fields.push(field);
        left = rest;
    }
    let wanted = match kind {
        1 => 11,
        2 => 12,
        _ => 9,
    };
    ensure!(fields.len() == wanted, "{} fields instead of {wanted}", fields.len());
    let at = |index: usize| fields.get(index).copied().context("a field is missing");
    let unsigned: Vec<u8> = fields.iter().take(wanted - 3).flat_map(|field| field.whole).copied().collect();
    let v = small(at(wanted - 3)?)?;
    let (parity, chain_id, digest) = match kind {
        1 | 2 => (v, Some(small(at(0)?)?), keccak(&[&[kind], listed(&unsigned).as_slice()].concat())),
        _ if v >= 35 => {
            let chain = (v - 35) / 2;
            let tail = [written(chain), vec![0x80, 0x80]].concat();
            ((v - 35) % 2, Some(chain), keccak(&listed(&[unsigned, tail].concat())))
        }
        _ => (v.checked_sub(27).context("a wrong v")?, None, keccak(&listed(&unsigned))),
    };
    let (nonce, tip, max_fee, gas, to) = match kind {
        1 => (at(1)?, at(2)?, at(2)?, at(3)?, 4),
        2 => (at(1)?, at(2)?, at(3)?, at(4)?, 5),
        _ => (at(0)?, at(1)?, at(1)?, at(2)?, 3),
    };
    let (to, value) = (at(to)?.payload, number(at(to + 1)?)?);
    let to = if to.is_empty() { None } else { Some(to.try_into().context("an address of a wrong length")?) };
    let sender = recover(digest, at(wanted - 2)?.payload, at(wanted - 1)?.payload, parity)?;
    let (nonce, gas) = (small(nonce)?, small(gas)?);
    Ok(Sent {
        hash: keccak(raw),
        sender,
        to,
        value,
        nonce,
        max_fee: number(max_fee)?,
        tip: number(tip)?,
        gas,
        chain_id,
    })
}

fn recover(digest: [u8; 32], r: &[u8], s: &[u8], parity: u64) -> Result<[u8; 20]> {
    let full = |part: &[u8]| -> Result<[u8; 32]> {
        let mut word = [0; 32];
        let from = 32_usize.checked_sub(part.len()).context("a signature is too long")?;
        word.get_mut(from..).context("a signature is too long")?.copy_from_slice(part);
        Ok(word)
    };
    let signature = Signature::from_scalars(full(r)?, full(s)?).context("invalid sender")?;
    ensure!(signature.normalize_s().is_none(), "invalid sender: s is in the upper half");
    let parity = u8::try_from(parity).ok().and_then(RecoveryId::from_byte).context("a wrong parity")?;
    let key = VerifyingKey::recover_from_prehash(&digest, &signature, parity).context("invalid sender")?;
    Ok(address(&key))
}

/// The last 20 bytes of the hash of a public key.
#[must_use]
pub fn address(key: &VerifyingKey) -> [u8; 20] {
    let point = key.to_encoded_point(false);
    let hash = keccak(point.as_bytes().get(1..).unwrap_or_default());
    let mut address = [0; 20];
    address.copy_from_slice(&hash[12..]);
    address
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: who sent a transaction is found. Method: the signed example that EIP-155 publishes, and cuts of it.
    #[test]
    fn the_published_example_is_read() {
        let raw = hex::decode(
            "f86c098504a817c800825208943535353535353535353535353535353535353535880de0b6b3a76400008025a028ef61340bd939bc2195\
             fe537567866003e1a15d3c71ff63e1590620aa636276a067cbe9d8997f761aecb703304b3800ccf555c9f3dc64214b297fb1966a3b6d83",
        )
        .unwrap();
        let sent = read(&raw).unwrap();
        assert_eq!(hex::encode(sent.sender), "9d8a62f656a8d1615c1294fd71e9cfb3e4855a4f");
        assert_eq!((sent.nonce, sent.gas, sent.chain_id), (9, 21_000, Some(1)));
        assert_eq!((sent.to, sent.value), (Some([0x35; 20]), 10_u128.pow(18)));
        assert_eq!((sent.max_fee, sent.tip), (20_000_000_000, 20_000_000_000));
        for end in 0..raw.len() {
            assert!(read(&raw[..end]).is_err(), "{end} bytes of it are read as a whole");
        }
    }
}
