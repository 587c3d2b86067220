//! Text in blocks, and what follows from their masks.

/// The bytes of one block; bit `i` of a mask belongs to byte `i`.
pub(crate) type Block = [u8; 64];

const EVEN: u64 = 0x5555_5555_5555_5555;

/// The last bytes of a text as a block, filled up with what means nothing in JSON.
///
/// `tail` is shorter than a block.
#[inline(always)]
pub(crate) fn padded(tail: &[u8]) -> Block {
    let mut block = [b' '; 64];
    for (to, from) in block.iter_mut().zip(tail) {
        *to = *from;
    }
    block
}

/// The bytes that a backslash escapes, block after block.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Escapes {
    /// 1 when the first byte of the next block is escaped.
    carry: u64,
}

impl Escapes {
    #[inline(always)]
    pub(crate) fn new(escaped: bool) -> Self {
        let carry = u64::from(escaped);
        Self { carry }
    }

    /// The escaped bytes of the next block, by its backslashes.
    ///
    /// In a run of backslashes every second one, from the first on, escapes the byte after it. So
    /// a backslash escapes if its place has the parity of its run's first place. To know the runs
    /// that begin at an even place, add their first bits: the carry clears the run and no other.
    #[inline(always)]
    pub(crate) fn next(&mut self, backslashes: u64) -> u64 {
        let runs = backslashes & !self.carry;
        let first = runs & !(runs << 1);
        let cleared = runs.wrapping_add(first & EVEN);
        let from_even = runs & !cleared;
        let from_odd = runs & cleared;
        let escaping = (from_even & EVEN) | (from_odd & !EVEN);
        let escaped = (escaping << 1) | self.carry;
        self.carry = escaping >> 63;
        escaped
    }

    /// Whether the byte after `length` bytes of the last block is escaped, when that block was
    /// [`padded`].
    #[inline(always)]
    pub(crate) fn pending(escaped: u64, length: usize) -> bool {
        u32::try_from(length)
            .ok()
            .and_then(|length| escaped.checked_shr(length))
            .is_some_and(|rest| rest & 1 == 1)
    }
}

/// For each bit whether the bits up to and including it are odd in number: from the quotes of a
/// block, what is between them, the opening quote included.
#[inline(always)]
pub(crate) fn between(quotes: u64) -> u64 {
    let mut odd = quotes;
    odd ^= odd << 1;
    odd ^= odd << 2;
    odd ^= odd << 4;
    odd ^= odd << 8;
    odd ^= odd << 16;
    odd ^= odd << 32;
    odd
}

/// The bits below the lowest one of `mask`; all when there is none.
#[inline(always)]
pub(crate) fn below_first(mask: u64) -> u64 {
    !mask & mask.wrapping_sub(1)
}

/// The places of the bits of a mask, lowest first.
pub(crate) struct Places(pub(crate) u64);

impl Iterator for Places {
    type Item = usize;

    #[inline(always)]
    fn next(&mut self) -> Option<usize> {
        if self.0 == 0 {
            return None;
        }
        let place = self.0.trailing_zeros();
        self.0 &= self.0.wrapping_sub(1);
        usize::try_from(place).ok()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_second_backslash_of_a_run_escapes(
            blocks in prop::collection::vec(any::<u64>().prop_map(|bits| bits | bits.rotate_left(7)), 1..4),
            first in any::<bool>(),
        ) {
            let mut escapes = Escapes::new(first);
            let mut escaped = first;
            for backslashes in blocks {
                let mask = escapes.next(backslashes);
                for place in 0..64 {
                    prop_assert_eq!(mask >> place & 1 == 1, escaped, "{:b} at {}", backslashes, place);
                    escaped = !escaped && backslashes >> place & 1 == 1;
                }
            }
        }

        #[test]
        fn between_quotes_is_text(quotes in any::<u64>()) {
            let mut inside = false;
            for place in 0..64 {
                inside ^= quotes >> place & 1 == 1;
                prop_assert_eq!(between(quotes) >> place & 1 == 1, inside);
            }
        }

        #[test]
        fn places_are_the_bits(mask in any::<u64>()) {
            let places: Vec<usize> = Places(mask).collect();
            let expected: Vec<usize> = (0..64).filter(|place| mask >> place & 1 == 1).collect();
            let below = expected.first().map_or(u64::MAX, |&first| (1 << first) - 1);
            prop_assert_eq!(places, expected);
            prop_assert_eq!(below_first(mask), below);
        }
    }
}
