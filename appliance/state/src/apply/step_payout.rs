//! `StepPayout`: the worker says what became of a payout's attempts, and the leading node what its signer did.
//!
//! Invariant: that an attempt is signed, and that none ever was, the leading node alone says. It gives a signature to nobody before
//! it is committed here; so where the log has none when a payout ends, none was ever sent, and none will be: whatever a signer of
//! any node may remember, its node asks for it here and is refused (see ARCHITECTURE.md, *A signature's way*).

use exchequer_domain::{BlockRef, Family, Network, TxId};
use serde::{Deserialize, Serialize};

use super::prepare_payout::Preparation;
use super::{Entry, Stop};
use crate::command::Actor;
use crate::custody::{OwnPurpose, OwnTransfer, own_transfer_key};
use crate::event::EventKind;
use crate::outcome::Done;
use crate::planted::{self, Bug};
use crate::withdrawals::{
    ANSWERS_AT_ONCE_MAX, ANSWERS_KEPT, Answer, Death, Ending, Errand, Payout, PayoutId, PayoutStanding, Purpose,
    RAW_BYTES_MAX, RECORD_BYTES_MAX, RawKind, Refusal, Reply, SigningEntry, Stage, Standing, Unpaid, WHY_BYTES_MAX,
    Withdrawal,
};

/// A fee that is told is at most so many times what the transaction could cost.
const FEE_TOLD_PARTS: u64 = 2;

/// Moves a payout from the stage that its sender found it in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepPayout {
    /// On which network.
    pub network: Network,
    /// Which.
    pub payout: PayoutId,
    /// The stage in which it was found.
    pub from: Stage,
    /// Which of its attempts this is about.
    pub attempt: u16,
    /// What happened.
    pub step: PayoutStep,
}

/// What happened to a payout. Variants are only ever appended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum PayoutStep {
    /// The latest attempt is signed. Nobody but the leading node has the bytes before this is in the log.
    Signed {
        /// Its name on chain.
        tx: TxId,
        /// The signed bytes.
        #[serde(with = "crate::codec::block")]
        raw: Vec<u8>,
        /// What the signer remembers it by, and every other signer is told.
        #[serde(with = "crate::codec::block")]
        record: Vec<u8>,
    },
    /// An attempt was given to endpoints, and they said this. Whatever they said, it may be on its way.
    Broadcast {
        /// What they said.
        answers: Vec<Answer>,
    },
    /// An attempt is in a block.
    Seen {
        /// Which.
        block: BlockRef,
    },
    /// The block that an attempt was in is not part of the chain any more.
    Unseen,
    /// An attempt is in a final block and did what it was for.
    Final {
        /// Which.
        block: BlockRef,
        /// What the network took, in minor units of its coin, rounded up.
        fee: u128,
    },
    /// An attempt is in a final block and did nothing.
    Reverted {
        /// Which.
        block: BlockRef,
        /// What the network took, in minor units of its coin, rounded up.
        fee: u128,
    },
    /// No attempt gets into a block.
    Stuck,
    /// Another attempt takes the place of the earlier ones.
    Replace {
        /// The attempt.
        preparation: Box<Preparation>,
        /// Why none of the earlier ones can be mined, where nothing on chain excludes them.
        proof: Option<Death>,
    },
    /// No attempt can be mined any more.
    Dead {
        /// Why.
        proof: Death,
        /// Whether the withdrawals wait for another payout; they fail otherwise.
        requeue: bool,
    },
    /// Nobody knows what became of it.
    Unknown {
        /// What is known.
        why: String,
    },
    /// A person has to decide.
    Review {
        /// What about.
        why: String,
    },
}

impl PayoutStep {
    /// Whether it makes something that could be sent.
    #[must_use]
    pub const fn signs(&self) -> bool {
        match self {
            PayoutStep::Signed { .. } | PayoutStep::Replace { .. } => true,
            PayoutStep::Broadcast { .. }
            | PayoutStep::Seen { .. }
            | PayoutStep::Unseen
            | PayoutStep::Final { .. }
            | PayoutStep::Reverted { .. }
            | PayoutStep::Stuck
            | PayoutStep::Dead { .. }
            | PayoutStep::Unknown { .. }
            | PayoutStep::Review { .. } => false,
        }
    }
}

impl PayoutStep {
    /// Whether the leading node alone says it, of its signer.
    #[must_use]
    pub const fn is_nodes(&self) -> bool {
        matches!(self, PayoutStep::Signed { .. } | PayoutStep::Dead { proof: Death::NeverSigned, .. })
    }

