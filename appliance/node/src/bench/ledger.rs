//! `exchequer bench ledger`: durable transfers a second, as the workload LEDGER-1 asks for them.
//!
//! Accounts are made before the clock starts. Every transfer has a name of its own that ascends with time, a debit account
//! drawn evenly or by Zipf's law, another credit account drawn evenly, and an amount from 1 to 1,000; two in a hundred
//! repeat one that was sent before and must be told from a new one.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use exchequer_domain::{Code, Problem};
use exchequer_state::ledger::{self, AccountId, AccountKey, Asset, Cause, Holder, Leg, OpenAccount, Reason, Transfer};
use exchequer_state::{Body, CreateAsset, CreateUsers, Done, OpenAccounts, Outcome, PostTransfers};
use parking_lot::Mutex;
use rand::rngs::SmallRng;
use rand::{RngExt as _, SeedableRng as _};

use super::load::{Door, Failure, Load, Measured, Put, Running};
use super::meters::{Meters, written_by};
use super::way::Way;
use super::{CONNECTIONS_MAX, cluster, doors, fresh, mode_text};
use crate::cli::{BenchMode, Distribution, LedgerBenchArgs, LedgerBenchReport, Mix};

/// How many accounts are opened at once.
const OPENED_AT_ONCE: u32 = 4_000;
/// How many transfers are remembered to be repeated.
const RECENT: usize = 1_000;
/// One in so many transfers repeats another one.
const REPEATS_ONE_IN: u32 = 50;
/// The exponent of Zipf's law.
const ZIPF: f64 = 1.01;

/// What transfers are made of.
struct Workload {
    random: SmallRng,
    accounts: Arc<Accounts>,
    mix: Mix,
    recent: Vec<Transfer>,
    sent: u64,
}

/// Whose money moves.
struct Accounts {
    ids: Vec<AccountId>,
    /// Of each account, how much of all debits it and those before it have; empty where all have the same.
    share: Vec<f64>,
}

impl Accounts {
    fn new(ids: Vec<AccountId>, distribution: Distribution) -> Accounts {
        let weights = (1..=ids.len()).map(|rank| (rank as f64).powf(-ZIPF));
        let mut sum = 0.0;
        let share: Vec<f64> = match distribution {
            Distribution::Uniform => Vec::new(),
            Distribution::Zipf => weights
                .inspect(|weight| sum += weight)
                .scan(0.0, |total, weight| {
                    *total += weight;
                    Some(*total)
                })
                .collect(),
        };
        let whole = share.last().copied().unwrap_or(1.0);
        Accounts { ids, share: share.into_iter().map(|share| share / whole).collect() }
    }

    fn even(&self, random: &mut SmallRng) -> AccountId {
        self.ids.get(random.random_range(0..self.ids.len().max(1))).copied().unwrap_or(AccountId(0))
    }

    fn debit(&self, random: &mut SmallRng) -> AccountId {
        if self.share.is_empty() {
            return self.even(random);
        }
        let drawn: f64 = random.random_range(0.0..1.0);
        let place = self.share.partition_point(|share| *share < drawn);
        self.ids.get(place).or(self.ids.last()).copied().unwrap_or(AccountId(0))
    }
}

impl Workload {
    fn next(&mut self) -> Transfer {
        if !self.recent.is_empty() && self.random.random_range(0..REPEATS_ONE_IN) == 0 {
            let place = self.random.random_range(0..self.recent.len());
            if let Some(again) = self.recent.get(place) {
                return again.clone();
            }
        }
        let debit = self.accounts.debit(&mut self.random);
        let mut credit = self.accounts.even(&mut self.random);
        while credit == debit {
            credit = self.accounts.even(&mut self.random);
        }
        let amount = self.random.random_range(1..=1_000);
        self.sent += 1;
        let leg = match self.mix {
            Mix::Hold if self.sent.is_multiple_of(2) => Leg::Hold { debit, credit, amount, expires: None },
            Mix::Hold | Mix::Post => Leg::Post { debit, credit, amount },
        };
        let mut reference = [0; 32];
        reference[31] = 1;
        let cause = Cause { reason: Reason::Internal, actor: ledger::Actor::System, reference };
        // A UUID of version 7: names that ascend with time are cheapest for the ledger.
        let millis = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let drawn = u128::from(self.random.random_range(0..1_u64 << 62));
        let id = ledger::TransferId(millis << 80 | 7 << 76 | 2 << 62 | drawn);
        let transfer = Transfer { id, legs: leg.into(), cause, note: None };
        if self.recent.len() < RECENT {
            self.recent.push(transfer.clone());
        } else if let Some(place) = self.recent.get_mut((self.sent as usize) % RECENT) {
            place.clone_from(&transfer);
        }
        transfer
    }
}

/// A door through which only transfers go.
struct TransferDoor {
    way: Way,
    workload: Mutex<Workload>,
}

