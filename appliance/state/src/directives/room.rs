//! The directives in memory, and the sorted sets by which the next one is found.
//!
//! Invariant: a directive enters through [`Directives::put`] and leaves through [`Directives::take`] or
//! [`Directives::over`], which keep every index; nothing else touches one.

use std::collections::{BTreeMap, BTreeSet};

use exchequer_domain::Timestamp;

use super::directive::{Directive, DirectiveAction, DirectiveId, DirectiveState, key_row};
use super::target::Target;
use crate::apply::DIRECTIVES_KEPT;
use crate::codec::{self, DecodeError};
use crate::events::Kept;
use crate::halt::Halt;
use crate::ids::BodyHash;
use crate::planted::{self, Bug};
use crate::rank::Rank;
use crate::rows::{Change, Edit, Family, Rows, Table, for_each_of_table};
use crate::workers::Workers;

/// Open directives.
pub const OPEN_DIRECTIVES_MAX: usize = 100_000;
/// What they may take together.
pub const OPEN_BYTES_MAX: usize = 128 << 20;

/// The row of [`Table::Counter`] with the number of the last directive.
const LAST_DIRECTIVE: &[u8] = &[1];

/// A place in the order in which directives are dispatched.
type Place = (Rank, DirectiveId);

/// Who carries it out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Sort {
    /// The state, as it is dispatched.
    OfState,
    /// A worker, which has to be there.
    OfWorker,
}

impl Sort {
    fn of(directive: &Directive) -> Sort {
        match directive.action {
            DirectiveAction::Start | DirectiveAction::Stop | DirectiveAction::Restart => Sort::OfState,
            DirectiveAction::Custom { .. } => Sort::OfWorker,
        }
    }
}

/// The order in which directives are dispatched, as far as their targets are free.
#[derive(Debug)]
pub(crate) struct Turn {
    /// The first of either sort that waits for each target.
    heads: BTreeSet<(Rank, DirectiveId, Target)>,
    /// Targets that nobody stands for now, and those that stand still in an emergency: what only a worker can carry out waits
    /// until somebody does, and holds up nothing.
    away: BTreeSet<Target>,
    /// Targets of several workers whose first directive waits: what came later for a part of them waits behind it. One
    /// worker is nobody's whole, so that its own queue is enough.
    awaited: Vec<Target>,
    awaited_in_emergency: Vec<Target>,
}

impl Turn {
    /// The next whose target is free, and that target.
    pub(crate) fn next(&mut self, all: &Directives) -> Option<(DirectiveId, Target)> {
        while let Some((_, id, target)) = self.heads.pop_first() {
            let Some(directive) = all.get(id) else { continue };
            let urgent = directive.is_emergency();
            let overlaps = |awaited: &[Target]| awaited.iter().any(|other| other.overlaps(&target));
            let overtakes = overlaps(&self.awaited_in_emergency) || (!urgent && overlaps(&self.awaited));
            if !all.is_busy(directive) && (!overtakes || planted::has(Bug::WaitingOvertaken)) {
                return Some((id, target));
            }
            match target {
                Target::Worker(_) => {}
                Target::Kind { .. } | Target::System if urgent => self.awaited_in_emergency.push(target),
                Target::Kind { .. } | Target::System => self.awaited.push(target),
            }
        }
        None
    }

    /// What was given for a target is over: the next that waits for it has its place.
    pub(crate) fn free(&mut self, all: &Directives, target: Target) {
        self.heads.extend(all.head(target, Sort::OfState));
        if !self.away.contains(&target) {
            self.heads.extend(all.head(target, Sort::OfWorker));
        }
    }
}

/// All directives that are open.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Directives {
    pub(super) last: u64,
    /// Which of those that are over are kept.
    pub(crate) kept: Kept,
    pub(super) open: BTreeMap<DirectiveId, Directive>,
    /// What may be dispatched, by target and by who carries it out, the first one first.
    waiting: BTreeMap<(Target, Sort), BTreeSet<Place>>,
    /// What waits to start or restart workers, by target and by when it may.
    starts: BTreeMap<Target, BTreeSet<(Timestamp, DirectiveId)>>,
    /// When time does something to a directive.
    timers: BTreeSet<(Timestamp, DirectiveId)>,
    /// What is in flight at each target; emergencies apart.
    flights: BTreeMap<Target, DirectiveId>,
    emergencies: BTreeMap<Target, DirectiveId>,
    bytes: usize,
    /// What has to be written at the entry's end; empty between entries.
    touched: BTreeSet<DirectiveId>,
    numbered: bool,
    ended: Vec<Directive>,
    named: BTreeMap<String, (DirectiveId, BodyHash)>,
}

