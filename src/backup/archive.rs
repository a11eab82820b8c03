//! The archive inside of the sealed stream: a list of its files, then their bytes one after another.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::base::disk::{self, Access, DiskError};
use crate::base::secret::Secret;

use super::error::BackupError;
use super::seal::{self, Key, Opener, Sealer, Unusable};

/// No list of files is longer, in bytes.
const LONGEST_LIST: u32 = 16 << 20;

/// A file on its way into an archive.
#[derive(Debug)]
pub struct Item {
    /// Its path from moai's home on, with `/`.
    pub path: String,
    /// Its permissions.
    pub mode: u32,
    /// What is in it.
    pub content: Content,
}

/// Where an item's bytes are.
#[derive(Debug)]
pub enum Content {
    /// In memory.
    Bytes(Vec<u8>),
    /// In memory, and not to be seen.
    Secret(Secret),
    /// In a file that nobody changes meanwhile.
    File(PathBuf),
}

/// What an archive says of itself, once it is open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The version of this form.
    pub schema: u32,
    /// The moai that made it.
    pub moai: String,
    /// When.
    pub created: jiff::Timestamp,
    /// On which machine.
    pub machine: String,
    /// Whether keys are in it.
    pub keys: bool,
    /// How many requests the journal in it has.
    pub rows: Option<u64>,
    /// Its files in their order.
    pub files: Vec<Entry>,
}

/// A file of an archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its path from moai's home on.
    pub path: String,
    /// Its bytes.
    pub size: u64,
    /// Its permissions.
    pub mode: u32,
}

impl Manifest {
    /// The bytes of all files.
    pub fn size(&self) -> u64 {
        self.files.iter().map(|file| file.size).sum()
    }

    /// Whether it has this file.
    pub fn has(&self, path: &str) -> bool {
        self.files.iter().any(|file| file.path == path)
    }
}

/// A backup that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Where it is.
    pub path: PathBuf,
    /// Its size.
    pub size: u64,
    /// What is in it.
    pub manifest: Manifest,
}

/// Writes an archive to `path`, 0600 and in one step; a file that is there already is never replaced. `about` says
/// everything but the files.
pub fn create(path: &Path, about: Manifest, items: &[Item], passphrase: &Secret) -> Result<Written, BackupError> {
    let fail = |error| BackupError::Disk(DiskError::io("write", path)(error));
    let mut manifest = about;
    manifest.files = items.iter().map(entry).collect::<Result<_, _>>()?;
    let key = Key::new(passphrase)?;
    let dir = path.parent().unwrap_or_else(|| Path::new("."));
    disk::create_dirs(dir, Access::Private)?;
    let mut temp = tempfile::Builder::new().prefix(&disk::unfinished(path)).tempfile_in(dir).map_err(fail)?;
    let sealed =
        Sealer::begin(BufWriter::new(temp.as_file_mut()), &key).and_then(|sealer| write(sealer, &manifest, items));
    sealed.map_err(fail)?;
    temp.as_file().sync_all().map_err(fail)?;
    temp.persist_noclobber(path).map_err(|error| fail(error.error))?;
    let size = std::fs::metadata(path).map_err(fail)?.len();
    Ok(Written { path: path.to_path_buf(), size, manifest })
}

fn entry(item: &Item) -> Result<Entry, BackupError> {
    let size = match &item.content {
        Content::Bytes(bytes) => bytes.len() as u64,
        Content::Secret(secret) => secret.expose().len() as u64,
        Content::File(path) => std::fs::metadata(path).map_err(DiskError::io("read", path))?.len(),
    };
    Ok(Entry { path: item.path.clone(), size, mode: item.mode })
}

fn write<W: Write>(mut out: Sealer<'_, W>, manifest: &Manifest, items: &[Item]) -> io::Result<()> {
    let list = serde_json::to_vec(manifest).map_err(io::Error::other)?;
    let length = u32::try_from(list.len()).ok().filter(|length| *length <= LONGEST_LIST);
    let length = length.ok_or_else(|| io::Error::other("there are too many files"))?;
    out.write_all(&length.to_be_bytes())?;
    out.write_all(&list)?;
    for (item, entry) in items.iter().zip(&manifest.files) {
        match &item.content {
            Content::Bytes(bytes) => out.write_all(bytes)?,
            Content::Secret(secret) => out.write_all(secret.expose().as_bytes())?,
            Content::File(path) => {
                let copied = io::copy(&mut File::open(path)?.take(entry.size), &mut out)?;
                if copied != entry.size {
                    return Err(io::Error::other("a file became shorter while it was read"));
                }
            }
        }
    }
    out.finish()?.flush()
}

