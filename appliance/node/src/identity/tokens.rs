//! The operator's token and the one-time token with which a node joins.
//!
//! The state keeps only hashes of the secrets. They are 256 random bits, so a plain hash is enough: there is nothing to
//! guess. The two kinds are hashed under different contexts, so that one can never pass for the other.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use exchequer_domain::{Code, Digest, Problem};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

const SECRET_BYTES: usize = 32;
const JOIN_ID_BYTES: usize = 8;
const FINGERPRINT_BYTES: usize = 32;
const JOIN_BYTES: usize = JOIN_ID_BYTES + SECRET_BYTES + FINGERPRINT_BYTES;
const OPERATOR_PREFIX: &str = "exq_";
const JOIN_PREFIX: &str = "exqj_";
const OPERATOR_CONTEXT: &str = "exchequer 2026 operator token";
const JOIN_CONTEXT: &str = "exchequer 2026 join token";

type Secret = Zeroizing<[u8; SECRET_BYTES]>;

fn matches(hash: Digest, expected: &Digest) -> bool {
    hash.0.ct_eq(&expected.0).into()
}

fn encode(prefix: &str, bytes: &[u8]) -> Zeroizing<String> {
    let body = Zeroizing::new(URL_SAFE_NO_PAD.encode(bytes));
    Zeroizing::new([prefix, body.as_str()].concat())
}

/// Decodes exactly `N` bytes from the one spelling that encodes them.
fn decode<const N: usize>(text: &str) -> Option<Zeroizing<[u8; N]>> {
    let mut bytes = Zeroizing::new([0; N]);
    match URL_SAFE_NO_PAD.decode_slice(text, bytes.as_mut_slice()) {
        Ok(length) if length == N => Some(bytes),
        Ok(_) | Err(_) => None,
    }
}

/// The token that every write needs, and every read that is not health or metrics: `exq_` and 43 characters.
pub struct OperatorToken(Secret);

impl fmt::Debug for OperatorToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OperatorToken(..)")
    }
}

impl OperatorToken {
    /// A new token.
    ///
    /// # Errors
    /// `Internal` when the system has no randomness.
    pub fn generate() -> Result<OperatorToken, Problem> {
        Ok(OperatorToken(Zeroizing::new(super::random()?)))
    }

    /// Reads a token; blanks around it are passed over, as files end with a line end.
    ///
    /// # Errors
    /// `TokenWrong` when the text has not the form of a token. The message does not repeat the text.
    pub fn parse(text: &str) -> Result<OperatorToken, Problem> {
        let text = text.trim();
        if text.starts_with(JOIN_PREFIX) {
            return Err(Problem::new(Code::TokenWrong, "this is a join token, not the operator token"));
        }
        text.strip_prefix(OPERATOR_PREFIX)
            .and_then(decode)
            .map(OperatorToken)
            .ok_or_else(|| Problem::new(Code::TokenWrong, "an operator token is `exq_` and 43 characters after it"))
    }

    /// The token's text, to be shown once.
    #[must_use]
    pub fn text(&self) -> Zeroizing<String> {
        encode(OPERATOR_PREFIX, self.0.as_slice())
    }

    /// What the state keeps of it.
    #[must_use]
    pub fn hash(&self) -> Digest {
        Digest(blake3::derive_key(OPERATOR_CONTEXT, self.0.as_slice()))
    }

    /// Whether this is the token whose hash the state keeps. Takes the same time whatever the answer.
    #[must_use]
    pub fn verify(&self, expected: &Digest) -> bool {
        matches(self.hash(), expected)
    }
}

/// The public name of a join token, under which the state keeps its hash and expiry.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JoinTokenId(pub [u8; JOIN_ID_BYTES]);

impl fmt::Display for JoinTokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for JoinTokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "join token {self}")
    }
}

/// A one-time token that admits one node and pins the cluster's authority: `exqj_` and 96 characters.
pub struct JoinToken {
    /// Its public name.
    pub id: JoinTokenId,
    /// The fingerprint of the authority that the joining node must find.
    pub authority: Digest,
    secret: Secret,
}

impl fmt::Debug for JoinToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinToken").field("id", &self.id).field("authority", &self.authority).finish_non_exhaustive()
    }
}

impl JoinToken {
    /// A new token that pins an authority's fingerprint.
    ///
    /// # Errors
    /// `Internal` when the system has no randomness.
    pub fn generate(authority: Digest) -> Result<JoinToken, Problem> {
        Ok(JoinToken { id: JoinTokenId(super::random()?), authority, secret: Zeroizing::new(super::random()?) })
    }

    /// Reads a token; blanks around it are passed over.
    ///
    /// # Errors
    /// `JoinTokenUnknown`, saying what is odd about the text without repeating it.
    pub fn parse(text: &str) -> Result<JoinToken, Problem> {
        let unknown = |what: &str| Problem::new(Code::JoinTokenUnknown, what.to_owned());
        let text = text.trim();
        let Some(body) = text.strip_prefix(JOIN_PREFIX) else {
            return Err(unknown(if text.starts_with(OPERATOR_PREFIX) {
                "this is an operator token, not a join token"
            } else {
                "a join token begins with `exqj_`"
            }));
        };
        let bytes: Zeroizing<[u8; JOIN_BYTES]> = decode(body).ok_or_else(|| {
            unknown("the join token was cut or changed on its way: it is `exqj_` and 96 characters after it")
        })?;
        let mut id = JoinTokenId([0; JOIN_ID_BYTES]);
        let mut secret = Zeroizing::new([0; SECRET_BYTES]);
        let mut authority = Digest([0; FINGERPRINT_BYTES]);
        id.0.copy_from_slice(&bytes[..JOIN_ID_BYTES]);
        secret.copy_from_slice(&bytes[JOIN_ID_BYTES..JOIN_ID_BYTES + SECRET_BYTES]);
        authority.0.copy_from_slice(&bytes[JOIN_ID_BYTES + SECRET_BYTES..]);
        Ok(JoinToken { id, authority, secret })
    }

