//! Random logs: commands good and bad from a small domain, so that they collide with each other often.

use std::time::Duration;

use exchequer_domain::{Network, NodeId, Timestamp};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::world::{DAY, HOUR, SECOND, START, admission, bootstrap, id, put, set, token, unset};
use super::{approvals, configuration_model, deposits, generate_money, withdrawals, workers};
use crate::audit::Action;
use crate::events::Topics;
use crate::maintenance::{Extent, WindowId};
use crate::settings::Value;
use crate::{
    Actor, AddConsumer, AdmitNode, Body, Command, CommitConsumer, CreateJoinToken, EmergencyResume, EmergencyStop,
    EndMaintenance, RaiseVersion, RecordAction, RemoveConsumer, RemoveNode, RequestDigest, RevertSettings,
    RotateOperatorToken, ScheduleMaintenance, UpdateNode,
};

/// The settings that random commands speak of; the last three do not exist, or not there.
pub(super) const KEYS: [&str; 9] = [
    "autopilot.min_quorum",
    "autopilot.promote",
    "log.entries_kept",
    "worker.cpu_quota",
    "worker.cpu_quota@kind:deposit",
    "worker.cpu_quota@worker:deposit/tron-1",
    "worker.cpu_quota@kind:selftest,network:tron",
    "log.entries_kept@network:tron",
    "no.such",
];

/// Entries of a random log at most, but one.
const STEPS_MAX: usize = 39;

/// One random entry.
#[derive(Debug, Clone)]
pub(super) enum Step {
    Activate { node: u64 },
    Commands(Vec<Command>),
}

/// A random log: how much time passes before each entry, and what it holds.
pub(super) fn log() -> impl Strategy<Value = Vec<(Duration, Step)>> {
    log_of(command(body()))
}

/// The same with what the model does not know.
pub(super) fn whole_log() -> impl Strategy<Value = Vec<(Duration, Step)>> {
    // Boxed: a strategy of all of them at once would be larger than a test's stack.
    let body = prop_oneof![3 => body().boxed(), 2 => workers::generate::body()].boxed();
    let steps = log_of(prop_oneof![5 => command(body).boxed(), 2 => approvals::generate::command().boxed(), 2 => deposits::generate::command().boxed(), 3 => withdrawals::generate::command().boxed()].boxed());
    (any::<bool>(), any::<bool>(), steps).prop_map(|(in_force, open, mut steps)| {
        if in_force {
            steps.insert(0, (Duration::ZERO, Step::Commands(approvals::generate::founding())));
            steps.truncate(STEPS_MAX);
        }
        if open {
            // A worker's commands want a leadership.
            steps.insert(0, (Duration::ZERO, Step::Commands(withdrawals::generate::founding())));
            steps.insert(0, (Duration::ZERO, Step::Commands(deposits::generate::founding())));
            steps.insert(0, (Duration::ZERO, Step::Activate { node: 1 }));
            steps.truncate(STEPS_MAX);
        }
        steps
    })
}

fn log_of(command: impl Strategy<Value = Command>) -> impl Strategy<Value = Vec<(Duration, Step)>> {
    let pause = prop_oneof![
        6 => Just(0), 4 => Just(SECOND), 2 => Just(HOUR), 1 => Just(13 * HOUR), 1 => Just(DAY), 1 => Just(8 * DAY)
    ];
    let step = prop_oneof![
        1 => (1_u64..4).prop_map(|node| Step::Activate { node }),
        9 => vec(command, 0..6).prop_map(Step::Commands),
    ];
    vec((pause.prop_map(Duration::from_micros), step), 1..=STEPS_MAX)
}

fn command(body: impl Strategy<Value = Body>) -> impl Strategy<Value = Command> {
    let actor = prop_oneof![8 => Just(Actor::Operator), 1 => node().prop_map(Actor::Node)];
    let epoch = prop_oneof![8 => Just(None), 1 => (0_u64..20).prop_map(Some)];
    (1_000_u64..1_600, actor, epoch, body).prop_map(|(number, actor, epoch, body)| Command {
        id: id(number),
        actor,
        epoch,
        body,
    })
}

/// Ids are entry indexes, so in a short log most of these are some node's.
fn node() -> impl Strategy<Value = NodeId> {
    (1_u64..24).prop_map(NodeId)
}

pub(super) fn reason() -> impl Strategy<Value = String> {
    prop_oneof![9 => Just("why".to_owned()), 1 => Just(" ".to_owned())]
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        4 => (-1_i64..12).prop_map(Value::Integer),
        2 => (1_i64..4).prop_map(|tens| Value::Integer(10 * tens)),
        2 => any::<bool>().prop_map(Value::Bool),
        1 => Just(Value::Bytes(5)),
    ]
}

