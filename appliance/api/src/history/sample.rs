//! What one sample is made of. The state is read once for all its figures and once more for each market, whose day takes a few
//! microseconds by itself: nothing is applied during a read.

use std::collections::BTreeMap;
use std::time::Duration;

use exchequer_domain::{Family, Timestamp};
use exchequer_state::State;
use exchequer_state::ledger::{AccountKey, Asset, Holder};
use exchequer_state::markets::MarketId;
use exchequer_state::matching::Phase;
use exchequer_state::people::{Limits, LockRules, Principal};
use exchequer_state::workers::{Desired, Observed};

use super::{ASSETS_MAX, Key, Series};
use crate::backend::Backend;
use crate::candles::{present, tape};
use crate::v1::HEARD_WITHIN;

/// Of a state that is older nothing is sampled: it would be told as of now.
pub const STATE_AGE_MAX: Duration = Duration::from_secs(60);

/// What the node knows of its process and of its disk.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Process {
    /// Bytes free on the disk of its folder.
    pub disk_free_bytes: Option<u64>,
    /// Bytes of memory that it takes.
    pub resident_bytes: Option<u64>,
}

type Figures = Vec<(Key, i128)>;

fn count(figures: &mut Figures, series: Series, count: usize) {
    figures.push(((series, None), i128::try_from(count).unwrap_or(i128::MAX)));
}

fn amount(units: u128) -> i128 {
    i128::try_from(units).unwrap_or(i128::MAX)
}

/// Every figure that is known now.
pub(super) fn figures(backend: &dyn Backend, now: Timestamp, process: Process) -> Figures {
    let mut figures = Vec::with_capacity(Series::ALL.len());
    let mut markets = Vec::new();
    let read = backend.read(&mut |state, _, at| {
        if at.age != Duration::MAX {
            figures.push(((Series::StateAge, None), amount(at.age.as_millis())));
        }
        if at.age <= STATE_AGE_MAX && state.cluster().is_some() {
            of_state(state, &mut figures);
            markets = of_markets(state, &mut figures);
        }
        Ok(())
    });
    if let Err(problem) = read {
        tracing::debug!(%problem, "the state could not be sampled");
        return Vec::new();
    }
    of_trade(backend, now, &markets, &mut figures);
    of_node(backend, process, &mut figures);
    figures
}

fn of_node(backend: &dyn Backend, process: Process, figures: &mut Figures) {
    let status = backend.status();
    let peers: BTreeMap<u64, Duration> =
        backend.peers().into_iter().map(|(id, peer)| (id.0, peer.heard.elapsed())).collect();
    let heard = status.members.iter().filter(|(id, member)| {
        let silence = peers.get(id).copied().into_iter().chain(member.heard).min();
        member.voter && (**id == status.node || silence.is_some_and(|silence| silence <= HEARD_WITHIN))
    });
    count(figures, Series::VotersHeard, heard.count());
    let behind = status.committed_index.saturating_sub(status.applied_index);
    figures.push(((Series::EntriesApplied, None), i128::from(status.applied_index)));
    figures.push(((Series::EntriesBehind, None), i128::from(behind)));
    let bytes = [(Series::DiskFree, process.disk_free_bytes), (Series::Resident, process.resident_bytes)];
    figures.extend(bytes.into_iter().filter_map(|(series, bytes)| Some(((series, None), i128::from(bytes?)))));
}

