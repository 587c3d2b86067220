//! The end of a string.

use crate::block::{Block, Escapes, Places, below_first, padded};
use crate::escape::{self, Escape, InvalidText, simple};
use crate::instructions::{self, Instructions, Task};
use crate::word;

#[cfg(test)]
mod tests;

/// The place of the quote that ends a string, in text from the inside of it; `None` when it is not
/// there. What the string holds is not checked.
///
/// `escape` says how the text before ended, and then how this one does: [`Escape::None`] or
/// [`Escape::Backslash`].
#[inline]
pub fn text_end(text: &[u8], escape: &mut Escape) -> Option<usize> {
    if escape.is_none()
        && let Some(place) = word::text_end(text)
    {
        return Some(place);
    }
    instructions::run(TextEnd { text, escape })
}

/// As [`text_end`], of a string that is checked: no control characters, every escape a proper one,
/// surrogates only in pairs. That the text is UTF-8 is not checked.
///
/// # Errors
///
/// The text cannot stand in a string.
#[inline]
pub fn checked_text_end(text: &[u8], escape: &mut Escape) -> Result<Option<usize>, InvalidText> {
    instructions::run(CheckedTextEnd { text, escape })
}

struct TextEnd<'t> {
    text: &'t [u8],
    escape: &'t mut Escape,
}

impl Task for TextEnd<'_> {
    type Output = Option<usize>;

    #[inline(always)]
    fn run<I: Instructions>(self, instructions: I) -> Option<usize> {
        let mut escapes = Escapes::new(*self.escape == Escape::Backslash);
        *self.escape = Escape::None;
        let (blocks, tail) = self.text.as_chunks();
        let mut at = 0_usize;
        for block in blocks {
            let (quotes, _) = ends(instructions, &mut escapes, block);
            if let Some(place) = Places(quotes).next() {
                return Some(at.wrapping_add(place));
            }
            at = at.wrapping_add(block.len());
        }
        let (quotes, escaped) = ends(instructions, &mut escapes, &padded(tail));
        if let Some(place) = Places(quotes).next() {
            return Some(at.wrapping_add(place));
        }
        if Escapes::pending(escaped, tail.len()) {
            *self.escape = Escape::Backslash;
        }
        None
    }
}

/// The quotes of the next block that are not escaped, and the bytes that are.
///
/// A function and not a closure: those are not inlined where the wide instructions are allowed, and
/// then each instruction is a call.
#[inline(always)]
fn ends<I: Instructions>(instructions: I, escapes: &mut Escapes, block: &Block) -> (u64, u64) {
    let vector = instructions.load(block);
    let escaped = escapes.next(instructions.backslashes(vector));
    (instructions.quotes(vector) & !escaped, escaped)
}

struct CheckedTextEnd<'t> {
    text: &'t [u8],
    escape: &'t mut Escape,
}

impl Task for CheckedTextEnd<'_> {
    type Output = Result<Option<usize>, InvalidText>;

    #[inline(always)]
    fn run<I: Instructions>(self, instructions: I) -> Self::Output {
        let mut begun = 0_usize;
        while !self.escape.is_none() {
            let Some(&byte) = self.text.get(begun) else {
                return Ok(None);
            };
            *self.escape = self.escape.next(byte)?;
            begun = begun.wrapping_add(1);
        }
        let mut checked = Checked {
            instructions,
            text: self.text,
            at: begun,
            passed: begun,
            escapes: Escapes::default(),
        };
        let (blocks, tail) = self.text.get(begun..).unwrap_or_default().as_chunks();
        for block in blocks {
            match checked.block(block)? {
                Stop::Nowhere => {}
                stop => return checked.stopped(stop, self.escape),
            }
        }
        let stop = checked.block(&padded(tail))?;
        checked.stopped(stop, self.escape)
    }
}

/// Where a check ends.
enum Stop {
    /// Not in this block.
    Nowhere,
    /// At the quote that ends the string.
    Quote(usize),
    /// At the backslash of an escape that is cut off.
    Cut(usize),
}

/// A check going on. Places are in the text.
struct Checked<'t, I> {
    instructions: I,
    text: &'t [u8],
    /// Where the next block begins.
    at: usize,
    /// Up to where escapes have been checked.
    passed: usize,
    escapes: Escapes,
}

impl<I: Instructions> Checked<'_, I> {
    #[inline(always)]
    fn block(&mut self, block: &Block) -> Result<Stop, InvalidText> {
        let vector = self.instructions.load(block);
        let escaped = self.escapes.next(self.instructions.backslashes(vector));
        let quotes = self.instructions.quotes(vector) & !escaped;
        let text = below_first(quotes);
        if self.instructions.controls(vector) & text != 0 {
            return Err(InvalidText);
        }
        for place in Places(escaped & text) {
            // In a padded block, the byte after the end of the text.
            let byte = block.get(place).copied().unwrap_or(b' ');
            if simple(byte) {
                continue;
            }
            let place = self.at.wrapping_add(place);
            let backslash = place.wrapping_sub(1);
            if place >= self.text.len() {
                return Ok(Stop::Cut(backslash));
            }
            if backslash < self.passed {
                continue;
            }
            if byte != b'u' {
                return Err(InvalidText);
            }
            match escape::unicode(self.text.get(backslash..).unwrap_or_default())? {
                Some(length) => self.passed = backslash.wrapping_add(length),
                None => return Ok(Stop::Cut(backslash)),
            }
        }
        let at = self.at;
        self.at = at.wrapping_add(block.len());
        Ok(match Places(quotes).next() {
            Some(place) => Stop::Quote(at.wrapping_add(place)),
            None => Stop::Nowhere,
        })
    }

    #[inline(always)]
    fn stopped(&self, stop: Stop, escape: &mut Escape) -> Result<Option<usize>, InvalidText> {
        match stop {
            Stop::Nowhere => Ok(None),
            Stop::Quote(place) => Ok(Some(place)),
            Stop::Cut(backslash) => {
                *escape = Escape::Backslash;
                let after = self.text.get(backslash.wrapping_add(1)..);
                for &byte in after.unwrap_or_default() {
                    *escape = escape.next(byte)?;
                }
                Ok(None)
            }
        }
    }
}
