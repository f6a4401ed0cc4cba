//! The check itself: name, password and second factor together, in the same time whatever is wrong.

use std::net::IpAddr;

use exchequer_domain::{Code, CommandId, Problem};
use exchequer_state::people::{Admin, Credentials, Factor, Principal, customers};
use exchequer_state::settings::schema;
use exchequer_state::users::UserStatus;
use exchequer_state::{Actor, Body, NoteSignInFailure, OpenSession, Rejection};
use zeroize::Zeroizing;

use super::token::Token;
use super::{FACTOR_PURPOSE, PASSWORD_PURPOSE, Realm, credentials, halted, moment, password, totp, user_of};
use crate::app::App;
use crate::problem::Refused;

/// What was shown as second factor.
#[derive(Clone)]
pub(crate) enum Shown {
    Nothing,
    Code(Zeroizing<String>),
    Recovery(Zeroizing<String>),
}

/// A sign-in as it came.
pub(crate) struct SignIn {
    pub(crate) realm: Realm,
    pub(crate) name: String,
    pub(crate) password: Zeroizing<String>,
    pub(crate) shown: Shown,
    pub(crate) address: Option<IpAddr>,
    pub(crate) agent: String,
}

/// Whom a name belongs to, and what its password and codes are checked against.
struct Candidate {
    of: Principal,
    may: bool,
    credentials: Credentials,
    password: Zeroizing<Vec<u8>>,
    secret: Option<Zeroizing<Vec<u8>>>,
}

/// What is checked where nobody has the name.
pub(super) struct Dummy {
    password: Zeroizing<Vec<u8>>,
    secret: totp::Secret,
}

fn refused() -> Problem {
    Problem::new(Code::SignInRefused, "name, password or code are wrong, or too many sign-ins failed of late")
}

/// An address as the state keeps it.
pub(crate) fn octets(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => address.octets(),
    }
}

/// The longest password that is looked at; a longer one is nobody's.
const PASSWORD_BYTES_MAX: usize = 1_024;

impl App {
    /// Opens a session, or refuses.
    ///
    /// # Errors
    /// `SignInRefused` for whatever is wrong; `SignInsBusy`; the log's own refusals.
    pub(crate) async fn sign_in(&self, sign_in: SignIn) -> Result<Token, Refused> {
        self.count_sign_in(sign_in.address)?;
        let (cost, now_ms) = (self.backend.hash_cost(), self.backend.now_ms());
        let mut candidate = self.candidate(&sign_in)?;
        #[cfg(test)]
        if candidate.is_none() && self.people.refuses_early.load(std::sync::atomic::Ordering::Relaxed) {
            return Err(refused().into());
        }
        if sign_in.password.len() > PASSWORD_BYTES_MAX {
            candidate = None;
        }
        let of = candidate.as_ref().map(|candidate| candidate.of);
        let (app, typed, shown) = (self.clone(), sign_in.password, sign_in.shown);
        let turns = match sign_in.realm {
            Realm::Admins => &self.people.admins,
            Realm::Customers => &self.people.customers,
        };
        let judged = turns.run(move || {
            let dummy = app.dummy(cost)?;
            judge(candidate.as_ref(), dummy, &typed, &shown, now_ms).map(|right| right.zip(candidate))
        });
        let judged = judged.await.and_then(|judged| judged).map_err(busy)?;
        let address = sign_in.address.map(octets);
        let Some((factor, candidate)) = judged else {
            let noted =
                self.submit_own(Body::NoteSignInFailure(NoteSignInFailure { of, session: None, address })).await;
            if let Err(problem) = noted
                && problem.code != Code::SignInRefused
            {
                return Err(problem.into());
            }
            return Err(refused().into());
        };
        let token = Token::draw()?;
        let open = OpenSession {
            of: candidate.of,
            revision: candidate.credentials.revision,
            session: token.id(),
            factor,
            address,
            agent: sign_in.agent,
        };
        match self.submit_own(Body::OpenSession(Box::new(open))).await {
            Ok(index) => {
                self.applied_here(index).await;
                Ok(token)
            }
            // A code that was used, a lock or a change in between: all the same to whoever asks.
            Err(problem)
                if matches!(
                    problem.code,
                    Code::SignInRefused | Code::FactorWrong | Code::FactorMissing | Code::StaleRevision
                ) =>
            {
                Err(refused().into())
            }
            Err(problem) => Err(problem.into()),
        }
    }

    /// Counts a sign-in of an address.
    fn count_sign_in(&self, address: Option<IpAddr>) -> Result<(), Refused> {
        let mut most = 1;
        self.backend.read(&mut |state, _, _| {
            most = usize::try_from(state.settings().get(&schema::PEOPLE_SIGN_INS_PER_MINUTE)).unwrap_or(1);
            Ok(())
        })?;
        self.people.addresses.allow(address, most, self.backend.now_ms()).map_err(|seconds| {
            let problem = Problem::new(Code::SignInsBusy, "too many sign-ins from this address in a minute");
            Refused::from(problem).retry_after(seconds)
        })
    }

