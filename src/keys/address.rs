//! The address of a webhook: a secret like a key, for whoever has it can write there.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use crate::alert::UrlAt;
use crate::base::disk::{self, DiskError};
use crate::base::secret::Secret;
use crate::base::world::World;

/// Why there is none. No message holds a part of one.
#[derive(Debug, thiserror::Error)]
pub enum AddressError {
    /// The variable is not set.
    #[error("${0} is not set; a gateway has the environment that it was started in")]
    Unset(String),
    /// There is no such file.
    #[error("there is no file {}", .0.display())]
    Missing(PathBuf),
    /// Others than its owner may read it.
    #[error("others may read {}; take that away: `chmod 600 {}`", .0.display(), .0.display())]
    Exposed(PathBuf),
    /// What is there is no address, or one that would carry the secret in the clear.
    #[error("what is in {0} is no https:// address (http:// only to this machine)")]
    NotUrl(String),
    /// The file cannot be read.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

/// The address that is there.
pub fn require_address(world: &World, at: &UrlAt) -> Result<Secret, AddressError> {
    let (text, place) = match at {
        UrlAt::Variable(name) => {
            let text = world.env.text(name).ok_or_else(|| AddressError::Unset(name.clone()))?;
            (Secret::new(text.trim()), format!("${name}"))
        }
        UrlAt::File(path) => (file(path)?, path.display().to_string()),
    };
    if is_address(text.expose()) { Ok(text) } else { Err(AddressError::NotUrl(place)) }
}

fn file(path: &Path) -> Result<Secret, AddressError> {
    let text = disk::read_text(path)?.map(Secret::new).ok_or_else(|| AddressError::Missing(path.to_path_buf()))?;
    let mode = fs::metadata(path).map_err(DiskError::io("read", path))?.mode();
    if mode & 0o077 != 0 {
        return Err(AddressError::Exposed(path.to_path_buf()));
    }
    Ok(Secret::new(text.expose().trim()))
}

fn is_address(text: &str) -> bool {
    let plain = !text.chars().any(|c| c.is_whitespace() || c.is_control() || c == '\\');
    let host = |rest: &str| {
        let host = rest.split(['/', '?', '#', ':']).next().unwrap_or_default();
        (!host.is_empty() && !host.contains('@')).then(|| host.to_owned())
    };
    let local = |host: String| host == "localhost" || host == "127.0.0.1";
    plain
        && (text.strip_prefix("https://").is_some_and(|rest| host(rest).is_some())
            || text.strip_prefix("http://").and_then(host).is_some_and(local))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::base::world::Env;

    #[test]
    fn an_address_is_secret_and_goes_nowhere_in_the_clear() {
        for good in ["https://hooks.slack.com/services/T/B/x", "http://127.0.0.1:8080/x", "http://localhost"] {
            assert!(is_address(good), "{good}");
        }
        for bad in [
            "http://hooks.example/x",
            "https://",
            "hooks.slack.com",
            "https://a b",
            "ftp://x",
            "http://127.0.0.1.evil.org",
        ] {
            assert!(!is_address(bad), "{bad}");
        }
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("url");
        let world = World::scratch(
            dir.path(),
            dir.path(),
            [("HOOK", " https://h/SeCrEt\n"), ("BAD", "SeCrEt")].into_iter().collect::<Env>(),
        );
        let at = |name: &str| require_address(&world, &UrlAt::Variable(name.into()));
        assert_eq!(at("HOOK").unwrap().expose(), "https://h/SeCrEt");
        assert!(!at("BAD").unwrap_err().to_string().contains("SeCrEt"));
        assert!(matches!(at("NONE"), Err(AddressError::Unset(_))));
        let own = || require_address(&world, &UrlAt::File(path.clone()));
        assert!(matches!(own(), Err(AddressError::Missing(_))));
        fs::write(&path, "https://h/SeCrEt\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(own(), Err(AddressError::Exposed(_))));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(own().unwrap().expose(), "https://h/SeCrEt");
    }
}
