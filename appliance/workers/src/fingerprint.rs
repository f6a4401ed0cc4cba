//! What errors have in common that differ in numbers alone.

/// A run of hexadecimal digits of this length or more is an id.
const HEX_RUN_CHARS: usize = 8;

/// The first eight bytes of BLAKE3 over the message, with its numbers and ids folded.
#[must_use]
pub fn of(message: &str) -> [u8; 8] {
    let hash = blake3::hash(folded(message).as_bytes());
    let mut fingerprint = [0; 8];
    fingerprint.copy_from_slice(hash.as_bytes().first_chunk::<8>().unwrap_or(&[0; 8]));
    fingerprint
}

/// Every run of decimal digits, and every run of eight or more hexadecimal ones, becomes a number sign.
fn folded(message: &str) -> String {
    let mut out = String::with_capacity(message.len());
    let mut rest = message;
    while let Some(first) = rest.chars().next() {
        let hex = rest.bytes().take_while(u8::is_ascii_hexdigit).count();
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        // A word such as `deadbeefs` is hexadecimal only in part: then its digits alone are folded.
        let ends = !rest.as_bytes().get(hex).is_some_and(u8::is_ascii_alphanumeric);
        let run = if hex >= HEX_RUN_CHARS && ends { hex } else { digits };
        if run > 0 {
            out.push('#');
            rest = rest.get(run..).unwrap_or_default();
            continue;
        }
        // Letters go together, so that a run is not looked for in their midst.
        let letters = rest.bytes().take_while(u8::is_ascii_alphabetic).count().max(first.len_utf8());
        let (head, tail) = rest.split_at(letters);
        out.push_str(head);
        rest = tail;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: errors that differ in numbers and ids alone are one group, others are not. Method: messages as endpoints and
    /// disks write them.
    #[test]
    fn numbers_and_ids_are_folded() {
        assert_eq!(folded("block 812344 is late by 3.5 s"), "block # is late by #.# s");
        assert_eq!(folded("tx 9f86d081884c7d65 unknown"), "tx # unknown");
        assert_eq!(folded("deadbeef"), "#");
        assert_eq!(folded("a bad face"), "a bad face");
        assert_eq!(folded("node2: übel 7"), "node#: übel #");
        assert_eq!(of("time-out after 31 ms"), of("time-out after 1200 ms"));
        assert_ne!(of("time-out after 31 ms"), of("refused after 31 ms"));
    }
}
