//! The `attune` program.

use std::process::ExitCode;

// Planning allocates many small strings. mimalloc saves a quarter of the time.
#[global_allocator]
static MEMORY: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    attune::cli::main()
}
