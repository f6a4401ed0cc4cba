//! `exchequer bench load`: fills a sandbox cluster with an exchange of full size: users, balances and open orders.
//!
//! What it makes depends on its arguments alone, apart from the names of assets and markets, which are new at each run:
//! every user gets the same amount of every asset, and orders go round users, markets, sides and prices in turn. Asks are
//! above the middle and bids below it, so that all of them rest.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use exchequer_domain::{Code, Problem, UserId};
use exchequer_state::ledger::{self, AccountId, AccountKey, Asset, Cause, Holder, Leg, OpenAccount, Reason, Transfer};
use exchequer_state::markets::{Ask, ClientOrderId, MarketId, Step};
use exchequer_state::matching::{Fees, Filters, Life, Lots, PhaseChange, SelfTrade, Side, Ticks};
use exchequer_state::{
    Body, CreateAsset, CreateMarket, CreateUsers, Done, OpenAccounts, OrderSpec, Outcome, PlaceOrder, PostTransfers,
    SetMarketPhase,
};
use indicatif::ProgressBar;
use tokio::task::JoinSet;

use super::gateway::StreamDoor;
use super::load::Failure;
use super::{CONNECTIONS_MAX, cluster, doors, fresh, process};
use crate::cli::{LoadBenchArgs, LoadBenchReport};

/// How many accounts are opened, and credited, by one command.
const ACCOUNTS_AT_ONCE: u32 = 8_000;
/// How many orders go in one request; each is a command of its own.
const ORDERS_AT_ONCE: u64 = 500;
/// What every user gets of every asset, in minor units; an order takes a few thousandths of it at most.
const FUNDS: u128 = 1_000_000_000_000;
/// Between the highest bid and the lowest ask.
const MIDDLE_TICKS: u64 = 1_000_000;
/// Prices of each side of a book.
const LEVELS: u64 = 20_000;
/// Largest quantity of an order.
const LOTS_MAX: u64 = 1_000;
/// How often a request that was refused, or whose answer was lost, is sent again under the same ids, and how long after.
const ATTEMPTS_MAX: u32 = 100;
const PAUSE: Duration = Duration::from_millis(100);

/// The commands of the load, through one stream of several.
struct Loader {
    doors: Vec<Arc<StreamDoor>>,
    /// Requests that were sent again.
    again: AtomicU64,
    progress: ProgressBar,
}

fn failed(why: String) -> Problem {
    Problem::new(Code::Internal, format!("the load ended in the middle: {why}"))
        .hint("what was loaded stays; begin again with a new cluster where the numbers have to be exact")
}

impl Loader {
    /// Has the commands carried out, each of which has to take effect.
    async fn does(&self, worker: usize, bodies: Vec<Body>) -> Result<Vec<Done>, Problem> {
        let door = self.doors.get(worker % self.doors.len().max(1)).ok_or_else(|| failed("there is no door".into()))?;
        let request = door.request(bodies);
        let mut attempts = 1;
        let outcomes = loop {
            match door.send(request.clone()).await {
                Ok(outcomes) => break outcomes,
                // Whoever took it before, it takes effect once.
                Err(_) if attempts < ATTEMPTS_MAX => {
                    attempts += 1;
                    self.again.fetch_add(1, Ordering::Relaxed);
                    tokio::time::sleep(PAUSE).await;
                }
                Err(Failure::Refused(why) | Failure::Unknown(why)) => return Err(failed(why)),
            }
        };
        let done = |outcome: &bytes::Bytes| match Outcome::decode(outcome) {
            Ok(Outcome::Done(done)) => Ok(done),
            other => Err(failed(format!("{other:?}"))),
        };
        outcomes.iter().map(done).collect()
    }

    /// One command that has to take effect.
    async fn one(&self, worker: usize, body: Body) -> Result<Done, Problem> {
        let mut done = self.does(worker, vec![body]).await?;
        done.pop().ok_or_else(|| failed("a command had no outcome".into()))
    }

