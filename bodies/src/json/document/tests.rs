use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::pieces::cut;

fn members(names: &[&str]) -> Selection {
    Selection::Members(names.iter().map(|name| (*name).to_owned()).collect())
}

fn parsed(body: &[u8], selection: &Selection) -> Result<Option<Document<Value>>, DocumentError> {
    read(&[body], selection, &Limits::default())
}

fn value(document: Document<Value>) -> Value {
    match document {
        Document::Value(value) => value,
        Document::Null | Document::Other => Value::Null,
    }
}

fn member(value: &Value) -> Value {
    value.get("a").cloned().unwrap_or_default()
}

#[test]
fn only_what_is_wanted_becomes_a_value() {
    let body = br#"{"a":{"b":[1,2.5,null]},"c":"d","e":[{}],"a":"last"}"#;
    let found = parsed(body, &members(&["a", "e", "x"])).unwrap().unwrap();
    assert_eq!(value(found), json!({"a": "last", "e": [{}]}));
    for (body, expected) in [
        ("null", Document::Null),
        ("[1]", Document::Other),
        ("3", Document::Other),
        ("\"a\"", Document::Other),
        ("true", Document::Other),
    ] {
        let found = parsed(body.as_bytes(), &members(&["a"])).unwrap();
        assert_eq!(found, Some(expected), "{body}");
    }
    assert!(parsed(b"", &members(&[])).unwrap().is_none());
}

#[test]
fn what_is_not_wanted_is_checked_as_strictly() {
    let deep = |n: usize| format!("{{\"x\":{}{}}}", "[".repeat(n), "]".repeat(n));
    for selection in [Selection::Whole, members(&["a"])] {
        assert!(parsed(deep(126).as_bytes(), &selection).is_ok());
        assert!(matches!(
            parsed(deep(127).as_bytes(), &selection),
            Err(DocumentError::TooDeep)
        ));
        for broken in [
            &b"{\"x\":\"\xff\"}"[..],
            b"{\"x\":\"\\q\"}",
            b"{\"x\":\"\\ud800\"}",
            b"{\"x\":\"\n\"}",
            b"{\"x\":01}",
            b"{\"x\":1e999}",
            b"{\"x\":nul}",
            b"{\"\xff\":1}",
            b"{\"x\":1,}",
            b"{}x",
            b"\xef\xbb\xbf{}",
        ] {
            assert!(
                matches!(parsed(broken, &selection), Err(DocumentError::Invalid(_))),
                "{broken:?}"
            );
        }
    }
}

#[test]
fn a_lower_limit_of_depth_holds_whatever_is_wanted() {
    let limits = Limits {
        json_depth: 3,
        ..Limits::default()
    };
    for selection in [Selection::Whole, members(&["a"])] {
        let read = |body: &[u8]| read::<Value>(&[body], &selection, &limits);
        assert!(read(b"{\"x\":[[1]]}").is_ok());
        assert!(matches!(
            read(b"{\"x\":[[[1]]]}"),
            Err(DocumentError::TooDeep)
        ));
    }
}

#[test]
fn a_message_says_what_is_wrong_and_where() {
    for body in [
        r#"{"x":[1,nul]}"#,
        r#"[[],{"x":[1 2]}]"#,
        "[1,]",
        r#"{"x":{"y":01}}"#,
    ] {
        let expected = serde_json::from_str::<Value>(body).unwrap_err();
        let error = parsed(body.as_bytes(), &members(&["a"])).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("not a JSON document: {expected}")
        );
    }
}

/// Every value as far as it can be told apart.
fn said(body: &[&[u8]], selection: &Selection) -> Result<Option<Value>, bool> {
    let found = read(body, selection, &Limits::default());
    let found = found.map_err(|error| matches!(error, DocumentError::TooDeep))?;
    Ok(found.map(|document| member(&value(document))))
}

