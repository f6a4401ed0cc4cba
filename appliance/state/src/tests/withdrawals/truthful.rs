//! A truthful worker in the lives of withdrawals: it decides, signs, sends and tells what its chain shows.

use exchequer_domain::{Network, TxId};

use super::chain::Tx;
use super::exactly_once::Life;
use super::*;
use crate::withdrawals::{Answer, Attempt, Conflict, Death, Payout, Reply};

impl Life {
    pub(super) fn prepare(&mut self, network: Network) {
        self.built += 1;
        let most = if network == Network::Bitcoin { 1 + self.dice.below(3) } else { 1 };
        let ids: Vec<WithdrawalId> = match network {
            Network::Tron => self.world.state.withdrawals().queue(network).take(1).map(|one| one.id).collect(),
            Network::Bitcoin => {
                self.world.state.withdrawals().next(network, BTC).take(most).map(|one| one.id).collect()
            }
            _ => self.world.state.withdrawals().next(network, USDT).take(1).map(|one| one.id).collect(),
        };
        let lane = self.world.state.withdrawals().lane(network, payer(network, 0)).cloned().unwrap_or_default();
        let gap = lane.gaps.first().copied();
        let (ids, purpose, claim) = match (network, gap) {
            (Network::Ethereum, Some(gap)) => (vec![], Purpose::Noop, Claim::Nonce(gap)),
            (Network::Ethereum, None) => (ids, Purpose::Payment, Claim::Nonce(lane.next)),
            (Network::Bitcoin, _) => (ids, Purpose::Payment, Claim::Coins(self.free_coins(2))),
            _ => (ids, Purpose::Payment, self.window()),
        };
        if ids.is_empty() && purpose == Purpose::Payment {
            return;
        }
        let chain = &self.chains[&network];
        let chain_nonce = chain.next_nonce(chain.blocks.len());
        let command = prepare(network, &ids, claim, self.built);
        let preparation = Preparation { purpose, ..command.preparation };
        let command = PreparePayout { preparation, chain_nonce, ..command };
        if self.tell(network, Body::PreparePayout(Box::new(command))).is_ok() {
            self.saw("prepared");
        }
    }

    /// Signs what is to be signed: a signer always makes the same of the same bytes.
    pub(super) fn sign(&mut self, payout: &Payout) {
        if !matches!(payout.stage(), Stage::Preparing | Stage::Replacing) {
            return;
        }
        let Some(latest) = payout.latest().cloned() else { return };
        let name = TxId(latest.digest.0);
        let raw = latest.digest.0.to_vec();
        let step = PayoutStep::Signed { tx: name, record: raw.clone(), raw };
        if self.step(payout, latest.number, step).is_ok() {
            let fails =
                payout.network != Network::Bitcoin && latest.purpose == Purpose::Payment && self.dice.once_in(9);
            let Attempt { claim, purpose, .. } = latest;
            let (pays, fee) = (payout.withdrawals.clone(), 300 + u128::from(latest.number));
            let tx = Tx { claim, purpose, pays, fee, fails };
            self.chain(payout.network).known.insert(name, tx);
            self.saw("signed");
        }
    }

    /// Gives the bytes of an attempt to nodes, and perhaps says so. Nothing is sent that is not signed in the log.
    pub(super) fn send(&mut self, payout: &Payout) {
        let signed: Vec<(u16, TxId)> =
            payout.attempts.iter().filter_map(|attempt| Some((attempt.number, attempt.tx?))).collect();
        if signed.is_empty() {
            return;
        }
        let (number, tx) = self.dice.of(&signed);
        if !self.dice.once_in(4) && self.chains[&payout.network].height_of(tx).is_none() {
            self.chain(payout.network).pool.insert(tx);
        }
        let reply = match self.dice.below(4) {
            0 => Reply::Accepted,
            1 => Reply::Known,
            2 => Reply::Silent,
            _ => Reply::Refused { why: "nonce too low".into() },
        };
        if !self.dice.once_in(3) {
            let answers = vec![Answer { endpoint: 0, reply }];
            let _ = self.step(payout, number, PayoutStep::Broadcast { answers });
        }
    }

    pub(super) fn step(&mut self, payout: &Payout, attempt: u16, step: PayoutStep) -> Result<Done, Rejection> {
        let (network, id, from) = (payout.network, payout.id, payout.stage());
        let command = StepPayout { network, payout: id, from, attempt, step };
        self.tell(network, Body::StepPayout(Box::new(command)))
    }

