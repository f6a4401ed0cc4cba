//! What a handler takes and gives, read off its types: a body or an answer cannot be described otherwise than it is.

use std::future::Future;

use axum::Json;
use axum::extract::State;
use axum::handler::Handler;
use axum::response::Response;
use schemars::{JsonSchema, Schema, SchemaGenerator};

use crate::app::App;
use crate::auth::{Caller, OfSession, Signed, Stepped, Visitor};
use crate::extract::{Body, Name, Params};
use crate::problem::Refused;
use crate::read::Seen;
use crate::submit::Committed;

/// Makes the schema of a type, with the types that it names put among the generator's definitions.
pub(crate) type Make = fn(&mut SchemaGenerator) -> Schema;

/// What is known of a handler.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Shape {
    /// What its body is.
    pub(crate) body: Option<Make>,
    /// What it answers in JSON; none where it answers in another way.
    pub(crate) answer: Option<Make>,
    /// Whether its path has a part that varies.
    pub(crate) has_name: bool,
    /// Whether it looks at the query.
    pub(crate) has_query: bool,
    /// Whether its answer says what was read.
    pub(crate) is_read: bool,
    /// Whether its answer names a command.
    pub(crate) is_command: bool,
}

/// Something that a handler takes.
pub(crate) trait Input {
    /// Adds what it is.
    fn describe(shape: &mut Shape);
}

impl Input for State<App> {
    fn describe(_: &mut Shape) {}
}

impl Input for Caller {
    fn describe(_: &mut Shape) {}
}

impl Input for Stepped {
    fn describe(_: &mut Shape) {}
}

impl Input for OfSession {
    fn describe(_: &mut Shape) {}
}

impl Input for Signed {
    fn describe(_: &mut Shape) {}
}

impl Input for Visitor {
    fn describe(_: &mut Shape) {}
}

impl Input for Name {
    fn describe(shape: &mut Shape) {
        shape.has_name = true;
    }
}

impl Input for Params {
    fn describe(shape: &mut Shape) {
        shape.has_query = true;
    }
}

impl<T: JsonSchema> Input for Body<T> {
    fn describe(shape: &mut Shape) {
        shape.body = Some(SchemaGenerator::subschema_for::<T>);
    }
}

/// Something that a handler answers.
pub(crate) trait Output {
    /// Adds what it is.
    fn describe(shape: &mut Shape);
}

impl Output for Response {
    fn describe(_: &mut Shape) {}
}

impl<T: JsonSchema> Output for Json<T> {
    fn describe(shape: &mut Shape) {
        shape.answer = Some(SchemaGenerator::subschema_for::<T>);
    }
}

impl<T: JsonSchema> Output for Seen<T> {
    fn describe(shape: &mut Shape) {
        shape.answer = Some(SchemaGenerator::subschema_for::<T>);
        shape.is_read = true;
    }
}

impl<T: JsonSchema> Output for Committed<T> {
    fn describe(shape: &mut Shape) {
        shape.answer = Some(SchemaGenerator::subschema_for::<T>);
        shape.is_command = true;
    }
}

impl<T: Output> Output for Result<T, Refused> {
    fn describe(shape: &mut Shape) {
        T::describe(shape);
    }
}

/// A handler whose shape is known.
pub(crate) trait Endpoint<T>: Handler<T, App> {
    /// What it takes and gives.
    fn shape() -> Shape;
}

macro_rules! endpoint {
    ($($input:ident),*) => {
        impl<F, Doing, Answer, Kind, $($input),*> Endpoint<(Kind, $($input,)*)> for F
        where
            F: Handler<(Kind, $($input,)*), App> + FnOnce($($input),*) -> Doing,
            Doing: Future<Output = Answer>,
            Answer: Output,
            $($input: Input),*
        {
            fn shape() -> Shape {
                let mut shape = Shape::default();
                $($input::describe(&mut shape);)*
                Answer::describe(&mut shape);
                shape
            }
        }
    };
}

endpoint!(A);
endpoint!(A, B);
endpoint!(A, B, C);
endpoint!(A, B, C, D);
endpoint!(A, B, C, D, E);
