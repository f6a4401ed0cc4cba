//! The naive model of assets and users, and of the commands that move their money.

use exchequer_domain::{Timestamp, UserId};
use exchequer_ledger as ledger;
use exchequer_ledger::{AccountKey, Asset, Cause, Holder, OpenAccount, Reason, TransferId};

use super::money_model::{Money, key_of};
use super::world::World;
use crate::users::{self, UserStatus};
use crate::{Actor, Body, CreditSandbox, Done, Field, Rejection, TransferBetweenUsers, UpdateUser};

type Verdict = Result<Done, Rejection>;

#[derive(Debug)]
struct User {
    label: String,
    kyc_level: u8,
    fee_tier: u8,
    status: UserStatus,
}

/// Assets, users and money.
#[derive(Debug, Default)]
pub(super) struct Exchange {
    codes: Vec<String>,
    users: Vec<User>,
    money: Money,
}

impl Exchange {
    /// As [`World::with_accounts`] leaves it.
    pub(super) fn with_accounts() -> Exchange {
        let user = |label: &str| User { label: label.into(), kyc_level: 1, fee_tier: 7, status: UserStatus::Active };
        let (codes, users) = (vec!["BTC".to_owned()], vec![user("Ada"), user("")]);
        let mut exchange = Exchange { codes, users, money: Money::default() };
        let asset = Asset(1);
        let equity = AccountKey { holder: Holder::Equity, asset };
        for key in [equity, key_of(UserId(1), asset), key_of(UserId(2), asset)] {
            exchange.money.open(&OpenAccount { key, overdraft: key == equity });
        }
        exchange
    }

    /// How many assets there are.
    pub(super) fn assets(&self) -> usize {
        self.codes.len()
    }

    pub(super) fn enter(&mut self, now: u64) {
        self.money.enter(Timestamp(now));
    }

    /// What a command of these rooms comes to; none for a command of another room.
    pub(super) fn body(&mut self, body: &Body, actor: Actor) -> Option<Verdict> {
        Some(match body {
            Body::CreateAsset(command) => {
                self.create_asset(&command.code, command.decimals, &command.name, &command.reason)
            }
            Body::CreateUser(command) => self
                .create_users(&command.label, 1, command.kyc_level, command.fee_tier)
                .map(|user| Done::UserCreated { user }),
            Body::CreateUsers(command) if command.count == 0 => Err(Rejection::Invalid { field: Field::UserCount }),
            Body::CreateUsers(command) => {
                let count = command.count;
                let first = self.create_users("", count, command.kyc_level, command.fee_tier);
                first.map(|first| Done::UsersCreated { first, count })
            }
            Body::UpdateUser(command) => self.update_user(command),
            Body::OpenAccounts(command) if command.accounts.is_empty() => {
                Err(Rejection::Invalid { field: Field::AccountCount })
            }
            Body::OpenAccounts(command) => {
                for OpenAccount { key, .. } in &command.accounts {
                    let known = self.asset(key.asset).and_then(|()| match key.holder {
                        Holder::Customer { customer, .. } => self.user(UserId(customer)).map(|_| ()),
                        _ => Ok(()),
                    });
                    if let Err(unknown) = known {
                        return Some(Err(unknown));
                    }
                }
                Ok(Done::Accounts(command.accounts.iter().map(|open| self.money.open(open)).collect()))
            }
            Body::PostTransfers(command) if command.transfers.is_empty() => {
                Err(Rejection::Invalid { field: Field::TransferCount })
            }
            Body::PostTransfers(command) => {
                let outcomes = command.transfers.iter().map(|transfer| match self.money.post(transfer) {
                    Ok(done) => ledger::Outcome::Done(done),
                    Err(rejection) => ledger::Outcome::Rejected(rejection),
                });
                Ok(Done::Transfers(outcomes.collect()))
            }
            Body::BulkTransfer(command) => {
                self.money.bulk(&command.transfers).map(Done::Bulk).map_err(Rejection::Ledger)
            }
            Body::RevertTransfer(command) if command.reason == " " => Err(Rejection::ReasonMissing),
            Body::RevertTransfer(command) => {
                let revert = (command.of, acting(actor), command.reason.clone());
                self.money.revert(command.id, revert).map(Done::Transfer).map_err(Rejection::Ledger)
            }
            Body::CreditSandbox(command) => self.credit(command, actor),
            Body::TransferBetweenUsers(command) => self.between(command, actor),
            _ => return None,
        })
    }

    fn asset(&self, asset: Asset) -> Result<(), Rejection> {
        let known = (1..=self.codes.len() as u32).contains(&asset.0);
        if known { Ok(()) } else { Err(Rejection::AssetUnknown { asset }) }
    }

    fn user(&mut self, user: UserId) -> Result<&mut User, Rejection> {
        let place = (user.0 as usize).wrapping_sub(1);
        self.users.get_mut(place).ok_or(Rejection::UserUnknown { user })
    }

