//! What the commands of withdrawals share: how one moves, what the ledger does then, and what time does.

use exchequer_domain::{Network, Timestamp, TxId};
use exchequer_ledger as ledger;
use exchequer_ledger::{AccountKey, Asset, Cause, HoldId, Holder, Leg, Reason, Store, TransferId};

use super::{Entry, Stop, money};
use crate::codec;
use crate::command::Actor;
use crate::custody::WalletRole;
use crate::event::{EventKind, Severity};
use crate::halt::Halt;
use crate::ids;
use crate::networks::{Operation, Why};
use crate::planted::{self, Bug};
use crate::rejection::Rejection;
use crate::rows::{Edit, Family, Table};
use crate::withdrawals::{
    Ending, Errand, Head, Held, Lane, POLICY_KEY, Payer, PaymentName, Payout, PayoutId, PayoutStanding, RawKind,
    Refusal, Shut, SigningEntry, Stage, Standing, Trace, Verdict, Waiting, Withdrawal, WithdrawalId, WithdrawalPolicy,
    address_lane_key, lane_key, over_key, prune, raw_key, trace_key,
};

/// Withdrawals that time moves in one entry; what is left is due in the next.
const MOVED_PER_ENTRY: usize = 1_000;
/// How long a withdrawal waits for approval, in microseconds.
pub(super) const APPROVAL_US: u64 = 86_400_000_000;
/// How long after the last moment at which it could be approved, and the delay, an approved withdrawal may wait for its turn before
/// people are asked again, in microseconds: a day.
const PAYABLE_US: u64 = 86_400_000_000;
/// The twelve free bits of a time-ordered id that mark transfers of withdrawals.
const MARK: u128 = 0x3d1;

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Stop {
        Stop::Rejected(Rejection::Withdrawals(Box::new(refusal)))
    }
}

/// Why the network does not do it, as a refusal says it.
pub(super) const fn shut(why: Why) -> Refusal {
    let why = match why {
        Why::Emergency => Shut::Emergency,
        Why::Maintenance { until } => Shut::Maintenance { until },
        Why::Asset
        | Why::State { .. }
        | Why::Network
        | Why::AssetOnNetwork
        | Why::Doubted
        | Why::Halted
        | Why::Silent
        | Why::Outflow
        | Why::Shortfall
        | Why::Inconsistent => Shut::Off,
    };
    Refusal::Shut { why }
}

/// The account of the coins that withdrawals on a network are paid from.
pub(super) const fn hot_account(network: Network, asset: Asset) -> AccountKey {
    AccountKey { holder: Holder::Custody { network: network as u32, store: Store::Hot }, asset }
}

/// The account of the fees that a network took.
pub(super) const fn gas_account(network: Network, coin: Asset) -> AccountKey {
    AccountKey { holder: Holder::GasExpense { network: network as u32 }, asset: coin }
}

/// The reference of what a withdrawal does in the ledger before there is a transaction.
pub(super) fn reference(id: WithdrawalId) -> [u8; 32] {
    let mut reference = [0; 32];
    reference[24..].copy_from_slice(&id.0.to_be_bytes());
    reference
}

