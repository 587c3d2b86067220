use proptest::prelude::*;

use super::*;
use crate::edits::patch::compile;
use crate::languages::jinja::Template;

/// Sets `/model` to `new`, removes `/x` and `/deep/secret`.
fn patch() -> Patch {
    let edits = serde_json::json!([
        {"set": "/model", "value": "new"}, {"remove": "/x"}, {"remove": "/deep/secret"},
    ]);
    let edits: Vec<crate::config::Edit> = serde_json::from_value(edits).unwrap();
    let mut template = |_: &str, text: &str, _: &mut _| Ok(Template::Text(text.to_owned()));
    let limits = Limits::default();
    compile(&edits, "patch", &limits, &mut template, &mut Vec::new()).unwrap()
}

fn changes() -> Vec<Change> {
    vec![
        Change::Set("\"new\"".to_owned()),
        Change::Remove,
        Change::Remove,
    ]
}

/// What has gone on after each chunk, what the end adds, and what failed.
fn passed(chunks: &[&[u8]], limits: &Limits) -> (Vec<Vec<u8>>, Vec<Reason>) {
    let patch = patch();
    let mut events = Events::new(changes(), limits);
    let mut passage = Passage::new(&patch, limits);
    let mut pieces = Vec::new();
    for chunk in chunks {
        events.feed(chunk, &mut passage);
        pieces.push(std::mem::take(&mut passage.out));
    }
    events.finish(&mut passage);
    pieces.push(passage.out);
    let failures = passage.outcome.failures.iter();
    (pieces, failures.map(|failure| failure.reason).collect())
}

fn whole(stream: &str) -> String {
    let (pieces, failures) = passed(&[stream.as_bytes()], &Limits::default());
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
        let (pieces, _) = passed(&bytes, &Limits::default());
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
    let limits = Limits {
        event_bytes: 40,
        ..Limits::default()
    };
    let long = format!("data: {{\"model\":1,\"t\":\"{}\"}}\n\n", "y".repeat(40));
    let stream = format!("data: {{}}\n\n{long}data: {{}}\n\n{long}");
    let edited = "data: {\"model\":\"new\"}\n\n";
    let expected = format!("{edited}{long}{edited}{long}");
    for size in 1..=stream.len() {
        let chunks: Vec<&[u8]> = stream.as_bytes().chunks(size).collect();
        let (pieces, failures) = passed(&chunks, &limits);
        assert_eq!(String::from_utf8(pieces.concat()).unwrap(), expected);
        assert_eq!(failures, [Reason::Limit, Reason::Limit]);
    }
    // What is held is bounded, whatever comes.
    let (pieces, _) = passed(&[b"data: {", &[b' '; 100], b"}"], &limits);
    assert_eq!(
        pieces.iter().map(Vec::len).collect::<Vec<_>>(),
        [0, 107, 1, 0]
    );
}

#[test]
fn what_does_not_fit_an_event_is_counted() {
    let deep = format!("data: {}\n\n", "[".repeat(200));
    let stream = format!("data: []\n\n{deep}");
    let (pieces, failures) = passed(&[stream.as_bytes()], &Limits::default());
    assert_eq!(pieces.concat(), stream.as_bytes());
    assert_eq!(failures, [Reason::JsonInvalid, Reason::Limit]);
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
        let limits = Limits { event_bytes, ..Limits::default() };
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
        cuts.sort_unstable();
        let mut chunks = Vec::new();
        let mut from = 0;
        for cut in cuts.into_iter().chain([stream.len()]) {
            chunks.push(&stream[from..cut]);
            from = cut;
        }
        let (expected, failures) = passed(&[stream], &limits);
        let expected = expected.concat();
        let bytes: Vec<&[u8]> = stream.chunks(1).collect();
        for chunks in [chunks, bytes] {
            let (pieces, others) = passed(&chunks, &limits);
            prop_assert_eq!(pieces.concat().escape_ascii().to_string(), expected.escape_ascii().to_string());
            prop_assert_eq!(&others, &failures);
        }
    }
}
