//! Parses the command line, runs it, and turns the outcome into an exit code.

/// Statements are taken apart into many small pieces by one thread and dropped by another, which the system's allocator
/// is slow at.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    sealane::cli::main()
}
