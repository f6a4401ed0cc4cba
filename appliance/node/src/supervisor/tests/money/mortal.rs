//! A worker's way to the node and to the signer, on which it dies, or stands still, at the call of a number.

use std::sync::Arc;

use exchequer_workers::kinds::Doing;
use exchequer_workers::money::proto::*;
use exchequer_workers::money::signer::{SignError, Signature, Signer};
use exchequer_workers::money::{Asking, Link, Pages};
use parking_lot::Mutex;
use tokio::sync::Notify;

/// Where a worker's life is interrupted: before and after each call that changes something, reads what is sent, or has it signed.
#[derive(Default)]
pub(super) struct Fate {
    /// Moments until then; none where it is over.
    left: Mutex<Option<u64>>,
    /// It is interrupted.
    pub(super) reached: Notify,
    /// It goes on, where it goes on at all.
    pub(super) goes_on: Notify,
}

impl Fate {
    /// Interrupted at this moment, counted from nothing.
    pub(super) fn at(moment: u64) -> Arc<Fate> {
        Arc::new(Fate { left: Mutex::new(Some(moment)), ..Fate::default() })
    }

    /// Whether the moment has not come yet.
    pub(super) fn is_ahead(&self) -> bool {
        self.left.lock().is_some()
    }

    async fn moment(&self) {
        let now = {
            let mut left = self.left.lock();
            let now = *left == Some(0);
            *left = left.and_then(|left| left.checked_sub(1));
            now
        };
        if now {
            self.reached.notify_one();
            self.goes_on.notified().await;
        }
    }

    async fn around<T>(&self, call: impl Future<Output = T>) -> T {
        self.moment().await;
        let came = call.await;
        self.moment().await;
        came
    }
}

/// What leads a worker to the node.
pub(super) struct MortalLink {
    pub(super) link: Arc<dyn Link>,
    pub(super) fate: Arc<Fate>,
}

impl Link for MortalLink {
    fn change(&self, request: ChangeRequest) -> Asking<'_, ChangeReply> {
        Box::pin(self.fate.around(self.link.change(request)))
    }
    fn changes(&self, request: ChangesRequest) -> Asking<'_, ChangesReply> {
        Box::pin(self.fate.around(self.link.changes(request)))
    }
    fn attempt_bytes(&self, payout: u64, attempt: u32) -> Asking<'_, AttemptBytesReply> {
        Box::pin(self.fate.around(self.link.attempt_bytes(payout, attempt)))
    }
    fn sign(&self, payout: u64, attempt: u32) -> Asking<'_, SignReply> {
        Box::pin(self.fate.around(self.link.sign(payout, attempt)))
    }
    fn give_up(&self, payout: u64, attempt: u32) -> Asking<'_, SignReply> {
        Box::pin(self.fate.around(self.link.give_up(payout, attempt)))
    }
    fn cursor(&self, blocks: u32) -> Asking<'_, CursorReply> {
        self.link.cursor(blocks)
    }
    fn network(&self) -> Asking<'_, NetworkReply> {
        self.link.network()
    }
    fn addresses(&self, from: u32) -> Asking<'_, Pages<AddressPage>> {
        self.link.addresses(from)
    }
    fn wallets(&self) -> Asking<'_, WalletsReply> {
        self.link.wallets()
    }
    fn deposits_of(&self, txs: Vec<Vec<u8>>) -> Asking<'_, DepositsOfReply> {
        self.link.deposits_of(txs)
    }
    fn own_transfers(&self, txs: Vec<Vec<u8>>) -> Asking<'_, OwnTransfersReply> {
        self.link.own_transfers(txs)
    }
    fn coins(&self) -> Asking<'_, Pages<CoinPage>> {
        self.link.coins()
    }
    fn due(&self, asked: DueRequest) -> Asking<'_, DueReply> {
        self.link.due(asked)
    }
    fn balance_work(&self) -> Asking<'_, BalanceWorkReply> {
        self.link.balance_work()
    }
    fn sweeps(&self, asked: SweepsRequest) -> Asking<'_, SweepsReply> {
        self.link.sweeps(asked)
    }
}

/// What leads a worker to the signer.
pub(super) struct MortalSigner {
    pub(super) signer: Arc<dyn Signer>,
    pub(super) fate: Arc<Fate>,
}

impl Signer for MortalSigner {
    fn sign(&self, payout: u64, attempt: u32) -> Doing<'_, Result<Signature, SignError>> {
        Box::pin(self.fate.around(self.signer.sign(payout, attempt)))
    }
    fn give_up(&self, payout: u64, attempt: u32) -> Doing<'_, Result<Option<Signature>, SignError>> {
        Box::pin(self.fate.around(self.signer.give_up(payout, attempt)))
    }
}