impl Entry<'_> {
    /// A fresh time-ordered id for a transfer that the ledger may refuse: another one for each command, so that one that is
    /// burnt stands in nobody's way.
    pub(super) fn transfer_id(&self, purpose: &[u8], number: u64) -> TransferId {
        let command = self.sender().map_or([0; 16], |(id, _)| id.0);
        let hash = blake3::hash(&[command.as_slice(), purpose, &number.to_be_bytes()].concat());
        let mut low = [0; 8];
        low.copy_from_slice(&hash.as_bytes()[..8]);
        let low = u128::from(u64::from_be_bytes(low)) & ((1 << 62) - 1);
        TransferId(u128::from(self.now.millis()) << 80 | 7 << 76 | MARK << 64 | 2 << 62 | low)
    }

    pub(super) fn cause_of(&self, reason: Reason, reference: [u8; 32]) -> Cause {
        let actor = self.sender().map_or(ledger::Actor::System, |(_, actor)| money::actor_of(actor));
        Cause { reason, actor, reference }
    }

    /// Posts legs that were made sure of; the id of their transfer.
    pub(super) fn post_sure(
        &mut self,
        legs: Vec<Leg>,
        reason: Reason,
        reference: [u8; 32],
    ) -> Result<TransferId, Halt> {
        let cause = self.cause_of(reason, reference);
        let first = self.ledger.post_own(legs.into(), cause)?;
        let posting = self.ledger.posting(first)?;
        posting.map(|posting| posting.transfer).ok_or_else(|| Halt::Invariant("what was posted is there".into()))
    }

    /// What can leave an account.
    pub(super) fn available(&self, key: &AccountKey) -> u128 {
        let ledger = self.ledger.ledger();
        ledger.find(key).and_then(|id| ledger.account(id)).map_or(0, |account| account.available())
    }

    /// Whether withdrawals of an asset may go on.
    pub(super) fn may_withdraw(&self, network: Network, asset: Asset) -> Result<(), Refusal> {
        self.state.may(network, asset, Operation::Withdrawal).map_err(shut)
    }

    pub(super) fn put_withdrawals_head(&mut self, head: Head) {
        self.put(Table::WithdrawalsHead, &[], &head);
        self.state.withdrawals.head = head;
    }

    pub(super) fn put_withdrawal_policy(&mut self, policy: WithdrawalPolicy) {
        self.put(Table::WithdrawalsHead, POLICY_KEY, &policy);
        self.state.withdrawals.policy = policy;
    }

    /// A payer's nonces. Those of deposit addresses, of which there are very many, are in no memory.
    pub(super) fn lane_of(&self, network: Network, payer: Payer) -> Result<Lane, Halt> {
        if self.is_of_pool(payer) {
            let found = self.row(Table::AddressLane, &address_lane_key(network, payer))?;
            return Ok(found.unwrap_or_default());
        }
        Ok(self.state.withdrawals.lane(network, payer).cloned().unwrap_or_default())
    }

    fn is_of_pool(&self, payer: Payer) -> bool {
        self.payer_role(payer) == Ok(crate::custody::WalletRole::Deposit)
    }

    /// Whether the network does what a payout is for.
    pub(super) fn may_errand(&self, network: Network, payer: Payer, errand: &Errand) -> Result<(), Refusal> {
        let operation = errand.operation(self.payer_role(payer)?);
        // While something is missing that nobody sent, nothing more is brought to where it may be taken from; what goes to
        // wallets whose keys are elsewhere is the safer there.
        let to_hot = errand.moves().is_some_and(|one| {
            let wallet = self.state.custody.wallet_at(network.family(), &one.to);
            wallet.is_some_and(|wallet| wallet.role == WalletRole::Hot)
        });
        if to_hot && !planted::has(Bug::FilledMeanwhile) {
            let asset = errand.moves().map(|one| one.asset);
            self.state.may_pay(network, asset).map_err(shut)?;
        }
        match errand.moves() {
            Some(one) => self.state.may(network, one.asset, operation),
            None => self.state.may_on(network, operation),
        }
        .map_err(shut)
    }

    pub(super) fn put_lane(&mut self, network: Network, payer: Payer, lane: Lane) {
        if self.is_of_pool(payer) {
            self.put_row(Table::AddressLane, address_lane_key(network, payer), &lane);
            return;
        }
        self.put(Table::WalletLane, &lane_key(network, payer), &lane);
        self.state.withdrawals.lanes.insert((network, payer), lane);
    }

    /// Puts a withdrawal that is open.
    pub(super) fn put_withdrawal(&mut self, one: Withdrawal) {
        self.put(Table::Withdrawal, &one.id.0.to_be_bytes(), &one);
        self.state.withdrawals.take(one.id);
        self.state.withdrawals.put(one);
    }

    /// Writes the next trace of a withdrawal and tells it.
    pub(super) fn trace(&mut self, one: &mut Withdrawal, from: Option<Stage>, to: Stage, what: String) {
        let by = self.sender().map(|(_, actor)| actor);
        let trace = Trace { at: self.now, index: self.at.index, from, to, by, what };
        let key = trace_key(one.id, one.traces);
        self.change(Family::History, key, Edit::Put(codec::encode(&trace)));
        one.traces += 1;
        one.moved = self.now;
        let tx = match &one.standing {
            Standing::Over(Ending::Paid { tx, .. } | Ending::Reverted { tx, .. }) => Some(*tx),
            _ => None,
        };
        self.event(EventKind::WithdrawalMoved { withdrawal: one.id, user: one.order.user, from, to, tx });
    }

    /// An open withdrawal, in the stage that a command found it in.
    pub(super) fn withdrawal_at(&self, id: WithdrawalId, from: Stage) -> Result<Withdrawal, Refusal> {
        let room = &self.state.withdrawals;
        let one = room.get(id).ok_or(Refusal::Unknown { withdrawal: id })?;
        let stage = room.stage(one);
        if stage == from { Ok(one.clone()) } else { Err(Refusal::Moved { stage }) }
    }

    /// Moves a withdrawal along an edge: the one way in which its standing changes.
    ///
    /// # Errors
    /// `Edge` where there is none.
    pub(super) fn stand(
        &mut self,
        mut one: Withdrawal,
        from: Stage,
        standing: Standing,
        to: Stage,
        what: String,
    ) -> Result<(), Stop> {
        if !from.may_become(to) {
            return Err(Refusal::Edge { from, to }.into());
        }
        let is_over = matches!(standing, Standing::Over(_));
        one.standing = standing;
        self.trace(&mut one, Some(from), to, what);
        if !is_over {
            self.put_withdrawal(one);
            return Ok(());
        }
        self.change(Family::Working, Table::Withdrawal.key(&one.id.0.to_be_bytes()), Edit::Delete);
        self.state.withdrawals.take(one.id);
        one.held = None;
        // What never came to its turn was never decided, and no signer knows of it.
        if from == Stage::Queued || from.next().contains(&Stage::Failed) {
            self.log_for_signers(SigningEntry::Over(PaymentName::Withdrawal(one.id)));
        }
        self.put_row(Table::WithdrawalOver, over_key(one.id), &one);
        if to != Stage::Completed {
            self.forget_spent(&one);
        }
        Ok(())
    }

    /// Ends a withdrawal and gives its money free.
    pub(super) fn end_unpaid(
        &mut self,
        one: Withdrawal,
        from: Stage,
        ending: Ending,
        what: String,
    ) -> Result<(), Stop> {
        let to = ending.stage();
        if !from.may_become(to) {
            return Err(Refusal::Edge { from, to }.into());
        }
        if let Some(Held { paid, fee }) = one.held {
            let release = |hold: HoldId| Leg::Release { hold, amount: None };
            let legs: Vec<Leg> = [Some(paid), fee].into_iter().flatten().map(release).collect();
            self.post_sure(legs, Reason::Withdrawal, reference(one.id))?;
            self.pay_debt_after(&one)?;
        }
        if to == Stage::Reverted {
            self.hindered(&one, what.clone());
        }
        self.stand(one, from, Standing::Over(ending), to, what)
    }

    /// What was refused, taken back, or proved never to be paid does not count any more.
    fn forget_spent(&mut self, one: &Withdrawal) {
        let user = one.order.user;
        if let Some(mut spent) = self.state.withdrawals.spent.remove(&user) {
            spent.retain(|spent| spent.withdrawal != one.id);
            self.put_spent(user, spent);
        }
    }

    pub(super) fn put_spent(&mut self, user: exchequer_domain::UserId, spent: Vec<crate::withdrawals::Spent>) {
        let suffix = user.0.to_be_bytes();
        if spent.is_empty() {
            self.change(Family::Working, Table::WithdrawalsOfUser.key(&suffix), Edit::Delete);
            self.state.withdrawals.spent.remove(&user);
        } else {
            self.put(Table::WithdrawalsOfUser, &suffix, &spent);
            self.state.withdrawals.spent.insert(user, spent);
        }
    }

    /// A withdrawal is confirmed: it is looked at for risk, then judged by the policy as of now.
    ///
    /// Screening lets everything pass until there is something that judges risk; it will answer here.
    pub(super) fn screen(&mut self, mut one: Withdrawal, from: Stage) -> Result<(), Stop> {
        if from == Stage::Confirming {
            self.trace(&mut one, Some(from), Stage::Screening, "confirmed".into());
        }
        self.judge_now(one)
    }

    /// What waited for so long that its consents are about to end is judged anew: nobody's signature would take it to a chain.
    fn ask_again(&mut self, mut one: Withdrawal, from: Stage) -> Result<(), Stop> {
        if !from.may_become(Stage::Screening) {
            return Err(Refusal::Edge { from, to: Stage::Screening }.into());
        }
        one.consents.clear();
        one.approval_until = Timestamp(0);
        self.trace(&mut one, Some(from), Stage::Screening, "its approvals are too old to pay by".into());
        self.judge_now(one)
    }

    fn judge_now(&mut self, mut one: Withdrawal) -> Result<(), Stop> {
        let (verdict, rule) = self.judge(&one);
        one.judged_by = (self.state.withdrawals.policy.version, rule.clone());
        match verdict {
            Verdict::Block => {
                let ending = Ending::Rejected { by: None, reason: format!("the rule `{rule}`") };
                self.end_unpaid(one, Stage::Screening, ending, format!("blocked by the rule `{rule}`"))
            }
            Verdict::Allow => self.approved(one, Stage::Screening, 0, format!("allowed by the rule `{rule}`")),
            Verdict::Approve { needs, delay_us } => {
                let until = Timestamp(self.now.0.saturating_add(APPROVAL_US));
                one.approval_until = Timestamp(until.0.saturating_add(delay_us).saturating_add(PAYABLE_US));
                let standing = Standing::AwaitingApproval { needs, delay_us, until, consents: Vec::new() };
                let what = format!("the rule `{rule}` wants approval");
                self.stand(one, Stage::Screening, standing, Stage::AwaitingApproval, what)
            }
        }
    }

    /// Everybody who had to has agreed: it waits for the delay, or goes on at once.
    pub(super) fn approved(&mut self, one: Withdrawal, from: Stage, delay_us: u64, what: String) -> Result<(), Stop> {
        let until = Timestamp(self.now.0.saturating_add(delay_us));
        let id = one.id;
        if delay_us == 0
            && let Err(why) = self.may_go_on(&one)
        {
            return self.hold_back(one, from, &why);
        }
        if let (Some(to), 0) = (one.receiver, delay_us) {
            return self.pay_inside(one, from, to, what);
        }
        self.stand(one, from, Standing::Approved { until }, Stage::Approved, what)?;
        if delay_us > 0 {
            return Ok(());
        }
        let one = self.withdrawal_at(id, Stage::Approved)?;
        self.enqueue(one)
    }

    /// Whether what is decided for a withdrawal now might be signed too late for those who agreed to it.
    pub(super) fn must_ask_again(&self, one: &Withdrawal) -> bool {
        !planted::has(Bug::OldConsents) && one.asked_again_at().is_some_and(|at| at <= self.now)
    }

    fn enqueue(&mut self, one: Withdrawal) -> Result<(), Stop> {
        let standing = Standing::Queued { since: self.now, reason: Waiting::Turn };
        self.stand(one, Stage::Approved, standing, Stage::Queued, "queued".into())
    }

    /// Pays another user of the exchange; no chain is needed.
    fn pay_inside(
        &mut self,
        one: Withdrawal,
        from: Stage,
        to: exchequer_domain::UserId,
        what: String,
    ) -> Result<(), Stop> {
        if !from.may_become(Stage::Completed) {
            return Err(Refusal::Edge { from, to: Stage::Completed }.into());
        }
        if let Some(Held { paid, .. }) = one.held {
            let legs = vec![Leg::Capture { hold: paid, amount: None }];
            self.post_sure(legs, Reason::Internal, reference(one.id))?;
        }
        self.stand(one, from, Standing::Over(Ending::Internal { to }), Stage::Completed, what)
    }

    /// What the policy says of a withdrawal as things stand. What it adds up does not count the withdrawal itself twice.
    pub(super) fn judge(&self, one: &Withdrawal) -> (Verdict, String) {
        self.state.judge_withdrawal(&one.order, one.id, one.destination, one.usd)
    }

    /// The ledger keeps a withdrawal's money back for the hot wallet from now on, not for clearing; or the other way round.
    pub(super) fn hold_for(&mut self, one: &Withdrawal, credit: &AccountKey) -> Result<Held, Stop> {
        let held = one.held.ok_or_else(|| Halt::Invariant("an open withdrawal's money is held".into()))?;
        let debit = AccountKey { holder: Holder::Customer { customer: one.order.user.0, sub_account: 0 }, ..*credit };
        let find = |key| self.ledger.ledger().find(key).ok_or_else(|| Halt::Invariant("its accounts exist".into()));
        let (debit, credit) = (find(&debit)?, find(credit)?);
        let legs = vec![
            Leg::Release { hold: held.paid, amount: None },
            Leg::Hold { debit, credit, amount: one.paid, expires: None },
        ];
        let transfer = self.post_sure(legs, Reason::Withdrawal, reference(one.id))?;
        Ok(Held { paid: HoldId { transfer, leg: 1 }, ..held })
    }

    /// Captures what was held for a withdrawal: it is paid.
    pub(super) fn capture(&mut self, one: &Withdrawal, tx: TxId) -> Result<(), Halt> {
        let Some(Held { paid, fee }) = one.held else { return Ok(()) };
        self.know_address(one.order.user, one.order.network, &one.order.to)?;
        let capture = |hold: HoldId| Leg::Capture { hold, amount: None };
        let legs: Vec<Leg> = [Some(paid), fee].into_iter().flatten().map(capture).collect();
        self.post_sure(legs, Reason::Withdrawal, tx.0)?;
        if fee.is_some() {
            self.note_earned(one.order.asset, one.fee);
        }
        Ok(())
    }

    /// Puts a payout that is open.
    pub(super) fn put_payout(&mut self, payout: Payout) {
        self.put(Table::Payout, &payout.id.0.to_be_bytes(), &payout);
        self.state.withdrawals.put_payout(payout);
    }

    /// A payout is over: its row goes into history.
    pub(super) fn end_payout(&mut self, mut payout: Payout, stage: Stage) {
        if payout.errand.is_own() {
            self.log_for_signers(SigningEntry::Over(PaymentName::Move(payout.id)));
        }
        payout.standing = PayoutStanding::Over { stage };
        payout.moved = self.now;
        let key = payout.id.0.to_be_bytes();
        self.change(Family::Working, Table::Payout.key(&key), Edit::Delete);
        self.put(Table::PayoutOver, &key, &payout);
        self.state.withdrawals.take_payout(payout.id);
    }

    pub(super) fn put_payout_bytes(&mut self, payout: PayoutId, attempt: u16, kind: RawKind, bytes: Vec<u8>) {
        self.change(Family::History, raw_key(payout, attempt, kind), Edit::Put(bytes));
    }

    /// Tells people that a payout needs them.
    pub(super) fn payout_alarm(&mut self, payout: &Payout, why: String, severity: Severity) {
        self.event(EventKind::PayoutNeedsReview { payout: payout.id, network: payout.network, why, severity });
    }

    /// Lets time do its work on withdrawals: what nobody confirmed or approved ends, and what was delayed goes on.
    pub(super) fn pass_time_in_withdrawals(&mut self) -> Result<(), Stop> {
        for _ in 0..MOVED_PER_ENTRY {
            let due = self.state.withdrawals.due(self.now);
            let Some(one) = due.and_then(|id| self.state.withdrawals.get(id)).cloned() else { break };
            let from = self.state.withdrawals.stage(&one);
            if matches!(from, Stage::Approved | Stage::Queued) && self.must_ask_again(&one) {
                self.ask_again(one, from)?;
                continue;
            }
            if from == Stage::Approved
                && let Err(why) = self.may_go_on(&one)
            {
                self.hold_back(one, from, &why)?;
                continue;
            }
            match (&one.standing, one.receiver) {
                (Standing::Confirming { .. }, _) => {
                    self.end_unpaid(one, from, Ending::Expired, "nobody confirmed it in time".into())?;
                }
                (Standing::AwaitingApproval { .. }, _) => {
                    self.tell_approval_expired(&one);
                    self.end_unpaid(one, from, Ending::Expired, "not approved in time".into())?;
                }
                (Standing::Approved { .. }, Some(to)) => self.pay_inside(one, from, to, "the delay is over".into())?,
                (Standing::Approved { .. }, None) => self.enqueue(one)?,
                (Standing::Queued { .. } | Standing::Paying { .. } | Standing::Over(_), _) => break,
            }
        }
        if ids::bucket(self.opened.time) != ids::bucket(self.now) {
            self.forget_old_spent();
        }
        Ok(())
    }

    /// Once a day what is older than every window is forgotten.
    fn forget_old_spent(&mut self) {
        let now = self.now;
        let mut changed = Vec::new();
        for (user, spent) in &mut self.state.withdrawals.spent {
            let before = spent.len();
            prune(spent, now);
            if spent.len() != before {
                changed.push((*user, spent.clone()));
            }
        }
        for (user, spent) in changed {
            self.put_spent(user, spent);
        }
    }
}

/// Whether a worker pays out on a network.
pub(super) fn check_worker(actor: Actor, network: Network) -> Result<(), Refusal> {
    match actor {
        Actor::Worker(worker)
            if worker.kind == exchequer_domain::WorkerKind::Withdrawal && worker.network == Some(network) =>
        {
            Ok(())
        }
        _ => Err(Refusal::NotTheWorker),
    }
}
