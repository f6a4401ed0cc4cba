//! How discrepancies come, change and go, and what they stop.

use std::time::Duration;

use exchequer_domain::{Network, Timestamp};
use exchequer_ledger::{Asset, Holder, Side};

use super::Entry;
use crate::command::Actor;
use crate::custody::Worth;
use crate::event::{EventKind, Severity};
use crate::planted::{self, Bug};
use crate::reconciliation::{
    Class, Discrepancy, DiscrepancyId, OPEN_DISCREPANCIES_MAX, Part, Reach, Scope, Status, Stopped, finality_us,
    over_key,
};
use crate::rows::Table;

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
    pub(super) fn timing_us(scope: &Scope) -> u64 {
        TIMING_PERIODS * scope.network().map_or(finality_us(Network::Bitcoin), finality_us)
    }

    /// How urgent a difference is, of so many minor units.
    fn severity_of(&self, class: Class, asset: Option<Asset>, units: u128, age_us: u64, scope: &Scope) -> Severity {
        match class {
            Class::UnknownOutflow | Class::Shortfall | Class::Inconsistent => return Severity::P0,
            Class::Timing if age_us <= Self::timing_us(scope) => return Severity::P3,
            Class::Timing
            | Class::MissedDeposit
            | Class::Fee
            | Class::Rounding
            | Class::Reorg
            | Class::RpcFault
            | Class::Unbooked
            | Class::Unread => {}
        }
        let Some(asset) = asset else {
            return if matches!(scope, Scope::Ledger | Scope::Locks | Scope::Chain { .. } | Scope::Room) {
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
            None if !self.make_room(&scope, class) => {
                let mut head = self.state.reconciliation.head;
                head.left_out = head.left_out.saturating_add(1);
                self.put_part(Part::Head, &[], &head);
                self.state.reconciliation.head = head;
                // What stops nothing finds no room; what does stops all the same.
                if let Some(reach) = scope.reach().filter(|_| class.stops()) {
                    self.stop_payments(reach, DiscrepancyId(0));
                }
                self.room_is_full();
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
            Class::MissedDeposit
            | Class::UnknownOutflow
            | Class::Fee
            | Class::Rounding
            | Class::Reorg
            | Class::Unbooked
            | Class::Shortfall
            | Class::Inconsistent
            | Class::Unread => false,
        };
        if says_nothing {
            return;
        }
        let age = self.now.0.saturating_sub(one.first_seen.0);
        let severity = self.severity_of(class, asset, units, age, &scope);
        // What was once called an outflow is none only when a person says so.
        let class = if one.class.stops() && !is_new { one.class } else { class };
        let severity = if class.stops() { Severity::P0 } else { severity };
        // What has come back and is gone once more was taken once more.
        let again = one.gone.is_some();
        // How many addresses there are, or how much dust, is told once, and once more where it becomes urgent.
        let counts = matches!(scope, Scope::Dust { .. } | Scope::Unread { .. } | Scope::Room);
        let moved = !counts && one.amount != amount;
        let is_other = is_new || again || moved || one.class != class || one.severity != severity;
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
        let (id, reach) = (one.id, one.stops());
        self.put_discrepancy(one);
        if let Some(reach) = reach {
            self.stop_payments(reach, id);
        }
    }

    /// Whether there is room for one discrepancy more; what stops withdrawals takes the place of the least urgent one that does
    /// not, which the next comparison finds again.
    fn make_room(&mut self, scope: &Scope, class: Class) -> bool {
        let room = &self.state.reconciliation;
        let full = room.of_scope(&Scope::Room);
        if *scope == Scope::Room || room.open_count() - usize::from(full.is_some()) < OPEN_DISCREPANCIES_MAX {
            return true;
        }
        if !class.stops() || planted::has(Bug::OutflowFindsNoRoom) {
            return false;
        }
        let urgent = |severity| match severity {
            Severity::P0 => 0_u8,
            Severity::P1 => 1,
            Severity::P2 => 2,
            Severity::P3 => 3,
        };
        let least = room.open().filter(|one| one.scope != Scope::Room && !one.class.stops());
        let Some(one) = least.max_by_key(|one| (urgent(one.severity), one.id)).cloned() else { return false };
        let what = "it made room for something that stops withdrawals; the next comparison finds it again".into();
        self.end_discrepancy(one, Status::Closed, None, what);
        self.room_is_full();
        true
    }

    /// There are more discrepancies than have room: that is one itself, and the most urgent.
    fn room_is_full(&mut self) {
        if planted::has(Bug::FullInSilence) {
            return;
        }
        let amount = i128::from(self.state.reconciliation.head.left_out);
        let what = format!(
            "more than {OPEN_DISCREPANCIES_MAX} differences are open: look at the first ones, others find no room"
        );
        self.differs(Scope::Room, None, amount, 0, Class::Unread, what);
    }

    /// There is room again, as of the end of a run.
    pub(super) fn judge_room(&mut self) {
        let room = &self.state.reconciliation;
        if room.of_scope(&Scope::Room).is_some() && room.open_count() <= OPEN_DISCREPANCIES_MAX {
            self.agrees(&Scope::Room);
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
        one.accepted = None;
        one.status = Status::Open;
        one.tell(self.now, None, "somebody else has used the address's key once more".into());
        self.keep_discrepancy(one);
    }

    /// Nothing is paid out so far any more, until two persons want it.
    pub(super) fn stop_payments(&mut self, reach: Reach, by: DiscrepancyId) {
        let goes_on = match reach {
            Reach::Network(_) => planted::has(Bug::OutflowGoesOn),
            Reach::Asset(_) | Reach::Everywhere => planted::has(Bug::BooksStopNothing),
        };
        if self.state.reconciliation.stopped.contains_key(&reach) || goes_on {
            return;
        }
        let stopped = Stopped { since: self.now, by };
        self.put_part(Part::Stopped, &reach.key(), &stopped);
        self.state.reconciliation.stopped.insert(reach, stopped);
        let (discrepancy, severity) = (by, Severity::P0);
        self.event(match reach {
            Reach::Network(network) => EventKind::OutflowStopped { network, discrepancy, severity },
            Reach::Asset(asset) => EventKind::BooksStopped { asset: Some(asset), discrepancy, severity },
            Reach::Everywhere => EventKind::BooksStopped { asset: None, discrepancy, severity },
        });
    }

    /// What is missing by something that stops withdrawals so far, and was told or has changed after a moment.
    pub(super) fn outflow_since(&self, reach: Reach, moment: Timestamp) -> Option<i128> {
        let mut open = self.state.reconciliation.open();
        let found = open.find(|one| {
            let told = one.story.iter().rev().find(|line| line.by.is_none());
            one.stops() == Some(reach) && told.is_some_and(|line| line.at > moment)
        });
        found.map(|one| one.amount)
    }

    /// Withdrawals go on so far, whatever is missing as of now.
    pub(super) fn let_payments_go_on(&mut self, reach: Reach, by: Actor) {
        let open = self.state.reconciliation.open().filter(|one| one.stops() == Some(reach));
        for mut one in open.cloned().collect::<Vec<Discrepancy>>() {
            one.accepted = Some(one.to_accept());
            one.tell(self.now, Some(by), "withdrawals go on".into());
            self.put_discrepancy(one);
        }
        self.delete_part(Part::Stopped, &reach.key());
        self.state.reconciliation.stopped.remove(&reach);
        self.event(match reach {
            Reach::Network(network) => EventKind::OutflowResumed { network },
            Reach::Asset(asset) => EventKind::BooksResumed { asset: Some(asset) },
            Reach::Everywhere => EventKind::BooksResumed { asset: None },
        });
    }
}
