//! The door for programs: encoded commands in, encoded outcomes out, many at once.
//!
//! Invariants: the answers of a stream come in the order of its requests; a command acts for the operator, whose token
//! the caller showed, and for nobody else; no command comes in that only a node may send; a rotated token ends the
//! streams that were opened with the old one.

use std::pin::Pin;
use std::time::{Duration, Instant};

use axum::Router;
use bytes::Bytes;
use exchequer_domain::{Code, Problem};
use exchequer_state::approvals::operation_body;
use exchequer_state::command::is_too_large;
use exchequer_state::{Actor, Body, Command, Rejection};
use futures::{Stream, StreamExt as _, future};
use metrics::{Counter, counter};
use tonic::service::Routes;
use tonic::service::interceptor::InterceptedService;
use tonic::{Request, Response, Status, Streaming};

use crate::app::App;
use crate::auth;
use crate::grpc_events;
use crate::submit::SUBMIT_PATIENCE;

/// Generated from `proto/gateway.proto`.
#[allow(
    missing_docs,
    unreachable_pub,
    missing_debug_implementations,
    clippy::all,
    clippy::allow_attributes_without_reason,
    reason = "generated code"
)]
pub mod proto {
    tonic::include_proto!("exchequer.gateway.v1");
}

use proto::gateway_server::{Gateway, GatewayServer};
use proto::{SubmitReply, SubmitRequest};

/// Commands of one request, at most.
pub const COMMANDS_MAX: usize = 8_192;
/// Bytes of one request's commands, at most.
pub const REQUEST_BYTES_MAX: usize = 1 << 20;
/// Requests of one stream that are under way at once; further ones wait in the connection.
const IN_FLIGHT_MAX: usize = 64;
/// A larger message ends the call instead of being refused with a code.
const MESSAGE_BYTES_MAX: usize = 2 * REQUEST_BYTES_MAX;
/// How long a stream goes on before its token is looked at again.
const TOKEN_RECHECK: Duration = Duration::from_secs(1);

pub(crate) fn router(app: &App) -> Router {
    let service = GatewayServer::new(Door::new()).max_decoding_message_size(MESSAGE_BYTES_MAX);
    // In front of the service, so that nothing is read of a caller who shows no token.
    let gate = app.clone();
    let service = InterceptedService::new(service, move |mut request: Request<()>| {
        let pass = Pass::check(&gate, &request)?;
        request.extensions_mut().insert(pass);
        Ok(request)
    });
    // The router around answers for addresses that nobody serves.
    Routes::new(service).add_service(grpc_events::service(app)).into_axum_router().reset_fallback()
}

/// The service, with what it counts: commands that came in here, and how long they were here, weighted by commands.
#[derive(Clone)]
struct Door {
    commands: Counter,
    microseconds: Counter,
}

impl Door {
    fn new() -> Door {
        Door {
            commands: counter!("exchequer_gateway_commands_total"),
            microseconds: counter!("exchequer_gateway_microseconds_total"),
        }
    }

    async fn count(&self, app: App, request: SubmitRequest) -> SubmitReply {
        let (begun, commands) = (Instant::now(), request.commands.len() as u64);
        let reply = submit(app, request).await;
        let took = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.commands.increment(commands);
        self.microseconds.increment(took.saturating_mul(commands));
        reply
    }
}

#[tonic::async_trait]
impl Gateway for Door {
    async fn submit(&self, request: Request<SubmitRequest>) -> Result<Response<SubmitReply>, Status> {
        let pass = Pass::of(&request)?;
        Ok(Response::new(self.count(pass.app, request.into_inner()).await))
    }

    type SubmitStreamStream = Pin<Box<dyn Stream<Item = Result<SubmitReply, Status>> + Send>>;

    async fn submit_stream(
        &self,
        request: Request<Streaming<SubmitRequest>>,
    ) -> Result<Response<Self::SubmitStreamStream>, Status> {
        let mut pass = Pass::of(&request)?;
        let door = self.clone();
        let begun = request.into_inner().map(move |received| {
            let request = received.and_then(|request| pass.recheck().map(|()| request));
            let (door, app) = (door.clone(), pass.app.clone());
            async move { Ok(door.count(app, request?).await) }
        });
        // A refused or broken request is the last one answered.
        let answers = begun.buffered(IN_FLIGHT_MAX).scan(false, |ended, answer| {
            let over = std::mem::replace(ended, answer.is_err());
            future::ready((!over).then_some(answer))
        });
        Ok(Response::new(Box::pin(answers)))
    }
}

