//! The binary `exchequer`. Everything it does is in the library beside it.

use std::process::ExitCode;

fn main() -> ExitCode {
    exchequer_node::cli::main(std::env::args_os())
}
