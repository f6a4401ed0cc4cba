//! Where to call, whom to trust, and with what right.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use exchequer_domain::{Code, Problem};
use reqwest::Url;
use rustls_pki_types::CertificateDer;
use zeroize::Zeroizing;

use crate::cli::args::ClientArgs;
use crate::identity::{IDENTITY_FILE, Identity, OperatorToken, decode_certificates};

/// The port of the API where an address names none.
const PORT: u16 = 8640;
/// More addresses than members of the largest cluster are a mistake.
const ADDRESSES_MAX: usize = 16;
/// Longer files are neither a token nor a list of certificates.
const FILE_BYTES_MAX: u64 = 1 << 20;
const AUTHORITIES_FILE: &str = "ca.pem";
/// Called where neither a flag nor a folder names a node.
const ADDRESS: &str = "127.0.0.1:8640";
const DATA_DIR: &str = "/var/lib/exchequer";
/// Not a flag: what is given as one can be read by every user of the machine.
const TOKEN_VARIABLE: &str = "EXCHEQUER_TOKEN";

/// One node's API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address {
    /// `https://host:port/`.
    pub(super) base: Url,
    /// `host:port`, as it is shown.
    pub(super) text: String,
}

impl Address {
    /// Its path below `/v1/`.
    ///
    /// # Errors
    /// `BadRequest` for a segment that would mean another path.
    pub(super) fn url(&self, segments: &[&str], query: &[(&str, String)]) -> Result<Url, Problem> {
        if let Some(odd) = segments.iter().find(|segment| ["", ".", ".."].contains(segment)) {
            return Err(Problem::new(Code::BadRequest, format!("`{odd}` is not a name")));
        }
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().push("v1").extend(segments);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        Ok(url)
    }
}

/// What to call: `--address`, its variable, or the node whose data folder is on this machine.
pub(crate) fn wanted(args: &ClientArgs) -> String {
    let of_folder = || {
        let bytes = read(&folder(args).join(IDENTITY_FILE)).ok()?;
        Some(Identity::from_text(&bytes).ok()?.api_address)
    };
    // A folder that whoever asks may not read is none.
    args.address.clone().or_else(of_folder).unwrap_or_else(|| ADDRESS.to_owned())
}

/// Reads an address: one or more, with commas between.
///
/// # Errors
/// `BadRequest`, naming the one that is not `host:port`.
pub(super) fn addresses(text: &str) -> Result<Vec<Address>, Problem> {
    let found: Vec<Address> = text.split(',').map(|one| address(one.trim())).collect::<Result<_, _>>()?;
    if found.len() > ADDRESSES_MAX {
        return Err(Problem::new(Code::BadRequest, format!("more than {ADDRESSES_MAX} addresses are given")));
    }
    Ok(found)
}

fn address(text: &str) -> Result<Address, Problem> {
    let odd = |why: &str| {
        Problem::new(Code::BadRequest, format!("`{}` is not an address: {why}", text.escape_debug()))
            .hint("give --address HOST:PORT, several with commas between")
    };
    if text.starts_with("http://") {
        return Err(odd("the API is served over HTTPS alone"));
    }
    let rest = text.strip_prefix("https://").unwrap_or(text).trim_end_matches('/');
    // After the bracket of an IPv6 address, if it is one, a colon can only be that of the port.
    let has_port = rest.rsplit(']').next().is_some_and(|end| end.contains(':'));
    let authority = if has_port { rest.to_owned() } else { format!("{rest}:{PORT}") };
    let base = Url::parse(&format!("https://{authority}/")).map_err(|error| odd(&error.to_string()))?;
    let bare = base.path() == "/" && base.query().is_none() && base.fragment().is_none() && base.username().is_empty();
    if !bare || rest.is_empty() || base.port() == Some(0) {
        return Err(odd("it must be HOST:PORT and nothing more"));
    }
    Ok(Address { base, text: authority })
}

/// The authorities by which servers are told: `--ca-cert`, its variable, or the data folder's.
///
/// # Errors
/// `CertificateInvalid` when there are none.
pub(crate) fn authorities(args: &ClientArgs) -> Result<Vec<CertificateDer<'static>>, Problem> {
    let file = authorities_file(args);
    let invalid = |why: String| {
        let message = format!("the cluster's certificate authority is not to be had from {}: {why}", file.display());
        Problem::new(Code::CertificateInvalid, message)
            .hint("give --ca-cert FILE or set EXCHEQUER_CACERT; every node's data folder has it as `ca.pem`")
    };
    let bytes = read(&file).map_err(|error| invalid(error.to_string()))?;
    let found = decode_certificates(&bytes).map_err(|problem| invalid(problem.message))?;
    if found.is_empty() { Err(invalid("it holds no certificate".to_owned())) } else { Ok(found) }
}

fn authorities_file(args: &ClientArgs) -> PathBuf {
    args.ca_cert.clone().unwrap_or_else(|| folder(args).join(AUTHORITIES_FILE))
}

fn folder(args: &ClientArgs) -> &Path {
    args.data_dir.as_deref().unwrap_or_else(|| Path::new(DATA_DIR))
}

/// The operator token, where one is given. Without one, only what needs none is answered.
///
/// # Errors
/// `TokenWrong` when it has not the form of a token; `TokenMissing` when its file cannot be read.
pub(super) fn token(args: &ClientArgs) -> Result<Option<Zeroizing<String>>, Problem> {
    let text = match &args.token_file {
        Some(file) => Some(Zeroizing::new(token_text(file)?)),
        None => std::env::var(TOKEN_VARIABLE).ok().filter(|text| !text.trim().is_empty()).map(Zeroizing::new),
    };
    text.map(|text| OperatorToken::parse(&text).map(|token| token.text())).transpose()
}

