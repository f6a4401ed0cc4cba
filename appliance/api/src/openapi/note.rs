//! What a route says of itself beyond its types: what it is for, the names in its query, and the variable part of its
//! path.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Value, json};

use super::endpoint::{Make, Shape};
use crate::read::Freshness;

/// One name in a query, or the variable part of a path.
#[derive(Debug, Clone)]
pub(crate) struct Param {
    pub(crate) name: &'static str,
    about: String,
    pub(crate) is_needed: bool,
    kind: Kind,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    /// A whole number from the first to the last.
    Number(u64, u64),
    /// One of some words.
    Words(&'static [&'static str]),
    /// A text of a shape.
    Text(Make),
}

impl Param {
    fn new(name: &'static str, about: &str, kind: Kind) -> Param {
        Param { name, about: about.to_owned(), is_needed: false, kind }
    }

    /// A whole number of a range.
    pub(crate) fn number(name: &'static str, first: u64, last: u64, about: &str) -> Param {
        Param::new(name, about, Kind::Number(first, last))
    }

    /// One of some words.
    pub(crate) fn word(name: &'static str, words: &'static [&'static str], about: &str) -> Param {
        Param::new(name, about, Kind::Words(words))
    }

    /// A text of a shape out of [`crate::dto::shapes`].
    pub(crate) fn text<T: JsonSchema>(name: &'static str, about: &str) -> Param {
        Param::new(name, about, Kind::Text(SchemaGenerator::subschema_for::<T>))
    }

    /// The same, and it must be given.
    pub(crate) fn needed(self) -> Param {
        Param { is_needed: true, ..self }
    }

    pub(super) fn describe(&self, place: &str, generator: &mut SchemaGenerator) -> Value {
        let schema = match self.kind {
            Kind::Number(first, last) => json!({ "type": "integer", "minimum": first, "maximum": last }),
            Kind::Words(words) => json!({ "type": "string", "enum": words }),
            Kind::Text(make) => Schema::to_value(make(generator)),
        };
        let is_needed = self.is_needed || place == "path";
        json!({ "name": self.name, "in": place, "required": is_needed, "description": self.about, "schema": schema })
    }

    /// A value that it takes.
    #[cfg(test)]
    pub(crate) fn example(&self) -> String {
        match self.kind {
            Kind::Number(first, _) => first.to_string(),
            Kind::Words(words) => words[0].to_owned(),
            Kind::Text(make) => {
                let mut generator = SchemaGenerator::default();
                let schema = Schema::to_value(make(&mut generator));
                let name = schema["$ref"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
                generator.definitions()[&name]["examples"][0].as_str().unwrap().to_owned()
            }
        }
    }
}

/// A route's description.
#[derive(Debug, Clone, Default)]
pub(crate) struct Note {
    /// What it is for, in a line.
    pub(crate) summary: &'static str,
    /// What the line does not say.
    pub(crate) more: &'static str,
    /// The names in its query.
    pub(crate) query: Vec<Param>,
    /// The variable part of its path.
    pub(crate) name: Option<Param>,
    /// The content type of an answer that is not JSON.
    pub(crate) content: &'static [&'static str],
    /// What its types say.
    pub(crate) shape: Shape,
}

impl Note {
    /// Every name that its query takes.
    pub(crate) fn names(&self) -> Vec<Param> {
        let fresh = self.shape.is_read.then(Freshness::params);
        self.query.iter().cloned().chain(fresh.into_iter().flatten()).collect()
    }
}
