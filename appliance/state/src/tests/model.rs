//! A naive model of the rules, written apart from the code, that says what every outcome must be.
//!
//! It keeps whole histories and computes everything anew from them, where the code keeps what it needs.

use std::collections::BTreeMap;

use exchequer_domain::{NodeId, Timestamp};
use proptest::prelude::*;

use super::configuration_model::Configuration;
use super::exchange_model::Exchange;
use super::generate::{self, KEYS, Step};
use super::world::{DAY, SECOND, World};
use crate::maintenance::WindowId;
use crate::networks::NetworkState;
use crate::registry::NodeState;
use crate::rows::{self, Family, Rows, Table};
use crate::settings::{Scope, SettingChange, Value, diff, schema};
use crate::users::UserStatus;
use crate::{
    Actor, AdmitNode, Body, Command, Done, Field, Input, Outcome, Rejection, SetSetting, UnsetSetting, scratch,
};

type Verdict = Result<Done, Rejection>;

#[derive(Debug, Clone)]
struct Token {
    expires: u64,
    used_by: Option<NodeId>,
    replaces: Option<NodeId>,
}

#[derive(Debug, Clone)]
struct Node {
    name: String,
    api_address: String,
    removed: bool,
}

/// Which day an id was used on, for what, and what came of it.
type Used = (u64, Body, Outcome);

#[derive(Debug, Default)]
struct Model {
    now: u64,
    index: u64,
    epoch: u64,
    ids: BTreeMap<[u8; 16], Used>,
    revisions: Vec<(String, Option<Value>)>,
    tokens: BTreeMap<[u8; 8], Token>,
    nodes: BTreeMap<NodeId, Node>,
    scratch: BTreeMap<Vec<u8>, (u64, Vec<u8>)>,
    audited: u64,
    /// Offset and last commit of each consumer of events.
    consumers: BTreeMap<String, (u64, Option<u64>)>,
    exchange: Exchange,
    /// Since when the exchange is stopped.
    stopped: Option<u64>,
    /// Beginning and end of windows of maintenance, those that are over too.
    windows: Vec<Option<(u64, Option<u64>)>>,
    configuration: Configuration,
}

impl Model {
    fn with_accounts(world: &World) -> Model {
        let node = Node { name: "n1".into(), api_address: "10.0.0.1:8640".into(), removed: false };
        Model {
            now: world.now.0,
            nodes: BTreeMap::from([(NodeId(1), node)]),
            audited: 2,
            exchange: Exchange::with_accounts(),
            ..Model::default()
        }
    }

    fn enter(&mut self, index: u64, now: u64) {
        let new_day = now / DAY != self.now / DAY;
        (self.index, self.now) = (index, now);
        if new_day {
            self.tokens.retain(|_, token| now < token.expires + 7 * DAY);
        }
        self.exchange.enter(now);
        for window in &mut self.windows {
            *window = window.filter(|(_, ends)| ends.is_none_or(|ends| ends > now));
        }
    }

    fn command(&mut self, command: &Command) -> Outcome {
        let today = self.now / DAY;
        if let Some((day, body, outcome)) = self.ids.get(&command.id.0).filter(|(day, ..)| day + 1 >= today) {
            assert!(*day <= today);
            let same = *body == command.body;
            return if same { outcome.clone() } else { Outcome::Rejected(Rejection::CommandIdReused) };
        }
        let outcome = match self.run(command) {
            Ok(done) => Outcome::Done(done),
            Err(rejection) => Outcome::Rejected(rejection),
        };
        self.ids.insert(command.id.0, (today, command.body.clone(), outcome.clone()));
        outcome
    }

