use proptest::prelude::*;

use super::*;
use crate::content::ContentType;
use crate::pieces::cut;
use crate::{Finding, Found, PART_HEADER_BYTES};

const VALUE_BYTES: usize = 8;

fn names() -> Vec<String> {
    ["model", "a b"].map(str::to_owned).to_vec()
}

fn delimiter(content_type: &str) -> Result<Delimiter, Error> {
    Delimiter::of(&ContentType::of(&[content_type.as_bytes()]))
}

fn finder() -> PartFinder {
    let delimiter = delimiter("multipart/form-data; boundary=XX").unwrap();
    PartFinder::new(delimiter, &names(), VALUE_BYTES)
}

fn find(pieces: &[&[u8]]) -> Result<Vec<Finding>, Error> {
    let names = names();
    let mut finder = finder();
    for piece in pieces {
        finder.feed(&names, piece)?;
    }
    finder.end()?;
    Ok(finder.fields().to_vec())
}

fn model(body: &str) -> Result<Option<Found>, Error> {
    let whole = find(&[body.as_bytes()]);
    let bytes: Vec<&[u8]> = body.as_bytes().chunks(1).collect();
    assert_eq!(find(&bytes), whole, "{body:?}");
    Ok(whole?.remove(0).first)
}

fn text(value: &str) -> Option<Found> {
    Some(Found::String(value.to_owned()))
}

fn part(headers: &str, content: &str) -> String {
    format!("--XX\r\nContent-Disposition: form-data; {headers}\r\n\r\n{content}\r\n")
}

fn form(parts: &[(&str, &str)]) -> String {
    let parts: String = parts
        .iter()
        .map(|(headers, content)| part(headers, content))
        .collect();
    parts + "--XX--\r\n"
}

#[test]
fn a_part_that_is_not_as_long_as_it_says_is_refused() {
    let body = |length: &str| {
        let named = format!("name=\"model\"{length}");
        form(&[(&named, "gpt")])
    };
    for length in ["", "\r\nContent-Length: 3", "\r\ncontent-length:\t03 "] {
        assert_eq!(model(&body(length)), Ok(text("gpt")), "{length:?}");
    }
    for length in [
        "2",
        "4",
        "0",
        "",
        "-3",
        "+3",
        "3, 3",
        "3x",
        "99999999999999999999",
        "3\r\nContent-Length: 3",
    ] {
        let length = format!("\r\nContent-Length: {length}");
        assert_eq!(model(&body(&length)), Err(Error::Invalid), "{length:?}");
    }
    let other = form(&[
        ("name=\"model\"", "gpt"),
        ("name=\"f\"; filename=\"f\"\r\nContent-Length: 1", "12"),
    ]);
    assert_eq!(model(&other), Err(Error::Invalid));
}

#[test]
fn values_of_parts() {
    for (parts, expected) in [
        (&[("name=\"model\"", "gpt")][..], text("gpt")),
        (&[("name=model", "gpt")], text("gpt")),
        (
            &[
                ("name=\"file\"; filename=\"a\"", "\0\r\n--X\r\n-"),
                ("name=\"model\"", "m"),
            ],
            text("m"),
        ),
        (&[("name=\"model\"", "")], text("")),
        (&[("name=\"model\"", "a\r\nb")], text("a\r\nb")),
        (&[("name=\"model\"", "12345678")], text("12345678")),
        (&[("name=\"model\"", "123456789")], Some(Found::TooLong)),
        (&[("name=\"model\"; filename=\"m\"", "x")], None),
        (&[("name=\"Model\"", "x"), ("name=\"model[]\"", "y")], None),
        (&[], None),
    ] {
        assert_eq!(model(&form(parts)), Ok(expected), "{parts:?}");
    }
}

/// Go takes it for a value, Starlette for a file, and Django for nothing.
#[test]
fn a_file_with_an_empty_name_is_read_in_several_ways() {
    let parts = [("name=\"model\"; filename=\"\"", "x")];
    assert_eq!(model(&form(&parts)), Err(Error::Invalid));
    let other = [
        ("name=\"file\"; filename=\"\"", ""),
        ("name=\"model\"", "gpt"),
    ];
    assert_eq!(model(&form(&other)), Ok(text("gpt")));
}

