use proptest::prelude::*;

use super::*;
use crate::instructions::Level;

/// The same, byte by byte.
fn expected(text: &[u8], checked: bool) -> Result<(Option<usize>, Escape), InvalidText> {
    let mut escape = Escape::None;
    for (place, &byte) in text.iter().enumerate() {
        escape = match (escape, byte) {
            (Escape::None, b'"') => return Ok((Some(place), Escape::None)),
            (Escape::None, b'\\') => Escape::Backslash,
            (Escape::None, ..=0x1f) if checked => return Err(InvalidText),
            (Escape::None, _) => Escape::None,
            (escape, byte) if checked => escape.next(byte)?,
            _ => Escape::None,
        };
    }
    Ok((None, escape))
}

/// In pieces, cut at `cuts`.
fn found(
    level: Level,
    text: &[u8],
    cuts: &[usize],
    checked: bool,
) -> Result<(Option<usize>, Escape), InvalidText> {
    let mut escape = Escape::None;
    let mut passed = 0;
    for piece in cuts.windows(2).map(|pair| &text[pair[0]..pair[1]]) {
        let task = (piece, &mut escape);
        let end = match checked {
            true => level.run(CheckedTextEnd {
                text: task.0,
                escape: task.1,
            })?,
            false => level.run(TextEnd {
                text: task.0,
                escape: task.1,
            }),
        };
        if let Some(place) = end {
            return Ok((Some(passed + place), escape));
        }
        passed += piece.len();
    }
    Ok((None, escape))
}

fn check(text: &[u8], cuts: &[prop::sample::Index]) {
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(text.len() + 1)).collect();
    cuts.extend([0, text.len()]);
    cuts.sort_unstable();
    for level in Level::all() {
        for checked in [false, true] {
            assert_eq!(
                found(level, text, &cuts, checked),
                expected(text, checked),
                "{level:?}, checked: {checked}, cut at {cuts:?}: {}",
                text.escape_ascii(),
            );
        }
    }
}

/// Text that is mostly proper: pieces of strings, some of them broken.
fn text() -> impl Strategy<Value = Vec<u8>> {
    let proper = prop::sample::select(vec![
        &b"abcdefghijklmnopqrstuvwxyz 0123456789"[..],
        b"x",
        b"\\n",
        b"\\\"",
        b"\\\\",
        b"\\\\\\\\",
        b"\\/",
        b"\\u0041",
        b"\\uFfFf",
        b"\\ud83d\\ude00",
        b"\xc3\xa9",
    ]);
    let broken = prop::sample::select(vec![
        &b"\""[..],
        b"\\",
        b"\n",
        b"\\x",
        b"\\u12",
        b"\\ud83d",
        b"\\ude00",
        b"\\ud83d\\u0041",
        b"\x00",
        b"\\u00g0",
    ]);
    prop::collection::vec(prop_oneof![40 => proper, 1 => broken], 0..40)
        .prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn text_ends_where_it_ends_however_it_is_cut(
        text in text(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..5),
    ) {
        check(&text, &cuts);
    }

    #[test]
    fn runs_of_backslashes_and_quotes(
        text in prop::collection::vec(prop::sample::select(&b"\\\\\\\"u0"[..]), 0..200),
        shift in 0..70_usize,
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..5),
    ) {
        let text = [vec![b' '; shift], text].concat();
        check(&text, &cuts);
    }
}

#[test]
fn escapes_across_every_border() {
    for escape in [
        "\\n",
        "\\\"",
        "\\u0041",
        "\\ud83d\\ude00",
        "\\ud83d",
        "\\ud83d\\n",
        "\\ude00",
        "\\q",
        "\\u12\"",
    ] {
        for before in 50..70 {
            let text = [" ".repeat(before).as_str(), escape, " ...\""].concat();
            let text = text.as_bytes();
            for level in Level::all() {
                for cut in 0..=text.len() {
                    let cuts = [0, cut, text.len()];
                    assert_eq!(
                        found(level, text, &cuts, true),
                        expected(text, true),
                        "{escape} at {before}, cut at {cut}"
                    );
                    assert_eq!(
                        found(level, text, &cuts, false),
                        expected(text, false),
                        "{escape} at {before}, cut at {cut}"
                    );
                }
            }
        }
    }
}
