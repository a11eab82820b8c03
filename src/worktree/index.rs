//! Writing git's index: version 2 or 4, with the TREE extension, as `git reset --hard` leaves it.
//!
//! libgit2's writer drops TREE, without which git's first status reads every directory of the commit.

use sha1::{Digest as _, Sha1};

use super::donor::Stamp;
use super::tree::Tree;

/// The bytes of an index for `tree`. `stamps` has one place per item: what was written to the checkout, or `None`
/// for a file that git is still to write.
pub(super) fn encode(tree: &Tree, stamps: &[Option<Stamp>], version: u32) -> Vec<u8> {
    let mut out = Vec::with_capacity(tree.items.len() * 110 + 4096);
    out.extend_from_slice(b"DIRC");
    word(&mut out, if version == 4 { 4 } else { 2 });
    word(&mut out, u64::try_from(tree.items.len()).unwrap_or(u64::MAX));
    let mut previous: &[u8] = &[];
    for (item, stamp) in tree.items.iter().zip(stamps) {
        let start = out.len();
        let stamp = stamp.unwrap_or_default();
        for number in [stamp.ctime.0, stamp.ctime.1, stamp.mtime.0, stamp.mtime.1] {
            word(&mut out, number.cast_unsigned());
        }
        word(&mut out, stamp.dev);
        word(&mut out, stamp.ino);
        word(&mut out, u64::from(item.kind.mode()));
        word(&mut out, u64::from(stamp.uid));
        word(&mut out, u64::from(stamp.gid));
        word(&mut out, stamp.size);
        out.extend_from_slice(&item.oid);
        let length = u16::try_from(item.path.len()).unwrap_or(u16::MAX).min(0xfff);
        out.extend_from_slice(&length.to_be_bytes());
        if version == 4 {
            let same = previous.iter().zip(item.path.iter()).take_while(|(a, b)| a == b).count();
            offset(&mut out, previous.len() - same);
            out.extend_from_slice(item.path.get(same..).unwrap_or_default());
            out.push(0);
            previous = &item.path;
        } else {
            out.extend_from_slice(&item.path);
            // One to eight NULs, up to a multiple of eight.
            let length = out.len() - start;
            out.resize(start + (length / 8 + 1) * 8, 0);
        }
    }
    let extension = tree.extension();
    out.extend_from_slice(b"TREE");
    word(&mut out, u64::try_from(extension.len()).unwrap_or(u64::MAX));
    out.extend_from_slice(&extension);
    let sum = Sha1::digest(&out);
    out.extend_from_slice(&sum);
    out
}

/// The low 32 bits, big-endian: what the format keeps of every number.
fn word(out: &mut Vec<u8>, number: u64) {
    let [.., a, b, c, d] = number.to_be_bytes();
    out.extend_from_slice(&[a, b, c, d]);
}

/// The variable-length number of packfiles' offset deltas.
fn offset(out: &mut Vec<u8>, mut number: usize) {
    let mut bytes = vec![low7(number)];
    number >>= 7;
    while number != 0 {
        number -= 1;
        bytes.push(0x80 | low7(number));
        number >>= 7;
    }
    out.extend(bytes.iter().rev());
}

fn low7(number: usize) -> u8 {
    u8::try_from(number & 0x7f).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_are_written_as_git_reads_them() {
        let write = |number| {
            let mut out = Vec::new();
            offset(&mut out, number);
            out
        };
        assert_eq!(write(0), [0]);
        assert_eq!(write(127), [127]);
        assert_eq!(write(128), [0x80, 0]);
        assert_eq!(write(255), [0x80, 0x7f]);
        assert_eq!(write(256), [0x81, 0]);
    }

    #[test]
    fn an_empty_tree_is_an_index_with_nothing_in_it() {
        let bytes = encode(&Tree::default(), &[], 2);
        assert_eq!(&bytes[..12], b"DIRC\0\0\0\x02\0\0\0\0");
        assert_eq!(Sha1::digest(&bytes[..bytes.len() - 20]).as_slice(), &bytes[bytes.len() - 20..]);
    }
}
