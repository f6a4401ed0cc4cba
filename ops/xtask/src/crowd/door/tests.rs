//! A trader's way to an exchange that fails.

use std::collections::VecDeque;
use std::io;
use std::sync::Mutex;

use serde_json::json;

use super::*;
use crate::crowd::https::Response;

/// What happens to the requests, in their order: an answer, or a lost one.
type Script = VecDeque<Option<(u16, &'static str)>>;

/// What was asked of which node.
type Asked = Arc<Mutex<Vec<(u16, String)>>>;

/// A line to a node that follows a script.
struct Scripted {
    port: u16,
    script: Arc<Mutex<Script>>,
    asked: Asked,
}

impl Line for Scripted {
    fn send(&mut self, method: &str, target: &str, _: &[(&str, &str)]) -> io::Result<Response> {
        let path =
            target.split(['?', '&']).filter(|part| !part.starts_with("signature=") && !part.starts_with("timestamp="));
        let words = format!("{method} {}", path.collect::<Vec<_>>().join(" "));
        self.asked.lock().unwrap().push((self.port, words));
        match self.script.lock().unwrap().pop_front().expect("one request too many") {
            Some((status, body)) => Ok(response(status, body)),
            None => Err(io::ErrorKind::ConnectionReset.into()),
        }
    }

    fn is_over(&self) -> bool {
        false
    }
}

/// A door to three nodes, of which those in `down` do not answer, and what will be asked there.
fn door(script: &[Option<(u16, &'static str)>], down: &'static [u16]) -> (Door, Asked) {
    let script = Arc::new(Mutex::new(script.iter().copied().collect()));
    let asked = Asked::default();
    let seen = Arc::clone(&asked);
    let opener: Opener = Box::new(move |to| {
        let (script, asked) = (Arc::clone(&script), Arc::clone(&seen));
        match down.contains(&to.port()) {
            true => Err(io::ErrorKind::ConnectionRefused.into()),
            false => Ok(Box::new(Scripted { port: to.port(), script, asked })),
        }
    });
    let nodes: Vec<SocketAddrV4> = (1..=3).map(|port| SocketAddrV4::new(std::net::Ipv4Addr::LOCALHOST, port)).collect();
    (Door::new(opener, &nodes, 0, Some(Key::new("k", "s")), &Arc::default()), asked)
}

const NAMED: Named<'_> = Named { symbol: "BTCUSDT", name: "n", is_list: false };
const QUERY: &str = "GET /api/v3/order origClientOrderId=n symbol=BTCUSDT";

fn enter(door: &mut Door) -> Result<Value, i64> {
    door.enter(&Stop::new(), "/api/v3/order", &vec![("newClientOrderId", "n".to_owned())], &NAMED).unwrap()
}

/// Goal: an order whose answer is lost is sent once, and asked for by name at the next nodes until it is known; only an
/// order that is not there twice in a row counts as not entered. Method: scripts of answers and lost ones, with what each
/// node was asked.
#[test]
fn lost_answers_are_asked_for() {
    let post = |port| (port, "POST /api/v3/order newClientOrderId=n".to_owned());
    let get = |port| (port, QUERY.to_owned());
    let missing = Some((400, r#"{"code":-2013,"msg":"x"}"#));
    let busy = Some((503, r#"{"code":-1008,"msg":"x"}"#));

    // Lost with its leader; the second node is down; the third one knows, after an election.
    let (mut there, asked) = door(&[None, busy, None, Some((200, r#"{"orderId":7}"#))], &[2]);
    assert_eq!(enter(&mut there), Ok(json!({"orderId": 7})));
    assert_eq!(*asked.lock().unwrap(), [post(1), get(3), get(1), get(3)]);
    assert_eq!((there.tally.entered.load(Ordering::Relaxed), there.tally.settled.load(Ordering::Relaxed)), (1, 1));

    let (mut gone, asked) = door(&[Some((504, r#"{"code":-1007,"msg":"x"}"#)), missing, None, missing], &[]);
    assert_eq!(enter(&mut gone), Err(UNKNOWN));
    assert_eq!(*asked.lock().unwrap(), [post(1), get(2), get(2), get(3)]);
    assert_eq!(gone.tally.entered.load(Ordering::Relaxed), 0);

    let (mut refused, asked) = door(&[Some((400, r#"{"code":-2010,"msg":"x"}"#))], &[]);
    assert_eq!(enter(&mut refused), Err(-2010));
    assert_eq!(*asked.lock().unwrap(), [post(1)]);

    let (mut nobody, asked) = door(&[], &[1, 2, 3]);
    assert_eq!(enter(&mut nobody), Err(BUSY));
    assert_eq!(*asked.lock().unwrap(), []);
}

/// Goal: a cancel is repeated until it is certain that the order is gone. Method: a lost answer, then a cluster without a
/// leader, then the refusal of an order that an earlier try has ended.
#[test]
fn cancels_are_repeated() {
    let gone = Some((400, r#"{"code":-2011,"msg":"x"}"#));
    let (mut door, asked) = door(&[None, Some((503, r#"{"code":-1008,"msg":"x"}"#)), gone], &[]);
    let list = Named { is_list: true, ..NAMED };
    door.cancel(&Stop::new(), &list).unwrap();
    let words = "DELETE /api/v3/orderList listClientOrderId=n symbol=BTCUSDT";
    assert_eq!(*asked.lock().unwrap(), [1, 2, 3].map(|port| (port, words.to_owned())));
}

fn response(status: u16, body: &str) -> Response {
    Response { status, retry_after: None, body: body.as_bytes().to_vec() }
}

/// Goal: requests are signed as every client of the dialect signs them. Method: the example of its documentation.
#[test]
fn the_documented_example_is_signed() {
    let key = Key::new("k", "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j");
    let params: Params = [
        ("symbol", "LTCBTC"),
        ("side", "BUY"),
        ("type", "LIMIT"),
        ("timeInForce", "GTC"),
        ("quantity", "1"),
        ("price", "0.1"),
        ("recvWindow", "5000"),
        ("timestamp", "1499827319559"),
    ]
    .map(|(name, value)| (name, value.to_owned()))
    .to_vec();
    let right = "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71";
    assert_eq!(key.sign(&query(&params)), right);
}

/// Goal: only a refusal that says that nothing happened is one; whatever else is not understood is unknown. Method:
/// answers of each kind.
#[test]
fn answers_are_judged() {
    let refused = |code: i64| Answer::Refused(code, json!({"code": code, "msg": "x"}));
    for (status, body, answer) in [
        (200, r#"{"a":1}"#, Answer::Done(json!({"a": 1}))),
        (200, r#"{"a":"#, Answer::Unknown),
        (504, r#"{"code":-1007,"msg":"x"}"#, Answer::Unknown),
        (504, "", Answer::Unknown),
        (500, "oops", Answer::Unknown),
        (400, r#"{"code":-2010,"msg":"x"}"#, refused(-2010)),
        (503, r#"{"code":-1008,"msg":"x"}"#, refused(-1008)),
    ] {
        assert_eq!(judge(&response(status, body)), answer, "{status} {body}");
    }
    let halves = json!({"code": -2021, "data": {"cancelResponse": {}, "newOrderResponse": {"code": -2010}}});
    assert_eq!(sub_code(-2021, &halves), -2010);
    assert_eq!(sub_code(-2022, &json!({"data": {"cancelResponse": {"code": -2011}, "newOrderResponse": null}})), -2011);
    assert_eq!(sub_code(-2010, &json!({})), -2010);
}
