//! Refusals in the dialect: a negative code, a sentence, and the HTTP status that goes with them.
//!
//! A refusal that may hide an effect is -1007 with status 504 and nothing else is; whoever gets another one can rely on
//! it that nothing was done.

use axum::Json;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use exchequer_domain::{Code, Problem};
use exchequer_state::{Rejection, matching};
use serde::Serialize;

/// Marks an answer whose body is the dialect's own.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ours;

/// A refusal on its way out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Error {
    pub(crate) status: StatusCode,
    pub(crate) code: i32,
    pub(crate) msg: String,
    /// In how many seconds it makes sense to try again.
    pub(crate) retry_after: Option<u64>,
    /// More than the sentence, where the dialect has it.
    pub(crate) data: Option<serde_json::Value>,
}

/// The body of a refusal.
#[derive(Serialize)]
struct Shape<'a> {
    code: i32,
    msg: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a serde_json::Value>,
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let shape = Shape { code: self.code, msg: &self.msg, data: self.data.as_ref() };
        let mut response = (self.status, Json(shape)).into_response();
        response.extensions_mut().insert(Ours);
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// What a refused command was for; the dialect names some refusals by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Entering an order with a limit.
    Limit,
    /// Entering an order without one.
    Market,
    /// Ending an order.
    Cancel,
    /// Changing an order.
    Amend,
}

impl Error {
    pub(crate) fn new(code: i32, msg: impl Into<String>) -> Error {
        Error { status: StatusCode::BAD_REQUEST, code, msg: msg.into(), retry_after: None, data: None }
    }

    fn with_status(self, status: StatusCode) -> Error {
        Error { status, ..self }
    }

