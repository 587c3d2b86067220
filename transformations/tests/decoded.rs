//! What a rule sees of a body does not depend on how it is encoded, or in which pieces it arrives.

#![forbid(unsafe_code)]
// A test that finds nothing where something must be fails, as it should.
#![allow(clippy::indexing_slicing, clippy::unwrap_used)]

use std::sync::Arc;

use compression_codecs::brotli::params::EncoderParams;
use compression_codecs::core::Level;
use compression_codecs::core::util::{PartialBuffer, WriteBuffer};
use compression_codecs::{BrotliEncoder, EncodeV2, GzipEncoder, ZlibEncoder};
use proptest::prelude::*;
use serde_json::{Value, json};
use transformations::testing::{Host, Message, Neighbour};
use transformations::{Direction, Program, Reason, Session};

type Encode = fn(&[u8]) -> Vec<u8>;

const CODINGS: [(&str, Encode); 4] = [
    ("gzip", |body| {
        encode(GzipEncoder::new(Level::Default.into()), body)
    }),
    ("deflate", |body| {
        encode(ZlibEncoder::new(Level::Default.into()), body)
    }),
    ("br", |body| {
        let params = EncoderParams::default().quality(Level::Precise(4));
        encode(BrotliEncoder::new(params), body)
    }),
    ("zstd", zstd),
];

fn encode(mut encoder: impl EncodeV2, body: &[u8]) -> Vec<u8> {
    let mut room = vec![0; body.len() + 4096];
    let mut output = WriteBuffer::new_initialized(&mut room);
    let mut input = PartialBuffer::new(body);
    while !input.unwritten().is_empty() {
        encoder.encode(&mut input, &mut output).unwrap();
    }
    assert!(encoder.finish(&mut output).unwrap());
    output.written().to_vec()
}

/// A frame of one block that is not compressed (RFC 8878 section 3.1.1).
fn zstd(body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap();
    let [a, b, c, _] = (length << 3 | 1).to_le_bytes();
    [&[0x28, 0xb5, 0x2f, 0xfd, 0, 7 << 3, a, b, c], body].concat()
}

/// A configuration for each way to read or to edit a body.
fn configs() -> Vec<Value> {
    vec![
        json!({"when": "size(request.body) % 2 == 0", "set": [
            {"name": "x-a", "cel": "json(request.body).model"},
            {"name": "x-b", "cel": "coalesce(json(request.body).n, 0) > 10"},
        ]}),
        json!({"body": {"parseAs": "AsJson", "value": "{{ model }}{{ context() }}"},
            "set": [{"name": "x-a", "value": "{{ n }}"}]}),
        json!({"body": {"parseAs": "AsJson"}, "set": [{"name": "x-a", "value": "{{ model }}"}]}),
        json!({"body": {"value": "<{{ body() }}>{{ cel('request.body') }}"},
            "set": [{"name": "x-a", "value": "{{ body() | length }}"}]}),
        json!({"body": {"value": "{{ body() }}"}}),
        json!({"body": {"value": "{% if 'model' in body() %}{{ body() }}{% else %}none{% endif %}"}}),
        json!({"body": {"cel": "size(request.body) % 2 == 0 ? request.body : request.body + b'!'"}}),
        json!({"patch": [{"set": "/n", "cel": "document.n + 1"}, {"remove": "/model"}]}),
        json!({"patch": [{"set": "/m", "value": "{{ cel('json(request.body).model') }}"}]}),
        json!({"extract": [{"name": "model", "from": [{"cel": "json(request.body).model"}],
            "header": "x-a", "onInvalid": "reject"}]}),
    ]
}

fn body() -> impl Strategy<Value = Vec<u8>> {
    let object = ("[a-z\u{e9}]{0,4}", any::<i16>(), "[ -~]{0,40}");
    prop_oneof![
        3 => object.prop_map(|(model, n, text)| {
            json!({"model": model, "n": n, "text": text}).to_string().into_bytes()
        }),
        1 => prop::collection::vec(any::<u8>(), 1..60),
    ]
}

fn cut(body: &[u8], cuts: &[prop::sample::Index]) -> Vec<Vec<u8>> {
    let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(body.len() + 1)).collect();
    places.extend([0, body.len()]);
    places.sort_unstable();
    let pieces = places
        .windows(2)
        .filter_map(|ends| body.get(*ends.first()?..*ends.get(1)?));
    pieces.map(<[u8]>::to_vec).collect()
}

