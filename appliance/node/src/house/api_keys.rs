//! Keys of users' programs: drawn here, outside the state, and sealed before anything is proposed.

use exchequer_api::backend::DrawnKey;
use exchequer_domain::{Code, Problem};
use exchequer_state::api_keys::KEY_BYTES;
use rand::TryRng as _;
use rand::rngs::SysRng;
use zeroize::Zeroizing;

use crate::identity::Keyring;

/// What the secrets of API keys are sealed for; the same purpose opens them.
pub(crate) const API_KEY_PURPOSE: &str = "api key secret";

/// The letters and digits of names and secrets.
const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
/// Bytes from here on are drawn again, so that each character is as likely as any other.
const LIMIT: u8 = 248;

/// A fresh name and secret.
pub(super) fn draw(keyring: &Keyring) -> Result<DrawnKey, Problem> {
    let (name, secret) = (characters()?, characters()?);
    let sealed = keyring.seal(API_KEY_PURPOSE, secret.as_bytes())?;
    Ok(DrawnKey { name: name.to_string(), secret: secret.to_string(), sealed })
}

/// 64 letters and digits: 381 random bits.
fn characters() -> Result<Zeroizing<String>, Problem> {
    let mut text = Zeroizing::new(String::with_capacity(KEY_BYTES));
    let mut bytes = Zeroizing::new([0_u8; KEY_BYTES]);
    while text.len() < KEY_BYTES {
        SysRng.try_fill_bytes(bytes.as_mut_slice()).map_err(|error| {
            Problem::new(Code::Internal, format!("the system's random numbers are not available: {error}"))
        })?;
        let even = bytes.iter().filter(|byte| **byte < LIMIT);
        let drawn = even.filter_map(|byte| ALPHABET.get(usize::from(*byte) % ALPHABET.len()));
        let room = KEY_BYTES - text.len();
        text.extend(drawn.take(room).map(|byte| char::from(*byte)));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use exchequer_domain::ClusterId;

    use super::*;

    /// Goal: names and secrets have the form that the state takes, are new each time, and the secret opens from its sealed
    /// form alone.
    #[test]
    fn drawn_keys() {
        let keyring = Keyring::generate(ClusterId([3; 16])).unwrap();
        let (one, two) = (draw(&keyring).unwrap(), draw(&keyring).unwrap());
        for text in [&one.name, &one.secret, &two.name, &two.secret] {
            assert!(text.len() == KEY_BYTES && text.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{text}");
        }
        assert!(one.name != two.name && one.secret != two.secret && one.name != one.secret);
        assert_eq!(keyring.open(API_KEY_PURPOSE, &one.sealed).unwrap().as_slice(), one.secret.as_bytes());
        assert!(keyring.open("another purpose", &one.sealed).is_err());
    }
}
