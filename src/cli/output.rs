//! What a command prints: text for people, or one JSON value for programs.

use std::io::{self, Write};

use serde::Serialize;

use crate::cli::arguments::Global;

/// Where and how results are printed.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    json: bool,
    quiet: bool,
}

impl Output {
    pub fn new(global: &Global) -> Self {
        Self { json: global.json, quiet: global.quiet }
    }

    pub const fn is_json(&self) -> bool {
        self.json
    }

    /// Tells whether a progress bar has a place: people are reading, and want to.
    pub const fn shows_progress(&self) -> bool {
        !self.json && !self.quiet
    }

    /// Tells people something on the way; programs and the quiet are spared.
    pub fn say(&self, line: impl AsRef<str>) {
        if !self.json && !self.quiet {
            print_line(line.as_ref());
        }
    }

    /// Tells people something that they must not miss, beside the result.
    pub fn warn(&self, line: impl AsRef<str>) {
        eprintln!("sealane: {}", line.as_ref());
    }

    /// Prints the result: `value` for programs, `text` for people, however quiet.
    pub fn result(&self, value: &impl Serialize, text: impl AsRef<str>) {
        if self.json {
            match serde_json::to_string(value) {
                Ok(line) => print_line(&line),
                Err(error) => eprintln!("sealane: the result cannot be written as JSON: {error}"),
            }
        } else {
            print_line(text.as_ref());
        }
    }
}

/// Prints a line; a reader that has gone away, as `head` does, ends the program quietly.
fn print_line(line: &str) {
    if writeln!(io::stdout(), "{line}").is_err() {
        std::process::exit(0);
    }
}
