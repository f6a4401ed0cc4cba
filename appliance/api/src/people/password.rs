//! Passwords: which may be chosen, and Argon2id, whose cost is what keeps others from guessing them.
//!
//! A hash is the parameters that it was made with, its salt, and 32 bytes; sealed with the cluster's keyring it is what the
//! state keeps. To guess at a password from a stolen disk one needs the keyring as well.

use argon2::{Algorithm, Argon2, Params, Version};
use exchequer_domain::{Code, Problem};
use ring::rand::{SecureRandom as _, SystemRandom};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

/// Shortest password, in characters.
pub const PASSWORD_CHARS_MIN: usize = 12;
/// Longest password, in characters.
pub const PASSWORD_CHARS_MAX: usize = 128;
/// Characters that a password has at least of different kinds.
const DIFFERENT_CHARS_MIN: usize = 5;
/// What every guesser tries first, of those that are long enough.
const WELL_KNOWN: &str = include_str!("well_known.txt");
/// Rows of the keyboard and of the alphabet.
const ROWS: [&str; 6] = [
    "abcdefghijklmnopqrstuvwxyz",
    "qwertyuiopasdfghjklzxcvbnm",
    "1234567890",
    "qwertzuiopasdfghjklyxcvbnm",
    "azertyuiopqsdfghjklmwxcvbn",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm",
];

const FORMAT: u8 = 1;
const SALT_BYTES: usize = 16;
const HASH_BYTES: usize = 32;
const ENCODED_BYTES: usize = 1 + 3 * 4 + SALT_BYTES + HASH_BYTES;

/// What one hash costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// Memory.
    pub memory_kib: u32,
    /// Passes over it.
    pub passes: u32,
    /// Parts of it that could be filled beside each other.
    pub lanes: u32,
}

impl Cost {
    /// What passwords of people cost: 64 MiB, three passes.
    pub const FULL: Cost = Cost { memory_kib: 64 << 10, passes: 3, lanes: 1 };
}

fn failed(what: &str) -> Problem {
    Problem::new(Code::Internal, format!("a password could not be hashed: {what}"))
}

fn compute(password: &str, cost: Cost, salt: &[u8]) -> Result<Zeroizing<[u8; HASH_BYTES]>, Problem> {
    let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, Some(HASH_BYTES));
    let params = params.map_err(|error| failed(&error.to_string()))?;
    let mut hash = Zeroizing::new([0; HASH_BYTES]);
    let done = Argon2::new(Algorithm::Argon2id, Version::V0x13, params).hash_password_into(
        password.as_bytes(),
        salt,
        hash.as_mut_slice(),
    );
    done.map(|()| hash).map_err(|error| failed(&error.to_string()))
}

/// The hash of a password, with all that is needed to check it. Takes a tenth of a second and more.
///
/// # Errors
/// `Internal` where the system has no randomness or no memory.
pub fn hash(password: &str, cost: Cost) -> Result<Zeroizing<Vec<u8>>, Problem> {
    let mut salt = [0; SALT_BYTES];
    random(&mut salt)?;
    let hash = compute(password, cost, &salt)?;
    let mut encoded = Zeroizing::new(Vec::with_capacity(ENCODED_BYTES));
    encoded.push(FORMAT);
    for number in [cost.memory_kib, cost.passes, cost.lanes] {
        encoded.extend_from_slice(&number.to_be_bytes());
    }
    encoded.extend_from_slice(&salt);
    encoded.extend_from_slice(hash.as_slice());
    Ok(encoded)
}

/// Whether this is the password that was hashed. Takes as long as hashing one.
///
/// # Errors
/// `FileCorrupt` where the bytes are no hash; `Internal` as for [`hash`].
pub fn verify(password: &str, encoded: &[u8]) -> Result<bool, Problem> {
    let damaged = || Problem::new(Code::FileCorrupt, "the hash of a password cannot be read");
    let [FORMAT, rest @ ..] = encoded else { return Err(damaged()) };
    let (numbers, rest) = rest.split_at_checked(12).ok_or_else(damaged)?;
    let (salt, hash) =
        rest.split_at_checked(SALT_BYTES).filter(|(_, hash)| hash.len() == HASH_BYTES).ok_or_else(damaged)?;
    let mut numbers = numbers.chunks_exact(4).map(|four| four.try_into().map_or(0, u32::from_be_bytes));
    let mut next = || numbers.next().unwrap_or_default();
    let cost = Cost { memory_kib: next(), passes: next(), lanes: next() };
    Ok(compute(password, cost, salt)?.as_slice().ct_eq(hash).into())
}

