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
    /// Has an attempt signed, for a worker of the leadership that still is one.
    pub(crate) async fn have_signed(
        &self,
        caller: Caller,
        request: proto::SignRequest,
    ) -> Result<proto::SignReply, Status> {
        let network = only(caller, &MAKERS)?;
        self.leads(caller)?;
        let attempt =
            u16::try_from(request.attempt).map_err(|_| Status::invalid_argument("there is no such attempt"))?;
        let order =
            Order { kind: caller.worker.kind, network, epoch: caller.epoch, payout: PayoutId(request.payout), attempt };
        let answer = order::sign(self.ground(), &self.shared.signer, order).await;
        let answer = match answer.map_err(|problem| Status::unavailable(problem.message))? {
            Answer::Signed { tx, raw, record } => {
                sign_reply::Answer::Signed(proto::Signature { tx: tx.0.to_vec(), raw, record })
            }
            Answer::Refused { code, message } => sign_reply::Answer::Refused(proto::Refused {
                code: Code::SignerRefused.to_string(),
                message: format!("{code}: {message}"),
            }),
            Answer::NotNow { code, message } => sign_reply::Answer::Unknown(proto::Unknown {
                code: Code::SignerSilent.to_string(),
                message: format!("{code}: {message}"),
            }),
        };
        Ok(proto::SignReply { answer: Some(answer) })
    }
}
