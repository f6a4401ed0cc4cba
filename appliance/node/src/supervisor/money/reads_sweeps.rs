//! What consolidation and gas workers read and say: what lies on deposit addresses, the plans, prices, marks and gas.

use std::collections::BTreeMap;

use exchequer_domain::{Network, WorkerKind};
use exchequer_state::custody::{self, Keyed, WalletId, WalletRole};
use exchequer_state::gas::{LOANS_MAX, Loan, STATIONS_MAX};
use exchequer_state::ledger::Asset;
use exchequer_state::networks::Operation;
use exchequer_state::settings::{Scope, Typed, schema};
use exchequer_state::sweeps::{Holding, HoldingKey, SweepId, SweepPlan, SweepStatus};
use exchequer_state::withdrawals::{Errand, Lent, Move, PRICE_AGE_MAX, Payer, STAKE_SUN_MIN, Stake, in_flight_max};
use exchequer_state::{
    Body, ExplainSweeps, Halt, NoteGas, PlanSweeps, Rows, State, SweepVerdict, WISHES_AT_ONCE_MAX, Wish, WishedSweep,
};
use exchequer_workers::money::{proto, words};
use tonic::Status;

use super::reads::{coin, halted};
use super::{Caller, Door, only, unreadable};
use crate::supervisor::ground::Ground;
use crate::supervisor::launch::Launcher;

/// Holdings of one answer.
const HOLDINGS_MAX: u32 = 1_000;
/// Plans of one answer: more wait until these are done with.
const PLANS_MAX: usize = 1_000;
/// Coins of one answer.
const COINS_MAX: usize = 2_000;
/// Plans that are over among which failures are looked for.
const OVER_LOOKED_AT: usize = 1_000;
/// How the reason of a plan begins that was given up before anything was done.
const GIVEN_UP: &str = "not swept:";
/// Millionths of a dollar.
const USD_MICROS: u64 = 1_000_000;

impl<G: Ground, L: Launcher> Door<G, L> {
    pub(crate) fn read_sweeps(
        &self,
        caller: Caller,
        asked: &proto::SweepsRequest,
    ) -> Result<proto::SweepsReply, Status> {
        let network = only(caller, &[WorkerKind::Consolidation, WorkerKind::Gas])?;
        let now = self.ground().now();
        let most = usize::try_from(asked.holdings.min(HOLDINGS_MAX)).unwrap_or(0);
        let after = asked.after.map(|key| HoldingKey { network, index: key.index, asset: Asset(key.asset) });
        let told = self.read(caller, |state, rows| {
            let failures = failures(state, rows, network)?;
            let about = About { state, rows, network, now: now.0, failures: &failures };
            let held = if most == 0 { Vec::new() } else { state.holdings(rows, network, after, most)? };
            let holdings = held.iter().map(|one| about.holding(one)).collect::<Result<Vec<_>, Halt>>()?;
            let plans = state.sweeps().plans(network).take(PLANS_MAX);
            let plans = plans.map(|one| about.plan(one)).collect::<Result<Vec<_>, Halt>>()?;
            let usd_for = |of: &Typed<i64>, scope: &Scope| {
                u64::try_from(state.settings().get_for(of, scope)).unwrap_or(0).saturating_mul(USD_MICROS)
            };
            let usd = |of: &Typed<i64>| usd_for(of, &Scope::network(network));
            let min = usd(&schema::SWEEPS_MIN_USD);
            let min_of = |asset: Asset| {
                let usd_micros = usd_for(&schema::SWEEPS_MIN_USD, &Scope::asset(asset, Some(network)));
                (usd_micros != min).then_some(proto::SweepMinimum { asset: asset.0, usd_micros })
            };
            let fresh = |asset: Asset| {
                let price = state.custody().price(asset).filter(|price| now.since(price.at) <= PRICE_AGE_MAX)?;
                Some(proto::ReferencePrice { asset: asset.0, usd_micros: price.usd_micros })
            };
            let listed = || state.custody().listings().filter(|listing| listing.network == network);
            let book = state.gas().book(network);
            let may = state.may_on(network, Operation::Sweep);
            let moves = state.withdrawals().moves(network).filter_map(|payout| payout.errand.moves());
            Ok::<_, Halt>(proto::SweepsReply {
                more: held.len() == most && most > 0,
                holdings,
                plans,
                prices: listed().filter_map(|listing| fresh(listing.asset)).collect(),
                min_usd_micros: min,
                minimums: listed().filter_map(|listing| min_of(listing.asset)).collect(),
                hot_low_usd_micros: usd(&schema::SWEEPS_HOT_LOW_USD),
                hot_target_usd_micros: usd(&schema::SWEEPS_HOT_TARGET_USD),
                gas_budget_usd_micros: usd(&schema::GAS_BUDGET_USD_DAY),
                gas_hot_threshold_usd_micros: usd(&schema::GAS_HOT_THRESHOLD_USD),
                gas_hot_cap_usd_micros: usd(&schema::GAS_HOT_CAP_USD),
                fee_gate: book.and_then(|book| book.gate()).map(|gate| gate.to_string()),
                topped_today: book.map_or(0, |book| book.today(now)).to_string(),
                sweeps: may.is_ok(),
                why_not: may.err().map(|why| why.to_string()).unwrap_or_default(),
                now_us: now.0,
                stations: stations(state, rows, network)?,
                moves: moves.map(move_of).collect(),
                coins: if most > 0 { coins(state, rows, network)? } else { Vec::new() },
                loans: book.map_or(&[][..], |book| book.loans()).iter().map(|one| loan_of(state, one)).collect(),
                frozen_sun: book.map_or(0, |book| book.frozen()),
                staking: state.withdrawals().is_staking(network),
                halted: state.withdrawals().halted_stakes(network).map(str::to_owned).collect(),
                lend: state.settings().get_for(&schema::GAS_LEND, &Scope::network(network)),
                stake_sun: u64::try_from(state.settings().get_for(&schema::GAS_STAKE_TRX, &Scope::network(network)))
                    .unwrap_or(0)
                    .saturating_mul(STAKE_SUN_MIN),
            })
        })?;
        told.map_err(halted)
    }
}