/// An archive whose every byte has been found authentic.
pub struct Archive {
    path: PathBuf,
    key: Key,
    manifest: Manifest,
}

impl Archive {
    /// Opens an archive and reads all of it once: what is damaged anywhere is refused here, as a whole.
    pub fn open(path: &Path, passphrase: &Secret) -> Result<Self, BackupError> {
        let fail = |error| BackupError::Disk(DiskError::io("read", path)(error));
        // Opening a pipe would wait for its writer for ever.
        if std::fs::metadata(path).is_ok_and(|meta| !meta.is_file()) {
            return Err(BackupError::Foreign { path: path.to_path_buf() });
        }
        let start = seal::start(&mut File::open(path).map_err(fail)?).map_err(fail)?;
        let path = path.to_path_buf();
        let key = Key::of(&start, passphrase).map_err(|why| match why {
            Unusable::Foreign => BackupError::Foreign { path: path.clone() },
            Unusable::Newer(found) => BackupError::Newer { path: path.clone(), found, known: seal::VERSION },
            Unusable::Passphrase => BackupError::Passphrase { path: path.clone() },
        })?;
        let empty = Manifest {
            schema: 0,
            moai: String::new(),
            created: jiff::Timestamp::UNIX_EPOCH,
            machine: String::new(),
            keys: false,
            rows: None,
            files: Vec::new(),
        };
        let mut archive = Self { path, key, manifest: empty };
        archive.manifest = archive.read_all()?;
        Ok(archive)
    }

    /// What is in it.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Reads everything, and keeps the list.
    fn read_all(&self) -> Result<Manifest, BackupError> {
        let mut stream = self.stream()?;
        let manifest = list(&mut stream).map_err(|error| self.broken(error))?;
        let rest = io::copy(&mut stream, &mut io::sink()).map_err(|error| self.broken(error))?;
        let safe = manifest.files.iter().all(|file| is_safe(&file.path));
        if rest != manifest.size() || !safe || manifest.schema != 1 {
            return Err(BackupError::Damaged { path: self.path.clone() });
        }
        Ok(manifest)
    }

    /// Writes its files below `dir`, which is empty.
    pub fn extract(&self, dir: &Path) -> Result<(), BackupError> {
        let mut stream = self.stream()?;
        list(&mut stream).map_err(|error| self.broken(error))?;
        for file in &self.manifest.files {
            let place = dir.join(&file.path);
            let fail = |error| BackupError::Disk(DiskError::io("write", &place)(error));
            disk::create_dirs(place.parent().unwrap_or(dir), Access::Private)?;
            let mut out = options(file.mode).open(&place).map_err(fail)?;
            let copied = io::copy(&mut (&mut stream).take(file.size), &mut out);
            let copied = copied.map_err(|error| match error.kind() {
                io::ErrorKind::InvalidData => self.broken(error),
                _ => fail(error),
            })?;
            if copied != file.size {
                return Err(BackupError::Damaged { path: self.path.clone() });
            }
            out.sync_all().map_err(fail)?;
        }
        Ok(())
    }

    fn stream(&self) -> Result<Opener<'_, BufReader<File>>, BackupError> {
        let file = File::open(&self.path).map_err(DiskError::io("read", &self.path))?;
        Opener::begin(BufReader::new(file), &self.key).map_err(|error| self.broken(error))
    }

    /// A byte that is not as it was written, or a disk that does not read.
    fn broken(&self, error: io::Error) -> BackupError {
        match error.kind() {
            io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => {
                BackupError::Damaged { path: self.path.clone() }
            }
            _ => BackupError::Disk(DiskError::io("read", &self.path)(error)),
        }
    }
}

fn options(mode: u32) -> std::fs::OpenOptions {
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true).mode(mode & 0o700 | 0o600 | mode & 0o044);
    options
}

/// The list that the stream begins with.
fn list(stream: &mut impl Read) -> io::Result<Manifest> {
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let length = u32::from_be_bytes(length);
    if length > LONGEST_LIST {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut text = Vec::new();
    stream.take(length.into()).read_to_end(&mut text)?;
    serde_json::from_slice(&text).map_err(|_error| io::ErrorKind::InvalidData.into())
}

/// Whether a path stays where it is put: names alone, nothing that leads up or elsewhere.
fn is_safe(path: &str) -> bool {
    !path.is_empty() && Path::new(path).components().all(|part| matches!(part, Component::Normal(_)))
}
