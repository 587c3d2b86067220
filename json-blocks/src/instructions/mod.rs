//! The instructions that turn a block into masks, and which of them the processor has.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "aarch64")]
mod neon;
mod portable;

#[cfg(test)]
mod tests;

use std::sync::OnceLock;

use crate::block::Block;
pub(crate) use portable::Portable;

/// A set of instructions. A value of it is proof that the processor has them.
pub(crate) trait Instructions: Copy {
    /// A block in registers.
    type Vector: Copy;

    /// Loads a block.
    fn load(self, block: &Block) -> Self::Vector;

    /// The bytes that are `byte`, when only the bits in `bits` are looked at.
    fn equal(self, vector: Self::Vector, bits: u8, byte: u8) -> u64;

    /// The bytes that are the first of one of these pairs where those in `ahead` are the second.
    #[inline(always)]
    fn pairs<const N: usize>(
        self,
        vector: Self::Vector,
        ahead: Self::Vector,
        pairs: [[u8; 2]; N],
    ) -> u64 {
        let mut found = 0;
        for [first, second] in pairs {
            found |= self.equal(vector, 0xff, first) & self.equal(ahead, 0xff, second);
        }
        found
    }

    /// The quotes.
    #[inline(always)]
    fn quotes(self, vector: Self::Vector) -> u64 {
        self.equal(vector, 0xff, b'"')
    }

    /// The backslashes.
    #[inline(always)]
    fn backslashes(self, vector: Self::Vector) -> u64 {
        self.equal(vector, 0xff, b'\\')
    }

    /// `[` and `{`, which differ in one bit.
    #[inline(always)]
    fn opening(self, vector: Self::Vector) -> u64 {
        self.equal(vector, !CURLY, b'[')
    }

    /// `]` and `}`, which differ in the same bit.
    #[inline(always)]
    fn closing(self, vector: Self::Vector) -> u64 {
        self.equal(vector, !CURLY, b']')
    }

    /// `'`, `/` and `#`, which mean something in what is nearly JSON: other quotes and comments.
    #[inline(always)]
    fn foreign(self, vector: Self::Vector) -> u64 {
        // The first two differ in one bit.
        self.equal(vector, !(b'\'' ^ b'/'), b'\'') | self.equal(vector, 0xff, b'#')
    }

    /// The control characters, which a string must not hold: bytes below 0x20.
    #[inline(always)]
    fn controls(self, vector: Self::Vector) -> u64 {
        self.equal(vector, 0xe0, 0)
    }
}

/// The bit that makes a curly bracket of a square one.
pub(crate) const CURLY: u8 = 0x20;

/// Work on blocks. `run` must be inlined, so that it is compiled with the instructions it is
/// given.
pub(crate) trait Task {
    type Output;

    fn run<I: Instructions>(self, instructions: I) -> Self::Output;
}

/// Every set of instructions there is here.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Level {
    #[cfg(target_arch = "x86_64")]
    Avx512(avx512::Avx512),
    #[cfg(target_arch = "x86_64")]
    Avx2(avx2::Avx2),
    #[cfg(target_arch = "aarch64")]
    Neon(neon::Neon),
    Portable,
}

impl Level {
    /// What the processor has, best first.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        let wide = [
            #[cfg(target_arch = "x86_64")]
            avx512::Avx512::detect().map(Self::Avx512),
            #[cfg(target_arch = "x86_64")]
            avx2::Avx2::detect().map(Self::Avx2),
            #[cfg(target_arch = "aarch64")]
            neon::Neon::detect().map(Self::Neon),
        ];
        wide.into_iter().flatten().chain([Self::Portable])
    }

    /// Runs `task` with these instructions.
    #[inline]
    pub(crate) fn run<T: Task>(self, task: T) -> T::Output {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(avx512) => avx512.run(task),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(avx2) => avx2.run(task),
            #[cfg(target_arch = "aarch64")]
            Self::Neon(neon) => neon.run(task),
            Self::Portable => task.run(Portable),
        }
    }
}

static BEST: OnceLock<Level> = OnceLock::new();

/// Runs `task` with the widest instructions the processor has.
#[inline]
pub(crate) fn run<T: Task>(task: T) -> T::Output {
    BEST.get_or_init(|| Level::all().next().unwrap_or(Level::Portable))
        .run(task)
}
