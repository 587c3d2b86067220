//! A body that is read as it arrives says what it says when it is read whole, however it is cut.

#![forbid(unsafe_code)]
// A test that finds nothing where something must be fails, as it should.
#![allow(clippy::indexing_slicing, clippy::unwrap_used)]

mod host;

use compression_codecs::core::Level;
use compression_codecs::core::util::{PartialBuffer, WriteBuffer};
use compression_codecs::{EncodeV2, GzipEncoder};
use host::{Host, Message};
use proptest::prelude::*;
use transformations::{
    Direction, Exchange, Extent, Failure, Outcome, Program, Reply, TransformationOps,
};

const FIELDS: &str = r#""extract": [
    {"from": [{"json": "/model"}, {"form": "model"}, {"multipart": "model"}], "header": "x-model",
     "aliases": [{"match": "b*", "value": "alias"}]},
    {"name": "first", "from": [{"json": "/a/b"}, {"json": "/model"}, {"multipart": "model"}, {"form": "a"}],
     "header": "x-first", "duplicates": "first"},
    {"name": "tenant", "from": [{"json": "/a/0"}, {"form": "x"}, {"multipart": "x"}, {"header": "x-tenant"}, {"json": "/x"}],
     "header": "x-tenant-name", "default": "none"}
]"#;

const TARGETS: [&str; 3] = ["x-model", "x-first", "x-tenant-name"];

const MULTIPART: &str = "multipart/form-data; boundary=XX";
const FORM: &str = "application/x-www-form-urlencoded";

/// A body with what it is called.
#[derive(Clone, Debug)]
struct Body {
    content_type: &'static str,
    content_encoding: &'static str,
    bytes: Vec<u8>,
}

fn body() -> impl Strategy<Value = Body> {
    let body = prop_oneof![
        3 => json().prop_map(|body| ("application/json", body)),
        1 => multipart().prop_map(|body| (MULTIPART, body)),
        1 => form().prop_map(|body| (FORM, body)),
    ];
    (body, 0..4_u8, any::<prop::sample::Index>()).prop_map(|((content_type, body), coding, at)| {
        let mut bytes = body.into_bytes();
        if coding > 1 {
            bytes = gzip(&bytes);
        }
        // Cut off, or followed by more.
        if coding > 2 {
            match at.index(3) {
                0 => bytes.truncate(at.index(bytes.len())),
                1 => bytes.extend_from_within(..),
                _ => {}
            }
        }
        Body {
            content_type,
            content_encoding: if coding > 1 { "gzip" } else { "identity" },
            bytes,
        }
    })
}

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzipEncoder::new(Level::Default.into());
    let mut room = vec![0; body.len() + 1024];
    let mut output = WriteBuffer::new_initialized(&mut room);
    let mut input = PartialBuffer::new(body);
    while !input.unwritten().is_empty() {
        encoder.encode(&mut input, &mut output).unwrap();
    }
    assert!(encoder.finish(&mut output).unwrap());
    output.written().to_vec()
}

/// Bodies that are multipart more often than not, with parts that stand twice.
fn multipart() -> impl Strategy<Value = String> {
    let name = prop::sample::select(&["model", "x", "a", "model\"; filename=\"f"][..]);
    let content = prop::sample::select(&["", "a", "b", "\r\n", "\r\n--X", "\r\n--XXX", "é"][..]);
    let part = (name, content).prop_map(|(name, content)| {
        format!("--XX\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{content}\r\n")
    });
    let end =
        prop::sample::select(&["--XX--", "--XX--", "--XX--\r\n", "", "--XX-", "--XX\r\n"][..]);
    (prop::collection::vec(part, 0..4), end).prop_map(|(parts, end)| parts.concat() + end)
}

fn form() -> impl Strategy<Value = String> {
    "((model|x|a|mod%65l)(=(a|b|%62|\\+|%|é)?)?&?){0,5}"
}

