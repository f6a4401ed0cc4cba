//! The exported keyring: a text that an operator can keep in a safe and bring back with `exchequer keyring import`.
//!
//! It is not encrypted: whoever holds it opens every secret of the cluster's snapshots. The text says so, and the file
//! is made with mode 0600.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use exchequer_domain::{ClusterId, Code, Problem};
use zeroize::Zeroizing;

use super::certificate::push_lines;
use super::files;
use super::keyring::Keyring;

const BEGIN: &str = "-----BEGIN EXCHEQUER KEYRING-----";
const END: &str = "-----END EXCHEQUER KEYRING-----";
const WARNING: &str = "\
# SECRET, AND NOT ENCRYPTED. Whoever reads this opens every secret in this cluster's snapshots,
# the key of its certificate authority among them. Keep it offline, apart from the snapshots.
";
const TEXT_BYTES_MAX: usize = 64 << 10;

impl Keyring {
    /// The keyring as an armoured text. All of it is secret.
    #[must_use]
    pub fn export(&self) -> Zeroizing<String> {
        let body = Zeroizing::new(STANDARD.encode(self.to_text().as_bytes()));
        let mut text = Zeroizing::new(String::with_capacity(1024 + body.len() * 2));
        let checksum = blake3::hash(body.as_bytes());
        text.push_str(&format!("{BEGIN}\n{WARNING}Cluster: {}\nChecksum: {checksum}\n\n", self.cluster_id()));
        push_lines(&mut text, &body);
        text.push_str(&format!("{END}\n"));
        text
    }

    /// Writes the export to a new file of mode 0600.
    ///
    /// # Errors
    /// `BadRequest` when the file exists already; `DiskFull` and others when it cannot be written.
    pub fn export_to(&self, path: &Path) -> Result<(), Problem> {
        files::write_new(path, self.export().as_bytes())
    }

    /// Reads an exported keyring. Text around the armour is passed over, and so is what mailers do to line ends.
    ///
    /// # Errors
    /// `KeyringWrong` when it is no export, or was cut or changed; `FormatNewer` when a newer version wrote it.
    pub fn import(text: &str) -> Result<Keyring, Problem> {
        let wrong = |what: &str| Problem::new(Code::KeyringWrong, format!("the exported keyring {what}"));
        if text.len() > TEXT_BYTES_MAX {
            return Err(wrong("is longer than any keyring"));
        }
        let (_, inside) = text.split_once(BEGIN).ok_or_else(|| wrong("has no beginning line"))?;
        let (inside, _) = inside.split_once(END).ok_or_else(|| wrong("has no ending line"))?;
        let mut cluster = None;
        let mut checksum = None;
        let mut body = Zeroizing::new(String::with_capacity(inside.len()));
        for line in inside.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            match line.split_once(':') {
                Some(("Cluster", value)) => cluster = value.trim().parse::<ClusterId>().ok(),
                Some(("Checksum", value)) => checksum = blake3::Hash::from_hex(value.trim()).ok(),
                Some(_) => return Err(wrong("has a header that does not exist")),
                None => body.push_str(line),
            }
        }
        if checksum != Some(blake3::hash(body.as_bytes())) {
            return Err(wrong("was cut or changed: its checksum does not match"));
        }
        let decoded = Zeroizing::new(STANDARD.decode(body.as_bytes()).map_err(|_| wrong("is damaged"))?);
        let keyring = Keyring::from_text(std::str::from_utf8(&decoded).map_err(|_| wrong("is damaged"))?)?;
        if cluster != Some(keyring.cluster_id()) {
            return Err(wrong("names another cluster in its header"));
        }
        Ok(keyring)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    const CLUSTER: ClusterId = ClusterId([7; 16]);

    /// Goal: the export reads back, also after a mailer wrapped it in prose and changed the line ends.
    #[test]
    fn an_export_reads_back() {
        let mut keyring = Keyring::generate(CLUSTER).unwrap();
        keyring.rotate().unwrap();
        let text = keyring.export();
        assert!(text.contains(&format!("Cluster: {CLUSTER}")) && text.contains("NOT ENCRYPTED"));
        let mailed = format!("Dear safe,\r\n{}\r\nRegards", text.replace('\n', "\r\n"));
        assert_eq!(Keyring::import(&mailed).unwrap().key_ids(), keyring.key_ids());
    }

    /// Goal: a damaged export is refused. Method: flip a bit of every byte past the warning; cut at every length.
    #[test]
    fn a_damaged_export_is_refused() {
        let text = Keyring::generate(CLUSTER).unwrap().export();
        let start = text.find("Cluster:").unwrap();
        let end = text.find(END).unwrap() + END.len();
        for position in start..end {
            let mut bytes = text.as_bytes().to_vec();
            bytes[position] ^= 0x01;
            let changed = String::from_utf8(bytes).unwrap();
            // A line end that became another blank means the same.
            let same_meaning = text.as_bytes()[position].is_ascii_whitespace();
            assert!(Keyring::import(&changed).is_err() || same_meaning, "byte {position}");
            assert!(Keyring::import(&text[..position]).is_err(), "cut at {position}");
        }
    }

    /// Goal: the header cannot be made to name another cluster than the keys inside.
    #[test]
    fn the_header_must_tell_the_truth() {
        let text = Keyring::generate(CLUSTER).unwrap().export();
        let lied = text.replace(&CLUSTER.to_string(), &ClusterId([8; 16]).to_string());
        assert_eq!(Keyring::import(&lied).unwrap_err().code, Code::KeyringWrong);
    }

    /// Goal: an export is readable by its owner alone and never overwrites a file.
    #[test]
    fn an_export_file_is_private_and_new() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keyring.txt");
        let keyring = Keyring::generate(CLUSTER).unwrap();
        keyring.export_to(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(keyring.export_to(&path).unwrap_err().code, Code::BadRequest);
        assert_eq!(Keyring::import(&std::fs::read_to_string(&path).unwrap()).unwrap().key_ids(), keyring.key_ids());
    }
}
