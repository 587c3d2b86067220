//! A quick look at a key, which most keys do not pass.

/// With which characters some names begin and end, in whatever case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Initials {
    first: u32,
    last: u32,
}

impl Initials {
    /// Adds a name.
    pub(super) fn add(&mut self, name: &str) {
        self.first |= letters(name.as_bytes().first());
        self.last |= letters(name.as_bytes().last());
    }

    /// Whether the key may be one of the names, or one of them in another case.
    #[inline]
    pub(super) fn may_begin_and_end(&self, key: &str) -> bool {
        let first = letters(key.as_bytes().first());
        let last = letters(key.as_bytes().last());
        first & self.first != 0 && last & self.last != 0
    }
}

/// The bit of an ASCII character, the same for a letter in both cases. Another may be folded to any,
/// and has all bits; so has none.
#[inline]
fn letters(byte: Option<&u8>) -> u32 {
    match byte {
        Some(byte) if byte.is_ascii() => 1 << (byte & 0x1f),
        _ => u32::MAX,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_in_another_case_passes_and_most_keys_do_not() {
        let mut initials = Initials::default();
        initials.add("key");
        // The sign of the unit kelvin is a K in another case.
        for key in ["key", "KEY", "\u{212a}ey", "ke\u{e9}", ""] {
            assert!(initials.may_begin_and_end(key), "{key}");
        }
        for key in ["ke", "ey", "model"] {
            assert!(!initials.may_begin_and_end(key), "{key}");
        }
    }
}