impl Door for TransferDoor {
    /// Posts as many transfers as there are `puts`, which are otherwise not looked at.
    async fn write(&self, puts: Vec<Put>) -> Result<(), Failure> {
        let transfers: Vec<Transfer> = {
            let mut workload = self.workload.lock();
            puts.iter().map(|_| workload.next()).collect()
        };
        let count = transfers.len();
        let outcomes = self.way.submit(Body::PostTransfers(PostTransfers { transfers })).await?;
        let good = |outcome: &ledger::Outcome| {
            matches!(outcome, ledger::Outcome::Done(ledger::Done::Posted { .. } | ledger::Done::Exists { .. }))
        };
        match outcomes.first().map(|bytes| Outcome::decode(bytes)) {
            Some(Ok(Outcome::Done(Done::Transfers(outcomes)))) if outcomes.len() == count => {
                match outcomes.iter().find(|outcome| !good(outcome)) {
                    None => Ok(()),
                    Some(other) => Err(Failure::Refused(format!("a transfer was not posted: {other:?}"))),
                }
            }
            other => Err(Failure::Refused(format!("the transfers have no outcomes: {other:?}"))),
        }
    }
}

/// Makes an asset, users and their accounts.
async fn accounts(way: &Way, count: u32) -> Result<Vec<AccountId>, Problem> {
    let unexpected = || Problem::new(Code::Internal, "the bench cannot be prepared: a command had another effect");
    let code = format!("B{}", u64::from_le_bytes(fresh()?) % 1_000_000_000_000_000);
    let reason = "bench".to_owned();
    let asset = CreateAsset { code, decimals: 0, name: "Bench".to_owned(), reason };
    let Done::AssetCreated { asset } = way.does(Body::CreateAsset(asset)).await? else { return Err(unexpected()) };
    let mut ids = Vec::with_capacity(count as usize);
    while (ids.len() as u32) < count {
        let count = (count - ids.len() as u32).min(OPENED_AT_ONCE);
        let users = CreateUsers { count, kyc_level: 0, fee_tier: 0 };
        let Done::UsersCreated { first, .. } = way.does(Body::CreateUsers(users)).await? else {
            return Err(unexpected());
        };
        let open = (first.0..).take(count as usize).map(|customer| account(customer, asset));
        let open = OpenAccounts { accounts: open.collect() };
        let Done::Accounts(outcomes) = way.does(Body::OpenAccounts(open)).await? else { return Err(unexpected()) };
        for outcome in outcomes {
            let ledger::Outcome::Done(ledger::Done::AccountOpened { account }) = outcome else {
                return Err(unexpected());
            };
            ids.push(account);
        }
    }
    Ok(ids)
}

fn account(customer: u64, asset: Asset) -> OpenAccount {
    let holder = Holder::Customer { customer, sub_account: 0 };
    OpenAccount { key: AccountKey { holder, asset }, overdraft: true }
}

/// Loads a running sandbox cluster with transfers.
///
/// # Errors
/// The cluster cannot be reached, or acknowledged nothing at all.
pub async fn ledger(args: &LedgerBenchArgs) -> Result<LedgerBenchReport, Problem> {
    let target = cluster::find(&args.client).await?;
    let made = accounts(&Way::new(BenchMode::Unary, &target, 0)?, args.accounts).await?;
    let meters = Meters::new(&target)?;
    let shared = Arc::new(Accounts::new(made, args.distribution));
    let callers = args.callers as usize;
    let connections = match args.mode {
        BenchMode::Unary => callers.min(CONNECTIONS_MAX),
        BenchMode::Stream => (args.streams as usize).min(callers),
    };
    let doors = doors(connections, |number| {
        let way = Way::new(args.mode, &target, number)?;
        let random = SmallRng::seed_from_u64(number as u64);
        let workload = Workload { random, accounts: shared.clone(), mix: args.mix, recent: Vec::new(), sent: 0 };
        Ok(TransferDoor { way, workload: Mutex::new(workload) })
    })?;
    let batch = args.batch as usize;
    let load = Load { writers: callers, batch, value_bytes: 1, keys: u64::MAX, fill: false };
    let running = Running::start(&doors, &load);
    tokio::time::sleep(args.warm_up).await;
    let written = || written_by(&args.server_pids);
    let (before, bytes) = (meters.read().await, written());
    let measured = running.measure(args.duration, &args.server_pids).await;
    let (bytes, syncs) = (written().saturating_sub(bytes), meters.read().await.syncs(&before));
    running.stop().await;
    if measured.writes == 0 {
        let why = measured.first_failure.unwrap_or_else(|| "nothing failed either".to_owned());
        return Err(Problem::new(Code::Unreachable, format!("not one transfer was acknowledged: {why}")));
    }
    Ok(report(args, &measured, bytes, syncs))
}

fn report(args: &LedgerBenchArgs, measured: &Measured, bytes: u64, syncs: f64) -> LedgerBenchReport {
    let (seconds, transfers) = (measured.measured_us.max(1) as f64 / 1e6, measured.writes.max(1) as f64);
    let servers: f64 = measured.server_cpu.iter().map(|cpu| cpu.total_s()).sum();
    LedgerBenchReport {
        mode: mode_text(args.mode),
        callers: args.callers,
        batch: args.batch,
        measured_us: measured.measured_us,
        transfers: measured.writes,
        failed: measured.refused,
        unknown: measured.unknown,
        first_failure: measured.first_failure.clone(),
        transfers_per_second: measured.writes_per_second(),
        latency: measured.latency.into(),
        client_cpu: measured.client_cpu.total_s() / seconds,
        server_cpu: measured.server_cpu.iter().map(|cpu| cpu.total_s() / seconds).collect(),
        server_us_per_transfer: servers * 1e6 / transfers,
        server_bytes_per_transfer: bytes as f64 / transfers,
        syncs_per_transfer: syncs / transfers,
    }
}