/// Whether somebody with this name may have this password.
///
/// # Errors
/// `PasswordWeak`, saying which rule it breaks.
pub fn check(password: &str, name: &str) -> Result<(), Problem> {
    let weak = |why: &str| Err(Problem::new(Code::PasswordWeak, why.to_owned()));
    let length = password.chars().count();
    if !(PASSWORD_CHARS_MIN..=PASSWORD_CHARS_MAX).contains(&length) {
        return weak(&format!("a password has {PASSWORD_CHARS_MIN} to {PASSWORD_CHARS_MAX} characters"));
    }
    let lower = Zeroizing::new(password.to_lowercase());
    let mut different: Vec<char> = lower.chars().collect();
    different.sort_unstable();
    different.dedup();
    if different.len() < DIFFERENT_CHARS_MIN {
        return weak(&format!("a password has at least {DIFFERENT_CHARS_MIN} different characters"));
    }
    if name.len() > 2 && lower.contains(name) {
        return weak("a password does not hold the name");
    }
    let is_row = |row: &str| {
        let (twice, backwards) = (row.repeat(3), row.chars().rev().collect::<String>().repeat(3));
        twice.contains(lower.as_str()) || backwards.contains(lower.as_str())
    };
    // A well-known word with digits or signs behind it is as well known.
    let stem = lower.trim_end_matches(|char: char| !char.is_alphabetic());
    let known = |text: &str| WELL_KNOWN.lines().any(|line| line == text);
    if known(&lower) || (stem.chars().count() >= 6 && known(stem)) || ROWS.into_iter().any(is_row) {
        return weak("the password is one of those that are tried first");
    }
    Ok(())
}

/// A password to be used once, for somebody of this name: 24 letters and digits that are not mistaken for each other. One
/// that happens to hold the name, as every 1,500th does where the name has three letters, is drawn anew.
///
/// # Errors
/// `Internal` where the system has no randomness.
pub fn draw(name: &str) -> Result<Zeroizing<String>, Problem> {
    const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    loop {
        let mut bytes = Zeroizing::new([0; 24]);
        random(bytes.as_mut_slice())?;
        let mut text = Zeroizing::new(String::with_capacity(bytes.len() + 3));
        for (place, byte) in bytes.iter().enumerate() {
            if place > 0 && place % 6 == 0 {
                text.push('-');
            }
            text.push(ALPHABET.get(usize::from(*byte) % ALPHABET.len()).map_or('a', |letter| char::from(*letter)));
        }
        if check(&text, name).is_ok() {
            return Ok(text);
        }
    }
}

/// Fills bytes with randomness.
///
/// # Errors
/// `Internal` where the system has none.
pub(crate) fn random(bytes: &mut [u8]) -> Result<(), Problem> {
    let drawn = SystemRandom::new().fill(bytes);
    drawn.map_err(|_| Problem::new(Code::Internal, "the system's random numbers are not available"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIGHT: Cost = Cost { memory_kib: 64, passes: 1, lanes: 1 };

    /// Goal: the cost is the one that was decided, and is written into each hash. Method: the first bytes of a hash of full
    /// cost, and a check of it.
    #[test]
    fn hashes_cost_what_they_should() {
        let hash = hash("correct horse battery", Cost::FULL).unwrap();
        assert_eq!(hash[..13], [1, 0, 1, 0, 0, 0, 0, 0, 3, 0, 0, 0, 1]);
        assert!(verify("correct horse battery", &hash).unwrap());
        assert!(!verify("correct horse batterz", &hash).unwrap());
    }

    /// Goal: Argon2id itself is right. Method: the test vector of RFC 9106's reference implementation for version 0x13
    /// (`echo -n password | argon2 somesalt -id -t 2 -m 16 -p 1`).
    #[test]
    fn the_reference_vector() {
        let cost = Cost { memory_kib: 1 << 16, passes: 2, lanes: 1 };
        let expected = "09316115d5cf24ed5a15a31a3ba326e5cf32edc24702987c02b6566f61913cf7";
        assert_eq!(hex::encode(compute("password", cost, b"somesalt").unwrap().as_slice()), expected);
    }

    /// Goal: no hash is like another, and bytes that are none are told. Method: two of one password; cut and changed ones.
    #[test]
    fn hashes_are_salted_and_checked() {
        let (one, two) = (hash("the same one", LIGHT).unwrap(), hash("the same one", LIGHT).unwrap());
        assert_ne!(one, two);
        assert_eq!(one.len(), ENCODED_BYTES);
        for broken in [&one[..0], &one[..60], &[one.as_slice(), &[0]].concat(), &[&[2], &one[1..]].concat()] {
            assert_eq!(verify("the same one", broken).unwrap_err().code, Code::FileCorrupt);
        }
    }

    /// Goal: what is guessed first is refused, and a long sentence is not. Method: one of each rule.
    #[test]
    fn weak_passwords_are_refused() {
        for weak in [
            "short",
            "elevenchars",
            "aaaaaaaaaaaaaaaa",
            "abababababab",
            "correct-ada@example-horse",
            "qwertyuiopas",
            "123456789012",
            "mnbvcxzlkjhg",
            "Password1234",
            "iloveyou12345!",
            &"x1y2z".repeat(30),
        ] {
            assert_eq!(check(weak, "ada@example").map_err(|problem| problem.code), Err(Code::PasswordWeak), "{weak}");
        }
        check("a horse in a bathtub", "ada@example").unwrap();
        check("größer als zwölf Zeichen", "ada").unwrap();
    }

    /// Goal: what is drawn for somebody is never refused. Method: so many for a name of three letters that a dozen would hold
    /// it by chance.
    #[test]
    fn drawn_passwords_are_taken() {
        for _ in 0..20_000 {
            check(&draw("eve").unwrap(), "eve").unwrap();
        }
    }
}
