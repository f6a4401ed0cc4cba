//! Streams of markets.

use axum::http::Method;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::protocol::Message;

use super::socket::{Door, Heard};
use super::{NOW_MS, good, limit, open, signed, world};
use crate::feed::Batch;

/// Goal: each stream says what its documentation says, field by field. Method: all of them on one connection, with a
/// trade and what is left in the book.
#[tokio::test]
async fn streams_have_the_documented_form() {
    let world = world();
    let door = Door::new(&world);
    let mut client = door.connect("/stream?streams=btcusdt@trade/btcusdt@aggTrade").await;
    let more = json!([
        "btcusdt@kline_1m",
        "btcusdt@miniTicker",
        "btcusdt@ticker",
        "btcusdt@bookTicker",
        "btcusdt@depth@100ms",
        "btcusdt@depth5@100ms",
        "btcusdt@avgPrice",
        "!miniTicker@arr",
        "!ticker@arr",
        "!bookTicker",
    ]);
    let answer = client.ask("SUBSCRIBE", more).await;
    assert_eq!(answer["result"], Value::Null, "{answer}");
    let base = good(&open(&world, "/api/v3/depth?symbol=BTCUSDT").await)["lastUpdateId"].as_u64().unwrap();

    good(&limit(&world, 1, "SELL", "0.5", "50000", "").await);
    good(&limit(&world, 2, "BUY", "0.2", "50000.00", "").await);
    let of = |name: &'static str| move |value: &Value| value["stream"] == name;
    let trade = json!({
        "e": "trade", "E": NOW_MS, "s": "BTCUSDT", "t": 1, "p": "50000.00", "q": "0.20000", "T": NOW_MS, "m": false,
        "M": true,
    });
    assert_eq!(client.until(of("btcusdt@trade")).await["data"], trade);
    let aggregate = json!({
        "e": "aggTrade", "E": NOW_MS, "s": "BTCUSDT", "a": 1, "p": "50000.00", "q": "0.20000", "f": 1, "l": 1,
        "T": NOW_MS, "m": false, "M": true,
    });
    assert_eq!(client.until(of("btcusdt@aggTrade")).await["data"], aggregate);
    let best = client.until(of("btcusdt@bookTicker")).await["data"].clone();
    assert_eq!((&best["a"], &best["A"], &best["b"]), (&json!("50000.00"), &json!("0.30000"), &json!("0.00")));

    // A client of its own for what comes with ticks: their order is not said.
    let names = [
        "btcusdt@kline_1m",
        "btcusdt@miniTicker",
        "btcusdt@ticker",
        "btcusdt@avgPrice",
        "!miniTicker@arr",
        "!ticker@arr",
        "btcusdt@depth@100ms",
        "btcusdt@depth5@100ms",
    ];
    let mut seen: Vec<Value> = vec![Value::Null; names.len()];
    while seen.contains(&Value::Null) {
        let value = client.next().await;
        if let Some(at) = names.iter().position(|name| value["stream"] == *name) {
            seen[at] = value["data"].clone();
        }
    }
    let [kline, mini, ticker, average, minis, tickers, depth, partial] = <[Value; 8]>::try_from(seen).unwrap();
    let body = &kline["k"];
    assert_eq!(
        (&kline["e"], &body["i"], &body["x"], &body["n"]),
        (&json!("kline"), &json!("1m"), &json!(false), &json!(1))
    );
    assert_eq!(
        (&body["o"], &body["v"], &body["q"]),
        (&json!("50000.00"), &json!("0.20000000"), &json!("10000.00000000"))
    );
    assert_eq!((&body["V"], &body["f"], &body["L"]), (&json!("0.20000000"), &json!(1), &json!(1)));
    assert_eq!(
        (&mini["e"], &mini["c"], &mini["v"]),
        (&json!("24hrMiniTicker"), &json!("50000.00"), &json!("0.20000000"))
    );
    assert_eq!((&ticker["e"], &ticker["c"], &ticker["P"]), (&json!("24hrTicker"), &json!("50000.00"), &json!("0.000")));
    assert_eq!((&ticker["w"], &ticker["Q"], &ticker["a"]), (&json!("50000.00"), &json!("0.20000"), &json!("50000.00")));
    assert_eq!((&average["e"], &average["w"], &average["T"]), (&json!("avgPrice"), &json!("50000.00"), &json!(NOW_MS)));
    assert_eq!((&minis[0]["s"], &tickers[0]["e"]), (&json!("BTCUSDT"), &json!("24hrTicker")));
    assert_eq!((&depth["e"], &depth["b"]), (&json!("depthUpdate"), &json!([])));
    assert_eq!(depth["a"].as_array().unwrap().len(), 1);
    assert!(depth["U"].as_u64().unwrap() > base);
    assert_eq!((&partial["asks"], &partial["bids"]), (&json!([["50000.00", "0.30000"]]), &json!([])));
}

