//! The pages as people meet them: headless Chromium, driven through chromedriver, on the real binary.
//!
//! `chromium` drives the browser, `stage` has a ledger with a product of each verdict, and `proxy` stands between page and
//! server and alters what passes. The rest are tests. Nothing here sleeps: a test waits for what the page shows.
//!
//! `SEALANE_SCREENSHOTS=DIR cargo test --test browser looks` writes a picture of every page in every look into DIR.

mod chromium;
mod codes;
mod console;
mod fetching;
mod front;
mod kinds;
mod labelled;
mod language;
mod list;
mod loading;
mod looks;
mod product;
mod proof;
mod proxy;
mod scan;
#[expect(dead_code, reason = "the tests of the binary need more of it")]
#[path = "../system/signer.rs"]
mod signer;
mod slow_line;
mod stage;
mod strict;
#[expect(dead_code, reason = "the tests of the binary need more of it")]
#[path = "../system/support.rs"]
mod support;
mod tampering;
