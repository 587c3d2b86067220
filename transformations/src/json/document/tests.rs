use proptest::prelude::*;

use super::*;

fn members(names: &[&str]) -> Wanted {
    Wanted::Members(names.iter().map(|name| (*name).to_owned()).collect())
}

fn parsed(body: &[u8], wanted: &Wanted) -> Result<Option<Value>, DocumentError> {
    document(&[body], wanted, &Limits::default())
}

#[test]
fn only_what_is_wanted_becomes_a_value() {
    let body = br#"{"a":{"b":[1,2.5,null]},"c":"d","e":[{}],"a":"last"}"#;
    let found = parsed(body, &members(&["a", "e", "x"])).unwrap().unwrap();
    assert_eq!(found.to_string(), r#"{"a": "last", "e": [{}]}"#);
    for (body, none) in [
        ("null", true),
        ("[1]", false),
        ("3", false),
        ("\"a\"", false),
        ("true", false),
    ] {
        assert_eq!(
            parsed(body.as_bytes(), &members(&["a"]))
                .unwrap()
                .unwrap()
                .is_none(),
            none
        );
    }
    assert!(parsed(b"", &members(&[])).unwrap().is_none());
}

#[test]
fn what_is_not_wanted_is_checked_as_strictly() {
    let deep = |n: usize| format!("{{\"x\":{}{}}}", "[".repeat(n), "]".repeat(n));
    for wanted in [Wanted::Whole, members(&["a"])] {
        assert!(parsed(deep(126).as_bytes(), &wanted).is_ok());
        assert!(matches!(
            parsed(deep(127).as_bytes(), &wanted),
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
                matches!(parsed(broken, &wanted), Err(DocumentError::Invalid(_))),
                "{broken:?}"
            );
        }
    }
}

proptest! {
    #[test]
    fn agrees_with_the_whole_document(
        bytes in prop::collection::vec(prop::sample::select(&b"{}[]\",:\\u0019abtrue-.e \n\xff"[..]), 0..40),
        text in "[{]\"[ab]\":[\\[{]?(\"[ab]\"|[0-9.e]{1,4}|null)[\\]}]?,\"[ab]\":[a-z0-9\"]{1,4}[}]",
    ) {
        for body in [bytes.as_slice(), text.as_bytes()] {
            let whole = parsed(body, &Wanted::Whole);
            let some = parsed(body, &members(&["a"]));
            prop_assert_eq!(whole.is_ok(), some.is_ok());
            if let (Ok(Some(whole)), Ok(Some(some))) = (whole, some) {
                prop_assert_eq!(whole.is_none(), some.is_none());
                let member = |value: &Value| value.get_attr("a").unwrap_or_default().to_string();
                if whole.kind() == minijinja::value::ValueKind::Map {
                    prop_assert_eq!(member(&whole), member(&some));
                }
            }
        }
    }
}
