//! The keys that follow from a seed (BIP-32), and the texts in which wallets write one.

use anyhow::{Context, Result};
use bitcoin::base58;
use bitcoin::hashes::{Hash as _, hash160};
use k256::Scalar;
use k256::elliptic_curve::PrimeField as _;
use k256::elliptic_curve::sec1::ToEncodedPoint as _;
use ring::hmac;

const HARDENED: u32 = 1 << 31;
/// What an extended private key's text begins with: `xprv`, `yprv`, `zprv`, and `tprv`, `uprv`, `vprv` of test networks.
const VERSIONS: [u32; 6] = [0x0488_ade4, 0x049d_7878, 0x04b2_430c, 0x0435_8394, 0x044a_4e28, 0x045f_18bc];
/// What a key's own text (WIF) begins with, on the network and on test networks; and what says that its point is written short.
const WIF: [u8; 2] = [0x80, 0xef];
const WIF_SHORT: u8 = 1;

/// A key, its chain code, and where it is in the tree.
#[derive(Clone)]
pub(super) struct Node {
    pub(super) key: [u8; 32],
    chain: [u8; 32],
    depth: u8,
    parent: [u8; 4],
    number: u32,
}

fn split(key: &hmac::Key, data: &[u8]) -> Result<([u8; 32], [u8; 32])> {
    let hash = hmac::sign(key, data);
    let (left, right) = hash.as_ref().split_at_checked(32).context("a short hash")?;
    Ok((left.try_into()?, right.try_into()?))
}

fn scalar(bytes: [u8; 32]) -> Result<Scalar> {
    Option::from(Scalar::from_repr(bytes.into())).context("no key")
}

impl Node {
    pub(super) fn of(seed: &[u8]) -> Result<Node> {
        let (key, chain) = split(&hmac::Key::new(hmac::HMAC_SHA512, b"Bitcoin seed"), seed)?;
        Ok(Node { key, chain, depth: 0, parent: [0; 4], number: 0 })
    }

    pub(super) fn child(&self, number: u32) -> Result<Node> {
        let public = k256::SecretKey::from_bytes(&self.key.into())?.public_key().to_encoded_point(true);
        let mut data = Vec::with_capacity(37);
        if number >= HARDENED {
            data.push(0);
            data.extend(self.key);
        } else {
            data.extend(public.as_bytes());
        }
        data.extend(number.to_be_bytes());
        let (part, chain) = split(&hmac::Key::new(hmac::HMAC_SHA512, &self.chain), &data)?;
        let sum = scalar(part)? + scalar(self.key)?;
        let parent = *hash160::Hash::hash(public.as_bytes()).as_byte_array().first_chunk().context("a short hash")?;
        Ok(Node { key: sum.to_repr().into(), chain, depth: self.depth + 1, parent, number })
    }

    /// The keys on the way to a path such as `m/84'/1'/0'`, the path's own at the end.
    pub(super) fn down(&self, path: &str) -> Result<Vec<Node>> {
        let mut way: Vec<Node> = Vec::new();
        for part in path.trim_start_matches("m/").split('/') {
            let (number, hardened) = part.strip_suffix('\'').map_or((part, 0), |number| (number, HARDENED));
            let next = way.last().unwrap_or(self).child(number.parse::<u32>()? + hardened)?;
            way.push(next);
        }
        Ok(way)
    }

    /// Its texts as an extended key, from which everything below it follows.
    pub(super) fn extended(&self) -> impl Iterator<Item = String> {
        VERSIONS.into_iter().map(|version| {
            let place = [&version.to_be_bytes()[..], &[self.depth], &self.parent, &self.number.to_be_bytes()].concat();
            base58::encode_check(&[&place, &self.chain[..], &[0], &self.key].concat())
        })
    }

    /// Its texts as a single key.
    pub(super) fn single(&self) -> impl Iterator<Item = String> {
        WIF.into_iter().flat_map(|version| {
            let long = [&[version], &self.key[..]].concat();
            let short = [&long[..], &[WIF_SHORT]].concat();
            [base58::encode_check(&long), base58::encode_check(&short)]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: keys are written as wallets write them. Method: the published vectors of BIP-32 (the first), of BIP-84, and of WIF.
    #[test]
    fn texts_are_the_published_ones() {
        let root = Node::of(&hex::decode("000102030405060708090a0b0c0d0e0f").unwrap()).unwrap();
        let written = |node: &Node, text: &str| node.extended().any(|own| own == text);
        assert!(written(
            &root,
            "xprv9s21ZrQH143K3QTDL4LXw2F7HEK3wJUD2nW2nRk4stbPy6cq3jPPqjiChkVvvNKmPGJxWUtg6LnF5kejMRNNU3TGtRBeJgk33yuGBxrMPHi"
        ));
        let way = root.down("m/0'/1").unwrap();
        assert!(written(
            &way[1],
            "xprv9wTYmMFdV23N2TdNG573QoEsfRrWKQgWeibmLntzniatZvR9BmLnvSxqu53Kw1UmYPxLgboyZQaXwTCg8MSY3H2EU4pWcQDnRnrVA1xe8fs"
        ));
        let key = hex::decode("0c28fca386c7a227600b2fe50b7cae11ec86d3bf1fbe471be89827e19d72aa1d").unwrap();
        let known = Node { key: key.try_into().unwrap(), ..root };
        let texts: Vec<String> = known.single().collect();
        for text in [
            "5HueCGU8rMjxEXxiPuD5BDku4MkFqeZyd4dZ1jvhTVqvbTLvyTJ",
            "KwdMAjGmerYanjeui5SHS7JkmpZvVipYvB2LJGU1ZxJwYvP98617",
        ] {
            assert!(texts.iter().any(|own| own == text), "{text}");
        }
    }
}
