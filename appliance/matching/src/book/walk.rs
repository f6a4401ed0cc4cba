//! The one order in which resting orders are met. Matching, the check of fill-or-kill, prevention of self-trades and
//! icebergs all go this way: best price first, first come first, an iceberg's next part at the end of its price.

use exchequer_domain::Timestamp;

use super::Book;
use super::orders::{HAS_DEADLINE, Order};
use crate::fees::Worth;
use crate::halt::Halt;
use crate::owners::Owners;
use crate::planted::{Bug, has};
use crate::reports::End;
use crate::units::{Fees, OrderId, Owner, SelfTrade, Side, Slots, Ticks};

/// Most resting orders that one order may meet, each refill of an iceberg counted anew.
pub const STEPS_MAX: u32 = 1_000;

/// What of the order that walks decides about a meeting.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Taker {
    pub(crate) id: OrderId,
    pub(crate) owner: Owner,
    pub(crate) slots: Slots,
    pub(crate) fees: Fees,
    pub(crate) side: Side,
    pub(crate) self_trade: SelfTrade,
    /// The worst price; of a market order the worst there is.
    pub(crate) limit: Ticks,
    /// Lots left.
    pub(crate) left: u64,
    /// The most quote it may still pay or get; none where only the limit bounds it.
    pub(crate) quote: Option<u128>,
}

/// What holds for every meeting of a walk.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terms {
    pub(crate) worth: Worth,
    pub(crate) now: Timestamp,
    /// Lowest and highest price at which anything may trade.
    pub(crate) band: (Ticks, Ticks),
    /// A dead man's switch is over that has not fallen yet.
    pub(crate) switch_over: bool,
}

/// What happens at a meeting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meeting {
    /// They trade this many lots.
    Trade(u64),
    /// The resting order ends.
    MakerEnds(End),
    /// The walk ends.
    WalkEnds(End),
    /// Both end.
    BothEnd,
    /// Both lose this many lots.
    Decrement(u64),
}

/// The rule of a meeting with a resting order that shows `open` lots.
#[inline]
pub(crate) fn meet(
    taker: &Taker,
    terms: &Terms,
    (book, owners): (&Book, &Owners),
    maker: &Order,
    open: u64,
) -> Result<Meeting, Halt> {
    let expires = maker.has(HAS_DEADLINE) && !has(Bug::ExpiredTrades);
    if expires && book.detail(maker.id.slot())?.deadline <= terms.now {
        return Ok(Meeting::MakerEnds(End::Deadline));
    }
    if terms.switch_over && owners.get(maker.owner).cancel_after <= terms.now {
        return Ok(Meeting::MakerEnds(End::CancelAfter));
    }
    let mut lots = taker.left.min(open);
    if let Some(quote) = taker.quote {
        lots = lots.min(terms.worth.lots_for(quote, maker.price));
        if lots == 0 {
            return Ok(Meeting::WalkEnds(End::Quote));
        }
    }
    if taker.owner == maker.owner {
        match taker.self_trade {
            SelfTrade::Allow => {}
            SelfTrade::ExpireTaker => return Ok(Meeting::WalkEnds(End::SelfTrade)),
            SelfTrade::ExpireMaker => return Ok(Meeting::MakerEnds(End::SelfTrade)),
            SelfTrade::ExpireBoth => return Ok(Meeting::BothEnd),
            SelfTrade::Decrement => return Ok(Meeting::Decrement(lots)),
        }
    }
    if maker.price < terms.band.0 || maker.price > terms.band.1 {
        return Ok(Meeting::WalkEnds(End::PriceBand));
    }
    Ok(Meeting::Trade(lots))
}

impl Taker {
    /// Takes lots off at a price.
    #[inline]
    pub(crate) fn reduce(&mut self, terms: &Terms, price: Ticks, lots: u64) -> Result<(), Halt> {
        const TOO_MUCH: Halt = Halt("an order trades more than it may");
        self.left = self.left.checked_sub(lots).ok_or(TOO_MUCH)?;
        if let Some(quote) = &mut self.quote {
            *quote = quote.checked_sub(terms.worth.quote(price, lots)).ok_or(TOO_MUCH)?;
        }
        Ok(())
    }
}

/// How a rehearsed walk ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rehearsal {
    /// All lots traded.
    Filled,
    /// For this reason before; nothing where there was nothing more to meet.
    Short(Option<End>),
}

/// Rehearses a walk and changes nothing. `later` is memory for icebergs that come around again; `steps` counts the
/// orders met.
pub(crate) fn rehearse(
    (book, owners): (&Book, &Owners),
    mut taker: Taker,
    terms: &Terms,
    later: &mut Vec<(u32, u64)>,
    steps: &mut u32,
) -> Result<Rehearsal, Halt> {
    if has(Bug::RehearsalIgnoresSelfTrade) {
        taker.self_trade = SelfTrade::Allow;
    }
    let ladder = book.ladder(taker.side.opposite());
    let mut decremented = false;
    for level in ladder.iter() {
        if !taker.side.accepts(taker.limit, ladder.price_of(level)) {
            break;
        }
        later.clear();
        let mut round = 0;
        let mut slot = level.head;
        loop {
            let (at, open, hidden) = if slot != super::NONE {
                let order = book.order(slot)?;
                let met = (slot, order.open, order.hidden);
                slot = order.next;
                met
            } else if let Some((at, hidden)) = later.get(round).copied() {
                round += 1;
                let open = hidden.min(book.detail(at)?.peak.max(1));
                (at, open, hidden - open)
            } else {
                break;
            };
            if taker.left == 0 {
                return Ok(filled(decremented));
            }
            if *steps == book.limits.steps {
                return Ok(Rehearsal::Short(Some(End::StepsMax)));
            }
            *steps += 1;
            let maker = book.order(at)?;
            let lots = match meet(&taker, terms, (book, owners), maker, open)? {
                Meeting::Trade(lots) => lots,
                Meeting::Decrement(lots) => {
                    decremented = true;
                    lots
                }
                Meeting::MakerEnds(_) => continue,
                Meeting::WalkEnds(_) if decremented => return Ok(filled(decremented)),
                Meeting::WalkEnds(end) => return Ok(Rehearsal::Short(Some(end))),
                Meeting::BothEnd => return Ok(Rehearsal::Short(Some(End::SelfTrade))),
            };
            taker.reduce(terms, maker.price, lots)?;
            if lots < open {
                // The taker is done, or its quote buys no more here: the next meeting, if there may be one, says which.
                if taker.left > 0 {
                    let why = if *steps == book.limits.steps { End::StepsMax } else { End::Quote };
                    *steps += u32::from(why == End::Quote);
                    return Ok(Rehearsal::Short(Some(if decremented { End::SelfTrade } else { why })));
                }
            } else if hidden > 0 {
                later.push((at, hidden));
            }
        }
    }
    Ok(if taker.left == 0 { filled(decremented) } else { Rehearsal::Short(None) })
}

/// Lots lost to oneself are not filled.
fn filled(decremented: bool) -> Rehearsal {
    if decremented { Rehearsal::Short(Some(End::SelfTrade)) } else { Rehearsal::Filled }
}