/// Goal: a book that a client keeps by the documented rule is the one that is served, whenever it begins. Method: orders
/// that come and go while two clients follow, one from the start and one in the middle.
#[tokio::test]
async fn a_book_can_be_followed() {
    let world = world();
    let door = Door::new(&world);
    let mut clients = vec![(door.connect("/ws/btcusdt@depth@100ms").await, None)];
    let mut seed = 0x5eed_0041_u64;
    println!("seed {seed:#x}");
    let mut draw = |below: u64| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed % below
    };
    for round in 0..12 {
        if round == 5 {
            clients.push((door.connect("/ws/btcusdt@depth@100ms").await, None));
        }
        for (client, book) in &mut clients {
            if book.is_none() {
                // Only who is subscribed may look: the answer to this comes after the subscription.
                client.ask("LIST_SUBSCRIPTIONS", json!([])).await;
                let shown = good(&open(&world, "/api/v3/depth?symbol=BTCUSDT&limit=5000").await);
                *book = Some(Copy::of(&shown));
            }
        }
        for _ in 0..1 + draw(3) {
            let (side, price) = if draw(2) == 0 { ("BUY", 40_000 + draw(6)) } else { ("SELL", 50_000 + draw(6)) };
            good(&limit(&world, 1 + draw(2), side, "0.01", &price.to_string(), "").await);
        }
        if round % 4 == 3 {
            signed(&world, 1, Method::DELETE, "/api/v3/openOrders", "symbol=BTCUSDT").await;
        }
        let shown = good(&open(&world, "/api/v3/depth?symbol=BTCUSDT&limit=5000").await);
        for (client, book) in &mut clients {
            let book = book.as_mut().unwrap();
            // An entry that changes no level sends nothing: the levels say how far the client has come.
            while (book.side(0), book.side(1)) != (shown["bids"].clone(), shown["asks"].clone()) {
                let diff = client.until(|value| value["e"] == "depthUpdate").await;
                book.apply(&diff);
            }
            assert_eq!((book.side(0), book.side(1)), (shown["bids"].clone(), shown["asks"].clone()), "round {round}");
        }
    }
}

/// Goal: a level that came and went between two messages is told to be gone, also to a client whose snapshot has it.
/// Method: an order that is in the snapshot and cancelled at once, then another one; both are to be in what is told.
#[tokio::test]
async fn a_level_that_was_there_for_a_moment_is_gone() {
    let world = world();
    let door = Door::new(&world);
    let mut client = door.connect("/ws/btcusdt@depth").await;
    for _ in 0..3 {
        client.ask("LIST_SUBSCRIPTIONS", json!([])).await;
        good(&limit(&world, 1, "SELL", "0.5", "50000", "").await);
        let mut book = Copy::of(&good(&open(&world, "/api/v3/depth?symbol=BTCUSDT").await));
        good(&signed(&world, 1, Method::DELETE, "/api/v3/openOrders", "symbol=BTCUSDT").await);
        good(&limit(&world, 1, "SELL", "0.5", "51000", "").await);
        let shown = good(&open(&world, "/api/v3/depth?symbol=BTCUSDT").await);
        while book.last < shown["lastUpdateId"].as_u64().unwrap() {
            let diff = client.until(|value| value["e"] == "depthUpdate").await;
            book.apply(&diff);
            assert!(diff["cs"].is_u64(), "{diff}");
        }
        assert_eq!(book.side(1), shown["asks"]);
        signed(&world, 1, Method::DELETE, "/api/v3/openOrders", "symbol=BTCUSDT").await;
    }
}

