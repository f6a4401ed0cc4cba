//! What is due: payouts under way, and what is to be paid next.
//!
//! Each kind of worker is told of the payouts of its own errands alone.

use std::collections::BTreeSet;

use exchequer_domain::{Family, Network, WorkerKind};
use exchequer_state::custody::WalletRole;
use exchequer_state::networks::Operation;
use exchequer_state::withdrawals::{
    Claim, Payer, Payout, PayoutId, PayoutStanding, Purpose, Withdrawal, in_flight_max,
};
use exchequer_state::{Halt, State};
use exchequer_workers::money::{proto, words};
use tonic::Status;

use super::reads::halted;
use super::window::{Class, Page};
use super::{Caller, Door, PAYERS, only};
use crate::supervisor::ground::Ground;
use crate::supervisor::launch::Launcher;

/// Queued withdrawals of one answer.
const WITHDRAWALS_MAX: u32 = 1_000;
/// Payouts in blocks of one answer.
const MINED_MAX: u32 = 500;
/// Withdrawals of one answer that others pass.
const PASSED_MAX: usize = 100;

impl<G: Ground, L: Launcher> Door<G, L> {
    pub(crate) fn read_due(&self, caller: Caller, asked: &proto::DueRequest) -> Result<proto::DueReply, Status> {
        let network = only(caller, &PAYERS)?;
        let now_us = self.ground().now().0;
        let wanted = usize::try_from(asked.withdrawals.min(WITHDRAWALS_MAX)).unwrap_or(0);
        let mined_max = usize::try_from(asked.mined.min(MINED_MAX)).unwrap_or(0);
        self.read(caller, |state, _| {
            let room = state.withdrawals();
            let ours = room.payouts(network).filter(|one| worker_of(state, one) == caller.worker.kind);
            let mut pages = [
                Page::new(Class::ToDo, asked.to_do_after, usize::MAX),
                Page::new(Class::Waiting, asked.waiting_after, usize::MAX),
                Page::new(Class::Mined, asked.mined_after, mined_max),
            ];
            let mut payouts = Vec::new();
            for one in ours {
                if pages.iter_mut().any(|page| page.takes(one)) {
                    payouts.push(payout(state, one));
                }
            }
            let [more_to_do, more_waiting, more_mined] = pages.map(|page| page.more);
            let lane = |(payer, role)| {
                let (lane, most) =
                    (room.lane(network, payer).cloned().unwrap_or_default(), in_flight_max(role, network));
                let unmined = room.unmined(network, payer);
                proto::Lane {
                    payer: Some(of_payer(payer)),
                    next: lane.next,
                    gaps: lane.gaps.into_iter().collect(),
                    in_flight: u32::try_from(unmined).unwrap_or(u32::MAX),
                    free: u32::try_from(most.saturating_sub(unmined)).unwrap_or(u32::MAX),
                }
            };
            proto::DueReply {
                payouts,
                withdrawals: if caller.worker.kind == WorkerKind::Withdrawal {
                    queued(state, network, wanted)
                } else {
                    Vec::new()
                },
                lanes: payers(state, network, caller.worker.kind).into_iter().map(lane).collect(),
                now_us,
                settled: state.deposits().chains().get(network).settled,
                more_mined,
                more_to_do,
                more_waiting,
            }
        })
    }

    pub(crate) fn read_attempt_bytes(
        &self,
        caller: Caller,
        asked: &proto::AttemptBytesRequest,
    ) -> Result<proto::AttemptBytesReply, Status> {
        let network = only(caller, &PAYERS)?;
        let id = PayoutId(asked.payout);
        let attempt = u16::try_from(asked.attempt).map_err(|_| Status::invalid_argument("the attempt"))?;
        let bytes = self.read(caller, |state, rows| {
            // Another network's is none of this worker's.
            if state.payout(rows, id)?.is_none_or(|payout| payout.network != network) {
                return Ok(None);
            }
            let unsigned = state.unsigned_bytes(rows, id, attempt)?;
            Ok::<_, Halt>(Some((
                unsigned.unwrap_or_default(),
                state.signed_bytes(rows, id, attempt)?.unwrap_or_default(),
            )))
        })?;
        let bytes = bytes.map_err(halted)?.ok_or_else(|| Status::invalid_argument("there is no such payout here"))?;
        Ok(proto::AttemptBytesReply { unsigned: bytes.0, signed: bytes.1 })
    }
}

/// Which kind of worker a payout is of.
fn worker_of(state: &State, payout: &Payout) -> WorkerKind {
    let role = state.custody().wallet(payout.payer.wallet).map_or(WalletRole::Hot, |wallet| wallet.role);
    payout.errand.worker(role)
}

/// The addresses that a kind of worker pays from, in use. Bitcoin's wallets pay as wholes. Deposit addresses are too many.
fn payers(state: &State, network: Network, kind: WorkerKind) -> Vec<(Payer, WalletRole)> {
    let role = match kind {
        WorkerKind::Withdrawal => WalletRole::Hot,
        WorkerKind::Gas => WalletRole::Gas,
        _ => return Vec::new(),
    };
    let mut payers = Vec::new();
    for wallet in state.custody().wallets_of(network, role).filter(|wallet| wallet.is_used_on(network)) {
        match network.family() {
            Family::Bitcoin => payers.push((Payer { wallet: wallet.id, index: 0 }, role)),
            Family::Evm | Family::Tron => {
                let own = wallet.addresses.iter().filter(|own| !own.change);
                payers.extend(own.map(|own| (Payer { wallet: wallet.id, index: own.index }, role)));
            }
        }
    }
    payers
}

