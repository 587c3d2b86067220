//! Streams of documents, edited as they pass: server-sent events and JSON Lines.

#![forbid(unsafe_code)]
// A test that finds nothing where something must be fails, as it should.
#![allow(clippy::indexing_slicing, clippy::unwrap_used)]

use std::sync::Arc;

use proptest::prelude::*;
use transformations::{
    Action, Direction, Failure, Host, MetadataValue, Program, Reason, Session, TransformationOps,
};

/// What is set and removed, beside the limits.
const PATCH: &str = r#""response": {"patch": [
    {"set": "/model", "value": "new"}, {"remove": "/x"}, {"remove": "/deep/secret"}]}"#;

/// An answer that arrives piece by piece.
#[derive(Default)]
struct Answer {
    content_type: &'static str,
    received: Vec<u8>,
    reasons: Vec<Reason>,
}

impl TransformationOps for Answer {
    fn header_values(&self, _: Direction, name: &str) -> Vec<&[u8]> {
        match name {
            "content-type" => vec![self.content_type.as_bytes()],
            _ => Vec::new(),
        }
    }

    fn headers(&self, _: Direction) -> Vec<(&[u8], &[u8])> {
        vec![(b"content-type", self.content_type.as_bytes())]
    }

    fn set_header(&mut self, _: Direction, _: &str, _: &[u8]) -> bool {
        false
    }

    fn add_header(&mut self, _: Direction, _: &str, _: &[u8]) -> bool {
        false
    }

    fn remove_header(&mut self, _: Direction, _: &str) -> bool {
        true
    }

    fn body_chunks(&self, _: Direction) -> Vec<&[u8]> {
        Vec::new()
    }

    fn drain_body(&mut self, _: Direction, _: usize) -> bool {
        false
    }

    fn append_body(&mut self, _: Direction, _: &[u8]) -> bool {
        false
    }

    fn set_dynamic_metadata(&mut self, _: &str, _: &str, _: MetadataValue<'_>) -> bool {
        false
    }

    fn clear_route_cache(&mut self) -> bool {
        false
    }
}

impl Host for Answer {
    fn received_chunks(&self, _: Direction) -> Vec<&[u8]> {
        vec![&self.received]
    }

    fn replace_received(&mut self, _: Direction, data: &[u8]) -> bool {
        self.received = data.to_vec();
        true
    }

    fn report(&mut self, failures: &[Failure]) {
        self.reasons
            .extend(failures.iter().map(|failure| failure.reason));
    }
}

/// What goes on of each chunk, what the end adds, and what failed.
fn played(
    config: &str,
    direction: Direction,
    content_type: &'static str,
    chunks: &[&[u8]],
) -> (Vec<Vec<u8>>, Vec<Reason>) {
    let program = Program::load(config.as_bytes()).unwrap().program;
    let mut session = Session::new(Arc::new(program));
    let mut host = Answer {
        content_type,
        ..Answer::default()
    };
    assert_eq!(
        session.on_headers(&mut host, direction, false),
        Action::Continue
    );
    let mut pieces = Vec::new();
    for (chunk, end) in chunks
        .iter()
        .map(|chunk| (*chunk, false))
        .chain([(&b""[..], true)])
    {
        host.received = chunk.to_vec();
        assert_eq!(session.on_body(&mut host, direction, end), Action::Continue);
        pieces.push(std::mem::take(&mut host.received));
    }
    (pieces, host.reasons)
}

