//! The grammar of JSON numbers (RFC 8259 section 6), one byte at a time.

/// The shortest number without an exponent that may be too great for an `f64`.
const GREAT: usize = 309;

/// Whether a complete number is finite as an `f64`.
pub(crate) fn finite(raw: &[u8]) -> bool {
    let small = raw.len() < GREAT && !raw.iter().any(|byte| matches!(byte, b'e' | b'E'));
    small || serde_json::from_slice::<f64>(raw).is_ok()
}

/// How far into a number the bytes read so far reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Number {
    /// The sign.
    Minus,
    /// A zero that begins it, after which no digit may follow.
    Zero,
    /// Digits before the point.
    Integer,
    /// The point.
    Point,
    /// Digits after the point.
    Fraction,
    /// `e` or `E`.
    Exponent,
    /// The sign of the exponent.
    ExponentSign,
    /// Digits of the exponent.
    ExponentDigits,
}

impl Number {
    /// The state after a first byte.
    pub fn start(byte: u8) -> Option<Self> {
        match byte {
            b'-' => Some(Number::Minus),
            b'0' => Some(Number::Zero),
            b'1'..=b'9' => Some(Number::Integer),
            _ => None,
        }
    }

    /// The state after one more byte; `None` when the number cannot go on with it.
    pub fn next(self, byte: u8) -> Option<Self> {
        use Number::*;
        match (self, byte) {
            (Minus, b'0') => Some(Zero),
            (Minus, b'1'..=b'9') | (Integer, b'0'..=b'9') => Some(Integer),
            (Zero | Integer, b'.') => Some(Point),
            (Point | Fraction, b'0'..=b'9') => Some(Fraction),
            (Zero | Integer | Fraction, b'e' | b'E') => Some(Exponent),
            (Exponent, b'+' | b'-') => Some(ExponentSign),
            (Exponent | ExponentSign | ExponentDigits, b'0'..=b'9') => Some(ExponentDigits),
            _ => None,
        }
    }

    /// Goes on with these bytes as far as they belong to the number; returns what follows.
    #[inline]
    pub(crate) fn read<'b>(&mut self, bytes: &'b [u8]) -> &'b [u8] {
        let mut rest = bytes;
        if *self == Number::Integer {
            // Most of most numbers.
            while let Some((b'0'..=b'9', after)) = rest.split_first() {
                rest = after;
            }
        }
        while let Some((&byte, after)) = rest.split_first()
            && let Some(next) = self.next(byte)
        {
            *self = next;
            rest = after;
        }
        rest
    }

    /// Whether the number may end here.
    pub fn complete(self) -> bool {
        use Number::*;
        matches!(self, Zero | Integer | Fraction | ExponentDigits)
    }
}