/// A token that was found right, and when.
#[derive(Clone)]
struct Pass {
    app: App,
    token: String,
    checked: Instant,
}

impl Pass {
    fn check(app: &App, request: &Request<()>) -> Result<Pass, Status> {
        let token = auth::bearer(request.metadata().as_ref());
        let token = token.and_then(|token| auth::check(app.backend.as_ref(), token).map(|()| token.to_owned()));
        auth::note_refusal(&token);
        let token = token.map_err(refused)?;
        Ok(Pass { app: app.clone(), token, checked: Instant::now() })
    }

    fn of<T>(request: &Request<T>) -> Result<Pass, Status> {
        let pass = request.extensions().get::<Pass>().cloned();
        pass.ok_or_else(|| Status::unauthenticated("the call was not checked"))
    }

    fn recheck(&mut self) -> Result<(), Status> {
        if self.checked.elapsed() >= TOKEN_RECHECK {
            auth::check(self.app.backend.as_ref(), &self.token).map_err(refused)?;
            self.checked = Instant::now();
        }
        Ok(())
    }
}

/// The status of a call that was not let in.
fn refused(problem: Problem) -> Status {
    if matches!(problem.code, Code::TokenMissing | Code::TokenWrong) {
        Status::unauthenticated(problem.to_string())
    } else {
        Status::unavailable(problem.to_string())
    }
}

async fn submit(app: App, request: SubmitRequest) -> SubmitReply {
    let outcome = match check(&request.commands) {
        Ok(()) => app.backend.submit_encoded(request.commands, SUBMIT_PATIENCE).await,
        Err(problem) => Err(problem),
    };
    match outcome {
        Ok((outcomes, index)) => SubmitReply { outcomes, index, problem: None },
        Err(Problem { code, message, hint }) => {
            let problem = proto::Problem { code: code.to_string(), message, hint };
            SubmitReply { outcomes: Vec::new(), index: 0, problem: Some(problem) }
        }
    }
}

/// A request is refused as a whole: then none of its commands took effect.
fn check(commands: &[Bytes]) -> Result<(), Problem> {
    if commands.is_empty() {
        return Err(Problem::new(Code::BadRequest, "the request holds no command"));
    }
    if commands.len() > COMMANDS_MAX {
        return Err(Problem::new(Code::TooLarge, format!("a request holds at most {COMMANDS_MAX} commands")));
    }
    if commands.iter().map(Bytes::len).sum::<usize>() > REQUEST_BYTES_MAX {
        let message = format!("the commands of a request are at most {REQUEST_BYTES_MAX} bytes together");
        return Err(Problem::new(Code::TooLarge, message));
    }
    for command in commands {
        if is_too_large(command) {
            return Err(Rejection::TooLarge.problem());
        }
        let command = Command::decode(command)
            .map_err(|error| Problem::new(Code::BadRequest, format!("a command could not be decoded: {error}")))?;
        match command.actor {
            Actor::Operator => {}
            Actor::Node(_) | Actor::ApiKey(_) | Actor::Admin(_) | Actor::Worker(_) | Actor::User(_) => {
                let message = format!("a command acts for {}, but the caller showed the operator token", command.actor);
                return Err(Problem::new(Code::BadRequest, message));
            }
        }
        if !is_whole(&command.body) {
            return Err(Problem::new(Code::BadRequest, "a command is one that only a node may send")
                .hint("use the route of the HTTP API, which also does what belongs to it"));
        }
    }
    Ok(())
}