    /// The token's text, to be shown once and given to the joining node.
    #[must_use]
    pub fn text(&self) -> Zeroizing<String> {
        let mut bytes = Zeroizing::new([0; JOIN_BYTES]);
        bytes[..JOIN_ID_BYTES].copy_from_slice(&self.id.0);
        bytes[JOIN_ID_BYTES..JOIN_ID_BYTES + SECRET_BYTES].copy_from_slice(self.secret.as_slice());
        bytes[JOIN_ID_BYTES + SECRET_BYTES..].copy_from_slice(&self.authority.0);
        encode(JOIN_PREFIX, bytes.as_slice())
    }

    /// What the state keeps of the secret.
    #[must_use]
    pub fn secret_hash(&self) -> Digest {
        Digest(blake3::derive_key(JOIN_CONTEXT, self.secret.as_slice()))
    }

    /// Whether this is the token whose hash the state keeps. Takes the same time whatever the answer.
    #[must_use]
    pub fn verify(&self, expected: &Digest) -> bool {
        matches(self.secret_hash(), expected)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AUTHORITY: Digest = Digest([9; 32]);

    /// Goal: a token survives being shown, stored and read, and another one does not pass for it.
    #[test]
    fn tokens_read_back() {
        let token = OperatorToken::generate().unwrap();
        assert_eq!(token.text().len(), OPERATOR_PREFIX.len() + 43);
        let read = OperatorToken::parse(&format!("{}\n", token.text().as_str())).unwrap();
        assert!(read.verify(&token.hash()));
        assert!(!OperatorToken::generate().unwrap().verify(&token.hash()));

        let token = JoinToken::generate(AUTHORITY).unwrap();
        assert_eq!(token.text().len(), JOIN_PREFIX.len() + 96);
        let read = JoinToken::parse(&token.text()).unwrap();
        assert_eq!((read.id, read.authority), (token.id, AUTHORITY));
        assert!(read.verify(&token.secret_hash()));
        assert!(!JoinToken::generate(AUTHORITY).unwrap().verify(&token.secret_hash()));
    }

    /// Goal: the stored hashes never change between versions, or every operator would be locked out. Method: fixed
    /// secrets against recorded values; and the same secret hashes differently as the other kind.
    #[test]
    fn hashes_are_fixed_and_apart() {
        let operator = OperatorToken(Zeroizing::new([3; 32])).hash();
        let join = JoinToken { id: JoinTokenId([0; 8]), authority: AUTHORITY, secret: Zeroizing::new([3; 32]) };
        assert_eq!(operator.to_string(), "bf345f4d9317556bae860205e36e61f9e4e46e1bfc843833e33917f5b2caf23d");
        assert_eq!(join.secret_hash().to_string(), "fc2fea05cc40d11a982e644d310923ce97364d31e1dd1b3bd986de237ad80374");
        assert_ne!(operator, join.secret_hash());
    }

    /// Goal: texts that are no token are refused with a message that helps and does not repeat the secret. Method: every
    /// cut, every changed character, the other kind, other encodings.
    #[test]
    fn odd_texts_are_refused() {
        let operator = OperatorToken::generate().unwrap().text();
        let join = JoinToken::generate(AUTHORITY).unwrap().text();
        for cut in 0..join.len() {
            let problem = JoinToken::parse(&join[..cut]).unwrap_err();
            assert_eq!(problem.code, Code::JoinTokenUnknown);
            assert!(cut < 12 || !problem.message.contains(&join[5..cut]));
        }
        for cut in 0..operator.len() {
            assert_eq!(OperatorToken::parse(&operator[..cut]).unwrap_err().code, Code::TokenWrong);
        }
        for odd in [
            "",
            "exqj_",
            "exq_",
            "exq_ä",
            "exqj_====",
            &format!("{}A", operator.as_str()),
            &format!("{}=", join.as_str()),
        ] {
            assert!(OperatorToken::parse(odd).is_err(), "{odd}");
            assert!(JoinToken::parse(odd).is_err(), "{odd}");
        }
        assert!(JoinToken::parse(&operator).unwrap_err().message.contains("operator token"));
        assert!(OperatorToken::parse(&join).unwrap_err().message.contains("join token"));
    }

    /// Goal: no secret reaches a log by way of `Debug`.
    #[test]
    fn debug_shows_no_secret() {
        let token = JoinToken { id: JoinTokenId([1; 8]), authority: AUTHORITY, secret: Zeroizing::new([0xab; 32]) };
        assert!(!format!("{token:?}").contains("abab") && !format!("{token:?}").contains("171"));
        assert_eq!(format!("{:?}", OperatorToken::generate().unwrap()), "OperatorToken(..)");
    }
}
