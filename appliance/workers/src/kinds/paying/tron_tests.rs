//! Spans of time against endpoints that lie about theirs.

use std::sync::Arc;

use exchequer_chains::node::{
    Account, Asking, Broadcast, ChainNode, Doing, Fate, FeeFacts, Heads, NodeError, OutputFacts, Panel, Trial,
    TrialCall,
};
use exchequer_chains::rpc::HealthRules;
use exchequer_chains::scan::{Block, Header};
use exchequer_chains::tron::{LIFE_MS, TronAction, text};
use exchequer_chains::{Coin, KeyPath, KeyPurpose, NetworkParams};
use exchequer_domain::{BlockHash, BlockRef, ChainAddress, Network, OutPoint, TxId};
use parking_lot::Mutex;

use super::{Moments, Prices, Window, draft, window};
use crate::kinds::paying::{Draft, Round};
use crate::money::proto::{DueReply, Listing, NetworkReply};

/// When block 0 was made, in milliseconds since 1970.
const BEGIN_MS: u64 = 1_700_000_000_000;
const BLOCK_MS: u64 = 3_000;
/// The head is so many blocks above the last final one.
const LAG: u64 = 19;
const MINUTE_MS: u64 = 60_000;
const YEAR_MS: u64 = 365 * 24 * 60 * MINUTE_MS;

/// What an endpoint says at the moment.
struct Says {
    head: u64,
    /// By how much its times are later than they are: the head's, and every block's.
    head_late_ms: u64,
    late_ms: u64,
}

struct Liar {
    name: &'static str,
    says: Arc<Mutex<Says>>,
}

fn header(height: u64, late_ms: u64) -> Header {
    let hash = |height: u64| {
        let mut hash = [7; 32];
        hash[..8].copy_from_slice(&height.to_be_bytes());
        BlockHash(hash)
    };
    let block = BlockRef { height, hash: hash(height) };
    Header { block, parent: hash(height - 1), time_ms: BEGIN_MS + height * BLOCK_MS + late_ms }
}

fn nothing<'a, T: Send + 'a>() -> Asking<'a, T> {
    Box::pin(async { Err(NodeError::Pruned) })
}

impl ChainNode for Liar {
    fn name(&self) -> String {
        self.name.to_owned()
    }
    fn identify(&self) -> Asking<'_, bool> {
        Box::pin(async { Ok(true) })
    }
    fn heads(&self) -> Asking<'_, Heads> {
        let says = self.says.lock();
        let head = header(says.head, says.head_late_ms);
        let finalized = Some(header(says.head - LAG, says.late_ms));
        Box::pin(async move { Ok(Heads { head, safe: None, finalized }) })
    }
    fn header(&self, height: u64) -> Asking<'_, Option<Header>> {
        let late_ms = self.says.lock().late_ms;
        Box::pin(async move { Ok(Some(header(height, late_ms))) })
    }
    fn block(&self, _: u64) -> Asking<'_, Option<Block>> {
        nothing()
    }
    fn broadcast<'a>(&'a self, _: TxId, _: &'a [u8]) -> Doing<'a, Broadcast> {
        Box::pin(async { Broadcast::Unknown(String::new()) })
    }
    fn fate(&self, _: TxId) -> Asking<'_, Fate> {
        nothing()
    }
    fn fees(&self) -> Asking<'_, FeeFacts> {
        nothing()
    }
    fn account<'a>(&'a self, _: &'a ChainAddress) -> Asking<'a, Account> {
        nothing()
    }
    fn outputs<'a>(&'a self, _: &'a [OutPoint]) -> Asking<'a, Vec<Option<OutputFacts>>> {
        nothing()
    }
    fn balances<'a>(&'a self, _: &'a [(ChainAddress, Coin)], _: Header) -> Asking<'a, Vec<Option<u128>>> {
        nothing()
    }
    fn trial<'a>(&'a self, _: &'a TrialCall) -> Asking<'a, Trial> {
        nothing()
    }
}

/// Three endpoints of which two have to agree; the first is the one that is asked first.
struct Play {
    says: [Arc<Mutex<Says>>; 3],
    panel: Arc<Panel>,
    moments: Moments,
}

impl Play {
    fn begin() -> Play {
        let says = [(); 3].map(|()| Arc::new(Mutex::new(Says { head: 1_000, head_late_ms: 0, late_ms: 0 })));
        let node = |(name, says): (&'static str, &Arc<Mutex<Says>>)| {
            Arc::new(Liar { name, says: says.clone() }) as Arc<dyn ChainNode>
        };
        let nodes = ["one", "two", "three"].into_iter().zip(&says).map(node).collect();
        let panel = Arc::new(Panel::new(nodes, HealthRules::default(), 2).unwrap());
        Play { says, panel, moments: Moments::default() }
    }

    /// A round, so long after the head was made.
    async fn round(&self, after_ms: u64) -> Round {
        self.panel.refresh().await;
        let listing = Listing { asset: 1, coin: String::new(), decimals: 6, ledger_decimals: 6, ..Listing::default() };
        let config = NetworkReply { listings: vec![listing], test: true, ..NetworkReply::default() };
        let now_ms = header(self.says[2].lock().head, 0).time_ms + after_ms;
        let due = DueReply { now_us: now_ms * 1_000, ..DueReply::default() };
        let (params, panel) = (NetworkParams::test(Network::Tron), self.panel.clone());
        Round { params, config: Arc::new(config), panel, due }
    }

