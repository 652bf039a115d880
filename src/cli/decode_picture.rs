//! `decode-picture`: decodes one picture of a stranger's, in a process that ends itself when that takes too much.

use std::io;

use rlimit::{Resource, setrlimit};
use rustix::process::nice;

use crate::cli::failure::{CommandOutcome, Failure};
use crate::http::{DECODING_CPU_SECONDS_MAX, DECODING_MEMORY_BYTES_MAX, decode_picture};

/// How far the process stands back behind the node: a tenth of a core stays its own while the node needs all of them.
const NICENESS: i32 = 10;

/// What the process may take, and no more. It needs no file, and leaves no memory image behind.
const LIMITS: [(Resource, u64); 5] = [
    (Resource::AS, DECODING_MEMORY_BYTES_MAX),
    (Resource::CPU, DECODING_CPU_SECONDS_MAX),
    (Resource::FSIZE, 0),
    (Resource::NOFILE, 3),
    (Resource::CORE, 0),
];

pub fn run() -> Result<CommandOutcome, Failure> {
    // If the system refuses, the limits hold all the same.
    let _ = nice(NICENESS);
    for (resource, most) in LIMITS {
        setrlimit(resource, most, most).map_err(Failure::unreachable)?;
    }
    decode_picture(io::stdin().lock(), io::stdout().lock()).map_err(Failure::unreachable)?;
    Ok(CommandOutcome::Done)
}
