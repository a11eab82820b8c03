//! What of the build depends on the machine: where the C library can read packed relocations, the linker packs them.
//!
//! They are 320 KB of the binary otherwise. glibc reads them since 2.36; a linker that does not know the option ignores
//! it. Builds for another machine, and for other C libraries, do without.

#![allow(clippy::print_stdout, clippy::disallowed_methods, reason = "this is how a build script talks and asks")]

use std::env::var;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let is = |name: &str, value: &str| var(name).is_ok_and(|found| found == value);
    let at_home = var("HOST").ok() == var("TARGET").ok();
    if at_home && is("CARGO_CFG_TARGET_OS", "linux") && is("CARGO_CFG_TARGET_ENV", "gnu") && glibc() >= Some((2, 36)) {
        println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
}

/// `glibc 2.36`: the two numbers.
fn glibc() -> Option<(u32, u32)> {
    let said = Command::new("getconf").arg("GNU_LIBC_VERSION").output().ok()?;
    let said = String::from_utf8(said.stdout).ok()?;
    let (major, minor) = said.trim().strip_prefix("glibc ")?.split_once('.')?;
    Some((major.parse().ok()?, minor.split('.').next()?.parse().ok()?))
}