/// Of events that are held up to this size.
fn passed(chunks: &[&[u8]], event_bytes: usize) -> (Vec<Vec<u8>>, Vec<Reason>) {
    let config = format!(r#"{{{PATCH}, "limits": {{"eventBytes": {event_bytes}}}}}"#);
    played(&config, Direction::Response, "text/event-stream", chunks)
}

const EVENT_BYTES: usize = 1 << 20;

fn whole(stream: &str) -> String {
    let (pieces, failures) = passed(&[stream.as_bytes()], EVENT_BYTES);
    assert_eq!(failures, []);
    String::from_utf8(pieces.concat()).unwrap()
}

#[test]
fn the_json_of_an_event_is_edited() {
    for (event, expected) in [
        (
            "data: {\"model\":\"old\"}\n\n",
            "data: {\"model\":\"new\"}\n\n",
        ),
        (
            "data:{ \"model\" : 1 }\r\n\r\n",
            "data:{ \"model\" : \"new\" }\r\n\r\n",
        ),
        ("data:  {}\r\r", "data:  {\"model\":\"new\"}\r\r"),
        (
            ": hello\nid: 7\nevent: chunk\ndata: {\"a\":1,\"x\":2}\nretry: 1\n\n",
            ": hello\nid: 7\nevent: chunk\ndata: {\"a\":1,\"model\":\"new\"}\nretry: 1\n\n",
        ),
        (
            "\u{feff}data: {}\n\n",
            "\u{feff}data: {\"model\":\"new\"}\n\n",
        ),
        // Line by line clients act on it; the standard's drop it.
        ("data: {}", "data: {\"model\":\"new\"}"),
        ("data: {}\n", "data: {\"model\":\"new\"}\n"),
    ] {
        assert_eq!(whole(event), expected, "{event:?}");
    }
}

#[test]
fn data_of_several_lines_is_one_text() {
    for (event, expected) in [
        (
            "data: {\ndata: \"model\":\ndata: \"old\"\ndata: }\n\n",
            "data: {\ndata: \"model\":\ndata: \"new\"\ndata: }\n\n",
        ),
        (
            "data: {\"x\": 1,\r\ndata:   \"model\": 1}\r\n\r\n",
            "data: {\"model\": \"new\"}\r\n\r\n",
        ),
        (
            "data: {\"model\": 1\nid: 1\ndata: , \"x\": [\ndata: ], \"z\": 1\ndata\ndata:}\n\n",
            "data: {\"model\": \"new\"\nid: 1\ndata: , \"z\": 1\ndata\ndata:}\n\n",
        ),
        (
            "data: {\"deep\": {\ndata: \"secret\": 1\ndata: }\ndata: }\n\n",
            "data: {\"deep\": {\ndata: \ndata: },\"model\":\"new\"\ndata: }\n\n",
        ),
        (
            "data: {\"a\":\ndata: 1\ndata:\ndata: }\n\n",
            "data: {\"a\":\ndata: 1,\"model\":\"new\"\ndata:\ndata: }\n\n",
        ),
    ] {
        assert_eq!(whole(event), expected, "{event:?}");
    }
}

#[test]
fn everything_else_passes_as_it_is() {
    for stream in [
        "data: [DONE]\n\n",
        "data: hello\n\n",
        "data: 1\n\n",
        "data: {\"model\": \n\n",
        "data: {\"model\":1} {}\n\n",
        "data\n\n",
        "Data: {}\n\n",
        "datax: {}\n\n",
        " data: {}\n\n",
        ": {}\n\n",
        "event: {}\n\n",
        "\n\n\r\n\r\r\n\n",
        "\u{feff}\n\n: \u{feff}\n",
        "id: 1\n\n\u{feff}data: {}\n\n",
        "",
    ] {
        assert_eq!(whole(stream), stream, "{stream:?}");
    }
}

#[test]
fn an_event_goes_on_with_the_byte_that_ends_it() {
    for (ending, completes) in [
        ("\n\n", 2),
        ("\r\n\r\n", 3),
        ("\r\r", 2),
        ("\r\n\n", 3),
        ("\n\r\n", 2),
    ] {
        let first = format!("data: {{}}{ending}");
        let stream = format!("{first}data: {{}}{ending}");
        let bytes: Vec<&[u8]> = stream.as_bytes().chunks(1).collect();
        let (pieces, _) = passed(&bytes, EVENT_BYTES);
        let complete = "data: {}".len() + completes;
        let arrived = pieces[..complete].concat();
        let edited = "data: {\"model\":\"new\"}";
        assert_eq!(
            arrived,
            format!("{edited}{}", ending.split_at(completes).0).as_bytes()
        );
        assert!(pieces[..complete - 1].concat().is_empty(), "{ending:?}");
        assert_eq!(
            pieces.concat(),
            format!("{edited}{ending}{edited}{ending}").as_bytes()
        );
    }
}

#[test]
fn an_event_that_is_too_long_passes_and_is_counted() {
    let limits = 40;
    let long = format!("data: {{\"model\":1,\"t\":\"{}\"}}\n\n", "y".repeat(40));
    let stream = format!("data: {{}}\n\n{long}data: {{}}\n\n{long}");
    let edited = "data: {\"model\":\"new\"}\n\n";
    let expected = format!("{edited}{long}{edited}{long}");
    for size in 1..=stream.len() {
        let chunks: Vec<&[u8]> = stream.as_bytes().chunks(size).collect();
        let (pieces, failures) = passed(&chunks, limits);
        assert_eq!(String::from_utf8(pieces.concat()).unwrap(), expected);
        // Once for the stream.
        assert_eq!(failures, [Reason::Limit]);
    }
    // What is held is bounded, whatever comes.
    let (pieces, _) = passed(&[b"data: {", &[b' '; 100], b"}"], limits);
    assert_eq!(
        pieces.iter().map(Vec::len).collect::<Vec<_>>(),
        [0, 107, 1, 0]
    );
}

#[test]
fn what_does_not_fit_an_event_is_counted() {
    let deep = format!("data: {}\n\n", "[".repeat(200));
    let stream = format!("data: []\n\n{deep}");
    let (pieces, failures) = passed(&[stream.as_bytes()], EVENT_BYTES);
    assert_eq!(pieces.concat(), stream.as_bytes());
    assert_eq!(failures, [Reason::PlaceMissing, Reason::Limit]);
}

fn line() -> impl Strategy<Value = String> {
    let json = "\\{(\"a\":1,)?\"model\":\"[a-z]{0,2}\"(,\"x\":\\[\\])?\\}";
    prop_oneof![
        4 => json.prop_map(|json| format!("data: {json}")),
        3 => "data:? ?[\\{\\}\\[\\]\",:x1 ]{0,6}".prop_map(String::from),
        1 => Just("data: [DONE]".to_owned()),
        1 => "(: ?|id:|\u{feff}|event: )[a-z]{0,3}".prop_map(String::from),
        3 => Just(String::new()),
    ]
}

/// The pieces between the cuts.
fn cut<'s>(stream: &'s [u8], cuts: &[prop::sample::Index]) -> Vec<&'s [u8]> {
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
    cuts.sort_unstable();
    let mut chunks = Vec::new();
    let mut from = 0;
    for cut in cuts.into_iter().chain([stream.len()]) {
        chunks.push(&stream[from..cut]);
        from = cut;
    }
    chunks
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn however_a_stream_is_cut_it_comes_out_equal(
        lines in prop::collection::vec((line(), prop::sample::select(&["\n", "\r\n", "\r"][..])), 0..12),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
        event_bytes in prop::sample::select(&[10_usize, 30, 1 << 20][..]),
    ) {
        let stream: String = lines.iter().map(|(line, end)| format!("{line}{end}")).collect();
        let stream = stream.as_bytes();
        let chunks = cut(stream, &cuts);
        let (expected, failures) = passed(&[stream], event_bytes);
        let expected = expected.concat();
        let bytes: Vec<&[u8]> = stream.chunks(1).collect();
        for chunks in [chunks, bytes] {
            let (pieces, others) = passed(&chunks, event_bytes);
            prop_assert_eq!(pieces.concat().escape_ascii().to_string(), expected.escape_ascii().to_string());
            prop_assert_eq!(&others, &failures);
        }
    }

    #[test]
    fn however_documents_are_cut_the_same_are_edited_and_left_out(
        documents in prop::collection::vec(
            (prop::sample::select(&["{\"n\":1}", "{\"n\":2,\"x\":[1]}", "{ \"drop\":1}", "[DONE]", "{\"n\":", "{\"n\":\"a\"}", ""][..]),
             prop::sample::select(&["\n", "\r\n", "\r"][..])),
            0..8,
        ),
        lines in any::<bool>(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let config = r#"{"response": {"dropEvents": ["has(document.drop)"],
            "patch": [{"replace": "/n", "cel": "value + 1"}, {"remove": "$.x[*]"}]}}"#;
        let (content_type, prefix) = if lines { ("application/jsonl", "") } else { ("text/event-stream", "data: ") };
        let mut stream = String::new();
        let mut expected = String::new();
        let mut failures = Vec::new();
        for (document, end) in documents {
            let (end, end_of_event) = if lines { (end.replace('\r', "\r\n").replace("\n\n", "\n"), String::new()) } else { (end.to_owned(), end.to_owned()) };
            let written = |document: &str| format!("{prefix}{document}{end}{end_of_event}");
            stream += &written(document);
            expected += &match document {
                "{\"n\":1}" => written("{\"n\":2}"),
                "{\"n\":2,\"x\":[1]}" => written("{\"n\":3,\"x\":[]}"),
                "{ \"drop\":1}" => String::new(),
                "{\"n\":\"a\"}" => {
                    failures = vec![Reason::Render];
                    written(document)
                }
                other => written(other),
            };
        }
        let stream = stream.as_bytes();
        let chunks = cut(stream, &cuts);
        let bytes: Vec<&[u8]> = stream.chunks(1).collect();
        for chunks in [chunks, bytes] {
            let (pieces, others) = played(config, Direction::Response, content_type, &chunks);
            prop_assert_eq!(String::from_utf8(pieces.concat()).unwrap(), expected.clone());
            prop_assert_eq!(&others, &failures);
        }
    }

    #[test]
    fn however_the_lines_of_a_request_are_cut_the_same_is_edited_and_counted_once(
        lines in prop::collection::vec(
            (prop::sample::select(&["{\"n\":1}", "{\"n\":\"a\"}", "{\"o\":1}", "{", "\"n\":2", "}", "7", "no", "[1,", "2]", " ", ""][..]),
             prop::sample::select(&["\n", "\r\n"][..])),
            0..8,
        ),
        ended in any::<bool>(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let config = r#"{"request": {"patch": [{"replace": "/n", "cel": "value + 1"}, {"set": "/o/p", "json": 1}]}}"#;
        let mut stream: String = lines.iter().map(|(line, end)| format!("{line}{end}")).collect();
        if !ended {
            stream.truncate(stream.trim_end_matches(['\r', '\n']).len());
        }
        let content_type = "application/x-ndjson";
        let (expected, failures) = played(config, Direction::Request, content_type, &[stream.as_bytes()]);
        let expected = String::from_utf8(expected.concat()).unwrap();
        let mut kinds = failures.clone();
        kinds.sort_by_key(|reason| reason.as_str());
        kinds.dedup();
        prop_assert_eq!(kinds.len(), failures.len(), "{:?}", stream);
        let chunks = cut(stream.as_bytes(), &cuts);
        let bytes: Vec<&[u8]> = stream.as_bytes().chunks(1).collect();
        for chunks in [chunks, bytes] {
            let (pieces, others) = played(config, Direction::Request, content_type, &chunks);
            prop_assert_eq!(String::from_utf8(pieces.concat()).unwrap(), expected.clone());
            prop_assert_eq!(&others, &failures);
        }
        // Whatever is one document is edited, and every line that is one by itself.
        let is_document = serde_json::from_str::<serde_json::Value>(&stream).is_ok();
        let in_lines = |text: &str| text.lines().filter(|line| *line == "{\"n\":1}").count();
        if !is_document {
            prop_assert_eq!(in_lines(&expected), 0, "{:?}", stream);
            let valid = |line: &str| line.trim().is_empty() || serde_json::from_str::<serde_json::Value>(line).is_ok();
            let is_broken = !stream.lines().all(valid);
            prop_assert_eq!(failures.contains(&Reason::JsonInvalid), is_broken, "{:?}", stream);
        }
    }
}