    /// As many users as can get all their accounts by one command, with these accounts and money on them.
    async fn users(&self, worker: usize, count: u32, world: &World) -> Result<Range<u64>, Problem> {
        let users = CreateUsers { count, kyc_level: 1, fee_tier: 0 };
        let Done::UsersCreated { first, count } = self.one(worker, Body::CreateUsers(users)).await? else {
            return Err(failed("users were not created".into()));
        };
        let users = first.0..first.0 + u64::from(count);
        let account = |user, asset| OpenAccount {
            key: AccountKey { holder: Holder::Customer { customer: user, sub_account: 0 }, asset },
            overdraft: false,
        };
        let open = users.clone().flat_map(|user| world.assets.iter().map(move |asset| account(user, *asset)));
        let accounts = opened(self.one(worker, Body::OpenAccounts(OpenAccounts { accounts: open.collect() })).await?)?;
        let debits = world.equity.iter().cycle();
        let credit =
            |(account, equity): (AccountId, &AccountId)| Leg::Post { debit: *equity, credit: account, amount: FUNDS };
        let legs: Vec<Leg> = accounts.into_iter().zip(debits).map(credit).collect();
        let posted = legs.len();
        let transfers = world.transfers(legs);
        let Done::Transfers(outcomes) = self.one(worker, Body::PostTransfers(PostTransfers { transfers })).await?
        else {
            return Err(failed("money was not credited".into()));
        };
        let good = |outcome: &ledger::Outcome| matches!(outcome, ledger::Outcome::Done(ledger::Done::Posted { .. }));
        match outcomes.iter().find(|outcome| !good(outcome)) {
            Some(other) => Err(failed(format!("a transfer was not posted: {other:?}"))),
            None if outcomes.len() == posted => Ok(users),
            None => Err(failed("a transfer had no outcome".into())),
        }
    }

    /// Enters a number of orders, all of which have to rest.
    async fn orders(&self, worker: usize, orders: Range<u64>, world: &World) -> Result<(), Problem> {
        let bodies: Vec<Body> = orders.clone().filter_map(|number| world.order(number)).collect();
        let placed = self.does(worker, bodies).await?;
        let rests = |done: &Done| match done {
            Done::Traded(traded) => traded.orders.iter().all(|order| order.status.is_open()) && traded.fills.is_empty(),
            _ => false,
        };
        match placed.iter().find(|done| !rests(done)) {
            Some(other) => Err(failed(format!("an order does not rest: {other:?}"))),
            None => Ok(()),
        }
    }
}

fn opened(done: Done) -> Result<Vec<AccountId>, Problem> {
    let Done::Accounts(outcomes) = done else { return Err(failed("accounts were not opened".into())) };
    let account = |outcome| match outcome {
        ledger::Outcome::Done(ledger::Done::AccountOpened { account }) => Ok(account),
        other => Err(failed(format!("an account was not opened: {other:?}"))),
    };
    outcomes.into_iter().map(account).collect()
}

/// What the load is made of.
struct World {
    assets: Vec<Asset>,
    /// Where the money comes from, of each asset.
    equity: Vec<AccountId>,
    markets: Vec<MarketId>,
    /// The users, when they are there.
    users: Vec<Range<u64>>,
    /// Transfers that were named.
    named: AtomicU64,
}

impl World {
    /// Makes assets, the accounts that money comes from, and a market between the first asset and each other one.
    async fn make(loader: &Loader, assets: u32) -> Result<World, Problem> {
        let tag = format!("L{:06}", u64::from_le_bytes(fresh()?) % 1_000_000);
        let reason = || "bench load".to_owned();
        let letters: Vec<char> = ('A'..='Z').take(assets as usize).collect();
        let mut world = World {
            assets: Vec::new(),
            equity: Vec::new(),
            markets: Vec::new(),
            users: Vec::new(),
            named: AtomicU64::new(0),
        };
        for letter in &letters {
            let asset =
                CreateAsset { code: format!("{tag}{letter}"), decimals: 0, name: "Load".into(), reason: reason() };
            let Done::AssetCreated { asset } = loader.one(0, Body::CreateAsset(asset)).await? else {
                return Err(failed("an asset was not created".into()));
            };
            world.assets.push(asset);
            let key = AccountKey { holder: Holder::Equity, asset };
            let open = OpenAccounts { accounts: vec![OpenAccount { key, overdraft: true }] };
            world.equity.extend(opened(loader.one(0, Body::OpenAccounts(open)).await?)?);
        }
        let (Some(quote), step) = (world.assets.first().copied(), Step { units: 1, decimals: 0 }) else {
            return Err(failed("there is no asset".into()));
        };
        for (base, letter) in world.assets.iter().zip(&letters).skip(1) {
            let market = CreateMarket {
                symbol: format!("{tag}{letter}A"),
                base: *base,
                quote,
                tick: step,
                lot: step,
                fees: vec![Fees { maker_ppm: 1_000, taker_ppm: 1_000 }],
                filters: Filters::default(),
                reason: reason(),
            };
            let Done::MarketCreated { market } = loader.one(0, Body::CreateMarket(Box::new(market))).await? else {
                return Err(failed("a market was not created".into()));
            };
            let open = SetMarketPhase { market, phase: PhaseChange::Trading, reason: reason() };
            loader.one(0, Body::SetMarketPhase(open)).await?;
            world.markets.push(market);
        }
        Ok(world)
    }

