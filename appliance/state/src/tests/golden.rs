//! Golden bytes: what is written today must be what was written at the release, byte for byte.
//!
//! `golden.txt` holds one line for every command, outcome and row of a scripted cluster. A line that changes is a
//! broken format: nodes of two releases would differ, and old logs would not read. A new kind adds its line. Assets, users,
//! transfers and trading were added before the first release, so they need no higher logic version; lines of older kinds kept
//! their bytes, but for those that tell how long the script is.

use exchequer_domain::{Network, NodeId, Timestamp, UserId};
use exchequer_ledger as ledger;
use exchequer_ledger::{AccountId, AccountKey, Asset, Holder, Leg, OpenAccount, Store, Transfer, TransferId};

use super::world::{
    SECOND, START, World, admit, asset, authority, between, bootstrap, configure, credit, first_node, flag, post, put,
    secret, set, token, token_replacing, unset, user, version,
};
use super::{
    approvals, deposits, directives, gas, jobs, people, reconciliation, sweeps, trading, withdrawals, workers,
};
use crate::audit::Action;
use crate::events::{Topic, Topics};
use crate::flags::Rule;
use crate::maintenance::{Extent, WindowId};
use crate::networks::NetworkState;
use crate::settings::Value;
use crate::users::UserStatus;
use crate::{
    Actor, AddConsumer, Body, BulkTransfer, Command, CommitConsumer, ConfigureNetworkAsset, CreateUsers, Done,
    EmergencyResume, EmergencyStop, EndMaintenance, Field, Input, MakeEvents, OpenAccounts, Outcome, PostTransfers,
    RaiseVersion, RecordAction, Reform, Rejection, RemoveConsumer, RemoveFlag, RemoveNode, RemoveSecret, RequestDigest,
    RevertSettings, RevertTransfer, RotateAuthority, RotateOperatorToken, ScheduleMaintenance, SetFlag, UpdateNode,
    UpdateUser,
};

fn bodies() -> Vec<Body> {
    let rooms = [
        administration(),
        trading::golden::bodies(),
        jobs::golden::bodies(),
        workers::golden::bodies(),
        directives::golden::bodies(),
        configuration(),
        of_events(),
        people::golden::bodies(),
    ];
    rooms.into_iter().flatten().collect()
}

/// Run at the end: an emergency refuses what comes after it.
fn last() -> Vec<Body> {
    let reason = || "why".to_owned();
    let window = |extent, starts, ends| {
        let banner = "Back soon.".to_owned();
        Body::ScheduleMaintenance(ScheduleMaintenance { extent, starts, ends, banner, reason: reason() })
    };
    let (starts, ends) = (Some(Timestamp(START.0 + 400 * SECOND)), Some(Timestamp(START.0 + 500 * SECOND)));
    vec![
        window(Extent::System, starts, ends),
        window(Extent::Network(Network::Polygon), None, None),
        Body::EndMaintenance(EndMaintenance { window: WindowId(300), reason: reason() }),
        Body::EmergencyStop(EmergencyStop { reason: reason() }),
        Body::EmergencyResume(EmergencyResume { reason: reason() }),
        Body::EmergencyStop(EmergencyStop { reason: "again".into() }),
    ]
}

