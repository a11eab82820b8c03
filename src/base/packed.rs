//! Long texts that lie packed in the binary (`build.rs` packs them), and those that are packed for the way.

use std::io::Read as _;

use flate2::Compression;
use flate2::read::{GzEncoder, ZlibDecoder};

/// The text that `build.rs` packed.
#[expect(clippy::expect_used, reason = "what is packed is part of the program, and tests unpack all of it")]
pub fn unpack(packed: &[u8]) -> String {
    let mut text = String::with_capacity(packed.len() * 4);
    ZlibDecoder::new(packed).read_to_string(&mut text).expect("a text that the build packed");
    text
}

/// The text by gzip, quickly rather than as small as can be.
pub fn gzip(text: &str) -> Vec<u8> {
    let mut packed = Vec::new();
    // Reading from memory does not fail.
    drop(GzEncoder::new(text.as_bytes(), Compression::fast()).read_to_end(&mut packed));
    packed
}
