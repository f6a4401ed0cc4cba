//! Accounts of TRON: balances, what is staked and lent, and how much of it is used up.
//!
//! Amounts in sun (a millionth of a TRX), times in milliseconds of the chain.

use std::collections::BTreeMap;

use super::address::Address;
use super::token::Token;

/// A use is forgotten evenly over one day.
const WINDOW_MS: i64 = 86_400_000;
/// Sun of one TRX.
pub const TRX: i64 = 1_000_000;

/// The numbers that the chain's makers vote on, and the sizes of its resources.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parameters {
    /// Sun for a byte.
    pub transaction_fee: i64,
    /// Sun for a unit of energy.
    pub energy_fee: i64,
    /// Sun for the bytes of a transaction that creates an account.
    pub create_account_fee: i64,
    /// Sun that creating an account burns in any case.
    pub new_account_fee: i64,
    /// Bytes that everybody has free in a day.
    pub free_net_limit: i64,
    /// Sun for a memo.
    pub memo_fee: i64,
    /// The highest `fee_limit`, in sun.
    pub max_fee_limit: i64,
    /// Bytes of a day that all stakers share.
    pub total_net_limit: i64,
    /// TRX that others have staked for bytes.
    pub others_net_weight: i64,
    /// Energy of a day that all stakers share.
    pub total_energy_limit: i64,
    /// TRX that others have staked for energy.
    pub others_energy_weight: i64,
}

impl Default for Parameters {
    /// As on the public network, as far as known.
    fn default() -> Parameters {
        Parameters {
            transaction_fee: 1_000,
            energy_fee: 100,
            create_account_fee: 100_000,
            new_account_fee: TRX,
            free_net_limit: 600,
            memo_fee: TRX,
            max_fee_limit: 15_000 * TRX,
            total_net_limit: 43_200_000_000,
            others_net_weight: 26_000_000_000,
            total_energy_limit: 180_000_000_000,
            others_energy_weight: 19_000_000_000,
        }
    }
}

/// Something that is used up and comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    used: i64,
    at_ms: i64,
}

impl Usage {
    /// What is used up now.
    #[must_use]
    pub fn now(self, now_ms: i64) -> i64 {
        let left = WINDOW_MS.saturating_sub(now_ms.saturating_sub(self.at_ms)).clamp(0, WINDOW_MS);
        scaled(self.used, left, WINDOW_MS)
    }

    /// Uses more.
    pub fn add(&mut self, amount: i64, now_ms: i64) {
        *self = Usage { used: self.now(now_ms).saturating_add(amount), at_ms: now_ms };
    }
}

/// `amount * part / whole`, without overflow on the way.
fn scaled(amount: i64, part: i64, whole: i64) -> i64 {
    let product = i128::from(amount) * i128::from(part);
    i64::try_from(product.checked_div(i128::from(whole)).unwrap_or(0)).unwrap_or(i64::MAX)
}

/// One of the two things that can be staked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Resource {
    /// Bytes.
    Bandwidth,
    /// Energy.
    Energy,
}

impl Resource {
    /// By its number in messages.
    #[must_use]
    pub fn of(number: i64) -> Option<Resource> {
        match number {
            0 => Some(Resource::Bandwidth),
            1 => Some(Resource::Energy),
            _ => None,
        }
    }
}

/// What an account has of one resource, in sun of stake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stake {
    /// Its own, not lent.
    pub frozen: i64,
    /// Its own, lent to others.
    pub lent: i64,
    /// Of others.
    pub borrowed: i64,
    /// How much of the resource is used up.
    pub usage: Usage,
}

/// An account.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Account {
    /// Sun.
    pub balance: i64,
    /// When it came to be.
    pub created_ms: i64,
    /// Bytes that are free for everybody.
    pub free_net: Usage,
    /// Staked for bytes.
    pub net: Stake,
    /// Staked for energy.
    pub energy: Stake,
    /// Parts of the stake that end: for what they were, how much in sun, and when they are free.
    pub ending: Vec<(Resource, i64, i64)>,
}