/// What holdings are told with.
struct About<'a> {
    state: &'a State,
    rows: &'a dyn Rows,
    network: Network,
    now: u64,
    failures: &'a BTreeMap<HoldingKey, (u32, u64)>,
}

impl About<'_> {
    fn holding(&self, one: &Holding) -> Result<proto::Holding, Halt> {
        let (state, rows, network) = (self.state, self.rows, self.network);
        let mut told = proto::Holding {
            of: Some(proto::HoldingKey { index: one.key.index, asset: one.key.asset.0 }),
            available: one.available().to_string(),
            since_us: one.since.0,
            told: one.told.as_ref().map(|told| told.why.clone()).unwrap_or_default(),
            waiting: one.waiting(),
            ..proto::Holding::default()
        };
        (told.failures, told.failed_us) = self.failures.get(&one.key).copied().unwrap_or_default();
        let Some(index) = one.key.index else { return Ok(told) };
        let pooled = custody::given_addresses(rows, network.family(), index, 1)?;
        let pooled = pooled.first().filter(|(found, _)| *found == index);
        let Some((_, pooled)) = pooled else { return Ok(proto::Holding { held: true, ..told }) };
        told.address = pooled.address.to_string();
        told.held = state.is_address_held(rows, network, index)?;
        let top_ups = state.gas().top_ups(network, &pooled.address, exchequer_domain::Timestamp(self.now));
        told.top_ups = u32::try_from(top_ups).unwrap_or(u32::MAX);
        let wallet = state.custody().wallets_of(network, WalletRole::Deposit).next();
        if let Some(wallet) = wallet {
            let lane = state.lane(rows, network, Payer { wallet: wallet.id, index })?.unwrap_or_default();
            told.next = lane.next;
            told.gaps = lane.gaps.into_iter().collect();
        }
        Ok(told)
    }

    fn plan(&self, one: &SweepPlan) -> Result<proto::SweepPlan, Halt> {
        let holding = self.state.holding(self.rows, one.of)?;
        let holding = holding.as_ref().map(|holding| self.holding(holding)).transpose()?;
        // Of coins as a whole nothing may have been said yet.
        let of = proto::HoldingKey { index: one.of.index, asset: one.of.asset.0 };
        let nothing = || proto::Holding { of: Some(of), available: "0".to_owned(), ..proto::Holding::default() };
        let gas = match &one.status {
            SweepStatus::NeedsGas { amount } => *amount,
            SweepStatus::GasPending { .. }
            | SweepStatus::Ready
            | SweepStatus::Sweeping { .. }
            | SweepStatus::Done { .. }
            | SweepStatus::Failed { .. } => 0,
        };
        Ok(proto::SweepPlan {
            id: one.id.0,
            status: one.status.stage().as_str().to_owned(),
            gas: gas.to_string(),
            holding: Some(holding.unwrap_or_else(nothing)),
            moved_us: one.moved.0,
        })
    }
}

