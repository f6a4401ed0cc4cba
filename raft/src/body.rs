//! What a log entry says to the state machine, and its bytes.
//!
//! Format, little endian: kind u8 (1 commands, 2 activation), then for commands: time u64 in microseconds, count u32,
//! and for each its length u32 and its bytes; for an activation: time u64, node u64, boot 16 bytes. A change of the
//! format is a new kind.

use bytes::{Buf, BufMut, Bytes, BytesMut};

const COMMANDS: u8 = 1;
const ACTIVATION: u8 = 2;

/// The decoded content of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Body {
    /// Commands that are applied together, in order.
    Commands { time_us: u64, commands: Vec<Bytes> },
    /// A node says that it leads from here on; the entry's index is its epoch.
    Activation { time_us: u64, node: u64, boot: [u8; 16] },
}

impl Body {
    pub(crate) fn encode(&self) -> Bytes {
        match self {
            Body::Commands { time_us, commands } => {
                let length: usize = commands.iter().map(|command| 4 + command.len()).sum();
                let mut bytes = BytesMut::with_capacity(13 + length);
                bytes.put_u8(COMMANDS);
                bytes.put_u64_le(*time_us);
                bytes.put_u32_le(commands.len() as u32);
                for command in commands {
                    bytes.put_u32_le(command.len() as u32);
                    bytes.put_slice(command);
                }
                bytes.freeze()
            }
            Body::Activation { time_us, node, boot } => {
                let mut bytes = BytesMut::with_capacity(33);
                bytes.put_u8(ACTIVATION);
                bytes.put_u64_le(*time_us);
                bytes.put_u64_le(*node);
                bytes.put_slice(boot);
                bytes.freeze()
            }
        }
    }

    /// Reads an entry's content without copying the commands; `None` where it is not of a known form.
    pub(crate) fn decode(mut bytes: Bytes) -> Option<Body> {
        let kind = bytes.try_get_u8().ok()?;
        let time_us = bytes.try_get_u64_le().ok()?;
        match kind {
            COMMANDS => {
                let count = bytes.try_get_u32_le().ok()? as usize;
                let mut commands = Vec::with_capacity(count.min(bytes.len()));
                for _ in 0..count {
                    let length = bytes.try_get_u32_le().ok()? as usize;
                    if length > bytes.len() {
                        return None;
                    }
                    commands.push(bytes.split_to(length));
                }
                bytes.is_empty().then_some(Body::Commands { time_us, commands })
            }
            ACTIVATION => {
                let node = bytes.try_get_u64_le().ok()?;
                let boot = bytes.as_ref().try_into().ok()?;
                Some(Body::Activation { time_us, node, boot })
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: what was proposed is what is applied, and a cut entry is refused rather than partly applied.
    #[test]
    fn bodies_round_trip_and_refuse_cuts() {
        let bodies = [
            Body::Commands { time_us: 5, commands: vec![] },
            Body::Commands {
                time_us: 7,
                commands: vec![Bytes::from_static(b"a"), Bytes::new(), Bytes::from_static(b"bc")],
            },
            Body::Activation { time_us: 9, node: 3, boot: [8; 16] },
        ];
        for body in bodies {
            let bytes = body.encode();
            assert_eq!(Body::decode(bytes.clone()), Some(body));
            for cut in 0..bytes.len() {
                assert_eq!(Body::decode(bytes.slice(..cut)), None, "cut at {cut}");
            }
        }
    }
}
