//! Second factors: time-based codes (RFC 6238: HMAC-SHA1, 30 s, six digits) and recovery codes.

use exchequer_domain::Problem;
use ring::hmac;
use zeroize::Zeroizing;

use super::password::random;

/// How long a code holds, in milliseconds.
const STEP_MS: u64 = 30_000;
/// Codes of so many steps before and after are taken too, since clocks differ.
const STEPS_APART_MAX: u64 = 1;
const DIGITS: u32 = 6;
/// As long as the hash, as RFC 4226 has it.
const SECRET_BYTES: usize = 20;
/// Recovery codes that are drawn at once.
const RECOVERY_CODES: usize = 10;
/// Random bits enough that the hash of one, which the state keeps, cannot be searched for.
const RECOVERY_BYTES: usize = 10;
const RECOVERY_CONTEXT: &str = "exchequer 2026 recovery code";
/// RFC 4648.
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// A secret that codes are made of.
pub struct Secret(Zeroizing<[u8; SECRET_BYTES]>);

impl Secret {
    /// A new one.
    ///
    /// # Errors
    /// `Internal` where the system has no randomness.
    pub fn draw() -> Result<Secret, Problem> {
        let mut bytes = Zeroizing::new([0; SECRET_BYTES]);
        random(bytes.as_mut_slice())?;
        Ok(Secret(bytes))
    }

    /// Its bytes, to be sealed.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.0.as_slice()
    }

    /// As it is typed into an authenticator.
    #[must_use]
    pub fn text(&self) -> Zeroizing<String> {
        Zeroizing::new(base32(self.bytes()))
    }

    /// As an authenticator reads it from a picture. `name` has no character that would have to be escaped but `@` and `+`.
    #[must_use]
    pub fn uri(&self, cluster: &str, name: &str) -> Zeroizing<String> {
        let name = name.replace('@', "%40").replace('+', "%2B");
        let secret = self.text();
        Zeroizing::new(format!(
            "otpauth://totp/{cluster}:{name}?secret={}&issuer={cluster}&algorithm=SHA1&digits={DIGITS}&period=30",
            secret.as_str()
        ))
    }
}

fn base32(bytes: &[u8]) -> String {
    let mut text = String::new();
    let (mut held, mut bits) = (0_u32, 0);
    for byte in bytes {
        held = held << 8 | u32::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            text.push(letter(held >> bits));
        }
        held &= (1 << bits) - 1;
    }
    if bits > 0 {
        text.push(letter(held << (5 - bits)));
    }
    text
}

fn letter(number: u32) -> char {
    BASE32.get((number & 31) as usize).map_or('A', |letter| char::from(*letter))
}

/// The code of a time step.
fn code(key: &hmac::Key, step: u64) -> u32 {
    let tag = hmac::sign(key, &step.to_be_bytes());
    let bytes = tag.as_ref();
    let offset = usize::from(bytes.last().copied().unwrap_or_default() & 0xf);
    let four = bytes.get(offset..offset + 4).and_then(|four| four.try_into().ok()).map_or(0, u32::from_be_bytes);
    (four & 0x7fff_ffff) % 10_u32.pow(DIGITS)
}

/// The latest time step near `now_ms` that this is the code of. Computes all of them, whatever the text is.
#[must_use]
pub fn verify(secret: &[u8], text: &str, now_ms: u64) -> Option<u64> {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret);
    let is_code = text.len() == DIGITS as usize && text.bytes().all(|byte| byte.is_ascii_digit());
    let shown = text.parse::<u32>().ok().filter(|_| is_code).unwrap_or(u32::MAX);
    let now = now_ms / STEP_MS;
    let steps = now.saturating_sub(STEPS_APART_MAX)..=now.saturating_add(STEPS_APART_MAX);
    steps.fold(None, |found, step| if code(&key, step) == shown { Some(step) } else { found })
}

/// The code that an authenticator shows now, for tests and for programs of the demo.
#[must_use]
pub fn code_at(secret: &[u8], now_ms: u64) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret);
    format!("{:06}", code(&key, now_ms / STEP_MS))
}

