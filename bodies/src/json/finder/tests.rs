use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::Value;

use super::*;
use crate::pieces::cut;

fn find_in(chunks: &[&[u8]], pointers: &[&str], limits: &Limits) -> Result<Vec<Finding>, Error> {
    let mut set = Pointers::default();
    let fields: Vec<FieldId> = pointers.iter().map(|p| set.insert(p).unwrap()).collect();
    let mut finder = Finder::new(&set, limits);
    for chunk in chunks {
        finder.feed(&set, chunk)?;
    }
    let found = finder.finish(&set)?;
    Ok(fields
        .into_iter()
        .map(|field| field.of(&found).unwrap().clone())
        .collect())
}

fn find(document: &str, pointer: &str) -> Result<Finding, Error> {
    let whole = find_in(&[document.as_bytes()], &[pointer], &Limits::default());
    let bytes: Vec<&[u8]> = document.as_bytes().chunks(1).collect();
    assert_eq!(
        whole,
        find_in(&bytes, &[pointer], &Limits::default()),
        "byte by byte"
    );
    whole.map(|mut fields| fields.remove(0))
}

fn first(document: &str, pointer: &str) -> Option<Found> {
    find(document, pointer).unwrap().first
}

fn text(value: &str) -> Option<Found> {
    Some(Found::String(value.to_owned()))
}

