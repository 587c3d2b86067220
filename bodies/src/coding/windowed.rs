//! Codings whose decoder keeps a window of what it has decoded, as long as the body's first bytes
//! say: a few bytes can have it keep megabytes.
//!
//! So none begins before as much has arrived as may stand for its window. When all of the body has
//! arrived, a shorter window does: one that holds all that the body may stand for.

use super::{Error, zstd};

/// Such a coding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Windowed {
    Brotli,
    Zstd,
}

/// The shortest window that brotli writes in four bits, as a power of two.
const FOUR_BITS: u32 = 18;

impl Windowed {
    /// How many bytes the decoder of a body that begins so keeps; `None` when more has to arrive.
    ///
    /// # Errors
    ///
    /// No decoder keeps so many.
    pub(super) fn window(self, begun: &[u8]) -> Result<Option<usize>, Error> {
        match self {
            Windowed::Brotli => begun.first().map(|first| brotli(*first)).transpose(),
            Windowed::Zstd => zstd::window(begun),
        }
    }

    /// Has the decoder of a body that begins so keep less, but all that a body of at most `most`
    /// bytes can refer to.
    ///
    /// # Errors
    ///
    /// It says itself that it is longer than that.
    pub(super) fn shorten(self, begun: &mut [u8], most: usize) -> Result<(), Error> {
        match self {
            Windowed::Brotli => {
                if let Some(first) = begun.first_mut() {
                    *first = shortened_brotli(*first, most);
                }
                Ok(())
            }
            Windowed::Zstd => zstd::shorten(begun, most),
        }
    }
}

/// RFC 7932 section 9.1.
fn brotli(first: u8) -> Result<usize, Error> {
    let (three, next_three) = (u32::from(first >> 1 & 7), u32::from(first >> 4 & 7));
    let bits = match (first & 1, three, next_three) {
        (0, ..) => 16,
        (_, 0, 0) => 17,
        // An extension, by which it could be 1 GiB.
        (_, 0, 1) => return Err(Error::Invalid),
        (_, 0, short) => short.saturating_add(8),
        (_, long, _) => long.saturating_add(17),
    };
    Ok(1 << bits)
}

/// The first byte of a body with the shortest window of those written like its own.
fn shortened_brotli(first: u8, most: usize) -> u8 {
    let long = first >> 1 & 7;
    if first & 1 == 0 || long == 0 {
        return first;
    }
    // The last 16 bytes of a window cannot be referred to.
    let holds = |long: &u8| {
        let bits = FOUR_BITS.saturating_add(u32::from(*long)).saturating_sub(1);
        1_usize << bits >= most.saturating_add(16)
    };
    let enough = (1..long).find(holds).unwrap_or(long);
    first & !0b1110 | enough << 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_of_brotli() {
        // The codes of RFC 7932, section 9.1, in the order of their bits.
        for (code, bits) in [
            (0b0, 16),
            (0b000_0001, 17),
            (0b010_0001, 10),
            (0b111_0001, 15),
            (0b0011, 18),
            (0b1011, 22),
            (0b1111, 24),
        ] {
            assert_eq!(brotli(code), Ok(1 << bits), "{code:b}");
        }
        assert_eq!(brotli(0b1001_0001), Err(Error::Invalid));
    }

    #[test]
    fn shorter_windows_of_brotli() {
        for (first, most, expected) in [
            (0b1010_1111, 1, 0b1010_0011),
            (0b1010_1111, (1 << 18) - 16, 0b1010_0011),
            (0b1010_1111, (1 << 18) - 15, 0b1010_0101),
            (0b1010_1111, 1 << 30, 0b1010_1111),
            (0b1010_0011, 1, 0b1010_0011),
            (0b1010_0001, 1, 0b1010_0001),
            (0b1010_1110, 1, 0b1010_1110),
        ] {
            assert_eq!(shortened_brotli(first, most), expected, "{first:b} {most}");
        }
    }
}
