//! The sealed stream: chunks of 64 KiB, each sealed with ChaCha20-Poly1305 under a key made from the passphrase
//! (PBKDF2-HMAC-SHA256). The nonce counts the chunks and says which is the last; the head is authenticated with each.
//! So nothing can be changed, exchanged, cut off or added without its being seen.

use std::io::{self, Read, Write};
use std::num::NonZeroU32;

use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use ring::{hmac, pbkdf2};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::base::random::{self, NoRandom};
use crate::base::secret::Secret;

/// The bytes of a chunk before it is sealed.
pub(super) const CHUNK: usize = 64 * 1024;
/// What sealing adds to one.
const TAG: usize = 16;
/// The rounds of a new backup: OWASP's Password Storage Cheat Sheet for PBKDF2-HMAC-SHA256, 2026-11.
const ROUNDS: u32 = 600_000;
/// A file that asks for more wants to keep the machine busy; for fewer, to be guessed.
const SANE_ROUNDS: std::ops::RangeInclusive<u32> = 100_000..=10_000_000;
/// The first line, before the version.
const MAGIC: &str = "moai-backup ";
/// The form that is written and read.
pub(super) const VERSION: u32 = 1;
/// No head is longer.
const LONGEST_HEAD: usize = 4096;

/// The second line of the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Head {
    kdf: String,
    rounds: u32,
    salt: String,
    check: String,
    cipher: String,
    chunk: usize,
}

/// Why a head cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unusable {
    /// The file is none of ours.
    Foreign,
    /// It is of a later form.
    Newer(u32),
    /// The passphrase is another one, or the head is damaged.
    Passphrase,
}

/// The key of one file, with the head that is authenticated beside every chunk.
pub(super) struct Key {
    cipher: LessSafeKey,
    head: Vec<u8>,
}

impl Key {
    /// A new one, for a new file.
    pub(super) fn new(passphrase: &Secret) -> Result<Self, NoRandom> {
        let salt: [u8; 32] = random::bytes()?;
        let bytes = derived(passphrase, &salt, ROUNDS).ok_or(NoRandom)?;
        let head = Head {
            kdf: "pbkdf2-hmac-sha256".into(),
            rounds: ROUNDS,
            salt: hex(&salt),
            check: check(&bytes),
            cipher: "chacha20-poly1305".into(),
            chunk: CHUNK,
        };
        let text = format!("{MAGIC}{VERSION}\n{}\n", serde_json::to_string(&head).unwrap_or_default());
        Ok(Self { cipher: cipher(&bytes).ok_or(NoRandom)?, head: text.into_bytes() })
    }

    /// The head, which the file begins with.
    pub(super) fn head(&self) -> &[u8] {
        &self.head
    }

    /// The key of a file that begins with `start`.
    pub(super) fn of(start: &[u8], passphrase: &Secret) -> Result<Self, Unusable> {
        let (head, text) = head(start)?;
        let salt = unhex(&head.salt).ok_or(Unusable::Passphrase)?;
        let known = head.kdf == "pbkdf2-hmac-sha256" && head.cipher == "chacha20-poly1305" && head.chunk == CHUNK;
        if !known || !SANE_ROUNDS.contains(&head.rounds) {
            return Err(Unusable::Passphrase);
        }
        let bytes = derived(passphrase, &salt, head.rounds).ok_or(Unusable::Passphrase)?;
        if check(&bytes) != head.check {
            return Err(Unusable::Passphrase);
        }
        Ok(Self { cipher: cipher(&bytes).ok_or(Unusable::Passphrase)?, head: text })
    }

    fn nonce(number: u64, last: bool) -> Nonce {
        let mut nonce = [0; 12];
        for (byte, counted) in nonce.iter_mut().skip(3).zip(number.to_be_bytes()) {
            *byte = counted;
        }
        nonce[11] = u8::from(last);
        Nonce::assume_unique_for_key(nonce)
    }
}

/// Whether a file begins as a backup does, of whichever version.
pub(super) fn is_ours(start: &[u8]) -> bool {
    start.starts_with(MAGIC.as_bytes())
}

/// The two lines that a file begins with, and their bytes.
fn head(start: &[u8]) -> Result<(Head, Vec<u8>), Unusable> {
    let rest = start.strip_prefix(MAGIC.as_bytes()).ok_or(Unusable::Foreign)?;
    let mut lines = rest.splitn(3, |byte| *byte == b'\n');
    let version =
        lines.next().and_then(|line| std::str::from_utf8(line).ok()).and_then(|line| line.parse::<u32>().ok());
    match version {
        Some(VERSION) => {}
        Some(version) if version > VERSION => return Err(Unusable::Newer(version)),
        _ => return Err(Unusable::Foreign),
    }
    let (line, after) = (lines.next().unwrap_or_default(), lines.next());
    let head = after.and_then(|_| serde_json::from_slice(line).ok()).ok_or(Unusable::Passphrase)?;
    let length = start.len() - after.map_or(0, <[u8]>::len);
    Ok((head, start.get(..length).unwrap_or_default().to_vec()))
}