/// Bodies that are JSON more often than not, with keys that stand twice.
fn json() -> impl Strategy<Value = String> {
    let scalar = prop::sample::select(
        &[
            "1",
            "-2.5e3",
            "true",
            "null",
            "\"\"",
            "\"a\"",
            "\"b\\u0061\"",
            "\" \"",
            "\"\\n\"",
            "\"é\"",
            "NaN",
        ][..],
    )
    .prop_map(str::to_owned);
    let value = scalar.prop_recursive(3, 12, 3, |inner| {
        let key = prop::sample::select(&["model", "Model", "mod\\u0065l", "a", "b", "x", "0"][..]);
        prop_oneof![
            1 => prop::collection::vec(inner.clone(), 0..3)
                .prop_map(|items| format!("[{}]", items.join(","))),
            3 => prop::collection::vec((key, inner), 0..4).prop_map(|members| {
                let members = members.iter().map(|(key, value)| format!("\"{key}\" : {value}"));
                format!("{{{}}}", members.collect::<Vec<_>>().join(", "))
            }),
        ]
    });
    let end = prop::sample::select(&["", "", "", " \n", "}", "{}", ","][..]);
    (value, end, any::<prop::sample::Index>(), 0..8_u8).prop_map(|(value, end, at, cut)| {
        let mut text = value + end;
        if cut == 0 {
            let at = (0..=at.index(text.len() + 1))
                .rev()
                .find(|at| text.is_char_boundary(*at));
            text.truncate(at.unwrap_or_default());
        }
        text
    })
}

fn pieces(Body { bytes: body, .. }: &Body, cuts: &[prop::sample::Index]) -> Vec<Vec<u8>> {
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(body.len() + 1)).collect();
    cuts.extend([0, body.len()]);
    cuts.sort_unstable();
    cuts.windows(2)
        .map(|ends| body[ends[0]..ends[1]].to_vec())
        .collect()
}

fn program(mode: &str) -> Program {
    let config = format!(r#"{{"request": {{"bodyMode": "{mode}", {FIELDS}}}}}"#);
    Program::load(config.as_bytes()).unwrap().program
}

/// How a request ended: the answer, what went wrong, and the headers.
type Ended = (Option<Reply>, Vec<Failure>, Vec<Option<Vec<u8>>>);

fn ended(host: &Host, outcomes: Vec<Outcome>) -> Ended {
    let mut reply = None;
    let mut failures = Vec::new();
    for outcome in outcomes {
        reply = outcome.reply.or(reply);
        failures.extend(outcome.failures);
    }
    let first = |name: &&str| {
        let values = host.header_values(Direction::Request, name);
        values.first().map(|value| value.to_vec())
    };
    (reply, failures, TARGETS.iter().map(first).collect())
}

fn request(body: &Body, chunks: Vec<Vec<u8>>) -> Host {
    let headers = [
        ("x-model", "forged"),
        ("x-tenant", "t1"),
        ("content-type", body.content_type),
        ("content-encoding", body.content_encoding),
    ];
    Host::new(Message::new(&headers, chunks), Message::default())
}

/// Read by the pass at the end.
fn at_once(program: &Program, body: &Body, pieces: &[Vec<u8>]) -> Ended {
    let mut host = request(body, pieces.to_vec());
    let mut exchange = Exchange::begin(program, &mut host);
    let pass = program.pass(Direction::Request).unwrap();
    let outcome = pass.run(&mut host, &mut exchange, Extent::Whole);
    ended(&host, vec![outcome])
}

/// Read piece by piece, held to the end.
fn piecewise(program: &Program, body: &Body, pieces: &[Vec<u8>]) -> Ended {
    let mut host = request(body, pieces.to_vec());
    let mut exchange = Exchange::begin(program, &mut host);
    let pass = program.pass(Direction::Request).unwrap();
    for piece in pieces {
        pass.read(&mut exchange, piece);
    }
    let outcome = pass.run(&mut host, &mut exchange, Extent::Whole);
    ended(&host, vec![outcome])
}

/// Let go when decided, and watched after that. Also whether it was let go.
fn streamed(program: &Program, body: &Body, pieces: &[Vec<u8>]) -> (Ended, bool) {
    let mut host = request(body, Vec::new());
    let pass = program.pass(Direction::Request).unwrap();
    assert!(pass.streams());
    let (outcomes, released) = host.stream(program, pass, pieces);
    (ended(&host, outcomes), released)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn pieces_say_what_the_whole_says(
        body in body(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let pieces = pieces(&body, &cuts);
        let program = program("buffered");
        prop_assert_eq!(piecewise(&program, &body, &pieces), at_once(&program, &body, &pieces));
    }

    /// What goes through streamed has the headers it would have had held whole, or was found broken
    /// in both before it had any.
    #[test]
    fn what_streams_is_routed_as_if_it_were_held(
        body in body(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let pieces = pieces(&body, &cuts);
        let held = at_once(&program("buffered"), &body, &pieces);
        let (streamed, released) = streamed(&program("streamed"), &body, &pieces);
        if !released {
            prop_assert_eq!(&streamed, &held);
        } else if streamed.0.is_none() {
            prop_assert_eq!(&streamed.2, &held.2, "let through with other headers");
        } else {
            prop_assert!(!held.1.is_empty(), "cut off, and nothing is wrong with it");
        }
    }
}

/// With `duplicates: first` a streamed body is read up to the value and not a byte further: what
/// happens to the request must not depend on how much else came with it.
#[test]
fn with_first_no_cut_changes_what_becomes_of_a_broken_rest() {
    let config = br#"{"request": {"bodyMode": "streamed", "extract": [{"from": [{"json": "/model"},
        {"json": "/metadata/model"}, {"form": "model"}, {"multipart": "model"}],
        "header": "x-model", "duplicates": "first", "onInvalid": "reject"}]}}"#;
    let program = Program::load(config).unwrap().program;
    let part = "--XX\r\nContent-Disposition: form-data; name=model\r\n\r\na\r\n--XX";
    let json = br#"{"model":"a","model":"b", broken"#;
    let encoded = [gzip(json), b"more".to_vec()].concat();
    let cut_off = gzip(br#"{"model":"a"}"#);
    let cut_off = &cut_off[..cut_off.len() - 4];
    for (content_type, content_encoding, bytes) in [
        ("application/json", "identity", json.as_slice()),
        (FORM, "identity", b"model=a&model=%zz"),
        (MULTIPART, "identity", format!("{part} \0broken").as_bytes()),
        ("application/json", "gzip", &encoded),
        ("application/json", "gzip", cut_off),
    ] {
        let body = Body {
            content_type,
            content_encoding,
            bytes: bytes.to_vec(),
        };
        for size in 1..=bytes.len() {
            let pieces: Vec<Vec<u8>> = bytes.chunks(size).map(<[u8]>::to_vec).collect();
            let ((reply, failures, headers), _) = streamed(&program, &body, &pieces);
            let what = format!("{content_type}, {content_encoding}, in pieces of {size}");
            assert_eq!((reply, failures), (None, Vec::new()), "{what}");
            assert_eq!(headers[0].as_deref(), Some(&b"a"[..]), "{what}");
        }
    }
}