impl Directives {
    pub(crate) fn load(rows: &dyn Rows) -> Result<Directives, Halt> {
        let mut all = Directives::default();
        let last = rows.get(Family::Working, &Table::Counter.key(LAST_DIRECTIVE))?;
        let last = last.map(|row| codec::decode(&row).map_err(|error| Halt::row(Table::Counter, error)));
        all.last = last.transpose()?.unwrap_or_default();
        let kept = rows.get(Family::Working, &Table::Counter.key(DIRECTIVES_KEPT))?;
        let kept = kept.map(|row| codec::decode(&row).map_err(|error| Halt::row(Table::Counter, error)));
        all.kept = kept.transpose()?.unwrap_or_default();
        for_each_of_table(rows, Table::Directive, |suffix, row| {
            let directive: Directive = codec::decode(row).map_err(|error| Halt::row(Table::Directive, error))?;
            if suffix != directive.id.0.to_be_bytes() {
                return Err(Halt::row(Table::Directive, DecodeError::Malformed));
            }
            all.put(directive);
            Ok(())
        })?;
        all.touched.clear();
        Ok(all)
    }

    /// A directive that is open.
    #[must_use]
    pub fn get(&self, id: DirectiveId) -> Option<&Directive> {
        self.open.get(&id)
    }

    /// The number of the last directive.
    #[must_use]
    pub fn last(&self) -> DirectiveId {
        DirectiveId(self.last)
    }

    /// When time does something to a directive next.
    #[must_use]
    pub fn next_due(&self) -> Option<Timestamp> {
        self.timers.first().map(|(at, _)| *at)
    }

    /// A directive to which time does something now.
    pub(crate) fn due(&self, now: Timestamp) -> Option<DirectiveId> {
        self.timers.first().filter(|(at, _)| *at <= now).map(|(_, id)| *id)
    }

    /// Whether so many more directives of these bytes fit.
    pub(crate) fn has_room(&self, directives: usize, bytes: usize) -> bool {
        self.open.len() + directives <= OPEN_DIRECTIVES_MAX && self.bytes.saturating_add(bytes) <= OPEN_BYTES_MAX
    }

    /// The number of the next directive, which is given with this.
    pub(crate) fn number(&mut self) -> DirectiveId {
        self.last += 1;
        self.numbered = true;
        DirectiveId(self.last)
    }

    /// What a key led to in this entry.
    pub(crate) fn named(&self, key: &str) -> Option<(DirectiveId, BodyHash)> {
        self.named.get(key).copied()
    }

    pub(crate) fn name(&mut self, key: String, id: DirectiveId, hash: BodyHash) {
        self.named.insert(key, (id, hash));
    }

    /// When time does something to it next: what may not be dispatched yet waits for that, and what may for its deadline.
    fn timer(directive: &Directive) -> Option<Timestamp> {
        let begins = (!directive.ready).then_some(directive.not_before);
        match directive.state {
            DirectiveState::PendingApproval => directive.deadline,
            DirectiveState::Queued => begins.into_iter().chain(directive.deadline).min(),
            DirectiveState::Dispatched { .. }
            | DirectiveState::Acked { .. }
            | DirectiveState::Running { .. }
            | DirectiveState::Succeeded
            | DirectiveState::Failed
            | DirectiveState::Expired
            | DirectiveState::Cancelled
            | DirectiveState::Superseded { .. }
            | DirectiveState::NeedsReview => None,
        }
    }

    fn in_flight(&mut self, directive: &Directive) -> &mut BTreeMap<Target, DirectiveId> {
        if directive.is_emergency() { &mut self.emergencies } else { &mut self.flights }
    }

    /// Enters a directive, or one that [`Directives::take`] gave, and indexes it.
    pub(crate) fn put(&mut self, directive: Directive) {
        let id = directive.id;
        if let Some(due) = Directives::timer(&directive) {
            self.timers.insert((due, id));
        }
        if directive.state == DirectiveState::Queued && directive.ready {
            let queue = (directive.target, Sort::of(&directive));
            self.waiting.entry(queue).or_default().insert((directive.rank(), id));
        }
        if directive.would_start() {
            self.starts.entry(directive.target).or_default().insert((directive.not_before, id));
        }
        if directive.state.epoch().is_some() {
            self.in_flight(&directive).insert(directive.target, id);
        }
        self.bytes += directive.weight();
        self.touched.insert(id);
        self.open.insert(id, directive);
    }

    /// Takes a directive out of every index, to change it and put it back or say that it is over.
    pub(crate) fn take(&mut self, id: DirectiveId) -> Option<Directive> {
        let directive = self.open.remove(&id)?;
        if let Some(due) = Directives::timer(&directive) {
            self.timers.remove(&(due, id));
        }
        if let Some(starts) = self.starts.get_mut(&directive.target) {
            starts.remove(&(directive.not_before, id));
            if starts.is_empty() {
                self.starts.remove(&directive.target);
            }
        }
        let queue = (directive.target, Sort::of(&directive));
        if let Some(waiting) = self.waiting.get_mut(&queue) {
            waiting.remove(&(directive.rank(), id));
            if waiting.is_empty() {
                self.waiting.remove(&queue);
            }
        }
        if directive.state.epoch().is_some() {
            let target = directive.target;
            self.in_flight(&directive).remove(&target);
        }
        self.bytes = self.bytes.saturating_sub(directive.weight());
        self.touched.insert(id);
        Some(directive)
    }