    fn run(&mut self, command: &Command) -> Verdict {
        if command.epoch.is_some_and(|epoch| epoch != self.epoch) {
            return Err(Rejection::StaleEpoch { current: self.epoch });
        }
        if let (Actor::Node(id), false) = (command.actor, matches!(command.body, Body::Bootstrap(_) | Body::Reform(_)))
        {
            self.present(id)?;
        }
        // What the random logs hold of that which an emergency lets through.
        let urgent = matches!(
            command.body,
            Body::Bootstrap(_)
                | Body::CreateJoinToken(_)
                | Body::AdmitNode(_)
                | Body::UpdateNode(_)
                | Body::RemoveNode(_)
                | Body::RotateOperatorToken(_)
                | Body::RecordAction(_)
                | Body::Digest(_)
                | Body::PutSecret(_)
                | Body::RemoveSecret(_)
                | Body::CommitConsumer(_)
                | Body::EmergencyStop(_)
                | Body::EmergencyResume(_)
                | Body::ScheduleMaintenance(_)
                | Body::EndMaintenance(_)
        );
        // What only takes risk away.
        let closes = match &command.body {
            Body::UpdateUser(user) => {
                let others = (user.kyc_level.is_some(), user.fee_tier.is_some(), user.label.is_some());
                user.status == Some(UserStatus::Frozen) && others == (false, false, false)
            }
            Body::ConfigureNetwork(change) => {
                let switches = [change.deposits, change.withdrawals, change.sweeps];
                let state = change.state.is_none_or(|state| state == NetworkState::Suspended);
                let limits = (change.tradable, change.withdrawable, change.fee_rate_max, change.fee_max);
                state
                    && !switches.contains(&Some(true))
                    && limits == (None, None, None, None)
                    && change.endpoints.is_none()
            }
            _ => false,
        };
        if let (Some(since), false) = (self.stopped, urgent || closes) {
            return Err(Rejection::EmergencyHolds { since: Timestamp(since) });
        }
        let audited = !matches!(
            command.body,
            Body::PutScratch(_)
                | Body::Digest(_)
                | Body::CreateUser(_)
                | Body::CreateUsers(_)
                | Body::OpenAccounts(_)
                | Body::PostTransfers(_)
                | Body::BulkTransfer(_)
                | Body::CreditSandbox(_)
                | Body::TransferBetweenUsers(_)
        );
        let set_back = self.sets_back(&command.body);
        let done = match self.exchange.body(&command.body, command.actor) {
            Some(verdict) => verdict?,
            None => match self.configuration.body(&command.body, self.exchange.assets()) {
                Some(verdict) => verdict?,
                None => self.body(&command.body)?,
            },
        };
        let silent = matches!(
            done,
            Done::NodeUpdated { changed: false }
                | Done::SettingsReverted { changed: 0, .. }
                | Done::UserUpdated { changed: false }
                | Done::Transfer(exchequer_ledger::Done::Exists { .. })
        ) || (matches!(done, Done::NetworkConfigured { .. } | Done::NetworkAssetConfigured)
            && self.configuration.was_silent)
            || (matches!(done, Done::ConsumerCommitted { .. }) && !set_back);
        self.audited += u64::from(audited && !silent);
        match done {
            Done::ActionRecorded { .. } => Ok(Done::ActionRecorded { sequence: self.audited }),
            done => Ok(done),
        }
    }

