//! Panels of endpoints that lag, lie, fail and forget.

use std::sync::Arc;
use std::time::Duration;

use exchequer_domain::{BlockHash, BlockRef};
use parking_lot::Mutex;

use crate::node::*;
use crate::rpc::{HealthRules, Lost, Quarantine, RpcError};

mod balances;

/// What an endpoint says at the moment.
#[derive(Clone)]
struct Says {
    ours: bool,
    head: u64,
    last_final: u64,
    branch: u8,
    /// The branch of its whole blocks, where that is another one than its headers'.
    of_blocks: Option<u8>,
    time_ms: u64,
    fate: Fate,
    fails: Option<RpcError>,
    broadcast: Broadcast,
    logs: Vec<crate::scan::EvmLog>,
    fate_fails: Option<NodeError>,
    /// The next nonce of an account, at the head and at the last final block.
    nonces: (u64, Option<u64>),
    /// What one address has.
    balance: Result<Option<u128>, NodeError>,
}

struct Fake {
    name: &'static str,
    says: Arc<Mutex<Says>>,
}

fn header(height: u64, branch: u8) -> Header {
    let hash = |height: u64| BlockHash([branch.wrapping_add(height as u8); 32]);
    Header { block: BlockRef { height, hash: hash(height) }, parent: hash(height.wrapping_sub(1)), time_ms: 0 }
}

/// A block of one transaction with this log.
fn holding(header: Header, logs: &[crate::scan::EvmLog]) -> Block {
    let tx = TxId([5; 32]);
    let receipts = vec![crate::scan::EvmReceipt { tx, ok: true, logs: logs.to_vec() }];
    Block::Evm(crate::scan::EvmBlock { header, txs: Vec::new(), receipts, traces: None })
}

/// Each entry of a log as an arrival.
fn look(block: &Block) -> crate::scan::Found {
    let Block::Evm(block) = block else { panic!("another family") };
    let seen = |log: &crate::scan::EvmLog| crate::scan::Sighting {
        tx: block.receipts[0].tx,
        place: exchequer_domain::Place::Log(0),
        address: ChainAddress::canonical("0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266").unwrap(),
        coin: Coin::Native,
        amount: u128::from(log.data[0]),
        from_own: false,
        coinbase: false,
    };
    let sightings = block.receipts[0].logs.iter().map(seen).collect();
    crate::scan::Found { sightings, ..crate::scan::Found::default() }
}

impl Fake {
    fn answer<'a, T: Send + 'a>(&'a self, answer: impl FnOnce(&Says) -> T) -> Asking<'a, T> {
        let says = self.says.lock();
        let answer = says.fails.clone().map_or_else(|| Ok(answer(&says)), |error| Err(error.into()));
        Box::pin(async move { answer })
    }
    fn nothing<'a, T: Send + 'a>() -> Asking<'a, T> {
        Box::pin(async { Err(NodeError::NoSuchThing("this")) })
    }
}

impl ChainNode for Fake {
    fn name(&self) -> String {
        self.name.into()
    }
    fn identify(&self) -> Asking<'_, bool> {
        self.answer(|says| says.ours)
    }
    fn heads(&self) -> Asking<'_, Heads> {
        self.answer(|says| {
            let finalized = Some(header(says.last_final, says.branch));
            Heads { head: header(says.head, says.branch), safe: None, finalized }
        })
    }
    fn header(&self, height: u64) -> Asking<'_, Option<Header>> {
        self.answer(|says| {
            (height <= says.head).then(|| Header { time_ms: says.time_ms, ..header(height, says.branch) })
        })
    }
    fn block(&self, height: u64) -> Asking<'_, Option<Block>> {
        self.answer(|says| {
            let branch = says.of_blocks.unwrap_or(says.branch);
            (height <= says.head).then(|| holding(header(height, branch), &says.logs))
        })
    }
    fn broadcast<'a>(&'a self, _: TxId, _: &'a [u8]) -> Doing<'a, Broadcast> {
        let answer = self.says.lock().broadcast.clone();
        Box::pin(async move { answer })
    }
    fn fate(&self, _: TxId) -> Asking<'_, Fate> {
        if let Some(error) = self.says.lock().fate_fails.clone() {
            return Box::pin(async { Err(error) });
        }
        self.answer(|says| says.fate.clone())
    }
    fn fees(&self) -> Asking<'_, FeeFacts> {
        Self::nothing()
    }
    fn account<'a>(&'a self, _: &'a ChainAddress) -> Asking<'a, Account> {
        self.answer(|says| {
            let (latest, finalized) = says.nonces;
            Account::Evm { latest, pending: latest, finalized, balance: 0 }
        })
    }
    fn outputs<'a>(&'a self, _: &'a [OutPoint]) -> Asking<'a, Vec<Option<OutputFacts>>> {
        Self::nothing()
    }
    fn balances<'a>(&'a self, _: &'a [(ChainAddress, Coin)], _: Header) -> Asking<'a, Vec<Option<u128>>> {
        let told = self.says.lock().balance.clone();
        Box::pin(async { told.map(|has| vec![has]) })
    }
    fn trial<'a>(&'a self, _: &'a TrialCall) -> Asking<'a, Trial> {
        Self::nothing()
    }
}

