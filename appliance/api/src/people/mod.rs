//! Signing in: what a node checks before anything is proposed.
//!
//! Invariants:
//! - One refusal for whatever was wrong, after the same work: a name that nobody has costs a hash, a code and an entry of
//!   the log like any other.
//! - Memory for hashing is bounded, and so are those who wait for it; a flood at one door is not felt at another.
//! - Passwords, codes and tokens are in no log, neither the node's nor the replicated one.

mod addresses;
pub mod password;
mod sign_in;
pub(crate) mod token;
pub mod totp;
mod turns;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::OnceLock;

use exchequer_domain::{AdminId, Code, Problem, Timestamp, UserId};
use exchequer_state::people::{Admin, Credentials, Limits, Principal, Session, SessionId, customers};
use exchequer_state::settings::schema;
use exchequer_state::users::UserStatus;
use exchequer_state::{Body, Rows, State, TouchSession};
use parking_lot::Mutex;

pub(crate) use self::sign_in::{Shown, SignIn, check_factor, check_password};
use self::token::Token;
use crate::app::App;

/// What a password is sealed for.
pub const PASSWORD_PURPOSE: &str = "password hash";
/// What the secret of a second factor is sealed for.
pub const FACTOR_PURPOSE: &str = "second factor";
/// What a second factor that is being enrolled is sealed for.
pub(crate) const ENROLMENT_PURPOSE: &str = "second factor enrolment";
/// A session's use is put down when it was last put down longer ago, or a quarter of the time ago after which an unused one
/// is over.
const TOUCH_US: u64 = 60_000_000;
/// How old what this node knows of sessions may be where one of them changes something: one that was ended elsewhere must not
/// go on here. Beacons come twice a second, so that only a node that is out of touch is older.
const HEARD_WITHIN: std::time::Duration = std::time::Duration::from_secs(2);
/// Sessions of which it is remembered that their use is being put down.
const TOUCHED_MAX: usize = 65_536;

/// Who signs in at a door.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Realm {
    /// Those who administer the exchange.
    Admins,
    /// Its customers.
    Customers,
}

impl Realm {
    pub(crate) fn of(principal: Principal) -> Realm {
        match principal {
            Principal::Admin(_) => Realm::Admins,
            Principal::User(_) => Realm::Customers,
        }
    }

    /// What a program's token begins with.
    pub(crate) const fn prefix(self) -> &'static str {
        match self {
            Realm::Admins => "exqs_",
            Realm::Customers => "exqu_",
        }
    }

    /// The name of a browser's cookie, whose prefix makes the browser hold the other flags to it.
    pub(crate) const fn cookie(self) -> &'static str {
        match self {
            Realm::Admins => "__Host-exchequer",
            Realm::Customers => "__Host-exchequer-user",
        }
    }
}

/// What a node remembers of sign-ins.
pub(crate) struct People {
    /// Apart, so that whoever floods one door keeps nobody out at another, and nobody who is in.
    admins: turns::Turns,
    customers: turns::Turns,
    inside: turns::Turns,
    addresses: addresses::Addresses,
    /// What is checked where nobody has the name: made once, as costly as a real one.
    dummy: OnceLock<sign_in::Dummy>,
    /// When the use of a session was last sent to be put down.
    touched: Mutex<HashMap<SessionId, u64>>,
    /// A bug that a test plants: a name that nobody has is refused at once.
    #[cfg(test)]
    pub(crate) refuses_early: std::sync::atomic::AtomicBool,
}

impl Default for People {
    /// Four hash at once in all, which takes 256 MiB; customers are many.
    fn default() -> People {
        People {
            admins: turns::Turns::new(1),
            customers: turns::Turns::new(2),
            inside: turns::Turns::new(1),
            addresses: addresses::Addresses::default(),
            dummy: OnceLock::new(),
            touched: Mutex::default(),
            #[cfg(test)]
            refuses_early: std::sync::atomic::AtomicBool::default(),
        }
    }
}

/// A session that holds, and whose it is.
#[derive(Debug, Clone)]
pub(crate) struct Open {
    pub(crate) id: SessionId,
    pub(crate) session: Session,
    pub(crate) credentials: Credentials,
    /// None for a customer.
    pub(crate) admin: Option<Admin>,
    /// When it is over, if it is not used any more.
    pub(crate) over_at: Timestamp,
    /// Until when its second factor counts as just shown.
    pub(crate) stepped_up_until: Option<Timestamp>,
    pub(crate) now: Timestamp,
    /// Its use is put down when it was last put down longer ago.
    touch_us: u64,
    /// How old all of this may be.
    age: std::time::Duration,
}

impl Open {
    pub(crate) fn of(&self) -> Principal {
        self.session.of
    }

    /// Whether its second factor was shown just now.
    pub(crate) fn is_stepped_up(&self) -> bool {
        self.stepped_up_until.is_some_and(|until| self.now < until)
    }

    /// Whether it may do anything but complete itself.
    ///
    /// # Errors
    /// `PasswordMustChange`, `FactorMissing`.
    pub(crate) fn check_complete(&self) -> Result<(), Problem> {
        if self.credentials.must_change {
            return Err(Problem::new(
                Code::PasswordMustChange,
                "this session may change the password and nothing else",
            ));
        }
        if self.admin.is_some() && self.session.factor_at.is_none() {
            return Err(Problem::new(Code::FactorMissing, "this session may enrol a second factor and nothing else"));
        }
        Ok(())
    }

    /// Whether this node would have heard of its end.
    ///
    /// # Errors
    /// `ReadTooStale`.
    pub(crate) fn check_heard(&self) -> Result<(), Problem> {
        if self.age <= HEARD_WITHIN {
            return Ok(());
        }
        Err(Problem::new(Code::ReadTooStale, "this node is out of touch, and a session changes nothing through it")
            .hint("ask another node, or use the operator token"))
    }

