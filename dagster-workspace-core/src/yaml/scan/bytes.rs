//! Searches over the next few bytes, eight at a time: the tokens of these documents are too short for a call to memchr.

/// The lowest bit of every byte.
const ONES: u64 = u64::from_le_bytes([1; 8]);
/// The highest bit of every byte.
const HIGHS: u64 = ONES << 7;

/// How many bytes come before the first `a`, `b`, tab or line break; all of them where there is none.
#[inline(always)]
pub(super) fn before_any(bytes: &[u8], a: u8, b: u8) -> usize {
    let found = |word: u64| below_14(word) | equal(word, a) | equal(word, b);
    before(bytes, |word| found(word) & !word & HIGHS, |byte| byte < 14 || byte == a || byte == b)
}

/// How many bytes come before the first that may end a plain scalar inside brackets.
#[inline(always)]
pub(super) fn before_flow_stop(bytes: &[u8]) -> usize {
    let found = |word: u64| {
        // One bit lies between `[` and `{`, and between `]` and `}`.
        let brackets = word | (ONES * 0x20);
        let indicators = equal(word, b':') | equal(word, b'#') | equal(word, b',');
        below_14(word) | indicators | equal(brackets, b'{') | equal(brackets, b'}')
    };
    before(bytes, |word| found(word) & !word & HIGHS, |byte| byte < 14 || b":#,[]{}".contains(&byte))
}

/// How many spaces come first.
#[inline(always)]
pub(super) fn spaces(bytes: &[u8]) -> usize {
    // Any bit of difference will do: the lowest lies in the first byte that is no space.
    before(bytes, |word| word ^ (ONES * u64::from(b' ')), |byte| byte != b' ')
}

/// How many bytes come before the first that `found` marks with a bit; `is_end` says the same of one byte.
#[inline(always)]
fn before(bytes: &[u8], found: impl Fn(u64) -> u64, is_end: impl Fn(u8) -> bool) -> usize {
    let mut rest = bytes;
    let mut count = 0;
    while let Some((word, behind)) = rest.split_first_chunk() {
        let marks = found(u64::from_le_bytes(*word));
        if marks != 0 {
            return count + marks.trailing_zeros() as usize / 8;
        }
        count += 8;
        rest = behind;
    }
    count + rest.iter().take_while(|byte| !is_end(**byte)).count()
}

/// The highest bit of every ASCII byte that is `byte`. Other bits are noise: above the lowest such byte, and in bytes
/// above ASCII, which the caller masks.
#[inline(always)]
fn equal(word: u64, byte: u8) -> u64 {
    (word ^ (ONES * u64::from(byte))).wrapping_sub(ONES)
}

/// The same of every byte below 14: tabs and line breaks, no text holds others.
#[inline(always)]
fn below_14(word: u64) -> u64 {
    word.wrapping_sub(ONES * 14)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_find_what_bytes_find() {
        let alphabet = *b"a :#\n\r\t\x80\xffz\"\\,[]{};|<";
        for seed in 0..20_000_usize {
            let text: std::vec::Vec<u8> =
                (0..seed % 29).map(|at| alphabet[(seed / 7 * (at + 3) * (at + 5) / 11) % alphabet.len()]).collect();
            for (a, b) in [(b':', b'#'), (b'"', b'\\')] {
                let end = |byte: &u8| *byte < 14 || *byte == a || *byte == b;
                assert_eq!(before_any(&text, a, b), text.iter().position(end).unwrap_or(text.len()), "{text:?}");
            }
            let end = |byte: &u8| *byte < 14 || b":#,[]{}".contains(byte);
            assert_eq!(before_flow_stop(&text), text.iter().position(end).unwrap_or(text.len()), "{text:?}");
            assert_eq!(spaces(&text), text.iter().take_while(|byte| **byte == b' ').count(), "{text:?}");
        }
    }
}
