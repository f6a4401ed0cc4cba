//! Money in an entry: what commands of assets, users and transfers share.

use exchequer_domain::UserId;
use exchequer_ledger as ledger;
use exchequer_ledger::{AccountKey, Asset, Holder, OpenAccount, TransferId};

use super::{Entry, Stop};
use crate::assets::AssetRecord;
use crate::codec;
use crate::command::Actor;
use crate::outcome::Done;
use crate::rejection::Rejection;
use crate::rows::{Edit, Family, Table};
use crate::state::State;
use crate::users::{self, User};

impl Entry<'_> {
    /// Refuses what exists only where the cluster was made for trying things out.
    pub(crate) fn sandbox(&self) -> Result<(), Rejection> {
        sandbox(self.state)
    }

    pub(crate) fn put_asset(&mut self, asset: AssetRecord) {
        self.put(Table::Asset, &asset.number.0.to_be_bytes(), &asset);
        self.state.assets.put(asset);
    }

    pub(crate) fn put_user(&mut self, id: UserId, user: User) {
        self.put(Table::User, &id.0.to_be_bytes(), &user);
        self.state.users.put(id, user);
    }

    pub(crate) fn put_user_label(&mut self, id: UserId, label: &str) {
        let edit = if label.is_empty() { Edit::Delete } else { Edit::Put(codec::encode(label)) };
        self.change(Family::Ids, users::label_key(id), edit);
    }
}

/// As [`Entry::sandbox`].
pub(super) fn sandbox(state: &State) -> Result<(), Rejection> {
    let cluster = state.cluster().ok_or(Rejection::NotBootstrapped)?;
    if cluster.sandbox { Ok(()) } else { Err(Rejection::SandboxOnly) }
}

/// What the ledger made of a transfer, as the outcome of the command that held it.
pub(super) fn done(outcome: ledger::Outcome) -> Result<Done, Stop> {
    match outcome {
        ledger::Outcome::Done(done) => Ok(Done::Transfer(done)),
        ledger::Outcome::Rejected(rejection) => Err(Rejection::Ledger(rejection).into()),
    }
}

/// A user's main account, as it is opened for its first credit.
pub(super) fn account_of(user: UserId, asset: Asset) -> OpenAccount {
    let holder = Holder::Customer { customer: user.0, sub_account: 0 };
    OpenAccount { key: AccountKey { holder, asset }, overdraft: false }
}

/// Who acts, in the ledger's words. The operator token has one holder: number zero.
pub(super) const fn actor_of(actor: Actor) -> ledger::Actor {
    match actor {
        Actor::Operator => ledger::Actor::Operator(0),
        Actor::Node(node) => ledger::Actor::Worker(node.0),
        // Keys only trade, and what a trade moves is the rules' own posting.
        Actor::ApiKey(_) => ledger::Actor::System,
        Actor::Admin(id) => ledger::Actor::Operator(id.0 as u64),
        Actor::Worker(worker) => ledger::Actor::Worker(worker.number()),
        Actor::User(user) => ledger::Actor::Customer(user.0),
    }
}

/// The reference of a transfer that nothing but its own command caused. Not the command's id: the same transfer may be
/// sent again under another one.
pub(super) fn reference_of(id: TransferId) -> [u8; 32] {
    let mut reference = [0; 32];
    reference[16..].copy_from_slice(&id.0.to_be_bytes());
    reference
}
