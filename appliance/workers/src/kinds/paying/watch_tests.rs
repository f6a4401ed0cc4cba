//! What people want in the place of what was never signed, against a node's link and endpoints that are none.

use std::sync::Arc;

use exchequer_chains::evm::{EvmAction, EvmFees, EvmTx, UnsignedEvm};
use exchequer_chains::node::{
    Account, Asking as Told, Broadcast, ChainNode, Doing as Sent, Fate, FeeFacts, Heads, NodeError, OutputFacts, Trial,
    TrialCall,
};
use exchequer_chains::scan::{Block, Header};
use exchequer_chains::{Coin, KeyPath, KeyPurpose, NetworkParams, Unsigned};
use exchequer_domain::{BlockHash, BlockRef, ChainAddress, Network, OutPoint, TxId};
use parking_lot::Mutex;

use super::{Desk, What};
use crate::clock;
use crate::host::Outside;
use crate::kinds::deposit::played::unasked;
use crate::money::proto::{self, change_reply, change_request, claim, done};
use crate::money::signer::LinkSigner;
use crate::money::{Asking, Link, Pages, Requests};

const NETWORK: Network = Network::Ethereum;
const GWEI: u128 = 1_000_000_000;
const NONCE: u64 = 7;

/// An endpoint whose gas costs 10 gwei, and which knows no transaction.
struct Endpoint;

fn header(height: u64) -> Header {
    let hash = |height: u64| BlockHash([u8::try_from(height).unwrap(); 32]);
    let block = BlockRef { height, hash: hash(height) };
    Header { block, parent: hash(height - 1), time_ms: 1_700_000_000_000 + height }
}

fn nothing<'a, T: Send + 'a>() -> Told<'a, T> {
    Box::pin(async { Err(NodeError::Pruned) })
}

impl ChainNode for Endpoint {
    fn name(&self) -> String {
        "one".to_owned()
    }
    fn identify(&self) -> Told<'_, bool> {
        Box::pin(async { Ok(true) })
    }
    fn heads(&self) -> Told<'_, Heads> {
        Box::pin(async { Ok(Heads { head: header(90), safe: None, finalized: Some(header(80)) }) })
    }
    fn header(&self, height: u64) -> Told<'_, Option<Header>> {
        Box::pin(async move { Ok(Some(header(height))) })
    }
    fn block(&self, _: u64) -> Told<'_, Option<Block>> {
        nothing()
    }
    fn broadcast<'a>(&'a self, _: TxId, _: &'a [u8]) -> Sent<'a, Broadcast> {
        Box::pin(async { Broadcast::Unknown(String::new()) })
    }
    fn fate(&self, _: TxId) -> Told<'_, Fate> {
        Box::pin(async { Ok(Fate::Unseen) })
    }
    fn fees(&self) -> Told<'_, FeeFacts> {
        let (base_fee, tips) = (Some(10 * GWEI), Some([GWEI; 3]));
        Box::pin(async move { Ok(FeeFacts::Evm { base_fee, tips, gas_price: 11 * GWEI, tip: Some(GWEI) }) })
    }
    fn account<'a>(&'a self, _: &'a ChainAddress) -> Told<'a, Account> {
        nothing()
    }
    fn outputs<'a>(&'a self, _: &'a [OutPoint]) -> Told<'a, Vec<Option<OutputFacts>>> {
        nothing()
    }
    fn balances<'a>(&'a self, _: &'a [(ChainAddress, Coin)], _: Header) -> Told<'a, Vec<Option<u128>>> {
        nothing()
    }
    fn trial<'a>(&'a self, _: &'a TrialCall) -> Told<'a, Trial> {
        nothing()
    }
}

/// A node that has one payout, and puts down what is to be changed.
struct Played {
    payout: proto::Payout,
    unsigned: Vec<u8>,
    steps: Mutex<Vec<What>>,
}

impl Link for Played {
    fn change(&self, _: proto::ChangeRequest) -> Asking<'_, proto::ChangeReply> {
        unasked()
    }
    fn cursor(&self, _: u32) -> Asking<'_, proto::CursorReply> {
        unasked()
    }
    fn network(&self) -> Asking<'_, proto::NetworkReply> {
        let coin = proto::Listing { asset: 1, decimals: 18, ledger_decimals: 9, ..proto::Listing::default() };
        let (fee_rate_max, fee_max) = (Some(1_000), Some(1_000_000_000));
        let reply =
            proto::NetworkReply { fee_rate_max, fee_max, test: true, listings: vec![coin], ..Default::default() };
        Box::pin(async move { Ok(reply) })
    }
    fn addresses(&self, _: u32) -> Asking<'_, Pages<proto::AddressPage>> {
        unasked()
    }
    fn wallets(&self) -> Asking<'_, proto::WalletsReply> {
        unasked()
    }
    fn deposits_of(&self, _: Vec<Vec<u8>>) -> Asking<'_, proto::DepositsOfReply> {
        unasked()
    }
    fn own_transfers(&self, _: Vec<Vec<u8>>) -> Asking<'_, proto::OwnTransfersReply> {
        unasked()
    }
    fn coins(&self) -> Asking<'_, Pages<proto::CoinPage>> {
        unasked()
    }
    fn due(&self, _: proto::DueRequest) -> Asking<'_, proto::DueReply> {
        let reply =
            proto::DueReply { payouts: vec![self.payout.clone()], now_us: 1, settled: 80, ..Default::default() };
        Box::pin(async move { Ok(reply) })
    }
    fn attempt_bytes(&self, _: u64, _: u32) -> Asking<'_, proto::AttemptBytesReply> {
        let unsigned = self.unsigned.clone();
        Box::pin(async move { Ok(proto::AttemptBytesReply { unsigned, signed: Vec::new() }) })
    }
    fn sign(&self, _: u64, _: u32) -> Asking<'_, proto::SignReply> {
        unasked()
    }
    fn give_up(&self, _: u64, _: u32) -> Asking<'_, proto::SignReply> {
        unasked()
    }
    fn sweeps(&self, _: proto::SweepsRequest) -> Asking<'_, proto::SweepsReply> {
        unasked()
    }
    fn changes(&self, request: proto::ChangesRequest) -> Asking<'_, proto::ChangesReply> {
        let came = |asked: proto::ChangeRequest| {
            let Some(change_request::Change::StepPayout(step)) = asked.change else { panic!("{asked:?}") };
            self.steps.lock().extend(step.step);
            let done = proto::Done { done: Some(done::Done::Stage("replacing".to_owned())) };
            proto::ChangeReply { answer: Some(change_reply::Answer::Done(done)) }
        };
        let replies = request.changes.into_iter().map(came).collect();
        Box::pin(async move { Ok(proto::ChangesReply { replies }) })
    }
}

