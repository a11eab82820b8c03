//! Random bytes from the operating system: for keys, nonces and ids.

use ring::rand::{SecureRandom as _, SystemRandom};

use super::failure::Explain;

/// The operating system gave no random bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the operating system gives no random bytes")]
pub struct NoRandom;

impl Explain for NoRandom {}

/// `N` random bytes, fit for keys.
pub fn bytes<const N: usize>() -> Result<[u8; N], NoRandom> {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).ok().ok_or(NoRandom)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    #[test]
    fn they_differ() {
        assert_ne!(super::bytes::<32>().unwrap(), super::bytes::<32>().unwrap());
    }
}
