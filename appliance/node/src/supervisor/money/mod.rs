//! The money link, node side: what workers that move money may change and read.
//!
//! Invariants:
//! - A call is its worker's: it shows the ticket of its welcome, and comes from the process that was welcomed with it.
//! - A worker changes its own network alone, and what its kind is for; the state asks the same again.
//! - Every change is a command on the worker's behalf with the epoch of the leadership that welcomed it. After the end of that
//!   leadership the state refuses it (`EXQ-0315`), and it is counted like any other.
//! - A change's id follows from request, worker and epoch: however often it is sent, it has one effect.
//! - What is not known is said to be unknown, never to be refused.

mod changes;
mod due;
mod payouts;
mod reads;
mod reads_balances;
mod reads_sweeps;
mod signing;
mod tickets;
mod window;

use std::pin::Pin;
use std::sync::Arc;

use exchequer_domain::{Code, CommandId, Network, WorkerKind};
use exchequer_state::{Actor, Command};
use exchequer_workers::money::proto::{self, money_server};
use exchequer_workers::money::{CHANGES_MAX, LinkError, REQUEST_ID_BYTES, TICKET_KEY};
use exchequer_workers::server::peer_pid;
use futures::Stream;
use tonic::{Request, Response, Status};

use super::Shared;
use super::ground::{Ground, Refused, Until};
use super::launch::Launcher;
pub(crate) use tickets::{Caller, Tickets};

/// The door at which workers call.
pub(crate) struct Door<G, L> {
    shared: Arc<Shared<G, L>>,
}

impl<G, L> Clone for Door<G, L> {
    fn clone(&self) -> Self {
        Door { shared: self.shared.clone() }
    }
}

/// A message that does not read.
fn unreadable(error: LinkError) -> Status {
    Status::invalid_argument(error.to_string())
}

/// The id of a worker's command: the same for the same request, and for no other worker or leadership.
fn command_id(request: &[u8], caller: Caller) -> Result<CommandId, Status> {
    if request.len() != REQUEST_ID_BYTES {
        return Err(Status::invalid_argument("a request's id has 16 bytes"));
    }
    let mut hasher = blake3::Hasher::new_derive_key("exchequer worker command id v1");
    hasher.update(request).update(&caller.epoch.to_be_bytes()).update(caller.worker.to_string().as_bytes());
    let mut id = [0; 16];
    id.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    Ok(CommandId(id))
}

/// The command of a change.
fn command(caller: Caller, request: proto::ChangeRequest) -> Result<Command, Status> {
    let id = command_id(&request.request, caller)?;
    let asked = request.change.ok_or_else(|| Status::invalid_argument("it changes nothing"))?;
    let body = changes::body(caller, asked)?;
    Ok(Command { id, actor: Actor::Worker(caller.worker), epoch: Some(caller.epoch), body })
}

/// What became of it.
fn reply(done: Result<exchequer_state::Done, Refused>) -> Result<proto::ChangeReply, Status> {
    use proto::change_reply::Answer;
    let answer = match done {
        // Nothing is decided; that people were told is no answer to what was asked.
        Ok(exchequer_state::Done::NoncePassed { next, chain }) => Answer::Refused(proto::Refused {
            code: Code::PayoutRefused.to_string(),
            message: format!(
                "the next nonce would be {next}, and the chain is said to be at {chain}: people were told"
            ),
        }),
        Ok(done) => match changes::done(done) {
            Some(done) => Answer::Done(proto::Done { done: Some(done) }),
            None => return Err(Status::internal("the command came to something else")),
        },
        Err(Refused::Rejected(rejection)) => {
            let problem = rejection.problem();
            Answer::Refused(proto::Refused { code: problem.code.to_string(), message: problem.message })
        }
        Err(Refused::Failed(problem)) => {
            Answer::Unknown(proto::Unknown { code: problem.code.to_string(), message: problem.message })
        }
    };
    Ok(proto::ChangeReply { answer: Some(answer) })
}

/// Which workers may make a call.
fn only(caller: Caller, kinds: &[WorkerKind]) -> Result<Network, Status> {
    let denied = || Status::permission_denied(format!("a worker of the kind {} does not ask this", caller.worker.kind));
    if !kinds.contains(&caller.worker.kind) {
        return Err(denied());
    }
    caller.worker.network.ok_or_else(denied)
}

