//! The balance-sync worker against a chain that is played: what it reads is judged at its block, what endpoints contradict each
//! other about is told as that, and what is missing stops withdrawals.

use std::sync::Arc;

use exchequer_domain::{BlockHash, ChainAddress, OutPoint, TxId};
use exchequer_state::ledger::Asset;
use exchequer_state::networks::{Operation, Why};
use exchequer_state::reconciliation::{Class, Discrepancy, RunId};
use exchequer_state::{Body, ConfigureNetworkAsset};
use exchequer_workers::chains::Coin;
use exchequer_workers::chains::node::{
    Account, Asking, Broadcast, ChainNode, Doing, Fate, FeeFacts, Heads, OutputFacts, Trial, TrialCall,
};
use exchequer_workers::chains::scan::{Block, Header};
use exchequer_workers::kinds::balance_sync::{Counts, Round};
use exchequer_workers::kinds::deposit::{Counts as ScanCounts, Round as ScanRound, Scanner};
use exchequer_workers::kinds::nodes::Nodes;
use exchequer_workers::money::{Changed, Link as _, Requests, change, proto};
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::super::super::ground::Ground as _;
use super::super::super::money::{Caller, Door};
use super::super::stage::Stage;
use super::chain::{Chain, Endpoint, FINALITY};
use super::link::{Faults, Inline};
use super::{Dice, NETWORK, USERS, address, list_token, open};

/// What the endpoints say otherwise than the chain.
#[derive(Default)]
struct Slips {
    /// What every endpoint leaves out, of the address of user 1.
    missing: u128,
    /// What the first one leaves out beside that.
    lie: u128,
    /// Whether nodes have other blocks than were scanned.
    diverged: bool,
}

/// An endpoint that tells balances.
struct Teller {
    inner: Endpoint,
    first: bool,
    slips: Arc<Mutex<Slips>>,
}

impl ChainNode for Teller {
    fn name(&self) -> String {
        self.inner.name()
    }
    fn identify(&self) -> Asking<'_, bool> {
        self.inner.identify()
    }
    fn heads(&self) -> Asking<'_, Heads> {
        self.inner.heads()
    }
    fn header(&self, height: u64) -> Asking<'_, Option<Header>> {
        let diverged = self.slips.lock().diverged;
        Box::pin(async move {
            let mut header = self.inner.header(height).await?;
            if let Some(header) = header.as_mut().filter(|_| diverged) {
                header.block.hash = BlockHash([9; 32]);
            }
            Ok(header)
        })
    }
    fn block(&self, height: u64) -> Asking<'_, Option<Block>> {
        self.inner.block(height)
    }
    fn broadcast<'a>(&'a self, tx: TxId, raw: &'a [u8]) -> Doing<'a, Broadcast> {
        self.inner.broadcast(tx, raw)
    }
    fn fate(&self, tx: TxId) -> Asking<'_, Fate> {
        self.inner.fate(tx)
    }
    fn fees(&self) -> Asking<'_, FeeFacts> {
        self.inner.fees()
    }
    fn account<'a>(&'a self, address: &'a ChainAddress) -> Asking<'a, Account> {
        self.inner.account(address)
    }
    fn outputs<'a>(&'a self, outputs: &'a [OutPoint]) -> Asking<'a, Vec<Option<OutputFacts>>> {
        self.inner.outputs(outputs)
    }
    fn balances<'a>(&'a self, of: &'a [(ChainAddress, Coin)], at: Header) -> Asking<'a, Vec<Option<u128>>> {
        Box::pin(async move {
            let slips = self.slips.lock();
            let lie = if self.first { slips.lie } else { 0 };
            let chain = self.inner.chain.lock();
            let one = |(of, coin): &(ChainAddress, Coin)| match coin {
                Coin::Native if *of == address(0) => Some(chain.has(of, at.block.height) - slips.missing - lie),
                Coin::Native => Some(chain.has(of, at.block.height)),
                // The token's contract is not there any more.
                Coin::Token(_) => None,
            };
            Ok(of.iter().map(one).collect())
        })
    }
    fn nonces<'a>(&'a self, of: &'a [ChainAddress], _: Header) -> Asking<'a, Vec<Option<u64>>> {
        Box::pin(async move { Ok(vec![Some(0); of.len()]) })
    }
    fn decimals<'a>(&'a self, token: &'a ChainAddress) -> Asking<'a, Option<u8>> {
        self.inner.decimals(token)
    }
    fn trial<'a>(&'a self, call: &'a TrialCall) -> Asking<'a, Trial> {
        self.inner.trial(call)
    }
}

