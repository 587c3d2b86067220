//! What holds for every body and every configuration.

#![forbid(unsafe_code)]

use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Map, Value, json};
use transformations::testing::{Host, Message, Neighbour};
use transformations::{AttributeValue, Direction, Program, Reason, Reply, Session};

/// The header that configurations extract into, and a text the client sends in it.
const ROUTED: &str = "x-routed";
const FORGED: &str = "forged-by-the-client";

const KEYS: [&str; 6] = ["model", "a", "b", "x-y", "", "0"];
const HEADERS: [&str; 5] = ["x-a", "x-b", "x-set", "X-Routed", "cookie"];

fn key() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => prop::sample::select(&KEYS[..]).prop_map(str::to_owned),
        1 => "[a-z~/\"é\\\\\u{1}]{0,3}",
    ]
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-z0-9-]{0,6}",
        2 => "[ -~é✓𝄞]{0,6}",
        1 => "[\u{0}-\u{7f}]{0,4}",
    ]
}

fn document() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<i16>().prop_map(|n| Value::from(f64::from(n) / 8.0)),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            1 => prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            3 => prop::collection::vec((key(), inner), 0..5)
                .prop_map(|members| Value::from(members.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// An object's text, in which keys may stand twice.
fn object_text() -> impl Strategy<Value = String> {
    prop::collection::vec((key(), document()), 0..6).prop_map(|members| {
        let member = |(key, value): &(String, Value)| format!("{} : {value}", json!(key));
        let members: Vec<String> = members.iter().map(member).collect();
        format!("{{{}}}", members.join(",\n"))
    })
}

fn body() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => object_text().prop_map(String::into_bytes),
        2 => document().prop_map(|document| document.to_string().into_bytes()),
        1 => text().prop_map(String::into_bytes),
        1 => prop::collection::vec(any::<u8>(), 0..40),
    ]
}

/// A template.
fn template() -> impl Strategy<Value = String> {
    let expression = prop::sample::select(
        &[
            "model",
            "a.b",
            "a | length",
            "context()",
            "body()",
            "extracted.model",
            "extracted",
            "header('x-a')",
            "header('x-routed')",
            "header(a)",
            "request_header('x-b')",
            "get_cookie('a')",
            "substring(header('x-a'), 1, 3)",
            "substring(body(), a, b)",
            "raw_string(model)",
            "base64_encode(body())",
            "base64_decode(header('x-b'))",
            "replace_with_string(body(), 'a', '\\r\\n')",
            "model ~ '\\u0000'",
            "a or b",
            "nope()",
            "1 / 0",
        ][..],
    )
    .prop_map(|expression| format!("{{{{ {expression} }}}}"));
    let piece = prop_oneof![
        3 => expression,
        2 => "[a-z ]{0,4}",
        1 => Just("{% for i in a %}{{ i }},{% endfor %}".to_owned()),
        1 => Just("{% if model %}yes{% else %}{{ b }}{% endif %}".to_owned()),
        1 => Just("\n".to_owned()),
    ];
    prop::collection::vec(piece, 0..4).prop_map(|pieces| pieces.concat())
}

fn edits() -> impl Strategy<Value = Value> {
    let edit = (prop::sample::select(&HEADERS[..]), template())
        .prop_map(|(name, value)| json!({"name": name, "value": value}));
    prop::collection::vec(edit, 0..4).prop_map(Value::from)
}

/// A field of the body, put where a client would like to put it itself.
fn extract() -> impl Strategy<Value = Value> {
    (
        prop::sample::select(&["/model", "/a", "/a/b", "/b/0", "", "/x-y"][..]),
        prop::sample::select(&["reject", "first", "last"][..]),
        prop::option::of(text()),
        prop::sample::select(&["continue", "reject"][..]),
        prop::sample::select(&["continue", "reject"][..]),
        any::<bool>(),
    )
        .prop_map(|(pointer, duplicates, alias, missing, invalid, header)| {
            let mut from = vec![json!({"json": pointer})];
            if header {
                from.push(json!({"header": "x-b"}));
            }
            let alias = alias.filter(|value| {
                let control = value.bytes().any(|byte| byte.is_ascii_control());
                !value.is_empty() && !control && value.trim_matches(' ') == value
            });
            json!({
                "name": "model", "from": from, "header": "X-Routed", "duplicates": duplicates,
                "aliases": alias
                    .map(|value| value.replace('$', "$$") + if header { "$1" } else { "" })
                    .map(|value| json!({"match": "a*", "value": value}))
                    .into_iter()
                    .collect::<Vec<_>>(),
                "onMissing": missing, "onInvalid": invalid,
            })
        })
}