/// Kinds whose transactions are payouts.
const PAYERS: [WorkerKind; 3] = [WorkerKind::Withdrawal, WorkerKind::Consolidation, WorkerKind::Gas];
/// Kinds that move money on a network.
const MOVERS: [WorkerKind; 5] =
    [WorkerKind::Deposit, WorkerKind::Withdrawal, WorkerKind::Consolidation, WorkerKind::Gas, WorkerKind::BalanceSync];

impl<G: Ground, L: Launcher> Door<G, L> {
    pub(crate) fn new(shared: Arc<Shared<G, L>>) -> Door<G, L> {
        Door { shared }
    }

    /// Who calls: whoever was welcomed with this ticket, from the process that was.
    pub(crate) fn caller(&self, ticket: &[u8], pid: Option<u32>) -> Result<Caller, Status> {
        let caller = self.shared.tickets.holder(ticket);
        let caller = caller.filter(|caller| pid.is_none_or(|pid| pid == caller.pid));
        caller.ok_or_else(|| {
            tracing::warn!(?pid, "a call of the money link with a ticket that is not its process's");
            Status::permission_denied("the ticket is not this process's: it is the one of its own welcome")
        })
    }

    fn caller_of<T>(&self, request: &Request<T>) -> Result<Caller, Status> {
        let ticket = request.metadata().get_bin(TICKET_KEY).and_then(|value| value.to_bytes().ok());
        let ticket = ticket.ok_or_else(|| Status::permission_denied(format!("`{TICKET_KEY}` is missing")))?;
        // Over the socket the system says who calls; a process that cannot be told is none of ours.
        let pid = peer_pid(request).ok_or_else(|| Status::permission_denied("the calling process is not known"))?;
        self.caller(&ticket, Some(pid))
    }

    /// Has one change made.
    pub(crate) async fn change(
        &self,
        caller: Caller,
        request: proto::ChangeRequest,
    ) -> Result<proto::ChangeReply, Status> {
        let command = command(caller, request)?;
        reply(self.shared.carry_out_command(command, Until::Asked).await)
    }

    /// Has several changes made, in their order.
    pub(crate) async fn changes(
        &self,
        caller: Caller,
        request: proto::ChangesRequest,
    ) -> Result<proto::ChangesReply, Status> {
        if request.changes.len() > CHANGES_MAX {
            return Err(Status::invalid_argument(format!("{CHANGES_MAX} changes are made at once")));
        }
        let commands = request.changes.into_iter().map(|change| command(caller, change)).collect::<Result<_, _>>()?;
        let done = self.shared.carry_out_all(caller.worker, commands).await;
        Ok(proto::ChangesReply { replies: done.into_iter().map(reply).collect::<Result<_, _>>()? })
    }

    /// Whether the leadership that welcomed the worker still is one: what is read for it is not older than that.
    fn leads(&self, caller: Caller) -> Result<(), Status> {
        if self.shared.ground.majority_age(caller.epoch).is_some() {
            return Ok(());
        }
        self.shared.counts.refused();
        Err(Status::failed_precondition("this node does not lead any more"))
    }

    pub(crate) fn ground(&self) -> &G {
        &self.shared.ground
    }
}

