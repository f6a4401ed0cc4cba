//! After a run: is a word of the seed, or a key that follows from it, anywhere but in the vault?
//!
//! What follows from the seed is computed here once more, from the words and the published rules (BIP-39, BIP-32) alone: the seed,
//! every account's private key and those of its first addresses, each as bytes and as text.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use k256::Scalar;
use k256::elliptic_curve::PrimeField as _;
use k256::elliptic_curve::sec1::ToEncodedPoint as _;
use ring::hmac;

/// Addresses of each branch of an account whose keys are looked for.
const ADDRESSES: u32 = 40;
/// So many words of the seed in a row are no chance.
const WORDS_IN_A_ROW: usize = 4;
/// What is passed over at once, but for as much as the longest that is looked for: a secret may begin with zeros.
const EMPTY: [u8; 4_096] = [0; 4_096];
const LONGEST_BYTES: usize = 256;
/// What all that is looked for has at least.
const START_BYTES: usize = 8;
const HARDENED: u32 = 1 << 31;

/// A key and its chain code.
#[derive(Clone)]
struct Node {
    key: [u8; 32],
    chain: [u8; 32],
}

fn split(key: &hmac::Key, data: &[u8]) -> Result<Node> {
    let hash = hmac::sign(key, data);
    let (left, right) = hash.as_ref().split_at_checked(32).context("a short hash")?;
    Ok(Node { key: left.try_into()?, chain: right.try_into()? })
}

fn scalar(bytes: [u8; 32]) -> Result<Scalar> {
    Option::from(Scalar::from_repr(bytes.into())).context("no key")
}

impl Node {
    fn of(seed: &[u8]) -> Result<Node> {
        split(&hmac::Key::new(hmac::HMAC_SHA512, b"Bitcoin seed"), seed)
    }

    fn child(&self, index: u32) -> Result<Node> {
        let mut data = Vec::with_capacity(37);
        if index >= HARDENED {
            data.push(0);
            data.extend(self.key);
        } else {
            let public = k256::SecretKey::from_bytes(&self.key.into())?.public_key();
            data.extend(public.to_encoded_point(true).as_bytes());
        }
        data.extend(index.to_be_bytes());
        let part = split(&hmac::Key::new(hmac::HMAC_SHA512, &self.chain), &data)?;
        let sum = scalar(part.key)? + scalar(self.key)?;
        Ok(Node { key: sum.to_repr().into(), chain: part.chain })
    }

    /// The key of a path such as `m/84'/1'/0'`.
    fn at(&self, path: &str) -> Result<Node> {
        let mut node = self.clone();
        for part in path.trim_start_matches("m/").split('/') {
            let (number, hardened) = part.strip_suffix('\'').map_or((part, 0), |number| (number, HARDENED));
            node = node.child(number.parse::<u32>()? + hardened)?;
        }
        Ok(node)
    }
}

/// What must be nowhere. Told of one is only what it is, never itself.
pub(super) struct Secrets {
    needles: Vec<(String, Vec<u8>)>,
    /// Those that begin with these bytes, by their places. There are thousands, and a log is full of digits that each begins with.
    starting: HashMap<[u8; START_BYTES], Vec<usize>>,
}

impl Secrets {
    /// Of the words of a seed and the paths of its accounts.
    ///
    /// # Errors
    /// There are no words, or a path is none.
    pub(super) fn of(words: &str, paths: &[String]) -> Result<Secrets> {
        let words: Vec<&str> = words.split_whitespace().collect();
        if words.len() < WORDS_IN_A_ROW {
            return Err(anyhow!("the file holds no words of a seed"));
        }
        let phrase = words.join(" ");
        let mut seed = [0; 64];
        let rounds = std::num::NonZeroU32::new(2_048).context("no rounds")?;
        ring::pbkdf2::derive(ring::pbkdf2::PBKDF2_HMAC_SHA512, rounds, b"mnemonic", phrase.as_bytes(), &mut seed);
        let mut secrets = Secrets { needles: Vec::new(), starting: HashMap::new() };
        for row in words.windows(WORDS_IN_A_ROW) {
            secrets.look_for("words of the seed", row.join(" ").into_bytes());
            secrets.look_for("words of the seed", row.join("\",\"").into_bytes());
        }
        secrets.add("the seed", &seed);
        let root = Node::of(&seed)?;
        secrets.add("the root key", &root.key);
        for path in paths {
            let account = root.at(path)?;
            secrets.add(&format!("the key of {path}"), &account.key);
            for branch in [0, 1] {
                let branch_node = account.child(branch)?;
                for index in 0..ADDRESSES {
                    secrets.add(&format!("the key of {path}/{branch}/{index}"), &branch_node.child(index)?.key);
                }
            }
        }
        Ok(secrets)
    }

    fn add(&mut self, what: &str, bytes: &[u8]) {
        let digits = hex::encode(bytes);
        for needle in [bytes.to_vec(), digits.to_uppercase().into_bytes(), digits.into_bytes()] {
            self.look_for(what, needle);
        }
    }

