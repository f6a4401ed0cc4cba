//! A market as one run of bytes, and the state hash taken of it.
//!
//! The bytes are those of the rows: the head, open orders by place in memory, switches by their moments. Memory, queues,
//! lists of owners and heaps of deadlines follow from them. The same commands give the same bytes, wherever the market
//! was restored meanwhile, and markets with the same bytes have the same future, reports and rows.

use blake3::Hasher;
use exchequer_domain::Digest;
use serde::{Deserialize, Serialize};

use crate::halt::Halt;
use crate::limits::Limits;
use crate::market::Market;
use crate::rows::{Entry, Head, Switch};

/// Version of the bytes, in front of them.
const VERSION: u8 = 1;

/// Why bytes are no market.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImageError {
    /// They were written by a newer program.
    #[error("the market was written in format {found}, newer than this program reads")]
    Newer {
        /// The version in front of the bytes.
        found: u8,
    },
    /// They are not what was written.
    #[error("the bytes of the market are damaged")]
    Damaged,
    /// They contradict themselves.
    #[error(transparent)]
    Inconsistent(#[from] Halt),
}

#[derive(Debug, Serialize, Deserialize)]
struct Image {
    head: Head,
    orders: Vec<Entry>,
    switches: Vec<Switch>,
}

impl Market {
    /// The bytes of the market. Looks at every order.
    ///
    /// # Errors
    /// The market is inconsistent.
    pub fn encode(&self) -> Result<Vec<u8>, Halt> {
        let orders = self.book.open().map(|order| Entry::of(&self.book, order));
        let image = Image {
            head: self.head(),
            orders: orders.collect::<Result<_, _>>()?,
            switches: self.switches.iter().map(|(at, owner)| (*owner, *at)).collect(),
        };
        postcard::to_extend(&image, vec![VERSION]).map_err(|_| Halt("a market cannot be written"))
    }

    /// The state hash: BLAKE3 of the bytes.
    ///
    /// # Errors
    /// The market is inconsistent.
    pub fn digest(&self) -> Result<Digest, Halt> {
        let mut hasher = Hasher::new();
        hasher.update(&self.encode()?);
        Ok(Digest(*hasher.finalize().as_bytes()))
    }

    /// Reads what [`Market::encode`] wrote; rows count as written. What is read is as it was written only if its digest is.
    ///
    /// # Errors
    /// The bytes are of a newer program, damaged, or contradict themselves.
    pub fn decode(bytes: &[u8]) -> Result<Market, ImageError> {
        Market::decode_within(Limits::FULL, bytes)
    }

    /// The same with other limits.
    pub(crate) fn decode_within(limits: Limits, bytes: &[u8]) -> Result<Market, ImageError> {
        let (version, rest) = bytes.split_first().ok_or(ImageError::Damaged)?;
        if *version != VERSION {
            return Err(ImageError::Newer { found: *version });
        }
        match postcard::take_from_bytes::<Image>(rest) {
            Ok((image, [])) => Market::of_parts(limits, image.head, image.orders, image.switches),
            Ok(_) | Err(_) => Err(ImageError::Damaged),
        }
    }
}
