//! A block in four registers of 16 bytes.

use std::arch::aarch64::{
    uint8x16_t, vandq_u8, vceqq_u8, vdupq_n_u8, vgetq_lane_u64, vld1q_u8, vpaddq_u8,
    vreinterpretq_u64_u8,
};
use std::arch::is_aarch64_feature_detected;

use super::{Instructions, Task};
use crate::block::Block;

/// NEON.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Neon(());

/// The bit that each byte of a register has in a mask of eight.
const PLACES: [u8; 16] = [1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128];

impl Neon {
    pub(super) fn detect() -> Option<Self> {
        is_aarch64_feature_detected!("neon").then_some(Self(()))
    }

    #[inline]
    pub(super) fn run<T: Task>(self, task: T) -> T::Output {
        #[target_feature(enable = "neon")]
        fn run<T: Task>(neon: Neon, task: T) -> T::Output {
            task.run(neon)
        }
        // SAFETY: `detect`, which alone makes a `Neon`, found the instructions.
        unsafe { run(self, task) }
    }
}

impl Instructions for Neon {
    type Vector = [uint8x16_t; 4];

    #[inline(always)]
    fn load(self, block: &Block) -> Self::Vector {
        let first = block.as_ptr();
        // SAFETY: `self` proves NEON; the block is 64 bytes long, which is four registers, and the
        // load needs no alignment.
        unsafe {
            [
                vld1q_u8(first),
                vld1q_u8(first.add(16)),
                vld1q_u8(first.add(32)),
                vld1q_u8(first.add(48)),
            ]
        }
    }

    #[inline(always)]
    fn equal(self, [a, b, c, d]: Self::Vector, bits: u8, byte: u8) -> u64 {
        // SAFETY: `self` proves NEON; `PLACES` is as long as a register.
        unsafe {
            let (bits, byte) = (vdupq_n_u8(bits), vdupq_n_u8(byte));
            let places = vld1q_u8(PLACES.as_ptr());
            let found = |part| vandq_u8(vceqq_u8(vandq_u8(part, bits), byte), places);
            // Adding neighbours three times leaves, for each eight bytes, the sum of their bits.
            let pairs = vpaddq_u8(vpaddq_u8(found(a), found(b)), vpaddq_u8(found(c), found(d)));
            vgetq_lane_u64::<0>(vreinterpretq_u64_u8(vpaddq_u8(pairs, pairs)))
        }
    }
}