    /// Why no attempt can be mined any more, as the chain has it.
    pub(super) fn death(&self, payout: &Payout) -> Option<Death> {
        let chain = &self.chains[&payout.network];
        let live: Vec<&Attempt> = payout.live().collect();
        let absent: Vec<TxId> = live.iter().filter_map(|attempt| attempt.tx).collect();
        if absent.iter().any(|tx| chain.height_of(*tx).is_some()) {
            return None;
        }
        let death = match payout.network {
            Network::Tron => {
                let time = chain.settled.checked_sub(1).map(|last| chain.blocks[last].0)?;
                Death::Expired {
                    at: block(chain.settled.saturating_sub(1) as u64),
                    time,
                    absent_at: vec![0, 1],
                    absent,
                }
            }
            Network::Bitcoin => {
                let conflict = |coin: &OutPoint| {
                    let (by, height) = chain.spender(*coin)?;
                    let confirmations = (chain.blocks.len() - height) as u32;
                    Some(Conflict { coin: *coin, by, confirmations })
                };
                Death::Conflicts(payout.coins().iter().filter_map(conflict).collect())
            }
            _ => {
                let at = block(chain.settled.saturating_sub(1) as u64);
                Death::NonceUsed { at, next: chain.next_nonce(chain.settled), absent }
            }
        };
        let signed = payout.attempts.iter().any(|attempt| attempt.tx.is_some());
        let death = if signed { death } else { Death::NeverSigned };
        // A truthful worker judges by itself what it says.
        death.proves(payout).then_some(death)
    }

    /// Whether an attempt pays nobody.
    fn noop(&self, payout: &Payout, number: u16) -> bool {
        payout.attempt(number).is_some_and(|attempt| attempt.purpose == Purpose::Noop)
    }

    /// What a truthful worker does about a payout.
    pub(super) fn observe(&mut self, payout: &Payout) {
        let chain = &self.chains[&payout.network];
        let mined = payout.live().find_map(|attempt| {
            let tx = attempt.tx?;
            Some((attempt.number, tx, chain.height_of(tx)?))
        });
        let stage = payout.stage();
        if let Some((number, tx, height)) = mined {
            let at = block(height as u64);
            let Tx { fee, fails, .. } = chain.known[&tx].clone();
            let step = match (chain.is_final(height), fails) {
                (true, false) => PayoutStep::Final { block: at, fee },
                (true, true) => PayoutStep::Reverted { block: at, fee },
                (false, _) => PayoutStep::Seen { block: at },
            };
            let denies = matches!(step, PayoutStep::Reverted { .. }) || self.noop(payout, number);
            if self.step(payout, number, step).is_ok() {
                if denies {
                    believe(&mut self.world, payout.id);
                }
                self.saw("seen in a block");
            }
            return;
        }
        let latest = payout.attempts.len() as u16;
        if stage == Stage::Mined {
            self.step(payout, latest, PayoutStep::Unseen).unwrap();
            self.saw("out of its block");
            return;
        }
        if let Some(proof) = self.death(payout) {
            let never = proof == Death::NeverSigned;
            if (never || stage == Stage::Preparing) && !self.dice.once_in(5) {
                return;
            }
            let requeue = !self.dice.once_in(4);
            if self.step(payout, latest, PayoutStep::Dead { proof, requeue }).is_ok() {
                believe(&mut self.world, payout.id);
                self.saw("dead");
            }
            return;
        }
        match stage {
            Stage::Signed | Stage::Broadcast if self.dice.once_in(3) => {
                let _ = self.step(payout, latest, PayoutStep::Stuck);
            }
            Stage::Signed | Stage::Broadcast if self.dice.once_in(9) => {
                let _ = self.step(payout, latest, PayoutStep::Unknown { why: "no node answers".into() });
            }
            Stage::Stuck if self.dice.once_in(2) => self.replace(payout, None),
            Stage::Stuck if self.dice.once_in(8) => {
                let _ = self.step(payout, latest, PayoutStep::Review { why: "too often".into() });
            }
            _ => {}
        }
    }

    /// Replaces as the rules say; some coins are added, none that every earlier attempt spends is left out.
    pub(super) fn replace(&mut self, payout: &Payout, proof: Option<Death>) {
        self.built += 1;
        let claim = match &payout.attempts[0].claim {
            Claim::Nonce(nonce) => Claim::Nonce(*nonce),
            Claim::Coins(coins) => {
                let more = self.free_coins(self.dice.clone().below(2));
                Claim::Coins(coins.iter().copied().chain(more).collect())
            }
            Claim::Window { .. } => self.window(),
        };
        let purpose = if payout.wants_noop { Purpose::Noop } else { Purpose::Payment };
        let fee_max = 1_000 + self.built;
        let preparation = Box::new(Preparation { purpose, fee_max, ..preparation(claim, self.built) });
        let step = PayoutStep::Replace { preparation, proof };
        if self.step(payout, payout.attempts.len() as u16, step).is_ok() {
            self.saw("replaced");
        }
    }
}
