//! The life of an exchange: what is held, for how long, by whom, and which program runs when.

#![forbid(unsafe_code)]
// A test that finds nothing where something must be fails, as it should.
#![allow(clippy::indexing_slicing, clippy::unwrap_used)]

use std::sync::Arc;

use transformations::testing::{Host, Message, Neighbour, Route};
use transformations::{Chain, Direction, Engine, Program, Reason, Session, Settings};

const MODEL: &str = "x-gateway-model-name";

fn program(config: &str) -> Arc<Program> {
    Arc::new(Program::load(config.as_bytes()).unwrap().program)
}

fn request(headers: &[(&str, &str)], chunks: &[&str]) -> Host {
    Host::new(Message::new(headers, chunks), Message::default())
}

fn answer(headers: &[(&str, &str)], chunks: &[&str]) -> Host {
    Host::new(Message::default(), Message::new(headers, chunks))
}

fn played(program: &Arc<Program>, mut host: Host) -> Host {
    host.play(&mut Session::new(Arc::clone(program)), Neighbour::None);
    assert_eq!(host.violations, [""; 0]);
    host
}

fn reasons(host: &Host) -> Vec<Reason> {
    host.failures.iter().map(|failure| failure.reason).collect()
}

mod routes {
    use super::*;

    fn route(model: Option<&'static str>, config: Option<&str>) -> Route {
        let headers = model.map(|model| (MODEL, model));
        Route::new(headers.as_slice(), config.map(program))
    }

