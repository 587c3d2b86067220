//! Whole exchanges with small configurations: whatever the pieces, trailers, neighbours, routes and limits, and
//! wherever they break off. What leaves is what leaves when everything arrives in one piece.

#![no_main]

use std::sync::Arc;

use arbitrary::{Arbitrary, Result, Unstructured};
use fuzz::blocks::{self, OWN};
use fuzz::pieces::cut;
use fuzz::text::words;
use fuzz::tree::Tree;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use transformations::testing::{Host, Message, Neighbour, Route};
use transformations::{Chain, Direction, Failure, Program, Reason, Session};

/// What a client sends in a header that is not its own. Nothing else has it.
const FORGED: &str = "forged-by-the-client";

#[derive(Debug)]
struct Input {
    config: Value,
    /// The configuration of a route that `x-model: x` leads to, and of one that the forged header does.
    routed: Option<Value>,
    request: Arriving,
    response: Arriving,
    neighbour: Neighbour,
    upstream: bool,
    joins_lines: bool,
    loses_replaced: bool,
    limit: Option<u64>,
    max_held: Option<u64>,
}

#[derive(Debug)]
struct Arriving {
    content_type: &'static str,
    body: Vec<u8>,
    cuts: Vec<u8>,
    trailers: bool,
    broken_off: bool,
    has_length: bool,
}

const TYPES: [&str; 7] = [
    "application/json",
    "application/json",
    "text/event-stream",
    "application/x-ndjson",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=XX",
    "text/plain",
];

impl<'i> Arbitrary<'i> for Input {
    fn arbitrary(input: &mut Unstructured<'i>) -> Result<Self> {
        let routed = input.ratio(1, 3)?;
        let limited = input.ratio(1, 4)?;
        Ok(Self {
            config: blocks::config(input)?,
            routed: routed.then(|| blocks::config(input)).transpose()?,
            request: Arriving::of(input)?,
            response: Arriving::of(input)?,
            neighbour: *input.choose(&Neighbour::ALL)?,
            upstream: input.ratio(1, 3)?,
            joins_lines: input.ratio(1, 4)?,
            loses_replaced: input.ratio(1, 4)?,
            limit: match limited {
                true => *input.choose(&[None, Some(1), Some(16), Some(64)])?,
                false => Some(0),
            },
            max_held: match limited {
                true => *input.choose(&[None, Some(1), Some(20)])?,
                false => None,
            },
        })
    }
}

impl Arriving {
    fn of(input: &mut Unstructured<'_>) -> Result<Self> {
        let content_type = *input.choose(&TYPES)?;
        let body = match content_type {
            _ if input.ratio(1, 12)? => input.arbitrary::<Vec<u8>>()?,
            "application/x-www-form-urlencoded" => {
                words(input, &["model", "=", "x", "&", "a", "%61", "%"], 8)?.into()
            }
            "multipart/form-data; boundary=XX" => words(
                input,
                &[
                    "--XX\r\nContent-Disposition: form-data; name=model\r\n\r\n",
                    "x",
                    "\r\n",
                    "--XX--",
                    "--XX\r\nContent-Disposition: form-data; name=f; filename=a.jsonl\r\n\r\n",
                    "{\"model\":1}\n",
                ],
                8,
            )?
            .into(),
            _ => {
                let mut body = String::new();
                for _ in 0..input.int_in_range(0..=3)? {
                    let tree = Tree::of(input, 3, true)?;
                    let text = if input.arbitrary()? {
                        tree.text()
                    } else {
                        tree.spelled(input)
                    };
                    match content_type {
                        "text/event-stream" => {
                            let end = *input.choose(&["\n\n", "\r\n\r\n", "\r\r", "\n"])?;
                            body.push_str("data: ");
                            body.push_str(&text.replace(['\n', '\r'], " "));
                            body.push_str(end);
                        }
                        "application/x-ndjson" => {
                            body.push_str(&text.replace(['\n', '\r'], " "));
                            body.push('\n');
                        }
                        _ => {
                            body.push_str(&text);
                            break;
                        }
                    }
                }
                body.into()
            }
        };
        let cuts = (0..input.int_in_range(0..=5)?).map(|_| input.arbitrary());
        Ok(Self {
            content_type,
            body,
            cuts: cuts.collect::<Result<_>>()?,
            trailers: input.ratio(1, 4)?,
            broken_off: input.ratio(1, 8)?,
            has_length: input.arbitrary()?,
        })
    }

