//! About how many tokens a body is, where nobody has counted yet.

/// A run of base64 that is longer is a picture or a document, not words.
const LONGEST_WORD: usize = 2_000;
/// What a picture costs, roughly (a full-size one at Anthropic: width × height / 750, at most about 1,600).
const PICTURE: u64 = 1_600;

/// About how many tokens the text of a request body is: four ASCII characters each, one for each other character;
/// pictures in base64 count as pictures.
///
/// Good for a first number in a stream and for an answer to `count_tokens` without a vendor to ask; never for money.
pub fn estimate_tokens(body: &[u8]) -> u64 {
    let (beyond, wide) = outside_ascii(body);
    let (pictures, bytes) = pictures(body);
    // A run at the very end is no string of JSON, and counts as words.
    let plain = body.len() as u64 - beyond - bytes;
    plain.div_ceil(4) + wide + pictures * PICTURE
}

/// How many bytes are outside ASCII, and how many characters they are: eight bytes at a time, because bodies are long
/// and this is asked for each of them.
fn outside_ascii(body: &[u8]) -> (u64, u64) {
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let (mut beyond, mut wide) = (0, 0);
    let (words, rest) = body.as_chunks::<8>();
    // Each byte of a sum is a counter, which is full after 255 words.
    for block in words.chunks(255) {
        let (mut highs, mut leads) = (0_u64, 0_u64);
        for word in block {
            let word = u64::from_le_bytes(*word);
            highs += (word & HIGH) >> 7;
            // A character outside ASCII is one lead byte, with its two highest bits set, and continuation bytes.
            leads += (word & (word << 1) & HIGH) >> 7;
        }
        let sum = |bytes: u64| {
            let pairs = (bytes & 0x00ff_00ff_00ff_00ff) + ((bytes >> 8) & 0x00ff_00ff_00ff_00ff);
            pairs.wrapping_mul(0x0001_0001_0001_0001) >> 48
        };
        beyond += sum(highs);
        wide += sum(leads);
    }
    let count = |from: u8| rest.iter().filter(|byte| **byte >= from).count() as u64;
    (beyond + count(0x80), wide + count(0xc0))
}

/// How many runs of base64 are longer than words are, and how many bytes they have. Such a run covers a byte at a
/// multiple of [`LONGEST_WORD`], so only around those is looked.
fn pictures(body: &[u8]) -> (u64, u64) {
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
    let (mut pictures, mut bytes, mut at) = (0, 0, 0);
    while at < body.len() {
        let (before, behind) = body.split_at(at);
        let right = behind.iter().position(|byte| !is_word(byte));
        let left = before.iter().rev().take_while(|byte| is_word(byte)).count();
        let Some(right) = right else { break };
        if left + right > LONGEST_WORD {
            pictures += 1;
            bytes += (left + right) as u64;
        }
        // The next multiple behind the end of this run.
        at = (at + right) / LONGEST_WORD * LONGEST_WORD + LONGEST_WORD;
    }
    (pictures, bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_characters_and_pictures() {
        assert_eq!(estimate_tokens(b""), 0);
        assert_eq!(estimate_tokens(b"four letters"), 3);
        assert_eq!(estimate_tokens("한글".as_bytes()), 2);
        let picture = format!("\"{}\"", "A".repeat(1_000_000));
        assert_eq!(estimate_tokens(picture.as_bytes()), PICTURE + 1);
    }

    /// The same, byte by byte.
    fn slowly(body: &[u8]) -> u64 {
        let (mut plain, mut wide, mut pictures, mut run) = (0u64, 0u64, 0u64, 0u64);
        for byte in body {
            wide += u64::from(*byte >= 0xc0);
            if byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=') {
                run += 1;
                continue;
            }
            if run > 2_000 {
                pictures += 1;
            } else {
                plain += run;
            }
            plain += u64::from(byte.is_ascii());
            run = 0;
        }
        plain += run;
        plain.div_ceil(4) + wide + pictures * PICTURE
    }

    proptest::proptest! {
        #[test]
        fn eight_bytes_at_a_time_are_counted_like_one_at_a_time(
            parts in proptest::collection::vec((0_usize..4, 0_usize..4_500), 0..12)
        ) {
            let mut body = String::new();
            for (what, length) in parts {
                match what {
                    0 => body.push_str(&"A".repeat(length)),
                    1 => body.push_str(&"한글 é🌍".repeat(length / 40)),
                    2 => body.push_str(&"a word, \"and\" another ".repeat(length / 30)),
                    _ => body.push('\n'),
                }
            }
            proptest::prop_assert_eq!(estimate_tokens(body.as_bytes()), slowly(body.as_bytes()));
        }
    }
}
