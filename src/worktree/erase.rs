//! Deleting a tree for good. Symlinks are removed, never followed; a mount point anywhere inside stops it before
//! the first file goes, so that neither a linked nor a mounted directory is ever emptied.

use std::ffi::OsString;
use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use crate::base::disk::DiskError;

/// Deletes the directory `tree` and all below it; one that is not there is fine. `tree` is canonical.
pub(super) fn erase(tree: &Path) -> Result<(), DiskError> {
    let fail = |error| DiskError::io("delete", tree)(error);
    let meta = match fs::symlink_metadata(tree) {
        Ok(meta) => meta,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(fail(error)),
    };
    if !meta.is_dir() {
        return Err(fail(io::Error::new(ErrorKind::NotADirectory, "it is not a directory, or it is a symbolic link")));
    }
    if let Some(mount) = mounts_within(tree).into_iter().next() {
        return Err(DiskError::io("delete", &mount)(io::Error::other("another file system is mounted there")));
    }
    check_device(tree, meta.dev())?;
    match fs::remove_dir_all(tree) {
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            // Directories without the write bit (Go's module cache makes them) keep their entries.
            open_up(tree).and_then(|()| fs::remove_dir_all(tree)).map_err(fail)
        }
        done => done.map_err(fail),
    }
}

/// The mount points at `tree` and below it; empty where the system does not tell.
pub(super) fn mounts_within(tree: &Path) -> Vec<PathBuf> {
    let table = fs::read("/proc/self/mountinfo").unwrap_or_default();
    mount_points(&table).filter(|mount| mount.starts_with(tree)).collect()
}

/// The fifth field of each line, with `\040` and its kin decoded.
fn mount_points(table: &[u8]) -> impl Iterator<Item = PathBuf> {
    table.split(|byte| *byte == b'\n').filter_map(|line| {
        let field = line.split(|byte| *byte == b' ').nth(4)?;
        let mut bytes = Vec::with_capacity(field.len());
        let mut rest = field;
        while let Some((first, after)) = rest.split_first() {
            let octal = after.get(..3).and_then(|three| std::str::from_utf8(three).ok());
            let decoded = octal.and_then(|text| u8::from_str_radix(text, 8).ok()).filter(|_| *first == b'\\');
            bytes.push(decoded.unwrap_or(*first));
            rest = if decoded.is_some() { after.get(3..).unwrap_or_default() } else { after };
        }
        Some(PathBuf::from(OsString::from_vec(bytes)))
    })
}

/// Fails on the first directory that lies on another device (systems without a mount table).
fn check_device(dir: &Path, device: u64) -> Result<(), DiskError> {
    let fail = |error| DiskError::io("read", dir)(error);
    let Ok(entries) = fs::read_dir(dir) else { return Ok(()) };
    for entry in entries {
        let entry = entry.map_err(fail)?;
        if !entry.file_type().map_err(fail)?.is_dir() {
            continue;
        }
        let path = entry.path();
        let meta = fs::symlink_metadata(&path).map_err(fail)?;
        if meta.dev() != device {
            return Err(DiskError::io("delete", &path)(io::Error::other("it lies on another file system")));
        }
        check_device(&path, device)?;
    }
    Ok(())
}

fn open_up(dir: &Path) -> io::Result<()> {
    let mode = fs::symlink_metadata(dir)?.permissions().mode();
    fs::set_permissions(dir, fs::Permissions::from_mode(mode | 0o700))?;
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            open_up(&entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_go_and_what_they_point_to_stays() {
        let dir = tempfile::tempdir().unwrap();
        let outside = dir.path().join("outside");
        fs::create_dir(&outside).unwrap();
        fs::write(outside.join("precious"), "x").unwrap();
        let tree = dir.path().join("tree");
        fs::create_dir_all(tree.join("deep")).unwrap();
        std::os::unix::fs::symlink(&outside, tree.join("deep/link")).unwrap();
        std::os::unix::fs::symlink(&tree, dir.path().join("alias")).unwrap();

        assert!(erase(&dir.path().join("alias")).is_err(), "the root itself is a link");
        assert!(tree.exists());
        erase(&tree).unwrap();
        assert!(!tree.exists());
        assert_eq!(fs::read_to_string(outside.join("precious")).unwrap(), "x");
        erase(&tree).unwrap();
    }

    #[test]
    fn a_tree_without_write_bits_goes() {
        let dir = tempfile::tempdir().unwrap();
        let tree = dir.path().join("tree");
        fs::create_dir_all(tree.join("ro")).unwrap();
        fs::write(tree.join("ro/file"), "x").unwrap();
        fs::set_permissions(tree.join("ro"), fs::Permissions::from_mode(0o555)).unwrap();
        erase(&tree).unwrap();
        assert!(!tree.exists());
    }

    #[test]
    fn mount_points_are_decoded() {
        let table = b"22 1 8:1 / / rw - ext4 /dev/root rw\n36 22 0:31 / /mnt/a\\040b rw - tmpfs none rw\n";
        let mounts: Vec<_> = mount_points(table).collect();
        assert_eq!(mounts, [PathBuf::from("/"), PathBuf::from("/mnt/a b")]);
    }
}
