use proptest::prelude::*;

use super::*;
use crate::eventstream::tests::message;
use crate::json::{Error, Finder};
use crate::pieces::cut;
use crate::{FieldId, Found};

/// What a body was told to hold, in order.
#[derive(Debug, PartialEq)]
enum Told {
    Document(Vec<Finding>),
    Unreadable(DocumentError),
}

impl DocumentVisitor for Vec<Told> {
    fn document(&mut self, fields: &[Finding]) {
        self.push(Told::Document(fields.to_vec()));
    }

    fn unreadable(&mut self, error: DocumentError) {
        self.push(Told::Unreadable(error));
    }
}

const FRAMINGS: [Framing; 4] = [
    Framing::One,
    Framing::Events,
    Framing::Lines,
    Framing::EventStream,
];

fn pointers(pointers: &[&str]) -> Pointers {
    let mut set = Pointers::default();
    for pointer in pointers {
        set.insert(pointer).unwrap();
    }
    set
}

fn told(framing: Framing, pieces: &[&[u8]], pointers: &Pointers, limits: &Limits) -> Vec<Told> {
    let mut finder = DocumentFinder::new(framing, pointers, limits);
    let mut told = Vec::new();
    for piece in pieces {
        finder.feed(pointers, piece, &mut told);
        assert!(finder.held() <= limits.event_bytes.max(12));
    }
    finder.finish(pointers, &mut told);
    told
}

/// The number or text at each place of `/n`, or what is wrong.
fn found(framing: Framing, body: &[u8]) -> Vec<Result<String, DocumentError>> {
    let told = told(framing, &[body], &pointers(&["/n"]), &Limits::default());
    told.into_iter().map(number).collect()
}

fn number(told: Told) -> Result<String, DocumentError> {
    match told {
        Told::Document(fields) => match FieldId::nth(0).of(&fields).unwrap().last() {
            Some(Found::Number(number)) => Ok(number.clone()),
            found => Ok(format!("{found:?}")),
        },
        Told::Unreadable(error) => Err(error),
    }
}

fn n(number: u32) -> Result<String, DocumentError> {
    Ok(number.to_string())
}

const INVALID: DocumentError = DocumentError::Json(Error::Invalid);

