//! After a run: is a word of the seed, or a key that follows from it, anywhere but in the vault?
//!
//! What follows from the seed is computed here once more, from the words and the published rules (BIP-39, BIP-32) alone: the seed,
//! every account's private key, those on the way to it and those of its first addresses, each as bytes and in every text in which such
//! things are written: digits, base58 (`xprv` and its like, WIF), base64.
//!
//! Files are looked at as they are. Tables of the state are compressed, in which a text may be in pieces; but whatever is in the state
//! came as a command through the replicated log, which is not compressed and, in a run as short as this, is there from its beginning.

mod cores;
mod derived;
mod forms;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;
use std::{fs, io};

use anyhow::{Context, Result, anyhow};

use self::derived::Node;

/// Addresses of each branch of an account whose keys are looked for.
const ADDRESSES: u32 = 40;
/// So many words of the seed in a row are no chance.
const WORDS_IN_A_ROW: usize = 4;
/// What is passed over at once, but for as much as the longest that is looked for: a secret may begin with zeros.
const EMPTY: [u8; 4_096] = [0; 4_096];
const LONGEST_BYTES: usize = 256;
/// What all that is looked for has at least.
const START_BYTES: usize = 8;
/// What must be nowhere. Told of one is only what it is, never itself.
pub(super) struct Secrets {
    needles: Vec<(String, Vec<u8>)>,
    /// Those that begin with these bytes, by their places. There are thousands, and a log is full of digits that each begins with.
    starting: HashMap<[u8; START_BYTES], Vec<usize>>,
    /// A bit for every three bytes that one of them begins with: most places begin like none, which this tells sooner than a map.
    begins: Vec<u64>,
}

/// What was found, and how many bytes were looked at.
#[derive(Debug, Default)]
pub(super) struct Search {
    pub(super) found: Vec<String>,
    pub(super) looked: u64,
    /// A program that takes cores and puts them nobody knows where.
    pub(super) unseen: Option<String>,
}

/// The place of the first three bytes in [`Secrets::begins`].
fn begin(bytes: &[u8]) -> Option<(usize, u64)> {
    let [a, b, c] = *bytes.first_chunk()?;
    let place = u32::from_be_bytes([0, a, b, c]) as usize;
    Some((place / 64, 1 << (place % 64)))
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
        let begins = vec![0; (1 << 24) / 64];
        let mut secrets = Secrets { needles: Vec::new(), starting: HashMap::new(), begins };
        for row in words.windows(WORDS_IN_A_ROW) {
            secrets.look_for("words of the seed", row.join(" ").into_bytes());
            secrets.look_for("words of the seed", row.join("\",\"").into_bytes());
        }
        secrets.add("the seed", &seed);
        let root = Node::of(&seed)?;
        secrets.add_extended("the root key", &root);
        for path in paths {
            let way = root.down(path)?;
            let account = way.last().context("a path to nowhere")?;
            for node in &way {
                secrets.add_extended(&format!("the key of {path}"), node);
            }
            for branch in [0, 1] {
                let branch_node = account.child(branch)?;
                secrets.add_extended(&format!("the key of {path}/{branch}"), &branch_node);
                for index in 0..ADDRESSES {
                    secrets.add_key(&format!("the key of {path}/{branch}/{index}"), &branch_node.child(index)?);
                }
            }
        }
        Ok(secrets)
    }

    /// A key from which others follow.
    fn add_extended(&mut self, what: &str, node: &Node) {
        node.extended().for_each(|text| self.look_for(what, text.into_bytes()));
        self.add_key(what, node);
    }

    fn add_key(&mut self, what: &str, node: &Node) {
        node.single().for_each(|text| self.look_for(what, text.into_bytes()));
        self.add(what, &node.key);
    }

    fn add(&mut self, what: &str, bytes: &[u8]) {
        forms::of(bytes).into_iter().for_each(|form| self.look_for(what, form));
    }

    fn look_for(&mut self, what: &str, needle: Vec<u8>) {
        if let Some(start) = needle.first_chunk() {
            self.starting.entry(*start).or_default().push(self.needles.len());
        }
        if let Some((place, bit)) = begin(&needle) {
            self.begins.get_mut(place).into_iter().for_each(|bits| *bits |= bit);
        }
        self.needles.push((what.to_owned(), needle));
    }

    /// What of it is in some bytes; none where nothing is.
    pub(super) fn find_in(&self, bytes: &[u8]) -> Option<&str> {
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
            if begin(rest).is_some_and(|(place, bit)| self.begins.get(place).is_some_and(|bits| bits & bit != 0))
                && let Some(what) = whole(rest)
            {
                return Some(what);
            }
            at += 1;
        }
        None
    }

    /// The files of a folder in which something of it is, with what it is, and the cores that were left since a moment elsewhere.
    ///
    /// # Errors
    /// Something cannot be read: what was not looked at is not clean.
    pub(super) fn search(&self, folder: &Path, except: &Path, since: SystemTime) -> Result<Search> {
        let mut search = self.search_by(folder, except, |path| fs::read(path))?;
        // Nodes run where this process does; signers and workers in folders of theirs, which were gone through.
        let left = cores::left(&[std::env::current_dir()?], since)?;
        for core in left.cores.iter().filter(|core| !core.starts_with(folder)) {
            self.note(core, &cores::read(core)?, &mut search);
        }
        Ok(Search { unseen: left.unseen, ..search })
    }

    fn search_by(&self, folder: &Path, except: &Path, read: impl Fn(&Path) -> io::Result<Vec<u8>>) -> Result<Search> {
        let (mut search, mut folders) = (Search::default(), vec![folder.to_owned()]);
        while let Some(next) = folders.pop() {
            for entry in fs::read_dir(&next).with_context(|| next.display().to_string())? {
                let (path, kind) = entry.and_then(|entry| Ok((entry.path(), entry.file_type()?)))?;
                if kind.is_dir() {
                    folders.push(path);
                } else if kind.is_file() && path != except {
                    match read(&path) {
                        Ok(bytes) => self.note(&path, &bytes, &mut search),
                        // One that was removed meanwhile holds nothing.
                        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                        Err(error) => return Err(error).with_context(|| format!("not looked at: {}", path.display())),
                    }
                }
            }
        }
        Ok(search)
    }

    fn note(&self, path: &Path, bytes: &[u8], search: &mut Search) {
        search.looked += bytes.len() as u64;
        search.found.extend(self.find_in(bytes).map(|what| format!("{what} is in {}", path.display())));
    }
}

