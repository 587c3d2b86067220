use super::*;

fn named(text: &str) -> String {
    let steps = Path::parse(text).unwrap().steps;
    let steps = steps.iter().map(|Step { deep, selector }| {
        let dots = if *deep { ".." } else { "" };
        match selector {
            Selector::Token(token) => format!("{dots}/{token}"),
            Selector::Name(name) => format!("{dots}'{name}'"),
            Selector::Index(index) => format!("{dots}{index}"),
            Selector::FromEnd(number) => format!("{dots}-{number}"),
            Selector::Every => format!("{dots}*"),
        }
    });
    steps.collect::<Vec<_>>().join(" ")
}

#[test]
fn paths_and_pointers() {
    for (text, expected) in [
        ("/a~1b/0/-/*", "/a/b /0 /- /*"),
        ("$", ""),
        ("$.tools[*].max", "'tools' * 'max'"),
        ("$..cache_control", "..'cache_control'"),
        ("$['a'][\"b\"]", "'a' 'b'"),
        ("$[0][-1][12]", "0 -1 12"),
        ("$.*..*..[*]..[0]", "* ..* ..* ..0"),
        ("$ .a [ 'b' ]\t[ 1 ]\n..c", "'a' 'b' 1 ..'c'"),
        ("$._é1.A", "'_é1' 'A'"),
        (r#"$['\'"']["'\""]"#, "''\"' ''\"'"),
        (r"$['\u00e9\ud83d\ude00\n\/\\']", "'é😀\n/\\'"),
        (r"$['\b\f\r\t']", "'\u{8}\u{c}\r\t'"),
    ] {
        assert_eq!(named(text), expected, "{text}");
    }
}

#[test]
fn what_is_no_path() {
    for text in [
        "$a",
        "$.",
        "$..",
        "$...a",
        "$.1",
        "$.a b",
        "$[",
        "$[]",
        "$['a",
        "$['a'",
        "$[01]",
        "$[-0]",
        "$[-]",
        "$[1.0]",
        "$[9007199254740992]",
        "$.a ",
        "$['\\q']",
        "$['\\ud800']",
        "$['\n']",
        "$['\\\"']",
        "$.-a",
        "$ ",
        "$[a]",
    ] {
        let error = Path::parse(text);
        assert!(
            matches!(error, Err(PathError::Syntax { .. })),
            "{text} {error:?}"
        );
    }
    for (text, error) in [
        ("model", PathError::Start),
        (" $.a", PathError::Start),
        ("/a~", PathError::Pointer(PointerError::Escape)),
        ("$[?@.a]", PathError::Filter),
        ("$[1:2]", PathError::Slice),
        ("$[:2]", PathError::Slice),
        ("$['a','b']", PathError::Union),
        ("$..a[-1]..b", PathError::FromEnd),
    ] {
        assert_eq!(Path::parse(text), Err(error), "{text}");
    }
    assert!(Path::parse("$.a[-1]..b").is_ok() && Path::parse("$..a[-1].b").is_ok());
    let error = Path::parse("$.é[x]").unwrap_err();
    let expected = "an index, a name in quotes or `*` is missing at character 5 of the JSONPath";
    assert_eq!(error.to_string(), expected);
}

#[test]
fn a_path_is_as_deep_as_a_document_may_be() {
    for (steps, expected) in [
        (JSON_DEPTH, Ok(JSON_DEPTH)),
        (JSON_DEPTH + 1, Err(PathError::TooDeep)),
        (JSON_DEPTH + 2, Err(PathError::TooDeep)),
    ] {
        let depth = Path::parse(&format!("${}", ".a".repeat(steps))).map(|path| path.depth());
        assert_eq!(depth, expected, "{steps}");
    }
}

#[test]
fn a_path_of_one_name_is_a_member() {
    for (text, expected) in [
        ("/a", Some("a")),
        ("$.a", Some("a")),
        ("$..a", None),
        ("$.a.b", None),
        ("$[0]", None),
        ("$", None),
    ] {
        assert_eq!(Path::parse(text).unwrap().member(), expected, "{text}");
    }
}

#[test]
fn what_leads_through_what() {
    for (one, other, expected) in [
        ("/a", "/a", true),
        ("/a", "/a/b", true),
        ("/a", "$.a.b", true),
        ("/a/0", "$.a[0]", true),
        ("/a/0", "$.a['0']", true),
        ("$.a[0]", "$.a['0']", false),
        ("/a", "/b", false),
        ("$.a[*]", "$.a[*]", true),
        ("$.a[*]", "$.a[0]", false),
        ("$.a[-1]", "$.a[0]", false),
        ("$.a[-1]", "$.a[-1]", true),
        ("$.a[-1]", "$.a[-1].b", false),
        ("$.a[*]", "$.a[*].b", false),
        ("$.a", "$.a[-1]", false),
        ("$.a", "$.a[*]", false),
    ] {
        let paths = [one, other].map(|text| Path::parse(text).unwrap());
        let [one, other] = &paths;
        assert_eq!(one.leads_through(other), expected, "{paths:?}");
        assert_eq!(other.leads_through(one), expected, "{paths:?}");
    }
}

#[test]
fn pointers_that_are_taken_for_paths() {
    for (text, puts, expected) in [
        (
            "/messages/*/content/*/x",
            true,
            Some("$.messages[*].content[*].x"),
        ),
        ("/**/cache_control", false, Some("$..cache_control")),
        ("/a b/**", false, Some("$[\"a b\"]..*")),
        ("/tools/-/x", true, Some("$.tools[*].x")),
        ("/tools/-", false, Some("$.tools[*]")),
        ("/tools/-", true, None),
        ("$['*']", true, None),
        ("/a/0", true, None),
    ] {
        let oddity = Path::parse(text).unwrap().oddity(puts);
        assert_eq!(oddity.as_ref().map(Oddity::json_path), expected, "{text}");
    }
}