#[test]
fn a_field_of_each_document() {
    let events = "event: a\ndata: {\"n\":1}\n\n: comment\n\ndata:{\"x\":0}\n\ndata: {\r\ndata: \"n\":2}\r\n\r\nid: 1\rdata: {\"n\":3}\r\r";
    assert_eq!(
        found(Framing::Events, events.as_bytes()),
        [n(1), n(2), n(3)]
    );
    let lines = "\u{feff}{\"n\":1}\n\n{\"x\":0}\r\n{\"n\":2}\r\n{\"n\":3}";
    assert_eq!(found(Framing::Lines, lines.as_bytes()), [n(1), n(2), n(3)]);
    let messages = [r#"{"n":1}"#, "", "n", r#"{"n":2}"#].map(|json| message(&[], json.as_bytes()));
    assert_eq!(
        found(Framing::EventStream, &messages.concat()),
        [n(1), n(2)]
    );
    assert_eq!(
        found(Framing::One, "\u{feff} {\"n\":1} ".as_bytes()),
        [n(1)]
    );
}

#[test]
fn what_is_no_document_is_no_error() {
    for text in ["[DONE]", "", " ", "<html>\"n\"</html>", "\"n\"", "null"] {
        for (framing, body) in [
            (Framing::Events, format!("data: {text}\n\ndata: {text}")),
            (Framing::Lines, format!("{text}\n{text}")),
        ] {
            assert_eq!(found(framing, body.as_bytes()), [], "{framing:?} {text}");
        }
        let body = message(&[], text.as_bytes());
        assert_eq!(found(Framing::EventStream, &body), [], "{text}");
    }
    for text in ["", " ", "<html>", "data: {}", "\u{feff}", "null"] {
        assert_eq!(found(Framing::One, text.as_bytes()), [], "{text}");
    }
}

#[test]
fn a_broken_document_costs_no_other() {
    // The last but one spells no name, and is not read.
    let lines = b"{\"n\":1}\n{\"n\":\n{\"n\":2}}\n{\"x\":\n{\"n\":3}\n";
    assert_eq!(
        found(Framing::Lines, lines),
        [n(1), Err(INVALID), Err(INVALID), n(3)]
    );
    let events = b"data: {\"n\":x}\n\ndata: {\"n\":2}\n\n";
    assert_eq!(found(Framing::Events, events), [Err(INVALID), n(2)]);
    assert_eq!(found(Framing::One, b"{\"n\":1} {"), [Err(INVALID)]);
    assert_eq!(found(Framing::One, b"{\"n\":1,}"), [Err(INVALID)]);
}

#[test]
fn of_a_document_that_is_broken_off_what_was_read_counts() {
    let incomplete = || Err(DocumentError::Incomplete);
    for (framing, before) in [
        (Framing::One, ""),
        (Framing::Events, "data: "),
        (Framing::Lines, ""),
    ] {
        let cut = |json| format!("{before}{json}").into_bytes();
        let read = found(framing, &cut(r#"{"n":1,"m":"#));
        assert_eq!(read, [n(1), incomplete()], "{framing:?}");
        // Its next digit is not known.
        let number = found(framing, &cut(r#"{"n":1"#));
        assert_eq!(number, [incomplete()], "{framing:?}");
    }
    let mut messages = message(&[], br#"{"n":1}"#);
    messages.extend_from_slice(&messages.clone()[..20]);
    let error = DocumentError::EventStream(eventstream::Error::Incomplete);
    assert_eq!(found(Framing::EventStream, &messages), [n(1), Err(error)]);
}

#[test]
fn a_number_that_is_the_end_of_a_line_is_whole() {
    assert_eq!(found(Framing::Lines, b"{\"n\":12}"), [n(12)]);
}

/// The limits of a stream of which hardly a document is held.
fn short_events() -> Limits {
    Limits {
        event_bytes: 60,
        ..Limits::default()
    }
}

#[test]
fn usage_in_an_event_or_line_that_is_too_long_to_be_held_is_found() {
    let pointers = pointers(&["/n"]);
    let filler = "x".repeat(100);
    let long = format!("{{\"n\":1,\"x\":\"{filler}\"}}");
    let late = format!("{{\"x\":\"{filler}\",\"n\":3}}");
    let broken = format!("{{\"n\":4,\"x\":\"{filler}\"");
    for (framing, body) in [
        (
            Framing::Events,
            format!(
                "event: a\ndata: {long}\n\ndata: {{\"n\":2}}\r\n\r\ndata:{{\ndata: \"x\":\"{filler}\",\ndata:\"n\":3}}\nid: 1\n\n\
                 data: {broken}\n\ndata: {filler}{filler}\n\ndata: {broken}",
            ),
        ),
        (
            Framing::Lines,
            format!("{long}\n{{\"n\":2}}\r\n{late}\r\n{broken}\n{filler}{filler}\n{broken}"),
        ),
    ] {
        for size in [1, 7, 10, 64, usize::MAX] {
            let pieces: Vec<&[u8]> = body.as_bytes().chunks(size).collect();
            let told = told(framing, &pieces, &pointers, &short_events());
            let numbers: Vec<_> = told.into_iter().map(number).collect();
            let expected = [
                n(1),
                n(2),
                n(3),
                Err(INVALID),
                n(4),
                Err(DocumentError::Incomplete),
            ];
            assert_eq!(numbers, expected, "{framing:?} {size}");
        }
    }
}

#[test]
fn a_message_that_is_too_long_is_reported_once() {
    let pointers = pointers(&["/n"]);
    let long = format!("{{\"n\":1,\"x\":\"{}\"}}", "x".repeat(100));
    let body = [long.as_str(), "{\"n\":2}"].map(|json| message(&[], json.as_bytes()));
    let body = body.concat();
    for size in [1, 10, usize::MAX] {
        let pieces: Vec<&[u8]> = body.chunks(size).collect();
        let told = told(Framing::EventStream, &pieces, &pointers, &short_events());
        let numbers: Vec<_> = told.into_iter().map(number).collect();
        assert_eq!(numbers, [Err(DocumentError::TooLong), n(2)]);
    }
}

#[test]
fn an_endless_document_holds_no_more_than_it_may() {
    let limits = Limits {
        event_bytes: 4096,
        ..Limits::default()
    };
    let pointers = pointers(&["/n"]);
    let mut prelude = u32::MAX.to_be_bytes().to_vec();
    prelude.extend_from_slice(&[0; 4]);
    prelude.extend_from_slice(&crc32fast::hash(&prelude).to_be_bytes());
    for (framing, begin) in [
        (Framing::One, &b"{\"n\":\""[..]),
        (Framing::One, b"{\""),
        (Framing::Events, b"data: {\"n\":\""),
        (Framing::Lines, b"{\"n\":\""),
        (Framing::EventStream, &prelude),
    ] {
        let mut finder = DocumentFinder::new(framing, &pointers, &limits);
        let mut told = Vec::new();
        finder.feed(&pointers, begin, &mut told);
        for _ in 0..1000 {
            finder.feed(&pointers, &[b'x'; 1000], &mut told);
            assert!(finder.held() <= 4096);
        }
        assert!(told.len() <= 1, "{framing:?} {told:?}");
    }
}

#[test]
fn documents_nested_too_deep() {
    let limits = Limits {
        json_depth: 3,
        ..Limits::default()
    };
    let body = b"{\"n\":[[[1]]]}\n{\"n\":1}";
    let told = told(Framing::Lines, &[body], &pointers(&["/n"]), &limits);
    let deep = DocumentError::Json(Error::TooDeep);
    assert_eq!(told[0], Told::Unreadable(deep));
    assert_eq!(told.len(), 2);
}

#[test]
fn every_cut_of_a_stream() {
    let pointers = pointers(&["/usage/total_tokens", "/model"]);
    let json = [
        r#"{"model":"a","usage":null}"#,
        r#"{"us\u0061ge":{"total_tokens":12}}"#,
        "[DONE]",
        r#"{"usage":{"total_tokens":}}"#,
        r#"{"model":"b"}"#,
    ];
    let all =
        |frame: &dyn Fn(&&str) -> Vec<u8>| json.iter().map(frame).collect::<Vec<_>>().concat();
    let bodies = [
        (Framing::One, json[1].as_bytes().to_vec()),
        (
            Framing::Events,
            all(&|json| format!(": c\r\nevent: e\r\ndata: {json}\r\n\r\n").into_bytes()),
        ),
        (
            Framing::Events,
            all(&|json| format!("data: {json}\n\n").into_bytes()),
        ),
        (
            Framing::Events,
            all(&|json| format!("data:{json}\r\r").into_bytes()),
        ),
        (
            Framing::Lines,
            all(&|json| format!("{json}\r\n").into_bytes()),
        ),
        (
            Framing::EventStream,
            all(&|json| message(&[(":event-type", "e")], json.as_bytes())),
        ),
    ];
    let marked = bodies.clone().map(|(framing, body)| match framing {
        Framing::EventStream => (framing, body),
        _ => (framing, ["\u{feff}".as_bytes(), &body].concat()),
    });
    for (framing, body) in bodies.into_iter().chain(marked) {
        let whole = told(framing, &[&body], &pointers, &Limits::default());
        let documents = if framing == Framing::One { 1 } else { 4 };
        assert_eq!(whole.len(), documents, "{framing:?}");
        for at in 0..=body.len() {
            let (one, other) = body.split_at(at);
            let pieces = told(framing, &[one, other], &pointers, &Limits::default());
            assert_eq!(pieces, whole, "{framing:?} cut at {at}");
        }
        let bytes: Vec<&[u8]> = body.chunks(1).collect();
        assert_eq!(told(framing, &bytes, &pointers, &Limits::default()), whole);
    }
}

#[test]
fn what_parsers_disagree_on_is_a_conflict() {
    for json in [
        r#"{"a":{"n":1},"a":{"n":2}}"#,
        r#"{"a":{"n":1},"a":{}}"#,
        r#"{"A":{},"a":{"n":1}}"#,
    ] {
        for framing in [Framing::One, Framing::Lines] {
            let told = told(
                framing,
                &[json.as_bytes()],
                &pointers(&["/a/n"]),
                &Limits::default(),
            );
            let Some(Told::Document(fields)) = told.first() else {
                panic!("{json} {told:?}");
            };
            assert!(fields[0].conflict, "{framing:?} {json}");
        }
    }
}

/// Texts of documents, of what is none, and of what is broken.
fn texts() -> impl Strategy<Value = Vec<String>> {
    let name = r#"(usage|total_tokens|model|Usage|tot\\u0061l_tokens|\\u0075sage|x|\\n)"#;
    let scalar = r#"(1|-2\.5|"a"|"total_tokens"|"\\u00e9\\u003c"|null|true|\[1,2\]|\{\})"#;
    let member = format!(r#""{name}": ?{scalar}"#);
    let inner = format!(r#"\{{({member}(,{member})?)?\}}"#);
    let text = format!(
        r#"\{{({member}|"{name}": ?{inner})(, ?"{name}": ?{inner})?\}}|\[{inner}\]|\{{"usage":\{{"total_tokens":|\[DONE\]|[a-z"]{{0,3}}|{inner}x| \{{\}} "#
    );
    let text = prop::string::string_regex(&text).unwrap();
    prop::collection::vec(text, 0..6)
}

/// What the documents of these texts hold, each read by itself. Of broken documents only those count
/// that spell a name.
fn expected(texts: &[String], pointers: &Pointers) -> Vec<Told> {
    let mut expected = Vec::new();
    for text in texts {
        let text = text.trim_matches(' ');
        if !text.starts_with(['{', '[']) || text == "[DONE]" {
            continue;
        }
        let mut finder = Finder::new(pointers, &Limits::default());
        let read = finder.feed(pointers, text.as_bytes());
        match read.and_then(|()| finder.finish(pointers)) {
            Ok(fields)
                if fields
                    .iter()
                    .any(|field| field.last().is_some() || field.first.is_some()) =>
            {
                expected.push(Told::Document(fields));
            }
            Err(error) if pointers.may_lead_into(text.as_bytes()) => {
                expected.push(Told::Unreadable(error.into()));
            }
            _ => {}
        }
    }
    expected
}

const SETS: [&[&str]; 5] = [
    &["/usage/total_tokens", "/model"],
    &["/usage/total_tokens"],
    &["/usage"],
    &["/0/usage", "/0/model", "/usage/x"],
    &["", "/0"],
];

proptest! {
    #[test]
    fn however_a_body_is_cut_and_framed_its_documents_are_the_same(
        texts in texts(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
        set in prop::sample::select(&SETS[..]),
        end in prop::sample::select(&["\n", "\r\n", "\r"][..]),
    ) {
        let pointers = pointers(set);
        let expected = expected(&texts, &pointers);
        let line_end = if end == "\r" { "\n" } else { end };
        let events: String = texts.iter().map(|text| format!("id: 1{end}data: {text}{end}{end}")).collect();
        let lines: String = texts.iter().map(|text| format!("{text}{line_end}")).collect();
        let messages = texts.iter().map(|text| message(&[("h", "v")], text.as_bytes()));
        for (framing, body) in [
            (Framing::Events, events.into_bytes()),
            (Framing::Lines, lines.into_bytes()),
            (Framing::EventStream, messages.collect::<Vec<_>>().concat()),
        ] {
            let read = told(framing, &cut(&body, &cuts), &pointers, &Limits::default());
            prop_assert_eq!(&read, &expected, "{:?}", framing);
        }
    }

    #[test]
    fn any_body_is_read_in_the_same_way_however_it_is_cut(
        body in "(data: ?|[{}\\[\\]\",:n1 ]{0,6}|\\\\u00(6e|41)|\"n\":|\u{feff}|\r\n|\n|\r){0,20}",
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
        event_bytes in prop::sample::select(&[8_usize, 20, 1 << 20][..]),
    ) {
        let pointers = pointers(&["/n", "/1"]);
        let only_name = super::tests::pointers(&["/n"]);
        let limits = Limits { event_bytes, ..Limits::default() };
        for framing in FRAMINGS {
            for pointers in [&pointers, &only_name] {
                let whole = told(framing, &[body.as_bytes()], pointers, &limits);
                prop_assert_eq!(told(framing, &cut(body.as_bytes(), &cuts), pointers, &limits), whole);
            }
        }
    }
}

#[test]
fn what_has_not_arrived_whole_is_held() {
    let pointers = pointers(&["/n"]);
    let mut encoded = message(&[], b"{}");
    encoded.truncate(5);
    for (framing, piece, held) in [
        (Framing::One, &b"{\"n\""[..], 0),
        (Framing::Events, b"data: {}\n\ndata: {\"n\"", 10),
        (Framing::Lines, b"{}\n{\"n\"", 4),
        (Framing::EventStream, &encoded, 5),
    ] {
        let mut finder = DocumentFinder::new(framing, &pointers, &Limits::default());
        let mut told: Vec<Told> = Vec::new();
        finder.feed(&pointers, piece, &mut told);
        assert_eq!(finder.held(), held, "{framing:?}");
    }
}

#[test]
fn a_byte_order_mark_stands_only_where_a_body_begins() {
    let json = format!("{{\"n\":1,\"x\":\"{}\"}}\n\n", "x".repeat(60));
    for (framing, before, is_read) in [
        (Framing::One, &b""[..], true),
        (Framing::One, b"\xef\xbb\xbf \n", true),
        (Framing::One, b" \xef\xbb\xbf", false),
        (Framing::One, b"\xef\xbb\xbf\xef\xbb\xbf", false),
        (Framing::One, b"\xef\xbb", false),
        (Framing::One, b"\xef \xbb\xbf", false),
        (Framing::One, b"x", false),
        (Framing::One, b"xyz", false),
        (Framing::Lines, b"\xef\xbb\xbf ", true),
        (Framing::Lines, b"\n", true),
        (Framing::Lines, b"\n\xef\xbb\xbf", false),
        (Framing::Lines, b"xyz", false),
        (Framing::Events, b"\xef\xbb\xbfdata: ", true),
        (Framing::Events, b"\xef\xbbdata: ", false),
        (Framing::Events, b"\n\ndata: ", true),
        (Framing::Events, b"\n\n\xef\xbb\xbfdata: ", false),
        (Framing::Events, b"data: \xef\xbb\xbf", false),
        (Framing::Events, b"data: xyz", false),
    ] {
        let body = [before, json.as_bytes()].concat();
        let expected = if is_read { vec![n(1)] } else { Vec::new() };
        // Held until it has arrived whole, and read as it passes.
        for limits in [Limits::default(), short_events()] {
            for size in [1, usize::MAX] {
                let pieces: Vec<&[u8]> = body.chunks(size).collect();
                let told = told(framing, &pieces, &pointers(&["/n"]), &limits);
                let numbers: Vec<_> = told.into_iter().map(number).collect();
                assert_eq!(numbers, expected, "{framing:?} {before:?} {size}");
            }
        }
    }
}

#[test]
fn what_may_be_an_index_is_looked_for_in_arrays_too() {
    let body = b"{\"n\":[1]}\n{\"n\":{\"0\":2}}\n{\"n\":3}\n";
    let told = told(
        Framing::Lines,
        &[body],
        &pointers(&["/n/0"]),
        &Limits::default(),
    );
    let numbers: Vec<_> = told.into_iter().map(number).collect();
    assert_eq!(numbers, [n(1), n(2)]);
}
