//! The products that a bench may ask about: those of a file, and those that it has captured itself.

use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, BufWriter, Write as _};
use std::path::Path;

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use crate::cli::bench::recipe::Recipe;
use crate::cli::failure::{Failure, with_causes};

/// What cannot stand in a query as it is (RFC 3986 §3.4), or would mean something else there.
const NOT_IN_QUERY: &AsciiSet =
    &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'%').add(b'&').add(b'+').add(b'<').add(b'>');

/// The same choices in every run.
const SEED: u64 = 9162;

/// Products to choose from.
pub struct Ids {
    /// Those of the file, ready for a query, one behind the other.
    text: String,
    ends: Vec<usize>,
    /// Statements of this run that were captured and commissioned something.
    captured: Vec<u64>,
    random: fastrand::Rng,
}

impl Ids {
    /// Reads a file of one id a line; a file that is not there has none.
    pub fn read(path: Option<&Path>) -> Result<Self, Failure> {
        let mut ids = Self {
            text: String::new(),
            ends: Vec::new(),
            captured: Vec::new(),
            random: fastrand::Rng::with_seed(SEED),
        };
        let Some(path) = path.filter(|path| path.exists()) else { return Ok(ids) };
        let cannot = |error: std::io::Error| {
            Failure::wrong_use(format!("cannot read the ids in {}: {}", path.display(), with_causes(&error)))
        };
        for line in BufReader::new(File::open(path).map_err(cannot)?).lines() {
            let line = line.map_err(cannot)?;
            if !line.trim().is_empty() {
                ids.text.extend(utf8_percent_encode(line.trim(), NOT_IN_QUERY));
                ids.ends.push(ids.text.len());
            }
        }
        Ok(ids)
    }

    pub const fn is_empty(&self) -> bool {
        self.ends.is_empty() && self.captured.is_empty()
    }

    /// Products in all.
    pub fn count(&self, recipe: Option<&Recipe>) -> u64 {
        let commissioned = |statement: &u64| recipe.map_or(0..0, |recipe| recipe.commissioned(*statement));
        let made = self.captured.iter().map(commissioned).map(|products| products.end - products.start);
        self.ends.len() as u64 + made.sum::<u64>()
    }

    /// Remembers that a statement of this run was captured.
    pub fn add(&mut self, recipe: &Recipe, statement: u64) {
        if !recipe.commissioned(statement).is_empty() {
            self.captured.push(statement);
        }
    }

    /// Any of them, each as likely as another, as it stands in a query. `None` when there is none.
    pub fn choose(&mut self, recipe: Option<&Recipe>) -> Option<String> {
        let made = recipe.map_or(0, |_| self.captured.len());
        // `checked_sub` leaves out the empty choice.
        let at = self.random.usize(0..(self.ends.len() + made).checked_sub(1)? + 1);
        if let Some(end) = self.ends.get(at) {
            let start = at.checked_sub(1).map_or(0, |before| self.ends[before]);
            return self.text.get(start..*end).map(str::to_owned);
        }
        let products = recipe?.commissioned(*self.captured.get(at - self.ends.len())?);
        Some(recipe?.id(self.random.u64(products)))
    }

    /// Adds what this run has captured to the file.
    pub fn append_to(&self, path: &Path, recipe: &Recipe) -> Result<(), Failure> {
        let cannot = |error: std::io::Error| {
            Failure::unreachable(format!("cannot write the ids into {}: {}", path.display(), with_causes(&error)))
        };
        let mut file = BufWriter::new(OpenOptions::new().create(true).append(true).open(path).map_err(cannot)?);
        let mut line = String::new();
        for product in self.captured.iter().flat_map(|statement| recipe.commissioned(*statement)) {
            line.clear();
            // Writing to a String does not fail.
            let _ = writeln!(line, "{}", recipe.id(product));
            file.write_all(line.as_bytes()).map_err(cannot)?;
        }
        file.flush().map_err(cannot)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_a_file_is_chosen_and_fits_a_query() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ids");
        std::fs::write(&path, "https://id.gs1.org/01/09506000134352/21/A\n\nurn:x:a b&c\n").unwrap();
        let mut ids = Ids::read(Some(&path)).unwrap();
        assert_eq!(ids.count(None), 2);
        let chosen: std::collections::BTreeSet<_> = (0..64).filter_map(|_| ids.choose(None)).collect();
        let expected = ["https://id.gs1.org/01/09506000134352/21/A", "urn:x:a%20b%26c"];
        assert_eq!(chosen, expected.map(str::to_owned).into());
    }

    #[test]
    fn no_file_has_no_ids() {
        let mut ids = Ids::read(Some(Path::new("/nowhere/at-all"))).unwrap();
        assert!(ids.is_empty());
        assert_eq!(ids.choose(None), None);
    }
}
