//! Tables of fixed answers, as an operator sees them.

use std::path::PathBuf;

use exchequer_api::dto::{
    AuditEntry, AuditPage, Autopilot, AutopilotServer, Changed, NodeHash, Setting, SettingChange, SettingDifference,
    SettingHistory, Settings, SettingsDiff, SignInRecord, SignIns, Verified,
};

use crate::cli::fixtures::{peers, status};
use crate::cli::reports::{BenchReport, InitReport, Latency, OwnerReport};
use crate::cli::{audit, autopilot, bench, login, members, peers, settings, setup, status, verify};

fn setting() -> Setting {
    Setting {
        key: "join.token_ttl".to_owned(),
        value: "30m".to_owned(),
        default: "15m".to_owned(),
        is_default: false,
        kind: "duration".to_owned(),
        min: Some("1s".to_owned()),
        max: Some("7d".to_owned()),
        choices: Vec::new(),
        takes: "a duration from 1s to 7d".to_owned(),
        danger: 1,
        description: "How long a join token can be used when its maker does not say.".to_owned(),
        revision: 8,
        changed: Some(changed()),
        places: "nowhere".to_owned(),
        from: Some("join.token_ttl".to_owned()),
        overrides: Vec::new(),
        guard_percent: None,
        takes_effect: "at once".to_owned(),
    }
}

fn changed() -> Changed {
    Changed {
        by: "operator".to_owned(),
        reason: "slow\ninstalls".to_owned(),
        at: "2026-11-23T12:00:00.000Z".to_owned(),
    }
}

/// Goal: the members in the agreed columns, whole numbers at full length, `-` where there is nothing.
#[test]
fn table_of_peers() {
    let expected = "\
NODE  ID  ADDRESS        STATE        VOTER  TERM  LAST-INDEX            APPLIED  TRAILS-LEADER-BY  LAST-CONTACT  SNAP-INDEX  VERSION  STABLE-SINCE
n1    1   10.0.0.1:8641  leader       true   3     18446744073709551615  8418     -                 -             8000        0.1.0    2026-11-23T12:00:00.000Z
n2    12  10.0.0.2:8641  follower     true   3     18446744073709551615  8418     1                 12ms          8000        0.1.0    2026-11-23T12:00:00.000Z
n3    41  10.0.0.3:8641  unreachable  false  3     18446744073709551615  8418     8419              61002ms       -           0.1.0    -";
    assert_eq!(peers::text(&peers()), expected);
}

/// Goal: a status tells first what matters, and what is wrong in sentences at its end.
#[test]
fn text_of_a_status() {
    let expected = format!(
        "\
Node               n1 (id 1)
Version            0.1.0
Cluster            {} (sandbox)
Health             degraded
Failure tolerance  0
Voters             2
Learners           1
Role               leader
Leader             n1 (id 1)
Term               3
Epoch              8001
Last index         8419
Committed          8419
Applied            8419
Flushed            8300
Snapshot index     -
State hash         {}
Replicated time    2026-11-23T12:00:00.000Z

A new certificate authority is being taken up; n1 waits for n3

Problems:
  n3 was last heard of 1m1s ago",
        "07".repeat(16),
        "ab".repeat(32)
    );
    assert_eq!(status::text(&status()), expected);
}

/// Goal: before a node is removed the operator reads what it does to the cluster.
#[test]
fn text_of_a_removal() {
    let peers = peers();
    let expected = "\
Node n2 (id 12, voter, follower) leaves the cluster for good: its id is never used again and its data folder becomes useless.
Voters: 2 now, 1 afterwards; the cluster then bears the failure of 0.";
    assert_eq!(members::consequence(&peers, &peers.peers[1]), expected);
    assert!(members::consequence(&peers, &peers.peers[2]).contains("Voters: 2 now, 2 afterwards"));
}

