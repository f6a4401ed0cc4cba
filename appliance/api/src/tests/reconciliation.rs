//! Reconciliation over a state in memory: runs with their equations, a discrepancy, and what persons may make of it.

use exchequer_domain::{BlockHash, BlockRef, ChainAddress, CommandId, Network, NodeId, WorkerId, WorkerKind};
use exchequer_state::deposits::ScannedBlock;
use exchequer_state::reconciliation::{Reading, RunId};
use exchequer_state::withdrawals::PayoutId;
use exchequer_state::{
    Actor, At, BalanceStep, Body as Change, Command, CommitBlocks, Done, Input, Outcome, ReportBalances,
};
use serde_json::json;

use super::World;
use super::money_on_chains::{listed, stock};

const NETWORK: Network = Network::Ethereum;

fn block(height: u64) -> BlockRef {
    let mut hash = [7; 32];
    hash[..8].copy_from_slice(&height.to_be_bytes());
    BlockRef { height, hash: BlockHash(hash) }
}

/// What a worker tells, under the leadership that is.
fn tell(world: &World, kind: WorkerKind, number: u8, body: Change) -> Done {
    let inside = &mut *world.house.inside.lock();
    let mut apply = |input: Input<'_>| {
        inside.index += 1;
        let at = At { index: inside.index, term: 1, time: inside.now };
        let applied = inside.state.apply(at, input, &inside.rows).unwrap();
        inside.rows.apply_changes(&applied.changes);
        (applied.outcomes, inside.state.epoch().map(|epoch| epoch.index))
    };
    let (_, epoch) = apply(Input::Activate { node: NodeId(1), boot: [0; 16] });
    let actor = Actor::Worker(WorkerId { kind, network: Some(NETWORK), instance: 1 });
    let command = Command { id: CommandId([number; 16]), actor, epoch, body }.encode();
    let (outcomes, _) = apply(Input::Commands(&[&command]));
    match Outcome::decode(&outcomes[0]).unwrap() {
        Outcome::Done(done) => done,
        Outcome::Rejected(why) => panic!("{why:?}"),
    }
}

fn report(world: &World, number: u8, step: BalanceStep) -> Done {
    let body = Change::ReportBalances(Box::new(ReportBalances { network: NETWORK, step }));
    tell(world, WorkerKind::BalanceSync, number, body)
}