#[test]
fn takes_the_field_and_nothing_else() {
    assert_eq!(first(r#"{"model":"a"}"#, "/model"), text("a"));
    assert_eq!(
        first(
            r#" { "x" : [ { "model" : "b" } ] , "model" : "a" } "#,
            "/model"
        ),
        text("a")
    );
    assert_eq!(first(r#"{"x":{"model":"b"}}"#, "/model"), None);
    assert_eq!(first(r#"[{"model":"b"}]"#, "/model"), None);
    assert_eq!(first(r#"{"Model":"b"}"#, "/model"), None);
    assert_eq!(first(r#"{"a":{"b":[1,{"c":"d"}]}}"#, "/a/b/1/c"), text("d"));
    assert_eq!(first(r#"{"a/b":{"~":"d"}}"#, "/a~1b/~0"), text("d"));
    assert_eq!(first(r#"{"":{"":"d"}}"#, "//"), text("d"));
    assert_eq!(first(r#""a""#, ""), text("a"));
}

#[test]
fn array_indexes_are_canonical() {
    assert_eq!(first(r#"["a","b"]"#, "/1"), text("b"));
    assert_eq!(first(r#"["a","b"]"#, "/01"), None);
    assert_eq!(first(r#"["a","b"]"#, "/-"), None);
    assert_eq!(first(r#"{"01":"b"}"#, "/01"), text("b"));
}

#[test]
fn keeps_the_kind_and_spelling_of_a_value() {
    let number = |n: &str| Some(Found::Number(n.to_owned()));
    assert_eq!(first(r#"{"m":3.10}"#, "/m"), number("3.10"));
    assert_eq!(first(r#"{"m":-0e+5 }"#, "/m"), number("-0e+5"));
    assert_eq!(
        first("18446744073709551616", ""),
        number("18446744073709551616")
    );
    assert_eq!(first(r#"{"m":true}"#, "/m"), Some(Found::Bool(true)));
    assert_eq!(first(r#"{"m":null}"#, "/m"), Some(Found::Null));
    assert_eq!(first(r#"{"m":{}}"#, "/m"), Some(Found::Container));
    assert_eq!(first(r#"{"m":[]}"#, "/m"), Some(Found::Container));
}

#[test]
fn decodes_what_it_takes_strictly() {
    assert_eq!(
        first(r#"{"\u006dodel":"gpt\u002d4\ud83d\ude00\n"}"#, "/model"),
        text("gpt-4😀\n")
    );
    for inside in [
        r"\ud83d",
        r"\ud83d\u0041",
        r"\ude00",
        r"\x41",
        r"\u00g0",
        "\u{1}",
        "\n",
    ] {
        assert_eq!(
            find(&format!("{{\"m\":\"{inside}\"}}"), "/m"),
            Err(Error::Invalid),
            "{inside:?}"
        );
    }
    let utf8 = find_in(&[b"{\"m\":\"\xff\"}"], &["/m"], &Limits::default());
    assert_eq!(utf8, Err(Error::Invalid));
}

#[test]
fn passes_over_invalid_text_that_it_skips() {
    let skipped = find_in(
        &[b"{\"x\":\"\xff\\q\",\"m\":\"a\"}"],
        &["/m"],
        &Limits::default(),
    );
    assert_eq!(skipped.unwrap()[0].first, text("a"));
}

#[test]
fn refuses_what_is_not_one_document() {
    for broken in [
        "",
        " ",
        "{",
        "[",
        "\"",
        r#"{"m"}"#,
        r#"{"m":}"#,
        r#"{"m":"a",}"#,
        r#"{"m":"a"]"#,
        "[1,]",
        "[,1]",
        r#"{"m":"a"}x"#,
        r#"{"m":"a"}{}"#,
        "\u{feff}{}",
        "nul",
        "nulll",
        "tru e",
        "NaN",
        "Infinity",
        "01",
        "1.",
        "-",
        "+1",
        ".5",
        "1e",
        "1e+",
        "{'m':'a'}",
        r#"{"m":"a" "n":1}"#,
        "[1 2]",
        "]",
        "}",
        ":",
        ",",
        r#"{m:1}"#,
    ] {
        assert_eq!(find(broken, "/m"), Err(Error::Invalid), "{broken:?}");
    }
}

#[test]
fn bounds_depth_and_length() {
    let nested = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
    assert!(find(&nested(127), "/m").is_ok());
    assert_eq!(find(&nested(128), "/m"), Err(Error::TooDeep));
    assert_eq!(find(&nested(100_000), "/m"), Err(Error::TooDeep));

    let limits = Limits {
        value_bytes: 4,
        ..Limits::default()
    };
    let value = |v: &str| {
        find_in(&[v.as_bytes()], &[""], &limits).unwrap()[0]
            .first
            .clone()
    };
    assert_eq!(value(r#""abcd""#), text("abcd"));
    assert_eq!(value(r#""\u0061\u0062\u0063\u0064""#), text("abcd"));
    assert_eq!(value(r#""abcde""#), Some(Found::TooLong));
    assert_eq!(
        value(&format!("\"{}\"", "a".repeat(1000))),
        Some(Found::TooLong)
    );
    assert_eq!(value("12345"), Some(Found::TooLong));
}

#[test]
fn sees_every_way_a_key_can_stand_twice() {
    let check = |document: &str, pointer: &str, conflict: bool, last: Option<Found>| {
        let field = find(document, pointer).unwrap();
        assert_eq!(
            (field.conflict, field.last().cloned()),
            (conflict, last),
            "{document}"
        );
    };
    check(r#"{"m":"a","m":"a"}"#, "/m", false, text("a"));
    check(r#"{"m":"a","m":"b"}"#, "/m", true, text("b"));
    check(r#"{"m":"a","m":"b","m":"a"}"#, "/m", true, text("a"));
    check(r#"{"m":"a","\u006d":null}"#, "/m", true, Some(Found::Null));
    check(
        r#"{"m":"1","m":1}"#,
        "/m",
        true,
        Some(Found::Number("1".into())),
    );
    check(r#"{"m":"a","M":"b"}"#, "/m", true, text("a"));
    check(r#"{"M":"b"}"#, "/m", false, None);
    check(r#"{"o":{"m":"a"},"O":{}}"#, "/o/m", true, text("a"));
    check(r#"{"o":{"m":"a"},"o":{"m":"a"}}"#, "/o/m", false, text("a"));
    check(r#"{"o":{"m":"a"},"o":{}}"#, "/o/m", true, None);
    check(r#"{"o":{},"o":{"m":"a"}}"#, "/o/m", true, text("a"));
    check(r#"{"o":1,"o":{"m":"a"}}"#, "/o/m", true, text("a"));
    check(r#"[{"m":"a"},{"m":"b"}]"#, "/0/m", false, text("a"));
    let long = "a".repeat(5000);
    check(
        &format!(r#"{{"m":"{long}","m":"{long}"}}"#),
        "/m",
        true,
        Some(Found::TooLong),
    );
}

#[test]
fn keys_that_a_lenient_parser_reads_as_the_field_are_refused() {
    for key in [r"mo\del", "mod\tel", r"model\", r"mod\ud800el"] {
        let document = format!(r#"{{"model":"a","{key}":"b"}}"#);
        assert_eq!(find(&document, "/model"), Err(Error::Invalid), "{key}");
    }
    let overlong = b"{\"model\":\"a\",\"mod\xc1\xa5l\":\"b\"}";
    let found = find_in(&[overlong], &["/model"], &Limits::default());
    assert_eq!(found, Err(Error::Invalid));
}

#[test]
fn letters_that_go_takes_for_ascii_are_another_case() {
    for (pointer, other) in [("/task", "ta\u{17f}k"), ("/task", "TAS\u{212a}")] {
        let document = format!(r#"{{"task":"a","{other}":"b"}}"#);
        assert!(find(&document, pointer).unwrap().conflict, "{other}");
    }
    assert!(
        !find("{\"task\":\"a\",\"ta\u{df}k\":\"b\"}", "/task")
            .unwrap()
            .conflict
    );
}

#[test]
fn a_key_in_another_case_is_one_beside_other_names() {
    let pointers = ["/task", "/tasks", "/ma\u{df}"];
    for (key, conflicts) in [
        ("TASK", [true, false, false]),
        ("ta\u{17f}k", [true, false, false]),
        ("tasK\u{17f}", [false, true, false]),
        ("Ma\u{df}", [false, false, true]),
        ("mask", [false; 3]),
    ] {
        let document = format!(r#"{{"task":1,"tasks":2,"maß":3,"{key}":4}}"#);
        let found = find_in(&[document.as_bytes()], &pointers, &Limits::default()).unwrap();
        let found: Vec<_> = found.iter().map(|field| field.conflict).collect();
        assert_eq!(found, conflicts, "{key}");
    }
}

#[test]
fn of_what_no_pointer_leads_into_only_the_brackets_are_read() {
    for (document, pointer) in [
        (r#"{"m":{"x" 01 nul,}}"#, "/m"),
        (r#"{"m":[1 2,]}"#, "/m"),
        (r#"[1 2,]"#, ""),
    ] {
        let found = first(document, pointer);
        assert_eq!(found, Some(Found::Container), "{document}");
        let inside = format!("{pointer}/y");
        assert_eq!(find(document, &inside), Err(Error::Invalid), "{document}");
    }
}

#[test]
fn several_fields_in_one_pass() {
    let document = br#"{"a":{"b":"1","c":["x","y"]},"d":true}"#;
    let fields = find_in(
        &[document],
        &["/a/b", "/a/c/1", "/d", "/a", "/e"],
        &Limits::default(),
    )
    .unwrap();
    let firsts: Vec<_> = fields.into_iter().map(|field| field.first).collect();
    let expected = [
        text("1"),
        text("y"),
        Some(Found::Bool(true)),
        Some(Found::Container),
        None,
    ];
    assert_eq!(firsts, expected);
}

#[test]
fn knows_when_the_first_values_are_decided() {
    let decided_after = |document: &str, pointers: &[&str]| {
        let mut set = Pointers::default();
        for pointer in pointers {
            set.insert(pointer).unwrap();
        }
        let mut finder = Finder::new(&set, &Limits::default());
        for (read, byte) in document.bytes().enumerate() {
            if finder.decided() {
                return Some(read);
            }
            finder.feed(&set, &[byte]).unwrap();
        }
        finder.decided().then_some(document.len())
    };
    assert_eq!(decided_after(r#"{"m":"a","x":1}"#, &["/m"]), Some(8));
    assert_eq!(decided_after(r#"{"m":[1],"x":1}"#, &["/m"]), Some(6));
    assert_eq!(
        decided_after(r#"{"m":12,"n":null}"#, &["/m", "/n"]),
        Some(16)
    );
    assert_eq!(decided_after(r#"{"o":{},"p":{}}"#, &["/o/m"]), Some(15));
    assert_eq!(
        decided_after(r#"{"o":{},"o":{"m":1}}"#, &["/o/m"]),
        Some(11)
    );
    assert_eq!(decided_after(r#"{"M":"a"} "#, &["/m"]), Some(9));
    assert_eq!(decided_after(r#"{"x":1}"#, &[]), Some(0));
    assert_eq!(decided_after("1 ", &[""]), Some(2));
    assert_eq!(decided_after("1", &[""]), None);
}

#[test]
fn knows_of_a_conflict_as_soon_as_it_is_certain() {
    let mut pointers = Pointers::default();
    pointers.insert("/m").unwrap();
    let conflict = |document: &str| {
        let mut finder = Finder::new(&pointers, &Limits::default());
        finder.feed(&pointers, document.as_bytes()).unwrap();
        finder.fields()[0].conflict
    };
    assert!(!conflict(r#"{"m":"a","m":"a","#));
    assert!(!conflict(r#"{"m":"a","m":"b"#));
    assert!(conflict(r#"{"m":"a","m":"b","#));
    assert!(conflict(r#"{"m":"a","M""#));
    assert!(!conflict(r#"{"M":1,"m""#));
    assert!(conflict(r#"{"M":1,"m":"a""#));
}

/// Where no second value is refused, a gateway must not depend on how much of the body a chunk brings.
#[test]
fn what_follows_the_first_of_every_field_is_not_read() {
    let mut pointers = Pointers::default();
    pointers.insert("/m").unwrap();
    pointers.insert("/n").unwrap();
    let document = br#"{"m": "a", "n": 1, "m": "b", [no JSON"#;
    for size in 1..=document.len() {
        let mut finder = Finder::new(&pointers, &Limits::default()).first_suffices();
        for chunk in document.chunks(size) {
            finder.feed(&pointers, chunk).unwrap();
        }
        assert!(finder.decided(), "in chunks of {size}");
        let fields = finder.finish(&pointers).unwrap();
        assert_eq!(fields[0].first, text("a"));
        assert_eq!(fields[0].last(), text("a").as_ref());
        assert_eq!(fields[1].first, Some(Found::Number("1".to_owned())));
    }
    let mut finder = Finder::new(&pointers, &Limits::default()).first_suffices();
    finder.feed(&pointers, br#"{"m": "a", "x": 1}"#).unwrap();
    assert_eq!(finder.finish(&pointers).unwrap()[1].first, None);
    let mut finder = Finder::new(&pointers, &Limits::default()).first_suffices();
    assert!(finder.feed(&pointers, br#"{"m": "a", no JSON"#).is_err());
}

/// JSON with small keys, so that pointers hit, and text with every kind of escape.
fn document() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1e9..1e9).prop_map(Value::from),
        "[a-c\"\\\\\n\u{e9}\u{1f600}/]{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-c\"\u{e9}]{0,2}", inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn documents_of_a_stream_are_searched_as_each_alone(
        bases in prop::collection::vec(r#"\{("(a|b|A|\\u0061)": ?("x{0,20}|\\"\u{e9}"|-?[0-9]{1,30}|\{("b":true)?\}|null) ?,){2,8}"a":1\}"#, 1..3),
        tails in prop::collection::vec((any::<Index>(), any::<Index>(), any::<Index>(), any::<Index>()), 1..8),
    ) {
        let mut pointers = Pointers::default();
        for pointer in ["/a", "/a/b", "/b"] {
            pointers.insert(pointer).unwrap();
        }
        let limits = Limits { value_bytes: 10, ..Limits::default() };
        let mut searches = Searches::default();
        for (base, end, other, begin) in &tails {
            let (base, other) = (base.get(&bases).as_bytes(), other.get(&bases).as_bytes());
            let mixed = [&base[..end.index(base.len() + 1)], &other[begin.index(other.len() + 1)..]];
            for document in [base.to_vec(), mixed.concat()] {
                let mut alone = Finder::new(&pointers, &limits);
                let alone = alone.feed(&pointers, &document).and_then(|()| alone.finish(&pointers));
                let in_stream = searches.search(&document, &pointers, &limits);
                prop_assert_eq!(in_stream, alone, "{:?}", String::from_utf8_lossy(&document));
            }
        }
    }

    #[test]
    fn agrees_with_serde_json_however_it_is_cut(
        document in document(),
        pretty in any::<bool>(),
        tokens in prop::collection::vec("[a-c\u{e9}]{0,2}|[0-3]", 0..4),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
    ) {
        let pointer: String = tokens.iter().map(|token| format!("/{token}")).collect();
        let text = if pretty { serde_json::to_string_pretty(&document) } else { serde_json::to_string(&document) }.unwrap();
        let found = find_in(&cut(text.as_bytes(), &cuts), &[&pointer], &Limits::default()).unwrap();
        let expected = document.pointer(&pointer).map(|value| match value {
            Value::String(text) => Found::String(text.clone()),
            Value::Number(number) => Found::Number(number.to_string()),
            Value::Bool(value) => Found::Bool(*value),
            Value::Null => Found::Null,
            Value::Array(_) | Value::Object(_) => Found::Container,
        });
        prop_assert_eq!(&found[0].first, &expected);
        prop_assert!(!found[0].conflict);
    }

    #[test]
    fn any_cut_of_any_bytes_says_the_same(
        bytes in prop::collection::vec(prop::sample::select(&b"{}[]\",:\\u0019amtrue-.e \n\xff"[..]), 0..60),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
    ) {
        let whole = find_in(&[&bytes], &["/a", "/0", ""], &Limits::default());
        let pieces = find_in(&cut(&bytes, &cuts), &["/a", "/0", ""], &Limits::default());
        prop_assert_eq!(&whole, &pieces);
        // Whatever serde_json reads, the finder reads too.
        if serde_json::from_slice::<Value>(&bytes).is_ok() {
            prop_assert!(whole.is_ok());
        }
    }
}
