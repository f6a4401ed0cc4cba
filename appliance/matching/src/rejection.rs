//! Why a command was refused. Where more than one reason holds, the first in this order is given.

use serde::{Deserialize, Serialize};

/// Why a command was refused; it changed nothing. Variants are only ever appended, precedence is theirs in this list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Rejection {
    /// There is no such order of this owner, or it is not one that can be changed so.
    UnknownOrder,
    /// The phase of the market does not allow it.
    Phase,
    /// The owner's number is not below the limit.
    Owner,
    /// A fee is above its limit.
    Fees,
    /// The price is zero, above the limit, outside the filter's range or off its step.
    Price,
    /// The quantity is zero, above the limit, outside the filter's range or off its step.
    Quantity,
    /// The shown part of an iceberg is zero, not less than the whole, off the step, or too small a part of the whole.
    Peak,
    /// The moment is not in the future.
    Deadline,
    /// The trigger is zero or above the limit, or there is no price yet to measure it by.
    Trigger,
    /// What the trigger waits for has happened already.
    WouldTrigger,
    /// The price is too far from the reference.
    PercentPrice,
    /// Price times quantity is outside the filter's range.
    Notional,
    /// The owner has as many orders as allowed.
    OrdersMax,
    /// The owner has as many orders waiting for a trigger as allowed, or the market as many trailing ones.
    StopsMax,
    /// The owner would come to hold more than allowed.
    PositionMax,
    /// The market has as many orders or prices as there may be.
    Full,
    /// An order that must not trade on entry would.
    WouldTake,
    /// An order that must be filled whole cannot be.
    CannotFill,
    /// The balance does not cover it.
    Funds,
}
