//! A block in two registers of 32 bytes.

use std::arch::x86_64::{
    __m256i, _mm256_and_si256, _mm256_cmpeq_epi8, _mm256_loadu_si256, _mm256_movemask_epi8,
    _mm256_or_si256, _mm256_set1_epi8, _mm256_setzero_si256,
};

use super::{Instructions, Task};
use crate::block::Block;

/// AVX2, and the bit operations that every processor with AVX2 has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Avx2(());

impl Avx2 {
    pub(super) fn detect() -> Option<Self> {
        let has = is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("bmi1")
            && is_x86_feature_detected!("bmi2");
        has.then_some(Self(()))
    }

    #[inline]
    pub(super) fn run<T: Task>(self, task: T) -> T::Output {
        #[target_feature(enable = "avx2,bmi1,bmi2")]
        fn run<T: Task>(avx2: Avx2, task: T) -> T::Output {
            task.run(avx2)
        }
        // SAFETY: `detect`, which alone makes an `Avx2`, found the instructions.
        unsafe { run(self, task) }
    }
}

impl Instructions for Avx2 {
    type Vector = (__m256i, __m256i);

    #[inline(always)]
    fn load(self, block: &Block) -> Self::Vector {
        let first: *const __m256i = block.as_ptr().cast();
        // SAFETY: `self` proves AVX2; the block is 64 bytes long, which is both halves, and
        // `loadu` needs no alignment.
        unsafe { (_mm256_loadu_si256(first), _mm256_loadu_si256(first.add(1))) }
    }

    #[inline(always)]
    fn equal(self, (low, high): Self::Vector, bits: u8, byte: u8) -> u64 {
        let half = |half: __m256i| {
            // SAFETY: `self` proves AVX2; nothing else is asked for.
            let mask = unsafe {
                let bits = _mm256_set1_epi8(bits.cast_signed());
                let byte = _mm256_set1_epi8(byte.cast_signed());
                _mm256_movemask_epi8(_mm256_cmpeq_epi8(_mm256_and_si256(half, bits), byte))
            };
            u64::from(mask.cast_unsigned())
        };
        half(low) | half(high) << 32
    }

    #[inline(always)]
    fn pairs<const N: usize>(
        self,
        (low, high): Self::Vector,
        (low_ahead, high_ahead): Self::Vector,
        pairs: [[u8; 2]; N],
    ) -> u64 {
        // One mask is made of all pairs, not one of each.
        // SAFETY: `self` proves AVX2; nothing else is asked for.
        unsafe {
            let (mut found_low, mut found_high) = (_mm256_setzero_si256(), _mm256_setzero_si256());
            for [first, second] in pairs {
                let first = _mm256_set1_epi8(first.cast_signed());
                let second = _mm256_set1_epi8(second.cast_signed());
                let firsts = (
                    _mm256_cmpeq_epi8(low, first),
                    _mm256_cmpeq_epi8(high, first),
                );
                let low = _mm256_and_si256(firsts.0, _mm256_cmpeq_epi8(low_ahead, second));
                let high = _mm256_and_si256(firsts.1, _mm256_cmpeq_epi8(high_ahead, second));
                found_low = _mm256_or_si256(found_low, low);
                found_high = _mm256_or_si256(found_high, high);
            }
            let low = u64::from(_mm256_movemask_epi8(found_low).cast_unsigned());
            let high = u64::from(_mm256_movemask_epi8(found_high).cast_unsigned());
            low | high << 32
        }
    }
}
