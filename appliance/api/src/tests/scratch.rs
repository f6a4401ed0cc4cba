//! Scratch values through the door.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::World;

/// Goal: values come back as they were put, under versions that can be expected. Method: bytes that are no text, a key
/// with a blank and a slash.
#[tokio::test]
async fn values_and_versions() {
    let world = World::new();
    let value = STANDARD.encode([0, 255, 7]);
    let path = "/v1/scratch/a%20b%2Fc";
    let put = |expect: Option<u64>| json!({"value": value, "expect": expect}).to_string();
    assert_eq!(world.get(path).await.refusal(), (404, "EXQ-0109".into()));
    let first = world.put(path, &put(Some(0))).await.json();
    assert_eq!((&first["version"], &first["index"]), (&json!(1), &json!(3)));
    assert_eq!(world.put(path, &put(Some(0))).await.refusal(), (409, "EXQ-0408".into()));
    assert_eq!(world.put(path, &put(None)).await.json()["version"], 2);
    assert_eq!(world.get(path).await.json(), json!({"value": value, "version": 2}));
}

/// Goal: limits hold at the door.
#[tokio::test]
async fn limits() {
    let world = World::new();
    let of = |bytes: usize| json!({"value": STANDARD.encode(vec![1; bytes])}).to_string();
    let key = |chars: usize| format!("/v1/scratch/{}", "k".repeat(chars));
    assert_eq!(world.put(&key(256), &of(64 << 10)).await.json()["version"], 1);
    assert_eq!(world.put(&key(257), &of(1)).await.refusal(), (400, "EXQ-0108".into()));
    assert_eq!(world.put(&key(1), &of((64 << 10) + 1)).await.refusal(), (400, "EXQ-0108".into()));
    assert_eq!(world.put(&key(1), r#"{"value":"no base64!"}"#).await.refusal(), (400, "EXQ-0108".into()));
    assert_eq!(world.get("/v1/scratch/%ff").await.refusal(), (400, "EXQ-0108".into()));
}
