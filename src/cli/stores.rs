//! A store as people name it: a ledger's file, a data directory, or a database's URL.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::cli::data_dir::{DataDir, Lock, server};
use crate::cli::failure::{Failure, with_causes};
use crate::config::Secret;
use crate::ports::LedgerStore;
use crate::store::{PostgresStore, SqliteStore};

/// Where a ledger is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreName {
    Path(PathBuf),
    /// `postgres://…`, which may hold a password.
    Postgres(Secret),
}

impl FromStr for StoreName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once("://") {
            Some(("postgres" | "postgresql", _)) => Ok(Self::Postgres(Secret::from(text.to_owned()))),
            Some((scheme, _)) => {
                Err(format!("a store is a file, a data directory or postgres://…, and no {scheme}:// address"))
            }
            None if text.is_empty() => Err("a store is a file, a data directory or postgres://…".to_owned()),
            None => Ok(Self::Path(text.into())),
        }
    }
}

impl StoreName {
    /// Opens the store to read it as of now, while others may write. `authorities` are who a database's certificate is
    /// checked against, if not the platform's.
    pub async fn read(&self, authorities: Option<&Path>) -> Result<Box<dyn LedgerStore>, Failure> {
        match self {
            Self::Path(path) => {
                let store = SqliteStore::open_read_only(&ledger_file(path));
                Ok(Box::new(store.map_err(|error| Failure::unreachable(with_causes(&error)))?))
            }
            Self::Postgres(url) => {
                let store = PostgresStore::open_snapshot(&server("the store's URL", url, authorities)?).await;
                Ok(Box::new(store.map_err(|error| Failure::unreachable(with_causes(&error)))?))
            }
        }
    }

    /// Opens the store to write into it, and makes it where there is none. No node serves it while the lock is held.
    pub async fn write(&self, authorities: Option<&Path>) -> Result<(Box<dyn LedgerStore>, Option<Lock>), Failure> {
        match self {
            Self::Path(path) => {
                let lock = data_dir_of(path)?.map(|data| data.lock()).transpose()?;
                let file = ledger_file(path);
                let store = if file.exists() { SqliteStore::open(&file) } else { SqliteStore::create(&file) };
                Ok((Box::new(store.map_err(|error| Failure::unreachable(with_causes(&error)))?), lock))
            }
            Self::Postgres(url) => {
                let holder = format!("process {} with a copy", std::process::id());
                let store = PostgresStore::create(&server("the store's URL", url, authorities)?, &holder).await;
                Ok((Box::new(store.map_err(|error| Failure::unreachable(with_causes(&error)))?), None))
            }
        }
    }

    /// Tells whether both are the same file.
    pub fn is(&self, other: &Self) -> bool {
        let place = |name: &Self| match name {
            Self::Path(path) => ledger_file(path).canonicalize().ok(),
            Self::Postgres(_) => None,
        };
        self == other || place(self).is_some_and(|one| place(other) == Some(one))
    }
}

/// The ledger's file in a directory, or the file itself.
pub fn ledger_file(path: &Path) -> PathBuf {
    if path.is_dir() { DataDir::ledger_in(path) } else { path.to_owned() }
}

/// The data directory that a path names, or whose ledger it names.
fn data_dir_of(path: &Path) -> Result<Option<DataDir>, Failure> {
    if path.is_dir() {
        return DataDir::open(path).map(Some);
    }
    match path.parent().filter(|dir| DataDir::ledger_in(dir) == path) {
        Some(dir) => DataDir::open_if_there(dir),
        None => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_is_a_path_or_a_database() {
        assert_eq!("data".parse(), Ok(StoreName::Path("data".into())));
        assert_eq!("a/b.sqlite".parse(), Ok(StoreName::Path("a/b.sqlite".into())));
        for text in ["postgres://u:p@h/db", "postgresql://h/db"] {
            assert_eq!(text.parse(), Ok(StoreName::Postgres(Secret::from(text.to_owned()))));
        }
        for text in ["", "http://node", "mysql://h/db"] {
            let refused = text.parse::<StoreName>().unwrap_err();
            assert!(refused.contains("a store is a file, a data directory or postgres://"), "{refused}");
        }
    }
}
