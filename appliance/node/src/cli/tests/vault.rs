//! The verbs about the vault: on folders of their own, with a signer in this process, against a node that answers as told.

use std::path::Path;
use std::sync::Arc;

use exchequer_domain::Timestamp;
use exchequer_vault::signer::{Core, Hardening, serve};
use serde_json::{Value, json};

use super::verbs::{Ran, run_at};
use crate::cli::exit::Exit;
use crate::cli::fixtures::{Captured, Realm, Reply, status};
use crate::cli::{Cli, conclude, run};
use clap::Parser as _;

const GOOD: &str = "correct horse battery staple";
const OTHER: &str = "another horse, another staple";
const WORDS: &str = "legal winner thank year wave sausage worth useful legal winner thank yellow";

/// Runs a verb that asks nobody.
async fn alone(words: &str) -> (Exit, String, String) {
    let words: Vec<&str> = ["exchequer", "vault"].into_iter().chain(words.split(' ')).collect();
    let cli = Cli::try_parse_from(words).unwrap();
    let captured = Captured::default();
    let mut printer = captured.printer(cli.verb.format());
    let exit = conclude(run(&cli.verb, &mut printer).await, &mut printer);
    (exit, captured.out(), captured.err())
}

fn file(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

/// Goal: a vault is made, looked at, given other locks and seeds, and copied; what must not be done is refused with a code that
/// says which; nothing that is printed has a secret in it. Method: one vault through all verbs, with passphrases and words from files.
#[tokio::test]
async fn a_vault_from_its_words_to_its_copy() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let (one, two) = (at("d1"), at("d2"));
    let (good, other) = (file(folder.path(), "good", GOOD), file(folder.path(), "other", OTHER));
    let words = file(folder.path(), "words", WORDS);
    let mut printed = String::new();
    let mut ran = async |words: String, exit: Exit, code: &str| {
        let (ended, out, err) = alone(&words).await;
        assert_eq!(ended, exit, "{words}: {out}{err}");
        assert!(err.contains(code), "{words}: {err}");
        printed.push_str(&format!("{out}\n{err}\n"));
        out
    };
    ran(format!("status --data-dir {one}"), Exit::Failed, "EXQ-1702").await;
    if rustix::process::geteuid().is_root() {
        let others = folder.path().join("others");
        std::fs::create_dir(&others).unwrap();
        std::os::unix::fs::chown(&others, Some(4_321), None).unwrap();
        let init = format!("init --data-dir {} --passphrase-file {good} --no-words", others.display());
        ran(init, Exit::Failed, "belongs to user 4321").await;
    }
    let weak = file(folder.path(), "weak", "short");
    ran(format!("import --data-dir {one} --words-file {words} --passphrase-file {weak}"), Exit::Failed, "EXQ-1705")
        .await;
    let nonsense = file(folder.path(), "nonsense", &WORDS.replace("yellow", "year"));
    ran(format!("import --data-dir {one} --words-file {nonsense} --passphrase-file {good}"), Exit::Failed, "EXQ-1705")
        .await;
    ran(format!("init --data-dir {one} --passphrase-file {good}"), Exit::Failed, "EXQ-1705").await;
    assert!(!Path::new(&one).join("vault").exists() && !Path::new(&one).join("vault.new").exists());

    let out =
        ran(format!("import --data-dir {one} --words-file {words} --passphrase-file {good} -o json"), Exit::Good, "")
            .await;
    let made: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&made["revision"], &made["automatic"], &made["policy"]), (&json!(1), &json!(false), &Value::Null));
    assert_eq!(made["locks"], json!([{"lock": 0, "method": "passphrase", "automatic": false, "by": null}]));
    ran(format!("init --data-dir {one} --passphrase-file {good} --no-words"), Exit::Failed, "EXQ-1701").await;
    ran(format!("status --data-dir {one}"), Exit::Degraded, "").await;
    ran(format!("unseal --data-dir {one} --passphrase-file {good}"), Exit::Failed, "EXQ-1707").await;

    let rekey = format!("rekey --data-dir {one}");
    ran(format!("{rekey} --passphrase-file {other} --new-passphrase-file {other}"), Exit::Failed, "EXQ-1703").await;
    ran(format!("{rekey} --passphrase-file {good} --new-passphrase-file {other}"), Exit::Good, "").await;
    let key = at("unseal.key");
    ran(format!("{rekey} --passphrase-file {other} --add --new-key-file {key}"), Exit::Good, "").await;
    ran(format!("{rekey} --key-file {key} --remove 2"), Exit::Failed, "EXQ-1703").await;
    ran(format!("{rekey} --key-file {key} --remove 0"), Exit::Good, "").await;
    ran(format!("{rekey} --key-file {key} --remove 0"), Exit::Failed, "EXQ-1705").await;

    let copy = at("copy");
    ran(format!("export {copy} --data-dir {one}"), Exit::Good, "").await;
    assert!(!std::fs::read_to_string(&copy).unwrap().contains(std::fs::read_to_string(&key).unwrap().trim()));
    let fresh = at("new-words");
    ran(format!("rotate --data-dir {one} --words-file {fresh}"), Exit::Good, "").await;
    let rotated = std::fs::read_to_string(&fresh).unwrap();
    assert_eq!(rotated.split_whitespace().count(), 24);
    ran(format!("import-sealed {copy} --data-dir {one}"), Exit::Failed, "EXQ-1701").await;
    let newer = at("newer");
    ran(format!("export {newer} --data-dir {one}"), Exit::Good, "").await;
    ran(format!("import-sealed {copy} --data-dir {two}"), Exit::Good, "").await;
    let out = ran(format!("import-sealed {newer} --data-dir {two} -o json"), Exit::Good, "").await;
    let taken: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        (&taken["written"], &taken["memory_made"], &taken["vault"]),
        (&json!(true), &json!(false), &made["vault"])
    );
    ran(format!("init --data-dir {} --key-file {key} --no-words", at("d3")), Exit::Good, "").await;
    ran(format!("import-sealed {newer} --data-dir {}", at("d3")), Exit::Failed, "EXQ-1701").await;
    ran(format!("import-sealed {good} --data-dir {two}"), Exit::Failed, "EXQ-1704").await;
    ran(format!("recreate-memory --data-dir {two} --key-file {key} --yes"), Exit::Failed, "EXQ-1709").await;
    std::fs::remove_file(Path::new(&two).join("vault/memory.log")).unwrap();
    ran(format!("recreate-memory --data-dir {two} --key-file {key}"), Exit::Failed, "EXQ-0108").await;
    ran(format!("recreate-memory --data-dir {two} --key-file {key} --yes"), Exit::Good, "").await;

    let odd = file(folder.path(), "odd.json", "{}");
    ran(format!("policy check {odd}"), Exit::Failed, "EXQ-1706").await;
    ran(format!("policy put {odd} --data-dir {one} --key-file {key}"), Exit::Failed, "EXQ-1706").await;
    ran(format!("policy show --data-dir {one}"), Exit::Failed, "EXQ-1706").await;

    let key = std::fs::read_to_string(&key).unwrap();
    for secret in
        [GOOD, OTHER, "winner thank year", key.trim(), &rotated.split(' ').take(3).collect::<Vec<_>>().join(" ")]
    {
        assert!(!printed.contains(secret), "a secret was printed");
    }
}

