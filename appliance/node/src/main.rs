//! The binary `exchequer`. Everything it does is in the library beside it.

use std::process::ExitCode;

/// Why not the C library's: docs/dependencies.md.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    exchequer_node::cli::main(std::env::args_os())
}