fn of_state(state: &State, figures: &mut Figures) {
    let now = state.time();
    let (mut wanted, mut running, mut degraded, mut failed, mut done) = (0, 0, 0, 0, 0_u64);
    for worker in state.workers().iter() {
        let is_wanted = worker.desired == Desired::Running;
        wanted += usize::from(is_wanted);
        match worker.observed {
            Observed::Running { .. } => running += usize::from(is_wanted),
            Observed::Degraded { .. } => degraded += 1,
            Observed::Failed { .. } => failed += 1,
            Observed::Stopped { .. } | Observed::Starting { .. } | Observed::Draining { .. } => {}
        }
        done = done.saturating_add(worker.summary.map_or(0, |summary| summary.done_per_minute));
    }
    count(figures, Series::WorkersWanted, wanted);
    count(figures, Series::WorkersRunning, running);
    count(figures, Series::WorkersDegraded, degraded);
    count(figures, Series::WorkersFailed, failed);
    figures.push(((Series::JobsDone, None), i128::from(done)));

    let (mut available, mut waiting, mut dead) = (0_i128, 0_i128, 0_i128);
    for (_, depth) in state.jobs().queues(now) {
        available += i128::from(depth.available);
        waiting += i128::from(depth.waiting);
        dead += i128::from(depth.dead);
    }
    figures.push(((Series::JobsAvailable, None), available));
    figures.push(((Series::JobsWaiting, None), waiting));
    figures.push(((Series::JobsDead, None), dead));

    let left = [Family::Bitcoin, Family::Evm, Family::Tron].map(|family| {
        let pool = state.custody().pool(family);
        pool.stocked.saturating_sub(pool.given)
    });
    let left = left.into_iter().min().unwrap_or_default();
    figures.push(((Series::AddressesLeft, None), i128::from(left)));
    count(figures, Series::WithdrawalsOpen, state.withdrawals().open_count());
    count(figures, Series::WithdrawalsForPeople, state.withdrawals().before_people());
    count(figures, Series::DepositsSuspended, state.deposits().suspended());
    count(figures, Series::Discrepancies, state.reconciliation().open().count());
    count(figures, Series::Matters, state.attention().count());
    count(figures, Series::Proposals, state.approvals().waiting());

    let limits = |of| Limits::of(state.settings(), of);
    let open = state.people().sessions().filter(|(_, session)| !limits(session.of).is_over(session, now));
    let of_admins = open.filter(|(_, session)| matches!(session.of, Principal::Admin(_)));
    count(figures, Series::AdminSessions, of_admins.count());
    let (failed, locked) = state.people().failing(now, LockRules::of(state.settings()));
    count(figures, Series::SignInsFailed, failed);
    count(figures, Series::AdminsLocked, locked);
    count(figures, Series::OrdersOpen, state.markets().open_count());
}

/// The markets whose trade is summed, each with what it is paid for in.
fn of_markets(state: &State, figures: &mut Figures) -> Vec<(MarketId, Asset)> {
    let room = state.markets();
    let is_trading = |id| room.market(id).is_some_and(|market| market.phase() == Phase::Trading);
    count(figures, Series::MarketsTrading, room.records().filter(|record| is_trading(record.id)).count());
    let mut assets: Vec<Asset> = Vec::new();
    for asset in room.records().flat_map(|record| [record.base, record.quote]) {
        if assets.len() < ASSETS_MAX && !assets.contains(&asset) {
            assets.push(asset);
        }
    }
    for asset in &assets {
        let key = AccountKey { holder: Holder::FeeIncome, asset: *asset };
        let account = state.ledger().find(&key).and_then(|id| state.ledger().account(id));
        if let Some(sums) = account.map(|account| account.sums) {
            let earned = amount(sums.credits_posted).saturating_sub(amount(sums.debits_posted));
            figures.push(((Series::Fees, Some(*asset)), earned));
        }
    }
    let summed = room.records().filter(|record| assets.contains(&record.quote));
    summed.map(|record| (record.id, record.quote)).collect()
}

fn of_trade(backend: &dyn Backend, now: Timestamp, markets: &[(MarketId, Asset)], figures: &mut Figures) {
    let mut traded: BTreeMap<Asset, u128> = BTreeMap::new();
    for (market, quote) in markets {
        let read = backend.read(&mut |state, _, _| {
            let day = tape(state, *market)?.day(present(state, now.millis()));
            let sum = traded.entry(*quote).or_default();
            *sum = sum.saturating_add(day.map_or(0, |day| day.total.quote));
            Ok(())
        });
        if let Err(problem) = read {
            // A sum without one of its markets would be a wrong one.
            tracing::debug!(%problem, "what was traded could not be sampled");
            return;
        }
    }
    figures.extend(traded.into_iter().map(|(asset, sum)| ((Series::Traded, Some(asset)), amount(sum))));
}
