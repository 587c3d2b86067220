use serde::Deserialize;

use super::*;

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
struct Config {
    items: Vec<Item>,
    count: usize,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Item {
    name: String,
}

const ADVICE: Advice = Advice {
    when_empty: "write `{}`",
    value: |path| path.starts_with("items").then_some("name it"),
    key: |path, key| (path.is_empty() && key == "elements").then_some("write `items`"),
};

fn reported(text: &str) -> Vec<String> {
    let draft = read::<Config>(text.as_bytes(), ADVICE);
    let compiled = draft.compile(|config| {
        let unnamed = config.items.iter().enumerate();
        let unnamed = unnamed.filter(|(_, item)| item.name.is_empty());
        let warn = |(index, _): (usize, _)| {
            Diagnostic::warning(Code::Range, format!("items[{index}]"), "no name")
        };
        ((), unnamed.map(warn).collect())
    });
    let diagnostics = match compiled {
        Ok(((), warnings)) => warnings,
        Err(ConfigErrors(all)) => all,
    };
    diagnostics.iter().map(Diagnostic::to_string).collect()
}

#[test]
fn everything_that_is_wrong_is_reported_at_its_place_in_the_text() {
    assert_eq!(reported(""), ["the configuration is empty; write `{}`"]);
    assert_eq!(
        reported(r#"{"items": [{"name": 1}, {}, {"name": "", "nmae": ""}], "count": "x"}"#),
        [
            "count: invalid type: string \"x\", expected a whole number; write a number without a unit or a sign",
            "items[0].name: invalid type: integer `1`, expected a string; put the number in quotes: `\"1\"`",
            "items[1]: missing key `name`; name it",
            "items[2].nmae: unknown key, which is ignored; did you mean `name`?",
            "items[2]: no name",
        ]
    );
    let many = format!(r#"{{"items": [{}1]}}"#, "1,".repeat(100));
    assert_eq!(reported(&many).len(), 64);
}

#[test]
fn an_unknown_key_leads_to_the_one_that_was_meant() {
    for (text, help) in [
        (r#"{"Items": []}"#, "Items: did you mean `items`?"),
        (r#"{"elements": []}"#, "elements: write `items`"),
        (r#"{"name": "a"}"#, "name: move it into `items`"),
        (
            r#"{"items": [{"name": "a", "count": 1}]}"#,
            "items[0].count: move it to the top of the configuration",
        ),
        (
            r#"{"something": 1}"#,
            "something: remove it, or write one of `items`, `count`",
        ),
    ] {
        let expected = help.replacen(": ", ": unknown key, which is ignored; ", 1);
        assert_eq!(reported(text), [expected], "{text}");
    }
}

#[test]
fn names_and_values_of_headers() {
    for (name, valid) in [
        ("x-a", true),
        (":path", true),
        ("", false),
        (":", false),
        ("a b", false),
    ] {
        assert_eq!(header::valid_name(name), valid, "{name}");
    }
    for byte in 0..=u8::MAX {
        let control = byte != b'\t' && byte.is_ascii_control();
        for place in 0..9 {
            let mut value = [b'a'; 9];
            value[place] = byte;
            assert_eq!(header::valid_value(&value), !control, "{byte} at {place}");
        }
    }
    assert!(header::valid_exact_value("a b") && !header::valid_exact_value(" a"));
}

/// Types read a list as an object's values in order, so that it would set what its author does not know.
#[test]
fn a_list_in_the_place_of_an_object_is_an_error() {
    for (text, expected) in [
        ("[[], 1]", "invalid type: a list, expected struct Config"),
        (
            r#"{"items": [{"name": "a"}, ["b"]]}"#,
            "items[1]: invalid type: a list, expected struct Item; name it",
        ),
    ] {
        assert_eq!(reported(text), [expected], "{text}");
    }
    assert_eq!(
        reported(r#"{"items": [["b"], {"name": 1}, []], "count": []}"#).len(),
        4
    );
    assert_eq!(reported(r#"{"items": []}"#), [""; 0]);
}

#[test]
fn a_number_in_quotes_and_one_with_a_unit() {
    let wrong = |value: &str| reported(&format!(r#"{{"count": "{value}"}}"#)).remove(0);
    assert!(wrong("404").ends_with("; write the number without quotes: `404`"));
    assert!(wrong("1MiB").ends_with("; write a number without a unit or a sign"));
}
