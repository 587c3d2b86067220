use proptest::prelude::*;

use super::*;
use crate::instructions::Level;

/// Where the first text begins, byte by byte.
fn first(texts: &[Vec<u8>], bytes: &[u8]) -> Option<usize> {
    (0..bytes.len()).find(|begin| texts.iter().any(|text| bytes[*begin..].starts_with(text)))
}

fn texts_of(texts: &[Vec<u8>]) -> Texts {
    let texts: Vec<&[u8]> = texts.iter().map(Vec::as_slice).collect();
    Texts::new(&texts).unwrap()
}

#[test]
fn texts_that_cannot_be_looked_for() {
    let long = [b'a'; LONGEST + 1];
    let sets: [&[&[u8]]; 4] = [&[], &[b"a"], &[b"ab", b""], &[b"ab", &long]];
    for texts in sets {
        assert!(Texts::new(texts).is_none(), "{texts:?}");
    }
}

#[test]
fn a_text_is_found_in_every_place() {
    let texts = [b"kens\"".to_vec(), b"ount\"".to_vec(), b"\\u00".to_vec()];
    let set = texts_of(&texts);
    for length in 0..200 {
        let empty = vec![b'x'; length];
        assert_eq!(set.first_in(&empty), None);
        for text in &texts {
            for place in 0..(length + 1).saturating_sub(text.len()) {
                let mut bytes = empty.clone();
                bytes[place..place + text.len()].copy_from_slice(text);
                assert_eq!(set.first_in(&bytes), Some(place), "{length}");
                // Without its end it is none.
                assert_eq!(set.first_in(&bytes[..place + text.len() - 1]), None);
            }
        }
    }
}

proptest! {
    #[test]
    fn the_first_text_is_found_by_all_instructions(
        texts in prop::collection::vec(prop::collection::vec(prop::sample::select(&b"ab\" "[..]), 2..6), 1..8),
        bytes in prop::collection::vec(prop::sample::select(&b"ab\" xyzxyzxyz"[..]), 0..300),
    ) {
        let set = texts_of(&texts);
        let expected = first(&texts, &bytes);
        prop_assert_eq!(set.first_in(&bytes), expected);
        for level in Level::all() {
            let places = set.groups.iter().filter_map(|group| {
                level.run(FirstOf { group, gap: set.gap, bytes: &bytes })
            });
            prop_assert_eq!(places.min(), expected, "{:?}", level);
        }
    }
}
