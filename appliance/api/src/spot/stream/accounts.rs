//! What users are told: reports of their orders, their balances, and money that comes and goes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use exchequer_domain::{Code, Problem, UserId};
use exchequer_state::api_keys::ApiKeyId;
use exchequer_state::ledger::posting::Kind;
use exchequer_state::ledger::query::Posted;
use exchequer_state::ledger::{AccountKey, Asset, Holder, Reason};
use exchequer_state::markets::{MarketId, OrderRecord, OrderStatus};
use exchequer_state::matching::OrderId;
use exchequer_state::{Event, EventKind, OrderStep, State};

use super::hub::Desk;
use super::line::Line;
use super::messages;
use super::user::{self, Balance, Moved, Origin};
use crate::backend::Backend;
use crate::feed::Batch;

/// Postings that are read at a time.
const POSTINGS_AT_ONCE: usize = 128;

/// One subscription to a user's events.
pub(super) struct Watch {
    pub(super) id: u64,
    pub(super) line: Arc<Line>,
    pub(super) key: ApiKeyId,
    pub(super) number: u32,
}

impl Watch {
    fn tell(&self, event: &str) {
        self.line.event(user::of_subscription(self.number, event));
    }

    /// Says that nothing more comes.
    pub(super) fn terminated(&self, now_ms: u64) {
        self.tell(&messages::stream_terminated(now_ms));
    }
}

/// One side of a posting that a watched user is on.
struct Side {
    user: UserId,
    asset: Asset,
    /// Where money came or went for good, and not by a trade.
    moved: Option<Moved>,
}

/// Orders that the entry filled after their last trade, with the place of that trade: it is the one that is told to have
/// filled them.
fn filled_by(events: &[Event]) -> BTreeMap<(MarketId, OrderId), usize> {
    let mut last = BTreeMap::new();
    let mut filled = BTreeMap::new();
    for (place, event) in events.iter().enumerate() {
        let Event::Order { record, step } = event else { continue };
        let key = (record.market, record.id);
        match step {
            OrderStep::Traded { .. } => drop(last.insert(key, place)),
            OrderStep::Ended if record.status == OrderStatus::Filled => {
                filled.extend(last.get(&key).map(|place| (key, *place)));
            }
            _ => {}
        }
    }
    filled
}

impl Desk {
    /// Ends the subscriptions that `ends` names.
    pub(super) fn forget_user(&mut self, mut ends: impl FnMut(&Watch) -> bool) {
        self.users.retain(|_, watches| {
            watches.retain(|watch| !ends(watch));
            !watches.is_empty()
        });
    }

    /// Ends the subscriptions whose key has been revoked.
    pub(super) fn check_keys(&mut self) {
        if self.users.is_empty() {
            return;
        }
        let mut revoked: BTreeSet<ApiKeyId> = self.users.values().flatten().map(|watch| watch.key).collect();
        let looked = self.backend.read(&mut |state, _, _| {
            let works = |key: ApiKeyId| state.api_keys().get(key).is_some_and(|key| key.revoked_at.is_none());
            revoked.retain(|key| !works(*key));
            Ok(())
        });
        if looked.is_err() || revoked.is_empty() {
            return;
        }
        let now_ms = self.backend.now_ms();
        self.forget_user(|watch| {
            let ends = revoked.contains(&watch.key);
            if ends {
                watch.terminated(now_ms);
            }
            ends
        });
    }

    pub(super) fn tell_user(&self, user: UserId, event: &str) {
        for watch in self.users.get(&user).into_iter().flatten() {
            watch.tell(event);
        }
    }

    /// Tells what became of a deposit or a withdrawal; what it moved is told with its postings.
    fn tell_money(&self, kind: &EventKind, time_ms: u64) {
        match kind {
            EventKind::DepositMoved { deposit, network, user: Some(user), stage, .. } => {
                self.tell_user(*user, &user::deposit_update(*deposit, *network, *stage, time_ms));
            }
            EventKind::WithdrawalMoved { withdrawal, user, to, .. } => {
                self.tell_user(*user, &user::withdrawal_update(*withdrawal, *to, time_ms));
            }
            _ => {}
        }
    }