fn called(content_type: &'static str) -> Body {
    Body {
        content_type,
        content_encoding: "",
        bytes: Vec::new(),
    }
}

/// A part that is no part of what was read, as after a filter that changed the body meanwhile.
#[test]
fn a_body_that_has_changed_is_read_again() {
    let program = program("buffered");
    let pass = program.pass(Direction::Request).unwrap();
    let mut host = request(&called(""), vec![br#"{"model":"new one"}"#.to_vec()]);
    let mut exchange = Exchange::begin(&program, &mut host);
    pass.read(&mut exchange, br#"{"model":"old"#);
    let outcome = pass.run(&mut host, &mut exchange, Extent::Whole);
    assert_eq!(outcome.failures, []);
    assert_eq!(
        host.header_values(Direction::Request, "x-model"),
        [b"new one"]
    );
}

/// A file may stand before the part, however long: it is not held, and the request waits for no more
/// than the part's end.
#[test]
fn an_upload_goes_on_when_its_model_is_known() {
    let config = br#"{"request": {"bodyMode": "streamed", "extract": [{"from": [{"multipart": "model"}], "header": "x-model"}]}}"#;
    let program = Program::load(config).unwrap().program;
    let pass = program.pass(Direction::Request).unwrap();
    let mut host = request(&called(MULTIPART), Vec::new());
    let mut exchange = Exchange::begin(&program, &mut host);
    let part = |header: &str| format!("--XX\r\nContent-Disposition: form-data; {header}\r\n\r\n");
    pass.read(&mut exchange, part("name=file; filename=a").as_bytes());
    let piece = [b"\r\n--X".as_slice(), &[0; 65_531]].concat();
    for _ in 0..320 {
        pass.read(&mut exchange, &piece);
        assert!(!pass.is_decided(&host, &exchange));
    }
    pass.read(&mut exchange, b"\r\n");
    pass.read(&mut exchange, part("name=model").as_bytes());
    pass.read(&mut exchange, b"whisper-1\r\n--X");
    assert!(!pass.is_decided(&host, &exchange));
    pass.read(&mut exchange, b"X");
    assert!(pass.is_decided(&host, &exchange));
    let outcome = pass.run(&mut host, &mut exchange, Extent::Begun);
    assert_eq!((outcome.reply, outcome.failures), (None, Vec::new()));
    assert_eq!(
        host.header_values(Direction::Request, "x-model"),
        [b"whisper-1"]
    );
    let second = format!("\r\n{}other\r\n--XX--", part("name=model"));
    pass.read(&mut exchange, second.as_bytes());
    assert!(pass.check(&mut exchange, false).reply.is_some());
}
