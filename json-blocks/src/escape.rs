//! Escapes in strings (RFC 8259 section 7), one byte at a time.

/// What stands between two quotes is not the inside of a JSON string: a bare control character, an
/// unknown escape, or half of a surrogate pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidText;

/// How far into an escape the text read so far reaches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Escape {
    /// Not in an escape.
    #[default]
    None,
    /// After the backslash.
    Backslash,
    /// In the four digits after `\u`.
    Unicode {
        /// What the digits so far say.
        unit: u16,
        /// How many digits are missing.
        missing: u8,
        /// Whether this is the second of a surrogate pair.
        second: bool,
    },
    /// After the first of a surrogate pair.
    Surrogate,
    /// After the backslash that follows the first of a surrogate pair.
    SurrogateBackslash,
}

impl Escape {
    /// Whether a text may end here.
    pub fn is_none(self) -> bool {
        self == Self::None
    }

    /// The state after one more byte of an escape.
    pub(crate) fn next(self, byte: u8) -> Result<Self, InvalidText> {
        match (self, byte) {
            (Self::None, _) => Ok(Self::None),
            (Self::Backslash, byte) if simple(byte) => Ok(Self::None),
            (Self::Backslash, b'u') => Ok(Self::unicode(false)),
            (Self::Surrogate, b'\\') => Ok(Self::SurrogateBackslash),
            (Self::SurrogateBackslash, b'u') => Ok(Self::unicode(true)),
            (
                Self::Unicode {
                    unit,
                    missing,
                    second,
                },
                byte,
            ) => {
                let unit = unit << 4 | digit(byte).ok_or(InvalidText)?;
                match missing.saturating_sub(1) {
                    0 => Self::ended(unit, second),
                    missing => Ok(Self::Unicode {
                        unit,
                        missing,
                        second,
                    }),
                }
            }
            _ => Err(InvalidText),
        }
    }

    fn unicode(second: bool) -> Self {
        let (unit, missing) = (0, 4);
        Self::Unicode {
            unit,
            missing,
            second,
        }
    }

    fn ended(unit: u16, second: bool) -> Result<Self, InvalidText> {
        match (unit, second) {
            (0xd800..=0xdbff, false) => Ok(Self::Surrogate),
            (0xdc00..=0xdfff, true) => Ok(Self::None),
            (0xdc00..=0xdfff, false) | (_, true) => Err(InvalidText),
            _ => Ok(Self::None),
        }
    }
}

/// Whether a backslash and this byte are an escape.
#[inline(always)]
pub(crate) fn simple(byte: u8) -> bool {
    matches!(byte, b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't')
}

#[inline(always)]
fn digit(byte: u8) -> Option<u16> {
    match byte {
        b'0'..=b'9' => Some(u16::from(byte.wrapping_sub(b'0'))),
        b'a'..=b'f' => Some(u16::from(byte.wrapping_sub(b'a').wrapping_add(10))),
        b'A'..=b'F' => Some(u16::from(byte.wrapping_sub(b'A').wrapping_add(10))),
        _ => None,
    }
}

/// How many bytes the escape at the beginning of `text` has, which begins with `\u`, a surrogate
/// pair as a whole; `None` when it is cut off.
#[inline(always)]
pub(crate) fn unicode(text: &[u8]) -> Result<Option<usize>, InvalidText> {
    let Some(digits) = text.get(2..).and_then(<[u8]>::first_chunk::<4>) else {
        return Ok(None);
    };
    match Escape::ended(unit(digits)?, false)? {
        Escape::None => Ok(Some(6)),
        _ => match text.get(6..).and_then(<[u8]>::first_chunk::<6>) {
            None => Ok(None),
            Some([b'\\', b'u', digits @ ..]) => {
                Escape::ended(unit(digits)?, true)?;
                Ok(Some(12))
            }
            Some(_) => Err(InvalidText),
        },
    }
}

#[inline(always)]
fn unit(digits: &[u8; 4]) -> Result<u16, InvalidText> {
    let mut unit = 0;
    for &byte in digits {
        unit = unit << 4 | digit(byte).ok_or(InvalidText)?;
    }
    Ok(unit)
}