#[test]
fn a_line_goes_on_with_the_byte_that_ends_it() {
    let config = r#"{"request": {"patch": [{"set": "/a", "json": 1}]}}"#;
    let stream = b"{}\r\n\n{\"b\":2}";
    let bytes: Vec<&[u8]> = stream.chunks(1).collect();
    let content_type = "application/x-ndjson";
    let (pieces, failures) = played(config, Direction::Request, content_type, &bytes);
    let mut expected = vec![Vec::new(); bytes.len() + 1];
    expected[3] = b"{\"a\":1}\r\n".to_vec();
    expected[4] = b"\n".to_vec();
    expected[bytes.len()] = b"{\"b\":2,\"a\":1}".to_vec();
    assert_eq!(pieces, expected);
    assert_eq!(failures, []);
}

#[test]
fn nothing_but_a_stream_is_held_for_events_that_are_left_out() {
    let config = r#"{"response": {"dropEvents": ["true"]}}"#;
    for content_type in ["", "application/json", "text/html", "application/jsonl"] {
        // It asserts that the headers go on at once.
        let chunks: [&[u8]; 2] = [b"{\"model\"", b":1}"];
        let (pieces, failures) = played(config, Direction::Response, content_type, &chunks);
        let expected = if content_type == "application/jsonl" {
            ""
        } else {
            "{\"model\":1}"
        };
        assert_eq!(pieces.concat(), expected.as_bytes(), "{content_type}");
        assert_eq!(failures, []);
    }
}