fn played(program: &Arc<Program>, names: &str, chunks: Vec<Vec<u8>>) -> Host {
    let headers = [("content-encoding", names)];
    let headers = if names.is_empty() { &[][..] } else { &headers };
    let mut host = Host::new(Message::new(headers, chunks), Message::default());
    let mut session = Session::new(Arc::clone(program));
    host.play_one(&mut session, Direction::Request, Neighbour::None);
    host
}

fn reasons(host: &Host) -> Vec<(Reason, &str)> {
    let failures = host.failures.iter();
    failures
        .map(|failure| (failure.reason, failure.path.as_str()))
        .collect()
}

/// The headers, but for those that say how long the body is and how it is encoded.
fn others(host: &Host) -> Vec<&(String, Vec<u8>)> {
    let framing = ["content-encoding", "content-length"];
    let headers = host.request.headers.iter();
    headers
        .filter(|(name, _)| !framing.contains(&name.as_str()))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_rule_sees_the_same_of_a_body_however_it_is_encoded_and_cut(
        body in body(),
        codings in prop::collection::vec(prop::sample::select(&CODINGS[..]), 1..4),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let encoded = codings.iter().fold(body.clone(), |body, (_, encode)| encode(&body));
        let names: Vec<&str> = codings.iter().map(|(name, _)| *name).collect();
        let names = names.join(", ");
        for config in configs() {
            let config = json!({"request": config}).to_string();
            let program = Arc::new(Program::load(config.as_bytes()).unwrap().program);
            let plain = played(&program, "", vec![body.clone()]);
            let other = played(&program, &names, cut(&encoded, &cuts));
            prop_assert_eq!(reasons(&other), reasons(&plain), "{}", config);
            prop_assert_eq!(&other.reply, &plain.reply, "{}", config);
            prop_assert_eq!(&other.violations, &[""; 0]);
            if other.reply.is_some() {
                continue;
            }
            prop_assert_eq!(others(&other), others(&plain), "{}", config);
            let headers = other.request.by_name();
            if headers.contains_key("content-encoding") {
                prop_assert_eq!(plain.request.body(), body.as_slice(), "{}", config);
                prop_assert_eq!(other.request.body(), encoded.as_slice(), "{}", config);
            } else {
                prop_assert_eq!(other.request.body(), plain.request.body(), "{}", config);
            }
            if let Some(length) = headers.get("content-length") {
                let expected = other.request.body().len().to_string();
                prop_assert_eq!(length, &[expected.into_bytes()]);
            }
        }
    }

    /// Whatever becomes of it, a body that cannot be decoded is a failure of each rule that reads it.
    #[test]
    fn no_rule_passes_over_a_body_that_cannot_be_decoded(
        body in body(),
        (name, encode) in prop::sample::select(&CODINGS[..]),
        broken in 0..3_usize,
    ) {
        let encoded = encode(&body);
        let (name, bytes) = match broken {
            0 => ("compress", body),
            1 => (name, [&encoded[..], b"more"].concat()),
            _ => (name, encoded[..encoded.len() - 1].to_vec()),
        };
        for config in configs() {
            let config = json!({"request": config}).to_string();
            let program = Arc::new(Program::load(config.as_bytes()).unwrap().program);
            let host = played(&program, name, vec![bytes.clone()]);
            let reasons = reasons(&host);
            let counted = reasons.iter().any(|(reason, _)| *reason == Reason::ContentEncoding);
            prop_assert!(counted, "{reasons:?} of {config}");
        }
    }
}

/// What is not edited must not reach a model as if it were, whatever `onFailure` is.
#[test]
fn an_encoded_request_that_is_too_long_to_edit_is_answered_413() {
    let config = json!({"limits": {"decodedBytes": 100}, "request": {
        "onFailure": "continue", "patch": [{"set": "/model", "value": "b"}]}});
    let program = Program::load(config.to_string().as_bytes())
        .unwrap()
        .program;
    let program = Arc::new(program);
    for (length, edited) in [(50, true), (500, false)] {
        let body = json!({"model": "a", "text": "y".repeat(length)}).to_string();
        for (coding, encode) in CODINGS {
            let headers = [
                ("content-type", "application/json"),
                ("content-encoding", coding),
            ];
            let request = Message::new(&headers, [encode(body.as_bytes())]);
            let mut host = Host::new(request, Message::default());
            host.play(&mut Session::new(Arc::clone(&program)), Neighbour::None);
            let status = host.reply.map(|(_, reply)| reply.status);
            let expected = if edited { None } else { Some(413) };
            assert_eq!(status, expected, "{coding} {length}");
        }
    }
}
