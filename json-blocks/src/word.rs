//! Short strings, such as most keys are: eight bytes at a time in an ordinary register, which is over
//! before a block is filled.

#[cfg(test)]
mod tests;

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;

/// How far [`text_end`] looks.
const SHORT: usize = 16;

/// The byte, eight times.
#[inline(always)]
const fn spread(byte: u8) -> u64 {
    (byte as u64).wrapping_mul(ONES)
}

/// The high bit of the lowest byte of `word` that is less than `bound`, which is at most 0x80; 0 when
/// none is. Of the bytes above that one nothing is said.
#[inline(always)]
const fn less(word: u64, bound: u8) -> u64 {
    word.wrapping_sub(spread(bound)) & !word & HIGH
}

/// As [`less`], of the bytes that are `byte`.
#[inline(always)]
const fn equal(word: u64, byte: u8) -> u64 {
    less(word ^ spread(byte), 1)
}

/// The place of the quote that ends a string, if it is among the first bytes and no backslash stands
/// before it.
#[inline(always)]
pub(crate) fn text_end(text: &[u8]) -> Option<usize> {
    let text = text.get(..SHORT).unwrap_or(text);
    let (words, rest) = text.as_chunks();
    let mut at = 0_usize;
    for word in words {
        let word = u64::from_le_bytes(*word);
        let ends = equal(word, b'"') | equal(word, b'\\');
        if ends != 0 {
            at = at.wrapping_add(usize::try_from(ends.trailing_zeros() >> 3).ok()?);
            return (text.get(at) == Some(&b'"')).then_some(at);
        }
        at = at.wrapping_add(word.to_le_bytes().len());
    }
    let end = rest.iter().position(|byte| matches!(byte, b'"' | b'\\'))?;
    (rest.get(end) == Some(&b'"')).then_some(at.wrapping_add(end))
}

/// How far [`short_text`] looks.
const NAME: usize = 32;

/// The string that `text` begins within, and what follows its quote, if it is short and [`plain`].
#[inline(always)]
pub fn short_text(text: &[u8]) -> Option<(&str, &[u8])> {
    let (words, _) = text.get(..NAME).unwrap_or(text).as_chunks();
    let mut at = 0_usize;
    for word in words {
        let word = u64::from_le_bytes(*word);
        let quotes = equal(word, b'"');
        let others = word & HIGH | less(word, b' ') | equal(word, b'\\');
        let ends = quotes | others;
        if ends != 0 {
            at = at.wrapping_add(usize::try_from(ends.trailing_zeros() >> 3).ok()?);
            let (inside, after) = text.split_at_checked(at)?;
            let after = after.strip_prefix(b"\"")?;
            // SAFETY: no byte before the lowest of these bits is above 0x7f: it is ASCII.
            return Some((unsafe { std::str::from_utf8_unchecked(inside) }, after));
        }
        at = at.wrapping_add(word.to_le_bytes().len());
    }
    None
}

/// What stands between the quotes of a string as text, if every character is ASCII and stands for
/// itself: no quote, no backslash, no control character (RFC 8259 section 7).
#[inline]
pub fn plain(text: &[u8]) -> Option<&str> {
    let word = |bytes: &[u8; 8]| u64::from_le_bytes(*bytes);
    let half = |bytes: &[u8; 4]| u64::from(u32::from_le_bytes(*bytes));
    // The last word overlaps the one before, unless it begins where that ends.
    let all = if let (Some(first), Some(last), ..=SHORT) =
        (text.first_chunk(), text.last_chunk(), text.len())
    {
        is_plain(word(first)) && is_plain(word(last))
    } else if let Some((before, last)) = text.split_last_chunk() {
        let begun = before.len().next_multiple_of(8).min(text.len());
        let (words, _) = text.get(..begun).unwrap_or(text).as_chunks();
        words.iter().all(|bytes| is_plain(word(bytes))) && is_plain(word(last))
    } else if let (Some(first), Some(last)) = (text.first_chunk(), text.last_chunk()) {
        is_plain(half(first) | half(last) << 32)
    } else {
        let bytes = text.iter();
        is_plain(bytes.fold(spread(b' '), |word, byte| word << 8 | u64::from(*byte)))
    };
    // SAFETY: every byte is in a word that was looked at, and none is above 0x7f: it is ASCII.
    all.then(|| unsafe { std::str::from_utf8_unchecked(text) })
}

#[inline(always)]
const fn is_plain(word: u64) -> bool {
    word & HIGH | less(word, b' ') | equal(word, b'"') | equal(word, b'\\') == 0
}
