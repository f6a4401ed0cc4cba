//! What the golden script has of people.

use super::*;

pub(in crate::tests) fn bodies() -> Vec<Body> {
    let (session, reason) = (SessionId([7; 32]), String::new());
    vec![
        admin("ada", "Ada L.", &[Role::Owner, Role::Auditor]),
        begin(1, 0, "u1@example"),
        update(1, Some(&[Role::Owner]), Some(AdminStatus::Active)),
        Body::CloseSessions(CloseSessions { of: USER, which: Which::Others(session), reason: reason.clone() }),
        Body::CloseSessions(CloseSessions { of: ADA, which: Which::All, reason }),
    ]
}

/// Those that a node sends.
pub(in crate::tests) fn of_a_node() -> Vec<Body> {
    let session = SessionId([7; 32]);
    let (of, factor) = (ADA, Factor::Recovery { hash: [4; 32] });
    vec![
        open(ADA, 1, 7, Factor::Totp { step: 300 }),
        open(USER, 1, 8, Factor::None),
        Body::TouchSession(TouchSession { of, session }),
        Body::StepUp(StepUp { of, session, revision: 1, factor }),
        fail(USER),
        Body::NoteSignInFailure(NoteSignInFailure { of: Some(ADA), session: Some(session), address: Some([1; 16]) }),
    ]
}

pub(in crate::tests) fn done() -> Vec<Done> {
    vec![
        Done::AdminCreated { admin: AdminId(300) },
        Done::AdminUpdated { changed: true },
        Done::CredentialsSet { revision: 300 },
        Done::SessionOpened,
        Done::SessionTouched,
        Done::SteppedUp,
        Done::SessionsClosed { count: 300 },
        Done::SignInFailureNoted,
    ]
}

pub(in crate::tests) fn rejected() -> Vec<Rejection> {
    vec![
        Rejection::NotPermitted { permission: Some(Permission::MoneyMove) },
        Rejection::AdminUnknown { admin: AdminId(300) },
        Rejection::AdminExists { admin: AdminId(300) },
        Rejection::AdminsFull,
        Rejection::OwnRoles,
        Rejection::LastOwner,
        Rejection::PrincipalUnknown,
        Rejection::SignInNameTaken,
        Rejection::CredentialsChanged,
        Rejection::SignInLocked,
        Rejection::FactorUsed,
        Rejection::FactorMissing,
        Rejection::SessionUnknown,
        Rejection::SessionExists,
        Rejection::CredentialsHeld { until: Timestamp(300) },
    ]
}
