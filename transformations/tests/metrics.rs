//! What a session records of an exchange: once, when it is over, with bounded labels.

#![forbid(unsafe_code)]
// A test that finds nothing where something must be fails, as it should.
#![allow(clippy::panic, clippy::unwrap_used)]

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use transformations::metrics::Metric;
use transformations::testing::{Host, Message, Neighbour, Route};
use transformations::{Chain, Direction, Engine, Program, Session, Settings, TransformationOps};

fn load(config: &Value) -> Arc<Program> {
    let loaded = Program::load(config.to_string().as_bytes()).unwrap();
    assert_eq!(loaded.warnings, []);
    Arc::new(loaded.program)
}

/// A configuration that routes on the model and counts by it.
fn by_model() -> Value {
    json!({
        "metrics": {"labels": {"model": "extracted.model"}},
        "request": {"extract": [{"header": "x-model"}]},
    })
}

fn post(body: &str) -> Message {
    Message::new(&[(":method", "POST"), (":path", "/")], [body])
}

fn answer() -> Message {
    Message::new(&[(":status", "200")], ["{}"])
}

/// The values that were recorded of a metric, each with its labels joined by commas.
fn recorded(host: &Host, metric: Metric) -> Vec<(String, u64)> {
    let of_it = host.recorded.iter().filter(|(other, ..)| *other == metric);
    of_it
        .map(|(_, labels, value)| (labels.join(","), *value))
        .collect()
}

/// The labels of the one request that was counted.
fn outcome(program: &Arc<Program>, request: Message) -> String {
    let mut host = Host::new(request, answer());
    host.play(&mut Session::new(Arc::clone(program)), Neighbour::None);
    assert_eq!(host.violations, [""; 0]);
    let requests = recorded(&host, Metric::Requests);
    let [(labels, 1)] = requests.as_slice() else {
        panic!("not counted once: {requests:?}");
    };
    labels.clone()
}

#[test]
fn requests_are_counted_by_what_became_of_them() {
    let model = r#"{"model":"m"}"#;
    let twice = r#"{"model":"m","model":"n"}"#;
    let request = |extra: Value| {
        let mut config = by_model();
        let parts = extra.as_object().unwrap();
        for (key, value) in parts {
            config["request"][key] = value.clone();
        }
        load(&config)
    };
    let rejecting = json!([{"header": "x-model", "onMissing": "reject", "onInvalid": "reject"}]);
    let optional = json!([{"header": "x-model"}, {"name": "user", "from": [{"json": "/user"}],
        "metadata": {"namespace": "n", "key": "user"}}]);
    for (extra, body, expected) in [
        (json!({}), model, "m,routed"),
        (json!({}), "{}", "none,missing"),
        (json!({}), "{", "none,invalid"),
        (json!({}), twice, "none,invalid"),
        (json!({"extract": rejecting}), model, "m,routed"),
        (json!({"extract": rejecting}), "{}", "none,rejected"),
        (json!({"extract": rejecting}), twice, "none,rejected"),
        // What is not routed on may be missing.
        (json!({"extract": optional}), model, "m,routed"),
        (json!({"body": {"parseAs": "AsJson"}}), "{", "none,failed"),
        (
            json!({"set": [{"name": "x-a", "cel": "int(request.path)"}]}),
            model,
            "other,failed",
        ),
        (
            json!({"when": "request.method == 'GET'"}),
            model,
            "none,routed",
        ),
        (
            json!({"when": "int(request.path) == 1"}),
            model,
            "none,failed",
        ),
    ] {
        assert_eq!(
            outcome(&request(extra.clone()), post(body)),
            expected,
            "{extra} {body}"
        );
    }
}