    fn create_asset(&mut self, code: &str, decimals: u8, name: &str, reason: &str) -> Verdict {
        let broken = if code == "eth" {
            Some(Field::AssetCode)
        } else if decimals > 18 {
            Some(Field::AssetDecimals)
        } else {
            (name == " ").then_some(Field::AssetName)
        };
        if let Some(field) = broken {
            return Err(Rejection::Invalid { field });
        }
        super::model::reason(reason)?;
        if let Some(place) = self.codes.iter().position(|other| other == code) {
            return Err(Rejection::AssetExists { asset: Asset(place as u32 + 1) });
        }
        self.codes.push(code.to_owned());
        Ok(Done::AssetCreated { asset: Asset(self.codes.len() as u32) })
    }

    fn create_users(&mut self, label: &str, count: u32, kyc_level: u8, fee_tier: u8) -> Result<UserId, Rejection> {
        check(label, kyc_level, false)?;
        let first = UserId(self.users.len() as u64 + 1);
        for _ in 0..count {
            self.users.push(User { label: label.to_owned(), kyc_level, fee_tier, status: UserStatus::Active });
        }
        Ok(first)
    }

    fn update_user(&mut self, command: &UpdateUser) -> Verdict {
        let user = self.user(command.user)?;
        check(command.label.as_deref().unwrap_or_default(), command.kyc_level.unwrap_or_default(), true)?;
        super::model::reason(&command.reason)?;
        let before = (user.kyc_level, user.fee_tier, user.status);
        user.kyc_level = command.kyc_level.unwrap_or(user.kyc_level);
        user.fee_tier = command.fee_tier.unwrap_or(user.fee_tier);
        user.status = command.status.unwrap_or(user.status);
        if let Some(label) = &command.label {
            user.label.clone_from(label);
        }
        let changed = command.label.is_some() || before != (user.kyc_level, user.fee_tier, user.status);
        Ok(Done::UserUpdated { changed })
    }

    fn credit(&mut self, command: &CreditSandbox, actor: Actor) -> Verdict {
        let CreditSandbox { user, asset, amount, id } = *command;
        self.asset(asset)?;
        self.user(user)?;
        let equity = OpenAccount { key: AccountKey { holder: Holder::Equity, asset }, overdraft: true };
        let customer = OpenAccount { key: key_of(user, asset), overdraft: false };
        let cause = cause(Reason::Funding, actor, id);
        self.money.pay(id, [equity, customer], amount, cause, None).map(Done::Transfer).map_err(Rejection::Ledger)
    }

    fn between(&mut self, command: &TransferBetweenUsers, actor: Actor) -> Verdict {
        let TransferBetweenUsers { from, to, asset, amount, id, note } = command.clone();
        if !self.money.is_used(id) {
            self.asset(asset)?;
            self.user(to)?;
            if self.user(from)?.status == UserStatus::Frozen {
                return Err(Rejection::UserFrozen { user: from });
            }
        }
        let accounts = [from, to].map(|user| OpenAccount { key: key_of(user, asset), overdraft: false });
        let cause = cause(Reason::Internal, actor, id);
        self.money.pay(id, accounts, amount, cause, note).map(Done::Transfer).map_err(Rejection::Ledger)
    }

    /// The state and its rows hold what the model holds.
    pub(super) fn compare(&self, world: &World) {
        let state = &world.state;
        assert!(state.assets().iter().map(|asset| &asset.code).eq(&self.codes));
        assert_eq!(state.users().count(), self.users.len() as u64);
        for ((id, found), user) in state.users().from(UserId(1)).zip(&self.users) {
            assert_eq!((found.kyc_level, found.fee_tier, found.status), (user.kyc_level, user.fee_tier, user.status));
            assert_eq!(users::label(&world.rows, id).unwrap(), user.label);
        }
        self.money.compare(world);
    }
}

fn acting(actor: Actor) -> ledger::Actor {
    match actor {
        Actor::Operator => ledger::Actor::Operator(0),
        Actor::Node(node) => ledger::Actor::Worker(node.0),
        Actor::ApiKey(_) | Actor::Admin(_) | Actor::Worker(_) | Actor::User(_) => ledger::Actor::System,
    }
}

fn cause(reason: Reason, actor: Actor, id: TransferId) -> Cause {
    let mut reference = [0; 32];
    reference[16..].copy_from_slice(&id.0.to_be_bytes());
    Cause { reason, actor: acting(actor), reference }
}

/// The rules of labels and levels; which one is looked at first differs.
fn check(label: &str, kyc_level: u8, level_first: bool) -> Result<(), Rejection> {
    let label = (label == "\u{7}").then_some(Field::UserLabel);
    let level = (kyc_level > 3).then_some(Field::KycLevel);
    let field = if level_first { level.or(label) } else { label.or(level) };
    field.map_or(Ok(()), |field| Err(Rejection::Invalid { field }))
}
