//! Approvals at three nodes, by the command line: two owners, their keys, a critical setting and an emergency.

use std::collections::VecDeque;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, ensure};
use exchequer_tests::cluster::{Cluster, Exq, Http, Ran, until};
use reqwest::Method;
use ring::hmac;
use serde_json::{Value, json};

use crate::support::{SOON, Story};

const PASSWORD: &str = "a horse in a bathtub";
const KEY: &str = "autopilot.min_quorum";

/// An owner at their own machine: a folder of their own, the command line, and recovery codes, which need no clock.
struct Owner {
    name: &'static str,
    home: PathBuf,
    codes: VecDeque<String>,
}

impl Owner {
    fn new(cluster: &Cluster, name: &'static str, codes: Vec<String>) -> Result<Owner> {
        let home = cluster.home().join(format!("home-{name}"));
        fs::create_dir_all(&home)?;
        fs::write(home.join("password"), format!("{PASSWORD}\n"))?;
        Ok(Owner { name, home, codes: codes.into() })
    }

    fn exq(&self, cluster: &Cluster) -> Exq {
        cluster.exq().variable("EXCHEQUER_TOKEN", "").variable("XDG_CONFIG_HOME", &self.home)
    }

    /// Signs in anew, so that the second factor was shown just now.
    async fn login(&mut self, cluster: &Cluster) -> Result<()> {
        let code = self.home.join("code");
        fs::write(&code, self.codes.pop_front().context("no recovery code is left")?)?;
        let (password, code) = (self.home.join("password"), code.display().to_string());
        let password = password.display().to_string();
        let words = ["login", self.name, "--recovery", "--password-file", &password, "--code-file", &code];
        self.exq(cluster).run(words).await?.good().map(drop)
    }

    async fn runs(&self, cluster: &Cluster, words: &[&str]) -> Result<Ran> {
        self.exq(cluster).run(words).await
    }

    async fn does(&self, cluster: &Cluster, words: &[&str]) -> Result<Ran> {
        self.runs(cluster, words).await?.good()
    }

    /// Draws a key and enrols it; its number and the public half.
    async fn enrols(&self, cluster: &Cluster) -> Result<(String, String)> {
        let made = self.does(cluster, &["approve", "key", "generate"]).await?;
        let file = made.text("file")?;
        ensure!(fs::metadata(&file)?.permissions().mode() & 0o777 == 0o600, "others can read {file}");
        let enrolled = ["approve", "key", "enrol", "--label", "laptop", "--reason", "first key"];
        let number = self.does(cluster, &enrolled).await?.number("number")?;
        Ok((number.to_string(), made.text("public_key")?))
    }
}

/// The code that an authenticator with this secret shows now (RFC 6238).
fn code(secret: &str) -> Result<String> {
    let (mut bytes, mut held, mut bits) = (Vec::new(), 0_u32, 0);
    for letter in secret.bytes() {
        let value = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".iter().position(|known| *known == letter);
        held = held << 5 | u32::try_from(value.context("no base32")?)?;
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push((held >> bits & 0xff) as u8);
        }
    }
    let step = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs() / 30;
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &bytes), &step.to_be_bytes());
    let tag = tag.as_ref();
    let at = usize::from(tag[tag.len() - 1] & 15);
    let number = u32::from_be_bytes([tag[at] & 0x7f, tag[at + 1], tag[at + 2], tag[at + 3]]);
    Ok(format!("{:06}", number % 1_000_000))
}

async fn post(http: &Http, path: &str, body: Value) -> Result<Value> {
    http.call(Method::POST, path, Some(&body)).await?.good()
}

/// Somebody who was given a one-time password chooses their own and enrols an authenticator; the recovery codes.
async fn begin(cluster: &Cluster, name: &str, one_time: &str) -> Result<Vec<String>> {
    let http = cluster.http(cluster.leader().await?)?;
    let signed = post(&http, "/v1/session", json!({ "name": name, "password": one_time, "bearer": true })).await?;
    let token = |session: &Value| session["token"].as_str().map(str::to_owned).context("no token");
    let http = http.token(Some(token(&signed)?));
    let body = json!({ "password": one_time, "new_password": PASSWORD });
    let changed = post(&http, "/v1/session/password", body).await?;
    let http = http.token(Some(token(&changed["session"])?));
    let begun = post(&http, "/v1/session/second-factor", json!({ "password": PASSWORD })).await?;
    let otp = code(begun["secret"].as_str().context("no secret")?)?;
    let body = json!({ "ticket": begun["ticket"], "otp": otp });
    let done = post(&http, "/v1/session/second-factor/confirm", body).await?;
    Ok(serde_json::from_value(done["recovery_codes"].clone())?)
}

/// Waits until every node that runs shows this in its own state.
async fn everywhere(cluster: &Cluster, path: &str, field: &str, expected: Value) -> Result<()> {
    until(&format!("{field} is {expected} at every node"), SOON, async || {
        for place in 0..cluster.nodes.len() {
            let shown = cluster.http(place)?.get(path).await?;
            ensure!(shown[field] == expected, "node {place}: {shown}");
        }
        Ok(())
    })
    .await
}

