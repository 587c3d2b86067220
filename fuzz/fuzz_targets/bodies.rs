//! Bodies of every format and coding: whatever the bytes and wherever they are cut, what is found in them, the
//! verdict and the edited body are the same, and a streamed request has the headers of a held one.
//!
//! The first byte of an input says what the rest is called, the next two where it is cut.

#![no_main]

use std::sync::{Arc, LazyLock};

use fuzz::pieces::cut;
use fuzz::program::program;
use libfuzzer_sys::fuzz_target;
use transformations::testing::{Host, Message, Neighbour};
use transformations::{Failure, Program, Reason, Reply, Session};

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

static HELD: LazyLock<Arc<Program>> =
    LazyLock::new(|| program(&format!(r#"{{"request": {{{EXTRACT}}}}}"#)));

static STREAMED: LazyLock<Arc<Program>> = LazyLock::new(|| {
    program(&format!(
        r#"{{"request": {{"bodyMode": "streamed", {EXTRACT}}}}}"#
    ))
});

const PATCH: &str = r#"[{"set": "/model", "value": "new"}, {"remove": "/a"}, {"default": "/b/c", "json": "[1]"},
    {"remove": "$..x"}, {"insert": "/l/0", "cel": "value"}, {"replace": "$.t[*].m", "cel": "[value, document.b]"},
    {"set": "$.l[-1].z", "json": 1, "when": "has(document.model)"}]"#;

static PATCHED: LazyLock<Arc<Program>> = LazyLock::new(|| {
    program(&format!(
        r#"{{"request": {{"patch": {PATCH}}}, "response": {{"patch": {PATCH}}}}}"#
    ))
});

fuzz_target!(|input: &[u8]| {
    let [called, first, second, body @ ..] = input else {
        return;
    };
    let called = usize::from(*called);
    let coding = CODINGS[called / TYPES.len() % CODINGS.len()];
    let headers = [
        ("x-model", "forged"),
        ("content-type", TYPES[called % TYPES.len()]),
        ("content-encoding", coding),
    ];
    let cuts = [*first, *second];
    let pieces = cut(body, &cuts);

    let (whole, _) = ended(&HELD, &headers, &[body], Neighbour::None);
    let (ended, released) = {
        for neighbour in Neighbour::ALL {
            let (cut, _) = ended(&HELD, &headers, &pieces, neighbour);
            assert_eq!(cut, whole, "cut at {cuts:?}, {neighbour:?}");
        }
        ended(&STREAMED, &headers, &pieces, Neighbour::KeepsBehind)
    };
    if !released {
        match (&ended.reply, &whole.reply) {
            // Of two faults, a streamed request is refused for the one that is met first.
            (Some(early), Some(late)) => assert_eq!(
                (early.status, early.details),
                (late.status, late.details),
                "refused in another way"
            ),
            _ => assert_eq!(ended, whole, "streamed to its end"),
        }
    } else if ended.reply.is_none() {
        assert_eq!(
            ended.headers, whole.headers,
            "let through with other headers"
        );
    }

    let (left, right) = (patched(&headers, &pieces), patched(&headers, &[body]));
    // What an encoded body stands for is compared with what has arrived: see `limits.decodedRatio`.
    if coding == "identity" || (left.is_some() && right.is_some()) {
        assert_eq!(left, right, "patched");
    }
    assert_eq!(events(&pieces), events(&[body]), "events");
    assert_eq!(lines(&pieces), lines(&[body]), "lines");
});

/// What became of a request.
#[derive(Debug, PartialEq)]
struct Ended {
    reply: Option<Reply>,
    failures: Vec<Failure>,
    headers: Vec<(String, Vec<u8>)>,
}

impl Ended {
    fn new(host: Host) -> Self {
        let encoded = host.request.values("content-encoding") != ["identity"];
        let mut ended = Self {
            reply: host.reply.map(|(_, reply)| reply),
            failures: host.failures,
            headers: host.request.headers,
        };
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

fn played(program: &Arc<Program>, mut host: Host, neighbour: Neighbour) -> Host {
    host.play(&mut Session::new(Arc::clone(program)), neighbour);
    assert_eq!(host.violations, [""; 0]);
    host
}

/// What became of a request, and whether it went on before its end.
fn ended(
    program: &Arc<Program>,
    headers: &[(&str, &str)],
    pieces: &[&[u8]],
    neighbour: Neighbour,
) -> (Ended, bool) {
    let host = Host::new(Message::new(headers, pieces), Message::default());
    let host = played(program, host, neighbour);
    let released = host.released[0].is_some();
    (Ended::new(host), released)
}

/// The request after the edits, and how often one failed. `None`: it is over a limit.
fn patched(headers: &[(&str, &str)], pieces: &[&[u8]]) -> Option<(Message, usize)> {
    let host = Host::new(Message::new(headers, pieces), Message::default());
    let mut host = played(&PATCHED, host, Neighbour::None);
    if host
        .failures
        .iter()
        .any(|failure| failure.reason == Reason::Limit)
    {
        return None;
    }
    let body = host.request.body();
    if let [length] = host.request.values("content-length").as_slice() {
        assert_eq!(*length, body.len().to_string());
    }
    host.request.chunks = vec![body];
    Some((host.request, host.failures.len()))
}

/// What is left of a stream of events.
fn events(pieces: &[&[u8]]) -> Vec<u8> {
    let answer = [(":status", "200"), ("content-type", "text/event-stream")];
    let host = Host::new(Message::default(), Message::new(&answer, pieces));
    played(&PATCHED, host, Neighbour::KeepsBehind)
        .response
        .body()
}

/// What is left of a request that is called JSON Lines, and what failed. Of one that is cut off, how
/// much had gone on depends on how it arrives.
fn lines(pieces: &[&[u8]]) -> (Result<Vec<u8>, Reply>, Vec<Failure>) {
    let request = [
        (":method", "POST"),
        ("content-type", "application/x-ndjson"),
    ];
    let host = Host::new(Message::new(&request, pieces), Message::default());
    let host = played(&PATCHED, host, Neighbour::None);
    let left = match host.reply {
        Some((_, reply)) => Err(reply),
        None => Ok(host.request.body()),
    };
    (left, host.failures)
}
