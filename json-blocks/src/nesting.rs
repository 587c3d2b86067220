//! The end of an array or object, whatever is in it.

use crate::block::{Block, Escapes, Places, between, padded};
use crate::instructions::{self, CURLY, Instructions, Task};

#[cfg(test)]
mod tests;

/// Why an array or object has no end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A bracket closes what another kind of bracket opened, or a byte stands outside strings that
    /// stands there only in what is nearly JSON: `\\`, `'`, `/`, `#`.
    Invalid,
    /// More brackets are open at once than may be.
    TooDeep,
}

/// An array or object that is passed over: how deep inside it the text read so far ends.
///
/// Brackets must match. Backslashes, and what begins comments and other kinds of strings in formats
/// close to JSON, must stand in strings: whoever reads those would see the quotes elsewhere. Nothing
/// else is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nesting {
    /// The kinds of the open brackets, the innermost in the lowest bit; 1 is a curly one.
    kinds: u128,
    open: u32,
    levels: u32,
    in_text: bool,
    escaped: bool,
}

impl Nesting {
    /// The most brackets that may be open at once.
    pub const LEVELS: u32 = 128;

    /// After the opening bracket of an object (`curly`) or array, in which and with which at most
    /// `levels` brackets may be open, and never more than [`LEVELS`](Self::LEVELS).
    pub fn new(curly: bool, levels: usize) -> Self {
        let levels = u32::try_from(levels).unwrap_or(u32::MAX);
        Self {
            kinds: u128::from(curly),
            open: 1,
            levels: levels.min(Self::LEVELS),
            in_text: false,
            escaped: false,
        }
    }

    /// The place of the bracket that ends the array or object; `None` when it is not there.
    ///
    /// # Errors
    ///
    /// Brackets do not match or are nested too deep.
    #[inline]
    pub fn end(&mut self, text: &[u8]) -> Result<Option<usize>, Fault> {
        let nesting = self;
        instructions::run(End { nesting, text })
    }

    /// The bracket `byte` opens.
    #[inline(always)]
    fn opens(&mut self, byte: u8) -> Result<(), Fault> {
        if self.open >= self.levels {
            return Err(Fault::TooDeep);
        }
        self.open = self.open.wrapping_add(1);
        self.kinds = self.kinds << 1 | u128::from(byte & CURLY != 0);
        Ok(())
    }

    /// The bracket `byte` closes; whether it is the last.
    #[inline(always)]
    fn closes(&mut self, byte: u8) -> Result<bool, Fault> {
        if (self.kinds & 1 == 1) != (byte & CURLY != 0) {
            return Err(Fault::Invalid);
        }
        self.open = self.open.saturating_sub(1);
        self.kinds >>= 1;
        Ok(self.open == 0)
    }
}

struct End<'t> {
    nesting: &'t mut Nesting,
    text: &'t [u8],
}

impl Task for End<'_> {
    type Output = Result<Option<usize>, Fault>;

    #[inline(always)]
    fn run<I: Instructions>(self, instructions: I) -> Self::Output {
        let mut passing = Passing {
            instructions,
            escapes: Escapes::new(self.nesting.escaped),
            in_text: if self.nesting.in_text { u64::MAX } else { 0 },
            nesting: *self.nesting,
        };
        let (blocks, tail) = self.text.as_chunks();
        let mut at = 0_usize;
        for block in blocks {
            if let (Some(place), _) = passing.block(block)? {
                return Ok(Some(at.wrapping_add(place)));
            }
            at = at.wrapping_add(block.len());
        }
        let (end, escaped) = passing.block(&padded(tail))?;
        if let Some(place) = end {
            return Ok(Some(at.wrapping_add(place)));
        }
        *self.nesting = Nesting {
            in_text: passing.in_text != 0,
            escaped: Escapes::pending(escaped, tail.len()),
            ..passing.nesting
        };
        Ok(None)
    }
}

/// The state while blocks pass, all of it in registers.
struct Passing<I> {
    instructions: I,
    escapes: Escapes,
    /// All bits set when the next block begins inside a string.
    in_text: u64,
    nesting: Nesting,
}

impl<I: Instructions> Passing<I> {
    /// The place of the last bracket, if it is in this block, and the escaped bytes.
    #[inline(always)]
    fn block(&mut self, block: &Block) -> Result<(Option<usize>, u64), Fault> {
        let vector = self.instructions.load(block);
        let backslashes = self.instructions.backslashes(vector);
        let escaped = self.escapes.next(backslashes);
        let quotes = self.instructions.quotes(vector) & !escaped;
        // Most of a long string.
        if quotes == 0 && self.in_text != 0 {
            return Ok((None, escaped));
        }
        let text = between(quotes) ^ self.in_text;
        self.in_text = (text.cast_signed() >> 63).cast_unsigned();
        let brackets = self.instructions.opening(vector) | self.instructions.closing(vector);
        let foreign = backslashes | self.instructions.foreign(vector);
        for place in Places((brackets | foreign) & !text) {
            match block.get(place).copied().unwrap_or(b' ') {
                byte @ (b'[' | b'{') => self.nesting.opens(byte)?,
                b'\\' | b'\'' | b'/' | b'#' => return Err(Fault::Invalid),
                byte if self.nesting.closes(byte)? => return Ok((Some(place), escaped)),
                _ => {}
            }
        }
        Ok((None, escaped))
    }
}