    /// A directive that was taken is history from now on.
    pub(crate) fn over(&mut self, directive: Directive) {
        self.touched.insert(directive.id);
        self.ended.push(directive);
    }

    /// The order in which what waits is dispatched.
    pub(crate) fn turn(&self, workers: &Workers, stopped: bool) -> Turn {
        let asked = self.waiting.keys().filter(|(_, sort)| *sort == Sort::OfWorker).map(|(target, _)| *target);
        // Whoever moves money hears nothing in an emergency, but what has the priority of one.
        let urgent = |target: &Target| {
            let head = self.head(*target, Sort::OfWorker).and_then(|(_, id, _)| self.get(id));
            head.is_some_and(Directive::is_emergency)
        };
        let braked = |target: &Target| stopped && target.moves_money() && !urgent(target);
        let absent = |target: &Target| !target.stands(workers) && !planted::has(Bug::SentToNobody);
        let away = asked.filter(|target| absent(target) || braked(target)).collect();
        let (awaited, awaited_in_emergency) = (Vec::new(), Vec::new());
        let mut turn = Turn { heads: BTreeSet::new(), away, awaited, awaited_in_emergency };
        for (target, _) in self.waiting.keys() {
            turn.free(self, *target);
        }
        turn
    }

    /// The first that waits for a target.
    fn head(&self, target: Target, sort: Sort) -> Option<(Rank, DirectiveId, Target)> {
        self.waiting.get(&(target, sort)).and_then(|places| places.first()).map(|(rank, id)| (*rank, *id, target))
    }

    /// Whether a target has what a directive would have to wait for.
    pub(crate) fn is_busy(&self, directive: &Directive) -> bool {
        let met = |flights: &BTreeMap<Target, DirectiveId>| match directive.target {
            _ if planted::has(Bug::MembersNotExcluded) => flights.contains_key(&directive.target),
            // A few look-ups for one worker, of which there may be many; a walk for what is rarer.
            Target::Worker(worker) => {
                let kind = |network| Target::Kind { kind: worker.kind, network };
                let above = [directive.target, Target::System, kind(None), kind(worker.network)];
                above.iter().any(|target| flights.contains_key(target))
            }
            Target::Kind { .. } | Target::System => flights.keys().any(|target| target.overlaps(&directive.target)),
        };
        met(&self.emergencies)
            || ((!directive.is_emergency() || planted::has(Bug::EmergencyWaits)) && met(&self.flights))
    }

    /// What is in flight.
    pub(crate) fn flights(&self) -> Vec<DirectiveId> {
        self.flights.values().chain(self.emergencies.values()).copied().collect()
    }

    /// What waits to start or restart a target or a part of it and may begin by then; at most so many.
    pub(crate) fn starts(&self, target: Target, by: Timestamp, limit: usize) -> Vec<DirectiveId> {
        let soon = |starts: &BTreeSet<(Timestamp, DirectiveId)>| {
            starts.range(..=(by, DirectiveId(u64::MAX))).map(|(_, id)| *id).take(limit).collect::<Vec<_>>()
        };
        match target {
            Target::Worker(_) => self.starts.get(&target).map(soon).unwrap_or_default(),
            Target::Kind { .. } | Target::System => {
                let within = self.starts.iter().filter(|(of, _)| target.covers(of));
                within.flat_map(|(_, starts)| soon(starts)).take(limit).collect()
            }
        }
    }

    /// The rows that changed since the last call.
    pub(crate) fn drain(&mut self, changes: &mut Vec<Change>) {
        let mut write = |table: Table, key: Vec<u8>, edit| changes.push(Change { family: table.family(), key, edit });
        if std::mem::take(&mut self.numbered) {
            write(Table::Counter, Table::Counter.key(LAST_DIRECTIVE), Edit::Put(codec::encode(&self.last)));
        }
        for id in std::mem::take(&mut self.touched) {
            let edit = self.open.get(&id).map_or(Edit::Delete, |directive| Edit::Put(codec::encode(directive)));
            write(Table::Directive, Table::Directive.key(&id.0.to_be_bytes()), edit);
        }
        for directive in std::mem::take(&mut self.ended) {
            let key = Table::DirectiveOver.key(&directive.id.0.to_be_bytes());
            write(Table::DirectiveOver, key, Edit::Put(codec::encode(&directive)));
        }
        for (key, named) in std::mem::take(&mut self.named) {
            write(Table::DirectiveKey, key_row(&key), Edit::Put(codec::encode(&named)));
        }
    }
}
