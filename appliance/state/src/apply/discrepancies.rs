//! How discrepancies come, change and go, and what they stop.

use std::time::Duration;

use exchequer_domain::{Network, Timestamp};
use exchequer_ledger::{Asset, Holder, Side};

use super::Entry;
use crate::command::Actor;
use crate::custody::Worth;
use crate::event::{EventKind, Severity};
use crate::networks::number;
use crate::planted::{self, Bug};
use crate::reconciliation::{
    Class, Discrepancy, DiscrepancyId, OPEN_DISCREPANCIES_MAX, Part, Scope, Status, Stopped, finality_us, over_key,
};
use crate::rows::{Edit, Table};

/// From this much on a difference is urgent, in millionths of a US dollar.
const URGENT_USD_MICROS: u128 = 1_000_000_000;
/// From this part of what the exchange owes on a difference is urgent: one ten-thousandth.
const URGENT_PART: u128 = 10_000;
/// A price that is older says nothing of urgency.
const PRICE_AGE: Duration = Duration::from_secs(24 * 3_600);
/// After so many of the network's finality periods a difference of time is none.
const TIMING_PERIODS: u64 = 2;

impl Entry<'_> {
    fn put_discrepancy(&mut self, one: Discrepancy) {
        self.put_part(Part::Discrepancy, &one.id.0.to_be_bytes(), &one);
        self.state.reconciliation.put_discrepancy(one);
    }

    fn tell_discrepancy(&mut self, one: &Discrepancy) {
        self.event(EventKind::DiscrepancyMoved {
            discrepancy: one.id,
            network: one.scope.network(),
            class: one.class,
            status: one.status,
            severity: one.severity,
        });
    }

    /// Puts a discrepancy back that somebody has changed, and tells it.
    pub(super) fn keep_discrepancy(&mut self, one: Discrepancy) {
        self.tell_discrepancy(&one);
        self.put_discrepancy(one);
    }

    /// A discrepancy is over.
    pub(super) fn end_discrepancy(&mut self, mut one: Discrepancy, status: Status, by: Option<Actor>, what: String) {
        one.status = status;
        one.tell(self.now, by, what);
        self.state.reconciliation.take_discrepancy(one.id);
        self.delete_part(Part::Discrepancy, &one.id.0.to_be_bytes());
        self.put_row(Table::DiscrepancyOver, over_key(one.id), &one);
        self.tell_discrepancy(&one);
    }

    /// How long a difference may be one of time.
    fn timing_us(scope: &Scope) -> u64 {
        TIMING_PERIODS * scope.network().map_or(finality_us(Network::Bitcoin), finality_us)
    }

    /// How urgent a difference is, of so many minor units.
    fn severity_of(&self, class: Class, asset: Option<Asset>, units: u128, age_us: u64, scope: &Scope) -> Severity {
        match class {
            Class::UnknownOutflow => return Severity::P0,
            Class::Timing if age_us <= Self::timing_us(scope) => return Severity::P3,
            Class::Timing | Class::MissedDeposit | Class::Fee | Class::Rounding | Class::Reorg | Class::RpcFault => {}
        }
        let Some(asset) = asset else {
            return if matches!(scope, Scope::Ledger | Scope::Locks | Scope::Chain { .. }) {
                Severity::P0
            } else {
                Severity::P1
            };
        };
        let worth = self.state.custody.worth(&self.state.assets, asset, units, self.now, PRICE_AGE);
        let dear = matches!(worth, Worth::Usd(usd) if usd >= URGENT_USD_MICROS);
        let owed = self.owed(asset);
        if dear || (owed > 0 && units > 0 && units >= owed / URGENT_PART) { Severity::P0 } else { Severity::P1 }
    }

    /// What the exchange owes of an asset, in minor units.
    pub(super) fn owed(&self, asset: Asset) -> u128 {
        let Some(trial) = self.ledger.ledger().trial_balance(asset) else { return 0 };
        let others =
            trial.system.iter().filter(|account| matches!(account.key.holder, Holder::Suspense | Holder::Clearing));
        let others = others.map(|account| account.sums.balance(Side::Credit));
        others.fold(trial.customers.balance(Side::Credit), u128::saturating_add)
    }

    /// Two sides differ. `units` is the difference in minor units of the asset.
    pub(super) fn differs(
        &mut self,
        scope: Scope,
        asset: Option<Asset>,
        amount: i128,
        units: u128,
        class: Class,
        what: String,
    ) {
        let present = self.state.reconciliation.of_scope(&scope).cloned();
        let is_new = present.is_none();
        let mut one = match present {
            Some(one) => one,
            None if self.state.reconciliation.open_count() >= OPEN_DISCREPANCIES_MAX => {
                let mut head = self.state.reconciliation.head;
                head.left_out = head.left_out.saturating_add(1);
                self.put_part(Part::Head, &[], &head);
                self.state.reconciliation.head = head;
                // What stops nothing finds no room; what does stops all the same.
                if class == Class::UnknownOutflow
                    && let Some(network) = scope.network()
                {
                    self.stop_payments(network, DiscrepancyId(0));
                }
                return;
            }
            None => {
                let mut head = self.state.reconciliation.head;
                head.discrepancies += 1;
                self.put_part(Part::Head, &[], &head);
                self.state.reconciliation.head = head;
                Discrepancy {
                    id: DiscrepancyId(head.discrepancies),
                    scope: scope.clone(),
                    asset,
                    amount,
                    class,
                    severity: Severity::P3,
                    status: Status::Open,
                    first_seen: self.now,
                    last_seen: self.now,
                    gone: None,
                    accepted: None,
                    story: Vec::new(),
                }
            }
        };
        let says_nothing = match class {
            // Something is under way where something else differs: of that nothing new is known.
            Class::Timing => one.class != Class::Timing,
            // Nobody knows what is there.
            Class::RpcFault => !matches!(one.class, Class::Timing | Class::RpcFault),
            Class::MissedDeposit | Class::UnknownOutflow | Class::Fee | Class::Rounding | Class::Reorg => false,
        };
        if says_nothing {
            return;
        }
        let age = self.now.0.saturating_sub(one.first_seen.0);
        let severity = self.severity_of(class, asset, units, age, &scope);
        // What was once called an outflow is none only when a person says so.
        let class = if one.class == Class::UnknownOutflow && !is_new { one.class } else { class };
        let severity = if class == Class::UnknownOutflow { Severity::P0 } else { severity };
        // What has come back and is gone once more was taken once more.
        let again = one.gone.is_some();
        let is_other = is_new || again || one.amount != amount || one.class != class || one.severity != severity;
        if again {
            one.accept_at_most(0);
        }
        one.accept_at_most(amount);
        (one.amount, one.class, one.severity, one.asset) = (amount, class, severity, asset);
        (one.last_seen, one.gone) = (self.now, None);
        if is_other {
            // What a person explained was another difference.
            one.status = Status::Open;
            one.tell(self.now, None, what);
            self.tell_discrepancy(&one);
        }
        let stops = one.stops();
        let (id, network) = (one.id, one.scope.network());
        self.put_discrepancy(one);
        if stops && let Some(network) = network {
            self.stop_payments(network, id);
        }
    }

    /// The two sides of a scope agree.
    pub(super) fn agrees(&mut self, scope: &Scope) {
        let Some(mut one) = self.state.reconciliation.of_scope(scope).cloned() else { return };
        let age = self.now.0.saturating_sub(one.first_seen.0);
        let closes = one.class == Class::Timing || planted::has(Bug::AnythingVanishes);
        if closes && age <= Self::timing_us(scope) {
            self.end_discrepancy(one, Status::Closed, None, "it was under way, and has arrived".into());
            return;
        }
        if one.gone.is_none() {
            one.accept_at_most(0);
            one.gone = Some(self.now);
            one.tell(self.now, None, "the two sides agree again; a person says what it was".into());
            self.put_discrepancy(one);
        }
    }

    /// The key of an address was used by somebody else: whatever persons have accepted there, they have not accepted that.
    pub(super) fn used_by_others(&mut self, scope: &Scope) {
        let Some(mut one) = self.state.reconciliation.of_scope(scope).cloned() else { return };
        if one.accepted.take().is_some() {
            one.status = Status::Open;
            one.tell(self.now, None, "somebody else has used the address's key once more".into());
            self.keep_discrepancy(one);
        }
    }

    /// Nothing is paid out on a network any more, until two persons want it.
    fn stop_payments(&mut self, network: Network, by: DiscrepancyId) {
        if self.state.reconciliation.stopped.contains_key(&network) || planted::has(Bug::OutflowGoesOn) {
            return;
        }
        let stopped = Stopped { since: self.now, by };
        self.put_part(Part::Stopped, &number(network), &stopped);
        self.state.reconciliation.stopped.insert(network, stopped);
        self.event(EventKind::OutflowStopped { network, discrepancy: by, severity: Severity::P0 });
    }

    /// What is missing on a network by something that stops its withdrawals and was told or has changed after a moment.
    pub(super) fn outflow_since(&self, network: Network, moment: Timestamp) -> Option<i128> {
        let mut open = self.state.reconciliation.open();
        let found = open.find(|one| {
            let told = one.story.iter().rev().find(|line| line.by.is_none());
            one.stops() && one.scope.network() == Some(network) && told.is_some_and(|line| line.at > moment)
        });
        found.map(|one| one.amount)
    }

    /// Withdrawals of a network go on, whatever is missing there as of now.
    pub(super) fn let_payments_go_on(&mut self, network: Network, by: Actor) {
        let open: Vec<Discrepancy> = self.state.reconciliation.open().filter(|one| one.stops()).cloned().collect();
        for mut one in open.into_iter().filter(|one| one.scope.network() == Some(network)) {
            // Where the two sides agree again nothing is missing that could be accepted.
            one.accepted = Some(if one.gone.is_some() { 0 } else { one.amount });
            one.tell(self.now, Some(by), "withdrawals go on".into());
            self.put_discrepancy(one);
        }
        let key = Table::Reconciliation.key(&Part::Stopped.key(&number(network)));
        self.change(Table::Reconciliation.family(), key, Edit::Delete);
        self.state.reconciliation.stopped.remove(&network);
        self.event(EventKind::OutflowResumed { network });
    }
}
