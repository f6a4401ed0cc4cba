//! Mutations of inputs, always the same for the same seed.

/// Numbers that are the same for the same seed (xorshift64*).
#[derive(Debug, Clone)]
pub struct Draws(u64);

impl Draws {
    /// From a seed.
    #[must_use]
    pub fn new(seed: u64) -> Draws {
        Draws(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// The next number below `bound`; zero where there is none.
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11;
        usize::try_from(number % bound.max(1) as u64).unwrap_or(0)
    }
}

/// Bytes at which lengths, tags and numbers change their meaning.
const EDGES: &[u8] =
    &[0, 1, 2, 0x0f, 0x10, 0x7e, 0x7f, 0x80, 0x81, 0xfe, 0xff, b'0', b'9', b'.', b'-', b'e', b'%', b'"', b'}'];

/// An input made of others: one of them, changed in one to eight places.
pub fn mutate(draws: &mut Draws, inputs: &[Vec<u8>]) -> Vec<u8> {
    let pick = |draws: &mut Draws| inputs.get(draws.below(inputs.len())).cloned().unwrap_or_default();
    let mut bytes = pick(draws);
    for _ in 0..=draws.below(8) {
        let at = draws.below(bytes.len() + 1);
        match draws.below(9) {
            0 => flip(&mut bytes, at, 1 << draws.below(8)),
            1 => set(&mut bytes, at, draws.below(256) as u8),
            2 | 3 => set(&mut bytes, at, EDGES[draws.below(EDGES.len())]),
            4 => bytes.insert(at, EDGES[draws.below(EDGES.len())]),
            5 => drop(bytes.drain(at..(at + 1 + draws.below(4)).min(bytes.len()).max(at))),
            6 => bytes.truncate(at),
            7 => {
                let end = (at + 1 + draws.below(16)).min(bytes.len()).max(at);
                let piece: Vec<u8> = bytes[at..end].to_vec();
                let to = draws.below(bytes.len() + 1);
                bytes.splice(to..to, piece);
            }
            _ => {
                let other = pick(draws);
                let from = draws.below(other.len() + 1);
                bytes.truncate(at);
                bytes.extend_from_slice(&other[from..]);
            }
        }
    }
    bytes
}

fn flip(bytes: &mut [u8], at: usize, mask: u8) {
    if let Some(byte) = bytes.get_mut(at) {
        *byte ^= mask;
    }
}

fn set(bytes: &mut [u8], at: usize, value: u8) {
    if let Some(byte) = bytes.get_mut(at) {
        *byte = value;
    }
}
