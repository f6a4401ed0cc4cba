//! Bugs that tests switch on, to see that the comparison catches them. In a program nothing of this is left.

/// A bug that the comparison with the naive market must catch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bug {
    /// A trade has the price of the order that came second.
    TakersPrice,
    /// An order that trades in part goes to the end of its queue.
    PlaceLostByTrade,
    /// A filled order can still be found.
    FilledIsKnown,
    /// A price whose last order left is still the best one.
    BestIsStale,
    /// What an immediate order cannot trade rests.
    ImmediateRests,
    /// An order trades beyond its limit.
    LimitIgnored,
    /// An order that must not trade on entry does.
    PostOnlyTakes,
    /// The check of fill-or-kill counts orders of the same owner.
    RehearsalIgnoresSelfTrade,
    /// To prevent a self-trade another order of the owner ends than the one that was met.
    SelfTradeOutOfOrder,
    /// An iceberg that shows its next part keeps its place.
    RefillKeepsPlace,
    /// An order that becomes larger keeps its place.
    LargerKeepsPlace,
    /// Stops wait for the wrong direction.
    StopsInverted,
    /// What a buyer held beyond the price is not freed.
    ExcessKept,
    /// Fees are rounded the other way.
    FeeRoundedWrong,
    /// An order trades after its deadline.
    ExpiredTrades,
    /// The other leg of a pair stays when one trades.
    PairNotParted,
    /// What triggers set off is carried out a command later.
    CascadeLate,
    /// A distance is kept to the present price, not to the best one.
    TrailingFollowsBack,
    /// The band moves with the last price.
    BandForgets,
    /// An auction takes the first of equal prices, whatever is left over.
    AuctionIgnoresSurplus,
    /// A dead man's switch that was set anew falls at the first moment.
    SwitchNotReset,
    /// The row of an order that traded in part is not written.
    TradeNotWritten,
    /// The row of an iceberg keeps the rank that it had before it showed its next part.
    RankNotGiven,
    /// The row of a switch that fell stays.
    SwitchRowStays,
}

#[cfg(test)]
impl Bug {
    pub(crate) const ALL: [Bug; 24] = [
        Bug::TakersPrice,
        Bug::PlaceLostByTrade,
        Bug::FilledIsKnown,
        Bug::BestIsStale,
        Bug::ImmediateRests,
        Bug::LimitIgnored,
        Bug::PostOnlyTakes,
        Bug::RehearsalIgnoresSelfTrade,
        Bug::SelfTradeOutOfOrder,
        Bug::RefillKeepsPlace,
        Bug::LargerKeepsPlace,
        Bug::StopsInverted,
        Bug::ExcessKept,
        Bug::FeeRoundedWrong,
        Bug::ExpiredTrades,
        Bug::PairNotParted,
        Bug::CascadeLate,
        Bug::TrailingFollowsBack,
        Bug::BandForgets,
        Bug::AuctionIgnoresSurplus,
        Bug::SwitchNotReset,
        Bug::TradeNotWritten,
        Bug::RankNotGiven,
        Bug::SwitchRowStays,
    ];
}

#[cfg(test)]
thread_local! {
    static PLANTED: std::cell::Cell<Option<Bug>> = const { std::cell::Cell::new(None) };
}

/// Plants a bug in the markets of this thread, or removes it.
#[cfg(test)]
pub(crate) fn plant(bug: Option<Bug>) {
    PLANTED.set(bug);
}

/// Whether this bug is planted.
#[cfg(test)]
pub(crate) fn has(bug: Bug) -> bool {
    PLANTED.get() == Some(bug)
}

/// Whether this bug is planted: never.
#[cfg(not(test))]
pub(crate) const fn has(_: Bug) -> bool {
    false
}