struct Play {
    stage: Stage,
    chain: Arc<Mutex<Chain>>,
    slips: Arc<Mutex<Slips>>,
    epoch: u64,
    endpoints: usize,
}

impl Play {
    async fn begin(endpoints: usize) -> Play {
        let mut stage = open().await;
        let epoch = stage.lead().await;
        let chain = Arc::new(Mutex::new(Chain::new(7)));
        Play { stage, chain, slips: Arc::default(), epoch, endpoints }
    }

    fn nodes(&self) -> Nodes {
        let names = ["one", "two", "three"];
        let made = names.into_iter().take(self.endpoints).enumerate().map(|(number, name)| {
            let dice = Mutex::new(Dice::new(number as u64 + 1));
            let inner = Endpoint { name, chain: self.chain.clone(), dice, lags: 0, lies: 0, forges: 0, fails: 0 };
            Arc::new(Teller { inner, first: number == 0, slips: self.slips.clone() }) as Arc<dyn ChainNode>
        });
        let made: Vec<Arc<dyn ChainNode>> = made.collect();
        Arc::new(move |_, _| Ok(made.clone()))
    }

    fn link(&self, worker: &str, pid: u32) -> (Arc<Inline>, Requests) {
        let caller = Caller { worker: worker.parse().unwrap(), epoch: self.epoch, pid };
        let ticket = self.stage.shared.tickets.give(caller);
        let faults = Arc::new(Mutex::new(Faults { dice: Dice::new(3), lost: 0, deadly: 0, full: None }));
        let link = Inline { door: Door::new(self.stage.shared.clone()), caller, faults, died: Arc::new(Notify::new()) };
        (Arc::new(link), Requests::new(&ticket))
    }

    /// Blocks with payments, scanned; before the first ones some without, because what was there before nobody scans.
    async fn grow(&self, blocks: u32) {
        if self.chain.lock().head() == 0 {
            (0..FINALITY + 4).for_each(|_| self.chain.lock().mine(0));
            self.scan().await;
        }
        (0..blocks).for_each(|_| self.chain.lock().mine(4));
        self.scan().await;
    }

    async fn scan(&self) {
        let (link, requests) = self.link("deposit/ethereum-1", 8);
        let mut scanner = Scanner::new(NETWORK, link, self.nodes(), requests, Arc::<ScanCounts>::default());
        while matches!(scanner.round().await, Ok(ScanRound::More)) {}
    }

    async fn round(&self) -> Result<bool, String> {
        let (link, requests) = self.link("balance-sync/ethereum-1", 9);
        let mut round = Round::new(NETWORK, link, self.nodes(), requests, Arc::<Counts>::default());
        round.run().await
    }

    fn open(&self) -> Vec<Discrepancy> {
        self.stage.ground().state(|state| state.reconciliation().open().cloned().collect()).unwrap()
    }

    fn may(&self) -> Result<(), Why> {
        self.stage.ground().state(|state| state.may_on(NETWORK, Operation::Withdrawal)).unwrap()
    }
}

/// Goal: a round reads every address at the settled block, and nothing is amiss where nothing is, payments of unsettled blocks
/// notwithstanding; a unit that is gone stops withdrawals.
#[tokio::test(start_paused = true)]
async fn a_round_compares() {
    let play = Play::begin(3).await;
    assert_eq!(play.round().await, Ok(true), "before anything is scanned there is nothing to compare");
    play.grow(60).await;
    assert_eq!(play.round().await, Ok(true));
    assert_eq!(play.open(), []);
    let runs = play.stage.ground().rows(|state, rows| state.runs(rows, NETWORK, RunId(u64::MAX), 9)).unwrap().unwrap();
    assert_eq!(runs.len(), 1);
    assert_eq!((runs[0].judged, runs[0].failed, runs[0].whole), (USERS + 4, 0, true));
    let settled = play.stage.ground().state(|state| state.deposits().chains().get(NETWORK).settled).unwrap();
    assert!(settled > 0 && runs[0].block.height == settled);

    play.grow(5).await;
    play.slips.lock().missing = 1;
    assert_eq!(play.round().await, Ok(true));
    let open = play.open();
    assert_eq!((open.len(), open[0].class, open[0].amount), (1, Class::UnknownOutflow, -1));
    assert_eq!(play.may(), Err(Why::Outflow));
}