/// A client's book.
struct Copy {
    last: u64,
    begun: bool,
    sides: [std::collections::BTreeMap<String, String>; 2],
}

impl Copy {
    fn of(shown: &Value) -> Copy {
        let mut copy = Copy { last: shown["lastUpdateId"].as_u64().unwrap(), begun: false, sides: Default::default() };
        copy.put(&shown["bids"], &shown["asks"]);
        copy
    }

    fn put(&mut self, bids: &Value, asks: &Value) {
        for (side, levels) in [bids, asks].into_iter().enumerate() {
            for level in levels.as_array().unwrap() {
                let (price, quantity) = (level[0].as_str().unwrap(), level[1].as_str().unwrap());
                if quantity == "0.00000" {
                    self.sides[side].remove(price);
                } else {
                    self.sides[side].insert(price.to_owned(), quantity.to_owned());
                }
            }
        }
    }

    fn apply(&mut self, diff: &Value) {
        let (first, last) = (diff["U"].as_u64().unwrap(), diff["u"].as_u64().unwrap());
        if last <= self.last {
            return;
        }
        if self.begun {
            assert_eq!(first, self.last + 1, "differences join");
        } else {
            assert!(first <= self.last + 1, "{first} is not behind {}", self.last);
        }
        (self.begun, self.last) = (true, last);
        self.put(&diff["b"], &diff["a"]);
    }

    /// As it is served. Prices here have one length, so that their order is that of their text.
    fn side(&self, side: usize) -> Value {
        let level = |(price, quantity): (&String, &String)| json!([price, quantity]);
        match side {
            0 => self.sides[0].iter().rev().map(level).collect(),
            _ => self.sides[1].iter().map(level).collect(),
        }
    }
}

