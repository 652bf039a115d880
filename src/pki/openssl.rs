//! The openssl program, as an outsider uses it; tests only.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Output};

use tempfile::TempDir;

/// Arguments that write a P-256 key in PKCS#8 to `key.pem`.
pub const P256_KEY: &[&str] =
    &["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-out", "key.pem"];

/// A directory of its own in which openssl runs; removed when dropped.
pub struct Openssl(TempDir);

impl Openssl {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o700)).unwrap();
        Self(dir)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    pub fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    /// Runs openssl, which must succeed, and returns all that it printed.
    pub fn run(&self, args: &[&str]) -> String {
        let output = self.output(args);
        let printed = [output.stdout, output.stderr].concat();
        let printed = String::from_utf8_lossy(&printed).into_owned();
        assert!(output.status.success(), "openssl {}: {printed}", args.join(" "));
        printed
    }

    /// Runs openssl, which must not succeed.
    pub fn fails(&self, args: &[&str]) {
        assert!(!self.output(args).status.success(), "openssl {} succeeded", args.join(" "));
    }

    fn output(&self, args: &[&str]) -> Output {
        Command::new("openssl")
            .args(args)
            .current_dir(self.0.path())
            .output()
            .expect("these tests need the openssl program; install the package openssl")
    }
}