/// What a worker does in one look at a payout of which the log has no signature.
async fn watched(network: Network, change: impl FnOnce(&mut proto::Payout)) -> Vec<What> {
    let params = NetworkParams::test(network);
    let claim = match network {
        Network::Tron => claim::Claim::Window(claim::Window { reference: None, expires_us: 5 }),
        _ => claim::Claim::Nonce(NONCE),
    };
    let attempt = proto::Attempt {
        number: 1,
        claim: Some(proto::Claim { claim: Some(claim) }),
        fee_max: 1_000_000,
        ..proto::Attempt::default()
    };
    let mut payout = proto::Payout {
        id: 1,
        payer: Some(proto::Payer { wallet: 1, index: 0 }),
        stage: "stuck".to_owned(),
        attempts: vec![attempt],
        may_send: true,
        may_pay: true,
        withdrawals: vec![proto::Withdrawal { id: 1, fee_cap: 1_000_000_000, ..proto::Withdrawal::default() }],
        ..proto::Payout::default()
    };
    change(&mut payout);
    let tx = EvmTx {
        chain_id: NetworkParams::test(NETWORK).chain_id().unwrap(),
        nonce: NONCE,
        fees: EvmFees::Dynamic { max_fee: 20 * GWEI, tip: GWEI },
        gas: 21_000,
        action: EvmAction::Transfer { to: [2; 20], amount: 5 },
    };
    let key = KeyPath { purpose: KeyPurpose::Hot, index: 0, change: false };
    let unsigned = UnsignedEvm::new(&NetworkParams::test(NETWORK), key, [1; 20], tx).unwrap();
    let played = Arc::new(Played { payout, unsigned: Unsigned::Evm(unsigned).encode(), steps: Mutex::default() });
    let nodes: crate::kinds::nodes::Nodes = Arc::new(|_, _| Ok(vec![Arc::new(Endpoint) as Arc<dyn ChainNode>]));
    let link: Arc<dyn Link> = played.clone();
    let signer = Arc::new(LinkSigner::new(link.clone()));
    let outside = Outside::new(clock::of_runtime());
    let desk = Desk::new(params.network(), link, nodes, signer, outside, Requests::new(&[1]));
    desk.watch().await.unwrap();
    let steps = played.steps.lock();
    steps.clone()
}

/// Goal: what a person has bumped or cancelled and nobody ever signed is replaced at once, at its nonce, for more, by a payment or by
/// what pays nobody; nothing that was never sent is said to be over. Method: a stuck payout without a signature, as its signer refused
/// it, and as one that must not be sent has it, whose user is frozen: that is replaced by what pays nobody alone.
#[tokio::test(start_paused = true)]
async fn what_was_never_signed_is_replaced() {
    for (cancelled, may_pay) in [(false, true), (true, true), (true, false), (false, false)] {
        let steps = watched(NETWORK, |payout| (payout.wants_noop, payout.may_pay) = (cancelled, may_pay)).await;
        if !cancelled && !may_pay {
            assert!(steps.is_empty(), "nobody may sign it, and people can decide where it is: {steps:?}");
            continue;
        }
        let [What::Replace(replace)] = steps.as_slice() else { panic!("{steps:?}") };
        let preparation = replace.preparation.as_ref().unwrap();
        assert_eq!((preparation.noop, replace.proof.is_none()), (cancelled, true));
        let Unsigned::Evm(unsigned) = Unsigned::decode(&preparation.unsigned).unwrap() else {
            panic!("another family")
        };
        let action = match cancelled {
            true => EvmAction::Transfer { to: [1; 20], amount: 0 },
            false => EvmAction::Transfer { to: [2; 20], amount: 5 },
        };
        assert_eq!((unsigned.tx().nonce, &unsigned.tx().action), (NONCE, &action));
        assert!(matches!(unsigned.tx().fees, EvmFees::Dynamic { max_fee, .. } if max_fee > 20 * GWEI));
    }
}

/// Goal: nothing of the kind is done where nothing is stuck, or where nothing takes its place: what was never sent is never said to
/// have expired. Method: the other stages, and a network without nonces, whose time is over.
#[tokio::test(start_paused = true)]
async fn what_was_never_signed_is_left_alone_elsewhere() {
    for stage in ["preparing", "review", "replacing"] {
        assert_eq!(watched(NETWORK, |payout| payout.stage = stage.to_owned()).await, Vec::new(), "{stage}");
    }
    for cancelled in [false, true] {
        assert_eq!(watched(Network::Tron, |payout| payout.wants_noop = cancelled).await, Vec::new());
    }
}
