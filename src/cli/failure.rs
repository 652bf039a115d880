//! How a command ends, and the exit code that says so.

use std::error::Error;
use std::fmt::{self, Display};
use std::io::{self, ErrorKind};

use crate::cli::output::printable;

pub const WRONG_USE: u8 = 2;

const FREE_SPACE: &str = "; free some space on that disk and run this again";

/// A command that did its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommandOutcome {
    /// Exit code 0. A verdict was `authentic`, where one was asked for.
    Done,
    /// Exit code 1: everything asked for was proven, and a verdict is another one.
    OtherVerdict,
}

/// A command that could not do its work.
#[derive(Debug)]
pub struct Failure {
    kind: Kind,
    message: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    WrongUse,
    Unreachable,
    Unproven,
}

impl CommandOutcome {
    pub const fn exit_code(self) -> u8 {
        match self {
            CommandOutcome::Done => 0,
            CommandOutcome::OtherVerdict => 1,
        }
    }
}

impl Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Failure {
    /// Exit code 2: the command or what it was given is wrong.
    pub fn wrong_use(message: impl Display) -> Self {
        Self { kind: Kind::WrongUse, message: message.to_string() }
    }

    /// Exit code 3: the server or the store cannot be reached, or refused.
    pub fn unreachable(message: impl Display) -> Self {
        Self { kind: Kind::Unreachable, message: message.to_string() }
    }

    /// Exit code 4: a proof or an audit fails.
    pub fn unproven(message: impl Display) -> Self {
        Self { kind: Kind::Unproven, message: message.to_string() }
    }

    pub const fn exit_code(&self) -> u8 {
        match self.kind {
            Kind::WrongUse => WRONG_USE,
            Kind::Unreachable => 3,
            Kind::Unproven => 4,
        }
    }

    /// Tells whether a server or a store could not be reached, or refused.
    pub fn is_unreachable(&self) -> bool {
        self.kind == Kind::Unreachable
    }

    pub fn print(&self) {
        eprintln!("sealane: {}", printable(&self.message));
    }
}

/// Writes an error with everything that caused it, and what to do about a file that could not be written.
pub fn with_causes(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = next_step(error);
    let mut cause = error.source();
    while let Some(inner) = cause {
        next = next.or_else(|| next_step(inner));
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text = format!("{text}: {inner_text}");
        }
        cause = inner.source();
    }
    text + next.unwrap_or_default()
}

/// What to do about a fault of the file system.
fn next_step(error: &(dyn Error + 'static)) -> Option<&'static str> {
    let Some(error) = error.downcast_ref::<io::Error>() else { return next_step_of_sqlite(&error.to_string()) };
    match error.kind() {
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            Some("; make it writable for this user, or choose another --data")
        }
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Some(FREE_SPACE),
        _ => None,
    }
}

/// SQLite tells of the file system in words alone.
fn next_step_of_sqlite(words: &str) -> Option<&'static str> {
    if words.contains("disk is full") {
        Some(FREE_SPACE)
    } else if words.contains("disk I/O error") {
        Some("; that disk may be full or failing: see to it and run this again")
    } else {
        None
    }
}

impl Failure {
    /// Names the file that the failure is about.
    pub fn about(self, file: &std::path::Path) -> Self {
        Self { message: format!("{}: {}", file.display(), self.message), ..self }
    }
}
