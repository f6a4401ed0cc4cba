//! The only doors: HTTP now, WebSocket and more dialects later.

pub mod backend;
pub mod dto;
