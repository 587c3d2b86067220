//! What Envoy takes on trust: that a header can be written to the wire as it is.

/// The bit of bytes that may stand in a name, behind the colon that begins a pseudo-header.
const NAME: u8 = 1;
/// The bit of bytes that may stand in a value.
const VALUE: u8 = 2;

/// By byte: where it may stand.
const PLACES: [u8; 256] = {
    let mut places = [0; 256];
    let mut rest: &mut [u8] = &mut places;
    let mut byte = 0_u8;
    while let [first, others @ ..] = rest {
        if byte.is_ascii_graphic() && byte != b':' {
            *first |= NAME;
        }
        if !matches!(byte, b'\0' | b'\r' | b'\n') {
            *first |= VALUE;
        }
        byte = byte.wrapping_add(1);
        rest = others;
    }
    places
};

/// Whether a header may be handed to Envoy: a name without space, control or non-ASCII bytes whose
/// only colon is the first byte of a pseudo-header, and a value without NUL, CR and LF.
#[inline(always)]
pub(crate) fn is_valid(name: &str, value: &[u8]) -> bool {
    let token = name.strip_prefix(':').unwrap_or(name);
    !token.is_empty() && all(token.as_bytes(), NAME) && all(value, VALUE)
}

/// Whether every byte may stand in `place`. Nearly always it may, so that none has a branch of its
/// own, and four share one.
fn all(bytes: &[u8], place: u8) -> bool {
    let places = |byte: &u8| PLACES.get(usize::from(*byte)).copied();
    let all = |all: u8, byte| all & places(byte).unwrap_or_default();
    let (fours, rest) = bytes.as_chunks::<4>();
    let all_in_fours = fours
        .iter()
        .fold(place, |places, four| four.iter().fold(places, all));
    rest.iter().fold(all_in_fours, all) != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_at_every_place() {
        for length in 1..=17 {
            for place in 0..length {
                for byte in 0..=u8::MAX {
                    let mut bytes = vec![b'x'; length];
                    bytes[place] = byte;
                    let breaks = matches!(byte, b'\0' | b'\r' | b'\n');
                    assert_eq!(
                        is_valid("x", &bytes),
                        !breaks,
                        "{byte:#x} at {place} of {length}"
                    );
                    let Ok(name) = std::str::from_utf8(&bytes) else {
                        continue;
                    };
                    let pseudo = byte == b':' && place == 0 && length > 1;
                    let stands = byte.is_ascii_graphic() && byte != b':';
                    assert_eq!(is_valid(name, b""), stands || pseudo, "{name:?}");
                }
            }
        }
        assert!(!is_valid("", b"") && !is_valid(":", b"") && !is_valid("caf\u{e9}", b""));
    }
}
