//! What a listener asks for.

use exchequer_domain::{Code, Problem};
use exchequer_state::Rejection;
use exchequer_state::events::Topics;

use crate::app::App;
use crate::extract::Params;

/// What a listener asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Wish {
    /// The number of the first event; none for those from now on, or behind a consumer's offset.
    pub(crate) from: Option<u64>,
    /// None for the consumer's, or for all.
    pub(crate) topics: Option<Topics>,
    /// Whether ephemeral events are wanted too.
    pub(crate) ephemeral: bool,
    /// Whose offset is the beginning.
    pub(crate) consumer: Option<String>,
}

/// Words with commas between.
///
/// # Errors
/// One of them is no topic.
pub(crate) fn topics(text: &str) -> Result<Topics, Problem> {
    text.parse().map_err(|error| Problem::new(Code::BadRequest, format!("`topics`: {error}")))
}

impl Wish {
    /// What a query asks for.
    pub(crate) fn of(params: &mut Params) -> Result<Wish, Problem> {
        let from = params.number("from", 1..=u64::MAX)?;
        let topics = params.take("topics")?.map(|text| topics(&text)).transpose()?;
        let ephemeral = match params.take("ephemeral")?.as_deref() {
            None | Some("false") => false,
            Some("true") => true,
            Some(_) => return Err(Problem::new(Code::BadRequest, "`ephemeral` is `true` or `false`")),
        };
        Ok(Wish { from, topics, ephemeral, consumer: params.take("consumer")? })
    }

    /// Goes on behind the event that a client says it has, whatever else it asks for.
    pub(crate) fn behind(mut self, last_seen: Option<&str>) -> Result<Wish, Problem> {
        if let Some(text) = last_seen.filter(|text| !text.is_empty()) {
            let number = text.parse::<u64>().ok().and_then(|number| number.checked_add(1));
            let wrong = || Problem::new(Code::BadRequest, "`Last-Event-ID` is the number of an event");
            self.from = Some(number.ok_or_else(wrong)?);
        }
        Ok(self)
    }

    /// With what its consumer says filled in.
    pub(crate) fn settled(mut self, app: &App) -> Result<Wish, Problem> {
        let Some(name) = &self.consumer else { return Ok(self) };
        let mut found = None;
        app.backend.read(&mut |state, _, _| {
            found = state.events().consumer(name).map(|consumer| (consumer.offset, consumer.topics));
            Ok(())
        })?;
        let (offset, topics) = found.ok_or_else(|| Rejection::ConsumerUnknown.problem())?;
        self.from = self.from.or(Some(offset + 1));
        self.topics = self.topics.or(Some(topics));
        Ok(self)
    }
}
