//! BIP-32 with private keys: a second way to every key beside the public derivation in `chains`, and the only one to its
//! signature. Written here so that each intermediate key is wiped; compared with the Bitcoin library's in tests.

use bitcoin::bip32::{ChainCode, ChildNumber, Fingerprint, Xpub};
use k256::elliptic_curve::ff::PrimeField as _;
use k256::elliptic_curve::sec1::ToEncodedPoint as _;
use k256::{FieldBytes, NonZeroScalar, Scalar, SecretKey};
use ring::hmac;
use sha2::{Digest as _, Sha256};
use zeroize::{Zeroize as _, Zeroizing};

/// From this number on, a child is hardened.
pub(crate) const HARDENED: u32 = 1 << 31;

/// An extended private key.
pub(crate) struct Node {
    key: SecretKey,
    chain: Zeroizing<[u8; 32]>,
    depth: u8,
    number: u32,
    parent: [u8; 4],
}

/// HMAC-SHA512, whose halves are a key and a chain code.
fn halves(under: &[u8], parts: &[&[u8]]) -> (Zeroizing<[u8; 32]>, Zeroizing<[u8; 32]>) {
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA512, under));
    for part in parts {
        context.update(part);
    }
    let tag = context.sign();
    let (mut left, mut right) = (Zeroizing::new([0; 32]), Zeroizing::new([0; 32]));
    left.copy_from_slice(&tag.as_ref()[..32]);
    right.copy_from_slice(&tag.as_ref()[32..64]);
    (left, right)
}

impl Node {
    /// The master key of a seed; none for one seed in 2^127.
    pub(crate) fn master(seed: &[u8; 64]) -> Option<Node> {
        let (left, chain) = halves(b"Bitcoin seed", &[seed]);
        let key = SecretKey::from_slice(left.as_slice()).ok()?;
        Some(Node { key, chain, depth: 0, number: 0, parent: [0; 4] })
    }

    /// A child; none for one in 2^127.
    pub(crate) fn child(&self, number: u32) -> Option<Node> {
        let public = self.public();
        let (left, chain) = if number >= HARDENED {
            let mut secret: FieldBytes = self.key.to_bytes();
            let made = halves(self.chain.as_slice(), &[&[0], &secret, &number.to_be_bytes()]);
            secret.as_mut_slice().zeroize();
            made
        } else {
            halves(self.chain.as_slice(), &[&public, &number.to_be_bytes()])
        };
        let tweak =
            Zeroizing::new(Option::<Scalar>::from(Scalar::from_repr(FieldBytes::clone_from_slice(left.as_slice())))?);
        let own = Zeroizing::new(*self.key.to_nonzero_scalar().as_ref());
        let sum = Zeroizing::new(*tweak + *own);
        let key = Zeroizing::new(Option::<NonZeroScalar>::from(NonZeroScalar::new(*sum))?);
        let key = SecretKey::from(*key);
        Some(Node { key, chain, depth: self.depth.checked_add(1)?, number, parent: self.fingerprint() })
    }

    /// A descendant.
    pub(crate) fn descend(&self, path: &[u32]) -> Option<Node> {
        let (first, rest) = path.split_first()?;
        rest.iter().try_fold(self.child(*first)?, |node, number| node.child(*number))
    }

    /// The compressed public key.
    pub(crate) fn public(&self) -> [u8; 33] {
        let mut bytes = [0; 33];
        bytes.copy_from_slice(self.key.public_key().to_encoded_point(true).as_bytes());
        bytes
    }

    pub(crate) fn key(&self) -> &SecretKey {
        &self.key
    }

    fn fingerprint(&self) -> [u8; 4] {
        use bitcoin::hashes::{Hash as _, hash160};
        let hash = hash160::Hash::hash(&self.public());
        let mut first = [0; 4];
        first.copy_from_slice(&hash.as_byte_array()[..4]);
        first
    }

    /// The extended public key.
    pub(crate) fn xpub(&self, live: bool) -> Option<Xpub> {
        let kind = if live { bitcoin::NetworkKind::Main } else { bitcoin::NetworkKind::Test };
        Some(Xpub {
            network: kind,
            depth: self.depth,
            parent_fingerprint: Fingerprint::from(self.parent),
            child_number: ChildNumber::from(self.number),
            public_key: bitcoin::secp256k1::PublicKey::from_slice(&self.public()).ok()?,
            chain_code: ChainCode::from(*self.chain),
        })
    }

    /// The key that spends the taproot output of this one by BIP-86: its own, with the even y, and the tweak of no script.
    pub(crate) fn taproot(&self) -> Option<k256::schnorr::SigningKey> {
        let public = self.public();
        let own = Zeroizing::new(*self.key.to_nonzero_scalar().as_ref());
        let even = Zeroizing::new(if public[0] == 3 { -*own } else { *own });
        let tag = Sha256::digest(b"TapTweak");
        let tweak = Sha256::new().chain_update(tag).chain_update(tag).chain_update(&public[1..]).finalize();
        let tweak = Option::<Scalar>::from(Scalar::from_repr(tweak))?;
        let sum = Zeroizing::new(*even + tweak);
        let key = Zeroizing::new(Option::<NonZeroScalar>::from(NonZeroScalar::new(*sum))?);
        Some(k256::schnorr::SigningKey::from(*key))
    }
}
