//! The money link without a socket, on which answers are lost, requests are lost, and workers die.

use std::sync::Arc;

use exchequer_workers::kinds::Doing;
use exchequer_workers::money::proto::*;
use exchequer_workers::money::{Asking, Link, LinkError, Pages};
use futures::StreamExt as _;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tonic::{Code, Status};

use super::super::super::money::{Caller, Door};
use super::super::stage::{Cast, Memory};
use super::Dice;

/// What happens to calls.
pub(super) struct Faults {
    pub(super) dice: Dice,
    /// Of a thousand calls so many are lost before they arrive, and as many after they had their effect.
    pub(super) lost: u64,
    /// Of a thousand calls the worker dies before, and after, so many.
    pub(super) deadly: u64,
    /// No block is taken, for there are as many deposits as there may be; and how far the worker said that the network is. None where there
    /// is room.
    pub(super) full: Option<Vec<Heights>>,
}

impl Faults {
    /// How a change is refused where there is no room.
    fn refuses(&mut self, request: &ChangeRequest) -> Option<ChangeReply> {
        let told = self.full.as_mut()?;
        match &request.change {
            Some(change_request::Change::CommitBlocks(_)) => {
                let (code, message) = (exchequer_domain::Code::DepositsFull.as_str().to_owned(), "full".to_owned());
                Some(ChangeReply { answer: Some(change_reply::Answer::Refused(Refused { code, message })) })
            }
            Some(change_request::Change::NotePending(note)) => {
                told.extend(note.heights);
                None
            }
            _ => None,
        }
    }
}

pub(super) struct Inline {
    pub(super) door: Door<Memory, Cast>,
    pub(super) caller: Caller,
    pub(super) faults: Arc<Mutex<Faults>>,
    /// The worker is dead.
    pub(super) died: Arc<Notify>,
}

fn failed(status: Status) -> LinkError {
    match status.code() {
        Code::PermissionDenied | Code::InvalidArgument | Code::FailedPrecondition => {
            LinkError::Refused(status.message().to_owned())
        }
        _ => LinkError::Lost(status.message().to_owned()),
    }
}

impl Inline {
    async fn mishap(&self) -> Result<(), LinkError> {
        let (lost, dead) = {
            let mut faults = self.faults.lock();
            let (lost, deadly) = (faults.lost, faults.deadly);
            (faults.dice.roll(1_000) < lost, faults.dice.roll(1_000) < deadly)
        };
        if dead {
            self.died.notify_one();
            return std::future::pending().await;
        }
        if lost { Err(LinkError::Lost("as the test wants it".to_owned())) } else { Ok(()) }
    }

    fn around<'a, T: Send + 'a>(&'a self, call: impl Future<Output = Result<T, Status>> + Send + 'a) -> Asking<'a, T> {
        let asking: Doing<'a, Result<T, LinkError>> = Box::pin(async move {
            self.mishap().await?;
            let answer = call.await.map_err(failed)?;
            self.mishap().await?;
            Ok(answer)
        });
        asking
    }
}

impl Link for Inline {
    fn change(&self, request: ChangeRequest) -> Asking<'_, ChangeReply> {
        if let Some(refused) = self.faults.lock().refuses(&request) {
            return Box::pin(std::future::ready(Ok(refused)));
        }
        self.around(self.door.change(self.caller, request))
    }
    fn cursor(&self, blocks: u32) -> Asking<'_, CursorReply> {
        self.around(async move { self.door.read_cursor(self.caller, blocks) })
    }
    fn network(&self) -> Asking<'_, NetworkReply> {
        self.around(async { self.door.read_network(self.caller) })
    }
    fn addresses(&self, from: u32) -> Asking<'_, Pages<AddressPage>> {
        self.around(async move {
            let pages = self.door.read_addresses(self.caller, from)?;
            Ok(pages.map(|page| page.map_err(failed)).boxed())
        })
    }
    fn wallets(&self) -> Asking<'_, WalletsReply> {
        self.around(async { self.door.read_wallets(self.caller) })
    }
    fn deposits_of(&self, txs: Vec<Vec<u8>>) -> Asking<'_, DepositsOfReply> {
        self.around(async move { self.door.read_deposits_of(self.caller, &txs) })
    }
    fn own_transfers(&self, txs: Vec<Vec<u8>>) -> Asking<'_, OwnTransfersReply> {
        self.around(async move { self.door.read_own_transfers(self.caller, &txs) })
    }
    fn coins(&self) -> Asking<'_, Pages<CoinPage>> {
        self.around(async {
            let pages = self.door.read_coins(self.caller)?;
            Ok(pages.map(|page| page.map_err(failed)).boxed())
        })
    }
    fn due(&self, asked: DueRequest) -> Asking<'_, DueReply> {
        self.around(async move { self.door.read_due(self.caller, &asked) })
    }
    fn changes(&self, request: ChangesRequest) -> Asking<'_, ChangesReply> {
        self.around(self.door.changes(self.caller, request))
    }
    fn attempt_bytes(&self, payout: u64, attempt: u32) -> Asking<'_, AttemptBytesReply> {
        let asked = AttemptBytesRequest { payout, attempt };
        self.around(async move { self.door.read_attempt_bytes(self.caller, &asked) })
    }
    fn balance_work(&self) -> Asking<'_, BalanceWorkReply> {
        self.around(async { self.door.read_balance_work(self.caller) })
    }
    fn sweeps(&self, asked: SweepsRequest) -> Asking<'_, SweepsReply> {
        self.around(async move { self.door.read_sweeps(self.caller, &asked) })
    }
    fn sign(&self, payout: u64, attempt: u32) -> Asking<'_, SignReply> {
        let asked = SignRequest { payout, attempt };
        self.around(async move { self.door.have_signed(self.caller, asked).await })
    }
    fn give_up(&self, payout: u64, attempt: u32) -> Asking<'_, SignReply> {
        let asked = SignRequest { payout, attempt };
        self.around(async move { self.door.give_up(self.caller, asked).await })
    }
}