    fn message(&self, headers: &[(&str, &str)], how: How) -> Message {
        let length = self.body.len().to_string();
        let mut headers = headers.to_vec();
        headers.push(("content-type", self.content_type));
        if self.has_length {
            headers.push(("content-length", &length));
        }
        let pieces = match how {
            How::Whole if self.body.is_empty() && self.cuts.is_empty() => Vec::new(),
            How::Whole => vec![self.body.as_slice()],
            How::AsItComes if self.cuts.is_empty() && self.body.is_empty() => Vec::new(),
            How::AsItComes => cut(&self.body, &self.cuts),
        };
        let mut message = Message::new(&headers, pieces);
        message.trailers = self.trailers;
        message.broken_off = self.broken_off && how == How::AsItComes;
        message
    }
}

/// How an exchange is played.
#[derive(Clone, Copy, Debug, PartialEq)]
enum How {
    /// As the input has it.
    AsItComes,
    /// Every body in one piece, beside no neighbour.
    Whole,
}

fuzz_target!(|input: Input| {
    let mut config = input.config.clone();
    if let Some(most) = input.max_held {
        config["limits"]["maxHeldBytes"] = most.into();
    }
    let load = |config: &Value| {
        Program::load(config.to_string().as_bytes())
            .ok()
            .map(|loaded| Arc::new(loaded.program))
    };
    let Some(program) = load(&config) else {
        return;
    };
    let routed = input.routed.as_ref().and_then(load);
    let owns = owns(&config);

    let came = played(&input, &program, routed.as_ref(), How::AsItComes);
    if owns {
        let left = format!(
            "{:?}{:?}{:?}{:?}",
            came.request.headers, came.metadata, came.reply, came.response.headers
        );
        assert!(
            !left.contains(FORGED),
            "a client's value is left: {left}\n{config}"
        );
    }
    lengths(&came, &config);
    let limited = input.max_held.is_some() || input.limit != Some(0);
    if limited {
        return;
    }
    let whole = played(&input, &program, routed.as_ref(), How::Whole);
    compare(&input, &came, &whole);
    attempts(&input, &program, &whole);
});

/// Whether a configuration sets the header from a field.
fn owns(config: &Value) -> bool {
    let fields = config["request"]["extract"].as_array();
    fields.is_some_and(|fields| fields.iter().any(|field| field["header"] == OWN))
}

fn host(input: &Input, routed: Option<&Arc<Program>>, how: How) -> Host {
    let request = [
        (":method", "POST"),
        (":path", "/p?q=1"),
        ("x-a", "A"),
        ("x-b", "B"),
        ("x-one-r", "R"),
        (OWN, FORGED),
        ("cookie", "a=1"),
    ];
    let request = input.request.message(&request, how);
    let response = input
        .response
        .message(&[(":status", "200"), ("x-a", "r")], how);
    let mut host = Host::new(request, response);
    host.joins_lines = input.joins_lines;
    host.loses_replaced = input.loses_replaced;
    host.limit = input.limit;
    if input.upstream {
        host.chain = Chain::Upstream;
    } else if let Some(routed) = routed {
        host.routes = vec![
            Route::new(&[(OWN, "x")], Some(Arc::clone(routed))),
            Route::new(&[], None),
        ];
    }
    host
}

fn played(input: &Input, program: &Arc<Program>, routed: Option<&Arc<Program>>, how: How) -> Host {
    let mut host = host(input, routed, how);
    let neighbour = if how == How::Whole {
        Neighbour::None
    } else {
        input.neighbour
    };
    host.play(&mut Session::new(Arc::clone(program)), neighbour);
    assert_eq!(host.violations, [""; 0], "{}", input.config);
    host
}

