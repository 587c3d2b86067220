//! Documents of one stream are edited as each would be alone.

use proptest::prelude::*;
use proptest::sample::Index;

use super::*;
use crate::Limits;

/// Puts a text that counts how often it was asked for in its document.
struct Counted(usize);

impl<'t> Texts<'t> for Counted {
    fn text(&mut self, _: EditId, value: Option<&[u8]>) -> Option<Cow<'t, str>> {
        self.0 += 1;
        let length = value.map_or(0, <[u8]>::len);
        Some(format!("{}{length}", self.0).into())
    }
}

fn paths() -> Paths {
    let edits = [
        ("/a", Verb::Replace),
        ("/b/a", Verb::Set),
        ("$.c[-1]", Verb::Remove),
        ("$..d", Verb::Default),
    ];
    let edits = edits.map(|(path, verb)| (Path::parse(path).unwrap(), verb));
    Paths::new(edits.into()).unwrap()
}

fn document() -> impl Strategy<Value = String> {
    let value = r#"("x{0,20}|\\"é"|-?[0-9]{1,30}|\[1?,?\]|\[[12],\{"d":null\}\]|\{("a":true)?\}|null|true)"#;
    prop::string::string_regex(&format!(
        r#"\{{("(a|b|c|d|\\u0061)": ?{value} ?,){{2,8}}"a":1\}}"#
    ))
    .unwrap()
}

proptest! {
    #[test]
    fn each_is_edited_as_it_would_be_alone(
        bases in prop::collection::vec(document(), 1..3),
        tails in prop::collection::vec((any::<Index>(), any::<Index>(), any::<Index>(), any::<Index>()), 1..8),
        depth in 1..4_usize,
    ) {
        let limits = Limits { json_depth: depth, ..Limits::default() };
        let paths = paths();
        let mut plans = Plans::default();
        for (base, end, other, begin) in &tails {
            let (base, other) = (base.get(&bases).as_bytes(), other.get(&bases).as_bytes());
            let document = [&base[..end.index(base.len() + 1)], &other[begin.index(other.len() + 1)..]];
            for document in [base.to_vec(), document.concat()] {
                let alone = plan(&document, &paths, &mut Counted(0), &limits);
                let in_stream = plans.plan(&document, &paths, &mut Counted(0), &limits);
                prop_assert_eq!(in_stream, alone, "{:?}", String::from_utf8_lossy(&document));
            }
        }
    }
}