    /// -1000: a bug of ours.
    pub(crate) fn internal() -> Error {
        Error::new(-1000, "An unknown error occurred while processing the request.")
            .with_status(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// -1002.
    pub(crate) fn scope() -> Error {
        Error::new(-1002, "You are not authorized to execute this request.").with_status(StatusCode::UNAUTHORIZED)
    }

    /// -1003: more weight than allowed.
    pub(crate) fn weight(limit: u32, retry_after: u64) -> Error {
        let msg = format!(
            "Too much request weight used; current limit is {limit} request weight per 1 MINUTE. \
             Please use WebSocket Streams for live updates to avoid polling the API."
        );
        let retry_after = Some(retry_after);
        Error { retry_after, ..Error::new(-1003, msg).with_status(StatusCode::TOO_MANY_REQUESTS) }
    }

    /// -1003: banned, after going on all the same.
    pub(crate) fn banned(until_ms: u64, retry_after: u64) -> Error {
        let msg = format!(
            "Way too much request weight used; IP banned until {until_ms}. \
             Please use WebSocket Streams for live updates to avoid bans."
        );
        let retry_after = Some(retry_after);
        Error { retry_after, ..Error::new(-1003, msg).with_status(StatusCode::IM_A_TEAPOT) }
    }

    /// -1007: what came of it is not known.
    pub(crate) fn unknown_outcome() -> Error {
        let msg = "Timeout waiting for response from backend server. \
                   Send status unknown; execution status unknown.";
        Error::new(-1007, msg).with_status(StatusCode::GATEWAY_TIMEOUT)
    }

    /// -1008: nothing was done.
    pub(crate) fn busy() -> Error {
        let msg = "Server is currently overloaded with other requests. Please try again in a few minutes.";
        Error::new(-1008, msg).with_status(StatusCode::SERVICE_UNAVAILABLE)
    }

    /// -1013: a filter of the market.
    pub(crate) fn filter(name: &str) -> Error {
        Error::new(-1013, format!("Filter failure: {name}"))
    }

    /// -1015: more orders than allowed.
    pub(crate) fn orders(limit: u32, window: &str, retry_after: u64) -> Error {
        let msg = format!("Too many new orders; current limit is {limit} orders per {window}.");
        let retry_after = Some(retry_after);
        Error { retry_after, ..Error::new(-1015, msg).with_status(StatusCode::TOO_MANY_REQUESTS) }
    }

    /// -1016: the exchange is under maintenance, or stopped.
    pub(crate) fn unavailable(msg: impl Into<String>, retry_after: Option<u64>) -> Error {
        Error { retry_after, ..Error::new(-1016, msg).with_status(StatusCode::SERVICE_UNAVAILABLE) }
    }

    /// -1034: more connections than allowed.
    pub(crate) fn connections(limit: u32, retry_after: u64) -> Error {
        let msg = format!("Too many connection attempts; current limit is {limit} per 5 MINUTE.");
        let retry_after = Some(retry_after);
        Error { retry_after, ..Error::new(-1034, msg).with_status(StatusCode::TOO_MANY_REQUESTS) }
    }

    /// -1100.
    pub(crate) fn illegal(name: &str, range: &str) -> Error {
        Error::new(-1100, format!("Illegal characters found in parameter '{name}'; legal range is '{range}'."))
    }

    /// -1102.
    pub(crate) fn missing(name: &str) -> Error {
        Error::new(-1102, format!("Mandatory parameter '{name}' was not sent, was empty/null, or malformed."))
    }

    /// -1106.
    pub(crate) fn not_required(name: &str) -> Error {
        Error::new(-1106, format!("Parameter '{name}' sent when not required."))
    }

    /// -1121.
    pub(crate) fn symbol() -> Error {
        Error::new(-1121, "Invalid symbol.")
    }

    /// -1130.
    pub(crate) fn invalid(name: &str) -> Error {
        Error::new(-1130, format!("Data sent for parameter '{name}' is not valid."))
    }

    /// -2010: the order was refused.
    pub(crate) fn order(msg: &str) -> Error {
        Error::new(-2010, msg)
    }

    /// -2011: the cancel was refused.
    pub(crate) fn cancel() -> Error {
        Error::new(-2011, "Unknown order sent.")
    }

    /// -2013.
    pub(crate) fn no_order() -> Error {
        Error::new(-2013, "Order does not exist.")
    }

    /// -2015: which of the three it is, is not told.
    pub(crate) fn key() -> Error {
        Error::new(-2015, "Invalid API-key, IP, or permissions for action.").with_status(StatusCode::UNAUTHORIZED)
    }

    /// What a layer around the routes answered, in the dialect.
    pub(crate) fn of_status(status: StatusCode, method: &Method) -> Error {
        match status {
            StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => {
                Error::new(-1020, "This operation is not supported.").with_status(status)
            }
            StatusCode::PAYLOAD_TOO_LARGE => too_long(),
            StatusCode::REQUEST_TIMEOUT | StatusCode::GATEWAY_TIMEOUT if method.is_safe() => Error::busy(),
            _ if method.is_safe() => Error::internal(),
            // A request that failed half-way may have done what it was for.
            _ => Error::unknown_outcome(),
        }
    }
}

/// A body or query longer than any that makes sense.
pub(crate) fn too_long() -> Error {
    Error::new(-1130, "The request is too long.").with_status(StatusCode::PAYLOAD_TOO_LARGE)
}

impl From<Problem> for Error {
    /// What the node, not the state, refused.
    fn from(problem: Problem) -> Error {
        match problem.code {
            Code::OutcomeUnknown => Error::unknown_outcome(),
            Code::NoLeader
            | Code::NoQuorum
            | Code::Overloaded
            | Code::ReadTooStale
            | Code::DiskFull
            | Code::FolderNotInitialised => Error::busy(),
            _ => Error::internal(),
        }
    }
}

/// A refusal of the state in the dialect.
pub(crate) fn of_rejection(rejection: &Rejection, purpose: Purpose) -> Error {
    match rejection {
        Rejection::Order { why } => of_book(*why, purpose),
        Rejection::MarketUnknown => Error::symbol(),
        // A request that was sent before and means something else now: one effect is all that it has.
        Rejection::ClientOrderIdUsed | Rejection::CommandIdReused => Error::order("Duplicate order sent."),
        Rejection::UserFrozen { .. } => Error::order("This account may not place or cancel orders."),
        Rejection::UserUnknown { .. } | Rejection::ApiKeyUnknown => Error::key(),
        Rejection::ApiKeyScope => Error::scope(),
        Rejection::AmendLosesPlace => Error::new(-2038, "The order keeps its priority only with a smaller quantity."),
        Rejection::Ledger(_) => Error::order("This action is disabled on this account."),
        Rejection::UnderMaintenance { .. } | Rejection::EmergencyHolds { .. } => {
            Error::unavailable(rejection.problem().message, None)
        }
        Rejection::NotBootstrapped | Rejection::MarketsBusy | Rejection::OpenOrdersFull => Error::busy(),
        Rejection::BadRequest
        | Rejection::TooLarge
        | Rejection::StaleEpoch { .. }
        | Rejection::AlreadyBootstrapped
        | Rejection::Invalid { .. }
        | Rejection::ReasonMissing
        | Rejection::ReasonTooLong
        | Rejection::SettingUnknown { .. }
        | Rejection::SettingWrongUnit { .. }
        | Rejection::SettingOutOfRange { .. }
        | Rejection::StaleRevision { .. }
        | Rejection::RevisionUnknown { .. }
        | Rejection::RevisionTooFar { .. }
        | Rejection::JoinTokenUnknown
        | Rejection::JoinTokenExpired { .. }
        | Rejection::JoinTokenUsed { .. }
        | Rejection::JoinTokenExists
        | Rejection::JoinTokensFull
        | Rejection::NameTaken { .. }
        | Rejection::ChangeInProgress
        | Rejection::UnknownNode { .. }
        | Rejection::NodeRemoved { .. }
        | Rejection::NodeAlreadyRemoved { .. }
        | Rejection::LastNode
        | Rejection::SandboxOnly
        | Rejection::VersionMismatch { .. }
        | Rejection::LogicVersionNotRaised { .. }
        | Rejection::LogicVersionTooNew { .. }
        | Rejection::NodeTooOld { .. }
        | Rejection::LineageNotNewer { .. }
        | Rejection::ReplacementNotAllowed { .. }
        | Rejection::AssetUnknown { .. }
        | Rejection::AssetExists { .. }
        | Rejection::AssetsFull
        | Rejection::UsersFull
        | Rejection::ApiKeyExists
        | Rejection::ApiKeysFull
        | Rejection::MarketExists { .. }
        | Rejection::MarketsFull
        | Rejection::MarketLot
        | Rejection::MarketTick
        | Rejection::Jobs(_)
        | Rejection::NotPermitted { .. }
        | Rejection::AdminUnknown { .. }
        | Rejection::AdminExists { .. }
        | Rejection::AdminsFull
        | Rejection::OwnRoles
        | Rejection::LastOwner
        | Rejection::PrincipalUnknown
        | Rejection::SignInNameTaken
        | Rejection::CredentialsChanged
        | Rejection::SignInLocked
        | Rejection::FactorUsed
        | Rejection::FactorMissing
        | Rejection::SessionUnknown
        | Rejection::SessionExists
        | Rejection::WorkerUnknown { .. }
        | Rejection::WorkerExists { .. }
        | Rejection::WorkersFull
        | Rejection::WorkerStep { .. }
        | Rejection::WorkerNotWanted { .. }
        | Rejection::WorkerBackOff { .. }
        | Rejection::WorkerRuns { .. }
        | Rejection::WorkerStopped { .. }
        | Rejection::WorkerKindInside { .. }
        | Rejection::WorkerNetwork { .. }
        | Rejection::WorkerMayNot
        | Rejection::EpochMissing
        | Rejection::ScaleUnset
        | Rejection::ScaleOutOfBounds { .. }
        | Rejection::ScaleNotDue
        | Rejection::WorkerBinaryUnknown
        | Rejection::WorkerBinaryExists
        | Rejection::WorkerBinariesFull
        | Rejection::WorkerBinaryUsed
        | Rejection::BulkChanged
        | Rejection::BulkEmpty
        | Rejection::BulkUnknown
        | Rejection::BulkUndone
        | Rejection::BulkNotUndoable
        | Rejection::Directives(_) => Error::internal(),
        Rejection::EmergencyLasts { .. }
        | Rejection::NoEmergency
        | Rejection::MaintenanceUnknown { .. }
        | Rejection::ApprovalNeeded { .. }
        | Rejection::NothingToApprove
        | Rejection::ProposalUnknown { .. }
        | Rejection::ProposalsFull
        | Rejection::NotAPerson
        | Rejection::OwnProposal
        | Rejection::NotOwnProposal
        | Rejection::ApprovedAlready
        | Rejection::ApprovalSignature
        | Rejection::ApprovalKeyUnknown { .. }
        | Rejection::ApprovalKeyExists
        | Rejection::ApprovalKeysFull
        | Rejection::ApprovalKeyConfirmed
        | Rejection::OwnApprovalKey
        | Rejection::LastApprovalKeys
        | Rejection::MaintenanceFull
        | Rejection::Custody(_)
        | Rejection::Deposits(_)
        | Rejection::Withdrawals(_)
        | Rejection::Gas(_)
        | Rejection::Reconciliation(_) => Error::internal(),
        Rejection::SettingPlace { .. }
        | Rejection::SettingNotSet { .. }
        | Rejection::OverridesFull
        | Rejection::FlagUnknown
        | Rejection::FlagsFull
        | Rejection::SecretUnknown
        | Rejection::SecretsFull
        | Rejection::SecretInUse { .. }
        | Rejection::EndpointCredentials
        | Rejection::EndpointInClear
        | Rejection::CredentialsHeld { .. }
        | Rejection::NetworkAssetsFull => Error::internal(),
        Rejection::ConsumerUnknown
        | Rejection::ConsumerExists
        | Rejection::ConsumersFull
        | Rejection::CommitTooSoon { .. }
        | Rejection::OffsetBack { .. }
        | Rejection::OffsetBeyond { .. } => Error::internal(),
    }
}

/// A refusal of the book in the dialect.
pub(crate) fn of_book(why: matching::Rejection, purpose: Purpose) -> Error {
    use matching::Rejection as Why;
    match why {
        Why::UnknownOrder if purpose == Purpose::Cancel => Error::cancel(),
        Why::UnknownOrder => Error::no_order(),
        Why::Phase => Error::order("Market is closed."),
        Why::Owner => Error::order("This account may not place or cancel orders."),
        Why::Fees => Error::order("This action is disabled on this account."),
        Why::Price => Error::filter("PRICE_FILTER"),
        // A price that is none does not get as far as the book.
        Why::Trigger => Error::order("There is no price yet that the order could wait for."),
        Why::Quantity if purpose == Purpose::Market => Error::filter("MARKET_LOT_SIZE"),
        Why::Quantity => Error::filter("LOT_SIZE"),
        Why::Peak => Error::order("IcebergQty exceeds QTY."),
        Why::Deadline => Error::new(-1115, "Invalid timeInForce."),
        Why::WouldTrigger => Error::order("Order would trigger immediately."),
        Why::PercentPrice => Error::filter("PERCENT_PRICE_BY_SIDE"),
        Why::Notional => Error::filter("NOTIONAL"),
        Why::OrdersMax => Error::filter("MAX_NUM_ORDERS"),
        Why::StopsMax => Error::filter("MAX_NUM_ALGO_ORDERS"),
        Why::PositionMax => Error::filter("MAX_POSITION"),
        Why::Full => Error::busy(),
        Why::WouldTake => Error::order("Order would immediately match and take."),
        Why::CannotFill => Error::order("The order could not be filled whole at once."),
        Why::Funds => Error::order("Account has insufficient balance for requested action."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: clients tell refusals apart by code and wording. Method: what the book can refuse, by purpose.
    #[test]
    fn refusals_of_the_book_have_their_codes() {
        use matching::Rejection as Why;
        for (why, purpose, code, msg) in [
            (Why::UnknownOrder, Purpose::Cancel, -2011, "Unknown order sent."),
            (Why::UnknownOrder, Purpose::Amend, -2013, "Order does not exist."),
            (Why::Quantity, Purpose::Limit, -1013, "Filter failure: LOT_SIZE"),
            (Why::Quantity, Purpose::Market, -1013, "Filter failure: MARKET_LOT_SIZE"),
            (Why::Funds, Purpose::Limit, -2010, "Account has insufficient balance for requested action."),
            (Why::WouldTake, Purpose::Limit, -2010, "Order would immediately match and take."),
            (Why::Phase, Purpose::Limit, -2010, "Market is closed."),
            (Why::Trigger, Purpose::Limit, -2010, "There is no price yet that the order could wait for."),
        ] {
            let error = of_rejection(&Rejection::Order { why }, purpose);
            assert_eq!((error.code, error.msg.as_str(), error.status.as_u16()), (code, msg, 400));
        }
    }

    /// Goal: only a lost answer, or a change that broke off, says that the outcome is unknown. Method: problems and
    /// statuses of layers.
    #[test]
    fn only_lost_answers_are_unknown() {
        let of = |code| Error::from(Problem::new(code, "x"));
        assert_eq!((of(Code::OutcomeUnknown).code, of(Code::OutcomeUnknown).status.as_u16()), (-1007, 504));
        for code in [Code::NoLeader, Code::Overloaded, Code::ReadTooStale] {
            assert_eq!((of(code).code, of(code).status.as_u16()), (-1008, 503), "{code}");
        }
        assert_eq!((of(Code::Internal).code, of(Code::Internal).status.as_u16()), (-1000, 500));
        assert_eq!(Error::of_status(StatusCode::GATEWAY_TIMEOUT, &Method::GET).code, -1008);
        assert_eq!(Error::of_status(StatusCode::GATEWAY_TIMEOUT, &Method::POST).code, -1007);
        assert_eq!(Error::of_status(StatusCode::INTERNAL_SERVER_ERROR, &Method::DELETE).code, -1007);
        assert_eq!(Error::of_status(StatusCode::PAYLOAD_TOO_LARGE, &Method::POST).status.as_u16(), 413);
        assert_eq!(Error::of_status(StatusCode::NOT_FOUND, &Method::GET).code, -1020);
    }

    /// Goal: the body is the dialect's, and says when to come again.
    #[tokio::test]
    async fn the_body_is_code_and_msg() {
        let response = Error::weight(6000, 7).into_response();
        assert_eq!((response.status().as_u16(), response.headers()["retry-after"].to_str().unwrap()), (429, "7"));
        let body = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
        let json: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(json["code"], -1003);
        assert_eq!(json.as_object().unwrap().len(), 2);
        assert_eq!(Error::banned(9, 120).status.as_u16(), 418);
    }
}
