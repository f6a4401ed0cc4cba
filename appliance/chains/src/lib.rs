//! Bitcoin, EVM networks and TRON.
