//! What a block's header commits to: the trees of its transactions and receipts, and its name.

use crate::shim::{keccak, listed, written};

/// Bytes of a header's filter. Nothing logs here: it is empty.
pub(super) const BLOOM_BYTES: usize = 256;
/// From this length on a part of a tree is named by its hash.
const HASHED_BYTES: usize = 32;
/// A tree of nothing, and a part that is not there.
const NOTHING: u8 = 0x80;

/// Bytes as RLP writes them.
pub(super) fn string(bytes: &[u8]) -> Vec<u8> {
    match bytes {
        [one] if *one < 0x80 => vec![*one],
        short if short.len() <= 55 => [&[0x80 + u8::try_from(short.len()).unwrap_or(0)], short].concat(),
        long => {
            let length: Vec<u8> = long.len().to_be_bytes().into_iter().skip_while(|byte| *byte == 0).collect();
            [&[0xb7 + u8::try_from(length.len()).unwrap_or(8)], length.as_slice(), long].concat()
        }
    }
}

/// The receipt of a transfer that succeeded, as the tree has it; `gas` is what the block used up to its end.
pub(super) fn receipt(gas: u64) -> Vec<u8> {
    let fields = [written(1), written(gas), string(&[0; BLOOM_BYTES]), listed(&[])].concat();
    [vec![2], listed(&fields)].concat()
}

/// The root of the tree that has each of these under its number.
pub(super) fn root(values: &[Vec<u8>]) -> [u8; 32] {
    let halves = |bytes: Vec<u8>| -> Vec<u8> { bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).collect() };
    let mut leaves: Vec<(Vec<u8>, &[u8])> =
        values.iter().enumerate().map(|(at, value)| (halves(written(at as u64)), value.as_slice())).collect();
    leaves.sort_unstable();
    keccak(&part(&leaves, 0))
}

/// The part of the tree with these leaves, whose keys agree in the first `depth` half bytes.
fn part(leaves: &[(Vec<u8>, &[u8])], depth: usize) -> Vec<u8> {
    let (Some((first, value)), Some((last, _))) = (leaves.first(), leaves.last()) else { return vec![NOTHING] };
    let rest = first.get(depth..).unwrap_or_default();
    if leaves.len() == 1 {
        return listed(&[string(&packed(rest, true)), string(value)].concat());
    }
    let common = rest.iter().zip(last.get(depth..).unwrap_or_default()).take_while(|(a, b)| a == b).count();
    if common > 0 {
        let key = string(&packed(rest.get(..common).unwrap_or_default(), false));
        return listed(&[key, child(part(leaves, depth + common))].concat());
    }
    let mut fields = Vec::new();
    for half in 0..16_u8 {
        let own = |(key, _): &&(Vec<u8>, &[u8])| key.get(depth) == Some(&half);
        let from = leaves.iter().take_while(|leaf| !own(leaf)).count();
        let of: Vec<_> = leaves.iter().skip(from).take_while(own).cloned().collect();
        fields.extend(child(part(&of, depth + 1)));
    }
    fields.push(NOTHING);
    listed(&fields)
}

/// A part as its parent has it.
fn child(part: Vec<u8>) -> Vec<u8> {
    if part.len() < HASHED_BYTES { part } else { string(&keccak(&part)) }
}

/// Half bytes as bytes, with the mark of where a key ends.
fn packed(halves: &[u8], ends: bool) -> Vec<u8> {
    let mark = if ends { 2 } else { 0 };
    let padded: Vec<u8> = match halves.len() % 2 {
        1 => std::iter::once(mark + 1).chain(halves.iter().copied()).collect(),
        _ => [mark, 0].into_iter().chain(halves.iter().copied()).collect(),
    };
    padded.chunks(2).map(|pair| pair.iter().fold(0, |byte, half| byte << 4 | half)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: trees are those of Ethereum. Method: the root of nothing, which is well known, and of the one receipt of a
    /// block of one transfer, put together by hand.
    #[test]
    fn roots_are_ethereums() {
        assert_eq!(hex::encode(root(&[])), "56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421");
        let leaf = listed(&[string(&[0x20, 0x80]), string(&receipt(21_000))].concat());
        assert_eq!(root(&[receipt(21_000)]), keccak(&leaf));
    }

    /// Goal: a branch keeps its parts apart. Method: three hundred values; any one that changes, or moves, changes the root.
    #[test]
    fn every_value_counts() {
        let values: Vec<Vec<u8>> = (0..300_u32).map(|at| at.to_be_bytes().repeat(3)).collect();
        let whole = root(&values);
        for at in [0, 1, 127, 128, 255, 256, 299] {
            let mut changed = values.clone();
            changed[at].push(0);
            assert_ne!(root(&changed), whole, "{at}");
            changed.swap(at, 5);
            assert_ne!(root(&changed), whole, "{at}");
        }
    }
}