    /// # Errors
    /// `StepUpNeeded`.
    pub(crate) fn check_stepped_up(&self) -> Result<(), Problem> {
        if self.is_stepped_up() {
            return Ok(());
        }
        Err(Problem::new(Code::StepUpNeeded, "the session has not shown its second factor just now"))
    }
}

/// The moment by which sessions are judged: replicated time stands still on a quiet cluster.
fn moment(state: &State, now_ms: u64) -> Timestamp {
    state.time().max(Timestamp(now_ms.saturating_mul(1_000)))
}

fn halted(halt: exchequer_state::Halt) -> Problem {
    halt.problem()
}

/// What a principal signs in with, and the admin.
pub(crate) fn credentials(
    state: &State,
    rows: &dyn Rows,
    of: Principal,
) -> Result<Option<(Credentials, Option<Admin>)>, Problem> {
    match of {
        Principal::Admin(id) => {
            let people = state.people();
            Ok(people.credentials(id).cloned().zip(people.admin(id).cloned().map(Some)))
        }
        Principal::User(user) => {
            Ok(customers::credentials(rows, user).map_err(halted)?.map(|credentials| (credentials, None)))
        }
    }
}

impl App {
    /// The session of a token, if it holds and may be used from this address.
    ///
    /// # Errors
    /// `SessionUnknown`.
    pub(crate) fn session(&self, realm: Realm, token: &Token, address: Option<IpAddr>) -> Result<Open, Problem> {
        self.look_for(realm, token, Some(address))
    }

    fn look_for(&self, realm: Realm, token: &Token, from: Option<Option<IpAddr>>) -> Result<Open, Problem> {
        let (id, now_ms) = (token.id(), self.backend.now_ms());
        let mut found = None;
        self.backend.read(&mut |state, rows, at| {
            let session = match realm {
                Realm::Admins => state.people().session(&id).cloned(),
                Realm::Customers => customers::session(rows, &id).map_err(halted)?.map(|(_, session)| session),
            };
            let Some(session) = session else { return Ok(()) };
            let now = moment(state, now_ms);
            let limits = Limits::of(state.settings(), session.of);
            let Some((credentials, admin)) = credentials(state, rows, session.of)? else { return Ok(()) };
            let active = match session.of {
                Principal::Admin(id) => state.people().active(id),
                Principal::User(user) => state.users().get(user).is_some_and(|user| user.status == UserStatus::Active),
            };
            let allowed = admin.as_ref().zip(from).is_none_or(|(admin, address)| admin.allows(address));
            if limits.is_over(&session, now) || !active || !allowed {
                return Ok(());
            }
            let life = state.settings().get(&schema::PEOPLE_STEP_UP_LIFE);
            let stepped_up_until = session.factor_at.map(|at| at.plus(life));
            let over_at = limits.over_at(&session);
            let idle_us = u64::try_from(limits.idle.as_micros()).unwrap_or(u64::MAX);
            let (touch_us, age) = (TOUCH_US.min(idle_us / 4), at.age);
            found = Some(Open { id, session, credentials, admin, over_at, stepped_up_until, now, touch_us, age });
            Ok(())
        })?;
        found.ok_or_else(|| Problem::new(Code::SessionUnknown, "the session is over, or never was"))
    }

    /// The same wherever it is used from, for the request that has just made it.
    ///
    /// # Errors
    /// `SessionUnknown`.
    pub(crate) fn session_anywhere(&self, realm: Realm, token: &Token) -> Result<Open, Problem> {
        self.look_for(realm, token, None)
    }

    /// Has the use of a session put down, now and then. Nobody waits for it.
    pub(crate) fn touch(&self, open: &Open) {
        if open.now.0 < open.session.seen_at.0.saturating_add(open.touch_us) {
            return;
        }
        let mut touched = self.people.touched.lock();
        if touched.len() >= TOUCHED_MAX {
            touched.clear();
        }
        let last = touched.insert(open.id, open.now.0);
        if last.is_some_and(|last| open.now.0 < last.saturating_add(open.touch_us)) {
            touched.extend(last.map(|last| (open.id, last)));
            return;
        }
        drop(touched);
        let (app, body) = (self.clone(), Body::TouchSession(TouchSession { of: open.of(), session: open.id }));
        tokio::spawn(async move {
            if app.submit_own(body).await.is_err() {
                tracing::debug!("the use of a session could not be put down");
            }
        });
    }

    /// Until this node has applied an entry, so that the client's next request here finds what it made.
    pub(crate) async fn applied_here(&self, index: u64) {
        const PATIENCE: std::time::Duration = std::time::Duration::from_secs(2);
        if self.backend.applied_beyond(index.saturating_sub(1), PATIENCE).await.is_err() {
            tracing::debug!("this node could not catch up with what it proposed");
        }
    }
}

/// How people name a principal: an admin by its name or number.
pub(crate) fn admin_named(state: &State, text: &str) -> Result<AdminId, Problem> {
    let people = state.people();
    let found = people.named(text).or_else(|| people.admin(AdminId(text.parse().ok()?)));
    found.map(|admin| admin.id).ok_or_else(|| {
        let text: String = text.chars().take(64).collect();
        Problem::new(Code::AdminUnknown, format!("there is no admin `{text}`"))
    })
}

/// The user of a principal that is one.
pub(crate) fn user_of(of: Principal) -> Option<UserId> {
    match of {
        Principal::User(user) => Some(user),
        Principal::Admin(_) => None,
    }
}