async fn panel(quorum: usize) -> (Panel, [Arc<Mutex<Says>>; 3]) {
    let says = || {
        Arc::new(Mutex::new(Says {
            ours: true,
            head: 100,
            last_final: 90,
            branch: 0,
            of_blocks: None,
            time_ms: 0,
            fate: Fate::Unseen,
            fails: None,
            broadcast: Broadcast::Accepted,
            logs: Vec::new(),
            fate_fails: None,
            nonces: (7, Some(5)),
            balance: Ok(Some(7)),
        }))
    };
    let says = [says(), says(), says()];
    let names = ["one", "two", "three"];
    let node = |(name, says): (&'static str, &Arc<Mutex<Says>>)| {
        Arc::new(Fake { name, says: Arc::clone(says) }) as Arc<dyn ChainNode>
    };
    let panel = Panel::new(names.into_iter().zip(&says).map(node).collect(), HealthRules::default(), quorum).unwrap();
    panel.refresh().await;
    (panel, says)
}

async fn who(panel: &Panel) -> Result<String, PanelError> {
    panel.first(|node| node.header(1)).await.map(|reply| reply.endpoint)
}

fn lost() -> Option<RpcError> {
    Some(RpcError::Lost(Lost::Deadline))
}

/// Goal: reads go to the first endpoint that can be used, past those that fail, lag, are of another network, asked too often, or
/// went back on what was final; back again where that passes. Method: one after the other, on a paused clock.
#[tokio::test(start_paused = true)]
async fn reads_fail_over_in_order() {
    let (panel, says) = panel(2).await;
    assert_eq!(who(&panel).await, Ok("one".into()));
    says[0].lock().fails = lost();
    assert_eq!(who(&panel).await, Ok("two".into()));
    says[0].lock().fails = None;
    assert_eq!(who(&panel).await, Ok("one".into()), "one failure is not the end");
    for lagging in &says[1..] {
        lagging.lock().head = 110;
    }
    panel.refresh().await;
    assert_eq!(who(&panel).await, Ok("two".into()), "one lags");
    says[0].lock().head = 110;
    says[1].lock().fails = Some(RpcError::Busy { after: Some(Duration::from_secs(30)) });
    panel.refresh().await;
    assert_eq!(panel.seats().iter().map(|seat| seat.score > 0).collect::<Vec<_>>(), [true, false, true]);
    says[1].lock().fails = None;
    says[0].lock().last_final = 89;
    panel.refresh().await;
    assert_eq!(panel.seats()[0].quarantine, Some(Quarantine::FinalityWentBack { was: 90, is: 89 }));
    says[0].lock().last_final = 95;
    panel.refresh().await;
    assert_eq!(who(&panel).await, Ok("two".into()), "quarantine is not left by oneself");
    assert!(panel.release("one") && !panel.release("four"));
    panel.refresh().await;
    assert_eq!(who(&panel).await, Ok("one".into()));
    tokio::time::advance(Duration::from_secs(61)).await;
    assert_eq!(who(&panel).await, Err(PanelError::None), "nobody was heard of");
    panel.refresh().await;
    for all in &says {
        all.lock().fails = lost();
    }
    assert!(matches!(who(&panel).await, Err(PanelError::All { endpoint, .. }) if endpoint == "three"));
    assert!(Panel::new(vec![], HealthRules::default(), 1).is_err());
}

