//! A block in one register.

use std::arch::x86_64::{
    __m512i, _mm512_and_si512, _mm512_cmpeq_epi8_mask, _mm512_loadu_si512,
    _mm512_mask_cmpeq_epi8_mask, _mm512_set1_epi8,
};

use super::{Instructions, Task};
use crate::block::Block;

/// AVX-512 with its operations on bytes, and the bit operations that come with it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Avx512(());

impl Avx512 {
    pub(super) fn detect() -> Option<Self> {
        let has = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("bmi1")
            && is_x86_feature_detected!("bmi2");
        has.then_some(Self(()))
    }

    #[inline]
    pub(super) fn run<T: Task>(self, task: T) -> T::Output {
        #[target_feature(enable = "avx512f,avx512bw,bmi1,bmi2")]
        fn run<T: Task>(avx512: Avx512, task: T) -> T::Output {
            task.run(avx512)
        }
        // SAFETY: `detect`, which alone makes an `Avx512`, found the instructions.
        unsafe { run(self, task) }
    }
}

impl Instructions for Avx512 {
    type Vector = __m512i;

    #[inline(always)]
    fn load(self, block: &Block) -> Self::Vector {
        // SAFETY: `self` proves AVX-512; the block is 64 bytes long, and `loadu` needs no
        // alignment.
        unsafe { _mm512_loadu_si512(block.as_ptr().cast()) }
    }

    #[inline(always)]
    fn equal(self, vector: Self::Vector, bits: u8, byte: u8) -> u64 {
        // SAFETY: `self` proves AVX-512; nothing else is asked for.
        unsafe {
            let bits = _mm512_set1_epi8(bits.cast_signed());
            let byte = _mm512_set1_epi8(byte.cast_signed());
            _mm512_cmpeq_epi8_mask(_mm512_and_si512(vector, bits), byte)
        }
    }

    #[inline(always)]
    fn pairs<const N: usize>(
        self,
        vector: Self::Vector,
        ahead: Self::Vector,
        pairs: [[u8; 2]; N],
    ) -> u64 {
        let mut found = 0;
        for [first, second] in pairs {
            // SAFETY: `self` proves AVX-512; nothing else is asked for.
            found |= unsafe {
                let first = _mm512_cmpeq_epi8_mask(vector, _mm512_set1_epi8(first.cast_signed()));
                _mm512_mask_cmpeq_epi8_mask(first, ahead, _mm512_set1_epi8(second.cast_signed()))
            };
        }
        found
    }
}