/// Fresh recovery codes: what is shown once, and the hashes that are kept.
///
/// # Errors
/// `Internal` where the system has no randomness.
pub fn draw_recovery() -> Result<(Vec<String>, Vec<[u8; 32]>), Problem> {
    let mut codes = Vec::with_capacity(RECOVERY_CODES);
    for _ in 0..RECOVERY_CODES {
        let mut bytes = Zeroizing::new([0; RECOVERY_BYTES]);
        random(bytes.as_mut_slice())?;
        let text = base32(bytes.as_slice()).to_lowercase();
        let groups: Vec<String> =
            text.as_bytes().chunks(4).map(|four| String::from_utf8_lossy(four).into_owned()).collect();
        codes.push(groups.join("-"));
    }
    let hashes = codes.iter().map(|code| recovery_hash(code)).collect();
    Ok((codes, hashes))
}

/// The hash of a recovery code, however it is typed.
#[must_use]
pub fn recovery_hash(code: &str) -> [u8; 32] {
    let plain: Zeroizing<String> = Zeroizing::new(
        code.chars().filter(char::is_ascii_alphanumeric).map(|char| char.to_ascii_lowercase()).collect(),
    );
    blake3::derive_key(RECOVERY_CONTEXT, plain.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: codes are those of RFC 6238. Method: the SHA-1 vectors of its appendix B, of which an authenticator shows the
    /// last six digits.
    #[test]
    fn the_vectors_of_rfc_6238() {
        for (seconds, digits) in [
            (59_u64, "94287082"),
            (1_111_111_109, "07081804"),
            (1_111_111_111, "14050471"),
            (1_234_567_890, "89005924"),
            (2_000_000_000, "69279037"),
            (20_000_000_000, "65353130"),
        ] {
            let secret = b"12345678901234567890";
            assert_eq!(code_at(secret, seconds * 1_000), digits[2..]);
            assert_eq!(verify(secret, &digits[2..], seconds * 1_000), Some(seconds / 30));
        }
    }

    /// Goal: a code holds for its step and one on either side, and nothing but six digits is one. Method: both edges.
    #[test]
    fn codes_hold_for_a_while() {
        let secret = Secret::draw().unwrap();
        let now = 1_700_000_010_000;
        let shown = code_at(secret.bytes(), now);
        let step = now / STEP_MS;
        for (at, expected) in [
            ((step - 1) * STEP_MS, Some(step)),
            ((step + 2) * STEP_MS - 1, Some(step)),
            ((step - 1) * STEP_MS - 1, None),
            ((step + 2) * STEP_MS, None),
        ] {
            assert_eq!(verify(secret.bytes(), &shown, at), expected);
        }
        for text in ["", "12345", &format!("+{}", &shown[1..]), &format!("{shown}0"), "一二三四五六"] {
            assert_eq!(verify(secret.bytes(), text, now), None, "{text}");
        }
    }

    /// Goal: secrets read as authenticators take them. Method: the vectors of RFC 4648, and the parts of an address.
    #[test]
    fn secrets_as_text() {
        for (bytes, text) in
            [("", ""), ("f", "MY"), ("fo", "MZXQ"), ("foo", "MZXW6"), ("foob", "MZXW6YQ"), ("foobar", "MZXW6YTBOI")]
        {
            assert_eq!(base32(bytes.as_bytes()), text);
        }
        let secret = Secret::draw().unwrap();
        let uri = secret.uri("house", "ada+1@example");
        assert!(uri.starts_with("otpauth://totp/house:ada%2B1%40example?secret="), "{}", uri.as_str());
        assert_eq!(secret.text().len(), 32);
    }

    /// Goal: recovery codes are new, and are the same however they are typed.
    #[test]
    fn recovery_codes() {
        let (codes, hashes) = draw_recovery().unwrap();
        assert_eq!((codes.len(), hashes.len()), (10, 10));
        assert_eq!(codes[0].len(), 19);
        assert_eq!(recovery_hash(&codes[0].replace('-', " ").to_uppercase()), hashes[0]);
        assert_ne!(hashes[0], hashes[1]);
    }
}