    /// Transfers under names that ascend with time, as UUIDs of version 7 do.
    fn transfers(&self, legs: Vec<Leg>) -> Vec<Transfer> {
        let millis = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let first = self.named.fetch_add(legs.len() as u64, Ordering::Relaxed);
        let mut reference = [0; 32];
        reference[31] = 1;
        let cause = Cause { reason: Reason::Deposit, actor: ledger::Actor::System, reference };
        let name = |number: u64| ledger::TransferId(millis << 80 | 7 << 76 | 2 << 62 | u128::from(number));
        (first..)
            .zip(legs)
            .map(|(number, leg)| Transfer { id: name(number), legs: leg.into(), cause, note: None })
            .collect()
    }

    /// The order with this number, from 0; none where there is nobody or no market.
    fn order(&self, number: u64) -> Option<Body> {
        let count = self.users.iter().map(|users| users.end - users.start).sum::<u64>().max(1);
        let (mut place, round) = (number % count, number / count);
        let users = self.users.iter().find_map(|users| {
            let length = users.end - users.start;
            let found = (place < length).then(|| users.start + place);
            place = place.saturating_sub(length);
            found
        });
        let market = *self.markets.get(((number + round) % self.markets.len().max(1) as u64) as usize)?;
        let turn = number / self.markets.len().max(1) as u64;
        let away = 1 + turn / 2 % LEVELS;
        let (side, price) = match turn % 2 {
            0 => (Side::Buy, MIDDLE_TICKS - away),
            _ => (Side::Sell, MIDDLE_TICKS + away),
        };
        let ask = Ask::Limit {
            price: Ticks(price),
            lots: Lots(1 + number % LOTS_MAX),
            life: Life::Rest { until: None, peak: None, post_only: true },
        };
        let client_id = ClientOrderId::new(&format!("load-{number}"))?;
        let order = OrderSpec { client_id, side, ask, when: None, self_trade: SelfTrade::ExpireTaker };
        Some(Body::PlaceOrder(Box::new(PlaceOrder { user: UserId(users?), market, order })))
    }
}

/// Fills a running sandbox cluster.
///
/// # Errors
/// The cluster cannot be reached, or a command did not take effect: what was loaded until then stays.
pub async fn fill(args: &LoadBenchArgs, progress: &ProgressBar) -> Result<LoadBenchReport, Problem> {
    let target = cluster::find(&args.client).await?;
    let workers = args.in_flight as usize;
    let doors = doors(workers.min(CONNECTIONS_MAX), |number| StreamDoor::new(&target, number))?;
    let loader = Arc::new(Loader { doors, again: AtomicU64::new(0), progress: progress.clone() });
    let mut world = World::make(&loader, args.assets).await?;
    let begun = Instant::now();
    let at_once = ACCOUNTS_AT_ONCE / args.assets.max(1);
    progress.set_message("users with balances");
    progress.set_length(u64::from(args.users));
    let shared = Arc::new(world);
    let parts = parts(u64::from(args.users), u64::from(at_once));
    let made = work(&loader, &shared, workers, parts, async |loader, world, worker, part| {
        let count = u32::try_from(part.end - part.start).unwrap_or(u32::MAX);
        loader.users(worker, count, &world).await
    })
    .await?;
    world = Arc::try_unwrap(shared).map_err(|_| failed("a worker goes on".into()))?;
    let accounts_took = begun.elapsed();
    world.users = made;
    world.users.sort_unstable_by_key(|users| users.start);

    let begun = Instant::now();
    progress.set_message("open orders");
    progress.set_length(args.orders);
    progress.set_position(0);
    let markets = world.markets.len();
    work(
        &loader,
        &Arc::new(world),
        workers,
        self::parts(args.orders, ORDERS_AT_ONCE),
        async |loader, world, worker, part| loader.orders(worker, part, &world).await,
    )
    .await?;
    let orders_took = begun.elapsed();
    progress.finish_and_clear();
    let micros = |took: Duration| u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
    Ok(LoadBenchReport {
        users: args.users,
        balances: u64::from(args.users) * u64::from(args.assets),
        markets: u32::try_from(markets).unwrap_or(u32::MAX),
        orders: args.orders,
        accounts_us: micros(accounts_took),
        orders_us: micros(orders_took),
        sent_again: loader.again.load(Ordering::Relaxed),
        resident_bytes: args.server_pids.iter().map(|pid| process::resident_bytes(*pid)).collect(),
        resident_peak_bytes: args.server_pids.iter().map(|pid| process::resident_peak_bytes(*pid)).collect(),
        disk_bytes: args.data_dirs.iter().map(|folder| process::disk_bytes(Path::new(folder))).collect(),
    })
}

