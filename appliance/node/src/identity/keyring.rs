//! The cluster keyring: the keys that seal every secret of the replicated state.
//!
//! It lives in a file of its own beside the state, is handed over inside a join's TLS, and never enters the log or a
//! snapshot unsealed. Sealing draws randomness, so it happens before a command is proposed, never while one is applied.
//!
//! Sealed form: version (1 byte, 1), key id (8), nonce (24), ciphertext with its tag (16). The version, the key id, the
//! cluster id and the purpose are authenticated too: what was sealed for one purpose or cluster opens for no other.

use std::fmt;

use chacha20poly1305::aead::{Aead as _, Payload};
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305, XNonce};
use exchequer_domain::{ClusterId, Code, Problem};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

const SEALED_VERSION: u8 = 1;
const KEY_BYTES: usize = 32;
const KEY_ID_BYTES: usize = 8;
const NONCE_BYTES: usize = 24;
const TAG_BYTES: usize = 16;
const HEADER_BYTES: usize = 1 + KEY_ID_BYTES;
/// Keys are kept as long as something may be sealed with them; a rotation past this many is refused.
const KEYS_MAX: usize = 64;
/// The largest secret that is sealed in one piece.
const PLAINTEXT_BYTES_MAX: usize = 1 << 20;
const TITLE: &str = "exchequer keyring ";
const TEXT_VERSION: u32 = 1;
const KEY_ID_CONTEXT: &str = "exchequer 2026 keyring key id";

/// The name of a key: derived from it, so that one name never stands for two keys, wherever they were made.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyId([u8; KEY_ID_BYTES]);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "key {self}")
    }
}

#[derive(Clone, Zeroize, ZeroizeOnDrop)]
struct Key([u8; KEY_BYTES]);

impl Key {
    fn generate() -> Result<Key, Problem> {
        super::random().map(Key)
    }

    fn id(&self) -> KeyId {
        let mut id = [0; KEY_ID_BYTES];
        id.copy_from_slice(&blake3::derive_key(KEY_ID_CONTEXT, &self.0)[..KEY_ID_BYTES]);
        KeyId(id)
    }
}

/// The keys of one cluster, the newest first. The newest seals; every one opens.
#[derive(Clone)]
pub struct Keyring {
    cluster_id: ClusterId,
    newest: Key,
    older: Vec<Key>,
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyring").field("cluster_id", &self.cluster_id).field("keys", &self.key_ids()).finish()
    }
}

impl Keyring {
    /// A keyring with one new key.
    ///
    /// # Errors
    /// `Internal` when the system has no randomness.
    pub fn generate(cluster_id: ClusterId) -> Result<Keyring, Problem> {
        Ok(Keyring { cluster_id, newest: Key::generate()?, older: vec![] })
    }

    /// The cluster it belongs to.
    #[must_use]
    pub fn cluster_id(&self) -> ClusterId {
        self.cluster_id
    }

    /// The names of its keys, the one that seals first.
    #[must_use]
    pub fn key_ids(&self) -> Vec<KeyId> {
        self.keys().map(Key::id).collect()
    }

    /// Adds a new key, which seals from now on. The older ones stay, to open what they sealed.
    ///
    /// # Errors
    /// `TooLarge` when the keyring is full; `Internal` when the system has no randomness.
    pub fn rotate(&mut self) -> Result<KeyId, Problem> {
        if self.keys().count() >= KEYS_MAX {
            return Err(Problem::new(Code::TooLarge, format!("the keyring holds {KEYS_MAX} keys and takes no more")));
        }
        let former = std::mem::replace(&mut self.newest, Key::generate()?);
        self.older.insert(0, former);
        Ok(self.newest.id())
    }

    /// Seals a secret for one purpose, such as `authority key`. The same purpose must be named to open it.
    ///
    /// # Errors
    /// `TooLarge` above 1 MiB; `Internal` when the system has no randomness.
    pub fn seal(&self, purpose: &str, plaintext: &[u8]) -> Result<Vec<u8>, Problem> {
        if plaintext.len() > PLAINTEXT_BYTES_MAX {
            let message = format!("a secret of {} bytes, {PLAINTEXT_BYTES_MAX} are allowed", plaintext.len());
            return Err(Problem::new(Code::TooLarge, message));
        }
        let nonce: [u8; NONCE_BYTES] = super::random()?;
        let mut sealed = Vec::with_capacity(HEADER_BYTES + NONCE_BYTES + plaintext.len() + TAG_BYTES);
        sealed.push(SEALED_VERSION);
        sealed.extend_from_slice(&self.newest.id().0);
        let aad = self.associated_data(&sealed, purpose);
        sealed.extend_from_slice(&nonce);
        let ciphertext = XChaCha20Poly1305::new(&self.newest.0.into())
            .encrypt(XNonce::from_slice(&nonce), Payload { msg: plaintext, aad: &aad })
            .map_err(|_| Problem::new(Code::Internal, "a secret could not be sealed"))?;
        sealed.extend_from_slice(&ciphertext);
        Ok(sealed)
    }