    /// Tells what an entry did to those who are watched.
    pub(super) async fn tell_users(&mut self, batch: &Batch) -> Result<(), Problem> {
        if self.users.is_empty() {
            return Ok(());
        }
        let mut touched: BTreeMap<UserId, BTreeSet<Asset>> = BTreeMap::new();
        let filled = filled_by(&batch.events);
        for (place, event) in batch.events.iter().enumerate() {
            if let Event::Durable { record, .. } = event {
                self.tell_money(&record.kind, batch.time.millis());
            }
            let Event::Order { record, step } = event else { continue };
            if !self.users.contains_key(&record.user) {
                continue;
            }
            let mut order: OrderRecord = **record;
            match (filled.get(&(order.market, order.id)), step) {
                (Some(_), OrderStep::Ended) => continue,
                // Also what was taken off it after that trade.
                (Some(last), _) if *last <= place => order.status = OrderStatus::Filled,
                _ => {}
            }
            let Some(watched) = self.watched(order.market) else { continue };
            let (view, (base, quote)) = (watched.view.clone(), watched.assets);
            touched.entry(order.user).or_default().extend([base, quote]);
            let origin = Origin { index: batch.index, place, time_ms: batch.time.millis() };
            self.tell_user(order.user, &user::execution_report(&view, &order, *step, origin));
        }
        self.tell_lists(batch).await?;
        for Side { user, asset, moved } in self.postings(batch).await? {
            touched.entry(user).or_default().insert(asset);
            if let Some(moved) = moved {
                self.tell_user(user, &user::balance_update(&moved));
            }
        }
        self.tell_positions(&touched, batch.time.millis())
    }

    /// The sides of the entry's postings that watched users are on.
    async fn postings(&self, batch: &Batch) -> Result<Vec<Side>, Problem> {
        let (first, next) = batch.postings;
        if first == next {
            return Ok(Vec::new());
        }
        let users: BTreeSet<UserId> = self.users.keys().copied().collect();
        let (backend, time_ms) = (self.backend.clone(), batch.time.millis());
        // Rows may be on disk.
        let read = tokio::task::spawn_blocking(move || {
            let (mut sides, mut from) = (Vec::new(), first);
            while from < next {
                let count = usize::try_from(next - from).unwrap_or(POSTINGS_AT_ONCE).min(POSTINGS_AT_ONCE);
                let read = read_postings(backend.as_ref(), from, count, &users, time_ms, &mut sides)?;
                if read == 0 {
                    return Err(Problem::new(Code::Internal, "postings of an entry are not there yet"));
                }
                from += read as u64;
            }
            Ok(sides)
        });
        read.await.unwrap_or_else(|_| Err(Problem::new(Code::Internal, "the read ended unexpectedly")))
    }

    /// Tells the balances of assets as they are now, which may be a moment after the entry.
    fn tell_positions(&self, touched: &BTreeMap<UserId, BTreeSet<Asset>>, time_ms: u64) -> Result<(), Problem> {
        if touched.is_empty() {
            return Ok(());
        }
        let mut positions: Vec<(UserId, Vec<Balance>)> = Vec::new();
        self.backend.read(&mut |state, _, _| {
            let of = |(user, assets): (&UserId, &BTreeSet<Asset>)| {
                (*user, assets.iter().filter_map(|asset| balance(state, *user, *asset)).collect())
            };
            positions = touched.iter().map(of).collect();
            Ok(())
        })?;
        for (user, balances) in positions {
            self.tell_user(user, &user::account_position(&balances, time_ms));
        }
        Ok(())
    }
}

/// What a user has of an asset, on the main account.
fn balance(state: &State, user: UserId, asset: Asset) -> Option<Balance> {
    let record = state.assets().get(asset)?;
    let key = AccountKey { holder: Holder::Customer { customer: user.0, sub_account: 0 }, asset };
    let account = state.ledger().find(&key).and_then(|id| state.ledger().account(id));
    let (free, whole) =
        account.map_or((0, 0), |account| (account.available(), account.sums.balance(account.key.holder.normal_side())));
    let locked = whole.saturating_sub(free);
    Some(Balance { asset: record.code.clone(), decimals: record.decimals, free, locked })
}

fn read_postings(
    backend: &dyn Backend,
    from: u64,
    count: usize,
    users: &BTreeSet<UserId>,
    time_ms: u64,
    sides: &mut Vec<Side>,
) -> Result<usize, Problem> {
    let mut read = 0;
    backend.read(&mut |state, rows, _| {
        let page = state.posting_feed(rows, from, count).map_err(|halt| halt.problem())?;
        read = page.len();
        for posted in &page {
            sides_of(state, posted, users, time_ms, sides);
        }
        Ok(())
    })?;
    Ok(read)
}

fn sides_of(
    state: &State,
    Posted { posting, .. }: &Posted,
    users: &BTreeSet<UserId>,
    time_ms: u64,
    sides: &mut Vec<Side>,
) {
    // What a trade moves is told with its orders.
    if posting.cause.reason == Reason::Trade {
        return;
    }
    let is_final = matches!(posting.kind, Kind::Post | Kind::Capture | Kind::Revert);
    for (account, came) in [(posting.debit, false), (posting.credit, true)] {
        let Some(account) = state.ledger().account(account) else { continue };
        let Holder::Customer { customer, sub_account: 0 } = account.key.holder else { continue };
        if !users.contains(&UserId(customer)) {
            continue;
        }
        let Some(asset) = state.assets().get(account.key.asset) else { continue };
        let moved = is_final.then(|| Moved {
            asset: asset.code.clone(),
            decimals: asset.decimals,
            amount: posting.amount,
            came,
            time_ms,
        });
        sides.push(Side { user: UserId(customer), asset: account.key.asset, moved });
    }
}