    const EXTRACT: &str = r#"{"request": {"extract": [{"header": "x-gateway-model-name"}]},
        "response": {"set": [{"name": "x-answer", "value": "listener"}]}}"#;

    fn set(value: &str) -> String {
        format!(
            r#"{{"request": {{"set": [{{"name": "x-request", "value": "{value}"}}]}},
            "response": {{"set": [{{"name": "x-answer", "value": "{value}"}}]}}}}"#
        )
    }

    fn sent(listener: &str, routes: Vec<Route>, mut host: Host) -> Host {
        host.routes = routes;
        played(&program(listener), host)
    }

    #[test]
    fn a_forged_header_chooses_no_route_where_the_condition_does_not_hold() {
        for when in [
            "request.method == 'POST'",
            "json(request.body).a == 1",
            "request.headers['x-none'] == ''",
        ] {
            let config = format!(
                r#"{{"request": {{"when": "{when}", "extract": [{{"header": "{MODEL}"}}]}}}}"#
            );
            for body in [&[][..], &[r#"{"model":"#, r#""b"}"#]] {
                let host = request(&[(":method", "PUT"), (MODEL, "a")], body);
                let host = sent(&config, Vec::new(), host);
                assert_eq!(host.request.values(MODEL), [""; 0], "{when}");
                assert_eq!(host.calls_of("clear_route_cache"), 1, "{when}");
            }
        }
    }

    #[test]
    fn a_routing_header_that_set_would_set_is_not_the_clients() {
        let settings = Settings::from_lists(Some(MODEL), None);
        let config = format!(
            r#"{{"request": {{"when": "false", "set": [{{"name": "{MODEL}", "value": "x"}}]}}}}"#
        );
        let loaded = Engine::new(settings).load(config.as_bytes()).unwrap();
        let host = played(&Arc::new(loaded.program), request(&[(MODEL, "a")], &[]));
        assert_eq!(host.request.values(MODEL), [""; 0]);
        assert_eq!(host.calls_of("clear_route_cache"), 1);
    }

    #[test]
    fn the_pass_of_the_route_that_the_body_chose_runs_too() {
        let routes = vec![route(Some("a"), Some(&set("route"))), route(None, None)];
        for chunks in [&[r#"{"model":"a"}"#][..], &["{\"model\"", ":\"a\"}", ""]] {
            let mut host = request(&[(MODEL, "forged")], chunks);
            host.response = Message::new(&[(":status", "200")], ["ok"]);
            let host = sent(EXTRACT, routes.clone(), host);
            assert_eq!(host.request.values(MODEL), ["a"]);
            assert_eq!(host.request.values("x-request"), ["route"]);
            assert_eq!(host.response.values("x-answer"), ["route"]);
        }
        let host = request(&[], &[r#"{"model":"other"}"#]);
        let host = sent(EXTRACT, routes, host);
        assert_eq!(host.request.values("x-request"), [""; 0]);
        assert_eq!(host.response.values("x-answer"), ["listener"]);
    }

    #[test]
    fn an_empty_configuration_turns_off_both_passes() {
        let listener = r#"{"request": {"extract": [{"header": "x-gateway-model-name"}]},
            "response": {"set": [{"name": "x-answer", "value": "listener"}]}}"#;
        let routes = vec![route(Some("a"), Some("{}"))];
        let host = sent(listener, routes, request(&[], &[r#"{"model":"a"}"#]));
        assert_eq!(host.request.values(MODEL), ["a"]);
        assert_eq!(host.response.values("x-answer"), [""; 0]);
    }

    /// Neither extracted again nor routed again: its own field would be another one.
    #[test]
    fn the_second_pass_extracts_nothing() {
        let second = r#"{"request": {"extract": [{"name": "model", "from": [{"json": "/other"}], "header": "x-gateway-model-name"}],
            "set": [{"name": "x-model", "value": "{{ extracted.model }}"}]}}"#;
        let routes = vec![route(Some("a"), Some(second))];
        let body = r#"{"model":"a","other":"b"}"#;
        let host = sent(EXTRACT, routes, request(&[], &[body]));
        assert_eq!(host.request.values(MODEL), ["a"]);
        assert_eq!(host.request.values("x-model"), ["a"]);
        assert_eq!(host.calls_of("clear_route_cache"), 1);
    }

    #[test]
    fn equal_configurations_run_once() {
        let adds = r#"{"request": {"extract": [{"header": "x-gateway-model-name"}], "add": [{"name": "x-n", "value": "1"}]}}"#;
        let same = program(adds);
        let mut host = request(&[], &[r#"{"model":"a"}"#]);
        host.routes = vec![Route::new(&[], Some(Arc::clone(&same)))];
        let host = played(&same, host);
        assert_eq!(host.request.values("x-n"), ["1"]);
    }

    /// The first goes on as soon as its field is known; the second needs the whole body.
    #[test]
    fn a_streamed_request_waits_for_a_second_pass_that_needs_the_body() {
        let streamed = r#"{"request": {"bodyMode": "streamed", "extract": [{"header": "x-gateway-model-name"}]}}"#;
        let patch = r#"{"request": {"patch": [{"replace": "/model", "value": "real"}]}}"#;
        for limit in [Some(0), Some(1 << 20), None] {
            for neighbour in Neighbour::ALL {
                let mut host = request(&[], &[r#"{"model":"a","#, r#""x":1"#, "}"]);
                host.limit = limit;
                host.routes = vec![route(Some("a"), Some(patch)), route(None, None)];
                host.play(&mut Session::new(program(streamed)), neighbour);
                assert_eq!(host.violations, [""; 0]);
                assert_eq!(host.released[0], None, "{limit:?}");
                assert_eq!(host.request.body(), br#"{"model":"real","x":1}"#);
                assert_eq!(host.request.values(MODEL), ["a"]);
            }
        }
        // What the first pass was routed on is watched over meanwhile.
        let mut host = request(&[], &[r#"{"model":"a","#, r#""model":"b"}"#]);
        host.routes = vec![route(Some("a"), Some(patch)), route(None, None)];
        let host = played(&program(streamed), host);
        assert!(host.reply.is_some());
        assert_eq!(reasons(&host), [Reason::DuplicateKey]);
    }

    fn extract(header: &str) -> String {
        format!(
            r#"{{"request": {{"extract": [{{"header": "{header}", "from": [{{"json": "/{header}"}}]}}],
            "set": [{{"name": "x-of", "value": "{header}"}}]}}}}"#
        )
    }

    /// Each leads to a route whose program owns the next.
    #[test]
    fn no_number_of_forged_headers_chooses_a_route() {
        let route = |header, config: &str| Route::new(&[(header, "1")], Some(program(config)));
        let routes = vec![
            route("h1", "{}"),
            route("h2", &extract("h2")),
            route("h3", &extract("h3")),
            route("h4", &extract("h4")),
        ];
        let forged = ["h1", "h2", "h3", "h4"];
        let host = request(&forged.map(|name| (name, "1")), &[]);
        let host = sent(&extract("h1"), routes, host);
        for name in forged {
            assert_eq!(host.request.values(name), [""; 0], "{name}");
        }
        assert_eq!(host.request.values("x-of"), ["h1"]);
    }

    #[test]
    fn a_header_of_the_route_that_the_body_chose_is_not_the_clients() {
        let headers = [("x-tier", "forged"), ("x-else", "1")];
        let routes = vec![
            Route::new(&[("x-tier", "forged")], Some(program(&extract("x-tier")))),
            route(Some("a"), Some(&extract("x-else"))),
            route(None, Some(EXTRACT)),
        ];
        let mut first = routes.clone();
        // Envoy may look at the model first.
        first.swap(0, 1);
        for routes in [first, routes] {
            let host = request(&headers, &[r#"{"model":"a"}"#]);
            let host = sent("{}", routes, host);
            assert_eq!(host.request.values(MODEL), ["a"]);
            assert_eq!(host.request.values("x-else"), [""; 0]);
        }
    }

    #[test]
    fn a_route_without_a_program_that_the_body_chose_has_the_listeners() {
        let routes = vec![route(Some("a"), None), route(None, Some(EXTRACT))];
        let mut host = request(&[], &[r#"{"model":"a"}"#]);
        host.response = Message::new(&[(":status", "200")], ["ok"]);
        let host = sent(&set("of all"), routes, host);
        assert_eq!(host.request.values(MODEL), ["a"]);
        assert_eq!(host.request.values("x-request"), ["of all"]);
        assert_eq!(host.response.values("x-answer"), ["of all"]);
    }
}

mod limits {
    use super::*;

    const PATCH: &str = r#"{"response": {"patch": [{"replace": "/model", "value": "fast"}],
        "set": [{"name": "x-set", "value": "1"}, {"name": "x-body", "cel": "response.code"}], "remove": ["x-gone"]}}"#;

    fn long() -> Vec<String> {
        let mut pieces = vec![r#"{"model":"a","text":""#.to_owned()];
        pieces.extend((0..20).map(|_| "y".repeat(100_000)));
        pieces.push("\"}".to_owned());
        pieces
    }

    fn long_answer(config: &str, limit: Option<u64>) -> Host {
        let mut host = answer(&[(":status", "200"), ("x-gone", "1")], &[]);
        host.response.chunks = long().into_iter().map(String::into_bytes).collect();
        host.limit = limit;
        played(&program(config), host)
    }

    #[test]
    fn an_answer_over_the_limit_goes_on_as_it_was() {
        for limit in [Some(1 << 20), None] {
            let host = long_answer(PATCH, limit);
            assert_eq!(host.response.body(), long().concat().into_bytes());
            assert_eq!(reasons(&host), [Reason::Limit]);
            // What needs no body is done all the same.
            assert_eq!(host.response.values("x-set"), ["1"]);
            assert_eq!(host.response.values("x-gone"), [""; 0]);
        }
    }

    #[test]
    fn an_answer_within_the_limit_is_edited() {
        let raised = PATCH.replacen('{', r#"{"limits": {"maxHeldBytes": 4000000}, "#, 1);
        for (config, limit) in [
            (raised.as_str(), Some(1 << 20)),
            (raised.as_str(), None),
            (PATCH, Some(0)),
        ] {
            let host = long_answer(config, limit);
            assert!(host.response.body().starts_with(br#"{"model":"fast""#));
            assert_eq!(reasons(&host), []);
        }
    }

    #[test]
    fn what_needs_a_body_that_is_too_long_is_left_out() {
        let config = r#"{"limits": {"maxHeldBytes": 8}, "response": {"body": {"parseAs": "AsJson"}, "set": [
            {"name": "x-model", "value": "{{ model }}"}, {"name": "x-b", "cel": "json(response.body).model"},
            {"name": "x-c", "value": "{{ cel('json(response.body).model') }}"}, {"name": "x-d", "value": "{{ header(':status') }}"}]}}"#;
        let host = answer(&[(":status", "200")], &["{\"model\":", "\"a\"}", ""]);
        let host = played(&program(config), host);
        assert!(host.reply.is_none());
        assert_eq!(reasons(&host), [Reason::Limit]);
        for header in ["x-model", "x-b", "x-c"] {
            assert_eq!(host.response.values(header), [""; 0], "{header}");
        }
        assert_eq!(host.response.values("x-d"), ["200"]);
    }

    #[test]
    fn a_held_request_over_max_held_bytes_is_answered_413() {
        let config = r#"{"limits": {"maxHeldBytes": 8}, "request": {"extract": [{"header": "x-gateway-model-name"}]}}"#;
        for limit in [Some(1 << 20), None] {
            let mut host = request(&[], &["{\"model\"", ":\"a\"", "}"]);
            host.limit = limit;
            let host = played(&program(config), host);
            let (_, reply) = host.reply.unwrap();
            assert_eq!(reply.status, 413);
            assert_eq!(host.request.body(), b"");
        }
    }

    /// Envoy has one limit for both messages and all filters.
    #[test]
    fn what_a_request_may_hold_does_not_bound_its_answer() {
        let first = r#"{"limits": {"maxHeldBytes": 32}, "request": {"extract": [{"header": "x-gateway-model-name"}]}}"#;
        let long = format!(r#"{{"model":"b","text":"{}"}}"#, "y".repeat(100));
        let (begin, rest) = long.split_at(50);
        let mut host = request(&[], &[r#"{"model":"a"}"#]);
        host.response = Message::new(&[(":status", "200")], [begin, rest, ""]);
        host.limit = Some(1 << 20);
        host.routes = vec![Route::new(&[(MODEL, "a")], Some(program(PATCH)))];
        let host = played(&program(first), host);
        assert_eq!(host.limit, Some(1 << 20));
        assert_eq!(host.failures, []);
        assert!(host.response.body().starts_with(br#"{"model":"fast""#));
    }

    #[test]
    fn a_streamed_request_over_the_limit_goes_on_without_its_field() {
        let config = r#"{"request": {"bodyMode": "streamed", "extract": [{"header": "x-gateway-model-name"}]}}"#;
        let bounded = config.replacen('{', r#"{"limits": {"maxHeldBytes": 1048576}, "#, 1);
        for config in [config, &bounded] {
            for limit in [Some(1 << 20), Some(0), Some(65_536), None] {
                let mut host = request(&[], &["{\"text\":\""]);
                host.request.chunks.extend(vec![vec![b'y'; 30_000]; 50]);
                host.request.chunks.push(b"\",\"model\":\"a\"}".to_vec());
                let whole = host.request.body();
                host.limit = limit;
                let host = played(&program(config), host);
                assert!(host.reply.is_none(), "{limit:?}");
                assert_eq!(host.request.body(), whole);
                assert_eq!(host.request.values(MODEL), [""; 0]);
                assert_eq!(reasons(&host), [Reason::Limit]);
            }
        }
    }

    #[test]
    fn a_body_that_grows_raises_the_limit() {
        let value = "y".repeat(3000);
        let config =
            format!(r#"{{"request": {{"patch": [{{"set": "/text", "value": "{value}"}}]}}}}"#);
        for trailers in [false, true] {
            let mut host = request(&[], &["{", "}"]);
            host.request.trailers = trailers;
            host.limit = Some(1000);
            let host = played(&program(&config), host);
            assert!(host.limit.unwrap() >= 3000);
            assert!(host.request.body().len() > 3000);
        }
    }
}

mod answers {
    use super::*;

    const PATCH: &str = r#"{"response": {"patch": [{"replace": "/model", "value": "fast"}]}}"#;

    fn released(config: &str, content_type: Option<&str>, chunks: &[&str]) -> (Host, usize) {
        let mut headers = vec![(":status", "200")];
        headers.extend(content_type.map(|value| ("content-type", value)));
        let body = chunks.concat();
        let host = played(&program(config), answer(&headers, chunks));
        let end = chunks.len();
        let released = host.released[1].unwrap_or(end);
        assert_eq!(host.response.body(), body.as_bytes());
        (host, released)
    }

    #[test]
    fn what_no_edit_can_apply_to_is_not_held() {
        let events = ["data: {\"model\":\"m\"}\n\n", "data: [DONE]\n\n", ""];
        let list = ["[{\"model\":1},", "{\"model\":2}", "]"];
        for (content_type, chunks) in [
            (Some("text/plain; charset=utf-8"), ["Hello ", "wor", "ld"]),
            (None, events),
            (Some("application/json"), list),
            (Some("application/json"), [" \n", "null", " "]),
        ] {
            let (host, at) = released(PATCH, content_type, &chunks);
            let first = if chunks[0].trim().is_empty() { 2 } else { 1 };
            assert_eq!(at, first, "{content_type:?}");
            assert_eq!(host.failures, [], "{content_type:?}");
        }
        // It is called JSON, and cannot be.
        let (host, at) = released(PATCH, Some("application/json"), &["oops", "!", ""]);
        assert_eq!(at, 1);
        assert_eq!(reasons(&host), [Reason::JsonInvalid]);
        // In one piece, too.
        let (host, _) = released(PATCH, Some("text/plain"), &["no healthy upstream"]);
        assert_eq!(host.failures, []);
    }

    #[test]
    fn a_place_in_a_list_waits_for_a_list() {
        for pointer in ["/0/model", "/-", "$[0].model", "$[*].model", "$[-1]"] {
            let config = format!(
                r#"{{"response": {{"patch": [{{"set": "{pointer}", "value": "fast"}}]}}}}"#
            );
            let chunks = ["[{\"model\":1}", "]", ""];
            let host = answer(&[(":status", "200")], &chunks);
            let host = played(&program(&config), host);
            assert_eq!(host.released[1], None);
            assert_ne!(host.response.body(), chunks.concat().as_bytes());
        }
    }

    /// gzip of `Hello world` and of `{"model":"m"}`.
    #[test]
    fn the_first_byte_of_an_encoded_answer_is_looked_at_decoded() {
        const TEXT: [u8; 31] = [
            31, 139, 8, 0, 0, 0, 0, 0, 0, 3, 243, 72, 205, 201, 201, 87, 40, 207, 47, 202, 73, 1,
            0, 82, 158, 214, 139, 11, 0, 0, 0,
        ];
        let headers = [(":status", "200"), ("content-encoding", "gzip")];
        let mut host = answer(&headers, &[]);
        host.response.chunks = vec![TEXT[..28].to_vec(), TEXT[28..].to_vec()];
        let host = played(&program(PATCH), host);
        assert_eq!(host.released[1], Some(1));
        assert_eq!(host.failures, []);
        assert_eq!(host.response.body(), TEXT);
        // Not gzip at all.
        let host = answer(&headers, &["never gzip", "more", ""]);
        let host = played(&program(PATCH), host);
        assert_eq!(host.released[1], Some(1));
        assert_eq!(reasons(&host), [Reason::ContentEncoding]);
    }
}

mod attempts {
    use super::*;

    /// Plays an attempt on the headers that the one before left, and the body that arrived.
    fn attempt(config: &str, host: &mut Host, body: &str) {
        host.request.chunks = vec![body.as_bytes().to_vec()];
        host.play_one(
            &mut Session::new(program(config)),
            Direction::Request,
            Neighbour::None,
        );
        assert_eq!(host.violations, [""; 0]);
    }

    #[test]
    fn each_starts_from_the_request_as_the_first_found_it() {
        let config = r#"{"request": {"when": "!('x-done' in request.headers)",
            "patch": [{"replace": "/model", "value": "s"}],
            "set": [{"name": "authorization", "value": "of host 1"}, {"name": "x-done", "value": "1"}],
            "add": [{"name": "x-try", "value": "T"}], "remove": ["x-gone"]}}"#;
        let body = r#"{"model":"0123456789"}"#;
        let headers = [
            (":method", "POST"),
            ("content-length", "22"),
            ("authorization", "the client's"),
            ("x-gone", "1"),
            ("x-gone", "2"),
        ];
        let mut host = request(&headers, &[]);
        host.chain = Chain::Upstream;
        for _ in 0..3 {
            attempt(config, &mut host, body);
            assert_eq!(host.request.body(), br#"{"model":"s"}"#);
            assert_eq!(host.request.values("content-length"), ["13"]);
            assert_eq!(host.request.values("authorization"), ["of host 1"]);
            assert_eq!(host.request.values("x-try"), ["T"]);
            assert_eq!(host.request.values("x-gone"), [""; 0]);
        }
        // One that does nothing leaves nothing of the others.
        let nothing = config.replace("!('x-done' in request.headers)", "false");
        attempt(&nothing, &mut host, body);
        assert_eq!(host.request.body(), body.as_bytes());
        for (name, value) in [("content-length", "22"), ("authorization", "the client's")] {
            assert_eq!(host.request.values(name), [value]);
        }
        assert_eq!(host.request.values("x-gone"), ["1", "2"]);
        for name in ["x-try", "x-done"] {
            assert_eq!(host.request.values(name), [""; 0]);
        }
    }

    #[test]
    fn what_a_pattern_removed_is_there_for_the_next_attempt() {
        let config = r#"{"request": {"set": [{"name": "x-acme-user", "value": "u"}],
            "remove": ["x-acme-*", "*-debug"]}}"#;
        let headers = [("x-acme-a", "1"), ("x-acme-a", "2"), ("x-debug", "3")];
        let mut host = request(&headers, &[]);
        host.chain = Chain::Upstream;
        for _ in 0..2 {
            attempt(config, &mut host, "");
            assert_eq!(host.request.values("x-acme-user"), ["u"]);
            for name in ["x-acme-a", "x-debug"] {
                assert_eq!(host.request.values(name), [""; 0]);
            }
        }
        let nothing = r#"{"request": {"when": "false", "remove": ["x-other"]}}"#;
        attempt(nothing, &mut host, "");
        assert_eq!(host.request.values("x-acme-a"), ["1", "2"]);
        assert_eq!(host.request.values("x-debug"), ["3"]);
        assert_eq!(host.request.values("x-acme-user"), [""; 0]);
    }

    #[test]
    fn a_cluster_chooses_no_route() {
        let config = r#"{"request": {"extract": [{"header": "x-gateway-model-name"}]}}"#;
        let mut host = request(&[(MODEL, "forged")], &[]);
        host.chain = Chain::Upstream;
        attempt(config, &mut host, r#"{"model":"a"}"#);
        assert_eq!(host.request.values(MODEL), ["a"]);
        assert_eq!(host.calls_of("clear_route_cache"), 0);
    }

    /// The listener's filter has put it there.
    #[test]
    fn a_cluster_leaves_routing_headers_that_it_does_not_set() {
        let engine = Engine::new(Settings::from_lists(Some(MODEL), None));
        let load = |text: &str| Arc::new(engine.load(text.as_bytes()).unwrap().program);
        let own = load(r#"{"request": {"extract": [{"header": "x-own"}]}}"#);
        let mut host = request(&[(MODEL, "a"), ("x-own", "1")], &[]);
        host.chain = Chain::Upstream;
        host.routes = vec![Route::new(
            &[],
            Some(load(r#"{"request": {"remove": ["x-b"]}}"#)),
        )];
        let host = played(&own, host);
        assert_eq!(host.request.values(MODEL), ["a"]);
        assert_eq!(host.request.values("x-own"), ["1"]);
    }

    /// Envoy makes a new request of it, with the headers as they are.
    #[test]
    fn a_redirect_leaves_the_request_as_it_was() {
        let config = r#"{"request": {"set": [{"name": "authorization", "value": "of host 1"}]}}"#;
        for (status, kept) in [
            ("302", "the client's"),
            ("200", "of host 1"),
            ("304", "of host 1"),
        ] {
            let mut host = request(&[("authorization", "the client's")], &[]);
            host.response = Message::new(&[(":status", status)], [""; 0]);
            host.chain = Chain::Upstream;
            let host = played(&program(config), host);
            assert_eq!(host.request.values("authorization"), [kept]);
        }
    }
}

/// RFC 9110 sections 9.3.2 and 9.3.6: what follows such a request is framed in a way of its own.
#[test]
fn a_method_neither_becomes_head_or_connect_nor_stops_being_it() {
    let config =
        r#"{"request": {"set": [{"name": ":method", "value": "{{ header('x-method') }}"}]}}"#;
    for (before, wanted, after, failures) in [
        ("POST", "PUT", "PUT", 0),
        ("POST", "HEAD", "POST", 1),
        ("POST", "head", "POST", 1),
        ("POST", "CONNECT", "POST", 1),
        ("HEAD", "GET", "HEAD", 1),
        ("HEAD", "HEAD", "HEAD", 0),
        ("CONNECT", "POST", "CONNECT", 1),
    ] {
        let host = request(&[(":method", before), ("x-method", wanted)], &[]);
        let host = played(&program(config), host);
        assert_eq!(host.request.values(":method"), [after], "{before} {wanted}");
        assert_eq!(host.failures.len(), failures, "{before} {wanted}");
    }
}

#[test]
fn several_cookie_lines_are_one_to_expressions_and_joined_as_in_kgateway_to_templates() {
    let config = r#"{"request": {"set": [
        {"name": "x-cel", "cel": "request.headers['cookie']"},
        {"name": "x-jinja", "value": "{{ header('cookie') }}|{{ request_header('Cookie') }}"},
        {"name": "x-other", "value": "{{ header('x-a') }}"}]}}"#;
    let headers = [
        ("cookie", "a=1"),
        ("cookie", "b=2"),
        ("x-a", "1"),
        ("x-a", "2"),
    ];
    let host = played(&program(config), request(&headers, &[]));
    assert_eq!(host.request.values("x-cel"), ["a=1; b=2"]);
    assert_eq!(host.request.values("x-jinja"), ["a=1, b=2|a=1, b=2"]);
    assert_eq!(host.request.values("x-other"), ["1, 2"]);
}

/// Envoy 1.36 has no way to add a line. `set-cookie` has no meaning joined.
#[test]
fn a_host_that_joins_lines_keeps_the_cookies_it_cannot_set() {
    let config = r#"{"response": {
        "set": [{"name": "set-cookie", "cel": "response.headers.values('set-cookie').map(c, c + '; Secure')"},
            {"name": "x-a", "cel": "['1', '2']"}],
        "add": [{"name": "x-b", "cel": "['1', '2']"}]}}"#;
    for (joins, cookies, values, failures) in [
        (
            true,
            ["a=1", "b=2"],
            vec!["1, 2"],
            vec![Reason::HeaderValue],
        ),
        (
            false,
            ["a=1; Secure", "b=2; Secure"],
            vec!["1", "2"],
            vec![],
        ),
    ] {
        let mut host = answer(&[("set-cookie", "a=1"), ("set-cookie", "b=2")], &[]);
        host.joins_lines = joins;
        let host = played(&program(config), host);
        assert_eq!(host.response.values("set-cookie"), cookies);
        assert_eq!(host.response.values("x-a"), values);
        assert_eq!(host.response.values("x-b"), values);
        assert_eq!(reasons(&host), failures);
    }
}

/// What a client sees when Envoy's connection to the upstream is new: the same body twice.
#[test]
fn a_body_that_is_offered_twice_is_read_once() {
    let config =
        r#"{"request": {"bodyMode": "streamed", "extract": [{"header": "x-gateway-model-name"}]}}"#;
    let mut host = request(&[], &[r#"{"model":"m","n":1}"#]);
    host.play(&mut Session::new(program(config)), Neighbour::OffersAgain);
    assert_eq!(host.violations, [""; 0]);
    assert_eq!(host.failures, []);
    assert_eq!(host.request.values(MODEL), ["m"]);
}