/// Edits of a body; some lead through each other, and are refused.
fn patch() -> impl Strategy<Value = Value> {
    let pointer = prop::collection::vec(
        prop_oneof![6 => key(), 1 => Just("-".to_owned()), 1 => Just("1".to_owned())],
        1..3,
    );
    let pointer = pointer.prop_map(|keys| {
        let part = |key: &String| format!("/{}", key.replace('~', "~0").replace('/', "~1"));
        keys.iter().map(part).collect::<String>()
    });
    const PATHS: [&str; 8] = [
        "$..*",
        "$..a",
        "$.*.b",
        "$[*]",
        "$.a[-1]",
        "$.a[0]",
        "$..b[*].a",
        "$.a[*].m",
    ];
    let place = prop_oneof![
        3 => pointer,
        2 => prop::sample::select(&PATHS[..]).prop_map(str::to_owned),
    ];
    let value = prop::sample::select(
        &[
            "{{ header('x-a') }}",
            "{{ extracted.model }}",
            "new",
            "{{ 1 / 0 }}",
        ][..],
    );
    let json = prop_oneof![
        3 => document().prop_map(|value| value.to_string().replace("{{", "{ {")),
        1 => Just("[{{ header('x-a') }}]".to_owned()),
    ];
    let source = prop_oneof![
        2 => value.prop_map(|text| ("value", text.to_owned())),
        2 => json.prop_map(|text| ("json", text)),
        2 => prop::sample::select(&["value", "document.a", "[value, document]", "1", "optional.none()"][..])
            .prop_map(|text| ("cel", text.to_owned())),
    ];
    let verb = prop::sample::select(&["set", "replace", "default", "insert", "remove"][..]);
    let when = prop::sample::select(&["has(document.a)", "value == 1", "true"][..]);
    let edit = (place, verb, source, prop::option::weighted(0.3, when));
    let edit = edit.prop_map(|(place, verb, (kind, text), when)| {
        let mut edit = serde_json::Map::from_iter([(verb.to_owned(), json!(place))]);
        if verb != "remove" {
            edit.insert(kind.to_owned(), json!(text));
        }
        edit.extend(when.map(|when| ("when".to_owned(), json!(when))));
        Value::from(edit)
    });
    prop::collection::vec(edit, 1..4).prop_map(Value::from)
}

/// A configuration whose `set` and `add` leave the header of `extract` alone when there is one.
fn config() -> impl Strategy<Value = Value> {
    let transformation = || {
        (
            edits(),
            edits(),
            prop::sample::select(&["AsString", "AsJson"][..]),
            prop_oneof![1 => Just(String::new()), 2 => template()],
            template(),
        )
            .prop_map(|(set, add, parse_as, body, metadata)| {
                json!({
                    "set": set, "add": add, "remove": ["x-b", "x-*-r"],
                    "body": {"parseAs": parse_as, "value": body},
                    "dynamicMetadata": [
                        {"namespace": "n", "key": "k", "value": {"stringValue": metadata}}
                    ],
                })
            })
    };
    (
        transformation(),
        transformation(),
        prop::option::weighted(0.7, extract()),
    )
        .prop_map(|(mut request, response, extract)| {
            if let (Some(extract), Some(members)) = (extract, request.as_object_mut()) {
                for key in ["set", "add"] {
                    if let Some(Value::Array(edits)) = members.get_mut(key) {
                        edits.retain(|edit| edit.get("name") != Some(&json!("X-Routed")));
                    }
                }
                members.insert("extract".to_owned(), json!([extract]));
            }
            json!({"request": request, "response": response})
        })
}