/// Of each holding how many of its latest plans came to nothing once they were carried out, one after the other, and when the
/// last one did; as far as the latest plans of the exchange tell.
fn failures(state: &State, rows: &dyn Rows, network: Network) -> Result<BTreeMap<HoldingKey, (u32, u64)>, Halt> {
    let before = SweepId(state.sweeps().last().0.saturating_add(1));
    let mut counted: BTreeMap<HoldingKey, (u32, u64, bool)> = BTreeMap::new();
    for plan in state.sweeps_over(rows, before, OVER_LOOKED_AT)? {
        if plan.of.network != network {
            continue;
        }
        let (count, last, is_over) = counted.entry(plan.of).or_default();
        match &plan.status {
            SweepStatus::Failed { why } if why.starts_with(GIVEN_UP) => {}
            SweepStatus::Failed { .. } if !*is_over => {
                *count += 1;
                *last = (*last).max(plan.moved.0);
            }
            _ => *is_over = true,
        }
    }
    Ok(counted.into_iter().map(|(key, (count, last, _))| (key, (count, last))).collect())
}

/// The nonces of the addresses that gas is paid from: of gas wallets, and of hot ones where there is none.
fn stations(state: &State, rows: &dyn Rows, network: Network) -> Result<Vec<proto::Lane>, Halt> {
    let of = |role| state.custody().wallets_of(network, role);
    let role = if of(WalletRole::Gas).next().is_some() { WalletRole::Gas } else { WalletRole::Hot };
    let mut lanes = Vec::new();
    for wallet in of(role) {
        for own in wallet.addresses.iter().filter(|own| !own.change) {
            let payer = Payer { wallet: wallet.id, index: own.index };
            let lane = state.lane(rows, network, payer)?.unwrap_or_default();
            let in_flight = state.withdrawals().in_flight(network, payer);
            let free = in_flight_max(role, network).saturating_sub(in_flight);
            lanes.push(proto::Lane {
                payer: Some(proto::Payer { wallet: payer.wallet.0, index: payer.index }),
                next: lane.next,
                gaps: lane.gaps.into_iter().collect(),
                in_flight: u32::try_from(in_flight).unwrap_or(u32::MAX),
                free: u32::try_from(free).unwrap_or(u32::MAX),
            });
        }
    }
    Ok(lanes)
}

fn loan_of(state: &State, one: &Loan) -> proto::Loan {
    let lent = proto::Lent { to: one.to.to_string(), to_index: one.to_index, sun: one.sun, plan: None };
    proto::Loan {
        payer: Some(proto::Payer { wallet: one.payer.wallet.0, index: one.payer.index }),
        lent: Some(lent),
        stage: one.stage.as_str().to_owned(),
        since_us: one.since.0,
        stopped: state.withdrawals().is_stopped(one),
    }
}

fn move_of(one: &Move) -> proto::Move {
    proto::Move {
        asset: one.asset.0,
        coin: words::of_coin(one.coin.as_ref()),
        to: one.to.to_string(),
        on_chain: one.on_chain.to_string(),
        amount: one.amount.to_string(),
        plan: one.plan.map(|plan| plan.0),
        to_index: one.to_index,
    }
}

