//! How problems look on HTTP: one body for all, and the status that fits the code.

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use exchequer_domain::{Code, CommandId, Problem};

use crate::app::App;
use crate::dto::{Proposed, Refusal};

/// The node that answered.
pub(crate) const NODE: HeaderName = HeaderName::from_static("exq-node");
/// The command that a change was made by.
pub(crate) const COMMAND_ID: HeaderName = HeaderName::from_static("exq-command-id");

/// A refusal on its way out.
#[derive(Debug)]
pub(crate) struct Refused {
    problem: Problem,
    status: StatusCode,
    command: Option<CommandId>,
    /// After how many seconds it may be tried again.
    retry_after: Option<u64>,
    /// The change was not made but proposed: no refusal, but not what the handler answers either.
    proposed: Option<Box<Proposed>>,
}

impl Refused {
    /// With another status than the code's, for what only HTTP knows.
    pub(crate) fn with_status(status: StatusCode, problem: Problem) -> Refused {
        Refused { problem, status, command: None, retry_after: None, proposed: None }
    }

    /// Says after how many seconds it may be tried again.
    pub(crate) fn retry_after(self, seconds: u64) -> Refused {
        Refused { retry_after: Some(seconds), ..self }
    }

    /// What it says.
    pub(crate) fn into_problem(self) -> Problem {
        self.problem
    }

    /// Says when it may be tried again.
    pub(crate) fn later(self, seconds: u64) -> Refused {
        Refused { retry_after: Some(seconds), ..self }
    }

    /// The change waits for approval.
    pub(crate) fn proposed(id: CommandId, proposed: Proposed) -> Refused {
        let problem = Problem::new(Code::ApprovalNeeded, "the change waits for approval");
        Refused { command: Some(id), proposed: Some(Box::new(proposed)), ..Refused::from(problem) }
    }

    /// What is shown once and nowhere else goes with the proposal of the change that it belongs to.
    pub(crate) fn with_once(mut self, once: &str) -> Refused {
        if let Some(proposed) = &mut self.proposed {
            proposed.once = Some(once.to_owned());
        }
        self
    }

    /// Names the command, so that the client can ask what became of it.
    pub(crate) fn of_command(mut problem: Problem, id: CommandId) -> Refused {
        if problem.code == Code::OutcomeUnknown {
            problem.message = format!("{} (command id {id})", problem.message);
        }
        Refused { command: Some(id), ..Refused::from(problem) }
    }
}

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Refused {
        Refused { status: status_of(problem.code), problem, command: None, retry_after: None, proposed: None }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        if let Some(proposed) = self.proposed {
            let mut response = (StatusCode::ACCEPTED, Json(proposed)).into_response();
            if let Some(id) = self.command {
                response.headers_mut().insert(COMMAND_ID, text(&id.to_string()));
            }
            return response;
        }
        let challenge = matches!(self.problem.code, Code::TokenMissing | Code::TokenWrong | Code::SessionUnknown);
        let mut response = (self.status, Json(Refusal { error: self.problem })).into_response();
        let headers = response.headers_mut();
        if challenge {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, text(&seconds.to_string()));
        }
        if let Some(id) = self.command {
            headers.insert(COMMAND_ID, text(&id.to_string()));
        }
        response
    }
}

/// A header's value; empty where the text cannot be one, which ids and numbers always can.
pub(crate) fn text(value: &str) -> HeaderValue {
    HeaderValue::from_str(value).unwrap_or(HeaderValue::from_static(""))
}

