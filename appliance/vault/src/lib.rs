//! Keys at rest and the signer.