/// A proper document, and what a byte put in its place somewhere makes of it.
fn body() -> impl Strategy<Value = Vec<u8>> {
    let text = r#"([a-z\u{e9}\u{1f600}]|\\n|\\"|\\u00e9|\\ud83d\\ude00|\\\\){0,12}"#;
    let number = "-?(0|[1-9][0-9]{0,3})([.][0-9]{1,3})?([eE][+-]?[0-9]{1,4})?";
    let leaf = prop_oneof![
        text.prop_map(|text| format!("\"{text}\"")),
        number,
        prop::sample::select(vec!["null", "true", "false", "{}", "[ ]"]).prop_map(str::to_owned),
    ];
    let value = leaf.prop_recursive(4, 20, 4, |inner| {
        let key = prop::sample::select(vec!["a", "b", "\\u0061", "A"]);
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..4)
                .prop_map(|items| format!("[{}]", items.join(" , "))),
            prop::collection::vec((key, inner), 1..4).prop_map(|members| {
                let members: Vec<String> = members
                    .into_iter()
                    .map(|(key, value)| format!("\"{key}\" :{value}"))
                    .collect();
                format!("{{{}}}", members.join(","))
            }),
        ]
    });
    let broken = (
        any::<prop::sample::Index>(),
        prop::sample::select(&b"{}[]\",:\\u0eE.-d \n\t\x00\xff\xc3\xa9\x7f"[..]),
        any::<bool>(),
    );
    (value, prop::option::of(broken)).prop_map(|(value, broken)| {
        let mut body = value.into_bytes();
        if let Some((at, byte, instead)) = broken {
            let at = at.index(body.len() + 1);
            let to = if instead {
                (at + 1).min(body.len())
            } else {
                at
            };
            body.splice(at..to, [byte]);
        }
        body
    })
}

#[test]
fn numbers_out_of_range_are_refused_as_the_parser_refuses_them() {
    let digits = |n: usize| "9".repeat(n);
    for number in [
        digits(308),
        digits(309),
        digits(400),
        format!("0.{}", digits(400)),
        format!("-{}e-100", digits(400)),
        "1e308".into(),
        "1.8e308".into(),
        "-1e309".into(),
        "1e-400".into(),
        "0e999999".into(),
        "1E99999999999".into(),
        format!("0.{}1e350", "0".repeat(340)),
    ] {
        let body = format!("{{\"x\":{number}}}");
        let parser = serde_json::from_str::<serde_json::Value>(&body).is_ok();
        assert_eq!(
            said(&[body.as_bytes()], &members(&["a"])).is_ok(),
            parser,
            "{number}"
        );
    }
}

#[test]
fn members_that_lie_in_several_pieces_are_put_together() {
    let body = br#"{"x":[1],"b":"c","a":{"d":["e\u00e9"]}}"#;
    for size in 1..body.len() {
        let pieces: Vec<&[u8]> = body.chunks(size).collect();
        let found = read(&pieces, &members(&["a", "b"]), &Limits::default());
        let expected = json!({"a": {"d": ["eé"]}, "b": "c"});
        assert_eq!(found.unwrap(), Some(Document::Value(expected)));
    }
}

#[test]
fn a_body_is_refused_for_the_reason_the_parser_gives() {
    let refused = |body: &[u8]| parsed(body, &members(&["a"])).unwrap_err().to_string();
    assert_eq!(
        refused(b"{\"x\":1,\n}"),
        "not a JSON document: trailing comma at line 2 column 1"
    );
    assert_eq!(
        refused(b"{\"x\":1e999}"),
        "not a JSON document: number out of range at line 1 column 10"
    );
}

proptest! {
    #[test]
    fn the_verdict_and_the_values_are_the_parsers(
        body in body(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..5),
    ) {
        let pieces = cut(&body, &cuts);
        let found = said(&pieces, &members(&["a", "b"]));
        match serde_json::from_slice::<Value>(&body) {
            Err(_) => prop_assert_eq!(found, if body.is_empty() { Ok(None) } else { Err(false) }),
            Ok(whole) => prop_assert_eq!(found, Ok(Some(member(&whole)))),
        }
    }

    #[test]
    fn agrees_with_the_whole_document(
        bytes in prop::collection::vec(prop::sample::select(&b"{}[]\",:\\u0019abtrue-.e \n\xff"[..]), 0..40),
        text in "[{]\"[ab]\":[\\[{]?(\"[ab]\"|[0-9.e]{1,4}|null)[\\]}]?,\"[ab]\":[a-z0-9\"]{1,4}[}]",
    ) {
        for body in [bytes.as_slice(), text.as_bytes()] {
            let whole = parsed(body, &Selection::Whole);
            let some = parsed(body, &members(&["a"]));
            prop_assert_eq!(whole.is_ok(), some.is_ok());
            prop_assert_eq!(whole.is_ok(), check(body, &Limits::default()).is_ok());
            if let (Ok(Some(whole)), Ok(Some(some))) = (whole, some) {
                let whole = value(whole);
                prop_assert_eq!(whole.is_null(), some == Document::Null);
                if whole.is_object() {
                    prop_assert_eq!(member(&whole), member(&value(some)));
                }
            }
        }
    }
}