impl Account {
    /// What it has of a resource.
    #[must_use]
    pub fn stake(&self, of: Resource) -> &Stake {
        match of {
            Resource::Bandwidth => &self.net,
            Resource::Energy => &self.energy,
        }
    }

    /// The same, to change it.
    pub fn stake_mut(&mut self, of: Resource) -> &mut Stake {
        match of {
            Resource::Bandwidth => &mut self.net,
            Resource::Energy => &mut self.energy,
        }
    }
}

/// One loan of a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Loan {
    /// Sun of stake.
    pub balance: i64,
    /// The part that cannot be taken back yet.
    pub locked: i64,
    /// Until when.
    pub locked_until_ms: i64,
}

/// All that a block changes.
#[derive(Debug, Clone, Default)]
pub struct World {
    /// Those that are activated.
    pub accounts: BTreeMap<Address, Account>,
    /// The contracts.
    pub tokens: BTreeMap<Address, Token>,
    /// What is lent, by whom, to whom.
    pub loans: BTreeMap<(Address, Address, Resource), Loan>,
    /// What is voted on.
    pub parameters: Parameters,
}

impl World {
    /// TRX that all have staked for a resource.
    #[must_use]
    pub fn weight(&self, of: Resource) -> i64 {
        let own: i64 = self.accounts.values().map(|account| account.stake(of).frozen + account.stake(of).lent).sum();
        let others = match of {
            Resource::Bandwidth => self.parameters.others_net_weight,
            Resource::Energy => self.parameters.others_energy_weight,
        };
        others + own / TRX
    }

    /// How much of a resource in a day so much stake gives.
    #[must_use]
    pub fn worth(&self, of: Resource, stake_sun: i64) -> i64 {
        let total = match of {
            Resource::Bandwidth => self.parameters.total_net_limit,
            Resource::Energy => self.parameters.total_energy_limit,
        };
        scaled(stake_sun / TRX, total, self.weight(of))
    }

    /// How much of a resource an account has in a day by its stake and others'.
    #[must_use]
    pub fn limit(&self, of: Resource, account: &Account) -> i64 {
        let stake = account.stake(of);
        self.worth(of, stake.frozen + stake.borrowed)
    }

    /// What of it is left now.
    #[must_use]
    pub fn left(&self, of: Resource, account: &Account, now_ms: i64) -> i64 {
        (self.limit(of, account) - account.stake(of).usage.now(now_ms)).max(0)
    }

    /// Stake that can be lent: what stands for a use of today stays.
    #[must_use]
    pub fn lendable(&self, of: Resource, account: &Account, now_ms: i64) -> i64 {
        let stake = account.stake(of);
        let limit = self.limit(of, account);
        let used = stake.usage.now(now_ms).min(limit);
        let bound = scaled(stake.frozen + stake.borrowed, used, limit.max(1));
        (stake.frozen - (bound - stake.borrowed).max(0)).max(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: a use is forgotten evenly within a day. Method: at its begin, middle and end, and with a second use between.
    #[test]
    fn uses_are_forgotten_in_a_day() {
        let mut usage = Usage::default();
        usage.add(600, 1_000);
        assert_eq!(usage.now(1_000), 600);
        assert_eq!(usage.now(1_000 + WINDOW_MS / 2), 300);
        usage.add(100, 1_000 + WINDOW_MS / 2);
        assert_eq!(usage.now(1_000 + WINDOW_MS / 2), 400);
        assert_eq!(usage.now(1_000 + 3 * WINDOW_MS / 2), 0);
    }

    /// Goal: stake gives its share. Method: half of all stake gives half of all energy.
    #[test]
    fn half_of_the_stake_gives_half() {
        let mut world = World::default();
        let account = Account {
            energy: Stake { frozen: world.parameters.others_energy_weight * TRX, ..Stake::default() },
            ..Account::default()
        };
        world.accounts.insert(Address([1; 20]), account.clone());
        assert_eq!(world.limit(Resource::Energy, &account), world.parameters.total_energy_limit / 2);
        assert_eq!(world.lendable(Resource::Energy, &account, 0), account.energy.frozen);
    }
}
