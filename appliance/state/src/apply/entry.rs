//! One log entry while it is applied: its time, its changes, and an overlay of the cold rows it has written.
//!
//! Invariants: whatever a command changes in the working set is also a changed row; rows of counters are written once,
//! at the end; a cold row written by an earlier command of the entry is read from here, not from below.

use std::collections::BTreeMap;

use exchequer_domain::{CommandId, NodeId, Timestamp, UserId};
use exchequer_ledger::{self as ledger, Ledger};
use serde::Serialize;

use super::Stop;
use crate::WithdrawalStep;
use crate::access::JoinToken;
use crate::api_keys::ApiKeyId;
use crate::approvals::{Policy, Proposal, ProposalId};
use crate::audit::{self, AuditAction, AuditContent, AuditHead};
use crate::cluster::{Cluster, Epoch};
use crate::codec;
use crate::command::{Actor, Body, Header, Received};
use crate::event::{self, Event, EventKind, EventRecord};
use crate::events::Retention;
use crate::halt::Halt;
use crate::ids::{self, BodyHash};
use crate::money::{self, HistoryOf};
use crate::outcome::Outcome;
use crate::people::Principal;
use crate::registry::NodeRecord;
use crate::rejection::Rejection;
use crate::rows::{Change, Edit, Family, Rows, Table};
use crate::scratch;
use crate::settings::{self, Key, SettingChange, SettingState, Value, schema};
use crate::state::{Applied, At, State};

pub(crate) struct Entry<'a> {
    pub(crate) state: &'a mut State,
    pub(crate) rows: &'a dyn Rows,
    pub(crate) at: At,
    /// Replicated time: the entry's stamp, never before that of an earlier entry.
    pub(crate) now: Timestamp,
    pub(super) changes: Vec<Change>,
    pub(super) events: Vec<Event>,
    /// Where in `changes` the outcomes of this entry's ids are.
    outcomes: BTreeMap<CommandId, usize>,
    /// The versions of the scratch values that this entry wrote.
    scratch: BTreeMap<Vec<u8>, u64>,
    /// The cold rows that this entry wrote; none where it deleted one.
    pub(super) cold: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    /// The revisions that this entry made.
    pub(crate) revisions: Vec<SettingChange>,
    /// The ledger's side of the entry: money moves through it, command by command.
    pub(crate) ledger: ledger::Entry<'a>,
    /// What books reported in this entry.
    pub(super) reports: u32,
    /// Directives that stops of this entry have made pointless.
    pub(super) superseded: usize,
    /// The command that is being run, and on whose behalf.
    cause: Option<(CommandId, Actor)>,
    /// Whose consent the present operation has; the audit says so.
    consent: Consent,
    pub(super) opened: Opened,
}

/// Whose consent an operation has beside its sender's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Consent {
    /// It needs nobody's.
    NotNeeded,
    /// Nobody's, and nobody's is asked for yet.
    Nobodys,
    /// That of the persons who approved the proposal.
    Given(ProposalId),
}

/// What is compared at the end of the entry to see which counters moved.
pub(super) struct Opened {
    pub(super) time: Timestamp,
    audit: AuditHead,
    event_sequence: u64,
    /// The numbers of the last job and the last directive.
    pub(super) numbered: [u64; 2],
}

