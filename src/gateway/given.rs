//! The access key that a container is given from outside, in a variable or in a file.

use std::path::Path;

use crate::base::world::World;

use super::access::{AccessError, secret};

/// The variable that may hold it.
pub(super) const GIVEN_VAR: &str = "MOAI_ACCESS_KEY";
/// The one that may name the file which does.
pub(super) const GIVEN_FILE_VAR: &str = "MOAI_ACCESS_KEY_FILE";
/// A given key is no shorter.
const SHORTEST: usize = 16;

/// The key that the environment gives.
pub(super) fn key(world: &World) -> Result<Option<String>, AccessError> {
    let (text, from) = match (world.env.text(GIVEN_VAR), world.env.text(GIVEN_FILE_VAR)) {
        (Some(text), _) => (text.trim().to_owned(), GIVEN_VAR),
        (None, Some(path)) => (secret(Path::new(path))?.unwrap_or_default(), path),
        (None, None) => return Ok(None),
    };
    let fits = text.len() >= SHORTEST && text.bytes().all(|byte| byte.is_ascii_graphic());
    if fits { Ok(Some(text)) } else { Err(AccessError::BadGiven(from.to_owned())) }
}