fn administration() -> Vec<Body> {
    let reason = || "why".to_owned();
    let (id, key_fingerprint) = (NodeId(1), Some([9; 32]));
    let (api_address, peer_address) = (Some("h:1".to_owned()), Some("h:2".to_owned()));
    vec![
        bootstrap(),
        set("autopilot.min_quorum", Value::Integer(5), Some(0)),
        set("autopilot.promote", Value::Bool(false), None),
        set("snapshot.interval", Value::DurationUs(3600 * SECOND), None),
        set("snapshot.log_bytes", Value::Bytes(1 << 20), None),
        set("snapshot.log_bytes", Value::Choice("word".into()), None),
        Body::RevertSettings(RevertSettings { to_revision: 3, if_revision: Some(4), reason: reason() }),
        token(1, Some(60 * SECOND)),
        token(2, None),
        token_replacing(3, NodeId(1)),
        admit(1, "n2"),
        Body::UpdateNode(Box::new(UpdateNode {
            id,
            api_address,
            peer_address,
            version: Some(version()),
            key_fingerprint,
        })),
        Body::RemoveNode(RemoveNode { id, reason: reason() }),
        Body::RotateAuthority(RotateAuthority { authority: authority(9), reason: reason() }),
        Body::RotateOperatorToken(RotateOperatorToken { new_hash: [9; 32], reason: reason() }),
        Body::RecordAction(RecordAction { action: Action::Recover, target: "cluster".into(), reason: reason() }),
        put(b"key", b"value", Some(0)),
        Body::Digest(RequestDigest {}),
        Body::RaiseVersion(RaiseVersion { logic_version: 300, reason: reason() }),
        Body::Reform(Box::new(Reform { lineage: 300, id, node: first_node(), restored: true, reason: reason() })),
        asset("BTC"),
        user("Ada"),
        Body::CreateUsers(CreateUsers { count: 2, kyc_level: 3, fee_tier: 200 }),
        Body::UpdateUser(UpdateUser {
            user: UserId(3),
            kyc_level: Some(2),
            fee_tier: Some(1),
            status: Some(UserStatus::Frozen),
            label: Some("Bob".into()),
            reason: reason(),
        }),
        Body::OpenAccounts(OpenAccounts { accounts: accounts() }),
        credit(1, 300, 300),
        between(1, 2, 40, 301),
        Body::PostTransfers(PostTransfers { transfers: transfers() }),
        Body::BulkTransfer(BulkTransfer { transfers: transfers()[..1].to_vec() }),
        Body::RevertTransfer(RevertTransfer { id: TransferId(303), of: TransferId(301), reason: reason() }),
        between(2, 1, u128::MAX, 304),
    ]
}

fn configuration() -> Vec<Body> {
    let key = "worker.memory_max@worker:deposit/tron-300";
    let rule = Rule {
        on: true,
        permille: 300,
        allowed: vec!["user 12".into()],
        networks: vec![Network::Tron],
        expires_at: Some(Timestamp(300)),
    };
    let (name, description, if_version) = ("a.flag".to_owned(), Some("what".to_owned()), Some(0));
    let reason = || "why".to_owned();
    vec![
        set(key, Value::Bytes(1 << 25), Some(0)),
        unset(key, None),
        Body::SetFlag(SetFlag { name, description, rule, if_version, reason: reason() }),
        flag("gone", 1),
        Body::RemoveFlag(RemoveFlag { name: "gone".into(), reason: reason() }),
        secret("node-key", b"sealed"),
        secret("gone", b"sealed"),
        Body::RemoveSecret(RemoveSecret { name: "gone".into(), reason: reason() }),
        configure(Network::Tron, |network| {
            network.state = Some(NetworkState::Enabled);
            network.deposits = Some(false);
            network.tradable = Some(20);
            network.fee_rate_max = Some(300);
            network.fee_max = Some(1 << 40);
            network.endpoints = Some(vec!["https://n.example/secret:node-key".into()]);
            network.if_version = Some(0);
        }),
        Body::ConfigureNetworkAsset(ConfigureNetworkAsset {
            network: Network::Tron,
            asset: Asset(1),
            deposits: Some(true),
            withdrawals: Some(false),
            sweeps: None,
            reason: reason(),
        }),
    ]
}

fn of_events() -> Vec<Body> {
    let (reason, topics) = (|| "why".to_owned(), Topics::default().with(Topic::Cluster).with(Topic::Sandbox));
    let add =
        |name: &str, offset| Body::AddConsumer(AddConsumer { name: name.into(), topics, offset, reason: reason() });
    let commit = |offset, rewind| CommitConsumer { name: "a".into(), offset, rewind };
    vec![
        add("a", None),
        add("b", Some(3)),
        Body::CommitConsumer(commit(2, Some(reason()))),
        Body::CommitConsumer(commit(300, None)),
        Body::RemoveConsumer(RemoveConsumer { name: "b".into(), reason: reason() }),
        Body::MakeEvents(MakeEvents { count: 2, filling_bytes: 3 }),
    ]
}