/// Goal: the settings' tables hold value, default, range and history, and what people typed cannot break a line.
#[test]
fn tables_of_settings() {
    let all = Settings { revision: 8, settings: vec![setting()] };
    let expected = "\
KEY             VALUE  DEFAULT  TAKES                     DANGER  REVISION
join.token_ttl  30m    15m      a duration from 1s to 7d  1       8

Revision 8";
    assert_eq!(settings::all_text(&all), expected);
    let expected = "\
Key           join.token_ttl
Value         30m
Default       15m
Takes         a duration from 1s to 7d
Danger        1
Takes effect  at once
Places        nowhere
Revision      8
Changed at    2026-11-23T12:00:00.000Z
Changed by    operator
Reason        slow\\ninstalls

How long a join token can be used when its maker does not say.";
    assert_eq!(settings::one_text(&setting()), expected);
    let change = SettingChange {
        revision: 8,
        key: "join.token_ttl".to_owned(),
        from: None,
        to: Some("30m".to_owned()),
        changed: changed(),
        index: 99,
    };
    let history = SettingHistory { revision: 8, changes: vec![change], next_before: None };
    let expected = "\
REVISION  TIME                      BY        KEY             FROM       TO   REASON
8         2026-11-23T12:00:00.000Z  operator  join.token_ttl  (default)  30m  slow\\ninstalls";
    assert_eq!(settings::history_text(&history), expected);
    let one = SettingDifference { key: "join.token_ttl".to_owned(), from: None, to: Some("30m".to_owned()) };
    let mut diff = SettingsDiff { from: 7, to: 8, differences: vec![one] };
    let expected = "KEY             REVISION-7  REVISION-8\njoin.token_ttl  (default)   30m";
    assert_eq!(settings::diff_text(&diff), expected);
    diff.differences.clear();
    assert_eq!(settings::diff_text(&diff), "Nothing differs between the revisions 7 and 8");
}

/// Goal: the audit one record a line, whatever is in it.
#[test]
fn table_of_the_audit() {
    let entry = AuditEntry {
        sequence: 7,
        time: "2026-11-23T12:00:00.000Z".to_owned(),
        index: 99,
        actor: "operator".to_owned(),
        action: "set-setting".to_owned(),
        target: "join.token_ttl".to_owned(),
        detail: "15m -> 30m".to_owned(),
        reason: String::new(),
        previous: "aa".to_owned(),
        hash: "bb".to_owned(),
    };
    let page = AuditPage { entries: vec![entry], head: 7, next_after: None, next_before: None, looked_through: 1 };
    let expected = "\
SEQUENCE  TIME                      ACTOR     ACTION       TARGET          DETAIL      REASON
7         2026-11-23T12:00:00.000Z  operator  set-setting  join.token_ttl  15m -> 30m  -";
    assert_eq!(audit::text(&page), expected);
}

/// Goal: autopilot's view: verdict, servers, settings.
#[test]
fn table_of_autopilot() {
    let server = AutopilotServer {
        id: 1,
        name: "n1".to_owned(),
        address: "a:1".to_owned(),
        node_status: "alive".to_owned(),
        version: "0.1.0".to_owned(),
        leader: true,
        voter: true,
        healthy: true,
        last_contact_ms: None,
        last_term: 3,
        last_index: 9,
        stable_since: None,
    };
    let seen = Autopilot {
        healthy: true,
        failure_tolerance: 1,
        leader: Some(1),
        voters: vec![1, 12, 41],
        servers: vec![server],
        settings: [("autopilot.promote".to_owned(), "true".to_owned())].into(),
    };
    let expected = "\
Healthy            true
Failure tolerance  1
Leader             1
Voters             1, 12, 41

NODE  ID  ADDRESS  STATUS  VERSION  LEADER  VOTER  HEALTHY  LAST-CONTACT  LAST-TERM  LAST-INDEX  STABLE-SINCE
n1    1   a:1      alive   0.1.0    true    true   true     -             3          9           -

autopilot.promote  true";
    assert_eq!(autopilot::text(&seen), expected);
}

/// Goal: hashes are shown whole, and a node without one is told apart.
#[test]
fn table_of_a_verification() {
    let node = |id, hash: Option<&str>| NodeHash { id, node: format!("n{id}"), hash: hash.map(str::to_owned) };
    let verified = Verified { index: 9, agree: false, nodes: vec![node(1, Some("aa")), node(2, None)] };
    let expected =
        "NODE  ID  INDEX  HASH\nn1    1   9      aa\nn2    2   9      -\n\nNot all nodes agree as of index 9";
    assert_eq!(verify::text(&verified), expected);
}