    /// A payment that is made now.
    async fn pay(&self) -> Result<(Window, Draft), String> {
        self.pay_by(&self.moments, 0).await
    }

    /// The same by a worker that remembers these moments, for the payment of this number.
    async fn pay_by(&self, moments: &Moments, number: u64) -> Result<(Window, Draft), String> {
        let round = self.round(1_000).await;
        let window = moments.windows(window(&round).await?, &[number])[0];
        let prices = Prices { energy: 100, bandwidth: 1_000, activation: 1_100_000, limit_max: 15_000_000_000 };
        let key = KeyPath { purpose: KeyPurpose::Hot, index: 0, change: false };
        let action = TronAction::Transfer { to: [2; 20], amount: 5 };
        Ok((window, draft(&round, &prices, key, &text(&[1; 20]), action, window, 0)?))
    }

    fn go_on(&self) {
        self.says.iter().for_each(|says| says.lock().head += 1);
    }
}

/// Goal: an endpoint that lies about its times once, be it by minutes or by a year, moves neither the payments of that round nor
/// those after it. Method: the endpoint that is asked first lies about its head, then about all blocks, for one round each.
#[tokio::test(start_paused = true)]
async fn a_lie_about_the_time_moves_no_payment() {
    for lie_ms in [6 * MINUTE_MS, YEAR_MS] {
        for all in [false, true] {
            let play = Play::begin();
            let (before, _) = play.pay().await.unwrap();
            play.go_on();
            {
                let mut says = play.says[0].lock();
                says.head_late_ms = lie_ms;
                says.late_ms = if all { lie_ms } else { 0 };
            }
            let (during, _) = play.pay().await.unwrap();
            {
                let mut says = play.says[0].lock();
                (says.head_late_ms, says.late_ms) = (0, 0);
            }
            play.go_on();
            let (after, _) = play.pay().await.unwrap();
            for (window, head) in [(before, 1_000), (during, 1_001), (after, 1_002)] {
                let solid = header(head - LAG, 0);
                let expires_ms = solid.time_ms + LIFE_MS;
                assert_eq!(window, Window { reference: solid.block, made_ms: solid.time_ms, expires_ms }, "{lie_ms}");
            }
        }
    }
}

/// Goal: like payments on one block have unlike names, and moments that were beyond all bounds do not stick. Method: payments on one
/// block, then on one whose time is a year ahead by everybody's word, then on an honest one.
#[tokio::test(start_paused = true)]
async fn moments_differ_and_a_bad_one_does_not_stick() {
    let play = Play::begin();
    let (one, first) = play.pay().await.unwrap();
    let (two, second) = play.pay().await.unwrap();
    assert_eq!((two.made_ms, two.expires_ms), (one.made_ms + 1, one.expires_ms));
    assert_ne!(first.unsigned, second.unsigned);

    play.go_on();
    play.says.iter().for_each(|says| says.lock().late_ms = YEAR_MS);
    let (far, _) = play.pay().await.unwrap();
    assert!(far.made_ms > two.expires_ms, "a quorum is believed");
    play.go_on();
    play.says.iter().for_each(|says| says.lock().late_ms = 0);
    let (back, _) = play.pay().await.unwrap();
    assert_eq!(back.made_ms, header(1_002 - LAG, 0).time_ms);
    let (next, _) = play.pay().await.unwrap();
    assert_eq!(next.made_ms, back.made_ms + 1);
}

/// Goal: like payments of unlike numbers are never one transaction, also where another worker, which remembers nothing, makes the
/// second; a payment that is made again is another transaction; and every one is made before its end. Method: payments on one block by
/// workers that begin anew, of numbers beside each other and of the highest; as many by one worker as there are moments, and one more.
#[tokio::test(start_paused = true)]
async fn like_payments_differ_by_their_numbers() {
    let play = Play::begin();
    let mut bytes = std::collections::BTreeSet::new();
    for number in [1, 2, 3, LIFE_MS - 1, LIFE_MS + 1_000, u64::MAX] {
        let (window, draft) = play.pay_by(&Moments::default(), number).await.unwrap();
        assert!((window.expires_ms - LIFE_MS..window.expires_ms).contains(&window.made_ms), "{number}");
        assert!(bytes.insert(draft.unsigned), "{number}");
    }
    let (_, again) = play.pay_by(&Moments::default(), 2).await.unwrap();
    assert!(!bytes.insert(again.unsigned), "the number alone decides");
    let moments = Moments::default();
    let (first, _) = play.pay_by(&moments, 2).await.unwrap();
    let (second, _) = play.pay_by(&moments, 2).await.unwrap();
    assert_eq!(second.made_ms, first.made_ms + 1);

    let span = Window { made_ms: 100, expires_ms: 110, ..first };
    let made: Vec<u64> = moments.windows(span, &[8; 11]).iter().map(|window| window.made_ms).collect();
    assert_eq!(made, [108, 109, 100, 101, 102, 103, 104, 105, 106, 107, 108]);
}

/// Goal: nothing is decided that would be given up before it is signed. Method: the network stands still.
#[tokio::test(start_paused = true)]
async fn nothing_is_built_on_a_block_that_is_too_old() {
    let play = Play::begin();
    let lag_ms = LAG * BLOCK_MS;
    let last_ms = LIFE_MS - 20_000 - lag_ms;
    assert!(window(&play.round(last_ms - 1).await).await.is_ok());
    let late = window(&play.round(last_ms).await).await;
    assert!(late.as_ref().is_err_and(|why| why.contains("too old")), "{late:?}");
}