/// Goal: at a real cluster a critical setting is refused to one owner alone, proposed by them, approved by another person,
/// and holds at every node, although the leader was killed in between; the initiator cannot approve it. One stops the
/// exchange, two let it go on. Method: three nodes, two owners with keys of their own, everything by the command line but the
/// second owner's first sign-in.
#[tokio::test(flavor = "multi_thread")]
async fn two_persons_agree() -> Result<()> {
    let story = Story::of("approvals");
    let mut cluster = Cluster::empty()?;
    for name in ["n1", "n2", "n3"] {
        cluster.add(name)?;
    }
    let password = cluster.home().join("password");
    fs::write(&password, format!("{PASSWORD}\n"))?;
    let password = password.display().to_string();
    let made = cluster.found_with(0, &["--owner", "ada", "--owner-password-file", &password]).await?;
    for place in [1, 2] {
        cluster.join(place).await?;
    }
    cluster.voters(3).await?;
    cluster.does(&["settings", "set", "people.sign_ins_per_minute", "1000", "--reason", "quick tests"]).await?;

    let codes = serde_json::from_value(made.json()?["owner"]["recovery_codes"].clone())?;
    let mut ada = Owner::new(&cluster, "ada", codes)?;
    ada.login(&cluster).await?;
    let words = ["admin", "create", "sam", "--person", "Sam", "--role", "owner", "--reason", "the second owner"];
    let one_time = ada.does(&cluster, &words).await?.text("one_time_password")?;
    let mut sam = Owner::new(&cluster, "sam", begin(&cluster, "sam", &one_time).await?)?;
    sam.login(&cluster).await?;

    let (ada_key, ada_public) = ada.enrols(&cluster).await?;
    let (sam_key, sam_public) = sam.enrols(&cluster).await?;
    let wrong = ["approve", "key", "confirm", &sam_key, &ada_public, "--reason", "not looked at"];
    ada.runs(&cluster, &wrong).await?.refused_with("EXQ-1106")?;
    ada.does(&cluster, &["approve", "key", "confirm", &sam_key, &sam_public, "--reason", "read to me"]).await?;
    sam.does(&cluster, &["approve", "key", "confirm", &ada_key, &ada_public, "--reason", "read to me"]).await?;
    let keys = sam.does(&cluster, &["approve", "key", "list"]).await?.json()?;
    ensure!(keys["in_force_since"].is_string(), "{keys}");
    story.tell("two owners have confirmed keys");

    let set = ["settings", "set", KEY, "5", "--reason", "OPS-1"];
    let alone = ada.runs(&cluster, &set).await?.refused()?;
    ensure!(alone.code == "EXQ-1101" && alone.hint.contains("--propose"), "{alone:?}");
    let proposed = ada.does(&cluster, &[set.as_slice(), &["--propose=1h"]].concat()).await?;
    let first = proposed.number("proposal")?;
    let number = first.to_string();
    ada.runs(&cluster, &["approve", "sign", &number, "--yes"]).await?.refused_with("EXQ-1104")?;

    let leader = cluster.leader().await?;
    cluster.nodes[leader].kill()?;
    let next = cluster.leader().await?;
    story.tell(format_args!("proposal {number} is made, and its leader, node {leader}, was killed; {next} leads"));
    let waiting = sam.does(&cluster, &["approve", "list"]).await?.json()?;
    ensure!(waiting["proposals"][0]["number"] == first, "{waiting}");
    let done = sam.does(&cluster, &["approve", "sign", &number, "--yes"]).await?;
    ensure!(done.text("state")? == "executed", "{done}");
    sam.runs(&cluster, &["approve", "sign", &number, "--yes"]).await?.refused_with("EXQ-1103")?;
    cluster.nodes[leader].start()?;
    cluster.voters(3).await?;
    everywhere(&cluster, &format!("/v1/settings/{KEY}?consistency=local"), "value", json!("5")).await?;
    story.tell("another person approved it: it holds at every node");

    sam.login(&cluster).await?;
    sam.does(&cluster, &["emergency", "stop", "--reason", "INC-7", "--yes"]).await?;
    everywhere(&cluster, "/v1/emergency?consistency=local", "stopped", json!(true)).await?;
    sam.login(&cluster).await?;
    let resume = ["emergency", "resume", "--reason", "INC-7: false alarm", "--yes"];
    sam.runs(&cluster, &resume).await?.refused_with("EXQ-1101")?;
    let proposed = sam.does(&cluster, &[resume.as_slice(), &["--propose"]].concat()).await?;
    let number = proposed.number("proposal")?.to_string();
    ada.does(&cluster, &["approve", "sign", &number, "--yes"]).await?;
    everywhere(&cluster, "/v1/emergency?consistency=local", "stopped", json!(false)).await?;
    story.tell("one stopped the exchange, two let it go on");
    let verified = cluster.does(&["audit", "verify"]).await?;
    ensure!(verified.exit == 0, "{verified}");
    cluster.finish()
}
