//! An endpoint, and what of it may be shown.
//!
//! Keys of providers are in paths, in queries, in the user's part of addresses. What is shown is scheme, host and port alone;
//! texts that come from outside go through [`Endpoint::clean`], because nodes and proxies like to repeat what they were sent.

use std::fmt;
use std::path::{Path, PathBuf};

use reqwest::Url;

/// Longest text from outside that is kept in an error, in bytes.
const TEXT_BYTES_MAX: usize = 300;
/// Shortest part of a path or query that is taken for a secret, in bytes: shorter ones are words such as `v3`.
const SECRET_BYTES_MIN: usize = 8;
/// Longest cookie file of a Bitcoin node, in bytes.
const COOKIE_BYTES_MAX: u64 = 4096;

/// How a node is shown who asks.
#[derive(Clone)]
pub enum Auth {
    /// Not at all, or by what is in the address.
    None,
    /// User and password.
    Basic {
        /// The user.
        user: String,
        /// The password.
        password: String,
    },
    /// The file that a Bitcoin node writes at each start; read for each call.
    Cookie(PathBuf),
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Auth::None => "no authentication",
            Auth::Basic { .. } => "user and password",
            Auth::Cookie(_) => "cookie file",
        })
    }
}

/// Why an address is none. Says nothing of the address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// It is no address.
    #[error("the address cannot be read: write https://HOST/PATH")]
    Unreadable,
    /// Of another scheme.
    #[error("an address begins with https:// or http://")]
    Scheme,
    /// Both in the address and beside it.
    #[error("user and password stand in the address and beside it: leave one of them out")]
    TwoAuths,
    /// The cookie file.
    #[error("the node's cookie file cannot be read: is the node running, and may this user read the file?")]
    Cookie,
}

/// The address of a network's node. Shown without anything that could be a secret.
#[derive(Clone)]
pub struct Endpoint {
    url: Url,
    auth: Auth,
    shown: String,
    secrets: Vec<String>,
}

impl Endpoint {
    /// An endpoint of an address whose references to secrets are replaced by what they stand for already.
    ///
    /// # Errors
    /// Not an address of `http` or `https`; user and password given twice.
    pub fn new(address: &str, auth: Auth) -> Result<Endpoint, EndpointError> {
        let mut url = Url::parse(address).map_err(|_| EndpointError::Unreadable)?;
        if !["http", "https"].contains(&url.scheme()) {
            return Err(EndpointError::Scheme);
        }
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or(EndpointError::Unreadable)?;
        let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
        let shown = format!("{}://{host}{port}", url.scheme());
        let auth = match (url.username().is_empty() && url.password().is_none(), auth) {
            (true, auth) => auth,
            (false, Auth::None) => {
                let part = |text: &str| percent_decoded(text).ok_or(EndpointError::Unreadable);
                let (user, password) = (part(url.username())?, part(url.password().unwrap_or_default())?);
                Auth::Basic { user, password }
            }
            (false, Auth::Basic { .. } | Auth::Cookie(_)) => return Err(EndpointError::TwoAuths),
        };
        // They travel in a header; an address that still has them would reach errors of the HTTP client.
        url.set_username("").map_err(|()| EndpointError::Unreadable)?;
        url.set_password(None).map_err(|()| EndpointError::Unreadable)?;
        url.set_fragment(None);
        let mut secrets: Vec<String> = Vec::new();
        let parts =
            url.path_segments().into_iter().flatten().chain(url.query().into_iter().flat_map(|q| q.split(['&', '='])));
        for part in parts.filter(|part| part.len() >= SECRET_BYTES_MIN) {
            secrets.push(part.to_owned());
            secrets.extend(percent_decoded(part).filter(|plain| plain != part));
        }
        if let Auth::Basic { user, password } = &auth {
            secrets.extend([password.clone(), user.clone()].into_iter().filter(|part| !part.is_empty()));
        }
        // The longest first, so that no rest of one is left behind a shorter one.
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        Ok(Endpoint { url, auth, shown, secrets })
    }

    /// Whose it is: the host, whatever the scheme, port, path and key. On this machine itself ports tell nodes apart.
    #[must_use]
    pub fn provider(&self) -> String {
        let host = self.url.host_str().unwrap_or_default().trim_end_matches('.').to_ascii_lowercase();
        let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
        let here = host == "localhost" || address.is_ok_and(|address| address.is_loopback());
        match self.url.port_or_known_default() {
            Some(port) if here => format!("this machine:{port}"),
            Some(_) | None => host,
        }
    }

    /// The address with something appended to its path.
    pub(crate) fn url(&self, path: &str) -> Url {
        let mut url = self.url.clone();
        if !path.is_empty() {
            let base = url.path().trim_end_matches('/').to_owned();
            url.set_path(&format!("{base}/{}", path.trim_start_matches('/')));
        }
        url
    }

    /// User and password to show now.
    pub(crate) fn credentials(&self) -> Result<Option<(String, String)>, EndpointError> {
        match &self.auth {
            Auth::None => Ok(None),
            Auth::Basic { user, password } => Ok(Some((user.clone(), password.clone()))),
            Auth::Cookie(path) => cookie(path).map(Some),
        }
    }

    /// A text from outside, fit for errors and logs: in one line, not long, and without secrets of the address.
    #[must_use]
    pub fn clean(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for secret in &self.secrets {
            if text.contains(secret.as_str()) {
                text = text.replace(secret.as_str(), "***");
            }
        }
        // After the secrets are out: a cut through one of them would leave its first half.
        let mut clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        if clean.len() > TEXT_BYTES_MAX {
            let end = (0..=TEXT_BYTES_MAX).rev().find(|at| clean.is_char_boundary(*at)).unwrap_or(0);
            clean.truncate(end);
            clean.push_str("...");
        }
        clean
    }
}

