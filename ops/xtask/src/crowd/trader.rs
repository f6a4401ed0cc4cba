//! What every simulated trader has: a way to the exchange, dice, an idea of the prices, and a habit.

use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::Value;

use super::dice::{Dice, Walk};
use super::door::{Answer, Door, Named, Params};
use super::places::{MARKETS, Market};
use crate::stop::{Interrupted, Stop};

/// What a trader does, turn by turn.
pub(super) trait Habit {
    /// How long it is idle between two turns, on average.
    fn pace(&self) -> Duration;

    /// One turn.
    ///
    /// # Errors
    /// Stopped.
    fn turn(&mut self, desk: &mut Desk) -> Result<()>;
}

/// One trader's means.
pub(super) struct Desk {
    pub(super) dice: Dice,
    walks: Vec<Walk>,
    begun: Instant,
    door: Door,
    stop: Stop,
    /// With which the names of its orders begin; another one in each run.
    prefix: String,
    named: u64,
}

impl Desk {
    pub(super) fn new(dice: Dice, walks: Vec<Walk>, begun: Instant, door: Door, stop: Stop, prefix: String) -> Desk {
        Desk { dice, walks, begun, door, stop, prefix, named: 0 }
    }

    /// The market with this number.
    pub(super) fn market(&self, market: usize) -> &'static Market {
        // There are always some.
        MARKETS.get(market).unwrap_or(&MARKETS[0])
    }

    /// What the crowd believes a market's price to be now, in ticks.
    pub(super) fn fair(&mut self, market: usize) -> u64 {
        let elapsed = self.begun.elapsed();
        self.walks.get_mut(market).map_or(1, |walk| walk.at(elapsed))
    }

    /// A name that no other order has.
    pub(super) fn name(&mut self) -> String {
        self.named += 1;
        format!("{}-{}", self.prefix, self.named)
    }

    /// Enters an order; the code of the refusal where it was refused.
    ///
    /// # Errors
    /// Stopped.
    pub(super) fn enter(&mut self, path: &str, params: &Params, of: &Named<'_>) -> Result<Result<Value, i64>> {
        self.door.enter(&self.stop, path, params, of)
    }

    /// Cancels an order, or makes sure that it is gone.
    ///
    /// # Errors
    /// Stopped.
    pub(super) fn cancel(&mut self, of: &Named<'_>) -> Result<()> {
        self.door.cancel(&self.stop, of)
    }

    /// Makes an order smaller where it stands. It may be gone, and the answer is of no consequence.
    ///
    /// # Errors
    /// Stopped.
    pub(super) fn shrink(&mut self, of: &Named<'_>, quantity: String) -> Result<()> {
        let params: Params =
            vec![("symbol", of.symbol.to_owned()), ("origClientOrderId", of.name.to_owned()), ("newQty", quantity)];
        self.door.call(&self.stop, "PUT", "/api/v3/order/amend/keepPriority", &params).map(drop)
    }

    /// Cancels whatever an earlier run left open.
    ///
    /// # Errors
    /// Stopped.
    fn clear(&mut self) -> Result<()> {
        for market in &MARKETS {
            let params: Params = vec![("symbol", market.symbol.to_owned())];
            while let Answer::Unknown | Answer::Nobody =
                self.door.call(&self.stop, "DELETE", "/api/v3/openOrders", &params)?
            {}
        }
        Ok(())
    }

    /// Trades until it is stopped.
    pub(super) fn trade(mut self, mut habit: Box<dyn Habit + Send>) -> Result<()> {
        let mut work = || -> Result<()> {
            self.clear()?;
            loop {
                let pause = self.dice.about(habit.pace());
                self.stop.pause(pause)?;
                habit.turn(&mut self)?;
            }
        };
        match work() {
            Err(error) if error.is::<Interrupted>() => Ok(()),
            other => other,
        }
    }
}
