//! The table of routes, and the layers around them.
//!
//! A route is made with the operator token required; one that needs none says so in its module, and the test of the
//! table knows the few that may.

use std::any::Any;
use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::extract::MatchedPath;
use axum::handler::Handler;
use axum::http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use axum::response::IntoResponse as _;
use axum::routing::{self, MethodFilter, MethodRouter};
use axum::{Router, middleware};
use exchequer_domain::{Code, Problem};
use exchequer_state::people::Permission;
use exchequer_state::settings::Danger;
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::request_id::{MakeRequestId, PropagateRequestIdLayer, RequestId, SetRequestIdLayer};
use tower_http::timeout::TimeoutLayer;
use tower_http::trace::TraceLayer;
use tracing::Span;

use crate::app::App;
use crate::openapi::{Endpoint, Note, Param, Shape};
use crate::problem::Refused;
use crate::{auth, problem};

/// The largest body of a request, in bytes.
pub(crate) const BODY_BYTES_MAX: usize = 1 << 20;
/// How long a request may take to begin its answer.
pub(crate) const QUICK: Duration = Duration::from_secs(30);
/// The same for work over all rows or all nodes. The longest patience a client may ask for fits into it.
pub(crate) const SLOW: Duration = Duration::from_secs(11 * 60);

/// A request's id that the client chose is logged up to this length.
const REQUEST_ID_CHARS_SHOWN_MAX: usize = 64;
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Who may use a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Anyone: health and metrics.
    Open,
    /// Whoever shows a join token in the body.
    JoinToken,
    /// Whoever signs with an API key, or anyone: the dialect's own door decides.
    ApiKey,
    /// Whoever shows the operator token.
    Operator,
    /// Who is allowed this.
    Permitted(Permission),
    /// Who is allowed this, and the customer whose user the path names.
    PermittedOrOwn(Permission),
    /// Anyone, to become somebody: what is in the body decides.
    SignIn,
    /// Any session of an admin, also one that still lacks something.
    Session,
    /// Any session of a customer.
    Customer,
}

impl Access {
    /// Whether it is for those who run the exchange.
    pub(crate) fn is_for_admins(self) -> bool {
        matches!(self, Access::Operator | Access::Permitted(_) | Access::PermittedOrOwn(_) | Access::Session)
    }
}

/// Whether a session must have shown its second factor just now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fresh {
    /// No.
    Never,
    /// Where what is in the request wants it; the handler asks.
    Sometimes,
    /// Yes; the gate asks.
    Always,
}

impl Fresh {
    /// The word for it in the description of the API; none where nothing is asked.
    pub(crate) const fn as_str(self) -> Option<&'static str> {
        match self {
            Fresh::Never => None,
            Fresh::Sometimes => Some("sometimes"),
            Fresh::Always => Some("always"),
        }
    }
}

/// One method of one path.
pub(crate) struct Route {
    pub(crate) method: Method,
    pub(crate) path: &'static str,
    pub(crate) access: Access,
    /// What it can do to a running exchange; the console and the command line ask accordingly.
    pub(crate) danger: Danger,
    /// Whether it asks for a second factor that was shown just now: also what asks nothing of the sender's attention may be
    /// what a thief of the session wants.
    pub(crate) fresh: Fresh,
    /// Whether what it changes may need the approval of others, so that it can be proposed.
    pub(crate) approvable: bool,
    /// Whether it signs out: a browser whose session is over already forgets its cookie here all the same.
    pub(crate) forgets: bool,
    /// How long it may take to begin its answer.
    pub(crate) patience: Duration,
    /// What the description of the API says of it; none for what is not in it.
    pub(crate) note: Option<Note>,
    handler: MethodRouter<App>,
}