    fn candidate(&self, sign_in: &SignIn) -> Result<Option<Candidate>, Problem> {
        let now_ms = self.backend.now_ms();
        let mut found: Option<(Principal, bool, Credentials)> = None;
        self.backend.read(&mut |state, rows, _| {
            let of = match sign_in.realm {
                Realm::Admins => state.people().named(&sign_in.name).map(|admin| Principal::Admin(admin.id)),
                Realm::Customers => customers::named(rows, &sign_in.name).map_err(halted)?.map(Principal::User),
            };
            let Some(of) = of else { return Ok(()) };
            let Some((credentials, admin)) = credentials(state, rows, of)? else { return Ok(()) };
            let active = |admin: &Admin| state.people().active(admin.id) && admin.allows(sign_in.address);
            let frozen = user_of(of).and_then(|user| state.users().get(user));
            let frozen = frozen.is_some_and(|user| user.status == UserStatus::Frozen);
            let locked = credentials.is_locked(sign_in.address.map(octets), moment(state, now_ms));
            found = Some((of, admin.as_ref().is_none_or(active) && !frozen && !locked, credentials));
            Ok(())
        })?;
        let Some((of, may, credentials)) = found else { return Ok(None) };
        let password = self.backend.unseal(PASSWORD_PURPOSE, &credentials.password)?;
        let secret =
            credentials.totp.as_deref().map(|sealed| self.backend.unseal(FACTOR_PURPOSE, sealed)).transpose()?;
        Ok(Some(Candidate { of, may, credentials, password, secret }))
    }

    fn dummy(&self, cost: password::Cost) -> Result<&Dummy, Problem> {
        if let Some(dummy) = self.people.dummy.get() {
            return Ok(dummy);
        }
        let dummy = Dummy { password: password::hash("nobody's", cost)?, secret: totp::Secret::draw()? };
        Ok(self.people.dummy.get_or_init(|| dummy))
    }

    /// Sends a command in this node's own name, and answers the entry that it was applied in.
    pub(crate) async fn submit_own(&self, body: Body) -> Result<u64, Problem> {
        let id: CommandId = self.backend.new_id();
        let sent = self.submit_as(Actor::Node(exchequer_domain::NodeId(self.node)), id, body).await;
        sent.map(|effect| effect.index).map_err(Refused::into_problem)
    }

    /// Hashes a new password.
    pub(crate) async fn hash_password(&self, new: Zeroizing<String>, name: &str) -> Result<Vec<u8>, Refused> {
        password::check(&new, name)?;
        let cost = self.backend.hash_cost();
        let hashed = self.people.inside.run(move || password::hash(&new, cost)).await.and_then(|hashed| hashed);
        Ok(self.backend.seal(PASSWORD_PURPOSE, &hashed.map_err(busy)?)?)
    }
}

fn busy(problem: Problem) -> Refused {
    let is_busy = problem.code == Code::SignInsBusy;
    let refused = Refused::from(problem);
    if is_busy { refused.retry_after(2) } else { refused }
}

/// The second factor to spend where everything is right. All of it is computed in any case.
fn judge(
    candidate: Option<&Candidate>,
    dummy: &Dummy,
    typed: &str,
    shown: &Shown,
    now_ms: u64,
) -> Result<Option<Factor>, Problem> {
    let right = password::verify(typed, candidate.map_or(dummy.password.as_slice(), |known| &known.password))?;
    let secret = candidate.and_then(|known| known.secret.as_deref()).map_or(dummy.secret.bytes(), Vec::as_slice);
    let recovery: &[[u8; 32]] = candidate.map_or(&[], |known| &known.credentials.recovery);
    let factor = factor(secret, recovery, shown, now_ms);
    let Some(candidate) = candidate else { return Ok(None) };
    let factor = match (&candidate.secret, factor) {
        (None, _) => Some(Factor::None),
        (Some(_), factor) => factor,
    };
    Ok(factor.filter(|_| right && candidate.may))
}

/// What is shown, if it is right.
fn factor(secret: &[u8], recovery: &[[u8; 32]], shown: &Shown, now_ms: u64) -> Option<Factor> {
    let (code, written): (&str, &str) = match shown {
        Shown::Nothing => ("", ""),
        Shown::Code(code) => (code, ""),
        Shown::Recovery(code) => ("", code),
    };
    let (step, hash) = (totp::verify(secret, code, now_ms), totp::recovery_hash(written));
    let is_listed = recovery.contains(&hash);
    match shown {
        Shown::Nothing => None,
        Shown::Code(_) => step.map(|step| Factor::Totp { step }),
        Shown::Recovery(_) => is_listed.then_some(Factor::Recovery { hash }),
    }
}

/// Whether a session's owner shows the right second factor; a wrong one is counted.
///
/// # Errors
/// `FactorMissing` where none is enrolled; `FactorWrong`.
pub(crate) async fn check_factor(app: &App, open: &super::Open, shown: &Shown) -> Result<Factor, Problem> {
    let Some(sealed) = &open.credentials.totp else { return Err(Rejection::FactorMissing.problem()) };
    let secret = app.backend.unseal(FACTOR_PURPOSE, sealed)?;
    if let Some(factor) = factor(&secret, &open.credentials.recovery, shown, app.backend.now_ms()) {
        return Ok(factor);
    }
    fail_in_session(app, open).await?;
    Err(Problem::new(Code::FactorWrong, "the code is not the one of this moment"))
}

/// Whether a session's owner knows the password; a wrong one is counted.
///
/// # Errors
/// `SignInRefused`, `SignInsBusy`.
pub(crate) async fn check_password(app: &App, open: &super::Open, typed: Zeroizing<String>) -> Result<(), Refused> {
    let known = app.backend.unseal(PASSWORD_PURPOSE, &open.credentials.password)?;
    let judged = app.people.inside.run(move || password::verify(&typed, &known)).await.and_then(|right| right);
    if judged.map_err(busy)? {
        return Ok(());
    }
    fail_in_session(app, open).await?;
    Err(Problem::new(Code::SignInRefused, "the present password is wrong").into())
}

async fn fail_in_session(app: &App, open: &super::Open) -> Result<(), Problem> {
    let (of, session) = (Some(open.of()), Some(open.id));
    app.submit_own(Body::NoteSignInFailure(NoteSignInFailure { of, session, address: None })).await.map(drop)
}
