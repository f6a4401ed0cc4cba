//! Keys at rest, derivation, the signing policy, and the signer process.
//!
//! `sealed` keeps the seeds in a file; `keys` makes keys, addresses and signatures out of them; `policy` judges what may be
//! signed; `record` remembers what was; `signer` is the process around all of it and the client of its socket; `cold` is what
//! goes to and comes from wallets whose keys are elsewhere; `copy` brings a vault to the other nodes.
//!
//! Only this crate sees a private key, and of it only the signer's process, but for the command line while it makes or changes
//! a vault.

pub mod cold;
pub mod copy;
mod files;
pub mod keys;
pub mod policy;
pub mod record;
pub mod sealed;
mod secret;
pub mod signer;

pub use files::FileError;
pub use secret::NoRandomness;