/// Cuts `body` at `places`, which may be equal, or beyond it.
fn cut(body: &[u8], places: &[prop::sample::Index]) -> Vec<Vec<u8>> {
    let mut places: Vec<usize> = places
        .iter()
        .map(|place| place.index(body.len().saturating_add(1)))
        .collect();
    places.sort_unstable();
    let mut chunks = Vec::new();
    let mut rest = body;
    let mut done = 0;
    for place in places {
        let (chunk, after) = rest.split_at(place.saturating_sub(done));
        chunks.push(chunk.to_vec());
        rest = after;
        done = place;
    }
    chunks.push(rest.to_vec());
    chunks
}

/// What became of an exchange.
struct Outcome {
    reply: Option<Reply>,
    /// What failed, without the numbers that may stand in the details.
    failures: Vec<(Reason, String)>,
}

/// Plays an exchange; of what the host holds afterwards, the bodies are in one piece.
fn exchange(
    program: &Arc<Program>,
    request: Vec<Vec<u8>>,
    response: Vec<Vec<u8>>,
) -> (Host, Outcome) {
    let headers = [
        ("x-a", "added,é"),
        ("x-b", "YQ=="),
        (ROUTED, FORGED),
        (ROUTED, FORGED),
        ("cookie", "a=1; b=2"),
        ("content-type", "application/json"),
    ];
    let host = Host::new(
        Message::new(&headers, request),
        Message::new(&[(":status", "200"), ("x-a", "r")], response),
    );
    played(program, host)
}

fn played(program: &Arc<Program>, mut host: Host) -> (Host, Outcome) {
    host.play(&mut Session::new(Arc::clone(program)), Neighbour::None);
    for message in [&mut host.request, &mut host.response] {
        message.chunks = vec![message.body()];
    }
    let failures = host.failures.iter();
    let outcome = Outcome {
        reply: host.reply.clone().map(|(_, reply)| reply),
        failures: failures
            .map(|failure| (failure.reason, failure.path.clone()))
            .collect(),
    };
    (host, outcome)
}

fn load(config: &Value) -> Result<Arc<Program>, TestCaseError> {
    let loaded = Program::load(config.to_string().as_bytes());
    let loaded = loaded.map_err(|errors| TestCaseError::fail(format!("{errors}\n{config:#}")))?;
    Ok(Arc::new(loaded.program))
}