/// What a sandbox cluster says of itself.
fn cluster(sandbox: bool, wallets: Value) -> Reply {
    let status = serde_json::to_string(&exchequer_api::dto::NodeStatus { sandbox, ..status() }).unwrap();
    let asset = |code: &str, number: u32, decimals: u8| json!({"code": code, "number": number, "decimals": decimals, "name": code, "created_at": "2026-11-23T12:00:00.000Z"});
    let listing = |network: &str, asset: &str, contract: Value, decimals: u8| {
        json!({
            "network": network, "asset": asset, "contract": contract, "decimals": decimals, "deposit_min": "0",
            "withdrawal_min": "1", "withdrawal_max": "10", "withdrawal_step": "1", "withdrawal_fee": "0", "dust": "0",
            "version": 1, "changed_at": "2026-11-23T12:00:00.000Z",
        })
    };
    let token = json!("TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t");
    let listings = [listing("ethereum", "ETH", Value::Null, 18), listing("tron", "USDT", token, 6)];
    Reply::Each(vec![
        ("GET /v1/status", status),
        ("GET /v1/assets", json!({"assets": [asset("ETH", 2, 8), asset("USDT", 3, 6)]}).to_string()),
        ("GET /v1/listings", json!({"listings": listings}).to_string()),
        ("GET /v1/wallets", json!({"wallets": wallets}).to_string()),
        ("GET /v1/approval-keys", json!({"keys": [], "in_force_since": null}).to_string()),
        ("POST /v1/wallets", json!({"wallet": 9, "index": 1, "command_id": "c"}).to_string()),
    ])
}