/// Goal: a header is agreed on by a quorum, whoever contradicts it is not used until it agrees again, and without a quorum there is
/// none. A node of another network has no say.
#[tokio::test(start_paused = true)]
async fn headers_are_agreed_on() {
    let (panel, says) = panel(2).await;
    says[0].lock().branch = 7;
    assert_eq!(panel.agreed_header(50).await, Ok(header(50, 0)));
    assert_eq!(who(&panel).await, Ok("two".into()), "the first is on a branch of its own");
    says[0].lock().branch = 0;
    assert_eq!(panel.agreed_header(50).await, Ok(header(50, 0)));
    assert_eq!(who(&panel).await, Ok("one".into()));
    says[0].lock().time_ms = 9_000;
    assert_eq!(panel.agreed_header(50).await, Ok(header(50, 0)), "a time is a quorum's too");
    assert_eq!(who(&panel).await, Ok("two".into()), "the first has a time of its own");
    says[0].lock().time_ms = 0;
    says[0].lock().branch = 7;
    says[1].lock().branch = 8;
    let torn = Disagreement::Different { same: 1, answers: 3, quorum: 2 };
    assert_eq!(panel.agreed_header(50).await, Err(torn.into()));
    says[0].lock().branch = 0;
    says[1].lock().fails = lost();
    assert_eq!(panel.agreed_header(50).await, Ok(header(50, 0)), "two are enough");
    says[0].lock().head = 49;
    let few = panel.agreed_header(50).await;
    assert!(
        matches!(few, Err(PanelError::Disagreement(Disagreement::TooFew { answers: 1, quorum: 2, .. }))),
        "{few:?}"
    );

    let (panel, says) = self::panel(2).await;
    says[0].lock().last_final = 99;
    says[1].lock().last_final = 95;
    panel.refresh().await;
    assert_eq!(panel.agreed_final().await, Ok(header(95, 0)), "what two have reached");

    let (panel, says) = self::panel(2).await;
    assert!(panel.release("one"));
    says[0].lock().ours = false;
    says[0].lock().branch = 9;
    says[2].lock().fails = lost();
    panel.refresh().await;
    assert!(panel.agreed_header(50).await.is_err(), "another network does not vote");
}

/// Goal: a transaction is dead only when a quorum that has come far enough does not know it, and nobody does. Method: votes.
#[tokio::test(start_paused = true)]
async fn fates_are_agreed_on() {
    let (panel, says) = panel(2).await;
    let tx = TxId([1; 32]);
    let included = Fate::Included { block: header(80, 0).block, ok: true, transfers: vec![], fee: None };
    assert_eq!(panel.agreed_fate(tx, 90).await, Ok(Fate::Unseen));
    let few = panel.agreed_fate(tx, 91).await;
    assert!(
        matches!(few, Err(PanelError::Disagreement(Disagreement::TooFew { answers: 0, .. }))),
        "nobody is so far: {few:?}"
    );
    for known in [Fate::Pending, included.clone()] {
        says[2].lock().fate = known;
        assert!(panel.agreed_fate(tx, 90).await.is_err(), "one that knows it is right");
        says[2].lock().last_final = 1;
        assert!(panel.agreed_fate(tx, 90).await.is_err());
    }
    says[2].lock().last_final = 90;
    says[1].lock().fate = included.clone();
    assert_eq!(panel.agreed_fate(tx, 90).await, Ok(included.clone()));
    let elsewhere = Fate::Included { block: header(81, 3).block, ok: true, transfers: vec![], fee: None };
    says[1].lock().fate = elsewhere;
    assert!(panel.agreed_fate(tx, 90).await.is_err(), "in two blocks is in none");
    says[0].lock().fails = lost();
    says[1].lock().fate = Fate::Unseen;
    says[2].lock().fails = lost();
    assert!(panel.agreed_fate(tx, 90).await.is_err(), "silence is no vote");

    let (panel, says) = self::panel(2).await;
    says[2].lock().fate_fails = Some(NodeError::Incomplete("in a block, and its receipt is missing".into()));
    assert!(panel.agreed_fate(tx, 90).await.is_err(), "who has half of it knows it");
    says[2].lock().fate_fails = lost().map(NodeError::from);
    assert_eq!(panel.agreed_fate(tx, 90).await, Ok(Fate::Unseen), "who says nothing says nothing");
    says[1].lock().last_final = 89;
    assert!(panel.agreed_fate(tx, 90).await.is_err(), "it was further before it was asked, and is not now");
}