fn token_text(file: &Path) -> Result<String, Problem> {
    let missing = |why: String| {
        let message = format!("the operator token cannot be read from {}: {why}", file.display());
        Problem::new(Code::TokenMissing, message).hint("give the right --token-file, or set EXCHEQUER_TOKEN instead")
    };
    String::from_utf8(read(file).map_err(|error| missing(error.to_string()))?)
        .map_err(|_| missing("it is not text".to_owned()))
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(FILE_BYTES_MAX).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: every way in which operators write an address means what they mean. Method: the forms, and the slips.
    #[test]
    fn addresses_in_all_their_forms() {
        for (text, expected) in [
            ("n1:8640", "n1:8640"),
            ("n1", "n1:8640"),
            ("https://n1:443/", "n1:443"),
            ("[::1]", "[::1]:8640"),
            ("[::1]:9", "[::1]:9"),
            (" 10.0.0.1:8640 ", "10.0.0.1:8640"),
        ] {
            assert_eq!(addresses(text).unwrap()[0].text, expected, "{text}");
        }
        assert_eq!(addresses("n1,n2:1, n3").unwrap().len(), 3);
        for slip in ["", "n1,", "http://n1:8640", "n1:port", "n1:0", "n1:99999", "n1/v1", "me@n1", "a b", "::1"] {
            assert_eq!(addresses(slip).unwrap_err().code, Code::BadRequest, "{slip}");
        }
        assert!(addresses(&["n"; ADDRESSES_MAX + 1].join(",")).is_err());
    }

    /// Goal: a name cannot lead a request to another path. Method: names with every character that means something in
    /// a URL, and those that are refused.
    #[test]
    fn names_stay_in_their_segment() {
        let address = addresses("n1").unwrap().remove(0);
        let url = address.url(&["scratch", "a/b?c#d %"], &[("after", "5&x=1".to_owned())]).unwrap();
        assert_eq!(url.as_str(), "https://n1:8640/v1/scratch/a%2Fb%3Fc%23d%20%25?after=5%26x%3D1");
        assert_eq!(address.url(&["status"], &[]).unwrap().as_str(), "https://n1:8640/v1/status");
        for odd in ["", ".", ".."] {
            assert_eq!(address.url(&["settings", odd], &[]).unwrap_err().code, Code::BadRequest);
        }
    }

    /// Goal: a token or authority that cannot be used is refused here, saying where it came from, and no secret is
    /// repeated. Method: files that are missing, binary, or hold something else.
    #[test]
    fn files_that_cannot_be_used() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            Some(path)
        };
        let token_of = |token_file| token(&ClientArgs { token_file, ..crate::cli::fixtures::client_args() });
        assert_eq!(token_of(Some(folder.path().join("none"))).unwrap_err().code, Code::TokenMissing);
        assert_eq!(token_of(file("binary", b"\xff\xfe")).unwrap_err().code, Code::TokenMissing);
        let wrong = token_of(file("wrong", b"hunter2\n")).unwrap_err();
        assert!(wrong.code == Code::TokenWrong && !wrong.message.contains("hunter2"), "{wrong}");
        let good = OperatorToken::generate().unwrap().text();
        let read = token_of(file("good", format!("{}\n", *good).as_bytes())).unwrap();
        assert_eq!(read.as_deref(), Some(&*good));

        let trust_of = |ca_cert| authorities(&ClientArgs { ca_cert, ..crate::cli::fixtures::client_args() });
        for odd in [Some(folder.path().join("none")), file("empty", b""), file("text", b"no PEM")] {
            let problem = trust_of(odd).unwrap_err();
            assert!(problem.code == Code::CertificateInvalid && problem.hint.contains("--ca-cert"), "{problem}");
        }
    }

    /// Goal: on its own machine a node is found without being named, at the address it was given. Method: a folder with
    /// an identity, one without, and a flag beside it.
    #[test]
    fn a_node_is_found_in_its_folder() {
        let folder = tempfile::tempdir().unwrap();
        let args = |address: Option<&str>| ClientArgs {
            address: address.map(str::to_owned),
            data_dir: Some(folder.path().to_owned()),
            ..crate::cli::fixtures::client_args()
        };
        assert_eq!(wanted(&args(None)), ADDRESS);
        let node = Identity { api_address: "10.0.0.1:8640".to_owned(), ..crate::identity::fixtures::identity() };
        std::fs::write(folder.path().join(IDENTITY_FILE), node.to_text().unwrap()).unwrap();
        assert_eq!(wanted(&args(None)), "10.0.0.1:8640");
        assert_eq!(wanted(&args(Some("n2,n3"))), "n2,n3");
    }

    /// Goal: the authority is looked for where the flags say, the more specific one first.
    #[test]
    fn where_the_authority_is_looked_for() {
        let args = |ca_cert: Option<&str>, data_dir: Option<&str>| ClientArgs {
            ca_cert: ca_cert.map(PathBuf::from),
            data_dir: data_dir.map(PathBuf::from),
            ..crate::cli::fixtures::client_args()
        };
        for (ca_cert, data_dir, expected) in [
            (Some("/a.pem"), Some("/d"), "/a.pem"),
            (None, Some("/d"), "/d/ca.pem"),
            (None, None, "/var/lib/exchequer/ca.pem"),
        ] {
            assert_eq!(authorities_file(&args(ca_cert, data_dir)), Path::new(expected));
        }
    }
}