impl<'a> Entry<'a> {
    /// Opens the entry in every room; holds whose time is over expire here, also where no command follows.
    pub(crate) fn open(
        state: &'a mut State,
        ledger: &'a mut Ledger,
        at: At,
        history: &'a HistoryOf<'a>,
    ) -> Result<Entry<'a>, Halt> {
        let numbered = [state.jobs.last().0, state.directives.last().0];
        let opened = Opened { time: state.time, audit: state.audit, event_sequence: state.event_sequence, numbered };
        let now = state.time.max(at.time);
        let ledger = ledger.enter(ledger::At { index: at.index, time: now }, history)?;
        let mut entry = Entry {
            state,
            rows: history.0,
            at,
            now,
            changes: Vec::new(),
            events: Vec::new(),
            outcomes: BTreeMap::new(),
            scratch: BTreeMap::new(),
            cold: BTreeMap::new(),
            revisions: Vec::new(),
            ledger,
            reports: 0,
            superseded: 0,
            cause: None,
            consent: Consent::NotNeeded,
            opened,
        };
        let before = entry.state.time;
        entry.advance();
        entry.pass_time_in_jobs();
        entry.pass_time_in_directives();
        entry.pass_time_in_maintenance();
        entry.pass_time_in_approvals();
        entry.pass_time_in_attention(before);
        let passed = entry.pass_time_in_withdrawals();
        match passed.and_then(|()| entry.pass_time_in_markets()) {
            Ok(()) => Ok(entry),
            Err(Stop::Halt(halt)) => Err(halt),
            Err(Stop::Rejected(why)) => Err(Halt::Invariant(format!("a room refuses that time passes: {why:?}"))),
        }
    }

    /// Moves replicated time on and, at the first entry of a day, forgets what is too old.
    fn advance(&mut self) {
        let (before, bucket) = (ids::bucket(self.state.time), ids::bucket(self.now));
        self.state.time = self.now;
        if bucket == before {
            return;
        }
        // The day before `before` and `before` itself are all that can hold rows.
        for old in (before.saturating_sub(1)..=before).filter(|old| old + 1 < bucket) {
            self.change(Family::Ids, ids::prefix(old), Edit::DeletePrefix);
        }
        for id in self.state.access.forgettable(self.now) {
            self.forget_join_token(&id);
        }
        self.forget_admin_sessions();
    }

    pub(crate) fn activate(&mut self, node: NodeId, boot: [u8; 16]) {
        let epoch = Epoch { index: self.at.index, term: self.at.term, node, boot };
        self.put(Table::Epoch, &[], &epoch);
        self.state.epoch = Some(epoch);
        self.event(EventKind::LeaderActivated(epoch));
        self.orphan_jobs();
        self.orphan_workers();
        self.orphan_directives();
    }

    /// The keys of the rows of [`Family::Ids`] that these commands may look up, in the order in which they ask for them.
    pub(crate) fn lookups(&self, commands: &[Received<'_>]) -> Vec<Vec<u8>> {
        let mut keys = Vec::with_capacity(commands.len() * 3);
        for received in commands {
            if let Received::Command { header, body, .. } = received {
                keys.extend(ids::keys(self.now, header.id));
                keys.extend(body.iter().flat_map(|body| body.lookups(self.ledger.ledger())));
                // The last approval carries out what waits.
                if let Some(Body::Approve(command)) = body
                    && let Some(Ok(body)) = self.state.approvals.get(command.proposal).map(Proposal::body)
                {
                    keys.extend(body.lookups(self.ledger.ledger()));
                }
            }
        }
        keys
    }

    /// Runs one command and gives its encoded outcome, or the first one of the same id.
    pub(crate) fn command(&mut self, received: Received<'_>) -> Result<Vec<u8>, Halt> {
        let (header, bytes, body) = match received {
            Received::Command { header, bytes, body } => (header, bytes, body),
            Received::TooLarge => return Ok(Outcome::Rejected(Rejection::TooLarge).encode()),
            Received::Unreadable => return Ok(Outcome::Rejected(Rejection::BadRequest).encode()),
        };
        let hash = ids::hash(bytes);
        if let Some(first) = self.first_outcome(header.id, &hash)? {
            return Ok(first);
        }
        let before = self.ledger.progress();
        self.cause = Some((header.id, header.actor));
        let outcome = match self.run(&header, body) {
            Ok(done) => Outcome::Done(done),
            Err(Stop::Rejected(rejection)) => {
                // Where time has traded meanwhile, an empty account may stay: it may be part of that.
                self.ledger.take_back_openings(before);
                Outcome::Rejected(rejection)
            }
            Err(Stop::Halt(halt)) => return Err(halt),
        };
        self.cause = None;
        let outcome = outcome.encode();
        self.outcomes.insert(header.id, self.changes.len());
        let key = ids::key(ids::bucket(self.now), header.id);
        self.change(Family::Ids, key, Edit::Put(ids::encode(&hash, &outcome)));
        Ok(outcome)
    }

    fn run(&mut self, header: &Header, body: Option<Body>) -> Result<crate::Done, Stop> {
        let current = self.state.epoch.map_or(0, |epoch| epoch.index);
        // A worker's command without an epoch would be one that no change of leaders can stop. What a leader says of directives
        // and of its signer is such a worker's.
        let of_leader = matches!(body, Some(Body::StepDirectives(_) | Body::StepPayout(_)));
        let of_worker = matches!(header.actor, Actor::Worker(_)) || of_leader;
        let unfenced = header.epoch.is_none() && of_worker;
        if unfenced || header.epoch.is_some_and(|epoch| epoch != current) {
            return Err(Rejection::StaleEpoch { current }.into());
        }
        let body = body.ok_or(Rejection::BadRequest)?;
        // Only the bootstrap may come from a node that is not registered: it registers the first one.
        if !matches!(body, Body::Bootstrap(_) | Body::Reform(_)) {
            self.cluster()?;
            match header.actor {
                Actor::Operator => {}
                Actor::Node(id) => self.state.registry.present(id).map(|_| ())?,
                Actor::Admin(id) => self.state.people.allow(id, &body)?,
                Actor::User(id) => self.user_may(id, &body)?,
                Actor::Worker(_) if !body.is_workers_work() => return Err(Rejection::WorkerMayNot.into()),
                Actor::ApiKey(_) | Actor::Worker(_) => {}
            }
        }
        if body.is_leaders_work() && (header.epoch.is_none() || !matches!(header.actor, Actor::Node(_))) {
            return Err(Rejection::EpochMissing.into());
        }
        if let Actor::ApiKey(id) = header.actor {
            self.key_allows(id, &body)?;
        }
        self.perform(header.actor, body, None)
    }

    /// Carries a command out whose sender is known: one that came by itself, or the operation of an approved proposal, for
    /// which everything is asked again as it stands now.
    pub(super) fn perform(
        &mut self,
        actor: Actor,
        body: Body,
        approved: Option<ProposalId>,
    ) -> Result<crate::Done, Stop> {
        if approved.is_some() {
            self.check_may(actor, &body)?;
        }
        if waits_for_maintenance(actor, &body)
            && let Some(window) = self.state.maintenance.system()
        {
            return Err(Rejection::UnderMaintenance { window: window.id, until: window.ends }.into());
        }
        if let Some(emergency) = &self.state.emergency
            && emergency.refuses(&body)
        {
            return Err(Rejection::EmergencyHolds { since: emergency.since }.into());
        }
        let policy = self.policy_of(&body, actor);
        self.consent = match (policy, approved) {
            // Of what has become ordinary meanwhile the record still says who approved it.
            (_, Some(proposal)) => Consent::Given(proposal),
            (None, None) => Consent::NotNeeded,
            (Some(Policy { needed, permission }), None) if self.state.approvals.in_force().is_some() => {
                return Err(Rejection::ApprovalNeeded { needed, permission }.into());
            }
            (Some(_), None) => Consent::Nobodys,
        };
        let done = body.apply(self, actor);
        self.consent = Consent::NotNeeded;
        done
    }

    /// Whether the present operation is that of a proposal which others have approved.
    pub(super) fn is_approved(&self) -> bool {
        matches!(self.consent, Consent::Given(_))
    }

    /// When the present operation was proposed, where it is that of a proposal.
    pub(super) fn proposed(&self) -> Option<Timestamp> {
        let Consent::Given(id) = self.consent else { return None };
        self.state.approvals.get(id).map(|proposal| proposal.created)
    }

    /// Whether an initiator may ask for an operation.
    pub(super) fn check_may(&self, actor: Actor, body: &Body) -> Result<(), Rejection> {
        match actor {
            Actor::Operator => Ok(()),
            Actor::Admin(id) => self.state.people.allow(id, body),
            Actor::Node(_) | Actor::ApiKey(_) | Actor::Worker(_) | Actor::User(_) => Err(Rejection::NotAPerson),
        }
    }

    /// Whether a key may still ask for this. A node that checked its signature may not have heard of its end yet.
    fn key_allows(&self, id: ApiKeyId, body: &Body) -> Result<(), Rejection> {
        let key = self.state.api_keys.get(id).filter(|key| key.revoked_at.is_none());
        let key = key.ok_or(Rejection::ApiKeyUnknown)?;
        // A key that only reads changes nothing: it sees the addresses that its user has.
        let changes = key.scopes.trade || key.scopes.withdraw;
        let own_address = changes && matches!(body, Body::AllocateAddress(command) if command.user == key.user);
        let withdraws = key.scopes.withdraw && self.withdraws_as(body) == Some(key.user);
        if own_address || withdraws || (key.scopes.trade && body.trades_as() == Some(key.user)) {
            Ok(())
        } else {
            Err(Rejection::ApiKeyScope)
        }
    }

    /// The user whose money this moves out, or whose address book it changes, as a user may.
    fn withdraws_as(&self, body: &Body) -> Option<UserId> {
        match body {
            Body::RequestWithdrawal(command) => Some(command.order.user),
            Body::ChangeAddressBook(command) => Some(command.user),
            Body::StepWithdrawal(command) => match command.step {
                WithdrawalStep::Confirm(_) | WithdrawalStep::Cancel => {
                    self.state.withdrawals.get(command.withdrawal).map(|one| one.order.user)
                }
                WithdrawalStep::Reject { .. } | WithdrawalStep::Wait(_) => None,
            },
            _ => None,
        }
    }

    /// The command that is being run, and on whose behalf; none where time does something.
    pub(super) fn sender(&self) -> Option<(CommandId, Actor)> {
        self.cause
    }

    /// Whether a customer may ask for this: nothing but its own trading, keys and credentials.
    fn user_may(&self, user: UserId, body: &Body) -> Result<(), Rejection> {
        let own_key = match body {
            Body::CreateApiKey(command) => command.user == user,
            Body::AllocateAddress(command) => command.user == user,
            Body::RevokeApiKey(command) => self.state.api_keys.get(command.id).is_some_and(|key| key.user == user),
            _ => false,
        };
        if own_key
            || self.withdraws_as(body) == Some(user)
            || body.trades_as() == Some(user)
            || body.own() == Some(Principal::User(user))
        {
            return Ok(());
        }
        Err(Rejection::NotPermitted { permission: None })
    }

    /// The outcome to give when the id was used before.
    fn first_outcome(&self, id: CommandId, hash: &BodyHash) -> Result<Option<Vec<u8>>, Halt> {
        let judge = |row: &[u8]| {
            let (first_hash, outcome) = ids::decode(row).map_err(|error| Halt::row(Table::CommandId, error))?;
            let reused = || Outcome::Rejected(Rejection::CommandIdReused).encode();
            Ok(Some(if first_hash == hash { outcome.to_vec() } else { reused() }))
        };
        let of_this_entry = self.outcomes.get(&id).and_then(|position| self.changes.get(*position));
        if let Some(Change { edit: Edit::Put(row), .. }) = of_this_entry {
            return judge(row);
        }
        for key in ids::keys(self.now, id) {
            if let Some(row) = self.rows.get(Family::Ids, &key)? {
                return judge(&row);
            }
        }
        Ok(None)
    }

    /// The cluster, which every command but the bootstrap needs.
    pub(crate) fn cluster(&self) -> Result<&Cluster, Rejection> {
        self.state.cluster.as_ref().ok_or(Rejection::NotBootstrapped)
    }

    pub(crate) fn put_cluster(&mut self, cluster: Cluster) {
        self.put(Table::Cluster, &[], &cluster);
        self.state.cluster = Some(cluster);
    }

    pub(crate) fn put_node(&mut self, node: NodeRecord) {
        self.put(Table::Node, &node.id.0.to_be_bytes(), &node);
        self.state.registry.put(node);
    }

    pub(crate) fn put_join_token(&mut self, token: JoinToken) {
        self.put(Table::JoinToken, &token.id, &token);
        self.state.access.put_join_token(token);
    }

    pub(crate) fn forget_join_token(&mut self, id: &[u8; 8]) {
        self.change(Family::Working, Table::JoinToken.key(id), Edit::Delete);
        self.state.access.forget_join_token(id);
    }

    pub(crate) fn set_operator_token_hash(&mut self, hash: [u8; 32]) {
        self.put(Table::OperatorToken, &[], &hash);
        self.state.access.set_operator_token_hash(hash);
    }

    /// Gives a setting its value in a place, or for none the less specific one, as the next revision.
    pub(crate) fn set_setting(&mut self, key: &Key, new: Option<Value>, actor: Actor, reason: String) -> u64 {
        let settings = &self.state.settings;
        let revision = settings.revision() + 1;
        let (before, before_at) = settings.day_of(key, self.now);
        let key = key.to_string();
        let old = settings.state(&key).and_then(|state| state.value.clone());
        let state = SettingState { value: new.clone(), revision, changed_at: self.now, before, before_at };
        let change = SettingChange { revision, key, old, new, actor, reason, time: self.now, index: self.at.index };
        self.put(Table::Setting, change.key.as_bytes(), &state);
        let row = codec::encode(&change);
        self.change(Family::History, settings::history_key(revision), Edit::Put(row));
        self.event(EventKind::SettingChanged { key: change.key.clone(), revision });
        self.state.settings.put(change.key.clone(), state);
        self.revisions.push(change);
        revision
    }

    /// The version of a scratch value; zero when there is none.
    pub(crate) fn scratch_version(&self, key: &[u8]) -> Result<u64, Halt> {
        if let Some(version) = self.scratch.get(key) {
            return Ok(*version);
        }
        match self.rows.get(Family::Ids, &scratch::key(key))? {
            Some(row) => match scratch::decode(&row) {
                Ok((version, _)) => Ok(version),
                Err(error) => Err(Halt::row(Table::Scratch, error)),
            },
            None => Ok(0),
        }
    }

    pub(crate) fn put_scratch(&mut self, key: Vec<u8>, version: u64, value: &[u8]) {
        self.change(Family::Ids, scratch::key(&key), Edit::Put(scratch::encode(version, value)));
        self.scratch.insert(key, version);
    }

    /// Puts an administrative write on record and gives its number.
    pub(crate) fn audit(
        &mut self,
        actor: Actor,
        action: AuditAction,
        target: String,
        detail: String,
        reason: String,
    ) -> u64 {
        let detail = match self.consent {
            Consent::NotNeeded => detail,
            Consent::Nobodys => format!("{detail} (by one person: the two-person rule is not in force)"),
            Consent::Given(proposal) => format!("{detail} (proposal {})", proposal.0),
        };
        let sequence = self.state.audit.sequence + 1;
        let index = self.at.index;
        let content = AuditContent { sequence, time: self.now, index, actor, action, target, detail, reason };
        let record = self.state.audit.chain(content);
        self.state.audit = AuditHead { sequence, hash: record.hash };
        self.change(Family::History, audit::key(sequence), Edit::Put(codec::encode(&record)));
        sequence
    }

    pub(crate) fn event(&mut self, kind: EventKind) {
        self.state.event_sequence += 1;
        let sequence = self.state.event_sequence;
        let (command, actor) = self.cause.unzip();
        let record = EventRecord { index: self.at.index, time: self.now, command, actor, kind };
        self.change(Family::History, event::key(sequence), Edit::Put(codec::encode(&record)));
        self.events.push(Event::Durable { sequence, record });
    }

    /// Takes note of the day's first events, and forgets those that are too old or too many.
    fn forget_events(&mut self) {
        let (before, last) = (self.opened.event_sequence, self.state.event_sequence);
        let is_new_day = ids::bucket(self.opened.time) != ids::bucket(self.now);
        if before == last && !is_new_day {
            return;
        }
        let settings = &self.state.settings;
        let days = settings.get(&schema::EVENTS_RETENTION).as_secs().div_ceil(24 * 60 * 60);
        let retention = Retention {
            days: u32::try_from(days).unwrap_or(u32::MAX),
            count: settings.get(&schema::EVENTS_KEPT_MAX).unsigned_abs(),
        };
        let kept = &mut self.state.events.kept;
        let mut is_changed = last > before && kept.arose(before + 1, self.now);
        if let Some(first) = kept.due(last, self.now, retention) {
            let (from, until) = (event::key(kept.first), event::key(first));
            kept.forget_before(first, last);
            self.change(Family::History, from, Edit::DeleteUntil(until));
            is_changed = true;
        }
        if is_changed {
            let row = codec::encode(&self.state.events.kept);
            self.change(Family::Working, Table::EventsKept.key(&[]), Edit::Put(row));
        }
    }

    pub(crate) fn request_digest(&mut self) {
        self.events.push(Event::DigestRequested { index: self.at.index });
    }

    pub(super) fn put<T: Serialize>(&mut self, table: Table, suffix: &[u8], value: &T) {
        self.change(table.family(), table.key(suffix), Edit::Put(codec::encode(value)));
    }

    pub(super) fn change(&mut self, family: Family, key: Vec<u8>, edit: Edit) {
        self.changes.push(Change { family, key, edit });
    }

    /// Ends the entry. Its rows are those of its commands in their order, then the books', the jobs', what is kept of events,
    /// the ledger's, then those of counters.
    pub(crate) fn close(mut self, outcomes: Vec<Vec<u8>>) -> Result<Applied, Halt> {
        self.state.markets.drain(&mut self.changes, &mut self.events)?;
        self.state.jobs.drain(&mut self.changes);
        self.state.directives.drain(&mut self.changes);
        self.forget_events();
        self.forget_over();
        let moved = self.ledger.close()?;
        self.changes.extend(moved.into_iter().map(money::change));
        let (time, audit, event_sequence) = (self.state.time, self.state.audit, self.state.event_sequence);
        let counter = |table: Table, value: Vec<u8>| Change {
            family: table.family(),
            key: table.key(&[]),
            edit: Edit::Put(value),
        };
        if time != self.opened.time {
            self.changes.push(counter(Table::Time, codec::encode(&time)));
        }
        if audit != self.opened.audit {
            self.changes.push(counter(Table::AuditHead, codec::encode(&audit)));
        }
        if event_sequence != self.opened.event_sequence {
            self.changes.push(counter(Table::EventSequence, codec::encode(&event_sequence)));
        }
        Ok(Applied { outcomes, changes: self.changes, events: self.events })
    }
}

/// Whether a customer asks for it, and can wait: what they need to keep others out of their account cannot.
fn waits_for_maintenance(actor: Actor, body: &Body) -> bool {
    match actor {
        Actor::ApiKey(_) => true,
        Actor::User(user) => matches!(body, Body::CreateApiKey(_)) || body.trades_as() == Some(user),
        Actor::Operator | Actor::Node(_) | Actor::Admin(_) | Actor::Worker(_) => false,
    }
}
