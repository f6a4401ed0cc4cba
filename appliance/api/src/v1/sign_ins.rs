//! The log of sign-ins: who came in, who was refused and whose sessions were ended.

use axum::extract::State;
use exchequer_state::State as Replicated;
use exchequer_state::people::{Principal, SignInRecord, SignInWhat};

use super::session::may_see_others;
use crate::app::App;
use crate::auth::Signed;
use crate::dto;
use crate::extract::Params;
use crate::openapi::Param;
use crate::problem::Refused;
use crate::read::{Freshness, Seen};
use crate::route::{Access, Route};

/// Records in one answer, at most.
const LIMIT_MAX: u64 = 1_000;
/// Records in one answer where the client does not say.
const LIMIT: u64 = 100;

pub(crate) fn routes() -> Vec<Route> {
    vec![
        Route::get("/v1/sign-ins", list)
            .open_to(Access::Session)
            .says("Sign-ins, the newest first: one's own, or with the permission all")
            .more(
                "The newest 1,000 are kept of each of these: admins who came in and whose sessions were ended, customers, \
                 refused sign-ins of admins, of customers, and with names that nobody has, which are not kept themselves. \
                 A session that is over by itself is not told.",
            )
            .asks([
                Param::number("before", 1, u64::MAX, "Back from before this number; else from the newest"),
                Param::number("limit", 1, LIMIT_MAX, "Records in the answer, at most"),
                Param::word("of", &OF, "Only those of admins, of customers, or of names that nobody has"),
                Param::word("what", &WHAT, "Only those who came in, were refused, or whose sessions were ended"),
            ]),
    ]
}

const OF: [&str; 3] = ["admins", "customers", "nobody"];
const WHAT: [&str; 3] = ["opened", "refused", "closed"];

/// One of these words, where the query says one.
fn word(params: &mut Params, name: &str, words: [&'static str; 3]) -> Result<Option<&'static str>, Refused> {
    let Some(text) = params.take(name)? else { return Ok(None) };
    let found = words.into_iter().find(|word| *word == text);
    let wrong = || {
        let message = format!("`{name}` is one of {}", words.join(", "));
        Refused::from(exchequer_domain::Problem::new(exchequer_domain::Code::BadRequest, message))
    };
    found.map(Some).ok_or_else(wrong)
}

fn of_word(record: &SignInRecord) -> &'static str {
    match record.of {
        Some(Principal::Admin(_)) => "admins",
        Some(Principal::User(_)) => "customers",
        None => "nobody",
    }
}

fn what_word(record: &SignInRecord) -> &'static str {
    match record.what {
        SignInWhat::Opened { .. } => "opened",
        SignInWhat::Refused => "refused",
        SignInWhat::Closed { .. } => "closed",
    }
}

async fn list(State(app): State<App>, signed: Signed, mut params: Params) -> Result<Seen<dto::SignIns>, Refused> {
    let freshness = Freshness::of(&mut params, Freshness::Linearizable)?;
    let before = params.number("before", 1..=u64::MAX)?.unwrap_or(u64::MAX);
    let limit = params.number("limit", 1..=LIMIT_MAX)?.unwrap_or(LIMIT);
    let (of, what) = (word(&mut params, "of", OF)?, word(&mut params, "what", WHAT)?);
    params.end()?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let (own, all) = (signed.open.of(), may_see_others(&signed.open));
    let seen = app.read(freshness, |state| {
        let wanted = |record: &&SignInRecord| {
            record.number < before
                && (all || record.of == Some(own))
                && of.is_none_or(|of| of == of_word(record))
                && what.is_none_or(|what| what == what_word(record))
        };
        let mut found: Vec<&SignInRecord> = state.sign_ins().iter().filter(wanted).collect();
        found.sort_unstable_by_key(|record| std::cmp::Reverse(record.number));
        let next_before = found.get(limit).and_then(|_| found.get(limit - 1)).map(|last| last.number);
        found.truncate(limit);
        let sign_ins = found.into_iter().map(|record| view(state, record)).collect();
        let refused_of_nobody = all.then(|| state.sign_ins().refused_of_nobody());
        Ok(dto::SignIns { sign_ins, next_before, refused_of_nobody })
    });
    Ok(seen.await?)
}

fn view(state: &Replicated, record: &SignInRecord) -> dto::SignInRecord {
    let (admin, user) = match record.of {
        Some(Principal::Admin(id)) => (Some(id), None),
        Some(Principal::User(id)) => (None, Some(id)),
        None => (None, None),
    };
    let (session, with_factor, agent, sessions, by) = match &record.what {
        SignInWhat::Opened { session, with_factor, agent } => {
            (Some(session), Some(*with_factor), Some(agent.clone()), None, None)
        }
        SignInWhat::Refused => (None, None, None, None, None),
        SignInWhat::Closed { session, count, by } => (session.as_ref(), None, None, Some(*count), Some(by.to_string())),
    };
    dto::SignInRecord {
        number: record.number,
        time: record.time.to_string(),
        index: record.index,
        what: what_word(record).to_owned(),
        admin: admin.map(|id| id.0),
        user: user.map(|id| id.0),
        name: admin.and_then(|id| state.people().admin(id)).map(|admin| admin.name.clone()),
        address: record.address.map(|octets| std::net::Ipv6Addr::from(octets).to_canonical().to_string()),
        agent,
        with_factor,
        session: session.map(ToString::to_string),
        sessions,
        by,
    }
}
