//! Numbers and bytes as EVM nodes write them: `0x` and hexadecimal digits.

/// An unsigned number of up to 256 bits, as networks have them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Wide(
    /// Big-endian.
    pub [u8; 32],
);

impl Wide {
    /// The number, where it is one that we count with. `None` is never to be taken for zero: it is more than any sum can be.
    #[must_use]
    pub fn narrow(self) -> Option<u128> {
        let (high, low) = self.0.split_at(16);
        let low = low.try_into().ok()?;
        high.iter().all(|byte| *byte == 0).then(|| u128::from_be_bytes(low))
    }

    /// Whether it is nothing.
    #[must_use]
    pub fn is_zero(self) -> bool {
        self.0 == [0; 32]
    }
}

impl From<u128> for Wide {
    fn from(number: u128) -> Wide {
        let mut bytes = [0; 32];
        bytes[16..].copy_from_slice(&number.to_be_bytes());
        Wide(bytes)
    }
}

impl std::fmt::Debug for Wide {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.narrow() {
            Some(number) => write!(f, "{number}"),
            None => write!(f, "0x{}", hex::encode(self.0)),
        }
    }
}

/// A number of up to 64 bits. `None` where it is none.
#[must_use]
pub fn quantity_u64(text: &str) -> Option<u64> {
    quantity_wide(text)?.narrow().and_then(|number| number.try_into().ok())
}

/// A number of up to 256 bits. `None` where it is none.
#[must_use]
pub fn quantity_wide(text: &str) -> Option<Wide> {
    let digits = text.strip_prefix("0x")?;
    if digits.is_empty() || digits.len() > 64 {
        return None;
    }
    let mut bytes = [0; 32];
    // Nodes write no leading zeros; an odd count of digits is usual.
    for (at, digit) in digits.bytes().rev().enumerate() {
        let value = char::from(digit).to_digit(16)?;
        let value = u8::try_from(value).ok()?;
        bytes[31 - at / 2] |= if at % 2 == 0 { value } else { value << 4 };
    }
    Some(Wide(bytes))
}

/// Bytes. `None` where they are none.
#[must_use]
pub fn data(text: &str) -> Option<Vec<u8>> {
    hex::decode(text.strip_prefix("0x")?).ok()
}

/// Bytes of a fixed length, with or without `0x`. `None` where they are none.
#[must_use]
pub fn fixed<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    hex::decode_to_slice(text.strip_prefix("0x").unwrap_or(text), &mut bytes).ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: numbers read at every width, and one that is too large is neither cut nor zero. Method: a table of edges.
    #[test]
    fn quantities_read_to_the_bit() {
        assert_eq!(quantity_u64("0x0"), Some(0));
        assert_eq!(quantity_u64("0x1f4"), Some(500));
        assert_eq!(quantity_u64("0xffffffffffffffff"), Some(u64::MAX));
        assert_eq!(quantity_u64("0x10000000000000000"), None);
        let max = format!("0x{}", "f".repeat(32));
        assert_eq!(quantity_wide(&max).unwrap().narrow(), Some(u128::MAX));
        let beyond = quantity_wide(&format!("0x1{}", "0".repeat(32))).unwrap();
        assert_eq!(beyond.narrow(), None);
        assert!(!beyond.is_zero());
        assert_eq!(Wide::from(u128::MAX).narrow(), Some(u128::MAX));
        for wrong in ["", "0x", "1", "0xg", "-0x1", "0x-1", &format!("0x{}", "0".repeat(65))] {
            assert_eq!(quantity_wide(wrong), None, "{wrong}");
        }
        assert_eq!(data("0x"), Some(vec![]));
        assert_eq!(data("0xa1"), Some(vec![0xa1]));
        assert_eq!(data("a1"), None);
        assert_eq!(fixed::<2>("0xa1b2"), fixed::<2>("a1b2"));
        assert_eq!(fixed::<2>("0xa1"), None);
    }
}
