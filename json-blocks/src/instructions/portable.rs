//! Eight bytes at a time in an ordinary register.

use super::Instructions;
use crate::block::Block;

/// What every processor has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Portable;

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;
const LOW: u64 = !HIGH;

impl Instructions for Portable {
    type Vector = [u64; 8];

    #[inline(always)]
    fn load(self, block: &Block) -> Self::Vector {
        let mut words = [0; 8];
        let (bytes, _) = block.as_chunks();
        for (word, bytes) in words.iter_mut().zip(bytes) {
            *word = u64::from_le_bytes(*bytes);
        }
        words
    }

    #[inline(always)]
    fn equal(self, vector: Self::Vector, bits: u8, byte: u8) -> u64 {
        let (bits, byte) = (spread(bits), spread(byte));
        let mut mask = 0;
        for word in vector.into_iter().rev() {
            mask = mask << 8 | zeros((word & bits) ^ byte);
        }
        mask
    }
}

/// The byte, eight times.
#[inline(always)]
const fn spread(byte: u8) -> u64 {
    (byte as u64).wrapping_mul(ONES)
}

/// The bytes of a word that are 0, as eight bits.
#[inline(always)]
const fn zeros(word: u64) -> u64 {
    // The high bit of a byte is set here unless the byte is 0; no byte carries into the next.
    let filled = (word & LOW).wrapping_add(LOW) | word;
    let zeros = !filled & HIGH;
    // Gathers the high bits in the top byte: byte i comes to bit i.
    (zeros >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56
}