    /// Whether the payout goes on with it, so that it has not ended.
    const fn goes_on(&self) -> bool {
        match self {
            PayoutStep::Signed { .. }
            | PayoutStep::Broadcast { .. }
            | PayoutStep::Seen { .. }
            | PayoutStep::Unseen
            | PayoutStep::Replace { .. } => true,
            PayoutStep::Final { .. }
            | PayoutStep::Reverted { .. }
            | PayoutStep::Stuck
            | PayoutStep::Dead { .. }
            | PayoutStep::Unknown { .. }
            | PayoutStep::Review { .. } => false,
        }
    }
}

impl StepPayout {
    /// The row keys that it looks up, in order.
    pub(super) fn lookups(&self) -> Vec<Vec<u8>> {
        match &self.step {
            PayoutStep::Signed { tx, .. } => vec![own_transfer_key(self.network, tx)],
            _ => Vec::new(),
        }
    }

    pub(super) fn apply(self, entry: &mut Entry<'_>, actor: Actor) -> Result<Done, Stop> {
        let StepPayout { network, payout: id, from, attempt, step } = self;
        let open = entry.state.withdrawals.payout(id);
        let (payer, errand) =
            open.map(|open| (open.payer, open.errand.clone())).ok_or(Refusal::PayoutUnknown { payout: id })?;
        match step.is_nodes() && !planted::has(Bug::AnyWorkerSigns) {
            true => entry.check_leading_node(actor)?,
            false => entry.check_payout_worker(actor, network, payer, &errand)?,
        }
        let payout = entry.payout_at(id, network, from)?;
        if payout.attempt(attempt).is_none() {
            return Err(Refusal::Attempt.into());
        }
        // Whatever goes on with it takes back that it ended.
        let denied = payout.denied.clone().filter(|_| !step.goes_on());
        let stage = entry.step_payout(Payout { denied, ..payout }, attempt, step)?;
        Ok(Done::PayoutMoved { stage })
    }
}

