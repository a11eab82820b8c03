//! About how many tokens a body is, where nobody has counted yet.

/// A run of base64 that is longer is a picture or a document, not words.
const LONGEST_WORD: u64 = 2_000;
/// What a picture costs, roughly (a full-size one at Anthropic: width × height / 750, at most about 1,600).
const PICTURE: u64 = 1_600;

/// About how many tokens the text of a request body is: four ASCII characters each, one for each other character;
/// pictures in base64 count as pictures.
///
/// Good for a first number in a stream and for an answer to `count_tokens` without a vendor to ask; never for money.
pub fn estimate_tokens(body: &[u8]) -> u64 {
    let (mut plain, mut wide, mut pictures, mut run) = (0u64, 0u64, 0u64, 0u64);
    for byte in body {
        // A character outside ASCII is one lead byte and continuation bytes, which start with the bits 10.
        wide += u64::from(*byte >= 0xc0);
        if byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=') {
            run += 1;
        } else {
            if run > LONGEST_WORD {
                pictures += 1;
            } else {
                plain += run;
            }
            plain += u64::from(byte.is_ascii());
            run = 0;
        }
    }
    plain += run;
    plain.div_ceil(4) + wide + pictures * PICTURE
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
}
