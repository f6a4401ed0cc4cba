//! `ReportBalances`: the worker of a network tells what is on the exchange's addresses, in runs that compare it.

use std::collections::BTreeMap;

use exchequer_domain::{BlockRef, ChainAddress, Digest, Network, Timestamp, WorkerKind};
use serde::{Deserialize, Serialize};

use super::{Entry, Stop};
use crate::codec;
use crate::command::Actor;
use crate::custody;
use crate::deposits::has_finality_tag;
use crate::event::EventKind;
use crate::halt::Halt;
use crate::outcome::Done;
use crate::planted::{self, Bug};
use crate::reconciliation::{
    Begun, Checked, Class, DiscrepancyId, Judgement, Movement, Net, Part, Position, READINGS_AT_ONCE_MAX, Reading,
    Refusal, Run, RunId, Scope, Spot, Sweep, UNTOLD_RUNS_MAX, judge, run_key,
};
use crate::rejection::Rejection;
use crate::rows::Table;
use crate::withdrawals::PayoutId;

/// What moved at addresses, by height.
type Moves = BTreeMap<ChainAddress, Vec<(u64, Movement)>>;

/// Discrepancies that a run's row names.
const NAMED_MAX: usize = 100;

impl From<Refusal> for Rejection {
    fn from(refusal: Refusal) -> Rejection {
        Rejection::Reconciliation(refusal)
    }
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Stop {
        Stop::Rejected(refusal.into())
    }
}

/// Tells something of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportBalances {
    /// Which network.
    pub network: Network,
    /// What.
    pub step: BalanceStep,
}

/// A step of a run. Variants are only ever appended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum BalanceStep {
    /// A run begins, at a block that was scanned. One that was going on is given up.
    Begin {
        /// That block: what is known of it is not folded before the run is over.
        block: BlockRef,
    },
    /// What was read.
    Read {
        /// The run.
        run: RunId,
        /// The block at which it was read, or the last one before.
        from: BlockRef,
        /// The same, or the first one after.
        until: BlockRef,
        /// The last payout that there was when it was read; a later one is in no block that was read.
        payouts: PayoutId,
        /// The readings; one of an address and coin.
        readings: Vec<Reading>,
        /// Whether there is no time any more to tell them again.
        last: bool,
        /// The time of `from`, as the chain has it; zero where it was not told.
        time: Timestamp,
    },
    /// The run is over.
    End {
        /// The run.
        run: RunId,
        /// Readings that could not be made.
        failed: u32,
        /// The index of the deposit address from which on the next run goes through all of them.
        swept: u32,
        /// Whether the last of them was gone through.
        whole: bool,
    },
    /// Nodes agree on another block where one was scanned that is settled.
    Diverged {
        /// The block that was scanned.
        block: BlockRef,
    },
}

impl ReportBalances {
    /// The rows that it looks up.
    pub(super) fn lookups(&self) -> Vec<Vec<u8>> {
        let BalanceStep::Read { readings, .. } = &self.step else { return Vec::new() };
        readings.iter().map(|reading| custody::address_key(self.network.family(), &reading.address)).collect()
    }

    pub(super) fn apply(self, entry: &mut Entry<'_>, actor: Actor) -> Result<Done, Stop> {
        let network = self.network;
        match actor {
            Actor::Worker(worker) if worker.kind == WorkerKind::BalanceSync && worker.network == Some(network) => {}
            _ => return Err(Refusal::NotTheWorker.into()),
        }
        match self.step {
            BalanceStep::Begin { block } => entry.begin_run(network, block),
            BalanceStep::Read { run, from, until, payouts, readings, last, time } => {
                entry.take_readings(network, run, (from, until), payouts, &readings, (last, time))
            }
            BalanceStep::End { run, failed, swept, whole } => entry.end_run(network, run, failed, swept, whole),
            BalanceStep::Diverged { block } => {
                entry.check_block(network, block)?;
                let scope = Scope::Chain { network };
                let what = format!("nodes have another block than {} at height {}", block.hash, block.height);
                entry.differs(scope, None, 0, 0, Class::Reorg, what);
                Ok(Done::BalancesJudged { waits: Vec::new() })
            }
        }
    }
}

