use proptest::prelude::*;

use super::*;

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn find(body: &[u8], cuts: &[prop::sample::Index]) -> Result<Vec<Finding>, Error> {
    let names = names(&["model", "a b"]);
    let mut finder = FormFinder::new(&names, 8);
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(body.len() + 1)).collect();
    cuts.extend([0, body.len()]);
    cuts.sort_unstable();
    for ends in cuts.windows(2) {
        finder.feed(&names, &body[ends[0]..ends[1]])?;
    }
    finder.end(&names)?;
    Ok(finder.fields().to_vec())
}

fn model(body: &str) -> Option<Found> {
    find(body.as_bytes(), &[]).unwrap().remove(0).first
}

#[test]
fn values() {
    let text = |value: &str| Some(Found::String(value.to_owned()));
    for (body, expected) in [
        ("model=gpt", text("gpt")),
        ("x=1&model=gpt&y", text("gpt")),
        ("&&model=gpt&", text("gpt")),
        ("model=a=b", text("a=b")),
        ("model=a+b%2B%c3%A9", text("a b+é")),
        ("%6dodel=x", text("x")),
        ("model=", text("")),
        ("model", text("")),
        ("model=12345678", text("12345678")),
        ("model=123456789", Some(Found::TooLong)),
        ("model=%31%32%33%34%35%36%37%38", text("12345678")),
        ("Model=x&models=y&=model&mode=l", None),
        ("mod%zzel=x&%6Dode%6=y", None),
        ("namesofmorethan15bytes=model=x", None),
        ("", None),
        ("{\"model\":\"x\"}", None),
    ] {
        assert_eq!(model(body), expected, "{body}");
    }
    assert_eq!(
        model(&format!("model={}", "x".repeat(1000))),
        Some(Found::TooLong)
    );
    let spaced = find(b"a+b=1&a%20b=2", &[]).unwrap().remove(1);
    assert_eq!(spaced.first, text("1"));
    assert!(spaced.conflict);
}

/// Some readers end a pair there.
#[test]
fn a_semicolon_beside_a_value_is_refused() {
    for body in [
        "model=gpt;x=1",
        "x=1;model=other&model=gpt",
        "x;model=other&model=gpt",
        "model;x=1&model=gpt",
        "model=gpt;",
        ";model=gpt",
        "model=123456789123456789123456789;x",
    ] {
        assert_eq!(find(body.as_bytes(), &[]), Err(Error::Semicolon), "{body}");
    }
    let text = Some(Found::String("a;b".to_owned()));
    assert_eq!(model("model=a%3Bb&x=1;y=2&;z;&y;models=x"), text);
}

/// A server may read it as JSON, whatever the `content-type` says.
#[test]
fn a_value_in_what_begins_as_json_is_refused() {
    for body in [
        r#"{"a":"&model=gpt&","model":"evil"}"#,
        r#"{"a":"&model&","model":"evil"}"#,
        " \t\r\n[\"&model=gpt&\"]",
        "\u{feff}{\"a\":\"&model=gpt&\"}",
    ] {
        assert_eq!(find(body.as_bytes(), &[]), Err(Error::Json), "{body}");
    }
    assert_eq!(model(r#"{"model":"evil"}"#), None);
    assert_eq!(
        model("x={&model=gpt"),
        Some(Found::String("gpt".to_owned()))
    );
}

#[test]
fn two_values_that_differ_are_a_conflict() {
    let field = |body: &str| find(body.as_bytes(), &[]).unwrap().remove(0);
    assert!(!field("model=a&model=%61").conflict);
    assert!(field("model=a&model=b").conflict);
    assert!(field("model&model=b").conflict);
    assert_eq!(
        field("model=a&model=b").last(),
        Some(&Found::String("b".to_owned()))
    );
}

#[test]
fn what_is_taken_is_decoded_strictly() {
    for body in [
        "model=%",
        "model=%z1",
        "model=a%f",
        "model=%ff",
        "model=\u{0}%+1",
    ] {
        assert_eq!(find(body.as_bytes(), &[]), Err(Error::Encoding), "{body}");
    }
    assert_eq!(find(b"model=\xff", &[]), Err(Error::Encoding));
    assert!(find(b"other=%&x=\xff&\xff", &[]).is_ok());
}

#[test]
fn a_value_is_certain_when_it_has_ended() {
    let names = names(&["model"]);
    let mut finder = FormFinder::new(&names, 8);
    finder.feed(&names, b"model=a").unwrap();
    assert!(!finder.fields()[0].first_is_certain());
    finder.feed(&names, b"&").unwrap();
    assert!(finder.fields()[0].first_is_certain());
}

#[test]
fn nothing_is_kept_of_what_is_not_wanted() {
    let names = names(&["model"]);
    let mut finder = FormFinder::new(&names, 8);
    for _ in 0..1000 {
        finder.feed(&names, &[b'x'; 1000]).unwrap();
    }
    finder.feed(&names, b"=").unwrap();
    for _ in 0..1000 {
        finder.feed(&names, &[b'x'; 1000]).unwrap();
    }
    assert!(finder.kept.capacity() <= 15, "{}", finder.kept.capacity());
}

proptest! {
    #[test]
    fn cuts_make_no_difference(
        body in "[ {]{0,3}(model|a%20b|x|%6Dodel|=|&|%2|%41|\\+|é|%C3|%A9|;|[a-z]{0,9}){0,16}",
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
    ) {
        prop_assert_eq!(find(body.as_bytes(), &cuts), find(body.as_bytes(), &[]));
    }

    /// What a lenient reader of the standard finds is found, where nothing is malformed.
    #[test]
    fn values_are_those_of_the_standard(
        pairs in prop::collection::vec(("(model|a b|m|\\PC{0,3})", "\\PC{0,3}"), 0..6),
    ) {
        let mut body = form_urlencoded::Serializer::new(String::new());
        body.extend_pairs(&pairs);
        let fields = find(body.finish().as_bytes(), &[]).unwrap();
        for (name, field) in ["model", "a b"].iter().zip(fields) {
            let mut values = pairs.iter().filter(|(other, _)| other == name);
            let too_long = |value: &String| value.len() > 8;
            let expected = values.next().map(|(_, value)| if too_long(value) {
                Found::TooLong
            } else {
                Found::String(value.clone())
            });
            prop_assert_eq!(field.first, expected);
        }
    }
}

#[test]
fn a_name_that_is_too_long_is_not_the_empty_one() {
    let names = names(&[""]);
    for (body, expected) in [("=x", Some("x")), ("model=x", None)] {
        let mut finder = FormFinder::new(&names, 8);
        finder.feed(&names, body.as_bytes()).unwrap();
        finder.end(&names).unwrap();
        let first = finder.fields()[0].first.clone();
        let expected = expected.map(|value| Found::String(value.to_owned()));
        assert_eq!(first, expected, "{body}");
    }
}