type Paged<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl<G: Ground, L: Launcher> money_server::Money for Door<G, L> {
    type AddressesStream = Paged<proto::AddressPage>;
    type CoinsStream = Paged<proto::CoinPage>;

    async fn change(&self, request: Request<proto::ChangeRequest>) -> Result<Response<proto::ChangeReply>, Status> {
        let caller = self.caller_of(&request)?;
        Door::change(self, caller, request.into_inner()).await.map(Response::new)
    }

    async fn changes(&self, request: Request<proto::ChangesRequest>) -> Result<Response<proto::ChangesReply>, Status> {
        let caller = self.caller_of(&request)?;
        Door::changes(self, caller, request.into_inner()).await.map(Response::new)
    }

    async fn cursor(&self, request: Request<proto::CursorRequest>) -> Result<Response<proto::CursorReply>, Status> {
        let caller = self.caller_of(&request)?;
        self.read_cursor(caller, request.into_inner().blocks).map(Response::new)
    }

    async fn network(&self, request: Request<proto::NetworkRequest>) -> Result<Response<proto::NetworkReply>, Status> {
        self.read_network(self.caller_of(&request)?).map(Response::new)
    }

    async fn addresses(
        &self,
        request: Request<proto::AddressesRequest>,
    ) -> Result<Response<Self::AddressesStream>, Status> {
        let caller = self.caller_of(&request)?;
        self.read_addresses(caller, request.into_inner().from).map(Response::new)
    }

    async fn wallets(&self, request: Request<proto::WalletsRequest>) -> Result<Response<proto::WalletsReply>, Status> {
        self.read_wallets(self.caller_of(&request)?).map(Response::new)
    }

    async fn deposits_of(
        &self,
        request: Request<proto::DepositsOfRequest>,
    ) -> Result<Response<proto::DepositsOfReply>, Status> {
        let caller = self.caller_of(&request)?;
        self.read_deposits_of(caller, &request.into_inner().txs).map(Response::new)
    }

    async fn own_transfers(
        &self,
        request: Request<proto::OwnTransfersRequest>,
    ) -> Result<Response<proto::OwnTransfersReply>, Status> {
        let caller = self.caller_of(&request)?;
        self.read_own_transfers(caller, &request.into_inner().txs).map(Response::new)
    }

    async fn coins(&self, request: Request<proto::CoinsRequest>) -> Result<Response<Self::CoinsStream>, Status> {
        self.read_coins(self.caller_of(&request)?).map(Response::new)
    }

    async fn due(&self, request: Request<proto::DueRequest>) -> Result<Response<proto::DueReply>, Status> {
        let caller = self.caller_of(&request)?;
        self.read_due(caller, &request.into_inner()).map(Response::new)
    }

    async fn attempt_bytes(
        &self,
        request: Request<proto::AttemptBytesRequest>,
    ) -> Result<Response<proto::AttemptBytesReply>, Status> {
        let caller = self.caller_of(&request)?;
        self.read_attempt_bytes(caller, &request.into_inner()).map(Response::new)
    }

    async fn balance_work(
        &self,
        request: Request<proto::BalanceWorkRequest>,
    ) -> Result<Response<proto::BalanceWorkReply>, Status> {
        self.read_balance_work(self.caller_of(&request)?).map(Response::new)
    }

    async fn sweeps(&self, request: Request<proto::SweepsRequest>) -> Result<Response<proto::SweepsReply>, Status> {
        let caller = self.caller_of(&request)?;
        self.read_sweeps(caller, &request.into_inner()).map(Response::new)
    }

    async fn sign(&self, request: Request<proto::SignRequest>) -> Result<Response<proto::SignReply>, Status> {
        let caller = self.caller_of(&request)?;
        self.have_signed(caller, request.into_inner()).await.map(Response::new)
    }

    async fn give_up(&self, request: Request<proto::SignRequest>) -> Result<Response<proto::SignReply>, Status> {
        let caller = self.caller_of(&request)?;
        Door::give_up(self, caller, request.into_inner()).await.map(Response::new)
    }
}

#[cfg(test)]
mod tests {
    use exchequer_domain::WorkerId;

    use super::*;

    /// Goal: the same request of the same worker and leadership is the same command, and any difference makes another.
    #[test]
    fn ids_follow_from_what_asks() {
        let caller = |worker: &str, epoch| Caller { worker: worker.parse::<WorkerId>().unwrap(), epoch, pid: 7 };
        let one = command_id(&[1; 16], caller("deposit/bitcoin-1", 3)).unwrap();
        assert_eq!(one, command_id(&[1; 16], Caller { pid: 8, ..caller("deposit/bitcoin-1", 3) }).unwrap());
        for other in [
            command_id(&[2; 16], caller("deposit/bitcoin-1", 3)),
            command_id(&[1; 16], caller("deposit/bitcoin-2", 3)),
            command_id(&[1; 16], caller("deposit/tron-1", 3)),
            command_id(&[1; 16], caller("deposit/bitcoin-1", 4)),
        ] {
            assert_ne!(one, other.unwrap());
        }
        assert!(command_id(&[1; 15], caller("deposit/bitcoin-1", 3)).is_err());
    }
}