fn accounts() -> Vec<OpenAccount> {
    let holder = Holder::Custody { network: 300, store: Store::Hot };
    let customer = Holder::Customer { customer: 2, sub_account: 300 };
    [holder, customer, Holder::Clearing]
        .map(|holder| OpenAccount { key: AccountKey { holder, asset: Asset(1) }, overdraft: holder == customer })
        .to_vec()
}

fn transfers() -> Vec<Transfer> {
    let ordered = TransferId(u128::from(START.millis()) << 80 | 7 << 76 | 2 << 62 | 5);
    let (debit, credit, amount) = (AccountId(4), AccountId(2), 30);
    let expires = Some(Timestamp(START.0 + SECOND));
    let hold = Leg::Hold { debit, credit, amount, expires };
    let legs = vec![Leg::Post { debit: AccountId(0), credit: AccountId(1), amount: 7 }, hold];
    let several = Transfer { id: ordered, legs: legs.into(), note: Some("n".into()), ..post(1, debit, credit, 1) };
    vec![several, post(302, debit, AccountId(5), 1 << 70)]
}

fn outcomes() -> Vec<Outcome> {
    let (node, key) = (NodeId(300), || "a.b".to_owned());
    let fault = ledger::Rejection::Leg { leg: 3, fault: ledger::Fault::DebitExceedsBalance };
    let done = [
        Done::Bootstrapped { node },
        Done::SettingChanged { revision: 300 },
        Done::SettingsReverted { revision: 300, changed: 2 },
        Done::JoinTokenCreated { expires_at: Timestamp(300) },
        Done::NodeAdmitted { node },
        Done::NodeUpdated { changed: true },
        Done::NodeRemoved,
        Done::AuthorityRotated,
        Done::OperatorTokenRotated,
        Done::ActionRecorded { sequence: 300 },
        Done::ScratchPut { version: 300 },
        Done::DigestRequested { index: 300 },
        Done::VersionRaised { logic_version: 300 },
        Done::Reformed { removed: 300 },
        Done::AssetCreated { asset: Asset(300) },
        Done::UserCreated { user: UserId(300) },
        Done::UsersCreated { first: UserId(300), count: 300 },
        Done::UserUpdated { changed: true },
        Done::Accounts(vec![ledger::Outcome::Done(ledger::Done::AccountOpened { account: AccountId(300) })]),
        Done::Transfers(vec![
            ledger::Outcome::Done(ledger::Done::Posted { first: 300, postings: 1 }),
            ledger::Outcome::Rejected(fault),
        ]),
        Done::Bulk(vec![ledger::Done::Exists { first: 300, postings: 2, time: Timestamp(300) }]),
        Done::Transfer(ledger::Done::Posted { first: 300, postings: 1 }),
        Done::ConsumerAdded { offset: 300 },
        Done::ConsumerCommitted { offset: 300 },
        Done::ConsumerRemoved,
        Done::EventsMade { last: 300 },
    ];
    let rejected = [
        Rejection::BadRequest,
        Rejection::TooLarge,
        Rejection::CommandIdReused,
        Rejection::StaleEpoch { current: 300 },
        Rejection::NotBootstrapped,
        Rejection::AlreadyBootstrapped,
        Rejection::Invalid { field: Field::ScratchValue },
        Rejection::ReasonMissing,
        Rejection::ReasonTooLong,
        Rejection::SettingUnknown { key: key() },
        Rejection::SettingWrongUnit { key: key() },
        Rejection::SettingOutOfRange { key: key() },
        Rejection::StaleRevision { present: 300 },
        Rejection::RevisionUnknown { latest: 300 },
        Rejection::RevisionTooFar { oldest: 300 },
        Rejection::JoinTokenUnknown,
        Rejection::JoinTokenExpired { expired_at: Timestamp(300) },
        Rejection::JoinTokenUsed { by: node },
        Rejection::JoinTokenExists,
        Rejection::JoinTokensFull,
        Rejection::NameTaken { by: node },
        Rejection::ChangeInProgress,
        Rejection::UnknownNode { node },
        Rejection::NodeRemoved { node },
        Rejection::NodeAlreadyRemoved { node },
        Rejection::LastNode,
        Rejection::SandboxOnly,
        Rejection::VersionMismatch { present: 300 },
        Rejection::LineageNotNewer { present: 300 },
        Rejection::LogicVersionNotRaised { current: 300 },
        Rejection::LogicVersionTooNew { node, knows: 300 },
        Rejection::NodeTooOld { needed: 300 },
        Rejection::ReplacementNotAllowed { node },
        Rejection::Ledger(fault),
        Rejection::AssetUnknown { asset: Asset(300) },
        Rejection::AssetExists { asset: Asset(300) },
        Rejection::AssetsFull,
        Rejection::UserUnknown { user: UserId(300) },
        Rejection::UserFrozen { user: UserId(300) },
        Rejection::UsersFull,
        Rejection::Invalid { field: Field::TransferCount },
        Rejection::ConsumerUnknown,
        Rejection::ConsumerExists,
        Rejection::ConsumersFull,
        Rejection::CommitTooSoon { next: Timestamp(300) },
        Rejection::OffsetBack { present: 300 },
        Rejection::OffsetBeyond { last: 300 },
    ];
    let done = done.into_iter().chain(trading::golden::done()).chain(jobs::golden::done());
    let done = done.chain(workers::golden::done()).chain(directives::golden::done());
    let rejected = rejected.into_iter().chain(trading::golden::rejected()).chain(jobs::golden::rejected());
    let rejected = rejected.chain(workers::golden::rejected()).chain(directives::golden::rejected());
    let (since, until, window) = (Timestamp(300), Some(Timestamp(300)), WindowId(300));
    let of_emergencies = [
        Done::EmergencyStopped { since, markets: 300 },
        Done::EmergencyResumed { markets: 300 },
        Done::MaintenanceScheduled { window },
        Done::MaintenanceEnded,
    ];
    let not_in_emergencies = [
        Rejection::EmergencyHolds { since },
        Rejection::EmergencyLasts { since },
        Rejection::NoEmergency,
        Rejection::UnderMaintenance { window, until },
        Rejection::MaintenanceUnknown { window },
        Rejection::MaintenanceFull,
    ];
    let done = done.chain(of_emergencies).chain(approvals::golden::done());
    let rejected = rejected.chain(not_in_emergencies).chain(approvals::golden::rejected());
    let configured = [
        Done::FlagSet { version: 300 },
        Done::FlagRemoved,
        Done::SecretPut { version: 300 },
        Done::SecretRemoved,
        Done::NetworkConfigured { version: 300 },
        Done::NetworkAssetConfigured,
    ];
    let configuration = [
        Rejection::FlagUnknown,
        Rejection::FlagsFull,
        Rejection::SecretUnknown,
        Rejection::SecretsFull,
        Rejection::SecretInUse { network: Network::Tron },
        Rejection::EndpointCredentials,
        Rejection::EndpointInClear,
        Rejection::NetworkAssetsFull,
        Rejection::SettingPlace { key: key() },
        Rejection::SettingNotSet { key: key() },
        Rejection::OverridesFull,
    ];
    let done = done.chain(configured).chain(people::golden::done()).chain(deposits::golden::done());
    let done = done.chain(withdrawals::golden::done()).chain(gas::golden::done()).chain(sweeps::golden::done());
    let done = done.chain(reconciliation::golden::done());
    let done = done.map(Outcome::Done);
    let rejected = rejected
        .chain(configuration)
        .chain(people::golden::rejected())
        .chain(deposits::golden::rejected())
        .chain(withdrawals::golden::rejected())
        .chain(gas::golden::rejected())
        .chain(reconciliation::golden::rejected())
        .map(Outcome::Rejected);
    done.chain(rejected).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Every line as this program writes it.
fn lines() -> Vec<String> {
    let mut lines = Vec::new();
    let mut world = World::empty();
    for body in bodies() {
        let command = world.command(body);
        lines.push(format!("command {}", hex(&command.encode())));
        assert_eq!(Command::decode(&command.encode()), Ok(command.clone()));
        world.entry(&[command]);
    }
    let from_a_node =
        Command { actor: Actor::Node(NodeId(300)), epoch: Some(300), ..world.command(put(b"k", b"", None)) };
    lines.push(format!("command {}", hex(&from_a_node.encode())));
    assert_eq!(Command::decode(&from_a_node.encode()), Ok(from_a_node));
    let leads = world.state.registry().admitted().next().map(|node| node.id).unwrap();
    let node = Actor::Node(leads);
    for body in people::golden::of_a_node() {
        let command = Command { actor: node, ..world.command(body) };
        lines.push(format!("command {}", hex(&command.encode())));
        world.send(&command).unwrap();
    }
    world.apply(Input::Activate { node: leads, boot: [5; 16] }).unwrap();
    world.now = Timestamp(START.0 + 2 * SECOND);
    world.run(trading::golden::later()).unwrap();
    for (actor, body) in deposits::golden::script() {
        let epoch =
            world.state.epoch().map(|epoch| epoch.index).filter(|_| matches!(actor, Actor::Worker(_) | Actor::Node(_)));
        let command = Command { actor, epoch, ..world.command(body) };
        lines.push(format!("command {}", hex(&command.encode())));
        assert_eq!(Command::decode(&command.encode()), Ok(command.clone()));
        world.send(&command).unwrap();
    }
    for (actor, body) in withdrawals::golden::script(&world).into_iter().chain(gas::golden::script()) {
        // Node 1 is gone; another one leads.
        let actor = if matches!(actor, Actor::Node(_)) { node } else { actor };
        let epoch =
            world.state.epoch().map(|epoch| epoch.index).filter(|_| matches!(actor, Actor::Worker(_) | Actor::Node(_)));
        let command = Command { actor, epoch, ..world.command(body) };
        lines.push(format!("command {}", hex(&command.encode())));
        assert_eq!(Command::decode(&command.encode()), Ok(command.clone()));
        world.entry(&[command]);
    }
    for (actor, body) in sweeps::golden::script(&world) {
        // Node 1 is gone; another one leads.
        let actor = if matches!(actor, Actor::Node(_)) { node } else { actor };
        let epoch =
            world.state.epoch().map(|epoch| epoch.index).filter(|_| matches!(actor, Actor::Worker(_) | Actor::Node(_)));
        let command = Command { actor, epoch, ..world.command(body) };
        lines.push(format!("command {}", hex(&command.encode())));
        assert_eq!(Command::decode(&command.encode()), Ok(command.clone()));
        world.send(&command).unwrap();
    }
    for (actor, body) in reconciliation::golden::script(&world) {
        let epoch =
            world.state.epoch().map(|epoch| epoch.index).filter(|_| matches!(actor, Actor::Worker(_) | Actor::Node(_)));
        let command = Command { actor, epoch, ..world.command(body) };
        lines.push(format!("command {}", hex(&command.encode())));
        assert_eq!(Command::decode(&command.encode()), Ok(command.clone()));
        world.entry(&[command]);
    }
    for body in last() {
        let command = world.command(body);
        lines.push(format!("command {}", hex(&command.encode())));
        assert_eq!(Command::decode(&command.encode()), Ok(command.clone()));
        world.entry(&[command]);
    }
    for (actor, body) in approvals::golden::script() {
        let command = Command { actor, ..world.command(body) };
        lines.push(format!("command {}", hex(&command.encode())));
        assert_eq!(Command::decode(&command.encode()), Ok(command.clone()));
        world.entry(&[command]);
    }
    // A minute later people are told of what waits for them.
    world.now = Timestamp(world.now.0 + 61 * SECOND);
    world.entry(&[]);
    for outcome in outcomes() {
        lines.push(format!("outcome {}", hex(&outcome.encode())));
        assert_eq!(Outcome::decode(&outcome.encode()), Ok(outcome));
    }
    lines.extend(reconciliation::golden::parts().iter().map(|part| format!("part {}", hex(part))));
    lines.extend(world.rows.iter().map(|(family, key, value)| format!("{family:?} {} {}", hex(key), hex(value))));
    lines
}

/// Goal: no byte of the formats changes unnoticed. Method: everything this program writes for a fixed script, line by
/// line, against the checked-in file. Between releases `UPDATE=1` writes it anew; a released line never changes.
#[test]
fn bytes_are_those_of_the_release() {
    let lines = lines();
    if std::env::var_os("UPDATE").is_some() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/src/tests/golden.txt");
        std::fs::write(file, lines.join("\n") + "\n").unwrap();
        return;
    }
    let golden: Vec<&str> = include_str!("golden.txt").lines().collect();
    for (number, (line, golden)) in lines.iter().zip(&golden).enumerate() {
        assert_eq!(line, golden, "line {} of golden.txt", number + 1);
    }
    assert_eq!(lines.len(), golden.len(), "lines that are not in golden.txt: {:#?}", lines.get(golden.len()..));
}

