use super::*;
use crate::settings::Settings;

fn diagnostics(text: &str) -> Vec<String> {
    let diagnostics = match Program::load(text.as_bytes()) {
        Ok(loaded) => loaded.warnings,
        Err(errors) => errors.0,
    };
    diagnostics
        .iter()
        .map(|d| format!("{} {d}", d.code))
        .collect()
}

#[test]
fn collects_every_error_of_every_kind() {
    let text = r#"{"request":{
        "extract":[
            {"from":[{"json":"model"}],"header":"x model"},
            {"name":"path","header":":path"},
            {"from":[]},
            {"name":"a","header":"x-a","from":[{"header":"X-A"}]},
            {"name":"a","header":"X-A","default":"a\nb"}
        ],
        "clearRouteCache":1,
        "set":[{"name":"a","value":"{{ x"},{"name":"","value":"b"}],
        "body":{"parseAs":"None"}
    },"response":{"extract":[{"name":"r","header":"x"}],"remove":["a b"]},"limits":{"jsonDepth":500}}"#;
    assert_eq!(
        diagnostics(text),
        [
            "RF002 request.clearRouteCache: invalid type: integer `1`, expected a boolean",
            "RF009 limits.jsonDepth: 500 is out of range; write a number from 1 to 127",
            "RF006 request.extract[0].header: `x model` is not a header name; use letters, digits and `-`",
            "RF007 request.extract[0].from[0]: `model`: a JSON Pointer begins with `/`; write `/model`",
            "RF008 request.extract[1].header: `extract` would remove `:path` from every request; extract into a header of your own, and use `set` for this one",
            "RF008 request.extract[2].from: the list has no source; add a source, or remove `from` to read `/model`",
            "RF008 request.extract[3].from[0]: a field sets `x-a`, so what the client sent in it is removed; read a header that no field sets",
            "RF006 request.extract[4].default: the value cannot be put into a header; remove control characters, and spaces around it",
            "RF008 request.extract[4].name: `a` is already the name of request.extract[3]; give each field its own",
            "RF008 request.extract[4].header: `x-a` is already the header of request.extract[3]; give each field its own",
            "RF008 request.body.parseAs: `extract` reads the body, but `parseAs: None` turns that off; remove `body`, or the sources in the body from `extract`",
            "RF004 request.set[0] `a`: unexpected end of input, expected `}}` at 1:4; end each `{{` with `}}`, each `{%` with `%}`, and each `{% if %}` with `{% endif %}`",
            "RF006 request.set[1] ``: `` is not a header name; use letters, digits and `-`",
            "RF006 response.remove[0]: `a b` is not a header name; use letters, digits and `-`",
            "RF008 response.extract[0].header: the headers of a response have gone on when its body is read; add `bodyMode: buffered`, which holds every response until it ends",
        ]
    );
}

#[test]
fn names_that_do_not_exist_are_warnings_that_suggest() {
    assert_eq!(
        diagnostics(
            r#"{"request":{"set":[{"name":"x-model","value":"{{ header('a') | uper }}"},
                {"name":"b","value":"{{ headr('a') }}{% if 1 is evn %}{% endif %}"}],
                "body":{"parseAs":"AsJson"}}}"#
        ),
        [
            "RF005 request.set[0] `x-model`: unknown filter `uper` at 1:18; did you mean `upper`?",
            "RF005 request.set[1] `b`: unknown function `headr` at 1:4; did you mean `header`?",
            "RF005 request.set[1] `b`: unknown test `evn` at 1:28; did you mean `even`?",
        ]
    );
}

