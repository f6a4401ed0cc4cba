//! Random commands, good and bad, from a small domain, so that they collide with each other often.

use exchequer_domain::Timestamp;

use super::world::{SECOND, ordered_id};
use crate::limits::{BULK_TRANSFERS_MAX, LEGS_MAX, NOTE_BYTES_MAX};
use crate::{
    AccountId, AccountKey, Actor, Asset, Cause, Command, HoldId, Holder, Leg, OpenAccount, Reason, Revert, Store,
    Transfer, TransferId,
};

/// SplitMix64: small, and the same everywhere.
#[derive(Debug, Clone)]
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Below `end`.
    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    pub(super) fn one_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    pub(super) fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        if from.is_empty() { None } else { from.get(self.below(from.len() as u64) as usize) }
    }
}

/// What a log has said so far.
#[derive(Debug)]
pub(super) struct Generator {
    pub(super) random: Random,
    pub(super) now: Timestamp,
    /// The assets of the accounts that exist.
    pub(super) assets: Vec<Asset>,
    said: Vec<Command>,
    holds: Vec<HoldId>,
    ids: Vec<TransferId>,
    counter: u128,
    /// Whether amounts may be huge; an asset whose turnover is used up is dead.
    huge: bool,
}

impl Generator {
    pub(super) fn new(seed: u64, now: Timestamp) -> Generator {
        let random = Random(seed);
        Generator {
            random,
            now,
            assets: Vec::new(),
            said: Vec::new(),
            holds: Vec::new(),
            ids: Vec::new(),
            counter: 0,
            huge: seed.is_multiple_of(8),
        }
    }

    pub(super) fn command(&mut self) -> Command {
        let command = match self.random.below(100) {
            _ if self.assets.len() < 7 && self.random.one_in(3) => self.open(),
            0..=3 => self.open(),
            4..=11 => self.again(),
            12..=29 => self.changed(),
            30..=37 => Command::Revert(self.revert()),
            38..=44 => self.bulk(),
            _ => Command::Transfer(self.transfer()),
        };
        self.said.push(command.clone());
        command
    }

    fn open(&mut self) -> Command {
        let holder = match self.random.below(9) {
            0..=3 => Holder::Customer { customer: self.random.below(3), sub_account: 0 },
            4 => Holder::Clearing,
            5 => Holder::Suspense,
            6 => Holder::Custody { network: 1, store: Store::Hot },
            7 => Holder::Venue { venue: 1 },
            _ => Holder::GasExpense { network: 1 },
        };
        let asset = Asset(if self.random.one_in(5) { 9 } else { 4 });
        Command::Open(OpenAccount { key: AccountKey { holder, asset }, overdraft: !self.random.one_in(3) })
    }

    fn again(&mut self) -> Command {
        match self.random.pick(&self.said).cloned() {
            Some(command) => command,
            None => self.open(),
        }
    }

    /// An earlier command with one thing changed.
    fn changed(&mut self) -> Command {
        match self.again() {
            Command::Transfer(mut transfer) => {
                self.change(&mut transfer);
                Command::Transfer(transfer)
            }
            Command::Revert(mut revert) => {
                match self.random.below(5) {
                    0 => revert.of = self.used_id(),
                    1 => revert.actor = Actor::Operator(9),
                    2 => revert.reference[3] ^= 1,
                    3 => revert.note = Some("another".into()),
                    _ => {
                        let id = revert.id;
                        return Command::Transfer(Transfer { id, ..self.transfer() });
                    }
                }
                Command::Revert(revert)
            }
            Command::Bulk(mut transfers) => {
                let place = self.random.below(transfers.len().max(1) as u64) as usize;
                if let Some(transfer) = transfers.get_mut(place) {
                    let mut other = transfer.clone();
                    self.change(&mut other);
                    transfers[place] = other;
                }
                Command::Bulk(transfers)
            }
            Command::Open(mut open) => {
                open.overdraft = !open.overdraft;
                Command::Open(open)
            }
        }
    }

    fn change(&mut self, transfer: &mut Transfer) {
        let mut legs = transfer.legs.to_vec();
        match self.random.below(9) {
            0 => transfer.cause.reason = Reason::Gas,
            1 => transfer.cause.actor = Actor::Worker(self.random.below(3)),
            2 => transfer.cause.reference[30] ^= 1,
            3 => transfer.note = Some("changed".into()),
            4 => {
                let leg = self.leg(transfer.id);
                legs.push(leg);
            }
            _ => {
                if let Some(leg) = legs.last_mut() {
                    self.change_leg(leg);
                }
            }
        }
        transfer.legs = legs.into();
    }

    fn change_leg(&mut self, leg: &mut Leg) {
        if self.random.one_in(6) {
            *leg = self.leg(TransferId(5));
            return;
        }
        let (hold, account) = (self.hold(), self.account());
        match leg {
            Leg::Post { debit, credit, amount } => match self.random.below(3) {
                0 => *debit = account,
                1 => *credit = account,
                _ => *amount ^= 2,
            },
            Leg::Hold { debit, credit, amount, expires } => match self.random.below(5) {
                0 => *debit = account,
                1 => *credit = account,
                2 => *amount ^= 2,
                _ => *expires = Some(self.now.plus(std::time::Duration::from_secs(77))),
            },
            Leg::Capture { hold: of, amount } | Leg::Release { hold: of, amount } => match self.random.below(3) {
                0 => *of = hold,
                1 => *amount = None,
                _ => *amount = Some(3),
            },
        }
    }