    fn body(&mut self, body: &Body) -> Verdict {
        match body {
            Body::Bootstrap(_) => Err(Rejection::AlreadyBootstrapped),
            Body::SetSetting(command) => self.set(command),
            Body::UnsetSetting(command) => self.unset(command),
            Body::RevertSettings(command) => {
                let latest = self.revisions.len() as u64;
                reason(&command.reason)?;
                if command.if_revision.is_some_and(|expected| expected != latest) {
                    return Err(Rejection::StaleRevision { present: latest });
                }
                if command.to_revision > latest {
                    return Err(Rejection::RevisionUnknown { latest });
                }
                let differing = sorted().map(|key| (key, self.value_at(key, command.to_revision)));
                let differing: Vec<_> =
                    differing.into_iter().filter(|(key, value)| self.value_at(key, latest) != *value).collect();
                let changed = differing.len() as u32;
                self.revisions.extend(differing.into_iter().map(|(key, value)| (key.to_owned(), value)));
                Ok(Done::SettingsReverted { revision: self.revisions.len() as u64, changed })
            }
            Body::CreateJoinToken(command) => {
                let life = command.ttl_us.unwrap_or(900 * SECOND);
                if life < SECOND {
                    return Err(Rejection::Invalid { field: Field::JoinTokenTtl });
                }
                if self.tokens.contains_key(&command.token_id) {
                    return Err(Rejection::JoinTokenExists);
                }
                if let Some(node) = command.replaces.filter(|node| !self.nodes.contains_key(node)) {
                    return Err(Rejection::UnknownNode { node });
                }
                let expires = self.now + life;
                self.tokens.insert(command.token_id, Token { expires, used_by: None, replaces: command.replaces });
                Ok(Done::JoinTokenCreated { expires_at: Timestamp(expires) })
            }
            Body::AdmitNode(command) => self.admit(command),
            Body::UpdateNode(command) => {
                let present = self.present(command.id)?;
                let address = command.api_address.clone().unwrap_or_else(|| present.api_address.clone());
                if address.ends_with(':') {
                    return Err(Rejection::Invalid { field: Field::ApiAddress });
                }
                let changed = present.api_address != address;
                present.api_address = address;
                Ok(Done::NodeUpdated { changed })
            }
            Body::RemoveNode(command) => {
                let node = command.id;
                if self.nodes.get(&node).ok_or(Rejection::UnknownNode { node })?.removed {
                    return Err(Rejection::NodeAlreadyRemoved { node });
                }
                reason(&command.reason)?;
                if self.nodes.values().filter(|node| !node.removed).count() == 1 {
                    return Err(Rejection::LastNode);
                }
                self.present(node)?.removed = true;
                Ok(Done::NodeRemoved)
            }
            Body::RotateAuthority(_) => Ok(Done::AuthorityRotated),
            Body::RotateOperatorToken(command) => reason(&command.reason).map(|()| Done::OperatorTokenRotated),
            Body::RecordAction(command) => reason(&command.reason).map(|()| Done::ActionRecorded { sequence: 0 }),
            Body::PutScratch(command) => {
                if command.key.is_empty() {
                    return Err(Rejection::Invalid { field: Field::ScratchKey });
                }
                let present = self.scratch.get(&command.key).map_or(0, |(version, _)| *version);
                if command.expect.is_some_and(|expected| expected != present) {
                    return Err(Rejection::VersionMismatch { present });
                }
                self.scratch.insert(command.key.clone(), (present + 1, command.value.clone()));
                Ok(Done::ScratchPut { version: present + 1 })
            }
            Body::Reform(_) => Err(Rejection::BadRequest),
            Body::Digest(_) => Ok(Done::DigestRequested { index: self.index }),
            Body::RaiseVersion(command) if command.logic_version <= 1 => {
                Err(Rejection::LogicVersionNotRaised { current: 1 })
            }
            Body::RaiseVersion(command) => {
                reason(&command.reason)?;
                let node = self.nodes.iter().find(|(_, node)| !node.removed).map(|(id, _)| *id).unwrap();
                Err(Rejection::LogicVersionTooNew { node, knows: 1 })
            }
            Body::EmergencyStop(command) => {
                reason(&command.reason)?;
                if let Some(since) = self.stopped {
                    return Err(Rejection::EmergencyLasts { since: Timestamp(since) });
                }
                self.stopped = Some(self.now);
                Ok(Done::EmergencyStopped { since: Timestamp(self.now), markets: 0 })
            }
            Body::EmergencyResume(command) => {
                reason(&command.reason)?;
                self.stopped.take().ok_or(Rejection::NoEmergency)?;
                Ok(Done::EmergencyResumed { markets: 0 })
            }
            Body::ScheduleMaintenance(command) => {
                reason(&command.reason)?;
                if command.banner == " " {
                    return Err(Rejection::Invalid { field: Field::MaintenanceBanner });
                }
                let starts = command.starts.map_or(self.now, |starts| starts.0);
                let ends = command.ends.map(|ends| ends.0);
                if starts < self.now || ends.is_some_and(|ends| ends <= starts) {
                    return Err(Rejection::Invalid { field: Field::MaintenanceTime });
                }
                self.windows.push(Some((starts, ends)));
                Ok(Done::MaintenanceScheduled { window: WindowId(self.windows.len() as u64) })
            }
            Body::EndMaintenance(command) => {
                reason(&command.reason)?;
                let window = command.window;
                let place = (window.0 as usize).checked_sub(1);
                let found = place.and_then(|place| self.windows.get_mut(place)).and_then(Option::take);
                found.map(|_| Done::MaintenanceEnded).ok_or(Rejection::MaintenanceUnknown { window })
            }
            Body::AddConsumer(_) | Body::CommitConsumer(_) | Body::RemoveConsumer(_) => self.consumer(body),
            other => panic!("{other:?} is the exchange model's"),
        }
    }

