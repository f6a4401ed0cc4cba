//! The harness of the tests that drive the program from outside: the binary `exchequer`, as an operator would.
//!
//! Nothing here links the code under test below `exchequer-state`: a test sees command lines, exit codes, HTTP answers,
//! log files and data folders, and nothing else.

pub mod cluster;
pub mod load;