/// A message that went on has the length that it says, but for one that is broken off or edited as it passes.
fn lengths(host: &Host, config: &Value) {
    if host.reply.is_some() || host.reset.is_some() {
        return;
    }
    for message in [&host.request, &host.response] {
        if message.broken_off {
            return;
        }
        if let [length] = message.values("content-length").as_slice() {
            assert_eq!(*length, message.body().len().to_string(), "{config}");
        }
    }
}

fn failures(failures: &[Failure]) -> Vec<(Reason, &str)> {
    let failures = failures.iter();
    failures
        .map(|failure| (failure.reason, failure.path.as_str()))
        .collect()
}

fn compare(input: &Input, came: &Host, whole: &Host) {
    let config = &input.config;
    let broken = [input.request.broken_off, input.response.broken_off];
    // What is decided before the end of a body waits for it where the trailers are there already.
    let waited = input.neighbour == Neighbour::PassesOn
        && input.request.trailers
        && config["request"]["bodyMode"] == "streamed";
    let early = came.released[0].is_some() || waited;
    for (direction, broken, early) in [
        (Direction::Request, broken[0], early),
        (Direction::Response, broken[1], came.released[1].is_some()),
    ] {
        let answered = |host: &Host| {
            let reply = host.reply.as_ref().filter(|(at, _)| *at == direction);
            reply.map(|(_, reply)| reply.clone())
        };
        let (left, right) = (came.message(direction), whole.message(direction));
        if broken {
            // What had gone on is the beginning of what goes on.
            if answered(whole).is_none() && whole.reset.is_none() {
                assert!(
                    right.body().starts_with(&left.body()),
                    "{direction:?} broken off, {config}"
                );
            }
            return;
        }
        match (answered(came), answered(whole)) {
            (None, None) => {}
            // What is found after a message has gone on cuts it off.
            (left, Some(right)) if early => {
                if let Some(left) = left {
                    assert_eq!(left.status, right.status, "{config}");
                    // A body that is broken behind a value it was routed on: held, it has no value at all.
                    let details = [right.details, "rustformations_field_invalid"];
                    assert!(details.contains(&left.details), "{left:?}, {right:?}, {config}");
                }
                return;
            }
            // One whose field is found twice goes on without it where that is known before.
            (Some(left), None) if early && !whole.failures.is_empty() => {
                assert_eq!(left.details, "rustformations_field_invalid", "{config}");
                return;
            }
            (left, right) => {
                assert_eq!(left, right, "{direction:?} answered, {config}");
                return;
            }
        }
        if came.reset.is_some() || whole.reset.is_some() {
            // What breaks off before the fault is not reset for it.
            if came.reset.is_none() && input.response.broken_off {
                return;
            }
            assert_eq!(came.reset, whole.reset, "{config}");
            return;
        }
        assert_eq!(
            left.headers, right.headers,
            "{direction:?} headers, {config}"
        );
        let (left, right) = (left.body(), right.body());
        assert_eq!(
            left.escape_ascii().to_string(),
            right.escape_ascii().to_string(),
            "{direction:?}, {config}"
        );
    }
    assert_eq!(
        failures(&came.failures),
        failures(&whole.failures),
        "{config}"
    );
    assert_eq!(came.metadata, whole.metadata, "{config}");
}

/// In a cluster each attempt leaves the request that the first left.
fn attempts(input: &Input, program: &Arc<Program>, first: &Host) {
    if !input.upstream || first.reply.is_some() || first.reset.is_some() {
        return;
    }
    let mut again = host(input, None, How::Whole);
    let body = again.request.chunks.clone();
    for _ in 0..2 {
        again.request.chunks.clone_from(&body);
        again.play_one(
            &mut Session::new(Arc::clone(program)),
            Direction::Request,
            Neighbour::None,
        );
        assert_eq!(again.violations, [""; 0], "{}", input.config);
    }
    assert_eq!(
        again.request.by_name(),
        first.request.by_name(),
        "another attempt, {}",
        input.config
    );
    assert_eq!(
        again.request.body(),
        first.request.body(),
        "another attempt, {}",
        input.config
    );
}