/// Goal: what `init` shows once has all that the operator must keep.
#[test]
fn text_of_init() {
    let report = InitReport {
        cluster_id: "07".repeat(16),
        node_id: 1,
        node: "n1".to_owned(),
        api_address: "a:8640".to_owned(),
        peer_address: "a:8641".to_owned(),
        sandbox: false,
        operator_token: "exq_x".to_owned(),
        ca_fingerprint: "cd".repeat(32),
        data_dir: PathBuf::from("/d"),
        owner: Some(OwnerReport {
            name: "ada".to_owned(),
            secret: "JBSW".to_owned(),
            uri: "otpauth://totp/x".to_owned(),
            recovery_codes: vec!["abcd".to_owned(), "efgh".to_owned()],
        }),
    };
    let text = setup::init_text(&report);
    for line in [
        "Secret         JBSW",
        "  abcd\n  efgh",
        "Operator token  exq_x",
        "CA fingerprint  cdcd",
        "Node            n1 (id 1)",
        "Data folder     /d",
    ] {
        assert!(text.contains(line), "{text}");
    }
}

/// Goal: figures of a bench are printed as they were measured, not rounded.
#[test]
fn text_of_a_bench() {
    let report = BenchReport {
        mode: "unary".to_owned(),
        clients: 64,
        batch: 1,
        in_flight: 64,
        value_bytes: 256,
        measured_us: 10_000_123,
        writes: 123_457,
        failed: 0,
        unknown: 2,
        first_failure: Some("Unavailable: gone".to_owned()),
        writes_per_second: 12_345.548,
        latency: Latency { p50_us: 1, p90_us: 2, p99_us: 3, p999_us: 4, max_us: 50_001, mean_us: 5_000 },
        longest_gap_us: 4_242,
        client_cpu: 0.625,
        server_cpu: vec![0.5, 0.25],
    };
    let text = bench::text(&report);
    let shown = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    for (name, value) in [
        ("Writes per second", "12345.548"),
        ("Latency max", "50001us"),
        ("Measured", "10000123us"),
        ("Unknown", "2"),
        ("Server processors", "0.5, 0.25"),
    ] {
        assert_eq!(shown(name), Some(value), "{text}");
    }
}

/// Goal: each kind of line of the log of sign-ins says whose it is and what can be said of it, and no program's name breaks the table.
#[test]
fn table_of_sign_ins() {
    let record = |number: u64, what: &str| SignInRecord {
        number,
        time: "2026-11-29T12:00:00.000Z".to_owned(),
        index: 90,
        what: what.to_owned(),
        admin: None,
        user: None,
        name: None,
        address: None,
        agent: None,
        with_factor: None,
        session: None,
        sessions: None,
        by: None,
    };
    let closed =
        SignInRecord { user: Some(7), sessions: Some(2), by: Some("admin 1".to_owned()), ..record(4, "closed") };
    let refused = SignInRecord { address: Some("192.0.2.1".to_owned()), ..record(3, "refused") };
    let opened = SignInRecord {
        admin: Some(1),
        name: Some("ada".to_owned()),
        agent: Some("curl".to_owned()),
        session: Some("0123456789abcdef".to_owned()),
        ..record(2, "opened")
    };
    let log = SignIns { sign_ins: vec![closed, refused, opened], next_before: None, refused_of_nobody: Some(1) };
    let expected = "\
NUMBER  TIME                      WHAT     WHOSE     ADDRESS    SESSION           PROGRAM-OR-END
4       2026-11-29T12:00:00.000Z  closed   user 7    -          -                 2 by admin 1
3       2026-11-29T12:00:00.000Z  refused  (nobody)  192.0.2.1  -                 -
2       2026-11-29T12:00:00.000Z  opened   ada       -          0123456789abcdef  curl";
    assert_eq!(login::log_text(&log), expected);
}
