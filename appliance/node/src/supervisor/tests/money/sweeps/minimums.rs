//! The least that is swept, asset by asset.

use exchequer_domain::Network;
use exchequer_state::settings::Value;
use exchequer_state::{Body, SetSetting};

use super::field::{Field, TOKENS, Who};

/// Goal: the least that is swept of an asset may be another one than that of its network. Method: a deposit between the two, and a
/// minimum of the asset's that falls.
#[tokio::test(start_paused = true)]
async fn an_asset_has_a_minimum_of_its_own() {
    let mut field = Field::open(Network::Tron, true, false).await;
    let set = |field: &Field, usd| {
        let (key, value) = (format!("sweeps.min_usd@asset:{TOKENS}"), Value::Integer(usd));
        let command = SetSetting { key, value, if_revision: None, reason: "test".into() };
        field.stage.ground().run(Body::SetSetting(command));
    };
    // Where hot wallets are short, deposits are swept for less.
    field.set("sweeps.hot_low_usd", 0);
    set(&field, 501);
    field.deposit(0, TOKENS, 500_000_000).await;
    let (sweeper, fuel) = (field.clerk(Who::Consolidation), field.clerk(Who::Gas));
    let said = field.work(&[&sweeper, &fuel], 20).await;
    assert_eq!((field.sweeps(), field.top_ups()), (0, 0), "{said:?}");
    assert!(field.told(0, TOKENS).contains("501"), "{}", field.told(0, TOKENS));
    set(&field, 500);
    let said = field.work(&[&sweeper, &fuel], 60).await;
    assert_eq!(field.sweeps(), 1, "{said:?}; {}", field.told(0, TOKENS));
}
