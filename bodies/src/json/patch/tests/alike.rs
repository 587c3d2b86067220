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

/// Puts the same in every document.
struct Fixed;

impl<'t> Texts<'t> for Fixed {
    fn text(&mut self, edit: EditId, _: Option<&[u8]>) -> Option<Cow<'t, str>> {
        Some(format!("\"{}\"", edit.index()).into())
    }

    fn are_fixed(&self) -> bool {
        true
    }
}

fn paths() -> Paths {
    let edits = [
        ("/a", Verb::Replace),
        ("/b/a", Verb::Set),
        ("$.c[-1]", Verb::Remove),
        ("$..d", Verb::Default),
        ("/c/1", Verb::Insert),
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

/// Strings and numbers, some of which name an edited member as a key, and seldom what only begins as one.
fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        10 => r#""(x{0,20}|\\"|\\\\|[\]},é: ]){0,3}""#,
        10 => r"-?(0|[1-9][0-9]{0,9})(\.[0-9]|[eE]-?[0-9])?",
        2 => r#""[abd]""#,
        1 => r#"01|-|"x|1e|x|"x\\""#,
    ]
}

/// What stands around them: whole documents, and what is none.
fn shapes() -> impl Strategy<Value = Vec<&'static str>> {
    let shapes = [
        r#"{"x":@,"a":@,"b":{"y":[@,@]},"c":[@, @ ],"d":null,"a" : @}"#,
        r#"{"c":[@,{"d":null,"x":@}],"x":{"y":@,"'":@},"b":{"a":@},"d":@}"#,
        r#"{"x":@,"c":[],"b":null}"#,
        r#"{"a":{"b":@},"c":[@],"y":[@ @,:@],"b":{@:1}}"#,
        r#"[@,{"d":null},@@]"#,
        "@",
    ];
    let shape = prop::sample::select(shapes.to_vec());
    prop::collection::vec(shape, 1..3)
}

/// How many bytes the edits may put.
fn room() -> impl Strategy<Value = usize> {
    prop_oneof![1 => 0_usize..30, 2 => Just(1 << 20)]
}

fn filled(shape: &str, values: &[String]) -> String {
    let mut values = values.iter().cycle();
    let parts = shape.split_inclusive('@');
    parts
        .map(|part| match part.strip_suffix('@') {
            Some(before) => format!("{before}{}", values.next().unwrap()),
            None => part.to_owned(),
        })
        .collect()
}

/// Checks that documents of one stream, each with its limits, are edited as each would be alone.
fn each_as_alone(documents: &[(Vec<u8>, Limits)]) -> Result<(), TestCaseError> {
    let paths = paths();
    let (mut plans, mut fixed_plans) = (Plans::default(), Plans::default());
    for (document, limits) in documents {
        let text = String::from_utf8_lossy(document);
        let alone = plan(document, &paths, &mut Counted(0), limits);
        let in_stream = plans.plan(document, &paths, &mut Counted(0), limits);
        prop_assert_eq!(in_stream, alone, "{:?}", text);
        let alone = plan(document, &paths, &mut Fixed, limits);
        let in_stream = fixed_plans.plan(document, &paths, &mut Fixed, limits);
        prop_assert_eq!(in_stream, alone, "fixed, {:?}", text);
    }
    Ok(())
}

proptest! {
    #[test]
    fn each_is_edited_as_it_would_be_alone(
        bases in prop::collection::vec(document(), 1..3),
        tails in prop::collection::vec((any::<Index>(), any::<Index>(), any::<Index>(), any::<Index>()), 1..8),
        depth in 1..4_usize,
    ) {
        let limits = Limits { json_depth: depth, ..Limits::default() };
        let mut documents = Vec::new();
        for (base, end, other, begin) in &tails {
            let (base, other) = (base.get(&bases).as_bytes(), other.get(&bases).as_bytes());
            let document = [&base[..end.index(base.len() + 1)], &other[begin.index(other.len() + 1)..]];
            documents.extend([(base.to_vec(), limits), (document.concat(), limits)]);
        }
        each_as_alone(&documents)?;
    }

    #[test]
    fn each_of_a_shape_is_edited_as_it_would_be_alone(
        shapes in shapes(),
        fillings in prop::collection::vec((any::<Index>(), prop::collection::vec(value(), 8), room()), 2..10),
        kept in any::<[bool; 8]>(),
    ) {
        let first = fillings[0].1.clone();
        let documents = fillings.iter().map(|(shape, values, room)| {
            let values = values.iter().zip(&first).zip(kept);
            let values: Vec<_> = values
                .map(|((value, first), kept)| if kept { first.clone() } else { value.clone() })
                .collect();
            let shape: &&str = shape.get(&shapes);
            let limits = Limits { edit_bytes: *room, ..Limits::default() };
            (filled(shape, &values).into_bytes(), limits)
        });
        each_as_alone(&documents.collect::<Vec<_>>())?;
    }
}