fn places() -> impl Strategy<Value = Vec<prop::sample::Index>> {
    prop::collection::vec(any::<prop::sample::Index>(), 0..6)
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn however_the_body_is_cut_the_outcome_is_equal(
        config in config(), request in body(), response in body(), cuts in places(),
    ) {
        let program = load(&config)?;
        let (whole, outcome) = exchange(&program, vec![request.clone()], vec![response.clone()]);
        let bytes = |body: &[u8]| body.chunks(1).map(<[u8]>::to_vec).collect();
        let arrivals = [
            (cut(&request, &cuts), cut(&response, &cuts)),
            (bytes(&request), bytes(&response)),
        ];
        for (request, response) in arrivals {
            let (host, other) = exchange(&program, request, response);
            prop_assert_eq!(&host.request, &whole.request);
            prop_assert_eq!(&host.response, &whole.response);
            prop_assert_eq!(&host.metadata, &whole.metadata);
            prop_assert_eq!(&other.reply, &outcome.reply);
            prop_assert_eq!(&other.failures, &outcome.failures);
        }
    }

    #[test]
    fn nothing_a_header_cannot_carry_reaches_a_header(
        config in config(), request in body(), response in body(),
    ) {
        let (host, _) = exchange(&load(&config)?, vec![request], vec![response]);
        prop_assert_eq!(&host.violations, &[""; 0]);
        for (name, value) in host.request.headers.iter().chain(&host.response.headers) {
            let control = value.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t');
            prop_assert!(!control, "{name}: {value:?}");
        }
    }

    #[test]
    fn content_length_is_the_length_of_a_new_body(
        config in config(), request in body(), response in body(),
    ) {
        let (host, outcome) = exchange(&load(&config)?, vec![request.clone()], vec![response.clone()]);
        for (direction, before) in [(Direction::Request, request), (Direction::Response, response)] {
            let message = host.message(direction);
            let headers = message.by_name();
            let length = headers.get("content-length");
            let template = &config[direction.as_str()]["body"]["value"];
            if template != "" && outcome.reply.is_none() {
                let expected = vec![message.body().len().to_string().into_bytes()];
                prop_assert_eq!(length, Some(&expected));
                let typed = headers.contains_key("content-type");
                prop_assert!(!typed || !message.body().is_empty());
            }
            if template == "" && outcome.reply.is_none() {
                prop_assert_eq!(length, None);
                prop_assert_eq!(message.body(), before);
            }
        }
    }

    #[test]
    fn a_patched_body_is_what_it_was_or_json_of_its_length(
        patch in patch(), body in body(), response in body(), cuts in places(),
    ) {
        let config = json!({
            "request": {"extract": [{"header": "x-routed", "onInvalid": "continue"}], "patch": patch},
            "response": {"patch": patch},
        });
        let Ok(loaded) = Program::load(config.to_string().as_bytes()) else {
            return Ok(());
        };
        let program = Arc::new(loaded.program);
        let (whole, outcome) = exchange(&program, vec![body.clone()], vec![response.clone()]);
        prop_assert_eq!(&whole.violations, &[""; 0]);
        for (before, after) in [(&body, whole.request.body()), (&response, whole.response.body())] {
            if serde_json::from_slice::<Value>(before).is_ok() {
                let edited = serde_json::from_slice::<Value>(&after);
                prop_assert!(edited.is_ok(), "{}", after.escape_ascii());
            }
        }
        let (cut, other) = exchange(&program, cut(&body, &cuts), cut(&response, &cuts));
        prop_assert_eq!(&cut.request, &whole.request);
        prop_assert_eq!(&cut.response, &whole.response);
        prop_assert_eq!(&other.failures, &outcome.failures);

        // With a length, it is the new one.
        let length = body.len().to_string();
        let headers = [("content-length", length.as_str()), ("x-a", "added,é")];
        let host = Host::new(Message::new(&headers, [body]), Message::default());
        let (host, _) = played(&program, host);
        let length = host.request.body().len().to_string().into_bytes();
        let headers = host.request.by_name();
        prop_assert_eq!(headers.get("content-length"), Some(&vec![length]));
    }

    #[test]
    fn what_the_client_sent_in_an_extract_header_never_survives(
        config in config(), extract in extract(), request in body(), response in body(),
    ) {
        let mut config = config;
        config["request"]["extract"] = json!([extract]);
        let (host, outcome) = exchange(&load(&config)?, vec![request], vec![response]);
        for (name, value) in host.request.headers.iter().chain(&host.response.headers) {
            let value = String::from_utf8_lossy(value);
            prop_assert!(!value.contains(FORGED), "{name}: {value}");
        }
        for message in [&host.request, &host.response] {
            prop_assert!(!String::from_utf8_lossy(&message.body()).contains(FORGED));
        }
        for write in &host.metadata {
            let write = format!("{write:?}");
            prop_assert!(!write.contains(FORGED));
        }
        let said = outcome.reply.map(|reply| reply.body).unwrap_or_default();
        prop_assert!(!said.contains(FORGED));
    }

    #[test]
    fn extraction_agrees_with_json_pointer(
        document in document(), path in prop::collection::vec(key(), 0..4),
        index in prop::option::of(0..3_usize), cuts in places(),
    ) {
        let mut pointer: String = path
            .iter()
            .map(|key| format!("/{}", key.replace('~', "~0").replace('/', "~1")))
            .collect();
        if let Some(index) = index {
            pointer.push_str(&format!("/{index}"));
        }
        let config = json!({"request": {"extract": [
            {"name": "f", "from": [{"json": pointer}], "metadata": {"namespace": "n", "key": "k"}},
        ]}});
        let chunks = cut(document.to_string().as_bytes(), &cuts);
        let (host, outcome) = exchange(&load(&config)?, chunks, Vec::new());
        let expected = match document.pointer(&pointer) {
            Some(Value::String(text)) if !text.is_empty() => Some(text.clone()),
            Some(value @ (Value::Number(_) | Value::Bool(_))) => Some(value.to_string()),
            _ => None,
        };
        // Nor may metadata hold what a header cannot: it reaches access logs.
        let carried = |value: &String| {
            !value.contains(|c: char| c != '\t' && c.is_ascii_control())
                && value.trim_matches([' ', '\t']) == value
        };
        let refused = expected.as_ref().filter(|value| !carried(value));
        let failures = refused.map(|_| (Reason::HeaderValue, "request.extract[0] `f`".to_owned()));
        prop_assert_eq!(outcome.failures, Vec::from_iter(failures));
        let expected = expected.filter(carried);
        let expected = expected.map(|value| ("n".to_owned(), "k".to_owned(), AttributeValue::Text(value)));
        prop_assert_eq!(host.metadata, Vec::from_iter(expected));
    }

    /// Most parsers believe the last of equal keys.
    #[test]
    fn the_last_of_equal_keys_is_what_a_parser_sees(text in object_text(), cuts in places()) {
        let parsed: Value = serde_json::from_str(&text).unwrap();
        let config = json!({"request": {"extract": [
            {"from": [{"json": "/model"}], "duplicates": "last", "metadata": {"namespace": "n", "key": "k"}},
            {"from": [{"json": "/a/b"}], "duplicates": "last", "metadata": {"namespace": "n", "key": "k"}},
        ]}});
        let (host, _) = exchange(&load(&config)?, cut(text.as_bytes(), &cuts), Vec::new());
        let value = |pointer| match parsed.pointer(pointer) {
            Some(Value::String(text)) if !text.is_empty() => Some(text.clone()),
            Some(value @ (Value::Number(_) | Value::Bool(_))) => Some(value.to_string()),
            _ => None,
        };
        // What a header cannot carry as it is, no metadata gets either.
        let carried = |value: &String| {
            let control = value.bytes().any(|byte| byte.is_ascii_control() && byte != b'\t');
            !control && value.trim_matches([' ', '\t']) == value
        };
        let expected = ["/model", "/a/b"].into_iter().filter_map(value).filter(carried);
        let written: Vec<_> = host.metadata.into_iter().map(|(_, _, value)| value).collect();
        prop_assert_eq!(written, Vec::from_iter(expected.map(AttributeValue::Text)));
    }

    /// kgateway answers 400 to exactly the bodies that its parser refuses.
    #[test]
    fn as_json_refuses_what_the_parser_refuses(body in body(), cuts in places()) {
        let config = json!({"request": {"body": {"parseAs": "AsJson"}}});
        let (_, outcome) = exchange(&load(&config)?, cut(&body, &cuts), Vec::new());
        let refused = !body.is_empty() && serde_json::from_slice::<Value>(&body).is_err();
        prop_assert_eq!(outcome.reply.is_some(), refused);
    }

    #[test]
    fn any_bytes_are_loaded_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let refused = Program::load(&bytes).is_err();
        prop_assert!(refused || serde_json::from_slice::<Value>(&bytes).is_ok());
    }

    #[test]
    fn any_template_is_compiled_or_refused(
        pieces in prop::collection::vec(
            prop_oneof![
                3 => prop::sample::select(&[
                    "{{", "}}", "{%", "%}", "{#", "#}", "if", "else", "endif", "for", "in", "endfor",
                    "macro", "endmacro", "set", "block", "endblock", "header", "body()", "(", ")",
                    "[", "]", "{", "}", "'x'", "1", "|", "~", "-", "=", ",", ".", ":", "is", "not", "\n",
                ][..]).prop_map(str::to_owned),
                1 => ".{0,4}",
            ],
            0..16,
        ),
        request in body(),
    ) {
        let template = pieces.join(" ");
        let config = json!({"request": {
            "set": [{"name": "x-a", "value": template}],
            "body": {"parseAs": "AsJson", "value": template},
        }});
        if let Ok(loaded) = Program::load(config.to_string().as_bytes()) {
            let (host, _) = exchange(&Arc::new(loaded.program), vec![request], Vec::new());
            prop_assert_eq!(&host.violations, &[""; 0]);
        }
    }

    #[test]
    fn any_body_is_read_or_refused(
        config in config(), request in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let (host, _) = exchange(&load(&config)?, vec![request.clone()], vec![request]);
        prop_assert_eq!(&host.violations, &[""; 0]);
    }
}