#[test]
fn a_request_that_is_cut_off_is_rejected() {
    let mut config = by_model();
    config["request"]["bodyMode"] = json!("streamed");
    config["request"]["extract"] = json!([{"header": "x-model", "onInvalid": "reject"}]);
    let pieces = [r#"{"model":"m","#, r#""model":"n"}"#];
    let request = Message::new(&[(":method", "POST")], pieces);
    let mut host = Host::new(request, answer());
    host.play(&mut Session::new(load(&config)), Neighbour::None);
    assert_eq!(
        recorded(&host, Metric::Requests),
        [("other,rejected".to_owned(), 1)]
    );
}

#[test]
fn labels_see_headers_that_were_set_and_those_that_are_gone() {
    let program = load(&json!({
        "metrics": {"labels": {
            "a_set": "request.headers['x-set']",
            "gone": "request.headers['x-gone']",
            "verb": "request.method",
        }},
        "request": {
            "set": [{"name": "x-set", "value": "{{ header('x-set') | upper }}"}],
            "remove": ["x-gone"],
        },
    }));
    let headers = [(":method", "POST"), ("x-set", "a\tb"), ("x-gone", "g")];
    assert_eq!(
        outcome(&program, Message::new(&headers, ["{}"])),
        "A_B,g,POST,routed"
    );
    let request = Message::new(&[(":method", "GET")], [""; 0]);
    assert_eq!(outcome(&program, request), "none,none,GET,routed");
}

#[test]
fn the_first_combinations_have_labels_of_their_own() {
    let mut config = by_model();
    config["metrics"]["maxValues"] = json!(2);
    let engine = Arc::new(Engine::new(Settings::default()));
    let share = || {
        let (shared, _) = engine.share(config.to_string().as_bytes()).unwrap();
        Arc::clone(shared.program().unwrap())
    };
    let program = share();
    let model = |program: &Arc<Program>, name: &str| {
        let labels = outcome(program, post(&json!({"model": name}).to_string()));
        labels.split(',').next().unwrap().to_owned()
    };
    for (name, label) in [
        ("a", "a"),
        ("b", "b"),
        ("c", "other"),
        ("a", "a"),
        ("d", "other"),
    ] {
        assert_eq!(model(&program, name), label);
    }
    // Another configuration with the same labels goes on with them.
    config["request"]["remove"] = json!(["x-gone"]);
    let share = engine.load(config.to_string().as_bytes()).unwrap();
    let updated = Arc::new(share.program);
    drop(program);
    assert_eq!(model(&updated, "e"), "other");
    assert_eq!(model(&updated, "b"), "b");
}

#[test]
fn the_process_says_what_a_listener_does_not() {
    let mut engine = Engine::new(Settings::default());
    let object = br#"{"labels": {"model": "extracted.model"}, "maxValues": 5}"#;
    assert_eq!(engine.measure(object).unwrap(), []);
    let load = |config: Value| {
        let loaded = engine.load(config.to_string().as_bytes()).unwrap();
        Arc::new(loaded.program)
    };
    // A field that only the process's labels use is of use.
    let program = load(json!({"request": {"extract": [{}]}}));
    assert!(!program.has_metrics());
    assert_eq!(outcome(&program, post(r#"{"model":"m"}"#)), "m,routed");
    let own = load(json!({"metrics": {"labels": {}}, "request": {"remove": ["x-a"]}}));
    assert_eq!(outcome(&own, post("{}")), "routed");
}

#[test]
fn a_mistake_of_the_process_changes_nothing() {
    let mut engine = Engine::new(Settings::default());
    for object in [
        &b"{"[..],
        br#"{"maxValues": 0}"#,
        br#"{"labels": {"outcome": "'a'"}}"#,
    ] {
        assert!(engine.measure(object).is_err());
    }
    let program = engine
        .load(br#"{"request": {"remove": ["x-a"]}}"#)
        .unwrap()
        .program;
    assert!(program.meters().is_none());
}

#[test]
fn times_run_from_the_headers_of_the_request() {
    let mut host = Host::new(post(r#"{"model":"m"}"#), Message::default());
    let mut session = Session::new(load(&by_model()));
    host.now = Duration::from_secs(1);
    host.play_one(&mut session, Direction::Request, Neighbour::None);
    host.now += Duration::from_millis(250);
    host.response = Message::new(&[(":status", "200")], ["", "first", "second"]);
    // The empty piece is not the first byte.
    host.play_one(&mut session, Direction::Response, Neighbour::None);
    assert!(session.is_through_with(Direction::Response));
    assert_eq!(host.recorded, []);
    host.now += Duration::from_millis(750);
    session.on_complete(&mut host);
    session.on_complete(&mut host);
    assert_eq!(
        recorded(&host, Metric::TimeToFirstByte),
        [("m".to_owned(), 250)]
    );
    assert_eq!(
        recorded(&host, Metric::ResponseTime),
        [("m".to_owned(), 1000)]
    );
    assert_eq!(recorded(&host, Metric::Requests).len(), 1);
}

#[test]
fn tokens_are_counted_though_no_field_asks_for_them() {
    let usage = r#"{"usage":{"prompt_tokens":7,"completion_tokens":11,
        "prompt_tokens_details":{"cached_tokens":3}}}"#;
    let stream = format!("data: {{}}\n\ndata: {}\n\n", usage.replace('\n', " "));
    for (kind, body, per_token) in [
        ("application/json", usage, None),
        ("text/event-stream; charset=utf-8", &stream, Some(100_000)),
    ] {
        let (first, second) = body.split_at(9);
        let headers = [(":status", "200"), ("content-type", kind)];
        let mut host = Host::new(
            post(r#"{"model":"m"}"#),
            Message::new(&headers, [first, second]),
        );
        let mut session = Session::new(load(&by_model()));
        host.play_one(&mut session, Direction::Request, Neighbour::None);
        host.play_one(&mut session, Direction::Response, Neighbour::None);
        host.now += Duration::from_secs(1);
        session.on_complete(&mut host);
        let expected = [("m,input", 7), ("m,output", 11), ("m,cached", 3)];
        let expected = expected.map(|(labels, value)| (labels.to_owned(), value));
        assert_eq!(recorded(&host, Metric::Tokens), expected, "{kind}");
        let times = recorded(&host, Metric::TimePerOutputToken);
        let times: Vec<u64> = times.into_iter().map(|(_, time)| time).collect();
        assert_eq!(times, Vec::from_iter(per_token), "{kind}");
    }
}

#[test]
fn the_first_byte_arrives_once() {
    let mut host = Host::new(Message::default(), Message::default());
    let mut session = Session::new(load(&by_model()));
    session.on_headers(&mut host, Direction::Request, true);
    session.on_headers(&mut host, Direction::Response, false);
    for piece in ["", "first", "second"] {
        host.now += Duration::from_millis(10);
        host.replace_body(Direction::Response, piece.as_bytes());
        session.on_body(&mut host, Direction::Response, false);
    }
    session.on_complete(&mut host);
    let first = recorded(&host, Metric::TimeToFirstByte);
    let times: Vec<u64> = first.into_iter().map(|(_, time)| time).collect();
    assert_eq!(times, [20]);
}

#[test]
fn an_exchange_without_an_answer_is_counted() {
    let mut host = Host::new(post(r#"{"model":"m"}"#), Message::default());
    let mut session = Session::new(load(&by_model()));
    host.play_one(&mut session, Direction::Request, Neighbour::None);
    session.on_complete(&mut host);
    assert_eq!(
        recorded(&host, Metric::Requests),
        [("other,routed".to_owned(), 1)]
    );
    assert_eq!(recorded(&host, Metric::TimeToFirstByte), []);
    // An answer to a request that the filter never saw is none of ours.
    let mut host = Host::new(Message::default(), answer());
    let mut session = Session::new(load(&by_model()));
    host.play_one(&mut session, Direction::Response, Neighbour::None);
    session.on_complete(&mut host);
    assert_eq!(host.recorded, []);
}

#[test]
fn what_is_held_is_measured() {
    let body = r#"{"model":"m","messages":[]}"#;
    let (first, second) = body.split_at(14);
    for (mode, limit, held, early) in [
        ("buffered", Some(0), body.len(), false),
        ("buffered", None, body.len(), false),
        ("streamed", Some(0), first.len(), true),
        ("streamed", None, first.len(), true),
    ] {
        let mut config = by_model();
        config["request"]["bodyMode"] = json!(mode);
        config["request"]["extract"][0]["duplicates"] = json!("first");
        let request = Message::new(&[(":method", "POST")], [first, second]);
        let mut host = Host::new(request, answer());
        host.limit = limit;
        host.play(&mut Session::new(load(&config)), Neighbour::None);
        let held = ("m,request".to_owned(), u64::try_from(held).unwrap());
        assert_eq!(
            recorded(&host, Metric::HeldBytes),
            [held],
            "{mode} {limit:?}"
        );
        let releases = recorded(&host, Metric::EarlyReleases);
        assert_eq!(!releases.is_empty(), early, "{mode} {limit:?}");
    }
}

#[test]
fn what_is_held_again_on_a_route_that_was_chosen_again_is_measured_once() {
    let body = r#"{"model":"m","messages":[]}"#;
    let (first, second) = body.split_at(14);
    let mut config = by_model();
    config["request"]["bodyMode"] = json!("streamed");
    config["request"]["extract"][0]["duplicates"] = json!("first");
    let edits = load(&json!({"request": {"patch": [{"set": "/a", "json": 1}]}}));
    for limit in [Some(0), None] {
        let request = Message::new(&[(":method", "POST")], [first, second]);
        let mut host = Host::new(request, answer());
        host.limit = limit;
        host.routes = vec![Route::new(&[("x-model", "m")], Some(Arc::clone(&edits)))];
        host.play(&mut Session::new(load(&config)), Neighbour::None);
        let held = ("m,request".to_owned(), u64::try_from(body.len()).unwrap());
        assert_eq!(recorded(&host, Metric::HeldBytes), [held], "{limit:?}");
    }
}

#[test]
fn strangers_use_up_no_series() {
    let mut config = by_model();
    config["metrics"]["maxValues"] = json!(2);
    config["metrics"]["labels"]["tenant"] = json!("request.headers['x-tenant']");
    let program = load(&config);
    let count = |request: Message, status: &str| {
        let answer = Message::new(&[(":status", status)], ["{}"]);
        let mut host = Host::new(request, answer);
        host.play(&mut Session::new(Arc::clone(&program)), Neighbour::None);
        recorded(&host, Metric::Requests)[0].0.clone()
    };
    let by_tenant = |tenant: &str, body: &str| {
        Message::new(
            &[(":method", "POST"), (":path", "/"), ("x-tenant", tenant)],
            [body],
        )
    };
    let model = r#"{"model":"m"}"#;
    for tenant in ["1", "2", "3"] {
        assert_eq!(count(by_tenant(tenant, "{}"), "200"), "other,other,missing");
        assert_eq!(count(by_tenant(tenant, "{"), "200"), "other,other,invalid");
        assert_eq!(count(by_tenant(tenant, model), "401"), "other,other,routed");
        assert_eq!(count(by_tenant(tenant, model), "503"), "other,other,routed");
    }
    assert_eq!(count(by_tenant("acme", model), "200"), "m,acme,routed");
    // What has series is counted there, whatever becomes of it.
    assert_eq!(count(by_tenant("acme", model), "503"), "m,acme,routed");
    // Nothing at all is the same for all, and has series at once.
    assert_eq!(count(post("{}"), "200"), "none,none,missing");
    assert_eq!(
        count(by_tenant("other", model), "200"),
        "other,other,routed"
    );
}

#[test]
fn a_request_that_never_went_on_is_not_routed() {
    let program = load(&by_model());
    for chunks in [&[r#"{"model":"m""#][..], &[]] {
        let mut request = Message::new(&[(":method", "POST")], chunks.iter().copied());
        request.broken_off = true;
        let mut host = Host::new(request, Message::default());
        let mut session = Session::new(Arc::clone(&program));
        host.play_one(&mut session, Direction::Request, Neighbour::None);
        session.on_complete(&mut host);
        let expected = [("none,unsent".to_owned(), 1)];
        assert_eq!(recorded(&host, Metric::Requests), expected);
    }
    // The host answers a request over its limit.
    let mut host = Host::new(post(&format!("{:100}", "")), Message::default());
    host.limit = Some(10);
    host.request.chunks.push(Vec::new());
    let mut session = Session::new(program);
    host.play_one(&mut session, Direction::Request, Neighbour::None);
    assert!(host.reply.is_some());
    session.on_complete(&mut host);
    let expected = [("none,unsent".to_owned(), 1)];
    assert_eq!(recorded(&host, Metric::Requests), expected);
}

#[test]
fn a_header_forged_for_the_program_of_a_later_route_is_no_label() {
    let program = load(&json!({
        "metrics": {"labels": {"user": "request.headers['x-user']"}},
        "request": {"extract": [{"header": "x-model"}]},
    }));
    let route =
        load(&json!({"request": {"extract": [{"from": [{"json": "/user"}], "header": "x-user"}]}}));
    let headers = [(":method", "POST"), (":path", "/"), ("x-user", "forged")];
    let mut host = Host::new(Message::new(&headers, [r#"{"model":"m"}"#]), answer());
    host.routes = vec![Route::new(&[("x-model", "m")], Some(route))];
    host.play(&mut Session::new(program), Neighbour::None);
    assert_eq!(host.request.values("x-user"), [""; 0]);
    let expected = [("none,routed".to_owned(), 1)];
    assert_eq!(recorded(&host, Metric::Requests), expected);
}

#[test]
fn a_clusters_filter_records_at_the_end_of_the_answer() {
    for trailers in [false, true] {
        let mut host = Host::new(post(r#"{"model":"m"}"#), answer());
        host.chain = Chain::Upstream;
        host.response.trailers = trailers;
        let mut session = Session::new(load(&by_model()));
        host.play_one(&mut session, Direction::Request, Neighbour::None);
        assert_eq!(host.recorded, []);
        host.play_one(&mut session, Direction::Response, Neighbour::None);
        assert_eq!(recorded(&host, Metric::Requests).len(), 1, "{trailers}");
        assert_eq!(
            recorded(&host, Metric::TimeToFirstByte).len(),
            1,
            "{trailers}"
        );
    }
    // One that does nothing else records too.
    let mut host = Host::new(post("{}"), answer());
    host.chain = Chain::Upstream;
    let mut session = Session::new(load(&json!({"metrics": {}})));
    host.play_one(&mut session, Direction::Request, Neighbour::None);
    host.play_one(&mut session, Direction::Response, Neighbour::None);
    assert_eq!(recorded(&host, Metric::Requests).len(), 1);
    let mut config = by_model();
    config["request"]["extract"][0]["onMissing"] = json!("reject");
    let mut host = Host::new(post("{}"), Message::default());
    host.chain = Chain::Upstream;
    let mut session = Session::new(load(&config));
    host.play_one(&mut session, Direction::Request, Neighbour::None);
    assert_eq!(
        recorded(&host, Metric::Requests),
        [("none,rejected".to_owned(), 1)]
    );
}

/// Nothing else is read of it.
#[test]
fn an_answer_is_looked_at_until_its_first_byte_or_its_end() {
    for chain in [Chain::Downstream, Chain::Upstream] {
        let headers = [(":status", "200"), ("content-type", "image/png")];
        let mut host = Host::new(post(r#"{"model":"m"}"#), Message::new(&headers, ["a", "b"]));
        host.chain = chain;
        let mut session = Session::new(load(&by_model()));
        host.play_one(&mut session, Direction::Request, Neighbour::None);
        session.on_headers(&mut host, Direction::Response, false);
        assert!(!session.is_through_with(Direction::Response), "{chain:?}");
    }
}

#[test]
fn no_tokens_are_not_counted() {
    let headers = [(":status", "200"), ("content-type", "application/json")];
    let usage = r#"{"usage":{"prompt_tokens":0,"completion_tokens":2}}"#;
    let mut host = Host::new(post(r#"{"model":"m"}"#), Message::new(&headers, [usage]));
    let mut session = Session::new(load(&by_model()));
    host.play(&mut session, Neighbour::None);
    session.on_complete(&mut host);
    let tokens = recorded(&host, Metric::Tokens);
    assert_eq!(tokens, [("m,output".to_owned(), 2)]);
}
