//! A body that is read as it arrives says what it says when it is read whole, however it is cut.

#![forbid(unsafe_code)]
// A test that finds nothing where something must be fails, as it should.
#![allow(clippy::indexing_slicing, clippy::unwrap_used)]

use std::sync::Arc;

use compression_codecs::core::Level;
use compression_codecs::core::util::{PartialBuffer, WriteBuffer};
use compression_codecs::{EncodeV2, GzipEncoder};
use proptest::prelude::*;
use transformations::testing::{Host, Message, Neighbour};
use transformations::{Failure, Program, Reply, Session};

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

fn program(mode: &str) -> Arc<Program> {
    loaded(&format!(
        r#"{{"request": {{"bodyMode": "{mode}", {FIELDS}}}}}"#
    ))
}

fn loaded(config: &str) -> Arc<Program> {
    Arc::new(Program::load(config.as_bytes()).unwrap().program)
}

/// How a request ended: the answer, what went wrong, and the headers.
type Ended = (Option<Reply>, Vec<Failure>, Vec<Vec<String>>);

/// Has a request arrive in these pieces. Also whether it went on before its end.
fn played(program: &Arc<Program>, body: &Body, pieces: &[Vec<u8>]) -> (Ended, bool) {
    let headers = [
        ("x-model", "forged"),
        ("x-tenant", "t1"),
        ("content-type", body.content_type),
        ("content-encoding", body.content_encoding),
    ];
    let mut host = Host::new(Message::new(&headers, pieces), Message::default());
    host.play(
        &mut Session::new(Arc::clone(program)),
        Neighbour::KeepsBehind,
    );
    assert_eq!(host.violations, [""; 0]);
    let headers = TARGETS.iter().map(|name| host.request.values(name));
    let headers = headers.collect();
    let released = host.released[0].is_some();
    let reply = host.reply.map(|(_, reply)| reply);
    ((reply, host.failures, headers), released)
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
        let whole = [body.bytes.clone()];
        prop_assert_eq!(played(&program, &body, &pieces), played(&program, &body, &whole));
    }

    /// What goes through streamed has the headers it would have had held whole, or was found broken
    /// in both before it had any.
    #[test]
    fn what_streams_is_routed_as_if_it_were_held(
        body in body(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let pieces = pieces(&body, &cuts);
        let (held, _) = played(&program("buffered"), &body, &pieces);
        let (streamed, released) = played(&program("streamed"), &body, &pieces);
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
    let program = loaded(
        r#"{"request": {"bodyMode": "streamed", "extract": [{"from": [{"json": "/model"},
        {"json": "/metadata/model"}, {"form": "model"}, {"multipart": "model"}],
        "header": "x-model", "duplicates": "first", "onInvalid": "reject"}]}}"#,
    );
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
            let ((reply, failures, headers), _) = played(&program, &body, &pieces);
            let what = format!("{content_type}, {content_encoding}, in pieces of {size}");
            assert_eq!((reply, failures), (None, Vec::new()), "{what}");
            assert_eq!(headers[0], ["a"], "{what}");
        }
    }
}

/// A file may stand before the part, however long: it is not held, and the request waits for no more
/// than the part's end.
#[test]
fn an_upload_goes_on_when_its_model_is_known() {
    let program = loaded(
        r#"{"limits": {"maxHeldBytes": 33554432}, "request": {"bodyMode": "streamed",
        "extract": [{"from": [{"multipart": "model"}], "header": "x-model"}]}}"#,
    );
    let part = |header: &str| {
        let part = format!("--XX\r\nContent-Disposition: form-data; {header}\r\n\r\n");
        part.into_bytes()
    };
    let file = [b"\r\n--X".as_slice(), &[0; 65_531]].concat();
    let mut pieces = vec![part("name=file; filename=a")];
    pieces.extend(std::iter::repeat_n(file, 320));
    pieces.extend([
        b"\r\n".to_vec(),
        part("name=model"),
        b"whisper-1\r\n--X".to_vec(),
        b"X".to_vec(),
    ]);
    let decided = pieces.len();
    pieces.push(
        [
            b"\r\n".to_vec(),
            part("name=model"),
            b"other\r\n--XX--".to_vec(),
        ]
        .concat(),
    );
    let headers = [("content-type", MULTIPART)];
    let mut host = Host::new(Message::new(&headers, pieces), Message::default());
    host.play(&mut Session::new(program), Neighbour::None);
    assert_eq!(host.released[0], Some(decided));
    assert_eq!(host.request.values("x-model"), ["whisper-1"]);
    assert!(host.reply.is_some(), "a second value was let through");
}
