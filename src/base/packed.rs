//! Long texts that lie packed in the binary; `build.rs` packs them.

use std::io::Read as _;

use flate2::read::ZlibDecoder;

/// The text that `build.rs` packed.
#[expect(clippy::expect_used, reason = "what is packed is part of the program, and tests unpack all of it")]
pub fn unpack(packed: &[u8]) -> String {
    let mut text = String::with_capacity(packed.len() * 4);
    ZlibDecoder::new(packed).read_to_string(&mut text).expect("a text that the build packed");
    text
}
