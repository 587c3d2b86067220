//! Which program runs where the route is chosen again.

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
        let config =
            format!(r#"{{"request": {{"when": "{when}", "extract": [{{"header": "{MODEL}"}}]}}}}"#);
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
    let streamed =
        r#"{"request": {"bodyMode": "streamed", "extract": [{"header": "x-gateway-model-name"}]}}"#;
    let patch = r#"{"request": {"patch": [{"replace": "/model", "value": "real"}]}}"#;
    // Where the host does not tell its limit, the session keeps what is bounded.
    let bounded = patch.replacen('{', r#"{"limits": {"maxHeldBytes": 1000}, "#, 1);
    for (limit, config) in [
        (Some(0), patch),
        (Some(1 << 20), patch),
        (None, patch),
        (None, &bounded),
    ] {
        for neighbour in Neighbour::ALL {
            let mut host = request(&[], &[r#"{"model":"a","#, r#""x":1"#, "}"]);
            host.limit = limit;
            host.routes = vec![route(Some("a"), Some(config)), route(None, None)];
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

/// The rest of a request is read for the program that began, beside what the route's does.
#[test]
fn a_second_value_is_refused_after_the_route_is_chosen_again() {
    let listener =
        r#"{"request": {"bodyMode": "streamed", "extract": [{"header": "x-gateway-model-name"}]}}"#;
    for config in [set("route"), "{}".to_owned()] {
        let routes = vec![route(Some("a"), Some(&config)), route(None, None)];
        let host = request(&[], &[r#"{"model":"a","#, r#""model":"b"}"#]);
        let host = sent(listener, routes, host);
        assert_eq!(host.request.values(MODEL), ["a"], "{config}");
        let refused = host.reply.is_some() || host.reset.is_some();
        assert!(refused, "{config}: {:?}", host.failures);
    }
}
