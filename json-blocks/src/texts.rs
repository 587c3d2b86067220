//! The first of a few short texts, all looked for in one pass.

use crate::block::{Places, padded};
use crate::instructions::{self, Instructions, Task};

#[cfg(test)]
mod tests;

/// How many texts are looked for at once: their bytes stay in registers.
const TOGETHER: usize = 4;

/// The longest text, in bytes.
const LONGEST: usize = 16;

/// A few short texts.
///
/// ```
/// use json_blocks::Texts;
///
/// let texts = Texts::new(&[b"kens\"", b"ount\""]).unwrap();
/// assert_eq!(texts.first_in(br#"{"max_tokens":1}"#), Some(8));
/// assert_eq!(texts.first_in(br#"{"model":"gpt-4o"}"#), None);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Texts {
    groups: Vec<Group>,
    /// How far apart the two bytes of each text are that are looked at in every place.
    gap: usize,
}

/// Texts that are looked for at once.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Group {
    texts: Vec<Vec<u8>>,
    /// Two bytes of each text; there are [`TOGETHER`], some of them perhaps equal.
    pairs: [Pair; TOGETHER],
    /// How far from the beginning of a text its pair may stand.
    furthest: usize,
}

/// Two bytes of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Pair {
    bytes: [u8; 2],
    /// Where in the text the first of them stands.
    at: usize,
}

impl Texts {
    /// Texts of 2 to 16 bytes; `None` if one is shorter or longer, or there is none.
    pub fn new(texts: &[&[u8]]) -> Option<Self> {
        let shortest = texts.iter().map(|text| text.len()).min()?;
        let longest = texts.iter().map(|text| text.len()).max()?;
        let gap = shortest.checked_sub(1).filter(|gap| *gap > 0)?;
        if longest > LONGEST {
            return None;
        }
        let groups = texts.chunks(TOGETHER).map(|texts| Group::new(texts, gap));
        Some(Self {
            groups: groups.collect::<Option<_>>()?,
            gap,
        })
    }

    /// Where the first text begins that stands in `bytes`.
    #[inline]
    pub fn first_in(&self, bytes: &[u8]) -> Option<usize> {
        let gap = self.gap;
        let mut first = None;
        for group in &self.groups {
            let place = instructions::run(FirstOf { group, gap, bytes });
            first = match (first, place) {
                (Some(first), Some(place)) => Some(place.min(first)),
                (first, place) => first.or(place),
            };
        }
        first
    }
}

impl Group {
    fn new(texts: &[&[u8]], gap: usize) -> Option<Self> {
        let mut pairs = [Pair::rarest(texts.first()?, gap)?; TOGETHER];
        for (pair, text) in pairs.iter_mut().zip(texts) {
            *pair = Pair::rarest(text, gap)?;
        }
        Some(Self {
            texts: texts.iter().map(|text| text.to_vec()).collect(),
            pairs,
            furthest: pairs.iter().map(|pair| pair.at).max()?,
        })
    }

    /// Where the first text begins whose pair stands at one of these places of the block at `at`.
    #[inline(never)]
    fn first(&self, bytes: &[u8], at: usize, places: u64) -> Option<usize> {
        let mut places = Places(places);
        places.find_map(|place| self.around(bytes, at.wrapping_add(place)))
    }

    /// Where the first text begins whose pair may stand at `place`.
    fn around(&self, bytes: &[u8], place: usize) -> Option<usize> {
        (place.saturating_sub(self.furthest)..=place).find(|begin| {
            let rest = bytes.get(*begin..).unwrap_or_default();
            self.texts.iter().any(|text| rest.starts_with(text))
        })
    }
}

impl Pair {
    /// The bytes of a text that are so far apart and seldom stand so in JSON.
    fn rarest(text: &[u8], gap: usize) -> Option<Self> {
        let (firsts, seconds) = (text.iter(), text.iter().skip(gap));
        let pairs = firsts.zip(seconds).enumerate();
        let pairs = pairs.map(|(at, (first, second))| Self {
            bytes: [*first, *second],
            at,
        });
        pairs.min_by_key(|pair| {
            let [first, second] = pair.bytes.map(frequency);
            first.saturating_mul(second)
        })
    }
}

/// How often a byte stands in JSON, roughly, compared to others.
fn frequency(byte: u8) -> u8 {
    match byte {
        b'"' => 4,
        b'a' | b'e' | b'i' | b'n' | b'o' | b'r' | b's' | b't' | b'l' | b' ' | b',' | b':' => 2,
        _ => 1,
    }
}

struct FirstOf<'t> {
    group: &'t Group,
    /// See [`Texts::gap`].
    gap: usize,
    bytes: &'t [u8],
}

impl Task for FirstOf<'_> {
    type Output = Option<usize>;

    #[inline(always)]
    fn run<I: Instructions>(self, instructions: I) -> Option<usize> {
        let Self { group, gap, bytes } = self;
        let pairs = group.pairs.each_ref().map(bytes_of);
        let ahead = bytes.get(gap..)?;
        let (blocks, _) = bytes.as_chunks();
        let (blocks_ahead, rest) = ahead.as_chunks();
        let mut at = 0_usize;
        let mut blocks = blocks.iter().zip(blocks_ahead);
        loop {
            // Nothing is called here, so that the pairs stay in registers.
            let mut places = 0;
            for (block, block_ahead) in blocks.by_ref() {
                let vectors = (instructions.load(block), instructions.load(block_ahead));
                places = instructions.pairs(vectors.0, vectors.1, pairs);
                at = at.wrapping_add(block.len());
                if places != 0 {
                    break;
                }
            }
            if places == 0 {
                break;
            }
            let found = group.first(bytes, at.wrapping_sub(64), places);
            if found.is_some() {
                return found;
            }
        }
        if rest.is_empty() {
            return None;
        }
        // The last block overlaps the one before, unless there is none.
        let (at, last, last_ahead) = match (ahead.len().checked_sub(64), ahead.last_chunk()) {
            (Some(at), Some(last_ahead)) => (at, *bytes.get(at..)?.first_chunk()?, *last_ahead),
            _ => (0, padded(first_block(bytes)), padded(ahead)),
        };
        let vectors = (instructions.load(&last), instructions.load(&last_ahead));
        let places = instructions.pairs(vectors.0, vectors.1, pairs);
        group.first(bytes, at, places)
    }
}

/// The bytes of a pair. A function, as a closure is not inlined where the wide instructions are allowed.
#[inline(always)]
fn bytes_of(pair: &Pair) -> [u8; 2] {
    pair.bytes
}

/// So many bytes as fit into a block.
#[inline(always)]
fn first_block(bytes: &[u8]) -> &[u8] {
    bytes.get(..64).unwrap_or(bytes)
}