    /// Opens what was sealed for this purpose with a key of this keyring.
    ///
    /// # Errors
    /// `KeyringWrong` when the key is not here, or the bytes were changed, or sealed for another purpose or cluster.
    pub fn open(&self, purpose: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Problem> {
        let wrong = |what: String| Problem::new(Code::KeyringWrong, format!("the sealed {purpose} {what}"));
        let Some((header, rest)) = sealed.split_at_checked(HEADER_BYTES) else {
            return Err(wrong("is cut off".to_owned()));
        };
        let Some((nonce, ciphertext)) = rest.split_at_checked(NONCE_BYTES) else {
            return Err(wrong("is cut off".to_owned()));
        };
        let Some((&SEALED_VERSION, wanted)) = header.split_first() else {
            return Err(wrong("is in a form this version does not know".to_owned()));
        };
        let key = self
            .keys()
            .find(|key| key.id().0 == wanted)
            .ok_or_else(|| wrong(format!("needs the key {}, which the keyring does not hold", hex::encode(wanted))))?;
        let aad = self.associated_data(header, purpose);
        XChaCha20Poly1305::new(&key.0.into())
            .decrypt(XNonce::from_slice(nonce), Payload { msg: ciphertext, aad: &aad })
            .map(Zeroizing::new)
            .map_err(|_| wrong("was changed, or sealed for another purpose or cluster".to_owned()))
    }

    /// The keyring's file. Also what a join hands over. All of it is secret.
    #[must_use]
    pub fn to_text(&self) -> Zeroizing<String> {
        // Reserved in full, so that no growth leaves copies of keys behind in freed memory.
        let line_bytes = 8 + 2 * (KEY_ID_BYTES + KEY_BYTES);
        let mut text = Zeroizing::new(String::with_capacity(256 + line_bytes * (1 + self.older.len())));
        text.push_str(&format!("{TITLE}{TEXT_VERSION}\ncluster {}\n", self.cluster_id));
        for key in self.keys() {
            let mut digits = Zeroizing::new([0; 2 * KEY_BYTES]);
            text.push_str(&format!("key {} ", key.id()));
            if hex::encode_to_slice(key.0, digits.as_mut_slice()).is_ok() {
                text.extend(digits.iter().map(|digit| char::from(*digit)));
            }
            text.push('\n');
        }
        let checksum = blake3::hash(text.as_bytes());
        text.push_str(&format!("checksum {checksum}\n"));
        text
    }

    /// Reads what [`Keyring::to_text`] wrote.
    ///
    /// # Errors
    /// `KeyringWrong` when anything was changed; `FormatNewer` when a newer version wrote it.
    pub fn from_text(text: &str) -> Result<Keyring, Problem> {
        let damaged = || Problem::new(Code::KeyringWrong, "the keyring is damaged");
        let mut lines = text.lines();
        let version = lines.next().and_then(|line| line.strip_prefix(TITLE)).ok_or_else(damaged)?;
        if version.parse::<u32>().is_ok_and(|version| version > TEXT_VERSION) {
            return Err(Problem::new(Code::FormatNewer, format!("the keyring has format {version}")));
        }
        let cluster = lines.next().and_then(|line| line.strip_prefix("cluster ")).ok_or_else(damaged)?;
        let cluster_id: ClusterId = cluster.parse().map_err(|_| damaged())?;
        let mut keys = Vec::new();
        for line in lines.map_while(|line| line.strip_prefix("key ")).take(KEYS_MAX) {
            let (_, digits) = line.split_once(' ').ok_or_else(damaged)?;
            let mut key = Key([0; KEY_BYTES]);
            hex::decode_to_slice(digits, &mut key.0).map_err(|_| damaged())?;
            keys.push(key);
        }
        let mut keys = keys.into_iter();
        let newest = keys.next().ok_or_else(damaged)?;
        let keyring = Keyring { cluster_id, newest, older: keys.collect() };
        // One comparison covers the checksum, the key ids, the spelling and whatever may follow.
        if keyring.to_text().as_str() == text { Ok(keyring) } else { Err(damaged()) }
    }

    fn keys(&self) -> impl Iterator<Item = &Key> {
        std::iter::once(&self.newest).chain(&self.older)
    }

    fn associated_data(&self, header: &[u8], purpose: &str) -> Vec<u8> {
        [header, &self.cluster_id.0, purpose.as_bytes()].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLUSTER: ClusterId = ClusterId([1; 16]);

    fn code<T>(result: Result<T, Problem>) -> Option<Code> {
        result.err().map(|problem| problem.code)
    }

    /// Goal: what is sealed opens, before and after rotations, and never looks the same twice.
    #[test]
    fn seals_and_opens_across_rotations() {
        let mut keyring = Keyring::generate(CLUSTER).unwrap();
        let first = keyring.seal("authority key", b"secret").unwrap();
        assert_ne!(first, keyring.seal("authority key", b"secret").unwrap());
        let added = keyring.rotate().unwrap();
        assert_eq!(keyring.key_ids().first(), Some(&added));
        let second = keyring.seal("authority key", b"").unwrap();
        assert_eq!(keyring.open("authority key", &first).unwrap().as_slice(), b"secret");
        assert_eq!(keyring.open("authority key", &second).unwrap().as_slice(), b"");
    }

    /// Goal: no sealed byte can be changed unnoticed. Method: flip each byte and cut at each length.
    #[test]
    fn a_changed_secret_does_not_open() {
        let keyring = Keyring::generate(CLUSTER).unwrap();
        let sealed = keyring.seal("authority key", b"secret").unwrap();
        for position in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[position] ^= 1;
            assert_eq!(code(keyring.open("authority key", &changed)), Some(Code::KeyringWrong), "byte {position}");
            assert_eq!(code(keyring.open("authority key", &sealed[..position])), Some(Code::KeyringWrong));
        }
    }

    /// Goal: a secret is bound to its purpose, its cluster and its keys. Method: open it with each of them exchanged;
    /// the keyring of the other cluster holds the very same key.
    #[test]
    fn a_secret_opens_only_where_it_belongs() {
        let keyring = Keyring::generate(CLUSTER).unwrap();
        let sealed = keyring.seal("authority key", b"secret").unwrap();
        assert_eq!(code(keyring.open("second factor", &sealed)), Some(Code::KeyringWrong));
        let same_key = Keyring { cluster_id: ClusterId([2; 16]), ..keyring.clone() };
        assert_eq!(code(same_key.open("authority key", &sealed)), Some(Code::KeyringWrong));
        let other_key = Keyring::generate(CLUSTER).unwrap();
        let refused = other_key.open("authority key", &sealed).unwrap_err();
        assert_eq!(refused.code, Code::KeyringWrong);
        assert!(refused.message.contains(&keyring.key_ids()[0].to_string()), "{refused}");
    }

    /// Goal: the file reads back, newest key first, and `Debug` shows no key. Method: seal with each generation, read the
    /// text, open all.
    #[test]
    fn the_text_reads_back() {
        let mut keyring = Keyring::generate(CLUSTER).unwrap();
        let mut sealed = vec![keyring.seal("p", b"0").unwrap()];
        for _ in 0..3 {
            keyring.rotate().unwrap();
            sealed.push(keyring.seal("p", b"0").unwrap());
        }
        let read = Keyring::from_text(&keyring.to_text()).unwrap();
        assert_eq!(read.key_ids(), keyring.key_ids());
        assert!(sealed.iter().all(|sealed| read.open("p", sealed).is_ok()));
        assert!(!format!("{keyring:?}").contains(&hex::encode(keyring.newest.0)));
    }

    /// Goal: the text of a full keyring reads back too, and the limit is held rather than passed in silence.
    #[test]
    fn the_number_of_keys_is_limited() {
        let mut keyring = Keyring::generate(CLUSTER).unwrap();
        for _ in 1..KEYS_MAX {
            keyring.rotate().unwrap();
        }
        assert_eq!(code(keyring.rotate()), Some(Code::TooLarge));
        assert_eq!(Keyring::from_text(&keyring.to_text()).unwrap().key_ids().len(), KEYS_MAX);
    }

    /// Goal: a newer format is told apart from damage, so that nobody discards a good keyring.
    #[test]
    fn a_newer_format_is_named() {
        let text = Keyring::generate(CLUSTER).unwrap().to_text().replace("keyring 1\n", "keyring 2\n");
        assert_eq!(code(Keyring::from_text(&text)), Some(Code::FormatNewer));
    }
}
