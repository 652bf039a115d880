//! PEM blocks (RFC 7468): strict inside a block, indifferent to the explanatory text around it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

/// Characters of base64 in one line (RFC 7468 §2).
const LINE_CHARS: usize = 64;

/// Bytes of a label, so that a message can show it. The longest in use is "ENCRYPTED PRIVATE KEY".
const LABEL_BYTES_MAX: usize = 64;

/// The byte order mark that some editors write before a text in UTF-8.
const MARK: char = '\u{feff}';

/// One block: what stands between a BEGIN line and its END line.
pub(super) struct Block {
    pub label: String,
    /// Wiped when dropped, since a block may hold a private key.
    pub contents: Zeroizing<Vec<u8>>,
}

/// Text in which a PEM block begins but does not hold together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PemError {
    #[error("line {line} begins a PEM block in a way no tool writes; it should read -----BEGIN …-----")]
    BadBegin { line: usize },
    #[error("the PEM block {label:?} that begins in line {line} has no -----END {label}----- line")]
    NoEnd { label: String, line: usize },
    #[error("the PEM block {label:?} that begins in line {line} is not base64 between its first and last line")]
    NotBase64 { label: String, line: usize },
}

/// Reads every block of `text`, in order.
pub(super) fn read(text: &str) -> Result<Vec<Block>, PemError> {
    let mut blocks = Vec::new();
    // Anything may stand before a block (RFC 7468 §2), so also a byte order mark, at the beginning and where files were joined.
    let mut lines = text.lines().enumerate().map(|(index, line)| (index + 1, line.trim_start_matches(MARK).trim_end()));
    while let Some((number, line)) = lines.next() {
        let Some(rest) = line.strip_prefix("-----BEGIN ") else { continue };
        let label = rest.strip_suffix("-----").filter(|label| label.len() <= LABEL_BYTES_MAX);
        let label = label.ok_or(PemError::BadBegin { line: number })?;
        blocks.push(read_block(label, number, &mut lines)?);
    }
    Ok(blocks)
}

/// Writes one block, with lines of 64 characters and a final newline.
pub(super) fn write(label: &str, contents: &[u8]) -> String {
    let encoded = STANDARD.encode(contents);
    let mut text = format!("-----BEGIN {label}-----\n");
    for (index, character) in encoded.chars().enumerate() {
        if index > 0 && index % LINE_CHARS == 0 {
            text.push('\n');
        }
        text.push(character);
    }
    text.push_str(&format!("\n-----END {label}-----\n"));
    text
}

fn read_block<'a>(
    label: &str,
    begin: usize,
    lines: &mut impl Iterator<Item = (usize, &'a str)>,
) -> Result<Block, PemError> {
    let end = format!("-----END {label}-----");
    let mut encoded = Zeroizing::new(String::new());
    for (_, line) in lines {
        if line == end {
            let contents = STANDARD
                .decode(encoded.as_bytes())
                .map_err(|_| PemError::NotBase64 { label: label.to_owned(), line: begin })?;
            return Ok(Block { label: label.to_owned(), contents: Zeroizing::new(contents) });
        }
        encoded.push_str(line.trim_start());
    }
    Err(PemError::NoEnd { label: label.to_owned(), line: begin })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_round_trip_whatever_stands_around_them() {
        for length in [0, 1, 47, 48, 49, 500] {
            let contents: Vec<u8> = (0..length).map(|n| n as u8).collect();
            let text = format!("Subject: O = X\r\n{}between\n{}after", write("A B", &contents), write("C", b"second"));
            let blocks = read(&text.replace('\n', "\r\n")).unwrap();
            assert_eq!(blocks.iter().map(|block| block.label.as_str()).collect::<Vec<_>>(), ["A B", "C"]);
            assert_eq!(*blocks[0].contents, contents);
            assert!(text.lines().all(|line| line.len() <= LINE_CHARS));
        }
        assert!(read("no block at all").unwrap().is_empty());
        let marked = format!("{MARK}{}{MARK}{}", write("A", b"first"), write("B", b"second"));
        let labels: Vec<String> = read(&marked).unwrap().into_iter().map(|block| block.label).collect();
        assert_eq!(labels, ["A", "B"], "a mark hides no block");
    }

    #[test]
    fn names_the_fault_and_its_line() {
        let fault = |text: &str| read(text).err().unwrap();
        assert_eq!(fault("x\n-----BEGIN A\n"), PemError::BadBegin { line: 2 });
        let long_label = format!("-----BEGIN {}-----\n", "A".repeat(65));
        assert_eq!(fault(&long_label), PemError::BadBegin { line: 1 });
        assert_eq!(fault("-----BEGIN A-----\nAAAA\n"), PemError::NoEnd { label: "A".to_owned(), line: 1 });
        let mislabelled = fault("-----BEGIN A-----\nAAAA\n-----END B-----\n");
        assert_eq!(mislabelled, PemError::NoEnd { label: "A".to_owned(), line: 1 });
        for inner in ["AAA", "AA=A", "AAA$", "Proc-Type: 4,ENCRYPTED", "AAB="] {
            let fault = fault(&format!("-----BEGIN A-----\n{inner}\n-----END A-----"));
            assert_eq!(fault, PemError::NotBase64 { label: "A".to_owned(), line: 1 }, "{inner}");
        }
    }
}
