//! Bodies of `/v1`: what is read is written as something that is read as the same.

use exchequer_api::dto;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Reads the text as one type of body; answers whether it is one.
type Read = fn(&[u8]) -> bool;

const READERS: &[Read] = &[
    read::<dto::AddLearner>,
    read::<dto::CancelOrder>,
    read::<dto::CancelOrders>,
    read::<dto::ConfigureMarket>,
    read::<dto::CreateApiKey>,
    read::<dto::CreateAsset>,
    read::<dto::CreateMarket>,
    read::<dto::CreateToken>,
    read::<dto::CreateUser>,
    read::<dto::DryRun>,
    read::<dto::JoinRequest>,
    read::<dto::PlaceOrder>,
    read::<dto::PutScratch>,
    read::<dto::RevertSettings>,
    read::<dto::SetMarketPhase>,
    read::<dto::SetSetting>,
    read::<dto::UpdateUser>,
    read::<dto::Verify>,
];

fn read<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(bytes: &[u8]) -> bool {
    let Ok(body) = serde_json::from_slice::<T>(bytes) else { return false };
    let written = serde_json::to_vec(&body).unwrap_or_default();
    let again = serde_json::from_slice::<T>(&written).map_err(|error| error.to_string());
    assert_eq!(again, Ok(body), "a body is read back");
    true
}

/// Any of the bodies.
pub(crate) fn body(bytes: &[u8]) {
    READERS.iter().for_each(|reader| {
        reader(bytes);
    });
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let texts = [
        r#"{"node":"n1","reason":"test"}"#,
        r#"{"user":1,"market":"BTCUSDT","order":7,"client_id":null,"command_id":"07070707070707070707070707070707"}"#,
        r#"{"user":1,"market":"BTCUSDT","side":"buy"}"#,
        r#"{"filters":{"price_min":"0.01","bid_percent":{"lowest_ppm":1,"highest_ppm":2}},"reason":"test"}"#,
        r#"{"scopes":["read","trade"],"addresses":["10.0.0.0/8"],"label":"bot","reason":"test"}"#,
        r#"{"code":"BTC","decimals":8,"name":"Bitcoin","reason":"test"}"#,
        r#"{"symbol":"BTCUSDT","base":"BTC","quote":"USDT","tick":"0.01","lot":"1","fees":[{"maker_ppm":1,"taker_ppm":2}],"reason":"test"}"#,
        r#"{"ttl":"15m","replace":3,"reason":"test"}"#,
        r#"{"label":"Ada","kyc_level":2,"fee_tier":0,"count":null}"#,
        r#"{"transfer":{"from":1,"to":2,"asset":"BTC","amount":"0.25","note":"gift"}}"#,
        r#"{"credit":{"user":1,"asset":"BTC","amount":"1"}}"#,
        r#"{"token":"exqj_1","name":"n2","api_address":"h:1","peer_address":"h:2","certificate_request":"","release":"0.1.0","logic":1,"replaces":null}"#,
        r#"{"user":1,"market":"BTCUSDT","side":"buy","kind":"limit","price":"1.5","quantity":"2","trigger":{"kind":"trailing","price":"1"}}"#,
        r#"{"value":"aGVsbG8=","expect":0}"#,
        r#"{"to_revision":18446744073709551615,"if_revision":0,"reason":"test"}"#,
        r#"{"value":"10s","reason":"test","if_revision":3}"#,
        r#"{"phase":"auction","ends_at":"2026-11-23T12:00:00Z","reason":"test"}"#,
        r#"{"status":"frozen","reason":"test"}"#,
        r#"{"patience":"2m"}"#,
    ];
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: the inputs that are mutated get through. Method: each is a body of some type, and each type has one.
    #[test]
    fn every_type_has_an_input() {
        let seeds = seeds();
        assert!(seeds.iter().all(|seed| READERS.iter().any(|reader| reader(seed))));
        for (at, reader) in READERS.iter().enumerate() {
            assert!(seeds.iter().any(|seed| reader(seed)), "reader {at}");
        }
    }
}
