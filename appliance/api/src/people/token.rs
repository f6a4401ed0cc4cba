//! Tokens of sessions: 256 random bits that a browser keeps in a cookie and a program in a file. The state knows their hash.

use axum::http::HeaderMap;
use axum::http::header::COOKIE;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use exchequer_domain::Problem;
use exchequer_state::people::SessionId;
use zeroize::Zeroizing;

use super::Realm;
use super::password::random;

const TOKEN_BYTES: usize = 32;
const TOKEN_CONTEXT: &str = "exchequer 2026 session token";
const CSRF_CONTEXT: &str = "exchequer 2026 session csrf token";

/// A session's token.
pub(crate) struct Token(Zeroizing<[u8; TOKEN_BYTES]>);

impl Token {
    pub(crate) fn draw() -> Result<Token, Problem> {
        let mut bytes = Zeroizing::new([0; TOKEN_BYTES]);
        random(bytes.as_mut_slice())?;
        Ok(Token(bytes))
    }

    /// Reads the one spelling of a token, with or without its prefix.
    pub(crate) fn parse(text: &str) -> Option<Token> {
        let mut bytes = Zeroizing::new([0; TOKEN_BYTES]);
        let length = URL_SAFE_NO_PAD.decode_slice(text, bytes.as_mut_slice()).ok()?;
        (length == TOKEN_BYTES).then_some(Token(bytes))
    }

    /// As a program shows it.
    pub(crate) fn text(&self, realm: Realm) -> String {
        format!("{}{}", realm.prefix(), URL_SAFE_NO_PAD.encode(self.0.as_slice()))
    }

    /// As a browser keeps it: for this host alone, out of scripts' reach, and never sent along by another page. It ends
    /// with the browser, or with the session.
    pub(crate) fn cookie(&self, realm: Realm) -> String {
        cookie(realm, &URL_SAFE_NO_PAD.encode(self.0.as_slice()), "")
    }

    /// What the state keeps.
    pub(crate) fn id(&self) -> SessionId {
        SessionId(blake3::derive_key(TOKEN_CONTEXT, self.0.as_slice()))
    }

    /// What a page sends along with each change, beside the cookie: it can be computed from the token alone.
    pub(crate) fn csrf(&self) -> String {
        URL_SAFE_NO_PAD.encode(blake3::derive_key(CSRF_CONTEXT, self.0.as_slice()))
    }
}

fn cookie(realm: Realm, value: &str, more: &str) -> String {
    format!("{}={value}; Path=/; Secure; HttpOnly; SameSite=Strict{more}", realm.cookie())
}

/// The cookie that makes a browser forget the session.
pub(crate) fn no_cookie(realm: Realm) -> String {
    cookie(realm, "", "; Max-Age=0")
}

/// The values of a realm's cookies.
fn cookies(headers: &HeaderMap, realm: Realm) -> impl Iterator<Item = &str> {
    let all = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let pairs = all.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.filter(move |(name, _)| *name == realm.cookie()).map(|(_, value)| value)
}

/// Whether a browser shows a cookie of a realm, whatever it is worth.
pub(crate) fn shows_cookie(headers: &HeaderMap, realm: Realm) -> bool {
    cookies(headers, realm).next().is_some()
}

/// The token in the cookie of a realm. Two cookies of one name are none: one of them is somebody else's doing.
pub(crate) fn of_cookie(headers: &HeaderMap, realm: Realm) -> Option<Token> {
    let mut values = cookies(headers, realm);
    match (values.next(), values.next()) {
        (Some(value), None) => Token::parse(value),
        (Some(_), Some(_)) | (None, _) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: a token reads back, and its id, its CSRF token and itself cannot be told from each other. Method: one drawn.
    #[test]
    fn tokens_read_back() {
        let token = Token::draw().unwrap();
        let text = token.text(Realm::Admins);
        assert_eq!((text.len(), &text[..5]), (48, "exqs_"));
        assert_eq!(Token::parse(&text[5..]).unwrap().id(), token.id());
        assert_ne!(token.csrf(), text[5..]);
        for wrong in ["", &text[5..47], &format!("{}=", &text[5..]), "é"] {
            assert!(Token::parse(wrong).is_none(), "{wrong}");
        }
    }

    /// Goal: a cookie has every flag that keeps it where it belongs, and is found among others, once.
    #[test]
    fn cookies() {
        let token = Token::draw().unwrap();
        let set = token.cookie(Realm::Admins);
        let (pair, flags) = set.split_once("; ").unwrap();
        assert_eq!(flags, "Path=/; Secure; HttpOnly; SameSite=Strict");
        let headers = |lines: &[&str]| {
            let mut headers = HeaderMap::new();
            lines.iter().for_each(|line| {
                headers.append(COOKIE, line.parse().unwrap());
            });
            headers
        };
        let found = |lines: &[&str]| of_cookie(&headers(lines), Realm::Admins).map(|token| token.id());
        assert_eq!(found(&[&format!("a=b; {pair}; c")]), Some(token.id()));
        assert_eq!(found(&["a=b", pair]), Some(token.id()));
        assert_eq!(found(&[pair, pair]), None);
        assert_eq!(found(&["a=b"]), None);
        assert!(of_cookie(&headers(&[pair]), Realm::Customers).is_none());
    }
}
