//! One's own password and second factor. Each change ends all other sessions, and gives this one another token.

use axum::extract::State;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use exchequer_domain::{Code, Problem};
use exchequer_state::people::Principal;
use exchequer_state::settings::Danger;
use exchequer_state::{Body as Change, CredentialChange, SessionSwap, SetCredentials};
use zeroize::Zeroizing;

use super::session::{Kept, kept};
use crate::app::App;
use crate::auth::{Caller, Signed};
use crate::dto;
use crate::extract::Body;
use crate::people::token::Token;
use crate::people::{ENROLMENT_PURPOSE, FACTOR_PURPOSE, Open, Realm, check_password, totp};
use crate::problem::Refused;
use crate::route::{Access, Route};

/// How long an enrolment may take.
const TICKET_MS: u64 = 10 * 60_000;

pub(crate) fn routes() -> Vec<Route> {
    let paths: [(Access, [&'static str; 4]); 2] = [
        (
            Access::Session,
            [
                "/v1/session/password",
                "/v1/session/second-factor",
                "/v1/session/second-factor/confirm",
                "/v1/session/recovery-codes",
            ],
        ),
        (
            Access::Customer,
            [
                "/v1/users/session/password",
                "/v1/users/session/second-factor",
                "/v1/users/session/second-factor/confirm",
                "/v1/users/session/recovery-codes",
            ],
        ),
    ];
    let routes = paths.into_iter().flat_map(|(access, [password, begin, confirm, recovery])| {
        [
            Route::post(password, change_password).open_to(access).says("Changes one's own password"),
            Route::post(begin, begin_factor)
                .open_to(access)
                .says("Begins to enrol an authenticator")
                .more("Nothing changes until a code of it is shown. Who has one already shows it first."),
            Route::post(confirm, confirm_factor)
                .open_to(access)
                .says("Enrols an authenticator, and answers new recovery codes"),
            Route::post(recovery, new_recovery)
                .open_to(access)
                .danger(Danger::Level3)
                .says("Replaces the recovery codes; the second factor must have been shown just now"),
        ]
    });
    routes.collect()
}

/// Changes the credentials of the session's owner; the session goes on under another token.
async fn change(
    app: &App,
    caller: Caller,
    signed: &Signed,
    change: CredentialChange,
    recovery_codes: Vec<String>,
) -> Result<Kept<dto::CredentialsChanged>, Refused> {
    let (open, token) = (&signed.open, Token::draw()?);
    let body = SetCredentials {
        of: open.of(),
        revision: open.credentials.revision,
        change,
        session: Some(SessionSwap { former: open.id, next: token.id() }),
        reason: String::new(),
    };
    let effect = app.submit_as(caller.0, app.command_id(None)?, Change::SetCredentials(Box::new(body))).await?;
    app.applied_here(effect.index).await;
    let open = app.session_anywhere(Realm::of(open.of()), &token)?;
    let Kept(cookie, session) = kept(&open, &token, signed.is_cookie);
    Ok(Kept(cookie, dto::CredentialsChanged { session, recovery_codes }))
}

async fn change_password(
    State(app): State<App>,
    caller: Caller,
    signed: Signed,
    Body(request): Body<dto::ChangePassword>,
) -> Result<Kept<dto::CredentialsChanged>, Refused> {
    let (present, new) = (Zeroizing::new(request.password), Zeroizing::new(request.new_password));
    if *present == *new {
        return Err(Problem::new(Code::PasswordWeak, "the new password is the present one").into());
    }
    check_password(&app, &signed.open, present).await?;
    let password = app.hash_password(new, &signed.open.credentials.name).await?;
    change(&app, caller, &signed, CredentialChange::Password { password }, Vec::new()).await
}

async fn begin_factor(
    State(app): State<App>,
    signed: Signed,
    Body(request): Body<dto::BeginFactor>,
) -> Result<Kept<dto::FactorBegun>, Refused> {
    may_replace_factor(&signed.open)?;
    check_password(&app, &signed.open, Zeroizing::new(request.password)).await?;
    let mut cluster = String::new();
    app.backend.read(&mut |state, _, _| {
        cluster = state.cluster().map_or_else(String::new, |cluster| cluster.name.clone());
        Ok(())
    })?;
    let secret = totp::Secret::draw()?;
    let (whose, made_at) = (whose(signed.open.of()), app.backend.now_ms().to_be_bytes());
    let ticket = Zeroizing::new([whose.as_slice(), &made_at, secret.bytes()].concat());
    let sealed = app.backend.seal(ENROLMENT_PURPOSE, &ticket)?;
    let uri = secret.uri(&cluster, &signed.open.credentials.name).to_string();
    let (secret, ticket) = (secret.text().to_string(), URL_SAFE_NO_PAD.encode(sealed));
    Ok(Kept(None, dto::FactorBegun { secret, uri, ticket }))
}

async fn confirm_factor(
    State(app): State<App>,
    caller: Caller,
    signed: Signed,
    Body(request): Body<dto::ConfirmFactor>,
) -> Result<Kept<dto::CredentialsChanged>, Refused> {
    may_replace_factor(&signed.open)?;
    let secret = opened(&app, &signed.open, &request.ticket)?;
    let wrong = || Problem::new(Code::FactorWrong, "the code is not the new authenticator's of this moment");
    let step = totp::verify(&secret, &request.otp, app.backend.now_ms()).ok_or_else(wrong)?;
    let totp = app.backend.seal(FACTOR_PURPOSE, &secret)?;
    let (codes, recovery) = totp::draw_recovery()?;
    change(&app, caller, &signed, CredentialChange::Factor { totp, step, recovery }, codes).await
}

async fn new_recovery(
    State(app): State<App>,
    caller: Caller,
    signed: Signed,
) -> Result<Kept<dto::CredentialsChanged>, Refused> {
    signed.open.check_complete()?;
    let (codes, recovery) = totp::draw_recovery()?;
    change(&app, caller, &signed, CredentialChange::Recovery { recovery }, codes).await
}

/// Who has a second factor shows it before it is replaced; who must change the password does that first.
fn may_replace_factor(open: &Open) -> Result<(), Problem> {
    if open.credentials.must_change {
        return open.check_complete();
    }
    if open.credentials.totp.is_some() { open.check_stepped_up() } else { Ok(()) }
}

/// Binds an enrolment to whose it is.
fn whose(of: Principal) -> [u8; 9] {
    let (kind, number) = match of {
        Principal::Admin(id) => (1, u64::from(id.0)),
        Principal::User(id) => (2, id.0),
    };
    let mut bytes = [kind; 9];
    bytes[1..].copy_from_slice(&number.to_be_bytes());
    bytes
}

/// The secret in an enrolment's ticket.
fn opened(app: &App, open: &Open, ticket: &str) -> Result<Zeroizing<Vec<u8>>, Problem> {
    let wrong = || Problem::new(Code::BadRequest, "the ticket is not of this enrolment, or too old").hint("begin anew");
    let sealed = URL_SAFE_NO_PAD.decode(ticket).map_err(|_| wrong())?;
    let bytes = app.backend.unseal(ENROLMENT_PURPOSE, &sealed).map_err(|_| wrong())?;
    let (of, rest) = bytes.split_at_checked(9).ok_or_else(wrong)?;
    let (made_at, secret) = rest.split_at_checked(8).ok_or_else(wrong)?;
    let made_at = made_at.try_into().map_or(0, u64::from_be_bytes);
    let is_fresh = app.backend.now_ms() < made_at.saturating_add(TICKET_MS);
    if of == whose(open.of()) && is_fresh { Ok(Zeroizing::new(secret.to_vec())) } else { Err(wrong()) }
}