/// `0..count` in parts of at most `size`.
fn parts(count: u64, size: u64) -> Vec<Range<u64>> {
    let size = size.max(1);
    (0..count.div_ceil(size)).map(|part| part * size..((part + 1) * size).min(count)).collect()
}

/// Does all parts, so many at once, each worker on a stream of its own as far as there are streams.
async fn work<T: Send + 'static, F>(
    loader: &Arc<Loader>,
    world: &Arc<World>,
    workers: usize,
    parts: Vec<Range<u64>>,
    each: impl Fn(Arc<Loader>, Arc<World>, usize, Range<u64>) -> F,
) -> Result<Vec<T>, Problem>
where
    F: Future<Output = Result<T, Problem>> + Send + 'static,
{
    let mut running = JoinSet::new();
    let mut made = Vec::with_capacity(parts.len());
    let done = |joined: Result<(u64, Result<T, Problem>), tokio::task::JoinError>| -> Result<T, Problem> {
        let (count, result) = joined.map_err(|error| failed(error.to_string()))?;
        loader.progress.inc(count);
        result
    };
    for (number, part) in parts.into_iter().enumerate() {
        if running.len() >= workers.max(1)
            && let Some(joined) = running.join_next().await
        {
            made.push(done(joined)?);
        }
        let count = part.end - part.start;
        let work = each(loader.clone(), world.clone(), number, part);
        running.spawn(async move { (count, work.await) });
    }
    while let Some(joined) = running.join_next().await {
        made.push(done(joined)?);
    }
    Ok(made)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: parts cover everything once, in order, and none is empty. Method: counts around multiples of the size.
    #[test]
    fn parts_cover_all() {
        for count in [0, 1, 7, 8, 9, 16, 17] {
            let parts = parts(count, 8);
            assert!(parts.iter().all(|part| !part.is_empty() && part.end - part.start <= 8), "{parts:?}");
            assert!(parts.into_iter().flatten().eq(0..count), "{count}");
        }
    }

    /// Goal: orders rest whatever their number, nobody has two of one name, and all users and markets get some. Method: two
    /// rounds of three users over two markets; no bid is as high as any ask.
    #[test]
    fn orders_rest_and_go_round() {
        let world = World {
            assets: Vec::new(),
            equity: Vec::new(),
            markets: vec![MarketId(1), MarketId(2)],
            users: vec![1..3, 9..10],
            named: AtomicU64::new(0),
        };
        let (mut users, mut markets, mut names) = (Vec::new(), Vec::new(), Vec::new());
        for number in (0..12).chain(1_000_000..1_000_012) {
            let Some(Body::PlaceOrder(placed)) = world.order(number) else { panic!("order {number}") };
            let Ask::Limit { price, lots, .. } = placed.order.ask else { panic!("order {number}") };
            match placed.order.side {
                Side::Buy => assert!(price.0 < MIDDLE_TICKS, "order {number}"),
                Side::Sell => assert!(price.0 > MIDDLE_TICKS, "order {number}"),
            }
            assert!(u128::from(price.0 * lots.0) * 100 < FUNDS, "order {number} takes too much");
            users.push(placed.user.0);
            markets.push(placed.market);
            names.push(placed.order.client_id);
        }
        users.sort_unstable();
        users.dedup();
        markets.sort_unstable();
        markets.dedup();
        names.sort_unstable();
        names.dedup();
        assert_eq!((users, markets.len(), names.len()), (vec![1, 2, 9], 2, 24));
        let nobody = World { users: Vec::new(), ..world };
        assert_eq!(nobody.order(0), None);
    }
}
