//! Whatever a pass counts as a failure obeys its `onFailure`, each kind of failure there is.

#![forbid(unsafe_code)]
// A test that finds nothing where something must be fails, as it should.
#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

use std::sync::Arc;

use serde_json::{Value, json};
use transformations::testing::{Host, Message, Neighbour};
use transformations::{Direction, Program, Reason, Session};

/// A pass, and a message that something of it fails for.
struct Example {
    direction: Direction,
    pass: Value,
    headers: Vec<(&'static str, String)>,
    body: &'static str,
}

fn of_request(pass: Value, body: &'static str) -> Example {
    Example {
        direction: Direction::Request,
        pass,
        headers: Vec::new(),
        body,
    }
}

impl Example {
    fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The exchange, played with this `onFailure` and the body cut so.
    fn played(&self, on_failure: &str, chunks: &[&[u8]]) -> Host {
        let mut pass = self.pass.clone();
        pass["onFailure"] = on_failure.into();
        let config = json!({self.direction.as_str(): pass}).to_string();
        let loaded = Program::load(config.as_bytes()).unwrap_or_else(|errors| panic!("{errors}"));
        let headers: Vec<(&str, &str)> = self
            .headers
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        let message = Message::new(&headers, chunks);
        let mut host = match self.direction {
            Direction::Request => Host::new(message, Message::default()),
            Direction::Response => Host::new(Message::default(), message),
        };
        let mut session = Session::new(Arc::new(loaded.program));
        host.play(&mut session, Neighbour::None);
        assert_eq!(host.violations, [""; 0]);
        host
    }
}

/// A failure of this kind; `None`: no pass counts one.
fn example(reason: Reason) -> Option<Example> {
    let set = |value: &str| json!({"set": [{"name": "x-a", "value": value}]});
    let edit = json!({"patch": [{"set": "/a", "value": "b"}]});
    let field =
        |source: Value| json!({"extract": [{"name": "a", "header": "x-a", "from": [source]}]});
    Some(match reason {
        Reason::JsonInvalid => of_request(edit, "hello"),
        Reason::UndeclaredVariable => of_request(
            json!({"body": {"parseAs": "AsJson"}, "set": [{"name": "x-a", "value": "{{ a }}"}]}),
            "null",
        ),
        Reason::Render => of_request(
            json!({"set": [{"name": "x-a", "cel": "json(request.body).n"}]}),
            "{}",
        ),
        Reason::HeaderValue => of_request(set("{{ 'a\nb' }}"), ""),
        Reason::Limit => {
            of_request(set("{{ header('x-long') }}"), "").with("x-long", "a".repeat(20_000))
        }
        Reason::DuplicateKey => of_request(field(json!({"json": "/a"})), r#"{"a":1,"a":2}"#),
        Reason::ContentEncoding => of_request(edit, "{}").with("content-encoding", "foo"),
        Reason::PlaceMissing => of_request(
            json!({"patch": [{"set": "/a/b", "value": "c"}]}),
            r#"{"a":"text"}"#,
        ),
        Reason::PlaceTaken => of_request(
            json!({"patch": [
                {"set": "/a", "value": "b", "when": "request.method != ''"},
                {"set": "/a", "value": "c", "when": "request.method != ''"},
            ]}),
            "{}",
        )
        .with(":method", "POST"),
        Reason::MultipartInvalid => {
            of_request(edit, "--b").with("content-type", "multipart/form-data")
        }
        Reason::FormInvalid => of_request(field(json!({"form": "a"})), "a=%ff")
            .with("content-type", "application/x-www-form-urlencoded"),
        Reason::PathInvalid => of_request(field(json!({"path": "/{a}"})), "").with(":path", "/%ff"),
        Reason::ValueType => of_request(
            json!({"extract": [{"name": "a", "header": "x-a", "from": [{"json": "/a"}], "type": "number"}]}),
            r#"{"a":"x"}"#,
        ),
        Reason::EventStreamInvalid => Example {
            direction: Direction::Response,
            pass: json!({"bodyMode": "buffered", "extract": [{"header": "x-a"}]}),
            headers: Vec::new(),
            body: "no message",
        }
        .with("content-type", "application/vnd.amazon.eventstream"),
        Reason::PartialContent => Example {
            direction: Direction::Response,
            pass: edit,
            headers: Vec::new(),
            body: "{}",
        }
        .with(":status", "206")
        .with("content-range", "bytes 0-1/2"),
        // `onMissing: reject` answers; any other field that is missing is no failure.
        Reason::FieldMissing => return None,
        // Of no pass.
        Reason::Config | Reason::Panic => return None,
        _ => panic!("give an example of {reason}"),
    })
}

#[test]
fn every_kind_of_failure_is_answered_or_goes_on() {
    for (reason, example) in Reason::ALL.map(|reason| (reason, example(reason))) {
        let Some(example) = example else {
            continue;
        };
        let whole: Vec<&[u8]> = Some(example.body.as_bytes())
            .filter(|body| !body.is_empty())
            .into_iter()
            .collect();
        let pieces: Vec<&[u8]> = example.body.as_bytes().chunks(1).collect();
        for chunks in [whole, pieces] {
            let reasons = |host: &Host| -> Vec<Reason> {
                host.failures.iter().map(|failure| failure.reason).collect()
            };
            let host = example.played("continue", &chunks);
            assert_eq!(host.reply, None, "{reason}");
            assert_eq!(host.reset, None, "{reason}");
            assert!(
                reasons(&host).contains(&reason),
                "{reason}: {:?}",
                host.failures
            );

            let host = example.played("reject", &chunks);
            assert!(
                reasons(&host).contains(&reason),
                "{reason}: {:?}",
                host.failures
            );
            let (direction, reply) = host.reply.unwrap_or_else(|| panic!("{reason} went on"));
            assert_eq!(direction, example.direction, "{reason}");
            let status = match direction {
                Direction::Request => 400,
                Direction::Response => 502,
            };
            assert_eq!(reply.status, status, "{reason}");
            let error: Value = serde_json::from_str(&reply.body).unwrap();
            assert!(error["error"]["code"].is_string(), "{reason}: {error}");
        }
    }
}

/// What has gone on cannot be answered any more.
#[test]
fn a_stream_is_cut_off_where_an_event_cannot_be_edited() {
    let config = br#"{"response": {"onFailure": "reject", "patch": [{"replace": "/a", "cel": "value + 1"}]}}"#;
    let program = Arc::new(Program::load(config).unwrap().program);
    let headers = [("content-type", "text/event-stream")];
    let events = [
        "data: {\"a\":1}\n\n",
        "data: {\"a\":\"secret\"}\n\n",
        "data: {\"a\":2}\n\n",
    ];
    let mut host = Host::new(Message::default(), Message::new(&headers, events));
    host.play(&mut Session::new(program), Neighbour::None);
    assert_eq!(host.violations, [""; 0]);
    assert_eq!(host.reset, Some("rustformations_failed"));
    assert_eq!(host.reply, None);
}
