//! Reads: how fresh they must be, and what the answer says about it.

use std::time::Duration;

use axum::Json;
use axum::http::HeaderName;
use axum::response::{IntoResponse, Response};
use exchequer_domain::{Code, Problem, format_duration};
use exchequer_raft::ReadAt;
use exchequer_state::settings::schema;
use exchequer_state::{Rows, State};
use serde::Serialize;

use crate::app::App;
use crate::dto::shapes;
use crate::extract::{Params, duration};
use crate::openapi::Param;
use crate::problem::text;

const APPLIED_INDEX: HeaderName = HeaderName::from_static("exq-applied-index");
const AGE_MS: HeaderName = HeaderName::from_static("exq-age-ms");

/// How long a read waits for a leader and for this node to catch up.
const LINEARIZE_PATIENCE: Duration = Duration::from_secs(5);

/// How fresh a read must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Freshness {
    /// It sees everything that was acknowledged before it began.
    Linearizable,
    /// It sees what this node has, which may be old up to a limit.
    Local(Limit),
}

/// How old a local read may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Limit {
    /// Of any age: what an operator looks at in an outage.
    None,
    /// As the setting `read.stale_max` says.
    Setting,
    /// As the client says.
    Given(Duration),
}

impl Freshness {
    /// What [`Freshness::of`] takes from a query.
    pub(crate) fn params() -> [Param; 2] {
        [
            Param::word("consistency", &["linearizable", "local"], "Whether the read sees all that was acknowledged"),
            Param::text::<shapes::Span>("max_stale", "With `local`: how old the asked node's state may be"),
        ]
    }

    /// What the query asks for; `unasked` where it says nothing, whose limit also holds for a local read without one.
    pub(crate) fn of(params: &mut Params, unasked: Freshness) -> Result<Freshness, Problem> {
        let max_stale = params.take("max_stale")?.map(|text| duration("max_stale", &text)).transpose()?;
        let limit = match (max_stale, unasked) {
            (Some(limit), _) => Limit::Given(limit),
            (None, Freshness::Local(limit)) => limit,
            (None, Freshness::Linearizable) => Limit::Setting,
        };
        let asked = match params.take("consistency")?.as_deref() {
            None => unasked,
            Some("linearizable") => Freshness::Linearizable,
            Some("local") => Freshness::Local(limit),
            Some(_) => {
                return Err(Problem::new(Code::BadRequest, "`consistency` is `linearizable` or `local`"));
            }
        };
        match asked {
            Freshness::Linearizable if max_stale.is_some() => {
                Err(Problem::new(Code::BadRequest, "`max_stale` goes with `consistency=local`"))
            }
            Freshness::Linearizable => Ok(asked),
            Freshness::Local(_) => Ok(Freshness::Local(limit)),
        }
    }

    fn check(self, state: &State, at: ReadAt) -> Result<(), Problem> {
        let limit = match self {
            Freshness::Linearizable | Freshness::Local(Limit::None) => return Ok(()),
            Freshness::Local(Limit::Given(limit)) => limit,
            Freshness::Local(Limit::Setting) => state.settings().get(&schema::READ_STALE_MAX),
        };
        if at.age <= limit {
            return Ok(());
        }
        let age = match age_ms(at.age) {
            Some(ms) => format!("has the state of {} ago", format_duration(Duration::from_millis(ms))),
            None => "has not been in touch with a leader yet".to_owned(),
        };
        Err(Problem::new(Code::ReadTooStale, format!("this node {age}; the read allows {}", format_duration(limit))))
    }
}

/// None where the node never had the state of a leader.
fn age_ms(age: Duration) -> Option<u64> {
    if age == Duration::MAX { None } else { u64::try_from(age.as_millis()).ok() }
}

/// What a read saw, and when.
#[derive(Debug)]
pub(crate) struct Seen<T> {
    pub(crate) value: T,
    pub(crate) at: ReadAt,
}

impl<T> Seen<T> {
    pub(crate) fn map<U>(self, map: impl FnOnce(T) -> U) -> Seen<U> {
        Seen { value: map(self.value), at: self.at }
    }
}

impl<T: Serialize> IntoResponse for Seen<T> {
    fn into_response(self) -> Response {
        let mut response = Json(self.value).into_response();
        let headers = response.headers_mut();
        headers.insert(APPLIED_INDEX, text(&self.at.index.to_string()));
        if let Some(ms) = age_ms(self.at.age) {
            headers.insert(AGE_MS, text(&ms.to_string()));
        }
        response
    }
}

impl App {
    /// Reads what is in memory, as fresh as asked.
    pub(crate) async fn read<T>(
        &self,
        freshness: Freshness,
        mut read: impl FnMut(&State) -> Result<T, Problem>,
    ) -> Result<Seen<T>, Problem> {
        self.catch_up(freshness).await?;
        self.look(freshness, |state, _| read(state))
    }

    /// Reads rows that may be on disk, as fresh as asked, off the threads that serve requests.
    pub(crate) async fn read_rows<T: Send + 'static>(
        &self,
        freshness: Freshness,
        read: impl FnMut(&State, &dyn Rows) -> Result<T, Problem> + Send + 'static,
    ) -> Result<Seen<T>, Problem> {
        self.catch_up(freshness).await?;
        self.page(freshness, read).await
    }

    /// The next page of a read that has caught up before.
    pub(crate) async fn page<T: Send + 'static>(
        &self,
        freshness: Freshness,
        read: impl FnMut(&State, &dyn Rows) -> Result<T, Problem> + Send + 'static,
    ) -> Result<Seen<T>, Problem> {
        let app = self.clone();
        let read = tokio::task::spawn_blocking(move || app.look(freshness, read));
        read.await.unwrap_or_else(|_| Err(Problem::new(Code::Internal, "the read ended unexpectedly")))
    }

    async fn catch_up(&self, freshness: Freshness) -> Result<(), Problem> {
        match freshness {
            Freshness::Linearizable => self.backend.linearize(LINEARIZE_PATIENCE).await.map(drop),
            Freshness::Local(_) => Ok(()),
        }
    }

    fn look<T>(
        &self,
        freshness: Freshness,
        mut read: impl FnMut(&State, &dyn Rows) -> Result<T, Problem>,
    ) -> Result<Seen<T>, Problem> {
        let mut seen = None;
        self.backend.read(&mut |state, rows, at| {
            freshness.check(state, at)?;
            seen = Some(Seen { value: read(state, rows)?, at });
            Ok(())
        })?;
        seen.ok_or_else(|| Problem::new(Code::Internal, "the read saw nothing"))
    }
}

/// A row that a read could not get or understand.
pub(crate) fn unreadable(error: impl std::fmt::Display) -> Problem {
    Problem::new(Code::FileCorrupt, error.to_string())
}