/// The words' file beside everything else of a run.
pub(super) fn words_file(folder: &Path) -> PathBuf {
    folder.join("seed-words")
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

    use super::*;

    /// Of the words: the seed (BIP-39), and keys as BIP-84 tells them.
    const SEED: &str = "5eb00bbddcf069084889a8ab9155568165f5c453ccb85e70811aaed6f6da5fc1\
                        9a5ac40b389cd370d086206dec8aa6c43daea6690f20ad3d8d48b2d2ce9e38e4";
    const ROOT_XPRV: &str = "xprv9s21ZrQH143K3GJpoapnV8SFfukcVBSfeCficPSGfubmSFDxo1kuHnLisriDvSnRRuL2Qrg5ggqHKNVpxR86QEC8w35uxmGoggxtQTPvfUu";
    const ROOT_ZPRV: &str = "zprvAWgYBBk7JR8Gjrh4UJQ2uJdG1r3WNRRfURiABBE3RvMXYSrRJL62XuezvGdPvG6GFBZduosCc1YP5wixPox7zhZLfiUm8aunE96BBa4Kei5";
    const ACCOUNT_ZPRV: &str = "zprvAdG4iTXWBoARxkkzNpNh8r6Qag3irQB8PzEMkAFeTRXxHpbF9z4QgEvBRmfvqWvGp42t42nvgGpNgYSJA9iefm1yYNZKEm7z6qUWCroSQnE";
    const ADDRESS_WIF: &str = "KyZpNDKnfs94vbrwhJneDi77V6jF64PWPF8x5cdJb8ifgg2DUc9d";
    const WORDS: &str = "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about";

    /// Goal: the keys that are looked for are those that wallets derive. Method: the published vectors of BIP-39 and BIP-84.
    #[test]
    fn keys_are_the_published_ones() {
        let secrets = Secrets::of(WORDS, &["m/84'/0'/0'".to_owned()]).unwrap();
        let held = |digits: &str| secrets.needles.iter().any(|(_, needle)| needle == digits.as_bytes());
        assert!(held(SEED));
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
        let (path, words) = (folder.path(), words_file(folder.path()));
        let Search { found, looked, .. } = secrets.search_by(path, &words, |path| fs::read(path)).unwrap();
        assert_eq!((found.len(), looked), (1, WORDS.len() as u64));
        assert!(found[0].starts_with("words of the seed is in ") && !found[0].contains("abandon"), "{}", found[0]);
        // What is gone holds nothing; what is there and cannot be read may hold anything.
        let failing = |kind: io::ErrorKind| secrets.search_by(path, &words, move |_| Err(kind.into()));
        assert_eq!(failing(io::ErrorKind::NotFound).unwrap().looked, 0);
        let told = failing(io::ErrorKind::PermissionDenied).unwrap_err().to_string();
        assert!(told.starts_with("not looked at: ") && told.ends_with("n1/log"), "{told}");
    }

    /// Goal: the texts in which people and programs write keys are found in a file. Method: each planted in a log of its own: the
    /// published `xprv`, `zprv` and WIF of the words, and base64 of the seed alone and within a longer message.
    #[test]
    fn each_form_is_found_in_a_file() {
        let secrets = Secrets::of(WORDS, &["m/84'/0'/0'".to_owned()]).unwrap();
        let seed = hex::decode(SEED).unwrap();
        let message = [b"a message: ".as_slice(), &seed, b" and its end"].concat();
        let planted = [
            ROOT_XPRV.to_owned(),
            ROOT_ZPRV.to_owned(),
            ACCOUNT_ZPRV.to_owned(),
            ADDRESS_WIF.to_owned(),
            STANDARD.encode(&seed),
            URL_SAFE_NO_PAD.encode(&seed),
            STANDARD.encode(&message),
        ];
        for (at, text) in planted.iter().enumerate() {
            let folder = tempfile::tempdir().unwrap();
            fs::write(folder.path().join("log"), format!("{{\"said\":\"{text}\"}}")).unwrap();
            let search = secrets.search_by(folder.path(), Path::new(""), |path| fs::read(path)).unwrap();
            assert_eq!(search.found.len(), 1, "form {at}");
        }
    }
}
