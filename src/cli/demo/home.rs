//! The directory of a demonstration: empty, a member's own, or of several members with a record of how many.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::cli::data_dir::{DataDir, cannot};
use crate::cli::failure::Failure;
use crate::cli::founding::write_public;
use crate::pki::MEMBER_KEY_FILE;

const RECORD_FILE: &str = "demo.json";

/// What a demonstration of several members writes down in its directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct DemoRecord {
    members: usize,
    /// The story came to its end.
    told: bool,
}

/// Tells whether a demonstration of so many members begins in `home`; `false` if it is there to be shown again. Refuses a
/// directory of another kind, and a demonstration that was cut short.
pub fn is_fresh(home: &Path, members: usize) -> Result<bool, Failure> {
    let shown = home.display();
    let other = |kind: &str, go_on: &str| {
        Failure::wrong_use(format!(
            "{shown} has {kind}: run `sealane demo {go_on}` to go on with that, or choose another --data for a new one, or remove \
             {shown}"
        ))
    };
    let Some(record) = read(home)? else {
        let has_member = DataDir::unfinished(home).is_finished() || home.join(MEMBER_KEY_FILE).exists();
        return match (has_member, members) {
            (true, 2..) => Err(other("one member", "--members 1")),
            (has_member, _) => Ok(!has_member),
        };
    };
    if record.members != members {
        let go_on = format!("--members {}", record.members);
        return Err(other(&format!("the directories of {} members", record.members), &go_on));
    }
    if !record.told {
        return Err(Failure::unreachable(format!(
            "the demonstration in {shown} was cut short: remove {shown}, or choose another --data, and run this again"
        )));
    }
    Ok(false)
}

/// Writes down that a story of so many members begins, or that it came to its end.
pub fn record(home: &Path, members: usize, told: bool) -> Result<(), Failure> {
    let text = serde_json::to_string(&DemoRecord { members, told }).map_err(Failure::unreachable)?;
    write_public(&home.join(RECORD_FILE), &format!("{text}\n"))
}

fn read(home: &Path) -> Result<Option<DemoRecord>, Failure> {
    let path = home.join(RECORD_FILE);
    match fs::read(&path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|error| {
            Failure::unreachable(format!(
                "{} is not what a demonstration writes: {error}; choose another --data",
                path.display()
            ))
        }),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(cannot("read", &path, &error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_of_another_kind_says_how_to_go_on() {
        let dir = tempfile::tempdir().unwrap();
        let home = dir.path();
        assert!(is_fresh(home, 1).unwrap() && is_fresh(home, 4).unwrap());
        assert!(is_fresh(&home.join("none"), 4).unwrap());
        let refused = |members: usize, code: u8, words: &str| {
            let failure = is_fresh(home, members).unwrap_err();
            assert_eq!(failure.exit_code(), code, "{failure}");
            assert!(failure.to_string().contains(words), "{failure}");
        };
        record(home, 4, false).unwrap();
        refused(4, 3, "was cut short: remove ");
        record(home, 4, true).unwrap();
        assert!(!is_fresh(home, 4).unwrap());
        refused(1, 2, "has the directories of 4 members: run `sealane demo --members 4` to go on");
        refused(5, 2, "has the directories of 4 members");
        fs::write(home.join(RECORD_FILE), "{}").unwrap();
        refused(4, 3, "demo.json is not what a demonstration writes");
        fs::remove_file(home.join(RECORD_FILE)).unwrap();
        fs::write(home.join(MEMBER_KEY_FILE), "").unwrap();
        refused(4, 2, "has one member: run `sealane demo --members 1` to go on");
        assert!(!is_fresh(home, 1).unwrap());
    }
}