async fn at(realm: &Realm, reply: Reply, words: &str) -> Ran {
    run_at(realm, reply, &words.split(' ').collect::<Vec<_>>()).await
}

/// Goal: a sandbox has a vault that opens by itself, may pay what is listed and nothing else, and whose wallets come to the cluster
/// once; a cluster that is none gets no such vault. Method: a stub of a cluster, and a signer in this process over the vault that was made.
#[tokio::test]
async fn a_sandbox_gets_a_vault_and_wallets() {
    let realm = Realm::new();
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().display().to_string();
    let refused = at(&realm, cluster(false, json!([])), &format!("vault init --sandbox --data-dir {data}")).await;
    assert_eq!(refused.exit, Exit::Failed);
    assert!(refused.err.contains("EXQ-0404") || refused.err.contains("no sandbox"), "{}", refused.err);
    let made = at(&realm, cluster(true, json!([])), &format!("vault init --sandbox --data-dir {data} -o json")).await;
    assert_eq!(made.exit, Exit::Good, "{}", made.err);
    let report: Value = serde_json::from_str(&made.out).unwrap();
    assert_eq!((&report["automatic"], &report["policy"], &report["words"]), (&json!(true), &json!(1), &json!("kept")));

    let (_, shown, _) = alone(&format!("policy show --data-dir {data} -o json")).await;
    let policy: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(policy["networks"].as_object().unwrap().len(), 6);
    let ethereum = &policy["networks"]["Ethereum"];
    assert_eq!(ethereum["chain"], json!({"Evm": {"chain_id": 11_155_111}}));
    // A minor unit of 8 decimals is ten thousand millions of the chain's.
    assert_eq!(ethereum["fee_minor_unit"], json!("10000000000"));
    assert_eq!(ethereum["coins"][0]["rules"], json!([{"up_to": "10000000000000000000", "approvals": 0}]));
    assert_eq!(ethereum["sweep_to"].as_array().unwrap().len(), 4);
    let tron = &policy["networks"]["Tron"]["coins"];
    assert_eq!((&tron[0]["coin"], &tron[0]["rules"]), (&json!("Native"), &json!([])));
    assert_eq!((&tron[1]["asset"], &tron[1]["rules"][0]["up_to"]), (&json!(3), &json!("10000000")));

    let vault = folder.path().join("vault");
    let core = Arc::new(Core::new(&vault, Box::new(|| Timestamp(1_795_435_200_000_000))).unwrap());
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let plain = Hardening { no_core_dumps: false, memory_locked: false, no_network: false, refused: vec![] };
    let user = rustix::process::geteuid().as_raw();
    let socket = vault.join("signer.sock");
    let served = tokio::spawn(async move {
        serve(core, &socket, vec![user], plain, async { stopped.await.unwrap_or_default() }).await.unwrap();
    });
    while !vault.join("signer.sock").exists() {
        tokio::task::yield_now().await;
    }
    let (exit, _, err) = alone(&format!("xpubs --data-dir {data}")).await;
    assert!(exit == Exit::Failed && err.contains("EXQ-1708"), "{err}");
    let (exit, _, err) = alone(&format!("unseal --data-dir {data}")).await;
    assert_eq!(exit, Exit::Good, "{err}");
    let (exit, ..) = alone(&format!("status --data-dir {data}")).await;
    assert_eq!(exit, Exit::Good);

    let words = format!("vault wallets --register --hot 2 --reason r --yes --data-dir {data} -o json");
    let registered = at(&realm, cluster(true, json!([])), &words).await;
    assert_eq!(registered.exit, Exit::Good, "{}", registered.err);
    let all: Value = serde_json::from_str(&registered.out).unwrap();
    let names: Vec<&str> = all["wallets"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    let wanted =
        ["deposit-bitcoin", "hot-bitcoin", "deposit-evm", "hot-evm", "gas-evm", "deposit-tron", "hot-tron", "gas-tron"];
    assert_eq!(names, wanted);
    let posted: Vec<&_> = registered.asked.iter().filter(|asked| asked.what.starts_with("POST")).collect();
    assert_eq!(posted.len(), wanted.len());
    let hot: Value = serde_json::from_str(&posted[3].body).unwrap();
    assert_eq!(
        (&hot["role"], &hot["family"], &hot["network"], &hot["pinned"]),
        (&json!("hot"), &json!("evm"), &Value::Null, &json!(true))
    );
    let pins: Vec<&Value> = hot["addresses"].as_array().unwrap().iter().map(|own| &own["address"]).collect();
    assert_eq!(pins, ethereum["sweep_to"].as_array().unwrap().iter().take(2).collect::<Vec<_>>());
    let bitcoin: Value = serde_json::from_str(&posted[1].body).unwrap();
    let change: Vec<bool> =
        bitcoin["addresses"].as_array().unwrap().iter().map(|own| own["change"].as_bool().unwrap()).collect();
    assert_eq!(change, [false, false, true, true]);

    // What is there is left alone.
    let there = json!([{
        "wallet": 4, "name": "x", "role": "hot", "family": "evm", "network": null, "xpub": hot["xpub"], "addresses": [],
        "pinned": true, "registered_at": "2026-11-23T12:00:00.000Z", "retired_at": null,
    }]);
    let again = at(&realm, cluster(true, there), &words).await;
    assert_eq!(again.asked.iter().filter(|asked| asked.what.starts_with("POST")).count(), wanted.len() - 1);
    assert!(again.asked.iter().all(|asked| !asked.body.contains("hot-evm")));

    // A newer policy is taken over by the signer that runs.
    let made = at(&realm, cluster(true, json!([])), &format!("vault policy make --sandbox --data-dir {data}")).await;
    let policy = file(folder.path(), "policy.json", &made.out);
    let (exit, out, err) = alone(&format!("policy put {policy} --data-dir {data} -o json")).await;
    assert_eq!(exit, Exit::Good, "{err}");
    assert_eq!(serde_json::from_str::<Value>(&out).unwrap(), json!({"version": 2, "in_use": true}));
    let (exit, _, err) = alone(&format!("policy put {policy} --data-dir {data}")).await;
    assert!(exit == Exit::Failed && err.contains("EXQ-1706"), "{err}");

    let (exit, out, err) = alone(&format!("decisions --refused --data-dir {data} -o json")).await;
    assert_eq!(exit, Exit::Good, "{err}");
    let decided: Value = serde_json::from_str(&out).unwrap();
    let verdicts: Vec<&str> =
        decided["decisions"].as_array().unwrap().iter().map(|one| one["verdict"].as_str().unwrap()).collect();
    assert_eq!(verdicts, ["sealed"], "{out}");
    let (_, out, _) = alone(&format!("decisions -n 2 --data-dir {data}")).await;
    assert_eq!(out.matches(" unseal ").count(), 2, "{out}");
    let log = vault.join("decisions.log");
    let whole = std::fs::read_to_string(&log).unwrap();
    std::fs::write(&log, whole.replacen("sealed", "signed", 1)).unwrap();
    let (exit, _, err) = alone(&format!("decisions --data-dir {data}")).await;
    assert!(exit == Exit::Failed && err.contains("EXQ-1704"), "{err}");
    stop.send(()).unwrap();
    served.await.unwrap();
}