/// Goal: a client can say what it wants and learn what it has, and is told what it said wrong. Method: each request.
#[tokio::test]
async fn subscriptions_can_be_changed() {
    let world = world();
    let door = Door::new(&world);
    // As clients do it that number their connections.
    let mut client = door.connect("/ws/0").await;
    let list = json!(["btcusdt@trade", "btcusdt@depth"]);
    assert_eq!(client.ask("SUBSCRIBE", list.clone()).await, json!({"id": 1, "result": null}));
    assert_eq!(client.ask("LIST_SUBSCRIPTIONS", json!([])).await["result"], json!(["btcusdt@depth", "btcusdt@trade"]));
    assert_eq!(client.ask("UNSUBSCRIBE", json!(["btcusdt@depth"])).await["result"], Value::Null);
    assert_eq!(client.ask("LIST_SUBSCRIPTIONS", json!([])).await["result"], json!(["btcusdt@trade"]));

    let mut client = door.connect("/ws").await;
    assert_eq!(client.ask("GET_PROPERTY", json!(["combined"])).await["result"], json!(false));
    assert_eq!(client.ask("SET_PROPERTY", json!(["combined", true])).await["result"], Value::Null);
    client.ask("SUBSCRIBE", json!(["btcusdt@trade"])).await;
    good(&limit(&world, 1, "SELL", "0.5", "50000", "").await);
    good(&limit(&world, 2, "BUY", "0.5", "50000", "").await);
    let trade = client.next().await;
    assert_eq!((&trade["stream"], &trade["data"]["t"]), (&json!("btcusdt@trade"), &json!(1)));

    for (method, params, code) in [
        ("SUBSCRIBE", json!(["nosuch@trade"]), 2),
        ("SUBSCRIBE", json!(["BTCUSDT@trade"]), 2),
        ("SUBSCRIBE", json!([7]), 2),
        ("SUBSCRIBE", json!({"a": 1}), 2),
    ] {
        let mut client = door.connect("/ws").await;
        assert_eq!(client.ask(method, params.clone()).await["error"]["code"], code, "{method} {params}");
    }
    for (text, code) in [
        ("nonsense", 3),
        ("[]", 2),
        ("{}", 2),
        (r#"{"method":"NONE","id":1}"#, 2),
        (r#"{"method":"SUBSCRIBE","id":-1.5}"#, 2),
        (r#"{"method":"SET_PROPERTY","params":["combined",7],"id":1}"#, 1),
        (r#"{"method":"GET_PROPERTY","params":["other"],"id":1}"#, 0),
    ] {
        let mut client = door.connect("/ws").await;
        client.text(text).await;
        assert_eq!(client.next().await["error"]["code"], code, "{text}");
    }
    let many: Vec<String> = (0..2_000).map(|number| format!("x{number}@trade")).collect();
    let mut client = door.connect("/ws").await;
    assert_eq!(client.ask("SUBSCRIBE", json!(many)).await["error"]["code"], 2);
    for path in
        ["/ws/nosuch@trade", "/stream?streams=nosuch@trade", "/stream?streams=a&other=1", "/ws?timeUnit=MICROSECOND"]
    {
        assert_eq!(door.refused(path).await.0, 400, "{path}");
    }
    assert_eq!(super::refusal(&open(&world, "/ws").await), (400, -1020));
}

/// Goal: who does not keep to the rules is closed with the reason, and nothing panics. Method: a flood, a message of the
/// wrong kind, one that is too long, text that is no UTF-8, and bytes that are no frames.
#[tokio::test]
async fn broken_rules_close_the_connection() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let world = world();
    let door = Door::new(&world);
    let mut client = door.connect("/ws").await;
    for _ in 0..6 {
        client.text(r#"{"method":"LIST_SUBSCRIPTIONS","id":1}"#).await;
    }
    assert_eq!(client.closed().await.0, 1008);
    let mut client = door.connect("/ws").await;
    client.say(Message::Binary(vec![1, 2, 3].into())).await;
    assert_eq!(client.closed().await.0, 1003);
    let mut client = door.connect("/ws").await;
    client.text("x".repeat(65 << 10)).await;
    assert_eq!(client.closed().await.0, 1009);
    for frame in [
        &b"\x81\x82\x00\x00\x00\x00\xff\xff"[..],
        b"\xff\x80\x00\x00\x00\x00",
        b"\x81\x05hello",
        b"\xc1\x80\x00\x00\x00\x00",
    ] {
        let mut client = door.connect("/ws").await;
        client.socket.get_mut().write_all(frame).await.unwrap();
        let mut heard = Vec::new();
        client.socket.get_mut().read_to_end(&mut heard).await.unwrap();
        let code = heard.get(2..4).map(|code| u16::from_be_bytes([code[0], code[1]]));
        assert!(matches!(code, Some(1002 | 1007)), "{frame:?}: {heard:?}");
    }
    // The house still serves.
    good(&open(&world, "/api/v3/ping").await);
    let mut client = door.connect("/ws").await;
    assert_eq!(client.ask("LIST_SUBSCRIPTIONS", json!([])).await["result"], json!([]));
}

/// Goal: who reads too slowly is closed instead of being waited for, after the bound and not before, and others miss
/// nothing. Method: a client that does not read beside one that does, and more trades than may wait.
#[tokio::test]
async fn slow_readers_are_closed_and_others_miss_nothing() {
    let world = world();
    let door = Door::new(&world);
    let mut slow = door.connect("/ws/btcusdt@trade/btcusdt@bookTicker").await;
    slow.ask("LIST_SUBSCRIPTIONS", json!([])).await;
    let mut quick = door.connect("/ws/btcusdt@trade").await;
    quick.ask("LIST_SUBSCRIPTIONS", json!([])).await;
    let ear = world.house.ear().expect("the hub listens");
    // The trades of a house that is busy: heard, though not made.
    good(&limit(&world, 1, "SELL", "0.5", "50000", "").await);
    good(&limit(&world, 2, "BUY", "0.5", "50000", "").await);
    let first = quick.next().await;
    assert_eq!(first["t"], 1);
    let (index, record) = {
        let inside = world.house.inside.lock();
        let rows =
            exchequer_state::markets::Markets::trades(&inside.rows, exchequer_state::markets::MarketId(1), None, 1);
        (inside.index, rows.unwrap()[0].1)
    };
    let each = 4 << 10;
    for batch in 0..20_u64 {
        let events = (0..each).map(|at| exchequer_state::Event::Trade {
            market: exchequer_state::markets::MarketId(1),
            id: exchequer_state::matching::TradeId(2 + batch * each + at),
            record: Box::new(record),
        });
        let events = events.collect();
        ear.entry(Batch { index: index + 1 + batch, time: record.time, events, postings: (1, 1) });
        for at in 0..each {
            assert_eq!(quick.next().await["t"], 2 + batch * each + at);
        }
    }
    let mut last = 0;
    loop {
        match slow.hear().await {
            Heard::Text(value) if value["t"].is_u64() => {
                assert_eq!(value["t"].as_u64().unwrap(), last + 1, "nothing is left out before the end");
                last += 1;
            }
            Heard::Text(_) => {}
            Heard::Closed(code, reason) => {
                assert_eq!(code, 1008, "{reason}");
                break;
            }
            // It was given up before it read on.
            Heard::Gone => break,
        }
    }
    assert!(last > 100 && last < 20 * each, "{last}");
}

/// Goal: where entries are missing, whoever listens is closed and can begin anew. Method: a gap.
#[tokio::test]
async fn a_gap_closes_who_listens() {
    let world = world();
    let door = Door::new(&world);
    let mut client = door.connect("/ws/btcusdt@trade").await;
    client.ask("LIST_SUBSCRIPTIONS", json!([])).await;
    let mut idle = door.connect("/ws").await;
    world.house.ear().unwrap().gap();
    assert_eq!(client.closed().await.0, 1012);
    assert_eq!(idle.ask("SUBSCRIBE", json!(["btcusdt@trade"])).await["result"], Value::Null);
    good(&limit(&world, 1, "SELL", "0.5", "50000", "").await);
    good(&limit(&world, 2, "BUY", "0.5", "50000", "").await);
    assert_eq!(idle.next().await["t"], 1);
}

/// Goal: before a planned stop clients are told, and then closed. Method: the stop begins.
#[tokio::test]
async fn a_planned_stop_is_told() {
    let world = world();
    let door = Door::new(&world);
    let mut client = door.connect("/ws/btcusdt@trade").await;
    client.ask("LIST_SUBSCRIPTIONS", json!([])).await;
    world.house.stop.send_replace(true);
    assert_eq!(client.next().await["e"], "serverShutdown");
    assert_eq!(client.closed().await.0, 1001);
}

/// Goal: nothing is heard, and nothing costs, while nobody listens. Method: the ear before, while and after somebody does.
#[tokio::test]
async fn nobody_listens_for_nobody() {
    let world = world();
    let door = Door::new(&world);
    let mut client = door.connect("/ws").await;
    client.ask("LIST_SUBSCRIPTIONS", json!([])).await;
    let ear = world.house.ear().unwrap();
    assert!(!ear.listens());
    client.ask("SUBSCRIBE", json!(["btcusdt@trade"])).await;
    assert!(ear.listens());
    client.ask("UNSUBSCRIBE", json!(["btcusdt@trade"])).await;
    assert!(!ear.listens());
}
