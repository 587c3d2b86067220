//! UTF-8, checked in pieces that may be cut inside a character.

/// The bytes are not UTF-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct InvalidUtf8;

/// A check going on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Utf8 {
    /// The beginning of a character that was cut.
    cut: Vec<u8>,
}

impl Utf8 {
    /// Checks the next bytes. Whether the last character is complete is not said: nothing that may
    /// end a JSON document is longer than a byte.
    pub(crate) fn feed(&mut self, chunk: &[u8]) -> Result<(), InvalidUtf8> {
        let mut rest = chunk;
        while !self.cut.is_empty() {
            let Some((&byte, tail)) = rest.split_first() else {
                return Ok(());
            };
            rest = tail;
            self.cut.push(byte);
            match std::str::from_utf8(&self.cut) {
                Ok(_) => self.cut.clear(),
                Err(error) if error.error_len().is_some() => return Err(InvalidUtf8),
                Err(_) => {}
            }
        }
        match simdutf8::compat::from_utf8(rest) {
            Ok(_) => Ok(()),
            Err(error) if error.error_len().is_some() => Err(InvalidUtf8),
            Err(error) => {
                let begun = rest.get(error.valid_up_to()..);
                self.cut.extend_from_slice(begun.unwrap_or_default());
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(pieces: &[&[u8]]) -> Result<bool, InvalidUtf8> {
        let mut utf8 = Utf8::default();
        for piece in pieces {
            utf8.feed(piece)?;
        }
        Ok(utf8.cut.is_empty())
    }

    /// Nothing that follows makes a character of it.
    #[test]
    fn a_cut_character_that_goes_on_otherwise_is_invalid() {
        for next in [&b"a"[..], b"a\x82\xac", b"\xe2\x82\xac", b"\x82a"] {
            assert_eq!(check(&[b"\xe2", next]), Err(InvalidUtf8), "{next:x?}");
        }
        assert_eq!(check(&[b"\xe2", b"\x82", b"\xac"]), Ok(true));
    }

    proptest! {
        #[test]
        fn any_cut_says_what_the_standard_library_says(
            text in "[a\u{e9}\u{20ac}\u{1f600}]{0,12}",
            broken in proptest::option::of((any::<prop::sample::Index>(), any::<u8>())),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..5),
        ) {
            let mut bytes = text.into_bytes();
            if let Some((at, byte)) = broken {
                let at = at.index(bytes.len() + 1);
                bytes.splice(at..(at + 1).min(bytes.len()), [byte]);
            }
            let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
            at.extend([0, bytes.len()]);
            at.sort_unstable();
            let pieces: Vec<&[u8]> = at.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
            let valid = std::str::from_utf8(&bytes).is_ok();
            prop_assert_eq!(check(&pieces) == Ok(true), valid);
        }
    }
}