impl Route {
    pub(crate) fn get<H: Endpoint<T>, T: 'static>(path: &'static str, handler: H) -> Route {
        Route::new(Method::GET, path, routing::get(handler)).shaped(H::shape())
    }

    pub(crate) fn put<H: Endpoint<T>, T: 'static>(path: &'static str, handler: H) -> Route {
        Route::new(Method::PUT, path, routing::put(handler)).shaped(H::shape())
    }

    pub(crate) fn patch<H: Endpoint<T>, T: 'static>(path: &'static str, handler: H) -> Route {
        Route::new(Method::PATCH, path, routing::patch(handler)).shaped(H::shape())
    }

    pub(crate) fn delete<H: Endpoint<T>, T: 'static>(path: &'static str, handler: H) -> Route {
        Route::new(Method::DELETE, path, routing::delete(handler)).shaped(H::shape())
    }

    pub(crate) fn post<H: Endpoint<T>, T: 'static>(path: &'static str, handler: H) -> Route {
        Route::new(Method::POST, path, routing::post(handler)).shaped(H::shape())
    }

    /// A route of any method and shape, which is not described.
    pub(crate) fn with<H: Handler<T, App>, T: 'static>(method: Method, path: &'static str, handler: H) -> Route {
        let filter = MethodFilter::try_from(method.clone()).unwrap_or(MethodFilter::GET);
        Route::new(method, path, routing::on(filter, handler))
    }

    fn new(method: Method, path: &'static str, handler: MethodRouter<App>) -> Route {
        let (danger, patience) = (Danger::Level0, QUICK);
        let (access, fresh, approvable, forgets) = (Access::Operator, Fresh::Never, false, false);
        Route { method, path, access, danger, fresh, approvable, forgets, patience, note: None, handler }
    }

    fn shaped(self, shape: Shape) -> Route {
        Route { note: Some(Note { shape, ..Note::default() }), ..self }
    }

    fn noted(mut self, add: impl FnOnce(&mut Note)) -> Route {
        add(self.note.get_or_insert_default());
        self
    }

    /// What it is for, in a line.
    pub(crate) fn says(self, summary: &'static str) -> Route {
        self.noted(|note| note.summary = summary)
    }

    /// What the line does not say.
    pub(crate) fn more(self, more: &'static str) -> Route {
        self.noted(|note| note.more = more)
    }

    /// The variable part of the path.
    pub(crate) fn named(self, name: Param) -> Route {
        self.noted(|note| note.name = Some(name))
    }

    /// Names that its query takes.
    pub(crate) fn asks(self, query: impl IntoIterator<Item = Param>) -> Route {
        self.noted(|note| note.query.extend(query))
    }

    /// The content types of an answer that is not JSON.
    pub(crate) fn gives(self, content: &'static [&'static str]) -> Route {
        self.noted(|note| note.content = content)
    }

    pub(crate) fn open_to(self, access: Access) -> Route {
        Route { access, ..self }
    }

    /// Who may use it.
    pub(crate) fn needs(self, permission: Permission) -> Route {
        self.open_to(Access::Permitted(permission))
    }

    /// Who may use it, beside the customer whose user the path names.
    pub(crate) fn needs_or_own(self, permission: Permission) -> Route {
        self.open_to(Access::PermittedOrOwn(permission))
    }

    /// What it can do to a running exchange. The highest danger asks for a second factor as well.
    pub(crate) fn danger(self, danger: Danger) -> Route {
        let fresh = if danger == Danger::Level3 { Fresh::Always } else { self.fresh };
        Route { danger, fresh, ..self }
    }

    /// A session must have shown its second factor just now.
    pub(crate) fn fresh(self) -> Route {
        Route { fresh: Fresh::Always, ..self }
    }

    /// The same where its handler asks for it.
    pub(crate) fn fresh_sometimes(self) -> Route {
        Route { fresh: Fresh::Sometimes, ..self }
    }

    /// What it changes may need the approval of others.
    pub(crate) fn approvable(self) -> Route {
        Route { approvable: true, ..self }
    }

    /// It signs out.
    pub(crate) fn forgets(self) -> Route {
        Route { forgets: true, ..self }
    }

    pub(crate) fn slow(self) -> Route {
        Route { patience: SLOW, ..self }
    }
}

/// The routes as a router, each behind its token, its time-out and the limit on bodies.
pub(crate) fn assemble(app: &App, routes: Vec<Route>) -> Router {
    let mut router = Router::new();
    for Route { method, path, access, fresh, approvable, forgets, patience, handler, .. } in routes {
        tracing::trace!(%method, path, ?access, "serving");
        let limits = ServiceBuilder::new()
            .layer(RequestBodyLimitLayer::new(BODY_BYTES_MAX))
            .layer(TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, patience));
        let handler = handler.layer::<_, Infallible>(limits);
        let handler = match access {
            Access::Open | Access::JoinToken | Access::ApiKey | Access::SignIn => handler,
            Access::Operator
            | Access::Permitted(_)
            | Access::PermittedOrOwn(_)
            | Access::Session
            | Access::Customer => {
                // Of the methods alone: one that there is not is answered the same whoever asks.
                let gate = auth::Gate { app: app.clone(), access, fresh, approvable, forgets };
                handler.route_layer(middleware::from_fn_with_state(gate, auth::require))
            }
        };
        router = router.route(path, handler);
    }
    router.with_state(app.clone())
}

/// Puts around everything what concerns everything.
pub(crate) fn surround(app: &App, doors: Router) -> Router {
    let layers = ServiceBuilder::new()
        .layer(SetRequestIdLayer::new(REQUEST_ID, Ids(app.clone())))
        .layer(PropagateRequestIdLayer::new(REQUEST_ID))
        .layer(TraceLayer::new_for_http().make_span_with(span).on_request(()).on_response(answered).on_failure(()))
        .layer(middleware::from_fn_with_state(app.clone(), problem::finish))
        .layer(CatchPanicLayer::custom(panicked));
    doors.layer(layers)
}

/// Where a request comes from. The node's acceptor puts it into each request, so that it stands with all that is logged
/// of it.
#[derive(Debug, Clone, Copy)]
pub struct ClientAddress(pub std::net::SocketAddr);

#[derive(Clone)]
struct Ids(App);

impl MakeRequestId for Ids {
    fn make_request_id<B>(&mut self, _: &Request<B>) -> Option<RequestId> {
        let id = self.0.backend.new_id().to_string();
        HeaderValue::from_str(&id).ok().map(RequestId::new)
    }
}

/// Names the route and not the path, which holds names that clients chose.
fn span(request: &Request<Body>) -> Span {
    let route = request.extensions().get::<MatchedPath>().map_or("-", MatchedPath::as_str);
    let id = request.headers().get(&REQUEST_ID).and_then(|id| id.to_str().ok()).unwrap_or("-");
    let id = id.get(..REQUEST_ID_CHARS_SHOWN_MAX).unwrap_or(id);
    let client =
        request.extensions().get::<ClientAddress>().map(|ClientAddress(address)| tracing::field::display(*address));
    tracing::info_span!("request", method = %request.method(), route, id, client)
}

fn answered<B>(response: &Response<B>, took: Duration, _: &Span) {
    let status = response.status();
    let took_ms = took.as_millis();
    if status == StatusCode::INTERNAL_SERVER_ERROR {
        tracing::warn!(status = status.as_u16(), took_ms, "the request failed");
    } else {
        tracing::debug!(status = status.as_u16(), took_ms, "answered");
    }
}

/// The panic itself is logged by the process's hook.
fn panicked(_: Box<dyn Any + Send>) -> Response<Body> {
    Refused::from(Problem::new(Code::Internal, "the request failed")).into_response()
}
