//! The attack suite: a whole signer, with everything but its socket, and whoever wants its signatures.

mod approvals;
mod attacks;
mod attempts;
mod lies;
mod rig;
mod secrets;
mod socket;
mod unread;
mod velocity;
