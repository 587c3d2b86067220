//! Bodies of every format and coding: whatever the bytes and wherever they are cut, what is found in them, the
//! verdict and the edited body are the same, and a streamed request has the headers of a held one.
//!
//! The first byte of an input says what the rest is called, the next two where it is cut.

#![no_main]

#[path = "../../transformations/tests/host/mod.rs"]
mod host;

use std::sync::LazyLock;

use host::{Host, Message};
use libfuzzer_sys::fuzz_target;
use transformations::{
    Direction, Exchange, Extent, Failure, Outcome, Pass, Program, Reason, Reply, TransformationOps,
};

const TYPES: [&str; 3] = [
    "application/json",
    "multipart/form-data; boundary=XX",
    "application/x-www-form-urlencoded",
];
const CODINGS: [&str; 5] = ["identity", "gzip", "deflate", "br", "zstd"];

const EXTRACT: &str = r#""extract": [
    {"from": [{"json": "/model"}, {"form": "model"}, {"multipart": "model"}], "header": "x-model", "onInvalid": "reject"},
    {"name": "first", "from": [{"json": "/a/0"}, {"form": "a"}, {"multipart": "a"}], "header": "x-first", "duplicates": "first"}
]"#;

static HELD: LazyLock<Program> =
    LazyLock::new(|| program(&format!(r#"{{"request": {{{EXTRACT}}}}}"#)));

static STREAMED: LazyLock<Program> = LazyLock::new(|| {
    program(&format!(
        r#"{{"request": {{"bodyMode": "streamed", {EXTRACT}}}}}"#
    ))
});

const PATCH: &str =
    r#"[{"set": "/model", "value": "new"}, {"remove": "/a"}, {"default": "/b/c", "json": "[1]"}]"#;

static PATCHED: LazyLock<Program> = LazyLock::new(|| {
    program(&format!(
        r#"{{"request": {{"patch": {PATCH}}}, "response": {{"patch": {PATCH}}}}}"#
    ))
});

fn program(config: &str) -> Program {
    Program::load(config.as_bytes())
        .expect("the configuration is right")
        .program
}

fuzz_target!(|input: &[u8]| {
    let [called, first, second, body @ ..] = input else {
        return;
    };
    let called = usize::from(*called);
    let headers = [
        ("x-model", "forged"),
        ("content-type", TYPES[called % TYPES.len()]),
        (
            "content-encoding",
            CODINGS[called / TYPES.len() % CODINGS.len()],
        ),
    ];
    let mut cuts = [first, second].map(|cut| usize::from(*cut) * body.len() / 255);
    cuts.sort_unstable();
    let pieces = [&body[..cuts[0]], &body[cuts[0]..cuts[1]], &body[cuts[1]..]];

    let whole = held(&headers, &[body], false);
    assert_eq!(held(&headers, &pieces, false), whole, "cut at {cuts:?}");
    assert_eq!(
        held(&headers, &pieces, true),
        whole,
        "read when cut at {cuts:?}"
    );
    let (ended, released) = streamed(&headers, &pieces);
    if !released {
        assert_eq!(ended, whole, "streamed to its end");
    } else if ended.reply.is_none() {
        assert_eq!(
            ended.headers, whole.headers,
            "let through with other headers"
        );
    }

    assert_eq!(
        patched(&headers, &pieces),
        patched(&headers, &[body]),
        "patched"
    );
    assert_eq!(events(&pieces), events(&[body]), "events");
});

/// What became of a request.
#[derive(Debug, PartialEq)]
struct Ended {
    reply: Option<Reply>,
    failures: Vec<Failure>,
    headers: Vec<(String, Vec<u8>)>,
}

impl Ended {
    fn new(host: Host, outcomes: Vec<Outcome>) -> Self {
        let encoded = host.header_values(Direction::Request, "content-encoding") != [b"identity"];
        let mut ended = Self {
            reply: None,
            failures: Vec::new(),
            headers: host.request.headers,
        };
        for outcome in outcomes {
            ended.reply = outcome.reply.or(ended.reply);
            ended.failures.extend(outcome.failures);
        }
        // Of two faults, in the coding and in what is encoded, the one that is met first is told.
        if encoded {
            ended.failures.truncate(usize::from(ended.reply.is_none()));
            if let Some(reply) = &mut ended.reply {
                reply.body.clear();
            }
            for failure in &mut ended.failures {
                failure.reason = Reason::ContentEncoding;
                failure.detail.clear();
            }
        }
        ended
    }
}

fn request(headers: &[(&str, &str)], pieces: &[&[u8]]) -> Host {
    let pieces = pieces.iter().map(|piece| piece.to_vec()).collect();
    Host::new(Message::new(headers, pieces), Message::default())
}

fn pass(program: &Program, direction: Direction) -> &Pass {
    program.pass(direction).expect("the program has this pass")
}

/// Held to its end; `read`: and read as it arrived.
fn held(headers: &[(&str, &str)], pieces: &[&[u8]], read: bool) -> Ended {
    let mut host = request(headers, pieces);
    let mut exchange = Exchange::begin(&HELD, &mut host);
    let pass = pass(&HELD, Direction::Request);
    if read {
        pieces
            .iter()
            .for_each(|piece| pass.read(&mut exchange, piece));
    }
    let outcome = pass.run(&mut host, &mut exchange, Extent::Whole);
    Ended::new(host, vec![outcome])
}

/// Let go when decided, and watched after that; also whether it was let go.
fn streamed(headers: &[(&str, &str)], pieces: &[&[u8]]) -> (Ended, bool) {
    let mut host = request(headers, &[]);
    let pass = pass(&STREAMED, Direction::Request);
    let (outcomes, released) = host.stream(&STREAMED, pass, pieces);
    (Ended::new(host, outcomes), released)
}

/// The request after the edits, and how often one failed.
fn patched(headers: &[(&str, &str)], pieces: &[&[u8]]) -> (Message, usize) {
    let mut host = request(headers, pieces);
    let mut exchange = Exchange::begin(&PATCHED, &mut host);
    let outcome = pass(&PATCHED, Direction::Request).run(&mut host, &mut exchange, Extent::Whole);
    let body = host.request.body();
    let length = host.header_values(Direction::Request, "content-length");
    if let [length] = length[..] {
        assert_eq!(length, body.len().to_string().as_bytes());
    }
    host.request.chunks = vec![body];
    (host.request, outcome.failures.len())
}

/// What is left of a stream of events.
fn events(pieces: &[&[u8]]) -> Vec<u8> {
    let answer = [(":status", "200"), ("content-type", "text/event-stream")];
    let mut host = Host::new(Message::default(), Message::new(&answer, Vec::new()));
    let mut exchange = Exchange::begin(&PATCHED, &mut host);
    let pass = pass(&PATCHED, Direction::Response);
    let extent = pass.extent(&host);
    assert_eq!(extent, Extent::Events);
    pass.run(&mut host, &mut exchange, extent);
    let mut out = Vec::new();
    for (number, piece) in (1..).zip(pieces) {
        let edited = pass.edit_events(&mut exchange, &[piece], number == pieces.len());
        out.extend(edited.map_or_else(|| piece.to_vec(), |(bytes, _)| bytes));
    }
    out
}
