use proptest::prelude::*;

use super::*;
use crate::instructions::Level;

/// The same, byte by byte, of text that follows an opening bracket.
fn expected(curly: bool, levels: usize, text: &[u8]) -> Result<Option<usize>, Fault> {
    let mut open = vec![if curly { b'}' } else { b']' }];
    let (mut in_text, mut escaped) = (false, false);
    for (place, &byte) in text.iter().enumerate() {
        if in_text {
            in_text = escaped || byte != b'"';
            escaped = !escaped && byte == b'\\';
            continue;
        }
        match byte {
            b'"' => in_text = true,
            b'\\' | b'\'' | b'/' | b'#' => return Err(Fault::Invalid),
            b'{' | b'[' if open.len() >= levels => return Err(Fault::TooDeep),
            b'{' => open.push(b'}'),
            b'[' => open.push(b']'),
            b'}' | b']' if open.pop() != Some(byte) => return Err(Fault::Invalid),
            b'}' | b']' if open.is_empty() => return Ok(Some(place)),
            _ => {}
        }
    }
    Ok(None)
}

fn found(
    level: Level,
    mut nesting: Nesting,
    text: &[u8],
    cuts: &[usize],
) -> Result<Option<usize>, Fault> {
    let mut passed = 0;
    for piece in cuts.windows(2).map(|pair| &text[pair[0]..pair[1]]) {
        let nesting = &mut nesting;
        if let Some(place) = level.run(End {
            nesting,
            text: piece,
        })? {
            return Ok(Some(passed + place));
        }
        passed += piece.len();
    }
    Ok(None)
}

fn check(curly: bool, levels: usize, text: &[u8], cuts: &[prop::sample::Index]) {
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(text.len() + 1)).collect();
    cuts.extend([0, text.len()]);
    cuts.sort_unstable();
    for level in Level::all() {
        assert_eq!(
            found(level, Nesting::new(curly, levels), text, &cuts),
            expected(curly, levels, text),
            "{level:?}, cut at {cuts:?}: {}",
            text.escape_ascii(),
        );
    }
}

/// The inside of an array, and some of what may follow it.
fn array() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        "[0-9a-z,:.+ -]{0,20}",
        r#""([a-z'/#\[\]{}]|\\"|\\\\|\\n){0,30}""#,
    ];
    let value = leaf.prop_recursive(6, 40, 4, |inner| {
        (prop::collection::vec(inner, 0..4), any::<bool>()).prop_map(|(items, curly)| {
            let items = items.join(",");
            if curly {
                format!("{{{items}}}")
            } else {
                format!("[{items}]")
            }
        })
    });
    (value, r#"\][\]}" ]{0,3}"#).prop_map(|(value, after)| value + &after)
}

proptest! {
    #[test]
    fn arrays_end_where_they_end_however_they_are_cut(
        text in array(),
        curly in prop::bool::weighted(0.05),
        levels in 3..9_usize,
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..5),
    ) {
        check(curly, levels, text.as_bytes(), &cuts);
    }

    #[test]
    fn any_bytes(
        text in prop::collection::vec(prop::sample::select(&b"[[[{{]]}}}\"\"\"\" a\xdb\xfd;\\'/#"[..]), 0..300),
        curly in any::<bool>(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..5),
    ) {
        check(curly, 128, &text, &cuts);
    }
}

#[test]
fn the_deepest_is_128_levels() {
    let inside = |levels: usize| ["[".repeat(levels - 1), "]".repeat(levels)].concat();
    for (levels, limit, end) in [
        (127, 127, Ok(Some(252))),
        (128, 127, Err(Fault::TooDeep)),
        (128, 128, Ok(Some(254))),
        (129, 1000, Err(Fault::TooDeep)),
    ] {
        let text = inside(levels);
        assert_eq!(Nesting::new(false, limit).end(text.as_bytes()), end);
    }
}

#[test]
fn comments_and_other_quotes_have_no_place() {
    for text in [&b"// \"\n]"[..], b"/* ] */]", b"'\"']", b"# \"\n]"] {
        check(false, 8, text, &[]);
        assert_eq!(Nesting::new(false, 8).end(text), Err(Fault::Invalid));
    }
    assert_eq!(Nesting::new(false, 8).end(b"\"'/#\"]"), Ok(Some(5)));
}