    fn look_for(&mut self, what: &str, needle: Vec<u8>) {
        if let Some(start) = needle.first_chunk() {
            self.starting.entry(*start).or_default().push(self.needles.len());
        }
        self.needles.push((what.to_owned(), needle));
    }

    /// What of it is in some bytes; none where nothing is.
    pub(super) fn find_in(&self, bytes: &[u8]) -> Option<&str> {
        // Most places begin like none of them, which a table tells sooner than the map does.
        let mut begins = vec![false; 1 << 16];
        let two = |bytes: &[u8]| Some(usize::from(u16::from_be_bytes(*bytes.first_chunk()?)));
        for at in self.starting.keys().filter_map(|start| two(start)) {
            begins.get_mut(at).into_iter().for_each(|flag| *flag = true);
        }
        let whole = |rest: &[u8]| {
            let places = self.starting.get(rest.first_chunk::<START_BYTES>()?)?;
            let mut needles = places.iter().filter_map(|place| self.needles.get(*place));
            needles.find(|(_, needle)| rest.starts_with(needle)).map(|(what, _)| what.as_str())
        };
        let mut at = 0;
        while at < bytes.len() {
            // Room that was taken beforehand holds nothing, and there is much of it.
            if bytes.get(at..at + EMPTY.len()) == Some(EMPTY.as_slice()) {
                at += EMPTY.len() - LONGEST_BYTES;
                continue;
            }
            let rest = bytes.get(at..).unwrap_or_default();
            if two(rest).is_some_and(|two| begins.get(two) == Some(&true))
                && let Some(what) = whole(rest)
            {
                return Some(what);
            }
            at += 1;
        }
        None
    }

    /// The files of a folder in which something of it is, with what it is; and how many bytes were looked at.
    ///
    /// # Errors
    /// A folder cannot be read.
    pub(super) fn search(&self, folder: &Path, except: &Path) -> Result<(Vec<String>, u64)> {
        let (mut found, mut looked, mut folders) = (Vec::new(), 0, vec![folder.to_owned()]);
        while let Some(next) = folders.pop() {
            for entry in fs::read_dir(&next).with_context(|| next.display().to_string())? {
                let (path, kind) = entry.and_then(|entry| Ok((entry.path(), entry.file_type()?)))?;
                if kind.is_dir() {
                    folders.push(path);
                } else if kind.is_file() && path != except {
                    // One that was removed meanwhile holds nothing.
                    let bytes = fs::read(&path).unwrap_or_default();
                    looked += bytes.len() as u64;
                    let told = |what: &str| format!("{what} is in {}", path.display());
                    found.extend(self.find_in(&bytes).map(told));
                }
            }
        }
        Ok((found, looked))
    }
}

/// The words' file beside everything else of a run.
pub(super) fn words_file(folder: &Path) -> PathBuf {
    folder.join("seed-words")
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORDS: &str = "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about";

    /// Goal: the keys that are looked for are those that wallets derive. Method: the published vectors of BIP-39 and BIP-84.
    #[test]
    fn keys_are_the_published_ones() {
        let secrets = Secrets::of(WORDS, &["m/84'/0'/0'".to_owned()]).unwrap();
        let held = |digits: &str| secrets.needles.iter().any(|(_, needle)| needle == digits.as_bytes());
        assert!(held(
            "5eb00bbddcf069084889a8ab9155568165f5c453ccb85e70811aaed6f6da5fc1\
             9a5ac40b389cd370d086206dec8aa6c43daea6690f20ad3d8d48b2d2ce9e38e4"
        ));
        assert!(held("4604b4b710fe91f584fff084e1a9159fe4f8408fff380596a604948474ce4fa3"));
    }

    /// Goal: a secret is found wherever it begins and in each of its forms, and told by name only. Method: each form hidden in
    /// other bytes; and bytes without.
    #[test]
    fn what_is_hidden_is_found() {
        let secrets = Secrets::of(WORDS, &["m/44'/60'/0'".to_owned()]).unwrap();
        for (what, needle) in &secrets.needles {
            let hidden = [b"a line of a log\n", needle.as_slice(), b" and more"].concat();
            let found = secrets.find_in(&hidden).unwrap();
            assert!(found == what || found == "words of the seed", "{found} for {what}");
        }
        let far = [EMPTY.as_slice(), &EMPTY, b"1", WORDS.as_bytes(), &EMPTY].concat();
        assert!(secrets.find_in(&far).is_some());
        assert!(secrets.needles.iter().all(|(_, needle)| (START_BYTES..=LONGEST_BYTES).contains(&needle.len())));
        assert_eq!(secrets.find_in(b"abandon ship; about 4604b4b710fe91f584fff084e1a9159fe4f8408f"), None);
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("n1")).unwrap();
        fs::write(folder.path().join("n1/log"), WORDS).unwrap();
        fs::write(words_file(folder.path()), WORDS).unwrap();
        let (found, looked) = secrets.search(folder.path(), &words_file(folder.path())).unwrap();
        assert_eq!((found.len(), looked), (1, WORDS.len() as u64));
        assert!(found[0].starts_with("words of the seed is in ") && !found[0].contains("abandon"), "{}", found[0]);
    }
}