#[test]
fn a_template_no_message_can_satisfy_is_a_warning() {
    assert_eq!(
        diagnostics(r#"{"request":{"set":[{"name":"x","value":"{{ model }}"}]}}"#),
        [
            "RF005 request.set[0] `x`: every message is answered 400, because no body is parsed to read `model` from at 1:4; set `body.parseAs` to `AsJson`"
        ]
    );
    let declared = r#"{"request":{"extract":[{"header":"h"}],"set":[{"name":"x","value":"{{ extracted.model }}"}]}}"#;
    assert_eq!(diagnostics(declared), [""; 0]);
    let undeclared = r#"{"request":{"set":[{"name":"x","value":"{{ extracted.model }}"}]}}"#;
    assert_eq!(diagnostics(undeclared).len(), 1);
}

#[test]
fn needs_are_known_from_the_templates() {
    let headers = |value: &str| {
        let config =
            serde_json::json!({"request": {"set": [{"name": "x", "value": value}]}}).to_string();
        Program::load(config.as_bytes())
            .unwrap()
            .program
            .request_headers
    };
    let named =
        |names: &[&str]| HeaderNames::Named(names.iter().map(|name| (*name).to_owned()).collect());
    assert_eq!(headers("constant"), named(&[]));
    assert_eq!(
        headers("{{ header('X-A') }}{{ request_header('b') }}"),
        named(&["b", "x-a"])
    );
    assert_eq!(headers("{{ get_cookie('a') }}"), named(&["cookie"]));
    assert_eq!(
        headers("{{ header('x-' ~ header('y')) }}"),
        HeaderNames::All
    );
    assert_eq!(
        headers("{% set h = header %}{{ h('x') }}"),
        HeaderNames::All
    );
    assert_eq!(
        headers("{% macro m() %}{{ header('x') }}{% endmacro %}{{ m() }}"),
        named(&["x"])
    );
}

#[test]
fn an_empty_pass_is_no_pass() {
    for text in [
        "{}",
        r#"{"request":{}}"#,
        r#"{"request":{"body":{"parseAs":"AsString"}}}"#,
        r#"{"request":{"dynamicMetadata":[{"namespace":"","key":"k","value":{"stringValue":"v"}}]}}"#,
    ] {
        let program = Program::load(text.as_bytes()).unwrap().program;
        assert!(program.pass(Direction::Request).is_none(), "{text}");
    }
    let json = br#"{"request":{"body":{"parseAs":"AsJson"}}}"#;
    assert!(
        Program::load(json)
            .unwrap()
            .program
            .pass(Direction::Request)
            .is_some()
    );
}

#[test]
fn setting_a_routing_header_clears_the_route_cache() {
    let engine = Engine::new(Settings::from_lists(Some("X-Model"), None));
    for (request, clears) in [
        (r#"{"set":[{"name":"x-model","value":"a"}]}"#, true),
        (r#"{"add":[{"name":"X-MODEL","value":"a"}]}"#, true),
        (
            r#"{"set":[{"name":"x-model","value":"a"}],"clearRouteCache":false}"#,
            false,
        ),
        (r#"{"set":[{"name":"x-other","value":"a"}]}"#, false),
        (
            r#"{"set":[{"name":"x-other","value":"a"}],"clearRouteCache":true}"#,
            true,
        ),
        (r#"{"extract":[{"header":"x-other"}]}"#, true),
        (
            r#"{"extract":[{"metadata":{"namespace":"n","key":"k"}}]}"#,
            false,
        ),
    ] {
        let text = format!(r#"{{"request":{request}}}"#);
        let program = engine.load(text.as_bytes()).unwrap().program;
        assert_eq!(
            program.request.unwrap().clear_route_cache,
            clears,
            "{request}"
        );
    }
    let response = br#"{"response":{"set":[{"name":"x-model","value":"a"}]}}"#;
    assert!(
        !engine
            .load(response)
            .unwrap()
            .program
            .response
            .unwrap()
            .clear_route_cache
    );
}

#[test]
fn templates_read_only_the_variables_they_may() {
    let engine = Engine::new(Settings::from_lists(None, Some("CARGO_PKG_*")));
    let text = br#"{"request":{"set":[{"name":"x","value":"{{ env('HOME') }}{{ env('CARGO_PKG_NAME') }}"}]}}"#;
    let warnings = engine.load(text).unwrap().warnings;
    assert_eq!(warnings.len(), 1);
    assert_eq!(
        warnings[0].to_string(),
        "request.set[0] `x`: the environment variable `HOME` may not be read, so it has no value; \
         add it to RUSTFORMATIONS_ENV_ALLOW"
    );
}

#[test]
fn a_field_that_goes_nowhere_is_refused() {
    assert_eq!(
        diagnostics(r#"{"request":{"extract":[{}]}}"#),
        [
            "RF008 request.extract[0]: nothing uses this field; add `header` or `metadata`, or use `extracted` in a template or expression"
        ]
    );
}

/// As the page of the fixed limits has it.
#[test]
fn as_many_pointers_are_read_as_may_be() {
    for pass in ["request", "response"] {
        let bound = |bound: &crate::Bound| {
            let what = format!("JSON Pointers of the fields of a {pass} pass");
            bound.what.starts_with(&what).then_some(bound.most)
        };
        let most = crate::bounds().iter().find_map(bound).unwrap();
        for (count, fits) in [(most, true), (most + 1, false)] {
            let sources = (0..count).map(|number| format!(r#"{{"json": "/p{number}"}}"#));
            let sources = sources.collect::<Vec<_>>().join(",");
            let target = r#""metadata": {"namespace": "n", "key": "k"}"#;
            let config = format!(
                r#"{{"{pass}": {{"extract": [{{"name": "m", "from": [{sources}], {target}}}]}}}}"#
            );
            let loaded = Program::load(config.as_bytes());
            assert_eq!(loaded.is_ok(), fits, "{pass} {count}");
        }
    }
}

#[test]
fn as_many_parts_are_read_as_may_be() {
    for (source, count, fits) in [
        ("multipart", 64, true),
        ("multipart", 65, false),
        ("form", 64, true),
        ("form", 65, false),
    ] {
        let sources = (0..count).map(|number| format!(r#"{{"{source}": "p{number}"}}"#));
        let sources = sources.collect::<Vec<_>>().join(",");
        let config = format!(
            r#"{{"request": {{"extract": [{{"name": "m", "from": [{sources}], "header": "x-m"}}]}}}}"#
        );
        let loaded = Program::load(config.as_bytes());
        assert_eq!(loaded.is_ok(), fits, "{source} {count}");
    }
}
