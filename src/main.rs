//! The `attune` program: hands its arguments to the library and exits with what comes back.

use std::process::ExitCode;

// Plans are many small texts: with it they take a quarter less time.
#[global_allocator]
static MEMORY: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    attune::cli::main()
}
