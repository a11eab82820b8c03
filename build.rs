//! What of linking depends on the machine.
//!
//! Where the C library can read packed relocations, the linker packs them: they are 320 KB of the binary otherwise.
//! glibc reads them since 2.36; a linker that does not know the option ignores it. Where the linker can lay functions and
//! constants of the same bytes on one another, it does: 180 KB. Builds for another machine do without both.

#![allow(clippy::print_stdout, clippy::disallowed_methods, reason = "this is how a build script talks and asks")]

use std::env::var;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What is the same, functions and constants, is there once.
const FOLDING: &str = "-Wl,--icf=all,--ignore-data-address-equality";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    let out = PathBuf::from(var("OUT_DIR")?);
    let is = |name: &str, value: &str| var(name).is_ok_and(|found| found == value);
    if var("HOST").ok() == var("TARGET").ok() && is("CARGO_CFG_TARGET_OS", "linux") {
        if is("CARGO_CFG_TARGET_ENV", "gnu") && glibc() >= Some((2, 36)) {
            println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
        }
        if is("PROFILE", "release") && links_with(FOLDING, &out) {
            println!("cargo::rustc-link-arg-bins={FOLDING}");
        }
    }
    Ok(())
}

/// Whether the linker of this build knows an option; GNU's calls an unknown one an error.
fn links_with(option: &str, out: &Path) -> bool {
    let Ok(rustc) = var("RUSTC") else { return false };
    let source = out.join("probe.rs");
    let program = out.join("probe");
    fs::write(&source, "fn main() {}\n").is_ok()
        && Command::new(rustc)
            .arg(&source)
            .arg("-o")
            .arg(&program)
            .arg(format!("-Clink-arg={option}"))
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
}

/// `glibc 2.36`: the two numbers.
fn glibc() -> Option<(u32, u32)> {
    let said = Command::new("getconf").arg("GNU_LIBC_VERSION").output().ok()?;
    let said = String::from_utf8(said.stdout).ok()?;
    let (major, minor) = said.trim().strip_prefix("glibc ")?.split_once('.')?;
    Some((major.parse().ok()?, minor.split('.').next()?.parse().ok()?))
}
