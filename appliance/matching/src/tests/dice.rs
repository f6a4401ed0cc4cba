//! Random commands, good and bad, over all types and phases.

use exchequer_domain::Timestamp;

use super::naive::Naive;
use crate::limits::Limits;
use crate::{
    Action, Breaker, By, Command, Fees, Filters, Life, Lots, NewOrder, NewPair, OrderId, Owner, Percent, Phase,
    PhaseChange, Rounding, SelfTrade, Side, Slots, Ticks, When, Worth,
};

pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % bound
    }

    pub(super) fn one_in(&mut self, bound: u64) -> bool {
        self.below(bound) == 0
    }

    fn side(&mut self) -> Side {
        if self.one_in(2) { Side::Buy } else { Side::Sell }
    }

    /// Mostly those of a program; else so small that they are come to.
    pub(super) fn limits(&mut self) -> Limits {
        if !self.one_in(4) {
            return Limits::FULL;
        }
        Limits {
            orders: 12 + self.below(16) as u32,
            levels: 3 + self.below(6) as usize,
            steps: 2 + self.below(6) as u32,
            waiting: 2 + self.below(6) as u32,
            share: self.below(3) as u32,
            trailing: 1 + self.below(3) as usize,
            deadlines: 1,
            switches: 1,
            fired: 1 + self.below(2) as u32,
            follow: 1 + self.below(8) as u32,
            delisted: 1 + self.below(9) as u32,
        }
    }

    pub(super) fn worth(&mut self) -> Worth {
        let rounding = if self.one_in(2) { Rounding::Up } else { Rounding::Down };
        let scale = [1, 7, 1_000_000, 1 << 38][self.below(4) as usize];
        Worth { base_per_lot: [1, 1_000, u64::MAX][self.below(3) as usize], quote_per_tick: scale, rounding }
    }

    pub(super) fn filters(&mut self) -> Filters {
        let mut filters = Filters::default();
        if self.one_in(2) {
            filters.price_max = Ticks(130);
            filters.lots_max = Lots(60);
            filters.market_lots_max = Lots(80);
            filters.orders_max = 3 + self.below(6) as u32;
            filters.stops_max = 3;
            filters.position_max = Lots(150);
            filters.percent = [Percent { lowest_ppm: 800_000, highest_ppm: 1_150_000 }; 2];
        }
        if self.one_in(3) {
            (filters.price_step, filters.lots_step, filters.lots_min) = (2, 2, Lots(4));
            (filters.notional_min, filters.notional_max) = (600, 1 << 60);
        }
        filters
    }

    fn price(&mut self) -> Ticks {
        match self.below(60) {
            0 => Ticks([0, 1, 130, 131, 1 << 40, u64::MAX][self.below(6) as usize]),
            1..10 => Ticks(80 + self.below(41)),
            _ => Ticks(95 + self.below(11)),
        }
    }

    fn lots(&mut self) -> Lots {
        match self.below(60) {
            0 => Lots([0, 1, 60, 61, 200, 201, 402, 1 << 40, u64::MAX][self.below(9) as usize]),
            1..10 => Lots(1 + self.below(60)),
            _ => Lots(4 + 2 * self.below(8)),
        }
    }

    fn owner(&mut self) -> Owner {
        Owner(if self.one_in(200) { u32::MAX } else { self.below(7) as u32 * 100 })
    }

    fn moment(&mut self, now: u64) -> Timestamp {
        Timestamp((now + self.below(400)).saturating_sub(10))
    }

    fn life(&mut self, now: u64) -> Life {
        match self.below(10) {
            0 => Life::Immediate,
            1 => Life::FillOrKill,
            kind => Life::Rest {
                until: (kind == 2 || kind == 3).then(|| self.moment(now)),
                peak: (kind == 3 || kind == 4)
                    .then(|| Lots(if self.one_in(20) { self.below(70) } else { 2 + 2 * self.below(3) })),
                post_only: kind == 4 || kind == 5,
            },
        }
    }

    fn when(&mut self) -> When {
        match self.below(3) {
            0 => When::StopLoss(self.price()),
            1 => When::TakeProfit(self.price()),
            _ => {
                let most = if self.one_in(20) { 1 << 41 } else { 8 };
                When::Trailing(Ticks(self.below(most)))
            }
        }
    }

    fn pair(&mut self, now: u64, worth: &Worth) -> NewPair {
        let mut stop = self.order(now, worth);
        stop.when = Some(self.when());
        let away = self.below(12);
        let price = match stop.side {
            Side::Buy => Ticks(100 - away),
            Side::Sell => Ticks(100 + away),
        };
        NewPair { stop, price }
    }

    fn order(&mut self, now: u64, worth: &Worth) -> NewOrder {
        let action = if self.one_in(7) {
            let by = if self.one_in(2) { By::Lots } else { By::Quote };
            let spare = u128::from(self.below(3_000)) * u128::from(worth.quote_per_tick) + u128::from(self.below(9));
            let quote = if self.one_in(3) { 1 << 100 } else { spare };
            Action::Market { lots: self.lots(), quote, by, fill_or_kill: self.one_in(4) }
        } else {
            Action::Limit { price: self.price(), lots: self.lots(), life: self.life(now) }
        };
        let owner = self.owner();
        NewOrder {
            owner,
            slots: Slots { base: owner.0.wrapping_mul(2), quote: self.below(1_000) as u32 },
            tag: self.below(1 << 40),
            side: self.side(),
            fees: Fees {
                maker_ppm: self.below(3_000) as u16,
                taker_ppm: if self.one_in(300) { 50_001 } else { self.below(3_000) as u16 },
            },
            self_trade: [
                SelfTrade::Allow,
                SelfTrade::ExpireTaker,
                SelfTrade::ExpireMaker,
                SelfTrade::ExpireBoth,
                SelfTrade::Decrement,
            ][self.below(5) as usize],
            position: Lots(self.below(100)),
            when: self.one_in(6).then(|| self.when()),
            action,
        }
    }

    pub(super) fn command(&mut self, now: u64, worth: &Worth, naive: &Naive) -> Command {
        let count = naive.open_orders() as u64;
        let known = if count == 0 { None } else { naive.ids().nth(self.below(count) as usize) };
        let (owner, id, price, lots) = known.unwrap_or((Owner(0), OrderId(self.below(1 << 24)), 100, 10));
        let owner = if self.one_in(50) { self.owner() } else { owner };
        if naive.phase != Phase::Trading && self.one_in(6) {
            return Command::SetPhase(PhaseChange::Trading);
        }
        let kind = if count < 25 && !self.one_in(4) { [0, 50][usize::from(self.one_in(8))] } else { self.below(100) };
        match kind {
            0..50 => Command::New(self.order(now, worth)),
            50..58 => Command::Pair(self.pair(now, worth)),
            58..65 => Command::Cancel { owner, id },
            65..85 => {
                let (same, before) = (self.one_in(3), lots);
                let price = if same { Ticks(price) } else { self.price() };
                let lots = if self.one_in(3) { self.lots() } else { Lots(lots.saturating_sub(self.below(3) * 2)) };
                let seen = match self.below(12) {
                    0 => self.lots(),
                    1 => Lots(before.saturating_sub(1 + self.below(4))),
                    2..4 => Lots(before + 1 + self.below(4)),
                    _ => Lots(before),
                };
                Command::Amend { owner, id, price, lots, seen }
            }
            85..90 => Command::Replace { id, new: NewOrder { owner, ..self.order(now, worth) } },
            90 => Command::CancelAll { owner, side: [None, Some(Side::Buy), Some(Side::Sell)][self.below(3) as usize] },
            91 | 92 => {
                let at = if self.one_in(3) { None } else { Some(self.moment(now)) };
                Command::CancelAfter { owner: self.owner(), at }
            }
            93 if self.one_in(4) => Command::SetFilters(self.filters()),
            94 => Command::SetReference(self.price()),
            93 => Command::SetBreaker(Breaker {
                band_ppm: [0, 20_000, 40_000, 100_000][self.below(4) as usize],
                pause_us: self.below(400),
                auction_us: self.below(400),
            }),
            95 | 96 => Command::SetPhase(match self.below(26) {
                0 => PhaseChange::PostOnly,
                1 => PhaseChange::CancelOnly,
                2 => PhaseChange::Halt,
                3 => PhaseChange::PreOpen,
                4..8 => PhaseChange::Auction { ends: Some(self.moment(now + 100)) },
                8 => PhaseChange::Auction { ends: None },
                _ => PhaseChange::Trading,
            }),
            _ => Command::Tick,
        }
    }
}