/// Whether all that the command means happens inside the state. The others put on record, or prepare, what a node does
/// outside of it; alone they would take the record and the cluster apart.
fn is_whole(body: &Body) -> bool {
    match body {
        // What is carried out in the end is what it holds; bytes that are no command are refused by the state.
        Body::Propose(command) => match operation_body(&command.operation) {
            Ok(Body::Propose(_)) => false,
            Ok(body) => is_whole(&body),
            Err(_) => true,
        },
        Body::SetSetting(_)
        | Body::RevertSettings(_)
        | Body::CreateJoinToken(_)
        | Body::RotateOperatorToken(_)
        | Body::PutScratch(_)
        | Body::Digest(_)
        | Body::RaiseVersion(_)
        | Body::CreateAsset(_)
        | Body::CreateUser(_)
        | Body::CreateUsers(_)
        | Body::UpdateUser(_)
        | Body::OpenAccounts(_)
        | Body::PostTransfers(_)
        | Body::BulkTransfer(_)
        | Body::RevertTransfer(_)
        | Body::CreditSandbox(_)
        | Body::TransferBetweenUsers(_)
        | Body::RevokeApiKey(_)
        | Body::CreateMarket(_)
        | Body::ConfigureMarket(_)
        | Body::SetMarketPhase(_)
        | Body::PlaceOrder(_)
        | Body::PlacePair(_)
        | Body::CancelOrder(_)
        | Body::CancelOrders(_)
        | Body::AmendOrder(_)
        | Body::ReplaceOrder(_)
        | Body::CancelAfter(_)
        | Body::EnqueueJobs(_)
        | Body::CancelJobs(_)
        | Body::RetryJobs(_)
        | Body::ConfigureQueue(_)
        | Body::UpdateAdmin(_)
        | Body::CloseSessions(_)
        | Body::AddWorkers(_)
        | Body::SetWorkers(_)
        | Body::RestartWorkers(_)
        | Body::RemoveWorkers(_)
        | Body::SetScale(_)
        | Body::RegisterBinary(_)
        | Body::ForgetBinary(_)
        | Body::UseBinary(_)
        | Body::BulkWorkers(_)
        | Body::UndoBulk(_)
        | Body::SendDirectives(_)
        | Body::CancelDirectives(_)
        | Body::ReviewDirective(_)
        | Body::ReleaseDirectives(_)
        | Body::EmergencyStop(_)
        | Body::EmergencyResume(_)
        | Body::ScheduleMaintenance(_)
        | Body::EndMaintenance(_)
        | Body::Approve(_)
        | Body::RejectProposal(_)
        | Body::RevokeProposal(_)
        | Body::EnrolApprovalKey(_)
        | Body::ConfirmApprovalKey(_)
        | Body::RevokeApprovalKey(_)
        | Body::UnsetSetting(_)
        | Body::SetFlag(_)
        | Body::RemoveFlag(_)
        | Body::RemoveSecret(_)
        | Body::ConfigureNetwork(_)
        | Body::ConfigureNetworkAsset(_)
        | Body::AddConsumer(_)
        | Body::CommitConsumer(_)
        | Body::RemoveConsumer(_)
        | Body::MakeEvents(_)
        | Body::RegisterWallet(_)
        | Body::RetireWallet(_)
        | Body::AllocateAddress(_)
        | Body::ListAsset(_)
        | Body::SetPrice(_)
        | Body::ResumeChain(_)
        | Body::AssignSuspense(_)
        | Body::ExplainDiscrepancy(_)
        | Body::AdjustDiscrepancy(_)
        | Body::ResumePayments(_)
        | Body::SetNonce(_)
        | Body::SetWithdrawalPolicy(_)
        | Body::ApproveWithdrawal(_) => true,
        // That nothing was ever signed a node asks its signer about.
        Body::ReviewPayout(command) => !command.decision.says_never_signed(),
        Body::Bootstrap(_)
        | Body::AdmitNode(_)
        | Body::UpdateNode(_)
        | Body::RemoveNode(_)
        | Body::RotateAuthority(_)
        | Body::RecordAction(_)
        | Body::Reform(_)
        // A worker's own come through the node that supervises it, and what is dispatched has to be delivered.
        | Body::LeaseJobs(_)
        | Body::RenewJobs(_)
        | Body::FinishJobs(_)
        | Body::DispatchDirectives(_)
        | Body::StepDirectives(_)
        // What the leader's supervisor saw, and what it decides.
        | Body::StepWorkers(_)
        | Body::ReportWorkers(_)
        | Body::Rescale(_)
        // The signer vouches for addresses, and the worker of a network says what its blocks hold.
        | Body::StockAddresses(_)
        | Body::CommitBlocks(_)
        | Body::CommitMissed(_)
        | Body::NotePending(_)
        | Body::NoteSilence(_)
        | Body::DoubtToken(_)
        | Body::RewindBlocks(_)
        | Body::NoteGas(_)
        | Body::ReportBalances(_)
        | Body::PlanSweeps(_)
        | Body::ExplainSweeps(_)
        | Body::PreparePayout(_)
        | Body::StepPayout(_)
        // A node checks the second factor and the address first.
        | Body::RequestWithdrawal(_)
        | Body::StepWithdrawal(_)
        | Body::ChangeAddressBook(_)
        // Their secrets are drawn or sealed by a node.
        | Body::CreateApiKey(_)
        | Body::PutSecret(_)
        // What was shown is checked by a node, and passwords are hashed and sealed by one.
        | Body::CreateAdmin(_)
        | Body::SetCredentials(_)
        | Body::OpenSession(_)
        | Body::TouchSession(_)
        | Body::StepUp(_)
        | Body::NoteSignInFailure(_) => false,
    }
}
