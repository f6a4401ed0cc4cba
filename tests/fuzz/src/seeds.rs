//! Inputs to begin with, made by the code that reads them.

use exchequer_matching::workload;
use exchequer_state::markets::MarketId;
use exchequer_state::{Done, Outcome, Rejection};

use crate::state::WORLD;

pub(crate) fn commands() -> Vec<Vec<u8>> {
    WORLD.log.clone()
}

/// Each row of the small cluster in its own place.
pub(crate) fn rows() -> Vec<Vec<u8>> {
    let rows = (0_u16..).zip(WORLD.rows.iter());
    rows.map(|(place, (_, _, value))| [place.to_be_bytes().as_slice(), value].concat()).collect()
}

pub(crate) fn records() -> Vec<Vec<u8>> {
    let outcomes = [Outcome::Done(Done::NodeRemoved), Outcome::Rejected(Rejection::ReasonMissing)];
    let rows = WORLD.rows.iter().map(|(_, _, value)| value.to_vec());
    outcomes.iter().map(Outcome::encode).chain(rows).collect()
}

pub(crate) fn order_files() -> Vec<Vec<u8>> {
    let mut file = workload::encode(&[]);
    let empty = file.clone();
    file[12] = 2;
    file.extend([0; 80]);
    vec![empty, file]
}

pub(crate) fn spot_queries() -> Vec<Vec<u8>> {
    let texts = [
        "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.5&price=100.25&timestamp=1764000000000",
        "symbols=%5B%22BTCUSDT%22%2C%22ETHUSDT%22%5D&limit=7",
        "newClientOrderId=a+b&recvWindow=5000&timestamp=1&signature=00",
        "a=%C3%A4&=&b&c=%zz",
    ];
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

pub(crate) fn numbers() -> Vec<Vec<u8>> {
    let texts = [
        "\u{1}\u{2}100.25",
        "\u{5}\u{0}10.000",
        "\u{8}0.5",
        "\u{8}12",
        "\u{12}340282366920938463463.374607431768211455",
        "\u{8}-1",
        "\u{8}1e9",
        "\u{8}007.10",
        "\u{2}.5",
        "\u{2}NaN",
        "\u{0}1h30m",
        "\u{0}64MiB",
        "\u{0}2026-11-23T12:00:00.123456Z",
        "\u{5}00000.00000",
    ];
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

pub(crate) fn markets() -> Vec<Vec<u8>> {
    let market = WORLD.state.markets().market(MarketId(1));
    market.and_then(|market| market.encode().ok()).into_iter().collect()
}
