//! Signing in to the running program: by a real HTTP client as a browser would, and by the command line.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use anyhow::{Context as _, Result};
use exchequer_tests::cluster::Cluster;
use reqwest::header::{COOKIE, ORIGIN, SET_COOKIE};
use reqwest::{Certificate, Client, Method, RequestBuilder};
use serde_json::{Value, json};

const PASSWORD: &str = "a horse in a bathtub";

/// What a browser has of a session.
struct Page {
    http: Client,
    base: String,
    cookie: String,
    csrf: String,
}

impl Page {
    fn asks(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base)).header(COOKIE, &self.cookie)
    }

    fn changes(&self, method: Method, path: &str, body: &Value) -> RequestBuilder {
        self.asks(method, path).header(ORIGIN, &self.base).header("x-csrf-token", &self.csrf).json(body)
    }
}

/// Status and code of an answer.
async fn said(request: RequestBuilder) -> Result<(u16, String)> {
    let response = request.send().await?;
    let status = response.status().as_u16();
    let body: Value = serde_json::from_str(&response.text().await?).unwrap_or_default();
    Ok((status, body["error"]["code"].as_str().unwrap_or_default().to_owned()))
}

/// Signs in with a recovery code, as a page does.
async fn page(http: &Client, base: &str, code: &str, cookie: &str) -> Result<Page> {
    let body = json!({ "name": "ada", "password": PASSWORD, "recovery_code": code });
    let request = http.post(format!("{base}/v1/session")).header(ORIGIN, base).header(COOKIE, cookie).json(&body);
    let response = request.send().await?.error_for_status()?;
    let set = response.headers().get(SET_COOKIE).context("no cookie")?.to_str()?.to_owned();
    let (cookie, flags) = set.split_once("; ").context("a cookie without flags")?;
    assert_eq!(flags, "Path=/; Secure; HttpOnly; SameSite=Strict");
    assert!(cookie.starts_with("__Host-exchequer="), "{cookie}");
    let answer: Value = serde_json::from_str(&response.text().await?)?;
    let csrf = answer["csrf_token"].as_str().context("no token against forgery")?.to_owned();
    Ok(Page { http: http.clone(), base: base.to_owned(), cookie: cookie.to_owned(), csrf })
}

/// Goal: the owner that `init` made can sign in to the running program, from a browser and from the command line; a
/// browser's session works from its own page alone, is always a fresh one, and ends; what is done is on record under the
/// owner's name; the command line keeps its token where nobody else reads it. Method: one node, a real HTTP client, the
/// recovery codes of `init`, which need no clock.
#[tokio::test]
async fn the_owner_signs_in() -> Result<()> {
    let mut cluster = Cluster::empty()?;
    let place = cluster.add("n1")?;
    let file = cluster.home().join("password");
    fs::write(&file, format!("{PASSWORD}\n"))?;
    let file = file.to_str().context("an odd path")?.to_owned();
    let made = cluster.found_with(place, &["--owner", "ada", "--owner-password-file", &file]).await?;
    let codes: Vec<String> = serde_json::from_value(made.json()?["owner"]["recovery_codes"].clone())?;
    let base = format!("https://{}", cluster.nodes[place].api);
    let authority = Certificate::from_pem_bundle(&fs::read(cluster.ca_path())?)?;
    let http = Client::builder().tls_certs_only(authority).no_proxy().build()?;

    let first = page(&http, &base, &codes[0], "a=b").await?;
    let again = json!({ "name": "ada", "password": PASSWORD, "recovery_code": codes[0] });
    let replay = http.post(format!("{base}/v1/session")).json(&again);
    assert_eq!(said(replay).await?, (401, "EXQ-0211".into()), "a recovery code works once");

    // A session that was there before is not the one after.
    let second = page(&http, &base, &codes[1], &first.cookie).await?;
    assert_ne!(first.cookie, second.cookie);

    let path = "/v1/settings/autopilot.promote";
    let change = json!({ "value": "false", "reason": "by ada" });
    let foreign = first.changes(Method::PUT, path, &change).header(ORIGIN, "https://evil.example");
    assert_eq!(said(foreign).await?, (403, "EXQ-0219".into()));
    let bare = first.asks(Method::PUT, path).header(ORIGIN, &base).json(&change);
    assert_eq!(said(bare).await?, (403, "EXQ-0219".into()));
    let others =
        Page { csrf: second.csrf.clone(), http: http.clone(), base: base.clone(), cookie: first.cookie.clone() };
    assert_eq!(said(others.changes(Method::PUT, path, &change)).await?, (403, "EXQ-0219".into()));
    assert_eq!(said(first.changes(Method::PUT, path, &change)).await?.0, 200);
    let out = first.changes(Method::DELETE, "/v1/session", &Value::Null);
    assert_eq!(said(out).await?.0, 200);
    assert_eq!(said(first.asks(Method::GET, "/v1/session")).await?, (401, "EXQ-0212".into()));
    assert_eq!(said(second.asks(Method::GET, "/v1/session")).await?.0, 200);
    let audit = cluster.http(place)?.get("/v1/audit?after=0&limit=100").await?;
    let records = audit["entries"].as_array().context("no entries")?;
    assert!(records.iter().any(|record| record["actor"] == "admin 1" && record["reason"] == "by ada"), "{audit}");

    // The command line, without the operator token.
    let home = cluster.home().join("home");
    let exq = cluster.exq().variable("EXCHEQUER_TOKEN", "").variable("XDG_CONFIG_HOME", &home);
    let code = cluster.home().join("code");
    fs::write(&code, &codes[2])?;
    let code = code.to_str().context("an odd path")?;
    exq.run(["admin", "list"]).await?.refused_with("EXQ-0201")?;
    let words = ["login", "ada", "--recovery", "--password-file", &file, "--code-file", code];
    let signed = exq.run(words).await?.good()?;
    assert_eq!(signed.json()?["must"], "nothing");
    assert!(!signed.stdout.contains("exqs_"), "the token is not printed: {}", signed.stdout);
    let rights = fs::metadata(home.join("exchequer/session"))?.permissions().mode() & 0o777;
    assert_eq!(rights, 0o600);
    let admins = exq.run(["admin", "list"]).await?.good()?.json()?;
    assert_eq!((&admins["admins"][0]["name"], &admins["admins"][0]["recovery_codes"]), (&json!("ada"), &json!(7)));
    let words = ["admin", "create", "bob", "--person", "Bob", "--role", "operations", "--reason", "hired"];
    let bob = exq.run(words).await?.good()?;
    assert!(bob.text("one_time_password")?.len() > 20);
    let words = ["admin", "roles", "ada", "--role", "auditor", "--reason", "tired"];
    exq.run(words).await?.refused_with("EXQ-0223")?;
    exq.run(["logout"]).await?.good()?;
    exq.run(["session", "show"]).await?.refused_with("EXQ-0212")?;
    cluster.finish()
}
