//! Nodes for tests.