#[test]
fn what_stands_around_the_parts() {
    let gpt = part("name=\"model\"", "gpt");
    for body in [
        format!("{gpt}--XX--"),
        format!("{gpt}--XX-- \t epilogue\r\n--X\r\nbroken"),
        format!("\r\n{gpt}--XX--\r\n"),
        format!(" \t\r\n\n\r\n{gpt}--XX--\r\n"),
        format!("--XX\r\n\r\n\r\n{gpt}--XX--"),
        format!("--XX\r\n\r\n--XX\r\nX: y\r\n\r\n{gpt}--XX--"),
    ] {
        assert_eq!(model(&body), Ok(text("gpt")), "{body:?}");
    }
}

/// Servers read JSON whatever the `content-type` says.
#[test]
fn what_stands_before_the_parts_may_be_read_in_their_place() {
    let gpt = part("name=\"model\"", "gpt");
    let long = "x".repeat(100);
    for before in [
        "{\"model\":\"evil\"}",
        "preamble",
        "\r\n\r\n1",
        "\x0c",
        &long,
    ] {
        let body = format!("{before}\r\n{gpt}--XX--\r\n");
        assert_eq!(model(&body), Err(Error::Invalid), "{body:?}");
        let body = format!("{before}\r\n--XX--\r\n");
        assert_eq!(model(&body), Err(Error::Invalid), "{body:?}");
    }
}

/// Where some readers see a part and others do not: each of these names a model before or after the
/// one that is left.
#[test]
fn a_boundary_that_is_one_to_some() {
    let gpt = part("name=\"model\"", "gpt");
    let other = part("name=\"model\"", "other");
    let file = |content: &str| part("name=\"file\"; filename=\"f\"", content);
    for body in [
        format!("x{other}{gpt}--XX--"),
        format!("x\n{other}{gpt}--XX--"),
        file(&format!("x\n{other}")) + &gpt + "--XX--",
        file(&format!("x\r{other}")) + &gpt + "--XX--",
        file(&format!("x{other}")) + &gpt + "--XX--",
        format!("{gpt}--XX--\r\n{other}--XX--"),
        gpt.replace("--XX\r\n", "--XX \r\n") + &other + "--XX--",
    ] {
        assert_eq!(model(&body), Err(Error::Invalid), "{body:?}");
    }
}

#[test]
fn broken_bodies() {
    let gpt = part("name=\"model\"", "gpt");
    for body in [
        String::new(),
        "{\"model\":\"gpt\"}".to_owned(),
        gpt.clone(),
        format!("{gpt}--XX"),
        format!("{gpt}--XX-"),
        format!("{gpt}--XX\r\n"),
        format!("{gpt}--XX- -\r\n"),
        (gpt.clone() + "--XX--").replace("\r\n", "\n"),
        // To some readers, this boundary is content.
        form(&[("name=\"a\"", "x\r\n--XXX\r\ny"), ("name=\"model\"", "gpt")]),
        form(&[("name=\"a\"", "x\r\n--XX\ny"), ("name=\"model\"", "gpt")]),
        format!("--XX\r\nno colon\r\n\r\nx\r\n{gpt}--XX--"),
        format!("--XX\r\nContent-Disposition: form-data; name=a\r\n{gpt}--XX--"),
        gpt.replace("\r\n\r\n", "\r\nContent-Transfer-Encoding: base64\r\n\r\n") + "--XX--",
    ] {
        assert_eq!(model(&body), Err(Error::Invalid), "{body:?}");
    }
    let binary = [b"--XX\r\nContent-Disposition: form-data; name=model\r\n\r\n\xff\r\n--XX--"];
    assert_eq!(find(&[binary[0]]), Err(Error::Invalid));
}

#[test]
fn headers_are_bounded() {
    let long = |length| format!("name=model; x={}", "y".repeat(length));
    let fits = PART_HEADER_BYTES - 80;
    assert_eq!(model(&form(&[(&long(fits), "gpt")])), Ok(text("gpt")));
    assert_eq!(
        model(&form(&[(&long(fits + 80), "gpt")])),
        Err(Error::TooLong)
    );
}

