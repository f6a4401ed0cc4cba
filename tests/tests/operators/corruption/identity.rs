//! Who a node is: identity, certificates, keys.

use anyhow::Result;

use super::bench::{Bench, Kind};

/// Goal: a node with a damaged identity, certificate or key does not start as somebody else, nor half. Method: each of the
/// files damaged in each way.
#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_identity_is_refused() -> Result<()> {
    let mut bench = Bench::prepare("damaged identity").await?;
    for file in ["identity.toml", "ca.pem", "node.pem", "node.key", "keyring"] {
        bench.every_damage(Kind::new(file, file, "")).await?;
    }
    bench.replace().await?;
    bench.finish()
}