/// Goal: what one endpoint alone finds in a block is believed by nobody: an arrival more, less or other; a majority decides, and
/// whoever is outvoted is marked. A block of another branch is no vote. Method: logs that differ under one hash.
#[tokio::test(start_paused = true)]
async fn contents_are_agreed_on() {
    let log = |amount| crate::scan::EvmLog { address: [1; 20], topics: vec![], data: vec![amount], removed: false };
    let (panel, says) = panel(2).await;
    let agreed = async || {
        let given = panel.first(|node| Box::pin(async move { Ok(node.block(50).await?.unwrap()) })).await.unwrap();
        panel.agreed_block(given, look).await.map(|reply| reply.value.1.sightings.len())
    };
    assert_eq!(agreed().await, Ok(0));
    says.iter().for_each(|says| says.lock().logs = vec![log(7)]);
    assert_eq!(agreed().await, Ok(1));
    says[2].lock().fails = lost();
    for logs in [vec![log(7), log(8)], vec![log(9)], vec![]] {
        says[1].lock().logs = logs;
        let torn = agreed().await;
        let Err(PanelError::Disagreement(Disagreement::Contents { height: 50, endpoints })) = torn else {
            panic!("{torn:?}")
        };
        assert_eq!(endpoints, "one, two", "both are told");
    }
    says[2].lock().fails = None;
    says[0].lock().logs = vec![log(7), log(8)];
    says[1].lock().logs = vec![log(7)];
    assert_eq!(agreed().await, Ok(1), "the others outvote the first");
    assert_eq!(who(&panel).await, Ok("two".into()));
    says[0].lock().branch = 3;
    says[2].lock().head = 49;
    let few = agreed().await;
    assert!(matches!(few, Err(PanelError::Disagreement(Disagreement::TooFew { answers: 1, .. }))), "{few:?}");
}

/// The header of a block that was given and agreed on. Where it was not, it is found out who gave it.
async fn agreed_or_found_out(panel: &Panel) -> Option<Header> {
    let asked = panel.first(|node| Box::pin(async move { Ok(node.block(50).await?.unwrap()) })).await;
    let given = asked.unwrap();
    let (endpoint, told) = (given.endpoint.clone(), given.value.header());
    match panel.agreed_block(given, look).await {
        Ok(reply) => Some(reply.value.0.header()),
        Err(_) => {
            panel.find_out(&endpoint, told).await;
            None
        }
    }
}

/// Goal: an endpoint whose whole blocks are of another branch than its headers stops nothing: it is not asked first again at once. What
/// it says of headers alone lets it be asked again, and that is found out again. Method: the first of three, honest about headers.
#[tokio::test(start_paused = true)]
async fn blocks_are_of_their_headers() {
    let (panel, says) = panel(2).await;
    says[0].lock().of_blocks = Some(3);
    for _ in 0..2 {
        assert_eq!(agreed_or_found_out(&panel).await, None);
        assert_eq!(who(&panel).await, Ok("two".into()), "who gave another block is not asked first any more");
        assert_eq!(agreed_or_found_out(&panel).await, Some(header(50, 0)));
        panel.agreed_header(51).await.unwrap();
        assert_eq!(who(&panel).await, Ok("one".into()));
    }
}

/// Goal: where every endpoint was set aside, or is not there, those that were set aside are asked again: nobody could agree any more
/// otherwise. Method: three that gave blocks of another branch, one after the other; then two, and the third one does not answer.
#[tokio::test(start_paused = true)]
async fn not_all_are_set_aside() {
    let (panel, says) = panel(2).await;
    let set_aside = async |names: &[&str]| {
        for (at, name) in (0..).zip(names) {
            panel.find_out(name, header(50 - at, 3)).await;
        }
    };
    set_aside(&["one", "two", "three"]).await;
    assert_eq!(who(&panel).await, Err(PanelError::None));
    panel.refresh().await;
    assert_eq!(who(&panel).await, Ok("one".into()));
    set_aside(&["one", "two"]).await;
    panel.refresh().await;
    assert_eq!(who(&panel).await, Ok("three".into()), "one is left");
    says[2].lock().fails = lost();
    for _ in 0..20 {
        let _ = who(&panel).await;
        panel.refresh().await;
    }
    assert_eq!(who(&panel).await, Ok("one".into()));
}

