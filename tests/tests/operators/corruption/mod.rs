//! Damaged files: each kind of file of a stopped node, damaged in each way at several places.
//!
//! What must hold for every case: the node comes up and ends with the very state of the others, or it refuses to serve
//! with a documented code that names what is damaged, and then `join --replace` brings the machine back. Never a wrong
//! read, never silence, never a hang, never a panic.

mod bench;
mod damage;
mod identity;
mod log;
mod snapshots;
mod state;
mod time;