/// The first bytes of a file, enough for every head.
pub(super) fn start(reader: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut start = Vec::new();
    reader.take(LONGEST_HEAD as u64).read_to_end(&mut start)?;
    Ok(start)
}

fn derived(passphrase: &Secret, salt: &[u8], rounds: u32) -> Option<Zeroizing<[u8; 32]>> {
    let mut bytes = Zeroizing::new([0; 32]);
    let rounds = NonZeroU32::new(rounds)?;
    pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, rounds, salt, passphrase.expose().as_bytes(), bytes.as_mut_slice());
    Some(bytes)
}

fn cipher(bytes: &[u8; 32]) -> Option<LessSafeKey> {
    UnboundKey::new(&CHACHA20_POLY1305, bytes).ok().map(LessSafeKey::new)
}

/// A value that a wrong passphrase does not give.
fn check(bytes: &[u8; 32]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, bytes);
    hex(hmac::sign(&key, b"moai backup key check").as_ref().get(..8).unwrap_or_default())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let pairs = text.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

/// Seals what is written to it.
pub(super) struct Sealer<'k, W: Write> {
    out: W,
    key: &'k Key,
    buffer: Vec<u8>,
    number: u64,
}

impl<'k, W: Write> Sealer<'k, W> {
    /// Begins with the head.
    pub(super) fn begin(mut out: W, key: &'k Key) -> io::Result<Self> {
        out.write_all(key.head())?;
        Ok(Self { out, key, buffer: Vec::with_capacity(CHUNK + TAG), number: 0 })
    }

    fn flush_chunk(&mut self, last: bool) -> io::Result<()> {
        let nonce = Key::nonce(self.number, last);
        let sealed = self.key.cipher.seal_in_place_append_tag(nonce, Aad::from(&self.key.head), &mut self.buffer);
        sealed.map_err(|_unspecified| io::Error::other("a chunk cannot be sealed"))?;
        self.out.write_all(&self.buffer)?;
        self.buffer.clear();
        self.number += 1;
        Ok(())
    }

    /// Ends with the chunk that says it is the last.
    pub(super) fn finish(mut self) -> io::Result<W> {
        self.flush_chunk(true)?;
        Ok(self.out)
    }
}

impl<W: Write> Write for Sealer<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // A full buffer waits: it may be the last one.
        if self.buffer.len() == CHUNK {
            self.flush_chunk(false)?;
        }
        let taken = bytes.len().min(CHUNK - self.buffer.len());
        self.buffer.extend_from_slice(bytes.get(..taken).unwrap_or_default());
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Reads what was sealed; every byte that it gives is authentic, and an end is an end only where it was one.
pub(super) struct Opener<'k, R: Read> {
    from: R,
    key: &'k Key,
    /// The next chunk as it is in the file; empty at the end.
    next: Vec<u8>,
    open: Vec<u8>,
    at: usize,
    number: u64,
    ended: bool,
}

impl<'k, R: Read> Opener<'k, R> {
    /// Reads on from behind the head.
    pub(super) fn begin(mut from: R, key: &'k Key) -> io::Result<Self> {
        let mut head = vec![0; key.head.len()];
        from.read_exact(&mut head)?;
        let next = sealed_chunk(&mut from)?;
        Ok(Self { from, key, next, open: Vec::new(), at: 0, number: 0, ended: false })
    }

    fn advance(&mut self) -> io::Result<()> {
        let following = if self.next.len() == CHUNK + TAG { sealed_chunk(&mut self.from)? } else { Vec::new() };
        let last = following.is_empty();
        self.open = std::mem::replace(&mut self.next, following);
        let nonce = Key::nonce(self.number, last);
        let opened = self.key.cipher.open_in_place(nonce, Aad::from(&self.key.head), &mut self.open);
        let length = opened.map_err(|_unspecified| io::Error::from(io::ErrorKind::InvalidData))?.len();
        self.open.truncate(length);
        (self.at, self.number, self.ended) = (0, self.number + 1, last);
        Ok(())
    }
}

fn sealed_chunk(from: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut chunk = Vec::with_capacity(CHUNK + TAG);
    from.take((CHUNK + TAG) as u64).read_to_end(&mut chunk)?;
    Ok(chunk)
}

impl<R: Read> Read for Opener<'_, R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.at == self.open.len() {
            if self.ended {
                return Ok(0);
            }
            self.advance()?;
        }
        let ready = self.open.get(self.at..).unwrap_or_default();
        let taken = ready.len().min(into.len());
        if let (Some(into), Some(ready)) = (into.get_mut(..taken), ready.get(..taken)) {
            into.copy_from_slice(ready);
        }
        self.at += taken;
        Ok(taken)
    }
}