    /// Whether a commit asks for less than there is.
    fn sets_back(&self, body: &Body) -> bool {
        let Body::CommitConsumer(command) = body else { return false };
        self.consumers.get(&command.name).is_some_and(|(offset, _)| command.offset < *offset)
    }

    fn consumer(&mut self, body: &Body) -> Verdict {
        match body {
            Body::AddConsumer(command) => {
                reason(&command.reason)?;
                if command.name == "B" {
                    return Err(Rejection::Invalid { field: Field::ConsumerName });
                }
                if command.topics.is_empty() {
                    return Err(Rejection::Invalid { field: Field::ConsumerTopics });
                }
                if self.consumers.contains_key(&command.name) {
                    return Err(Rejection::ConsumerExists);
                }
                let offset = command.offset.unwrap();
                self.consumers.insert(command.name.clone(), (offset, None));
                Ok(Done::ConsumerAdded { offset })
            }
            Body::CommitConsumer(command) => {
                command.rewind.as_ref().map_or(Ok(()), |why| reason(why))?;
                let (present, at) = *self.consumers.get(&command.name).ok_or(Rejection::ConsumerUnknown)?;
                let offset = command.offset;
                if offset != present {
                    if offset < present && command.rewind.is_none() {
                        return Err(Rejection::OffsetBack { present });
                    }
                    if let Some(at) = at.filter(|at| self.now < at + SECOND) {
                        return Err(Rejection::CommitTooSoon { next: Timestamp(at + SECOND) });
                    }
                    self.consumers.insert(command.name.clone(), (offset, Some(self.now)));
                }
                Ok(Done::ConsumerCommitted { offset })
            }
            Body::RemoveConsumer(command) => {
                reason(&command.reason)?;
                self.consumers.remove(&command.name).ok_or(Rejection::ConsumerUnknown)?;
                Ok(Done::ConsumerRemoved)
            }
            other => panic!("{other:?} is about no consumer"),
        }
    }

    fn set(&mut self, command: &SetSetting) -> Verdict {
        let key = command.key.clone();
        let fits = match (key.as_str(), &command.value) {
            ("autopilot.min_quorum", Value::Integer(number)) => (1..=9).contains(number),
            ("log.entries_kept", Value::Integer(number)) => *number >= 0,
            ("autopilot.promote", Value::Bool(_)) => true,
            ("worker.cpu_quota@kind:selftest,network:tron" | "log.entries_kept@network:tron", _) => {
                return Err(Rejection::SettingPlace { key: without_place(&key) });
            }
            (key, Value::Integer(number)) if key.starts_with("worker.cpu_quota") => (10..=256_000).contains(number),
            ("no.such", _) => return Err(Rejection::SettingUnknown { key }),
            (_, _) => return Err(Rejection::SettingWrongUnit { key: without_place(&key) }),
        };
        if !fits {
            return Err(Rejection::SettingOutOfRange { key: without_place(&key) });
        }
        let present = self.revisions.iter().rposition(|(of, _)| *of == key).map_or(0, |at| at as u64 + 1);
        if command.if_revision.is_some_and(|expected| expected != present) {
            return Err(Rejection::StaleRevision { present });
        }
        self.revisions.push((key, Some(command.value.clone())));
        Ok(Done::SettingChanged { revision: self.revisions.len() as u64 })
    }

