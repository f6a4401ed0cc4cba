//! Signing in, sessions, and those who administer the exchange.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::shapes::{AddressRange, CommandIdText, Moment, OtpText, PasswordText, Reason, SessionText, SignInName};

/// `POST /v1/session` and `POST /v1/users/session`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    /// The name.
    #[schemars(with = "SignInName")]
    pub name: String,
    /// The password.
    #[schemars(with = "PasswordText")]
    pub password: String,
    /// The authenticator's code, where one is enrolled.
    #[schemars(with = "Option<OtpText>")]
    pub otp: Option<String>,
    /// A recovery code instead of the authenticator's.
    pub recovery_code: Option<String>,
    /// Whether to answer a token for a program instead of a cookie for a browser.
    pub bearer: Option<bool>,
}

/// The session that a request shows: `GET /v1/session`, and the answer to a sign-in.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SignedIn {
    /// The name.
    pub name: String,
    /// The number of the admin; none for a customer.
    pub admin: Option<u32>,
    /// The number of the user; none for an admin.
    pub user: Option<u64>,
    /// What the admin is there for.
    pub roles: Vec<String>,
    /// What the session may be used for now.
    pub permissions: Vec<String>,
    /// What must be done before anything else: `change-password`, `enrol-second-factor`, or `nothing`.
    pub must: String,
    /// The session, as listings name it.
    #[schemars(with = "SessionText")]
    pub session: String,
    /// A program's token; in the answer to a sign-in that asked for one, and nowhere else.
    pub token: Option<String>,
    /// What a page sends as `x-csrf-token` with each change; none for programs.
    pub csrf_token: Option<String>,
    /// When it is over, if it is not used any more.
    #[schemars(with = "Moment")]
    pub over_at: String,
    /// Until when the second factor counts as just shown.
    #[schemars(with = "Option<Moment>")]
    pub stepped_up_until: Option<String>,
}

/// The end of a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SignedOut {
    /// How many sessions ended.
    pub sessions: u32,
}

/// A second factor that is shown again.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ShowFactor {
    /// The authenticator's code.
    #[schemars(with = "Option<OtpText>")]
    pub otp: Option<String>,
    /// A recovery code instead.
    pub recovery_code: Option<String>,
}

/// A new password of one's own.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangePassword {
    /// The present one.
    #[schemars(with = "PasswordText")]
    pub password: String,
    /// The new one: 12 to 128 characters.
    #[schemars(with = "PasswordText")]
    pub new_password: String,
}

/// Begins a new second factor.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BeginFactor {
    /// The present password.
    #[schemars(with = "PasswordText")]
    pub password: String,
}

/// What an authenticator needs. It holds once a code of it is shown.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FactorBegun {
    /// The secret, to be typed.
    pub secret: String,
    /// The same as an address, to be shown as a picture.
    pub uri: String,
    /// To be sent back with the first code, within ten minutes.
    pub ticket: String,
}

/// Proves that the authenticator has the new secret.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfirmFactor {
    /// As [`FactorBegun`] said.
    pub ticket: String,
    /// The authenticator's code.
    #[schemars(with = "OtpText")]
    pub otp: String,
}

/// Something of one's own credentials has changed: every other session has ended, and this one has another token.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CredentialsChanged {
    /// The session as it goes on.
    pub session: SignedIn,
    /// New recovery codes, shown this once; empty where they stay as they are.
    pub recovery_codes: Vec<String>,
}

/// One open session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Session {
    /// As listings name it.
    #[schemars(with = "SessionText")]
    pub session: String,
    /// Whose.
    pub name: String,
    /// Whether it is the one that asks.
    pub own: bool,
    /// When it began.
    #[schemars(with = "Moment")]
    pub opened_at: String,
    /// When it was last used, to the minute.
    #[schemars(with = "Moment")]
    pub seen_at: String,
    /// When it is over, if it is not used any more.
    #[schemars(with = "Moment")]
    pub over_at: String,
    /// When it last showed a second factor.
    #[schemars(with = "Option<Moment>")]
    pub factor_at: Option<String>,
    /// From where it was opened; none where that was not known.
    pub address: Option<String>,
    /// The program that opened it, as it called itself.
    pub agent: String,
}

/// `GET /v1/sessions` and `GET /v1/users/sessions`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Sessions {
    /// The sessions that are open, the oldest first.
    pub sessions: Vec<Session>,
}