    fn bulk(&mut self) -> Command {
        if self.random.one_in(150) {
            let transfer = self.transfer();
            return Command::Bulk(vec![transfer; BULK_TRANSFERS_MAX + 1]);
        }
        let count = self.random.below(4);
        Command::Bulk((0..count).map(|_| self.transfer()).collect())
    }

    fn revert(&mut self) -> Revert {
        let (id, of, cause) = (self.id(), self.used_id(), self.cause());
        Revert { id, of, actor: cause.actor, reference: cause.reference, note: self.note() }
    }

    fn transfer(&mut self) -> Transfer {
        let id = self.id();
        let count = match self.random.below(60) {
            0 => 0,
            1 => LEGS_MAX + 1,
            2..=44 => 1,
            _ => 1 + self.random.below(4) as usize,
        };
        let legs: Vec<Leg> = (0..count).map(|_| self.leg(id)).collect();
        for (leg, what) in (0..).zip(&legs) {
            if matches!(what, Leg::Hold { .. }) {
                self.holds.push(HoldId { transfer: id, leg });
            }
        }
        let legs = if let [leg] = legs[..] { leg.into() } else { legs.into() };
        Transfer { id, legs, cause: self.cause(), note: self.note() }
    }

    fn leg(&mut self, id: TransferId) -> Leg {
        let (debit, amount) = (self.account(), self.amount());
        let credit = self.other_account(debit);
        let part = if self.random.one_in(2) { None } else { Some(self.random.below(30).into()) };
        match self.random.below(20) {
            0..=9 => Leg::Post { debit, credit, amount },
            10..=13 => {
                let expires = match self.random.below(4) {
                    0 | 2 => Some(Timestamp((self.now.0 / SECOND / 4 + 1 + self.random.below(2)) * 4 * SECOND)),
                    1 if self.random.one_in(4) => Some(Timestamp(self.now.0 - self.random.below(2))),
                    _ => None,
                };
                Leg::Hold { debit, credit, amount, expires }
            }
            14..=17 => Leg::Capture { hold: self.hold(), amount: part },
            18 => Leg::Release { hold: self.hold(), amount: part },
            _ if self.random.one_in(3) => Leg::Release { hold: HoldId { transfer: id, leg: 0 }, amount: part },
            _ => Leg::Capture { hold: self.hold(), amount: part },
        }
    }

    fn hold(&mut self) -> HoldId {
        let late = self.holds.len().saturating_sub(5);
        match self.random.below(8) {
            0 => Some(HoldId { transfer: self.used_id(), leg: self.random.below(3) as u8 }),
            1 | 2 => self.random.pick(&self.holds).copied(),
            _ => self.random.pick(&self.holds[late..]).copied(),
        }
        .unwrap_or(HoldId { transfer: TransferId(77), leg: 0 })
    }

    fn account(&mut self) -> AccountId {
        let count = self.assets.len().max(1) as u64;
        AccountId(if self.random.one_in(80) { 50 } else { self.random.below(count) as u32 })
    }

    /// Mostly another one of the same asset.
    fn other_account(&mut self, account: AccountId) -> AccountId {
        for _ in 0..8 {
            let other = self.account();
            let same = self.assets.get(other.0 as usize) == self.assets.get(account.0 as usize);
            if other != account && same || self.random.one_in(60) {
                return other;
            }
        }
        self.account()
    }

    fn amount(&mut self) -> u128 {
        match self.random.below(150) {
            0 => 0,
            1 if self.huge => u128::MAX,
            2 if self.huge => u128::MAX / 2,
            _ => self.random.below(60).into(),
        }
    }

    fn cause(&mut self) -> Cause {
        let reason = match self.random.below(60) {
            0 => Reason::Expiry,
            1 => Reason::Reversal,
            2..=4 => Reason::Adjustment,
            _ => Reason::Trade,
        };
        let mut reference = [0; 32];
        reference[30] = if self.random.one_in(60) { 0 } else { 2 };
        Cause { reason, actor: Actor::Customer(self.random.below(2)), reference }
    }

    fn note(&mut self) -> Option<Box<str>> {
        match self.random.below(60) {
            0 => Some(" ".into()),
            1 => Some("x".repeat(NOTE_BYTES_MAX + 1).into()),
            2..=11 => Some("why".into()),
            _ => None,
        }
    }

    fn used_id(&mut self) -> TransferId {
        let recent = self.ids.len().saturating_sub(8);
        let id = match self.random.below(3) {
            0 => self.random.pick(&self.ids).copied(),
            _ => self.random.pick(&self.ids[recent..]).copied(),
        };
        id.unwrap_or(TransferId(3))
    }

    /// Ascending, late, of another form, ahead, invalid, or used before.
    fn id(&mut self) -> TransferId {
        self.counter += 1;
        let late = Timestamp(self.now.0 - SECOND * self.random.below(30));
        let id = match self.random.below(100) {
            0..=64 => ordered_id(self.now, self.counter),
            65..=74 => ordered_id(late, self.counter),
            75..=89 => TransferId(0xffff << 100 | self.counter),
            90 => TransferId(0),
            91 => TransferId(u128::MAX),
            92 => ordered_id(Timestamp(self.now.0 + 61 * SECOND), self.counter),
            93 => ordered_id(Timestamp(self.now.0 + 59 * SECOND), self.counter),
            _ => self.used_id(),
        };
        self.ids.push(id);
        id
    }
}
