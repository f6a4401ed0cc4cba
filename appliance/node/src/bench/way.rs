//! Either of the product's doors for programs, behind one name.

use bytes::Bytes;
use exchequer_domain::{Code, Problem};
use exchequer_state::{Body, Done, Outcome};

use super::gateway::{StreamDoor, Target, UnaryDoor};
use super::load::Failure;
use crate::cli::BenchMode;

/// One of the product's doors.
pub(super) enum Way {
    /// One request a command.
    Unary(UnaryDoor),
    /// All commands on one stream, answered in their order.
    Stream(StreamDoor),
}

impl Way {
    /// A door of its own connection; `number` tells doors apart.
    ///
    /// # Errors
    /// An address, authority or token that cannot be used.
    pub(super) fn new(mode: BenchMode, target: &Target, number: usize) -> Result<Way, Problem> {
        Ok(match mode {
            BenchMode::Unary => Way::Unary(UnaryDoor::new(target, number)?),
            BenchMode::Stream => Way::Stream(StreamDoor::new(target, number)?),
        })
    }

    /// Has a command committed, and gives its outcome.
    pub(super) async fn submit(&self, body: Body) -> Result<Vec<Bytes>, Failure> {
        self.submit_all(vec![body]).await
    }

    /// Has commands committed in one request, and gives their outcomes.
    pub(super) async fn submit_all(&self, bodies: Vec<Body>) -> Result<Vec<Bytes>, Failure> {
        match self {
            Way::Unary(door) => door.submit(bodies).await,
            Way::Stream(door) => door.submit(bodies).await,
        }
    }

    /// One command that has to take effect.
    ///
    /// # Errors
    /// It did not.
    pub(super) async fn does(&self, body: Body) -> Result<Done, Problem> {
        let done = self.does_all(vec![body]).await?.pop();
        done.ok_or_else(|| Problem::new(Code::Internal, "the bench cannot be prepared: there is no outcome"))
    }

    /// Commands that all have to take effect.
    ///
    /// # Errors
    /// One did not.
    pub(super) async fn does_all(&self, bodies: Vec<Body>) -> Result<Vec<Done>, Problem> {
        let failed = |why: String| Problem::new(Code::Internal, format!("the bench cannot be prepared: {why}"));
        let outcomes = self.submit_all(bodies).await.map_err(|failure| failed(format!("{failure:?}")))?;
        let done = outcomes.iter().map(|bytes| match Outcome::decode(bytes) {
            Ok(Outcome::Done(done)) => Ok(done),
            other => Err(failed(format!("{other:?}"))),
        });
        done.collect()
    }
}