/// Goal: the script leaves out no kind. Method: the variant tags of commands, outcomes and tables that occur in it are
/// all there are, as far as decoding knows.
#[test]
fn every_kind_is_in_the_script() {
    // A tag is a number of one byte or more.
    let tag = |bytes: &Vec<u8>| crate::codec::take::<u32>(bytes).unwrap().0;
    let tags = |encoded: Vec<Vec<u8>>| encoded.iter().map(tag).collect::<std::collections::BTreeSet<u32>>();
    let encode = |body: &Body| crate::codec::append(Vec::new(), body);
    let scripted = approvals::golden::script().into_iter().chain(deposits::golden::script()).map(|(_, body)| body);
    let withdrawn = withdrawals::golden::script(&World::empty()).into_iter().map(|(_, body)| body);
    let gas = gas::golden::script().into_iter().map(|(_, body)| body);
    let swept = sweeps::golden::script(&World::empty()).into_iter().map(|(_, body)| body);
    let rest = people::golden::of_a_node().into_iter().chain(last()).chain(scripted).chain(withdrawn).chain(gas);
    let compared = reconciliation::golden::script(&World::empty()).into_iter().map(|(_, body)| body);
    let rest = rest.chain(swept).chain(compared);
    let bodies: Vec<Body> = bodies().into_iter().chain(rest).collect();
    let of_bodies = tags(bodies.iter().map(encode).collect());
    assert!(of_bodies.iter().copied().eq(0..of_bodies.len() as u32), "{of_bodies:?}");
    let long_enough = |tag: u32| [crate::codec::append(Vec::new(), &tag), vec![0; 400]].concat();
    assert!(crate::codec::take::<Body>(&long_enough(of_bodies.len() as u32)).is_err());
    let (mut done, mut rejected) = (Vec::new(), Vec::new());
    for outcome in outcomes() {
        match outcome {
            Outcome::Done(kind) => done.push(crate::codec::append(Vec::new(), &kind)),
            Outcome::Rejected(kind) => rejected.push(crate::codec::append(Vec::new(), &kind)),
        }
    }
    let (done, rejected) = (tags(done), tags(rejected));
    assert!(crate::codec::take::<Done>(&long_enough(done.len() as u32)).is_err());
    assert!(crate::codec::take::<Rejection>(&long_enough(rejected.len() as u32)).is_err());
    let tables: Vec<String> = lines().iter().filter_map(|line| line.split(' ').nth(1).map(str::to_owned)).collect();
    for table in crate::Table::ALL {
        let prefix = format!("{:02x}", *table as u8);
        assert!(tables.iter().any(|key| key.starts_with(&prefix)), "{table:?}");
    }
}
