//! The texts in which bytes are written down.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use bitcoin::base58;

/// How many bytes before them may change how base64 writes bytes: it takes three at a time.
const SHIFTS: usize = 3;

/// Bytes as they are, in digits, in base58, and in base64 of both alphabets, wherever in a longer text they begin.
pub(super) fn of(bytes: &[u8]) -> Vec<Vec<u8>> {
    let digits = hex::encode(bytes);
    let mut forms = vec![bytes.to_vec(), digits.to_uppercase().into_bytes(), digits.into_bytes()];
    forms.push(base58::encode(bytes).into_bytes());
    for before in 0..SHIFTS {
        let padded = [&vec![0; before][..], bytes].concat();
        // A letter is six bits: those at the ends that are of neighbours' bits as well differ from text to text.
        let (first, end) = ((before * 8).div_ceil(6), padded.len() * 8 / 6);
        let texts = [STANDARD_NO_PAD.encode(&padded), URL_SAFE_NO_PAD.encode(&padded)];
        forms.extend(texts.iter().filter_map(|text| Some(text.get(first..end)?.as_bytes().to_vec())));
    }
    forms.sort();
    forms.dedup();
    forms
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::{STANDARD, URL_SAFE};

    use super::*;

    /// Goal: bytes are found in base64 wherever in what was encoded they stand, in both alphabets. Method: every place, with other
    /// bytes before and after.
    #[test]
    fn base64_is_found_at_every_place() {
        let secret: Vec<u8> = (0..32_u8).map(|byte| byte.wrapping_mul(151) ^ 0xf7).collect();
        let forms = of(&secret);
        for before in 0..9 {
            let whole = [&vec![0xa5; before][..], &secret, &[0x5a; 7][..]].concat();
            for text in [STANDARD.encode(&whole), URL_SAFE.encode(&whole)] {
                let found =
                    forms.iter().any(|form| text.as_bytes().windows(form.len()).any(|part| part == form.as_slice()));
                assert!(found, "after {before} bytes");
            }
        }
    }
}
