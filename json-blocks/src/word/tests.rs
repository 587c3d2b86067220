use proptest::prelude::*;

use super::*;

/// Bytes that matter, their neighbours, and what may be taken for them.
fn byte() -> impl Strategy<Value = u8> {
    prop_oneof![
        8 => b'a'..=b'z',
        1 => prop::sample::select(&b"\"\\!#[]\x1f\x20\x21\x7f\x80\x9f\xa2\xdc\xff\0\x01"[..]),
    ]
}

proptest! {
    #[test]
    fn the_first_quote_ends_a_text_without_escapes(text in prop::collection::vec(byte(), 0..40)) {
        let first = text.iter().position(|byte| matches!(byte, b'"' | b'\\'));
        let end = first.filter(|&place| text[place] == b'"' && place < SHORT);
        prop_assert_eq!(text_end(&text), end);
    }

    #[test]
    fn a_short_text_is_plain_up_to_its_quote(text in prop::collection::vec(byte(), 0..70)) {
        let end = text.iter().position(|byte| *byte == b'"');
        let whole = text.len().min(NAME) / 8 * 8;
        let parts = end.filter(|end| *end < whole).map(|end| (&text[..end], &text[end + 1..]));
        let parts = parts.and_then(|(inside, after)| Some((plain(inside)?, after)));
        prop_assert_eq!(short_text(&text), parts);
    }

    #[test]
    fn plain_is_ascii_that_stands_for_itself(text in prop::collection::vec(byte(), 0..40)) {
        let stands = |byte: &u8| matches!(byte, b' '..=b'~' | 0x7f) && !b"\"\\".contains(byte);
        let all = text.iter().all(stands);
        prop_assert_eq!(plain(&text).map(str::as_bytes), all.then_some(&*text));
    }
}

#[test]
fn every_byte_at_every_place() {
    for length in 1..20 {
        for place in 0..length {
            for byte in 0..=u8::MAX {
                let mut text = vec![b'a'; length];
                text[place] = byte;
                let stands = (b' '..=0x7f).contains(&byte) && !matches!(byte, b'"' | b'\\');
                assert_eq!(
                    plain(&text).is_some(),
                    stands,
                    "{byte:#x} at {place} of {length}"
                );
                let ends = byte == b'"' && place < SHORT;
                assert_eq!(
                    text_end(&text),
                    ends.then_some(place),
                    "{byte:#x} at {place} of {length}"
                );
            }
        }
    }
    assert_eq!(plain(b""), Some(""));
}