/// Goal: one endpoint of three that lies is outvoted; two that contradict each other are told as that, and stop nothing.
#[tokio::test(start_paused = true)]
async fn endpoints_that_contradict_each_other() {
    let play = Play::begin(3).await;
    play.grow(60).await;
    play.slips.lock().lie = 5;
    assert_eq!(play.round().await, Ok(true));
    assert_eq!((play.open(), play.may()), (vec![], Ok(())));

    let play = Play::begin(2).await;
    play.grow(60).await;
    play.slips.lock().lie = 5;
    assert_eq!(play.round().await, Ok(true));
    let open = play.open();
    assert_eq!((open.len(), open[0].class), (1, Class::RpcFault));
    assert_eq!(play.may(), Ok(()));
}

/// Goal: a token whose contract tells no balance is told of, and is no finding, as its contract may be there at the next block; what is
/// missing of the network's coin is found all the same. Method: a listed token of which no endpoint tells anything, and a unit of coin that
/// is gone.
#[tokio::test(start_paused = true)]
async fn a_token_that_tells_nothing_hides_nothing() {
    let play = Play::begin(3).await;
    list_token(play.stage.ground());
    play.grow(60).await;
    let silent = |round: Result<bool, String>| round.is_err_and(|why| why.contains("tells no balance of"));
    assert!(silent(play.round().await));
    assert_eq!((play.open(), play.may()), (vec![], Ok(())));

    play.grow(5).await;
    play.slips.lock().missing = 1;
    assert!(silent(play.round().await));
    let open = play.open();
    assert_eq!((open.len(), open[0].class, open[0].amount), (1, Class::UnknownOutflow, -1));
    assert_eq!(play.may(), Err(Why::Outflow));
}

/// Goal: nodes that have another block than the settled one are told of, and nothing is read there.
#[tokio::test(start_paused = true)]
async fn a_chain_that_is_another() {
    let play = Play::begin(3).await;
    play.grow(60).await;
    play.slips.lock().diverged = true;
    assert!(play.round().await.is_err());
    let open = play.open();
    assert_eq!((open.len(), open[0].class), (1, Class::Reorg));
}

/// Whether a worker that has just begun is told that a token is doubted.
async fn is_doubted(play: &Play, pid: u32) -> bool {
    let (link, _) = play.link("deposit/ethereum-1", pid);
    let listings = link.network().await.unwrap().listings;
    listings.into_iter().find(|listing| !listing.coin.is_empty()).unwrap().doubted
}

/// Goal: a token that one worker doubts is doubted for every one after it, until a person lets it be credited again. Method: told over
/// the link, asked by workers that know nothing.
#[tokio::test(start_paused = true)]
async fn a_doubt_outlives_the_worker() {
    let play = Play::begin(3).await;
    let token = list_token(play.stage.ground());
    assert!(!is_doubted(&play, 8).await);
    let (link, requests) = play.link("deposit/ethereum-1", 8);
    let doubt = proto::DoubtToken { token: token.to_string(), why: "nothing arrived".into(), decimals: None };
    let told = change(link.as_ref(), &requests, proto::change_request::Change::DoubtToken(doubt)).await;
    assert!(matches!(told, Changed::Done(_)), "{told:?}");
    assert!(is_doubted(&play, 9).await);
    let (deposits, withdrawals, sweeps) = (Some(true), None, None);
    let (network, asset, reason) = (NETWORK, Asset(2), "test".to_owned());
    let on = ConfigureNetworkAsset { network, asset, deposits, withdrawals, sweeps, reason };
    play.stage.ground().run(Body::ConfigureNetworkAsset(on));
    assert!(!is_doubted(&play, 10).await);
}
