//! A file system of a size of its own.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A file system of its own, where the machine lets this user mount one.
pub struct Mount(PathBuf);

impl Mount {
    pub fn make(dir: &Path, options: &str) -> Option<Self> {
        let mount = |arguments: &[&str]| {
            Command::new("mount").args(arguments).arg(dir).output().is_ok_and(|output| output.status.success())
        };
        if !mount(&["-t", "tmpfs", "-o", options, "tmpfs"]) {
            println!("skipped: this user may not mount a file system of its own");
            return None;
        }
        Some(Self(dir.to_owned()))
    }

    pub fn remount(&self, options: &str) {
        let options = format!("remount,{options}");
        assert!(Command::new("mount").args(["-o", &options]).arg(&self.0).status().unwrap().success());
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        // A mount that stays shows when the directory cannot be removed.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}