/// Somebody who came in, was refused, or whose sessions were ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SignInRecord {
    /// Higher than that of every record before; not all numbers are kept.
    pub number: u64,
    /// When, in replicated time.
    #[schemars(with = "Moment")]
    pub time: String,
    /// The log entry.
    pub index: u64,
    /// `opened`, `refused` or `closed`.
    pub what: String,
    /// The number of the admin; none for a customer, and where nobody has the name that was typed.
    pub admin: Option<u32>,
    /// The number of the customer.
    pub user: Option<u64>,
    /// The admin's name; none for customers.
    pub name: Option<String>,
    /// From where; none where that was not known, and where sessions were ended.
    pub address: Option<String>,
    /// The program that came in, as it called itself.
    pub agent: Option<String>,
    /// Whether who came in showed a second factor.
    pub with_factor: Option<bool>,
    /// The session that was opened, or the one that was ended where it was named.
    #[schemars(with = "Option<SessionText>")]
    pub session: Option<String>,
    /// How many sessions were ended.
    pub sessions: Option<u32>,
    /// On whose behalf they were ended, such as `admin ID`; a node's where one showed too many wrong second factors.
    pub by: Option<String>,
}

/// `GET /v1/sign-ins`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SignIns {
    /// The newest first.
    pub sign_ins: Vec<SignInRecord>,
    /// Where there is more: what to give as `before` to go on.
    pub next_before: Option<u64>,
    /// How many sign-ins with names that nobody has were ever refused; none for who sees only their own.
    pub refused_of_nobody: Option<u64>,
}

/// Ends sessions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RevokeSessions {
    /// Whose; one's own where nothing is said.
    #[schemars(with = "Option<SignInName>")]
    pub name: Option<String>,
    /// Which one; where nothing is said all, but the one that asks.
    #[schemars(with = "Option<SessionText>")]
    pub session: Option<String>,
    /// Why; needed for those of others.
    pub reason: Option<String>,
}

/// One admin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Admin {
    /// The number.
    pub admin: u32,
    /// What is typed to sign in.
    #[schemars(with = "SignInName")]
    pub name: String,
    /// Who it is; two accounts of one person have the same.
    pub person: String,
    /// What for.
    pub roles: Vec<String>,
    /// What the roles allow.
    pub permissions: Vec<String>,
    /// `active` or `disabled`.
    pub status: String,
    /// From where it may act; from anywhere when there is none.
    #[schemars(with = "Vec<AddressRange>")]
    pub addresses: Vec<String>,
    /// Whether a second factor is enrolled.
    pub second_factor: bool,
    /// How many recovery codes are left.
    pub recovery_codes: u32,
    /// Whether the password must be changed first.
    pub must_change_password: bool,
    /// Until when new sign-ins are refused; none where they are not.
    #[schemars(with = "Option<Moment>")]
    pub locked_until: Option<String>,
    /// How many sessions are open.
    pub sessions: u32,
    /// When it was created.
    #[schemars(with = "Moment")]
    pub created_at: String,
}

/// `GET /v1/admins`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Admins {
    /// All of them, in the order of their numbers.
    pub admins: Vec<Admin>,
}

/// `POST /v1/admins`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateAdmin {
    /// What is typed to sign in.
    #[schemars(with = "SignInName")]
    pub name: String,
    /// Who it is: a personnel number, an e-mail address.
    pub person: String,
    /// What for, such as `operations`.
    pub roles: Vec<String>,
    /// From where it may act; from anywhere when there is none.
    #[schemars(with = "Option<Vec<AddressRange>>")]
    pub addresses: Option<Vec<String>>,
    /// Why.
    #[schemars(with = "Reason")]
    pub reason: String,
}

/// A password that somebody else must change at the first sign-in.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PasswordGiven {
    /// Whose; the number of an admin or of a user.
    pub number: u64,
    /// What is typed to sign in.
    pub name: String,
    /// The password, shown this once.
    pub one_time_password: String,
    /// The entry it was applied in.
    pub index: u64,
    /// The command's id.
    #[schemars(with = "CommandIdText")]
    pub command_id: String,
}

/// `PATCH /v1/admins/{name}`; what is not given stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateAdmin {
    /// What for, all of it.
    pub roles: Option<Vec<String>>,
    /// `active` or `disabled`.
    #[schemars(extend("enum" = ["active", "disabled", null]))]
    pub status: Option<String>,
    /// From where it may act, all of it.
    #[schemars(with = "Option<Vec<AddressRange>>")]
    pub addresses: Option<Vec<String>>,
    /// Why.
    #[schemars(with = "Reason")]
    pub reason: String,
    /// 32 hexadecimal digits drawn by the sender; the same id takes effect once at most in 24 hours.
    #[schemars(with = "Option<CommandIdText>")]
    pub command_id: Option<String>,
}

/// The answer to [`UpdateAdmin`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AdminUpdated {
    /// The admin's number.
    pub admin: u32,
    /// Whether anything was different before.
    pub changed: bool,
    /// The entry it was applied in.
    pub index: u64,
    /// The command's id.
    #[schemars(with = "CommandIdText")]
    pub command_id: String,
}

/// `POST /v1/admins/{name}/reset`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ResetAdmin {
    /// Why.
    #[schemars(with = "Reason")]
    pub reason: String,
}

/// `POST /v1/users/{user}/credentials`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GiveCredentials {
    /// What is typed to sign in.
    #[schemars(with = "SignInName")]
    pub name: String,
    /// Why.
    #[schemars(with = "Reason")]
    pub reason: String,
}
