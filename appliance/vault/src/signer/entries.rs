//! Entries of a feed on the wire: from the node's side and back on the signer's.

use exchequer_domain::{OutPoint, Timestamp, TxId};

use super::proto;
use crate::record::{Committed, Death, Decided, PaymentId};

/// As it is written; none where a part of it cannot be.
pub(super) fn entry((index, committed): (u64, Committed)) -> Option<proto::FeedEntry> {
    use proto::dead::Death as Said;
    use proto::feed_entry::Committed as Entry;
    let committed = match committed {
        Committed::Signed(record) => Entry::Signed(record),
        Committed::Over(id) => Entry::Over(id.0.to_vec()),
        Committed::SignedAs { record, told } => {
            Entry::SignedAs(proto::SignedAs { record, told: serde_json::to_vec(&told).ok()? })
        }
        Committed::Decided(decided) => {
            let Decided { at, epoch, generation, unsigned, intent } = *decided;
            let intent = serde_json::to_vec(&intent).ok()?;
            Entry::Decided(proto::Decided { at_us: at.0, epoch, generation, unsigned, intent })
        }
        Committed::Dead { body, death } => {
            let death = match death {
                Death::Expired { solid_ms, endpoints } => Said::Expired(proto::Expired { solid_ms, endpoints }),
                Death::Displaced { by } => Said::DisplacedBy(by.to_vec()),
                Death::NeverSigned => Said::NeverSigned(true),
                Death::NonceUsed { next } => Said::NonceUsed(next),
                Death::Conflict { coin, confirmations } => {
                    Said::Conflict(proto::Conflict { tx: coin.tx.0.to_vec(), vout: coin.vout, confirmations })
                }
            };
            Entry::Dead(proto::Dead { body: body.to_vec(), death: Some(death) })
        }
    };
    Some(proto::FeedEntry { index, committed: Some(committed) })
}

/// As it was written; none where it does not read.
pub(super) fn committed(entry: proto::FeedEntry) -> Option<(u64, Committed)> {
    use proto::dead::Death as Said;
    use proto::feed_entry::Committed as Entry;
    let committed = match entry.committed? {
        Entry::Signed(record) => Committed::Signed(record),
        Entry::Over(id) => Committed::Over(PaymentId(id.try_into().ok()?)),
        Entry::SignedAs(proto::SignedAs { record, told }) => {
            Committed::SignedAs { record, told: serde_json::from_slice(&told).ok()? }
        }
        Entry::Decided(proto::Decided { at_us, epoch, generation, unsigned, intent }) => {
            let (at, intent) = (Timestamp(at_us), serde_json::from_slice(&intent).ok()?);
            Committed::Decided(Box::new(Decided { at, epoch, generation, unsigned, intent }))
        }
        Entry::Dead(dead) => {
            let death = match dead.death? {
                Said::Expired(proto::Expired { solid_ms, endpoints }) => Death::Expired { solid_ms, endpoints },
                Said::DisplacedBy(by) => Death::Displaced { by: by.try_into().ok()? },
                Said::NeverSigned(true) => Death::NeverSigned,
                Said::NeverSigned(false) => return None,
                Said::NonceUsed(next) => Death::NonceUsed { next },
                Said::Conflict(proto::Conflict { tx, vout, confirmations }) => {
                    let coin = OutPoint { tx: TxId(tx.try_into().ok()?), vout };
                    Death::Conflict { coin, confirmations }
                }
            };
            Committed::Dead { body: dead.body.try_into().ok()?, death }
        }
    };
    Some((entry.index, committed))
}