/// What may be paid now, asset by asset, in its order: nobody whose money must not move, and after the others those who are passed
/// by them.
fn queued(state: &State, network: Network, most: usize) -> Vec<proto::Withdrawal> {
    let room = state.withdrawals();
    let mut assets: Vec<_> = room.queue(network).map(|one| one.order.asset).collect();
    assets.dedup();
    assets.retain(|asset| state.may(network, *asset, Operation::Withdrawal).is_ok());
    let may = |one: &&Withdrawal| state.may_send_money(one.order.user).is_ok();
    let mut queued = Vec::new();
    // In turns, so that no asset takes the places of the others.
    let share = most.div_ceil(assets.len().max(1));
    for asset in &assets {
        queued.extend(room.next(network, *asset).filter(may).take(share).map(|one| withdrawal(state, one)));
    }
    let next: BTreeSet<u64> = queued.iter().map(|one| one.id).collect();
    for asset in &assets {
        let line = room.line(network, *asset).filter(|one| room.may_be_passed(one) && !next.contains(&one.id.0));
        let passed = line.filter(may).take(PASSED_MAX.div_ceil(assets.len()));
        queued.extend(passed.map(|one| proto::Withdrawal { passed: true, ..withdrawal(state, one) }));
    }
    queued
}

fn of_payer(payer: Payer) -> proto::Payer {
    proto::Payer { wallet: payer.wallet.0, index: payer.index }
}

fn withdrawal(state: &State, one: &Withdrawal) -> proto::Withdrawal {
    let listing = state.custody().listing(one.order.network, one.order.asset);
    let consent = |consent: &exchequer_state::withdrawals::Consent| proto::Consent {
        key: consent.key.0,
        admin: consent.admin.to_string(),
        signature: [consent.signature.0, consent.signature.1].concat(),
        at_us: consent.at.0,
    };
    proto::Withdrawal {
        id: one.id.0,
        asset: one.order.asset.0,
        coin: words::of_coin(listing.and_then(|listing| listing.coin.as_ref())),
        to: one.order.to.to_string(),
        memo: one.order.memo.clone().unwrap_or_default(),
        on_chain: one.on_chain.to_string(),
        fee_cap: one.fee_cap,
        consents: one.consents.iter().map(consent).collect(),
        approval_until_us: one.approval_until.0,
        payment_hash: one.hash.0.to_vec(),
        passed: false,
    }
}

fn payout(state: &State, one: &Payout) -> proto::Payout {
    let paid = || one.withdrawals.iter().filter_map(|id| state.withdrawals().get(*id));
    let mined = match one.standing {
        PayoutStanding::Mined { attempt, block } => Some((attempt, block)),
        PayoutStanding::Preparing
        | PayoutStanding::Signed
        | PayoutStanding::Broadcast
        | PayoutStanding::Stuck
        | PayoutStanding::Replacing
        | PayoutStanding::Unknown { .. }
        | PayoutStanding::Review { .. }
        | PayoutStanding::Over { .. } => None,
    };
    let attempt = |attempt: &exchequer_state::withdrawals::Attempt| proto::Attempt {
        number: u32::from(attempt.number),
        noop: attempt.purpose == Purpose::Noop,
        claim: Some(claim(&attempt.claim)),
        fee_max: attempt.fee_max,
        tx: attempt.tx.map(|tx| tx.0.to_vec()).unwrap_or_default(),
        dead: attempt.dead,
        prepared_us: attempt.prepared.0,
    };
    proto::Payout {
        id: one.id.0,
        payer: Some(of_payer(one.payer)),
        withdrawals: paid().map(|one| withdrawal(state, one)).collect(),
        stage: one.stage().as_str().to_owned(),
        attempts: one.attempts.iter().map(attempt).collect(),
        mined_attempt: mined.map_or(0, |(attempt, _)| u32::from(attempt)),
        mined: mined.map(|(_, block)| words::of_block(block)),
        wants_noop: one.wants_noop,
        may_send: state.may_send(one).is_ok(),
        may_pay: paid().all(|one| state.may_send_money(one.order.user).is_ok()) && state.may_go_there(one),
        denied_us: one.denied.as_ref().map_or(0, |denial| denial.since.0),
        moved_us: one.moved.0,
    }
}

fn claim(claim: &Claim) -> proto::Claim {
    use proto::claim::{Claim as Message, Coins, Window};
    let claim = match claim {
        Claim::Nonce(nonce) => Message::Nonce(*nonce),
        Claim::Coins(coins) => {
            Message::Coins(Coins { coins: coins.iter().map(|coin| words::of_outpoint(*coin)).collect() })
        }
        Claim::Window { reference, expires } => {
            Message::Window(Window { reference: Some(words::of_block(*reference)), expires_us: expires.0 })
        }
    };
    proto::Claim { claim: Some(claim) }
}
