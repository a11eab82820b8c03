//! Packs with zlib, which libgit2 brings anyway, the long texts that a run seldom reads (`base::packed` unpacks them).

#![allow(clippy::print_stdout, clippy::disallowed_methods, reason = "this is how a build script talks and asks")]

use std::env::var;
use std::error::Error;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::ZlibEncoder;

/// The texts, by the names that they have in the binary.
const PACKED: [(&str, &str); 1] = [("openapi.json", "docs/openapi.json")];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    let out = PathBuf::from(var("OUT_DIR")?);
    for (name, path) in PACKED {
        let path = Path::new("..").join(path);
        println!("cargo::rerun-if-changed={}", path.display());
        let mut packer = ZlibEncoder::new(Vec::new(), Compression::best());
        packer.write_all(&fs::read(path)?)?;
        fs::write(out.join(format!("{name}.z")), packer.finish()?)?;
    }
    Ok(())
}