/// Goal: what an endpoint hides is found all the same: that nothing arrived counts only as a quorum says so. Method: the endpoint
/// that is asked first, and then the only other one, has an empty log.
#[tokio::test(start_paused = true)]
async fn an_omission_is_no_absence() {
    let log = crate::scan::EvmLog { address: [1; 20], topics: vec![], data: vec![7], removed: false };
    let (panel, says) = panel(2).await;
    let agreed = async || {
        let given = panel.first(|node| Box::pin(async move { Ok(node.block(50).await?.unwrap()) })).await.unwrap();
        panel.agreed_block(given, look).await.map(|reply| reply.value.1.sightings.len())
    };
    says[1..].iter().for_each(|says| says.lock().logs = vec![log.clone()]);
    says[2].lock().fails = lost();
    let torn = agreed().await;
    assert!(matches!(torn, Err(PanelError::Disagreement(Disagreement::Contents { .. }))), "{torn:?}");
    says[2].lock().fails = None;
    assert_eq!(agreed().await, Ok(1));
    assert_eq!(who(&panel).await, Ok("two".into()), "who hid it is not asked first any more");
}

/// Goal: one endpoint's head, however high, makes the others neither lag nor useless; and no provider has two votes.
#[tokio::test(start_paused = true)]
async fn one_endpoint_is_one() {
    let (panel, says) = panel(2).await;
    says[2].lock().head = 1_100;
    panel.refresh().await;
    assert_eq!(panel.best_head(), 100);
    assert_eq!(who(&panel).await, Ok("one".into()));
    assert!(panel.seats().iter().all(|seat| seat.score > 0));
    says[1].lock().head = 1_100;
    panel.refresh().await;
    assert_eq!(who(&panel).await, Ok("two".into()), "two have it");

    let twin = |name| Arc::new(Fake { name, says: Arc::clone(&says[0]) }) as Arc<dyn ChainNode>;
    let one = Panel::new(vec![twin("one"), twin("two"), twin("one")], HealthRules::default(), 2).err();
    assert_eq!(one, Some(PanelError::OneProvider { first: "one".into(), second: "one".into() }));
}

/// Goal: an account's next nonce is what a quorum has reached: who claims more than the others raises nothing, who is behind lowers
/// nothing, and fewer than the quorum say nothing. Method: one of three endpoints that lies, lags, fails, or knows no final block.
#[tokio::test(start_paused = true)]
async fn a_nonce_is_what_a_quorum_has_reached() {
    let (panel, says) = panel(2).await;
    let address = ChainAddress::canonical("0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266").unwrap();
    let asked = || panel.reached_nonces(&address);
    for (said, reached) in [
        ((7, Some(5)), (7, 5)),
        ((u64::MAX, Some(u64::MAX)), (7, 5)),
        ((900, Some(900)), (7, 5)),
        ((0, Some(0)), (7, 5)),
        ((8, None), (7, 5)),
    ] {
        for (place, liar) in says.iter().enumerate() {
            liar.lock().nonces = said;
            assert_eq!(asked().await, Ok(reached), "{said:?} of {place}");
            liar.lock().nonces = (7, Some(5));
        }
    }
    says[0].lock().fails = lost();
    says[1].lock().nonces = (8, Some(6));
    assert_eq!(asked().await, Ok((7, 5)));
    says[1].lock().nonces = (8, None);
    assert_eq!(asked().await, Ok((7, 0)), "no two know of a final block");
    says[2].lock().fails = lost();
    let few = asked().await;
    assert!(
        matches!(few, Err(PanelError::Disagreement(Disagreement::TooFew { answers: 1, quorum: 2, .. }))),
        "{few:?}"
    );
}

/// Goal: a transaction goes to every endpoint of our network, and every answer is told.
#[tokio::test(start_paused = true)]
async fn broadcasts_go_to_all() {
    let (panel, says) = panel(2).await;
    says[1].lock().broadcast = Broadcast::Unknown("no answer".into());
    let told = panel.broadcast(TxId([1; 32]), &[1]).await;
    let told: Vec<(&str, bool)> =
        told.iter().map(|reply| (reply.endpoint.as_str(), reply.value.may_be_out())).collect();
    assert_eq!(told, [("one", true), ("two", true), ("three", true)]);
    for (said, may) in [
        (Broadcast::RefusedForGood(String::new()), true),
        (Broadcast::NotNow(Hindrance::InputsGone, String::new()), true),
        (Broadcast::NotNow(Hindrance::NonceTooLow, String::new()), true),
        (Broadcast::NotNow(Hindrance::FeeTooLow, String::new()), false),
    ] {
        assert_eq!(said.may_be_out(), may, "{said:?}");
    }
}
