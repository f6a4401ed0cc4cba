//! `CreateMarket`: a market between two assets, in the phase before opening.

use exchequer_ledger::{AccountKey, Asset, Holder, OpenAccount};
use exchequer_matching::{FEE_PPM_MAX, Fees, Filters, Market, Slots};
use serde::{Deserialize, Serialize};

use super::{Entry, Stop, check_reason};
use crate::audit::AuditAction;
use crate::command::Actor;
use crate::halt::Halt;
use crate::markets::{Live, MarketRecord, STEP_DECIMALS_MAX, SYMBOL_BYTES_MAX, Step, StepFault, TIERS_MAX};
use crate::outcome::Done;
use crate::rejection::{Field, Rejection};
use crate::rows::Table;

/// Makes a market.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateMarket {
    /// 1 to 20 of `A-Z 0-9`, unique.
    pub symbol: String,
    /// What is traded.
    pub base: Asset,
    /// What prices are in.
    pub quote: Asset,
    /// The smallest difference between two prices.
    pub tick: Step,
    /// The smallest difference between two quantities.
    pub lot: Step,
    /// Fees by tier, at least one.
    pub fees: Vec<Fees>,
    /// What new orders must satisfy.
    pub filters: Filters,
    /// Why.
    pub reason: String,
}

impl CreateMarket {
    pub(super) fn apply(self, entry: &mut Entry<'_>, actor: Actor) -> Result<Done, Stop> {
        check_reason(&self.reason)?;
        let invalid = |field| Rejection::Invalid { field };
        let plain = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
        if !(1..=SYMBOL_BYTES_MAX).contains(&self.symbol.len()) || !self.symbol.bytes().all(plain) {
            return Err(invalid(Field::MarketSymbol).into());
        }
        let base = entry.state.assets.known(self.base)?.decimals;
        let quote = entry.state.assets.known(self.quote)?.decimals;
        if self.base == self.quote {
            return Err(invalid(Field::MarketAssets).into());
        }
        let fits = |fees: &Fees| fees.maker_ppm <= FEE_PPM_MAX && fees.taker_ppm <= FEE_PPM_MAX;
        if !(1..=TIERS_MAX).contains(&self.fees.len()) || !self.fees.iter().all(fits) {
            return Err(invalid(Field::MarketFees).into());
        }
        if self.tick.decimals > STEP_DECIMALS_MAX || self.lot.decimals > STEP_DECIMALS_MAX {
            return Err(invalid(Field::MarketSteps).into());
        }
        if !self.filters.is_sound() {
            return Err(invalid(Field::MarketFilters).into());
        }
        let worth = MarketRecord::worth_of(self.tick, self.lot, base, quote);
        let (base_per_lot, quote_per_tick) = worth.map_err(|fault| match fault {
            StepFault::Lot => Rejection::MarketLot,
            StepFault::Tick => Rejection::MarketTick,
        })?;
        if let Some(market) = entry.state.markets.find(&self.symbol) {
            return Err(Rejection::MarketExists { market }.into());
        }
        let id = entry.state.markets.next()?;

        let CreateMarket { symbol, base, quote, tick, lot, fees, filters, reason } = self;
        let record = MarketRecord { id, symbol, base, quote, tick, lot, base_per_lot, quote_per_tick, fees };
        let worth = record.worth().ok_or_else(|| Halt::Invariant("a checked market has its worth".into()))?;
        let fee = |asset| OpenAccount { key: AccountKey { holder: Holder::FeeIncome, asset }, overdraft: false };
        let (base, quote) = (entry.open_account(fee(base))?, entry.open_account(fee(quote))?);
        let detail = format!("market {} between assets {} and {}", id.0, record.base.0, record.quote.0);
        entry.audit(actor, AuditAction::MarketCreated, record.symbol.clone(), detail, reason);
        entry.put(Table::Market, &id.0.to_be_bytes(), &record);
        entry.state.markets.add(Live {
            record,
            market: Market::new(worth, filters),
            orders: crate::markets::Orders::default(),
            tape: exchequer_market_data::Tape::new(),
            fees: Slots { base: base.0, quote: quote.0 },
            earned: crate::markets::Earned::default(),
        });
        Ok(Done::MarketCreated { market: id })
    }
}