/// Coins on deposit addresses whose deposits are final and somebody's.
fn coins(state: &State, rows: &dyn Rows, network: Network) -> Result<Vec<proto::Coin>, Halt> {
    if network.family() != exchequer_domain::Family::Bitcoin {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    let mut after = None;
    while found.len() < COINS_MAX {
        let page = state.cold_coins(rows, network, after, COINS_MAX)?;
        let Some(last) = page.last() else { break };
        after = Some(last.outpoint);
        let free = page.iter().filter(|one| one.deposit.is_some() && matches!(one.keyed, Keyed::Deposit(_)));
        found.extend(free.map(coin));
    }
    found.truncate(COINS_MAX);
    Ok(found)
}

fn bounded(found: usize) -> Result<(), Status> {
    let fits = (1..=WISHES_AT_ONCE_MAX).contains(&found);
    if fits { Ok(()) } else { Err(Status::invalid_argument(format!("1 to {WISHES_AT_ONCE_MAX} are taken at once"))) }
}

fn key(of: Option<proto::HoldingKey>) -> Result<(Option<u32>, Asset), Status> {
    let of = of.ok_or_else(|| Status::invalid_argument("what it is about is missing"))?;
    Ok((of.index, Asset(of.asset)))
}

/// What is wanted with what lies on addresses.
pub(super) fn plan(network: Network, message: proto::PlanSweeps) -> Result<Body, Status> {
    bounded(message.plans.len())?;
    let wish = |one: proto::Planned| {
        let (index, asset) = key(one.of)?;
        let gas = words::amount(&one.gas).map_err(unreadable)?;
        let wish = match (one.drop, gas) {
            (true, _) => Wish::Drop,
            (false, 0) => Wish::Sweep,
            (false, amount) => Wish::Gas { amount },
        };
        Ok::<_, Status>(WishedSweep { index, asset, wish, why: one.why })
    };
    let wishes = message.plans.into_iter().map(wish).collect::<Result<_, _>>()?;
    Ok(Body::PlanSweeps(PlanSweeps { network, wishes }))
}

/// Why things are not swept.
pub(super) fn explain(network: Network, message: proto::ExplainSweeps) -> Result<Body, Status> {
    bounded(message.verdicts.len())?;
    let verdict = |one: proto::Explained| {
        let (index, asset) = key(one.of)?;
        Ok::<_, Status>(SweepVerdict { index, asset, why: one.why })
    };
    let verdicts = message.verdicts.into_iter().map(verdict).collect::<Result<_, _>>()?;
    Ok(Body::ExplainSweeps(ExplainSweeps { network, verdicts }))
}

/// What gas is, and what there is of it.
pub(super) fn note_gas(network: Network, message: &proto::NoteGas) -> Result<Body, Status> {
    if message.stations.len() > STATIONS_MAX {
        return Err(Status::invalid_argument(format!("{STATIONS_MAX} stations are told at once")));
    }
    let station = |one: &proto::note_gas::Station| {
        Ok::<_, Status>((WalletId(one.wallet), one.index, words::amount(&one.balance).map_err(unreadable)?))
    };
    let stations = message.stations.iter().map(station).collect::<Result<_, _>>()?;
    let fee = words::amount(&message.fee).map_err(unreadable)?;
    if message.loans.len() > LOANS_MAX || message.strays.len() > STATIONS_MAX {
        return Err(Status::invalid_argument(format!("{LOANS_MAX} loans and {STATIONS_MAX} stakes are told at once")));
    }
    let seen = |one: &proto::note_gas::Seen| Ok::<_, Status>((words::address(&one.to).map_err(unreadable)?, one.there));
    let loans = message.loans.iter().map(seen).collect::<Result<_, _>>()?;
    let stray = |one: &proto::note_gas::Stray| {
        let payer = one.payer.ok_or_else(|| Status::invalid_argument("whose stake it is is missing"))?;
        Ok::<_, Status>((Payer { wallet: WalletId(payer.wallet), index: payer.index }, one.sun))
    };
    let strays = message.strays.iter().map(stray).collect::<Result<_, _>>()?;
    Ok(Body::NoteGas(NoteGas { network, fee, stations, loans, strays }))
}

/// What is done with stake.
fn stake(message: proto::Stake) -> Result<Stake, Status> {
    use proto::stake::Deed;
    let lent = |one: proto::Lent| {
        let to = words::address(&one.to).map_err(unreadable)?;
        Ok::<_, Status>(Lent { to, to_index: one.to_index, sun: one.sun, plan: one.plan.map(SweepId) })
    };
    Ok(match message.deed.ok_or_else(|| Status::invalid_argument("what is done with stake is missing"))? {
        Deed::Freeze(sun) => Stake::Freeze { sun },
        Deed::Unfreeze(sun) => Stake::Unfreeze { sun },
        Deed::Collect(_) => Stake::Collect,
        Deed::Lend(one) => Stake::Lend(lent(one)?),
        Deed::TakeBack(one) => Stake::TakeBack(lent(one)?),
    })
}

/// What a payout is for.
pub(super) fn errand(message: Option<proto::prepare_payout::Errand>) -> Result<Errand, Status> {
    use proto::prepare_payout::Errand as Message;
    let read = |one: &proto::Move| {
        Ok::<_, Status>(Move {
            asset: Asset(one.asset),
            coin: words::coin(&one.coin).map_err(unreadable)?,
            to: words::address(&one.to).map_err(unreadable)?,
            to_index: one.to_index,
            on_chain: words::amount(&one.on_chain).map_err(unreadable)?,
            amount: words::amount(&one.amount).map_err(unreadable)?,
            plan: one.plan.map(SweepId),
        })
    };
    Ok(match message {
        None => Errand::Withdrawals,
        Some(Message::Sweep(one)) => Errand::Sweep(read(&one)?),
        Some(Message::TopUp(one)) => Errand::TopUp(read(&one)?),
        Some(Message::Stake(one)) => Errand::Stake(stake(one)?),
    })
}