/// Goal: a surplus that a worker tells is seen with its class, its amount and its story; the run says which equation does not
/// hold; a person explains it and does not close it while it is there, nobody adjusts it alone, and what is not known is refused.
#[tokio::test]
async fn a_discrepancy_is_seen_and_explained() {
    let world = World::new();
    listed(&world).await;
    stock(&world, 2).await;
    let address = ChainAddress::canonical(&format!("0x{:040x}", 0xabcd_ef01_0001_u64)).unwrap();
    let pool = world.get("/v1/address-pools").await.json();
    assert_eq!(pool["pools"][1]["stocked"], 2, "{pool}");
    let text = {
        let inside = world.house.inside.lock();
        let given = exchequer_state::custody::given_addresses(&inside.rows, NETWORK.family(), 0, 1).unwrap();
        given[0].1.address.clone()
    };
    assert_eq!(text.as_str().to_lowercase(), address.as_str().to_lowercase());
    let blocks = (1..=80).map(|height| {
        let parent = block(height - 1).hash;
        ScannedBlock { block: block(height), parent, sightings: vec![], spent: vec![] }
    });
    let commit = CommitBlocks {
        network: NETWORK,
        parent: block(0),
        blocks: blocks.collect(),
        more: false,
        head: 80,
        finalized: Some(79),
        agreed: 80,
    };
    tell(&world, WorkerKind::Deposit, 1, Change::CommitBlocks(Box::new(commit)));
    let at = block(79);
    assert_eq!(report(&world, 2, BalanceStep::Begin { block: at }), Done::BalancesBegun { run: RunId(1) });
    let coin = Some(ChainAddress::canonical("0xdAC17F958D2ee523a2206206994597C13D831ec7").unwrap());
    let readings = vec![Reading { address: text, coin, amount: Some(2_500_000), nonce: Some(0) }];
    let run = RunId(1);
    let read = BalanceStep::Read {
        run,
        from: at,
        until: at,
        payouts: PayoutId(0),
        readings,
        last: false,
        time: exchequer_domain::Timestamp(0),
    };
    assert_eq!(report(&world, 3, read), Done::BalancesJudged { waits: vec![] });
    report(&world, 4, BalanceStep::End { run, failed: 0, swept: 0, whole: true });

    let status = world.get("/v1/reconciliation").await.json();
    let ethereum = status["networks"].as_array().unwrap().iter().find(|one| one["network"] == "ethereum").unwrap();
    assert_eq!(
        (&ethereum["last_run"], &ethereum["open"], &ethereum["stopped_since"]),
        (&json!(1), &json!(1), &json!(null))
    );
    let runs = world.get("/v1/reconciliation/runs?network=ethereum").await.json();
    let run = &runs["runs"][0];
    assert_eq!((&run["judged"], &run["differing"], &run["whole"]), (&json!(1), &json!(1), &json!(true)));
    let e4 = run["equations"].as_array().unwrap().iter().find(|one| one["equation"] == "E4").unwrap();
    assert_eq!(e4["holds"], false);
    let one = world.get("/v1/reconciliation/discrepancies").await.json()["discrepancies"][0].clone();
    let seen = |name: &str| one[name].as_str().unwrap().to_owned();
    assert_eq!([seen("class"), seen("status"), seen("scope")], ["missed-deposit", "open", "address"]);
    assert_eq!([seen("difference"), seen("amount"), seen("asset")], ["2500000", "2.500000", "USDT"]);
    assert_eq!(world.get("/v1/reconciliation/discrepancies/1").await.json(), one);
    assert_eq!(world.get("/v1/reconciliation/discrepancies/2").await.refusal(), (404, "EXQ-1603".into()));
    assert_eq!(world.get("/v1/reconciliation/runs").await.refusal().0, 400);

    let explain = |body: &'static str| world.post("/v1/reconciliation/discrepancies/1/explain", body);
    assert_eq!(explain(r#"{"explanation":"an airdrop","close":true}"#).await.refusal(), (409, "EXQ-1604".into()));
    let told = explain(r#"{"explanation":"an airdrop"}"#).await;
    assert_eq!(told.status.as_u16(), 200, "{}", told.text());
    let one = world.get("/v1/reconciliation/discrepancies/1").await.json();
    assert_eq!((&one["status"], one["story"].as_array().unwrap().len()), (&json!("explained"), 2));
    let adjust = |body: &'static str| world.post("/v1/reconciliation/discrepancies/1/adjust", body);
    let good = r#"{"difference":"2500000","category":"windfall","reason":"test"}"#;
    assert_eq!(adjust(good).await.refusal(), (409, "EXQ-1606".into()));
    assert_eq!(adjust(r#"{"difference":"1.5","category":"windfall","reason":"test"}"#).await.refusal().0, 400);
    assert_eq!(adjust(r#"{"difference":"1","category":"gift","reason":"test"}"#).await.refusal().0, 400);
    assert_eq!((&status["stops"], &one["stops"]), (&json!([]), &json!(null)));
    for stop in ["ethereum", "USDT", "everywhere"] {
        let path = format!("/v1/reconciliation/{stop}/resume");
        let resume = world.post(&path, r#"{"seen":[],"reason":"test"}"#).await;
        assert_eq!(resume.refusal().0, 409, "{}", resume.text());
    }
    for (stop, seen, status) in [
        ("usdt", "", 404),
        ("ethereum", r#"{"discrepancy":1,"difference":"1.5"}"#, 400),
        ("ethereum", r#"{"discrepancy":1}"#, 400),
    ] {
        let (path, body) =
            (format!("/v1/reconciliation/{stop}/resume"), format!(r#"{{"seen":[{seen}],"reason":"test"}}"#));
        assert_eq!(world.post(&path, &body).await.refusal().0, status, "{stop} {seen}");
    }

    assert_eq!(world.get("/v1/reconciliation/discrepancies?over=true").await.json()["discrepancies"], json!([]));
}