/// The HTTP status of a code.
#[must_use]
pub const fn status_of(code: Code) -> StatusCode {
    match code {
        Code::BadRequest | Code::CertificateInvalid => StatusCode::BAD_REQUEST,
        Code::TokenMissing | Code::TokenWrong | Code::SignInRefused | Code::SessionUnknown => StatusCode::UNAUTHORIZED,
        Code::JoinTokenUnknown
        | Code::JoinTokenExpired
        | Code::JoinTokenUsed
        | Code::SandboxOnly
        | Code::UserFrozen
        | Code::ApprovalNeeded
        | Code::ApprovalForbidden
        | Code::ApprovalSignature
        | Code::ApiKeyScope
        | Code::NotPermitted
        | Code::FactorMissing
        | Code::FactorWrong
        | Code::StepUpNeeded
        | Code::PasswordMustChange
        | Code::RequestForged
        | Code::OwnRoles
        | Code::CredentialsHeld
        | Code::WorkerMayNot => StatusCode::FORBIDDEN,
        Code::NotFound
        | Code::UnknownNode
        | Code::SettingUnknown
        | Code::FlagUnknown
        | Code::SecretUnknown
        | Code::RevisionUnknown
        | Code::AssetUnknown
        | Code::UserUnknown
        | Code::AccountUnknown
        | Code::ApiKeyUnknown
        | Code::AdminUnknown
        | Code::MarketUnknown
        | Code::OrderUnknown
        | Code::JobUnknown
        | Code::WorkerUnknown
        | Code::WorkerBinaryUnknown
        | Code::DirectiveUnknown
        | Code::ProposalUnknown
        | Code::ApprovalKeyUnknown
        | Code::MaintenanceUnknown
        | Code::ConsumerUnknown
        | Code::WalletUnknown
        | Code::NotListed
        | Code::DepositUnknown
        | Code::DiscrepancyUnknown
        | Code::WithdrawalUnknown => StatusCode::NOT_FOUND,
        Code::WouldLoseQuorum
        | Code::LearnerLagging
        | Code::AlreadyDone
        | Code::ChangeInProgress
        | Code::NotVoter
        | Code::CommandIdReused
        | Code::StaleEpoch
        | Code::WorkerUnexpected
        | Code::StaleRevision
        | Code::SecretInUse
        | Code::VersionMismatch
        | Code::LineageMismatch
        | Code::LogicVersion
        | Code::RecoverRefused
        | Code::RecoverUnconfirmed
        | Code::AssetExists
        | Code::MarketExists
        | Code::ClientOrderIdUsed
        | Code::TransferIdReused
        | Code::TransferIdBurnt
        | Code::AccountDiffers
        | Code::HoldUnavailable
        | Code::RevertRefused
        | Code::ConsumerExists
        | Code::JobNotLeased
        | Code::JobState
        | Code::WorkerExists
        | Code::WorkerStateRefused
        | Code::ScaleRefused
        | Code::WorkerBinaryRefused
        | Code::BulkChanged
        | Code::BulkRefused
        | Code::DirectiveState
        | Code::DirectiveKeyReused
        | Code::NoEmergency
        | Code::SignInNameTaken
        | Code::LastOwner
        | Code::LastApprovalKeys
        | Code::NothingToApprove
        | Code::WalletExists
        | Code::AddressKnown
        | Code::ListingRefused
        | Code::CoinUnavailable
        | Code::CursorMoved
        | Code::DepositState
        | Code::WithdrawalExists
        | Code::WithdrawalStage
        | Code::PayoutRefused
        | Code::RunUnknown
        | Code::DiscrepancyState
        | Code::AdjustmentAlone
        | Code::VaultExists
        | Code::SignerRefused
        | Code::PayoutNotDead => StatusCode::CONFLICT,
        Code::NodeRemoved | Code::EventsGone => StatusCode::GONE,
        Code::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Code::WrongCluster | Code::WrongNode => StatusCode::MISDIRECTED_REQUEST,
        Code::SettingWrongUnit
        | Code::SettingOutOfRange
        | Code::SettingPlace
        | Code::EndpointCredentials
        | Code::ReasonMissing
        | Code::SnapshotOtherCluster
        | Code::SnapshotCorrupt
        | Code::SnapshotTruncated
        | Code::KeyringWrong
        | Code::AuthorityMismatch
        | Code::TransferMalformed
        | Code::BalanceTooLow
        | Code::MarketSteps
        | Code::OrderRefused
        | Code::WorkerKindRefused
        | Code::OffsetRefused
        | Code::PasswordWeak
        | Code::BlocksRefused
        | Code::WithdrawalAmount
        | Code::WithdrawalAddress
        | Code::WithdrawalLimit
        | Code::WithdrawalUnripe
        | Code::WithdrawalProof
        | Code::GasStations
        | Code::GasNoPrice
        | Code::ReadingsRefused
        | Code::AdjustmentRefused
        | Code::VaultKeyWrong
        | Code::VaultSecret
        | Code::VaultPolicy
        | Code::MoveRefused
        | Code::WithdrawalPolicy => StatusCode::UNPROCESSABLE_ENTITY,
        Code::Overloaded
        | Code::CommitTooSoon
        | Code::SubscriberTooSlow
        | Code::StreamsFull
        | Code::SignInsBusy
        | Code::GasTooOften
        | Code::GasBudget
        | Code::AddressesTooFast => StatusCode::TOO_MANY_REQUESTS,
        Code::FolderNotInitialised
        | Code::NoLeader
        | Code::NoQuorum
        | Code::ReadTooStale
        | Code::DiskSlow
        | Code::ClockOff
        | Code::StateDiverged
        | Code::UnderMaintenance
        | Code::EmergencyHolds
        | Code::AddressesOut
        | Code::ChainHalted
        | Code::WithdrawalsShut
        | Code::VaultMissing
        | Code::VaultDamaged
        | Code::SignerSilent
        | Code::SignerMemory
        | Code::HotWalletShort => StatusCode::SERVICE_UNAVAILABLE,
        Code::OutcomeUnknown => StatusCode::GATEWAY_TIMEOUT,
        Code::Unreachable => StatusCode::BAD_GATEWAY,
        Code::DiskFull
        | Code::LedgerFull
        | Code::MarketsFull
        | Code::JobsFull
        | Code::WorkersFull
        | Code::DirectivesFull
        | Code::ConfigurationFull
        | Code::ConsumersFull
        | Code::CustodyFull
        | Code::DepositsFull => StatusCode::INSUFFICIENT_STORAGE,
        Code::Internal
        | Code::ConfigUnknownKey
        | Code::ConfigInvalid
        | Code::PortOccupied
        | Code::FolderOfAnotherNode
        | Code::FolderInitialised
        | Code::FolderLocked
        | Code::SyncFailed
        | Code::FileCorrupt
        | Code::LogLost
        | Code::GuardDamaged
        | Code::FormatNewer
        | Code::AuditBroken
        | Code::InvariantBroken => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// Marks an answer whose plain text is meant, such as that of a health check.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PlainText;

/// Gives every answer the headers that all have, and refusals of layers and of the router the body that all have.
pub(crate) async fn finish(State(app): State<App>, request: Request, next: Next) -> Response {
    let method = request.method().clone();
    let dialect = crate::spot::speaks(request.uri().path());
    let mut response = next.run(request).await;
    if dialect {
        response = crate::spot::translate(response, &method);
    }
    let status = response.status();
    let failed = status.is_client_error() || status.is_server_error();
    if failed && !is_ours(&response) {
        let mut refusal = Refused::with_status(answered(status), of_status(status, &method)).into_response();
        for name in [header::ALLOW, header::RETRY_AFTER] {
            if let Some(value) = response.headers().get(&name) {
                refusal.headers_mut().insert(name, value.clone());
            }
        }
        response = refusal;
    }
    let is_page = response.extensions().get::<Page>().is_some();
    let is_felt = response.extensions().get::<FeltElsewhere>().is_some();
    let headers = response.headers_mut();
    headers.insert(NODE, text(&app.node.to_string()));
    for (name, value) in PROTECTION {
        if !is_page || !headers.contains_key(&name) {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
    if is_felt {
        headers.insert(RESOURCE_POLICY, HeaderValue::from_static("cross-origin"));
    }
    response
}

/// An answer whose coming, though none of its text, a page of another origin may notice.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FeltElsewhere;

/// An answer that a browser shows: what protects it is what it says itself, and for the rest as everywhere.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Page;

const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// What tells a browser to make nothing of an answer but data: it is not kept, not guessed at, not framed, runs nothing and
/// loads nothing.
const PROTECTION: [(HeaderName, &str); 8] = [
    (header::CACHE_CONTROL, "no-store"),
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::STRICT_TRANSPORT_SECURITY, "max-age=31536000"),
    (RESOURCE_POLICY, "same-origin"),
    (HeaderName::from_static("permissions-policy"), "interest-cohort=()"),
];

fn is_ours(response: &Response) -> bool {
    let kind = response.headers().get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    kind.is_some_and(|kind| kind.starts_with(b"application/json") || kind.starts_with(b"application/grpc"))
        || response.extensions().get::<PlainText>().is_some()
}

/// A time-out here is not the client's fault, whatever the layer thinks.
fn answered(status: StatusCode) -> StatusCode {
    if status == StatusCode::REQUEST_TIMEOUT { StatusCode::GATEWAY_TIMEOUT } else { status }
}

fn of_status(status: StatusCode, method: &Method) -> Problem {
    if status == StatusCode::NOT_FOUND {
        return Problem::new(Code::NotFound, "there is nothing at this address")
            .hint("check the path; the documentation of the API lists them all");
    }
    if status == StatusCode::METHOD_NOT_ALLOWED {
        return Problem::new(Code::BadRequest, format!("this address does not take {method}"));
    }
    if status == StatusCode::PAYLOAD_TOO_LARGE {
        return too_large();
    }
    if status == StatusCode::REQUEST_TIMEOUT {
        return if method.is_safe() {
            Problem::new(Code::Overloaded, "the answer took too long").hint("try again, or ask another node")
        } else {
            Problem::new(Code::OutcomeUnknown, "the answer took too long")
                .hint("look what came of it before trying again")
        };
    }
    if status.is_client_error() {
        return Problem::new(Code::BadRequest, "the request could not be understood");
    }
    Problem::new(Code::Internal, "the request failed")
}

pub(crate) fn too_large() -> Problem {
    Problem::new(Code::TooLarge, format!("a request's body is at most {} bytes", crate::route::BODY_BYTES_MAX))
}