#[test]
fn two_values_that_differ_are_a_conflict() {
    let field = |first, second| {
        let body = form(&[("name=\"model\"", first), ("name=\"model\"", second)]);
        find(&[body.as_bytes()]).unwrap().remove(0)
    };
    assert!(!field("a", "a").conflict);
    assert!(field("a", "b").conflict);
    assert_eq!(field("a", "b").last().cloned(), text("b"));
    assert!(field("123456789", "123456789").conflict);
}

#[test]
fn boundaries() {
    let is = |parameter: &str, expected: Option<&[u8]>| {
        let found = delimiter(&format!("multipart/form-data; {parameter}"));
        let delimiter_of = |boundary: &[u8]| [b"--", boundary].concat();
        assert_eq!(
            found.ok(),
            expected.map(|boundary| super::scanner::Delimiter(delimiter_of(boundary))),
            "{parameter}"
        );
    };
    is("boundary=abc", Some(b"abc"));
    is("charset=utf-8; Boundary=\"a b:c\"", Some(b"a b:c"));
    is(&format!("boundary={}", "a".repeat(70)), Some(&[b'a'; 70]));
    for refused in [
        "",
        "boundary=",
        "boundary=\"\"",
        "boundary=\"a \"",
        "boundary=a; boundary=b",
        "boundary=a, multipart/form-data; boundary=b",
        "boundary=\"a\\\"b\"",
        "boundary=a; boundary*=utf-8''b",
        "boundary=a; boundary*0=b",
        "boundary=é",
        &format!("boundary={}", "a".repeat(71)),
    ] {
        is(refused, None);
    }
}

/// A value is routed on when its end has been seen, not before.
#[test]
fn a_value_is_certain_when_its_part_has_ended() {
    let names = names();
    let mut finder = finder();
    let body = part("name=\"model\"", "gpt");
    finder.feed(&names, body.as_bytes()).unwrap();
    assert!(!finder.fields()[0].first_is_certain());
    finder.feed(&names, b"--XX").unwrap();
    assert!(finder.fields()[0].first_is_certain());
    assert!(!finder.ended());
    finder.feed(&names, b"--").unwrap();
    assert!(finder.ended());
}

fn content() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(
        &[
            "\r", "\n", "-", "--", "X", "XX", "\r\n", "\r\n--X", "é", "gpt", "",
        ][..],
    );
    prop::collection::vec(pieces, 0..8)
        .prop_map(|pieces| pieces.concat())
        .prop_filter("holds a delimiter", |content| !content.contains("--XX"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn cuts_make_no_difference(
        body in "(--XX|--XX--|\r\n|\r|\n|-|X|: |Content-Disposition: form-data; name=(\"model\"|model|x)(; filename=a)?\r\n\r\n|gpt|é){0,20}",
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
    ) {
        prop_assert_eq!(find(&cut(body.as_bytes(), &cuts)), find(&[body.as_bytes()]));
    }

    /// What was put in comes out, whatever looks like a delimiter and is none.
    #[test]
    fn parts_come_out_as_they_went_in(
        parts in prop::collection::vec((prop::sample::select(&["model", "a b", "x"][..]), content()), 0..5),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
    ) {
        let named: Vec<_> = parts
            .iter()
            .map(|(name, content)| (format!("name=\"{name}\""), content.as_str()))
            .collect();
        let named: Vec<_> = named.iter().map(|(name, content)| (name.as_str(), *content)).collect();
        let body = form(&named);
        let fields = find(&cut(body.as_bytes(), &cuts)).unwrap();
        for (name, field) in names().iter().zip(fields) {
            let values: Vec<_> = parts.iter().filter(|(other, _)| other == name).collect();
            let found = |content: &String| if content.len() > VALUE_BYTES {
                Found::TooLong
            } else {
                Found::String(content.clone())
            };
            prop_assert_eq!(&field.first, &values.first().map(|(_, content)| found(content)));
            prop_assert_eq!(field.last().cloned(), values.last().map(|(_, content)| found(content)));
        }
    }
}