fn body() -> impl Strategy<Value = Body> {
    let setting = (0..KEYS.len(), value(), option::weighted(0.3, 0_u64..8))
        .prop_map(|(key, value, if_revision)| set(KEYS[key], value, if_revision));
    let setting = prop_oneof![
        3 => setting,
        1 => (0..KEYS.len(), option::weighted(0.2, 0_u64..8)).prop_map(|(key, if_revision)| unset(KEYS[key], if_revision)),
    ];
    let revert =
        (0_u64..12, option::weighted(0.2, 0_u64..12), reason()).prop_map(|(to_revision, if_revision, reason)| {
            Body::RevertSettings(RevertSettings { to_revision, if_revision, reason })
        });
    let life = prop_oneof![3 => Just(None), 2 => Just(Some(SECOND)), 2 => Just(Some(7 * DAY)), 1 => Just(Some(1))];
    let join_token =
        (0_u8..8, life, option::weighted(0.3, node())).prop_map(|(number, ttl_us, replaces)| {
            match token(number, ttl_us) {
                Body::CreateJoinToken(token) => Body::CreateJoinToken(CreateJoinToken { replaces, ..token }),
                other => other,
            }
        });
    let update = (node(), option::of(0_u8..3)).prop_map(|(id, host)| {
        let api_address = host.map(|host| format!("host{host}:{}", if host == 0 { "" } else { "1" }));
        let (peer_address, version, key_fingerprint) = (None, None, None);
        Body::UpdateNode(Box::new(UpdateNode { id, api_address, peer_address, version, key_fingerprint }))
    });
    let remove = (node(), reason()).prop_map(|(id, reason)| Body::RemoveNode(RemoveNode { id, reason }));
    let scratch = (0_u8..4, any::<u8>(), option::weighted(0.4, 0_u64..4))
        .prop_map(|(key, value, expect)| put(&[b'k'; 4][..usize::from(key)], &[value; 3], expect));
    prop_oneof![
        24 => generate_money::body(),
        4 => configuration_model::body(),
        6 => setting,
        2 => revert,
        4 => join_token,
        6 => admit(),
        1 => update,
        2 => remove,
        6 => scratch,
        1 => other(),
        2 => of_events(),
    ]
}

/// The events that [`super::world::World::with_accounts`] makes are there in every log: an offset of up to 3 always is one.
fn of_events() -> impl Strategy<Value = Body> {
    let name = || prop_oneof![Just("a"), Just("b"), Just("B")].prop_map(str::to_owned);
    let topics = || prop_oneof![4 => Just(Topics::ALL), 1 => Just(Topics::default())];
    let add = (name(), topics(), 0_u64..4, reason()).prop_map(|(name, topics, offset, reason)| {
        Body::AddConsumer(AddConsumer { name, topics, offset: Some(offset), reason })
    });
    let commit = (name(), 0_u64..4, option::weighted(0.3, reason()))
        .prop_map(|(name, offset, rewind)| Body::CommitConsumer(CommitConsumer { name, offset, rewind }));
    let remove = (name(), reason()).prop_map(|(name, reason)| Body::RemoveConsumer(RemoveConsumer { name, reason }));
    prop_oneof![2 => add, 4 => commit, 1 => remove]
}

fn admit() -> impl Strategy<Value = Body> {
    (0_u8..8, prop::bool::weighted(0.1), 0..5_usize, option::weighted(0.3, node())).prop_map(
        |(number, wrong, name, replaces)| {
            let node = admission(number, ["n1", "n2", "n3", "n4", "n 5"][name]);
            let token_secret_hash = if wrong { [99; 32] } else { node.token_secret_hash };
            Body::AdmitNode(Box::new(AdmitNode { token_secret_hash, replaces, ..node }))
        },
    )
}

fn other() -> impl Strategy<Value = Body> {
    let record = reason().prop_map(|reason| {
        Body::RecordAction(RecordAction { action: Action::Promote, target: "node 3".into(), reason })
    });
    let rotate = (any::<[u8; 32]>(), reason())
        .prop_map(|(new_hash, reason)| Body::RotateOperatorToken(RotateOperatorToken { new_hash, reason }));
    let raise = (0_u32..4, reason())
        .prop_map(|(logic_version, reason)| Body::RaiseVersion(RaiseVersion { logic_version, reason }));
    let digest = Just(Body::Digest(RequestDigest {}));
    prop_oneof![
        4 => record,
        4 => rotate,
        4 => raise,
        4 => digest,
        4 => Just(bootstrap()),
        6 => window(),
        3 => ((0_u64..4).prop_map(WindowId), reason())
            .prop_map(|(window, reason)| Body::EndMaintenance(EndMaintenance { window, reason })),
        1 => reason().prop_map(|reason| Body::EmergencyStop(EmergencyStop { reason })),
        // The rest of most logs would be refused otherwise.
        12 => reason().prop_map(|reason| Body::EmergencyResume(EmergencyResume { reason })),
    ]
}

fn window() -> impl Strategy<Value = Body> {
    let moment = || option::weighted(0.5, (-2_i64..48).prop_map(|hours| moved(START, hours)));
    let extent = prop_oneof![Just(Extent::System), Just(Extent::Network(Network::Tron))];
    let banner = prop_oneof![9 => Just("Back soon."), 1 => Just(" ")];
    (extent, moment(), moment(), banner, reason()).prop_map(|(extent, starts, ends, banner, reason)| {
        let banner = banner.to_owned();
        Body::ScheduleMaintenance(ScheduleMaintenance { extent, starts, ends, banner, reason })
    })
}

fn moved(from: Timestamp, hours: i64) -> Timestamp {
    Timestamp(from.0.saturating_add_signed(hours * HOUR as i64))
}