impl Entry<'_> {
    /// Whether a block was scanned, and what is known of it is not folded together with later ones.
    fn check_block(&self, network: Network, block: BlockRef) -> Result<(), Refusal> {
        let floor = self.state.reconciliation.net(network).floor;
        let known = self.state.deposits.chains.block(network, block.height) == Some(block);
        let tip = self.state.deposits.chains.get(network).tip;
        let scanned = tip.is_some_and(|tip| block.height <= tip.height);
        if known && scanned && block.height >= floor { Ok(()) } else { Err(Refusal::BlockUnknown { block, floor }) }
    }

    fn begun(&self, network: Network, run: RunId) -> Result<(Net, Begun), Refusal> {
        let net = self.state.reconciliation.net(network);
        match net.begun.clone() {
            Some(begun) if begun.run == run => Ok((net, begun)),
            present => Err(Refusal::RunUnknown { present: present.map(|begun| begun.run) }),
        }
    }

    fn begin_run(&mut self, network: Network, block: BlockRef) -> Result<Done, Stop> {
        self.check_block(network, block)?;
        let mut net = self.state.reconciliation.net(network);
        let run = RunId(net.last.0 + 1);
        net.last = run;
        if net.sweep.begun.0 == 0 {
            net.sweep.begun = self.now;
        }
        let begun = Begun { run, block, at: self.now, judged: 0, differing: 0, inputs: Digest::ZERO };
        net.begun = Some(begun);
        self.judge_begun(&net);
        self.put_net(net);
        // Nodes agree with what was scanned.
        self.agrees(&Scope::Chain { network });
        Ok(Done::BalancesBegun { run })
    }

    fn take_readings(
        &mut self,
        network: Network,
        run: RunId,
        between: (BlockRef, BlockRef),
        payouts: PayoutId,
        readings: &[Reading],
        (last, time): (bool, Timestamp),
    ) -> Result<Done, Stop> {
        let (mut net, mut begun) = self.begun(network, run)?;
        self.check_block(network, between.0)?;
        self.check_block(network, between.1)?;
        // Where a payout is told by its final block, a reading of a branch that is left again would lack it, or have it twice.
        let chain = self.state.deposits.chains.get(network);
        if has_finality_tag(network) && chain.finalized.is_none_or(|finalized| between.1.height > finalized) {
            let floor = self.state.reconciliation.net(network).floor;
            return Err(Refusal::BlockUnknown { block: between.1, floor }.into());
        }
        if !(1..=READINGS_AT_ONCE_MAX).contains(&readings.len()) {
            return Err(Refusal::ReadingCount.into());
        }
        for reading in readings {
            if !self.is_own_address(network.family(), &reading.address)? {
                return Err(Refusal::NotOurs { address: reading.address.clone() }.into());
            }
        }

        let mut hasher = blake3::Hasher::new_derive_key("exchequer balances that were read v1");
        hasher.update(&begun.inputs.0).update(&codec::encode(&(between, payouts, readings)));
        begun.inputs = Digest(*hasher.finalize().as_bytes());
        let (mut waits, mut agreed) = (Vec::new(), Vec::new());
        let moves = self.moves_at(network, readings);
        for (number, reading) in (0_u16..).zip(readings) {
            let moves = moves.get(&reading.address).map_or(&[][..], Vec::as_slice);
            let slack = self.slack_of(network, reading, (between.0, moves))?;
            match self.take_reading(network, between, payouts, reading, (moves, last))? {
                None => waits.push(number),
                Some(holds) => {
                    self.note_told(network, &reading.address, run);
                    begun.judged = begun.judged.saturating_add(1);
                    begun.differing = begun.differing.saturating_add(u32::from(!holds));
                    agreed.extend(slack.filter(|_| holds));
                }
            }
        }
        net.begun = Some(begun);
        self.put_net(net);
        // After all of them: what ends here is a movement that those behind it were not compared with.
        self.agree_with_denials(network, (between.0, time), &agreed)?;
        Ok(Done::BalancesJudged { waits })
    }

    /// What moved at the addresses of these readings and is not folded yet, by height.
    fn moves_at(&self, network: Network, readings: &[Reading]) -> Moves {
        let mut moves: Moves = readings.iter().map(|reading| (reading.address.clone(), Vec::new())).collect();
        for (height, _, movement) in self.state.reconciliation.movements_from(network, 0) {
            if let Some(of) = moves.get_mut(&movement.spot.address) {
                of.push((height, movement.clone()));
            }
        }
        moves
    }

    /// Judges one reading. Whether it holds; none where that cannot be said yet.
    fn take_reading(
        &mut self,
        network: Network,
        between: (BlockRef, BlockRef),
        payouts: PayoutId,
        reading: &Reading,
        (moves, last): (&[(u64, Movement)], bool),
    ) -> Result<Option<bool>, Halt> {
        let spot = Spot { network, address: reading.address.clone(), coin: reading.coin.clone() };
        let listing = self.state.custody.listed(network, reading.coin.as_ref()).cloned();
        let asset = listing.as_ref().map(|listing| listing.asset);
        let units = |by: i128| {
            let counted = listing.as_ref().and_then(|listing| listing.to_ledger(by.unsigned_abs()));
            counted.map_or(0, |(units, rest)| units.saturating_add(u128::from(rest > 0)))
        };
        let scope = Scope::Spot(spot.clone());
        let Some(observed) = reading.amount else {
            let what = "endpoints contradict each other about what is there".to_owned();
            self.differs(scope, asset, 0, 0, Class::RpcFault, what);
            return Ok(Some(false));
        };
        let mut position = self.position(&spot)?;
        let known = position.clone();
        let Some(facts) = self.facts(&spot, &position, between, payouts, (reading, moves))? else {
            let what = "what moved there is more than can be counted".to_owned();
            self.differs(scope, asset, 0, 0, Class::RpcFault, what);
            return Ok(Some(false));
        };
        let judgement = judge(&facts, observed, last);
        if judgement != Judgement::Wait {
            position.nonce = reading.nonce.max(position.nonce);
        }
        let by = match judgement {
            Judgement::Wait => return Ok(None),
            Judgement::Holds => 0,
            Judgement::Rounded(by) => {
                position.adjusted = position.adjusted.saturating_add(by);
                self.change_tally(network, spot.coin.as_ref(), |tally| {
                    tally.folded = tally.folded.saturating_add(by);
                    tally.kept = tally.kept.saturating_add(by);
                });
                0
            }
            Judgement::Differs { by, class } => {
                let class = self.timing_or_unbooked(&scope, class, facts.under_way.is_some());
                let at = between.0;
                let should = facts.expected;
                let mut what = format!("block {}: {observed} is there, and {should} should be", at.height);
                if facts.foreign {
                    what.push_str("; somebody else has used the address's key");
                }
                if facts.foreign {
                    self.used_by_others(&scope);
                }
                // A difference of time, and what cannot be, say nothing of the next one.
                let passes = matches!(class, Class::Timing | Class::RpcFault | Class::Unbooked);
                let is_dust = !passes && self.take_dust(&spot, (&mut position, listing.as_ref()), (by, class));
                if !is_dust {
                    self.differs(scope, asset, by, units(by), class, what);
                }
                if !passes {
                    let (time, difference) = (self.now, by);
                    position.checked = Some(Checked { at, time, observed, difference });
                    self.put_position(&spot, &position);
                }
                return Ok(Some(false));
            }
        };
        self.take_dust(&spot, (&mut position, None), (0, Class::Timing));
        position.settle_fees();
        position.checked = Some(Checked { at: between.0, time: self.now, observed, difference: by });
        // An address that never had anything needs no row.
        if observed > 0 || known != Position::default() || position.nonce.is_some_and(|nonce| nonce > 0) {
            self.put_position(&spot, &position);
        }
        self.agrees(&scope);
        let later = moves.iter().any(|(height, _)| *height > between.1.height);
        if !later && self.state.reconciliation.untouch(network, &spot.address) {
            let rest = [crate::networks::number(network).as_slice(), spot.address.as_str().as_bytes()].concat();
            self.delete_part(Part::Touched, &rest);
        }
        Ok(Some(true))
    }

    /// What is under way is so for two finality periods; what the worker that pays has not told of by then is not booked, and that
    /// is something else.
    fn timing_or_unbooked(&self, scope: &Scope, class: Class, under_way: bool) -> Class {
        let present = self.state.reconciliation.of_scope(scope);
        let late = present.is_some_and(|one| match one.class {
            Class::Timing => self.now.0.saturating_sub(one.first_seen.0) > Self::timing_us(scope),
            Class::Unbooked => true,
            Class::MissedDeposit
            | Class::UnknownOutflow
            | Class::Fee
            | Class::Rounding
            | Class::Reorg
            | Class::RpcFault
            | Class::Shortfall
            | Class::Inconsistent
            | Class::Unread => false,
        });
        let late = late && under_way && !planted::has(Bug::AfootForEver);
        if class == Class::Timing && late { Class::Unbooked } else { class }
    }

    /// An address was read in a run, whatever was found.
    fn note_told(&mut self, network: Network, address: &ChainAddress, run: RunId) {
        if self.state.reconciliation.told(network, address, run) {
            let rest = [crate::networks::number(network).as_slice(), address.as_str().as_bytes()].concat();
            self.put_part(Part::Touched, &rest, &run);
        }
    }

    fn end_run(&mut self, network: Network, run: RunId, failed: u32, swept: u32, whole: bool) -> Result<Done, Stop> {
        let (mut net, begun) = self.begun(network, run)?;
        let outcomes = self.judge_books(network, begun.differing)?;
        self.judge_read(&net)?;
        self.judge_room();
        let holds = outcomes.iter().all(|outcome| outcome.holds != Some(false));
        let (ledger, of_network) =
            (self.ledger.ledger(), |scope: &Scope| scope.network().is_none_or(|on| on == network));
        let open = self.state.reconciliation.open().filter(|one| of_network(&one.scope));
        let open: Vec<DiscrepancyId> = open.map(|one| one.id).take(NAMED_MAX).collect();
        let row = Run {
            id: run,
            network,
            block: begun.block,
            begun: begun.at,
            ended: self.now,
            posting: ledger.last_posting(),
            journal: ledger.chain(),
            judged: begun.judged,
            differing: begun.differing,
            failed,
            whole,
            inputs: begun.inputs,
            outcomes,
            open,
        };
        self.put_row(Table::ReconciliationRun, run_key(network, run), &row);
        (net.begun, net.ended, net.block) = (None, Some(self.now), Some(begun.block));
        net.sweep = match whole {
            true => Sweep { next: 0, begun: self.now, whole: Some(self.now) },
            false => Sweep { next: swept, ..net.sweep },
        };
        if net.lately.len() >= UNTOLD_RUNS_MAX {
            net.lately.remove(0);
        }
        net.lately.push((run, begun.block.height));
        self.put_net(net);
        self.fold_movements(network)?;
        if whole || !holds {
            self.event(EventKind::NetworkReconciled { network, run: run.0, holds, whole });
        }
        Ok(Done::BalancesReconciled { holds })
    }
}