impl Entry<'_> {
    /// Whether this comes from the node that leads; that its leadership is the present one was checked by its epoch.
    fn check_leading_node(&self, actor: Actor) -> Result<(), Refusal> {
        let leader = self.state.epoch.map(|epoch| Actor::Node(epoch.node));
        if leader == Some(actor) { Ok(()) } else { Err(Refusal::NotTheNode) }
    }

    /// An open payout, in the stage that a command found it in.
    pub(super) fn payout_at(&self, id: PayoutId, network: Network, from: Stage) -> Result<Payout, Refusal> {
        let payout = self.state.withdrawals.payout(id).filter(|payout| payout.network == network);
        let payout = payout.ok_or(Refusal::PayoutUnknown { payout: id })?;
        let stage = payout.stage();
        if stage == from || planted::has(Bug::StageNotCompared) {
            Ok(payout.clone())
        } else {
            Err(Refusal::Moved { stage })
        }
    }

    /// Whether it can go from where it is to there.
    pub(super) fn check_edge(payout: &Payout, to: Stage) -> Result<Stage, Refusal> {
        let from = payout.stage();
        if from.may_become(to) { Ok(from) } else { Err(Refusal::Edge { from, to }) }
    }

    /// The withdrawals of a payout.
    pub(super) fn paid_by(&self, payout: &Payout) -> Vec<Withdrawal> {
        payout.withdrawals.iter().filter_map(|id| self.state.withdrawals.get(*id)).cloned().collect()
    }

    /// Puts a payout that has moved, and tells the story of its withdrawals.
    pub(super) fn move_payout(&mut self, mut payout: Payout, from: Stage, what: &str) -> Stage {
        let to = payout.stage();
        payout.moved = self.now;
        let paid = self.paid_by(&payout);
        self.put_payout(payout);
        if from != to {
            for mut one in paid {
                self.trace(&mut one, Some(from), to, what.to_owned());
                self.put_withdrawal(one);
            }
        }
        to
    }

    fn step_payout(&mut self, mut payout: Payout, number: u16, step: PayoutStep) -> Result<Stage, Stop> {
        match step {
            PayoutStep::Signed { tx, raw, record } => self.signed(payout, number, tx, raw, record),
            PayoutStep::Broadcast { answers } => {
                let from = Self::check_edge(&payout, Stage::Broadcast)?;
                let long =
                    |answer: &Answer| matches!(&answer.reply, Reply::Refused { why } if why.len() > WHY_BYTES_MAX);
                if answers.len() > ANSWERS_AT_ONCE_MAX || answers.iter().any(long) {
                    return Err(Refusal::Why.into());
                }
                let attempt = live(&mut payout, number)?;
                attempt.answers.extend(answers);
                let excess = attempt.answers.len().saturating_sub(ANSWERS_KEPT);
                attempt.answers.drain(..excess);
                payout.standing = PayoutStanding::Broadcast;
                Ok(self.move_payout(payout, from, "given to nodes"))
            }
            PayoutStep::Seen { block } => {
                let from = Self::check_edge(&payout, Stage::Mined)?;
                let tx = live(&mut payout, number)?.tx;
                payout.standing = PayoutStanding::Mined { attempt: number, block };
                let name = tx.map(|tx| tx.to_string()).unwrap_or_default();
                Ok(self.move_payout(payout, from, &format!("transaction {name} is in block {}", block.height)))
            }
            PayoutStep::Unseen => {
                if payout.stage() != Stage::Mined {
                    return Err(Refusal::Edge { from: payout.stage(), to: Stage::Broadcast }.into());
                }
                payout.standing = PayoutStanding::Broadcast;
                Ok(self.move_payout(payout, Stage::Mined, "its block is not part of the chain any more"))
            }
            PayoutStep::Final { block, fee } => self.finish(payout, number, (block, fee), false, false),
            // Its consensus takes a transaction as a whole or not at all.
            PayoutStep::Reverted { .. } if payout.network.family() == Family::Bitcoin => {
                Err(Refusal::Edge { from: payout.stage(), to: Stage::Reverted }.into())
            }
            PayoutStep::Reverted { block, fee } => self.finish(payout, number, (block, fee), true, false),
            PayoutStep::Stuck => {
                let from = Self::check_edge(&payout, Stage::Stuck)?;
                payout.standing = PayoutStanding::Stuck;
                Ok(self.move_payout(payout, from, "it gets into no block"))
            }
            PayoutStep::Replace { preparation, proof } => self.replace_payout(payout, *preparation, proof),
            PayoutStep::Dead { proof, requeue } => {
                if let Some(stage) = self.set_aside_foreign(&payout, &proof)? {
                    return Ok(stage);
                }
                self.bury_denied(payout, number, proof, requeue)
            }
            PayoutStep::Unknown { why } => {
                let from = Self::check_edge(&payout, Stage::Unknown)?;
                check_why(&why)?;
                payout.standing = PayoutStanding::Unknown { why: why.clone() };
                self.payout_needs_people(&payout, why.clone());
                Ok(self.move_payout(payout, from, &why))
            }
            PayoutStep::Review { why } => {
                let from = Self::check_edge(&payout, Stage::Review)?;
                check_why(&why)?;
                payout.standing = PayoutStanding::Review { why: why.clone() };
                self.payout_needs_people(&payout, why.clone());
                Ok(self.move_payout(payout, from, &why))
            }
        }
    }

    /// The latest attempt is signed: its bytes are a row, and its name is one of the exchange's own, before anybody sends it.
    fn signed(
        &mut self,
        mut payout: Payout,
        number: u16,
        tx: TxId,
        raw: Vec<u8>,
        record: Vec<u8>,
    ) -> Result<Stage, Stop> {
        let from = Self::check_edge(&payout, Stage::Signed)?;
        // Without its record no other signer would ever know of the signature.
        let bounded = |bytes: &[u8], most| (1..=most).contains(&bytes.len());
        if !bounded(&raw, RAW_BYTES_MAX) || !bounded(&record, RECORD_BYTES_MAX) {
            return Err(Refusal::Raw.into());
        }
        if payout.latest().map(|attempt| attempt.number) != Some(number) {
            return Err(Refusal::Attempt.into());
        }
        // What is decided is not signed while the exchange is stopped or the network closed.
        for one in self.paid_by(&payout) {
            self.may_withdraw(payout.network, one.order.asset)?;
        }
        self.may_errand(payout.network, payout.payer, &payout.errand)?;
        // Whoever was frozen or came to owe something meanwhile is paid nothing; what pays nobody is no payment of theirs.
        if payout.latest().is_some_and(|attempt| attempt.purpose == Purpose::Payment) {
            for one in self.paid_by(&payout) {
                self.may_go_on(&one)?;
            }
            self.check_destination_again(&payout)?;
        }
        if self.own_transfer(payout.network, &tx)?.is_some() {
            return Err(Refusal::Raw.into());
        }

        let Some(attempt) = payout.attempts.last_mut() else { return Err(Refusal::Attempt.into()) };
        attempt.tx = Some(tx);
        let (digest, decided) = (attempt.digest, attempt.decided);
        let purpose = match (attempt.purpose, &payout.errand) {
            (Purpose::Payment, Errand::Withdrawals) => OwnPurpose::Withdrawal,
            (Purpose::Payment, Errand::Sweep(_)) => OwnPurpose::Sweep,
            (Purpose::Payment, Errand::TopUp(_)) => OwnPurpose::TopUp,
            (Purpose::Payment, Errand::Stake(_)) => OwnPurpose::Stake,
            (Purpose::Noop, _) => OwnPurpose::Noop,
        };
        self.put_own_transfer(payout.network, &tx, OwnTransfer { purpose, of: payout.id.0 });
        self.put_payout_bytes(payout.id, number, RawKind::Signed, raw);
        self.log_for_signers(SigningEntry::Signed { payout: payout.id, attempt: number, digest, decided, record });
        payout.standing = PayoutStanding::Signed;
        Ok(self.move_payout(payout, from, &format!("transaction {tx} is signed")))
    }

    /// An attempt is final, in a block that the state knows to be: its withdrawals are paid, or, where it did nothing, their money
    /// is free again, once somebody else than its worker agrees (`confirmed`).
    pub(super) fn finish(
        &mut self,
        mut payout: Payout,
        number: u16,
        (block, fee): (BlockRef, u128),
        reverted: bool,
        confirmed: bool,
    ) -> Result<Stage, Stop> {
        let purpose = payout.attempt(number).ok_or(Refusal::Attempt)?.purpose;
        let to = match (purpose, reverted) {
            (Purpose::Payment, false) => Stage::Completed,
            (Purpose::Payment, true) => Stage::Reverted,
            // It pays nobody, so that what was to be paid never will be.
            (Purpose::Noop, _) if payout.fills_gap() => Stage::Completed,
            (Purpose::Noop, _) => Stage::Failed,
        };
        let from = Self::check_edge(&payout, to)?;
        let attempt = live(&mut payout, number)?;
        let (tx, claim) = (attempt.tx.ok_or(Refusal::Attempt)?, attempt.claim.clone());
        check_fee_told(fee, attempt.fee_max)?;
        let frees = reverted || purpose == Purpose::Noop;
        if frees || !planted::has(Bug::PaidOnOneWord) {
            self.check_settled(&payout, block)?;
            self.check_spends(&payout, &claim, tx, block)?;
        }
        if frees {
            let how = Unpaid::Final { fee, reverted };
            if !confirmed && let Some(stage) = self.deny(&payout, number, how, block)? {
                return Ok(stage);
            }
        }
        self.note_paid(&payout, tx, block.height, fee, to == Stage::Completed && purpose == Purpose::Payment)?;
        let id = payout.id;
        for one in self.paid_by(&payout) {
            match to {
                Stage::Completed => {
                    self.capture(&one, tx)?;
                    let ending = Ending::Paid { payout: id, tx, block: Some(block) };
                    let what = format!("paid by transaction {tx} in block {}", block.height);
                    self.stand(one, from, Standing::Over(ending), to, what)?;
                }
                Stage::Reverted => {
                    let what = format!("transaction {tx} in block {} did nothing", block.height);
                    self.end_unpaid(one, from, Ending::Reverted { payout: id, tx }, what)?;
                }
                _ => {
                    let what = format!("transaction {tx} took its place and pays nobody");
                    self.end_unpaid(one, from, Ending::Failed { payout: id }, what)?;
                }
            }
        }
        payout.denied = None;
        self.end_move(&mut payout, (to == Stage::Completed).then_some(tx), fee)?;
        self.note_gas_used(&payout, purpose, reverted, fee);
        self.close_payout(payout, fee, tx, to)?;
        Ok(to)
    }

    /// Books the fee, gives the coins free that nobody spent, and puts the payout away.
    pub(super) fn close_payout(&mut self, mut payout: Payout, fee: u128, tx: TxId, to: Stage) -> Result<(), Stop> {
        let unbooked = self.settle_gas(&mut payout, fee, tx)?;
        if unbooked > 0 {
            self.note_unbooked_fee(payout.network, unbooked);
            self.event(EventKind::FeeUnbooked { payout: payout.id, network: payout.network, amount: unbooked });
        }
        self.free_coins(&payout, tx)?;
        self.end_payout(payout, to);
        Ok(())
    }
}

/// Whether a fee that is told can be believed: at most twice what the transaction could cost. A receipt that says more is wrong,
/// and would go into books against which nothing that is missing shows any more.
pub(super) fn check_fee_told(fee: u128, fee_max: u64) -> Result<(), Refusal> {
    let most = fee_max.saturating_mul(FEE_TOLD_PARTS);
    if fee > u128::from(most) && !planted::has(Bug::FeeUnbounded) { Err(Refusal::FeeCap { most }) } else { Ok(()) }
}

fn check_why(why: &str) -> Result<(), Refusal> {
    if why.len() > WHY_BYTES_MAX { Err(Refusal::Why) } else { Ok(()) }
}

/// An attempt that may be mined: signed, and not proved dead.
fn live(payout: &mut Payout, number: u16) -> Result<&mut crate::withdrawals::Attempt, Refusal> {
    let place = usize::from(number).checked_sub(1);
    let attempt = place.and_then(|place| payout.attempts.get_mut(place));
    attempt.filter(|attempt| attempt.tx.is_some() && !attempt.dead).ok_or(Refusal::Attempt)
}