    fn unset(&mut self, command: &UnsetSetting) -> Verdict {
        let key = command.key.clone();
        match key.as_str() {
            "worker.cpu_quota@kind:selftest,network:tron" | "log.entries_kept@network:tron" => {
                return Err(Rejection::SettingPlace { key: without_place(&key) });
            }
            "no.such" => return Err(Rejection::SettingUnknown { key }),
            _ => {}
        }
        let latest = self.revisions.len() as u64;
        let present = self.revisions.iter().rposition(|(of, _)| *of == key).map_or(0, |at| at as u64 + 1);
        if command.if_revision.is_some_and(|expected| expected != present) {
            return Err(Rejection::StaleRevision { present });
        }
        if self.value_at(&key, latest).is_none() {
            return Err(Rejection::SettingNotSet { key });
        }
        self.revisions.push((key, None));
        Ok(Done::SettingChanged { revision: latest + 1 })
    }

    fn value_at(&self, key: &str, revision: u64) -> Option<Value> {
        let mut until = self.revisions.iter().take(revision as usize);
        until.rfind(|(of, _)| of == key).and_then(|(_, value)| value.clone())
    }

    fn admit(&mut self, command: &AdmitNode) -> Verdict {
        let by = NodeId(self.index);
        let token = self.tokens.get_mut(&command.token_id).ok_or(Rejection::JoinTokenUnknown)?;
        if command.token_secret_hash != [command.token_id[0]; 32] {
            return Err(Rejection::JoinTokenUnknown);
        }
        if let Some(by) = token.used_by {
            return Err(Rejection::JoinTokenUsed { by });
        }
        if self.now >= token.expires {
            return Err(Rejection::JoinTokenExpired { expired_at: Timestamp(token.expires) });
        }
        if command.name.contains(' ') {
            return Err(Rejection::Invalid { field: Field::NodeName });
        }
        if let Some(node) = command.replaces.filter(|node| Some(*node) != token.replaces) {
            return Err(Rejection::ReplacementNotAllowed { node });
        }
        let named =
            |(id, node): &(&NodeId, &Node)| !node.removed && node.name == command.name && Some(**id) != token.replaces;
        if let Some((other, _)) = self.nodes.iter().find(named) {
            return Err(Rejection::NameTaken { by: *other });
        }
        if self.nodes.contains_key(&by) {
            return Err(Rejection::ChangeInProgress);
        }
        token.used_by = Some(by);
        let (name, api_address) = (command.name.clone(), command.api_address.clone());
        self.nodes.insert(by, Node { name, api_address, removed: false });
        Ok(Done::NodeAdmitted { node: by })
    }

    fn present(&mut self, node: NodeId) -> Result<&mut Node, Rejection> {
        match self.nodes.get_mut(&node) {
            None => Err(Rejection::UnknownNode { node }),
            Some(found) if found.removed => Err(Rejection::NodeRemoved { node }),
            Some(found) => Ok(found),
        }
    }

