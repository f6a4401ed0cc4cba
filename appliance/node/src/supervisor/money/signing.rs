//! Signatures: from a worker's message to the order that this node gives its signer.

use exchequer_domain::{Code, WorkerKind};
use exchequer_state::withdrawals::PayoutId;
use exchequer_workers::money::proto::{self, sign_reply};
use tonic::Status;

use super::{Caller, Door, only};
use crate::signer::order::{self, Answer, Order};
use crate::supervisor::ground::Ground;
use crate::supervisor::launch::Launcher;

/// Kinds that make transactions.
const MAKERS: [WorkerKind; 3] = [WorkerKind::Withdrawal, WorkerKind::Consolidation, WorkerKind::Gas];

impl<G: Ground, L: Launcher> Door<G, L> {
    /// Has an attempt signed, for a worker of the leadership that still is one; what it is given is in the log.
    pub(crate) async fn have_signed(
        &self,
        caller: Caller,
        request: proto::SignRequest,
    ) -> Result<proto::SignReply, Status> {
        let order = self.order(caller, request)?;
        let answer = order::sign(self.ground(), &self.shared.signer, order).await;
        Ok(reply(answer.map_err(|problem| Status::unavailable(problem.message))?))
    }

    /// Gives an attempt up that nobody has signed.
    pub(crate) async fn give_up(
        &self,
        caller: Caller,
        request: proto::SignRequest,
    ) -> Result<proto::SignReply, Status> {
        let order = self.order(caller, request)?;
        let answer = order::give_up(self.ground(), &self.shared.signer, order).await;
        Ok(reply(answer.map_err(|problem| Status::unavailable(problem.message))?))
    }

    fn order(&self, caller: Caller, request: proto::SignRequest) -> Result<Order, Status> {
        let network = only(caller, &MAKERS)?;
        self.leads(caller)?;
        let attempt =
            u16::try_from(request.attempt).map_err(|_| Status::invalid_argument("there is no such attempt"))?;
        Ok(Order { kind: caller.worker.kind, network, epoch: caller.epoch, payout: PayoutId(request.payout), attempt })
    }
}

fn reply(answer: Answer) -> proto::SignReply {
    let answer = match answer {
        Answer::Signed { tx, raw } => sign_reply::Answer::Signed(proto::Signature { tx: tx.0.to_vec(), raw }),
        Answer::GivenUp => sign_reply::Answer::GivenUp(true),
        Answer::Refused { code, message } => sign_reply::Answer::Refused(proto::Refused {
            code: Code::SignerRefused.to_string(),
            message: format!("{code}: {message}"),
        }),
        Answer::NotNow { code, message } => sign_reply::Answer::Unknown(proto::Unknown {
            code: Code::SignerSilent.to_string(),
            message: format!("{code}: {message}"),
        }),
        Answer::TooMuch { code, message, room } => sign_reply::Answer::TooMuch(proto::TooMuch {
            code: Code::SignerRefused.to_string(),
            message: format!("{code}: {message}"),
            room: room.to_string(),
        }),
    };
    proto::SignReply { answer: Some(answer) }
}