/// What a Bitcoin node's cookie file says.
fn cookie(path: &Path) -> Result<(String, String), EndpointError> {
    let size = std::fs::metadata(path).map_err(|_| EndpointError::Cookie)?.len();
    if size > COOKIE_BYTES_MAX {
        return Err(EndpointError::Cookie);
    }
    let text = std::fs::read_to_string(path).map_err(|_| EndpointError::Cookie)?;
    let (user, password) = text.trim_end().split_once(':').ok_or(EndpointError::Cookie)?;
    Ok((user.to_owned(), password.to_owned()))
}

/// A part of an address with its `%XX` replaced.
fn percent_decoded(text: &str) -> Option<String> {
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        if *first == b'%' {
            let mut byte = [0];
            hex::decode_to_slice(after.get(..2)?, &mut byte).ok()?;
            plain.push(byte[0]);
            rest = after.get(2..)?;
        } else {
            plain.push(*first);
            rest = after;
        }
    }
    String::from_utf8(plain).ok()
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "endpoint {}", self.shown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: nothing secret of an address is shown, whatever its form. Method: keys in user, password, path, query, and in
    /// texts that repeat them, also percent-encoded and at the place where long texts are cut.
    #[test]
    fn secrets_are_not_shown() {
        let key = "k3yk3yk3yk3yk3y";
        let addresses = [
            format!("https://node.example.org/v3/{key}"),
            format!("https://node.example.org/?apikey={key}"),
            format!("https://{key}:x{key}@node.example.org:8545/"),
            format!("https://user:{key}@node.example.org"),
            "https://node.example.org/%6b3yk3yk3yk3yk3y".to_owned(),
        ];
        for address in addresses {
            let endpoint = Endpoint::new(&address, Auth::None).unwrap();
            let long = format!("{}{key}", "x".repeat(TEXT_BYTES_MAX - 5));
            let texts = [
                format!("{endpoint} {endpoint:?} {:?} {:?}", endpoint.auth, Some(&endpoint)),
                endpoint.clean(&format!("no route to {address}: {key}")),
                endpoint.clean(&long),
            ];
            for text in texts {
                assert!(!text.contains(&key[..5]), "{text}");
                assert!(text.len() < TEXT_BYTES_MAX + 10, "{text}");
            }
            assert!(endpoint.to_string().starts_with("https://node.example.org"), "{endpoint}");
            assert!(endpoint.url("").username().is_empty() && endpoint.url("").password().is_none());
        }
        assert!(!endpoint_error_texts().iter().any(|text| text.contains(key)));
    }

    fn endpoint_error_texts() -> Vec<String> {
        let basic = Auth::Basic { user: "u".into(), password: "p".into() };
        let wrong = [
            Endpoint::new("ftp://k3yk3yk3yk3yk3y@host", Auth::None),
            Endpoint::new("k3yk3yk3yk3yk3y", Auth::None),
            Endpoint::new("https://k3yk3yk3yk3yk3y@host", basic),
        ];
        wrong.into_iter().map(|wrong| format!("{} {0:?}", wrong.unwrap_err())).collect()
    }

    /// Goal: one provider is one, whatever else differs in its address; nodes of this machine are told apart by their ports.
    #[test]
    fn providers_are_hosts() {
        let provider = |address: &str| Endpoint::new(address, Auth::None).unwrap().provider();
        let one = provider("https://node.example.org/v3/k3yk3yk3yk3yk3y");
        for same in [
            "https://node.example.org/v3/0therk3y0therk3y/",
            "http://node.example.org:8545",
            "https://user:pw@NODE.example.org./",
        ] {
            assert_eq!(provider(same), one, "{same}");
        }
        assert_ne!(provider("https://node2.example.org"), one);
        assert_ne!(provider("http://127.0.0.1:1"), provider("http://127.0.0.1:2"));
        assert_eq!(provider("http://localhost:1/a"), provider("http://[::1]:1"));
    }

    /// Goal: the paths of TRON's interface go behind the address's own, and its query stays; users decode.
    #[test]
    fn paths_are_appended() {
        let plain = Endpoint::new("http://127.0.0.1:8090", Auth::None).unwrap();
        assert_eq!(plain.url("/wallet/getnowblock").as_str(), "http://127.0.0.1:8090/wallet/getnowblock");
        let keyed = Endpoint::new("http://a%40b:p%3Aw@127.0.0.1/tron/?key=12345678", Auth::None).unwrap();
        assert_eq!(keyed.url("wallet/x").as_str(), "http://127.0.0.1/tron/wallet/x?key=12345678");
        assert_eq!(keyed.credentials().unwrap(), Some(("a@b".into(), "p:w".into())));
    }

    /// Goal: the cookie is read anew for every call, and a missing or foreign file is an error that names no path.
    #[test]
    fn cookies_are_read_each_time() {
        let path = std::env::temp_dir().join(format!("exchequer-cookie-{}", std::process::id()));
        let endpoint = Endpoint::new("http://127.0.0.1:8332", Auth::Cookie(path.clone())).unwrap();
        assert_eq!(endpoint.credentials(), Err(EndpointError::Cookie));
        for text in ["__cookie__:aa", "__cookie__:bb\n"] {
            std::fs::write(&path, text).unwrap();
            let (user, password) = endpoint.credentials().unwrap().unwrap();
            assert_eq!(format!("{user}:{password}"), text.trim());
        }
        std::fs::write(&path, "no colon").unwrap();
        assert_eq!(endpoint.credentials(), Err(EndpointError::Cookie));
        std::fs::remove_file(&path).unwrap();
    }
}