    /// The state and its rows hold what the model holds.
    fn compare(&self, world: &World) {
        let settings = world.state.settings();
        let latest = self.revisions.len() as u64;
        assert_eq!(settings.revision(), latest);
        let mut changes = Vec::new();
        rows::for_each_of_table(&world.rows, Table::SettingHistory, |_, row| {
            changes.push(SettingChange::decode(row).unwrap());
            Ok(())
        })
        .unwrap();
        assert_eq!(changes.len() as u64, latest);
        for from in 0..=latest {
            let differences = diff(changes.clone(), from, latest);
            for key in KEYS {
                let (old, new) = (self.value_at(key, from), self.value_at(key, latest));
                assert_eq!(settings.state(key).and_then(|state| state.value.clone()), new);
                let found = differences.iter().find(|difference| difference.key == key);
                assert_eq!(
                    found.map(|found| (found.from.clone(), found.to.clone())),
                    (old != new).then_some((old, new))
                );
            }
        }

        // The most specific value holds, whatever was reloaded and reverted.
        let quota = |key: &str| match self.value_at(key, latest) {
            Some(Value::Integer(permille)) => Some(permille),
            _ => None,
        };
        let plain = quota("worker.cpu_quota").unwrap_or(1_000);
        let of_kind = quota("worker.cpu_quota@kind:deposit").unwrap_or(plain);
        let of_worker = quota("worker.cpu_quota@worker:deposit/tron-1").unwrap_or(of_kind);
        for (worker, value) in [
            ("selftest/1", plain),
            ("deposit/tron-2", of_kind),
            ("deposit/bsc-1", of_kind),
            ("deposit/tron-1", of_worker),
        ] {
            let scope = Scope::worker(worker.parse().unwrap());
            assert_eq!(settings.get_for(&schema::WORKER_CPU_QUOTA, &scope), value, "{worker}");
        }

        let nodes =
            world.state.registry().nodes().map(|node| {
                (node.id, node.name.as_str(), node.api_address.as_str(), node.state != NodeState::Admitted)
            });
        let expected =
            self.nodes.iter().map(|(id, node)| (*id, node.name.as_str(), node.api_address.as_str(), node.removed));
        assert!(nodes.eq(expected));
        let tokens = world.state.access().join_tokens().map(|token| (token.id, token.expires_at.0, token.used_by));
        assert!(tokens.eq(self.tokens.iter().map(|(id, token)| (*id, token.expires, token.used_by))));
        for (key, (version, value)) in &self.scratch {
            let row = world.rows.get(Family::Ids, &scratch::key(key)).unwrap().unwrap();
            assert_eq!(scratch::decode(&row), Ok((*version, value.as_slice())));
        }
        assert_eq!(world.audit().len() as u64, self.audited);
        assert_eq!(world.state.emergency().map(|emergency| emergency.since.0), self.stopped);
        let windows = world.state.maintenance().windows().map(|window| (window.id.0, window.starts.0, window.open));
        let expected =
            self.windows.iter().zip(1_u64..).filter_map(|(window, id)| window.map(|(starts, _)| (id, starts)));
        assert!(windows.eq(expected.map(|(id, starts)| (id, starts, starts <= self.now))));
        self.exchange.compare(world);
        self.configuration.compare(world);
    }
}

/// The order in which a revert makes its revisions.
fn sorted() -> [&'static str; KEYS.len()] {
    let mut keys = KEYS;
    keys.sort_unstable();
    keys
}

fn without_place(key: &str) -> String {
    key.split('@').next().unwrap_or_default().to_owned()
}

pub(super) fn reason(reason: &str) -> Result<(), Rejection> {
    if reason == " " { Err(Rejection::ReasonMissing) } else { Ok(()) }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// Goal: every outcome is the one the rules demand, and the rows end up as they demand. Method: random logs of good
    /// and bad commands, with ids used again and time that leaps over days, against the model above. A failure prints
    /// the smallest log that shows it and the seed.
    #[test]
    fn outcomes_are_those_of_the_model(log in generate::log()) {
        let mut world = World::with_accounts();
        let mut model = Model::with_accounts(&world);
        for (pause, step) in log {
            world.now = world.now.plus(pause);
            model.enter(world.index + 1, world.now.0);
            match step {
                Step::Activate { node } => {
                    world.apply(Input::Activate { node: NodeId(node), boot: [0; 16] }).unwrap();
                    model.epoch = world.index;
                }
                Step::Commands(commands) => {
                    let expected: Vec<Outcome> = commands.iter().map(|command| model.command(command)).collect();
                    prop_assert_eq!(world.entry(&commands), expected);
                }
            }
        }
        model.compare(&world);
    }
}
