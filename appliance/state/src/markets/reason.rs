//! Why a market refuses an order, in words.

use exchequer_matching::Rejection;

/// One line for people.
#[must_use]
pub const fn reason(why: Rejection) -> &'static str {
    match why {
        Rejection::UnknownOrder => "there is no such open order of this user, or it cannot be changed so",
        Rejection::Phase => "the market's present phase does not allow it",
        Rejection::Owner => "the user's number is too high to trade",
        Rejection::Fees => "a fee is above its limit",
        Rejection::Price => "the price is outside its range or off its step",
        Rejection::Quantity => "the quantity is outside its range or off its step",
        Rejection::Peak => "the shown part of an iceberg must be less than the whole and on the step",
        Rejection::Deadline => "the moment is not in the future",
        Rejection::Trigger => "the trigger is no price, or there is no price yet to measure it by",
        Rejection::WouldTrigger => "the price that the order waits for is there already",
        Rejection::PercentPrice => "the price is too far from the market's",
        Rejection::Notional => "price times quantity is outside its range",
        Rejection::OrdersMax => "the user has as many open orders in this market as allowed",
        Rejection::StopsMax => "as many orders wait for a price as allowed",
        Rejection::PositionMax => "the user would come to hold more than allowed",
        Rejection::Full => "the market has as many orders or prices as there may be",
        Rejection::WouldTake => "the order must not trade on entry, but it would",
        Rejection::CannotFill => "the order must be filled whole, but it cannot be",
        Rejection::Funds => "the available balance does not cover it",
    }
}
