//! What a command prints: text for people, or one JSON value for programs.

use std::io::{self, BufRead, ErrorKind, IsTerminal, Write};
use std::ops::RangeInclusive;

use serde::Serialize;
use unicode_width::UnicodeWidthStr;

use crate::cli::arguments::Global;
use crate::cli::failure::Failure;
use sealane_core::consortium::is_invisible;

/// Characters of what others may have written in one message: the longest id, and what is wrong with it.
const EXCERPT_CHARS_MAX: usize = 2_000;

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
        eprintln!("sealane: {}", printable(line.as_ref()));
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

/// The text with every character escaped that a terminal obeys or does not show: control characters but line breaks,
/// and those that turn or hide text. Most of what is printed comes from others.
pub fn printable(text: &str) -> String {
    // Beside what no name may hold, the marks around annotations.
    let hidden = |c: char| is_invisible(c) || matches!(c, '\u{fff9}'..='\u{fffb}');
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if (c.is_control() && c != '\n') || hidden(c) {
            shown.extend(c.escape_unicode());
        } else {
            shown.push(c);
        }
    }
    shown
}

/// The beginning of what others may have written, on one line: no line of theirs looks like one of ours, and none is
/// endless.
pub fn excerpt(text: &str) -> String {
    let mut shown: String = text.chars().take(EXCERPT_CHARS_MAX).collect::<String>().replace('\n', "\\n");
    if text.chars().nth(EXCERPT_CHARS_MAX).is_some() {
        shown.push('…');
    }
    shown
}

/// Prints a line. A reader that has gone away, as `head` does, ends the program quietly; output that is lost for another reason, as on
/// a full disk, ends it with exit code 3.
fn print_line(line: &str) {
    let mut out = io::stdout().lock();
    let printed = writeln!(out, "{}", printable(line)).and_then(|()| out.flush());
    match printed {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::BrokenPipe => std::process::exit(0),
        Err(error) => {
            let lost = Failure::unreachable(format!(
                "the result is lost: standard output cannot be written ({error}). What was done is done; see to the file or disk that \
                 it goes to, and run this again"
            ));
            lost.print();
            std::process::exit(lost.exit_code().into());
        }
    }
}

/// Lines of a table, each cell as wide as the widest of its column. Cells of the columns in `right` stand at their right.
pub fn columns<const N: usize>(rows: &[[String; N]], right: RangeInclusive<usize>) -> Vec<String> {
    let width = |column: usize| rows.iter().map(|row| row[column].width()).max().unwrap_or_default();
    let widths: [usize; N] = std::array::from_fn(width);
    let line = |row: &[String; N]| {
        let mut line = String::new();
        for (at, (cell, width)) in row.iter().zip(widths).enumerate() {
            let pad = " ".repeat(width - cell.width());
            let (before, after) = if right.contains(&at) { (pad.as_str(), "") } else { ("", pad.as_str()) };
            let gap = if at == 0 { "" } else { "  " };
            line.push_str(&format!("{gap}{before}{cell}{after}"));
        }
        line.trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

/// A text with which a sentence begins.
pub fn capital(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string());
    first.unwrap_or_default() + letters.as_str()
}

/// Asks the person at the terminal. `otherwise` says what to do where there is none, `refusal` what a no means.
pub fn ask(question: &str, otherwise: &str, refusal: &str) -> Result<(), Failure> {
    if !std::io::stdin().is_terminal() {
        return Err(Failure::wrong_use(format!("nobody is at the terminal to ask; {otherwise}")));
    }
    eprint!("{question}");
    let _ = std::io::stderr().flush();
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer).map_err(Failure::wrong_use)?;
    if matches!(answer.trim(), "y" | "Y" | "yes") { Ok(()) } else { Err(Failure::wrong_use(refusal)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_obeys_or_hides_is_escaped() {
        assert_eq!(printable("Søren & Co\nnext"), "Søren & Co\nnext");
        assert_eq!(printable("\u{1b}[2JAUTHENTIC"), "\\u{1b}[2JAUTHENTIC");
        assert_eq!(printable("a\u{202e}b\u{200b}c\r"), "a\\u{202e}b\\u{200b}c\\u{d}");
    }

    #[test]
    fn an_excerpt_is_one_line_with_an_end() {
        assert_eq!(excerpt("about x\n✓ authentic"), "about x\\n✓ authentic");
        assert_eq!(excerpt(&"é".repeat(EXCERPT_CHARS_MAX)), "é".repeat(EXCERPT_CHARS_MAX));
        assert_eq!(excerpt(&"é".repeat(9_000)), format!("{}…", "é".repeat(EXCERPT_CHARS_MAX)));
    }
}
