//! What four times the input costs: four times the processor time, not sixteen times. Where a budget stops the pass
//! instead, it is reported as a failure.

#![forbid(unsafe_code)]
// Helpers of tests may fail as tests do.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};
use transformations::testing::{Host, Message, Neighbour};
use transformations::{Program, Session};

/// By how much time may grow where the input grows by four: a quadratic pass takes sixteen times.
const GROWTH: u32 = 9;

/// How often each size is measured; the fastest counts.
const TIMES: usize = 3;

/// What a pass takes that is too short to be compared.
const NOTHING: Duration = Duration::from_micros(500);

/// A request: its path, its headers, its body.
#[derive(Default)]
struct Sent {
    path: String,
    headers: Vec<(&'static str, String)>,
    body: String,
}

impl Sent {
    fn body(content_type: &str, body: String) -> Self {
        let headers = vec![("content-type", content_type.to_owned())];
        let path = "/".to_owned();
        Self {
            path,
            headers,
            body,
        }
    }

    fn json(body: String) -> Self {
        Self::body("application/json", body)
    }

    fn header(name: &'static str, value: String) -> Self {
        let headers = vec![(name, value)];
        let path = "/".to_owned();
        Self {
            path,
            headers,
            ..Self::default()
        }
    }

    fn path(path: String) -> Self {
        Self {
            path,
            ..Self::default()
        }
    }
}

/// An input that grows: its name, the configuration, the smaller size, the request of a size.
type Input = (&'static str, Value, usize, fn(usize) -> Sent);

fn extract(source: &Value) -> Value {
    json!({"request": {"extract": [{"name": "model", "from": [source], "header": "x-model"}]}})
}

fn template(template: &str) -> Value {
    let edit = json!({"name": "x-a", "value": template});
    json!({"request": {"body": {"parseAs": "AsJson"}, "set": [edit]}})
}

fn expression(expression: &str) -> Value {
    json!({"request": {"set": [{"name": "x-a", "cel": expression}]}})
}

fn patch(edit: &Value) -> Value {
    json!({"request": {"patch": [edit]}})
}

const FORM: &str = "application/x-www-form-urlencoded";
const MULTIPART: &str = "multipart/form-data; boundary=XX";

/// A list of numbers as `messages`, and a model behind it.
fn messages(n: usize) -> Sent {
    let messages: Vec<usize> = (0..n).collect();
    Sent::json(json!({"messages": messages, "model": "m"}).to_string())
}

fn part(name: &str, content: &str) -> String {
    format!("--XX\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{content}\r\n")
}

fn inputs() -> Vec<Input> {
    vec![
        (
            "members of JSON",
            extract(&json!({"json": "/model"})),
            20_000,
            |n| {
                let members: String = (0..n).map(|n| format!("\"k{n}\":{n},")).collect();
                Sent::json(format!("{{{members}\"model\":\"m\"}}"))
            },
        ),
        (
            "equal members of JSON",
            extract(&json!({"json": "/model"})),
            20_000,
            |n| {
                Sent::json(format!(
                    "{{{}\"model\":\"m\"}}",
                    "\"model\":\"m\",".repeat(n)
                ))
            },
        ),
        (
            "quotes in a text",
            extract(&json!({"json": "/model"})),
            50_000,
            |n| {
                Sent::json(format!(
                    "{{\"x\":\"{}\",\"model\":\"m\"}}",
                    "\\\"".repeat(n)
                ))
            },
        ),
        (
            "parts",
            extract(&json!({"multipart": "model"})),
            2000,
            |n| {
                let parts: String = (0..n).map(|n| part(&n.to_string(), "x")).collect();
                Sent::body(MULTIPART, parts + &part("model", "m") + "--XX--\r\n")
            },
        ),
        (
            "what nearly are boundaries",
            extract(&json!({"multipart": "model"})),
            20_000,
            |n| {
                let nearly = part("x", &"\r\n--X".repeat(n));
                Sent::body(MULTIPART, nearly + &part("model", "m") + "--XX--\r\n")
            },
        ),
        (
            "fields of a form",
            extract(&json!({"form": "model"})),
            20_000,
            |n| Sent::body(FORM, "a=%61&".repeat(n) + "model=m"),
        ),
        (
            "segments of a path",
            extract(&json!({"path": "/**/models/{model}"})),
            2000,
            |n| Sent::path("/models/x".repeat(n) + "/models/m"),
        ),
        (
            "dots in a path",
            extract(&json!({"path": "/**/models/{model}"})),
            2000,
            |n| Sent::path("/a/..".repeat(n) + "/models/m"),
        ),
        (
            "cookies",
            template("{{ get_cookie('model') }}"),
            2000,
            |n| Sent::header("cookie", "a=b; ".repeat(n) + "model=m"),
        ),
        (
            "parameters of a query",
            expression("request.pathAndQuery.getQuery('model')"),
            2000,
            |n| Sent::path(format!("/?{}model=m", "a=%61&".repeat(n))),
        ),
        (
            "parameters that are taken out",
            expression("request.pathAndQuery.removeQuery('a')"),
            2000,
            |n| Sent::path(format!("/?{}model=m", "a=%61&".repeat(n))),
        ),
        (
            "a loop",
            template("{% for m in messages %}{% endfor %}{{ model }}"),
            2000,
            messages,
        ),
        (
            "a loop that looks for each",
            template("{% for m in messages %}{% if m in messages %}{% endif %}{% endfor %}"),
            250,
            messages,
        ),
        (
            "a loop that sorts",
            template("{% for m in messages %}{{ messages | sort | first }}{% endfor %}"),
            300,
            messages,
        ),
        (
            "a text that grows in a loop",
            template(
                "{% set ns = namespace(t='') %}{% for m in messages %}{% set ns.t = ns.t ~ m %}{% endfor %}",
            ),
            8000,
            messages,
        ),
        (
            "replaced text",
            template("{{ text | replace('a', 'bb') | length }}"),
            20_000,
            |n| Sent::json(json!({"text": "a".repeat(n)}).to_string()),
        ),
        (
            "a list that is mapped",
            expression("string(json(request.body).messages.map(m, m).size())"),
            2000,
            messages,
        ),
        (
            "a list that is searched for each",
            expression(
                "string(json(request.body).messages.all(m, m in json(request.body).messages))",
            ),
            1000,
            messages,
        ),
        (
            "a pattern with loops in loops",
            expression("string(string(request.body).matches('(a+)+b'))"),
            20_000,
            |n| Sent::json("a".repeat(n)),
        ),
        (
            "a pattern that counts",
            expression("string(string(request.body).matches('(a?){50}a{50}b'))"),
            2000,
            |n| Sent::json("a".repeat(n)),
        ),
        (
            "globs of aliases",
            json!({"request": {"extract": [
                {"header": "x-model", "aliases": [{"match": "*a*a*a*a*a*b", "value": "x"}]},
            ]}}),
            1000,
            |n| Sent::json(json!({"model": "a".repeat(n)}).to_string()),
        ),
        (
            "places at any depth",
            patch(&json!({"remove": "$..a..b..c"})),
            1000,
            |n| {
                let lists: String = (0..n).map(|_| "{\"a\":{\"b\":{\"x\":1}}},").collect();
                Sent::json(format!("{{\"list\":[{lists}1]}}"))
            },
        ),
        (
            "places that are removed",
            patch(&json!({"remove": "$.list[*].a"})),
            1000,
            |n| Sent::json(format!("{{\"list\":[{}1]}}", "{\"a\":1},".repeat(n))),
        ),
        (
            "places that are set",
            patch(&json!({"set": "$.list[*].a", "value": "a longer text"})),
            1000,
            |n| Sent::json(format!("{{\"list\":[{}1]}}", "{\"a\":1},".repeat(n))),
        ),
    ]
}

/// How long a pass over this request takes, and whether it failed.
fn pass(program: &Arc<Program>, sent: &Sent) -> (Duration, bool) {
    let pseudo = [(":method", "POST"), (":path", sent.path.as_str())];
    let named = sent
        .headers
        .iter()
        .map(|(name, value)| (*name, value.as_str()));
    let headers: Vec<_> = pseudo.into_iter().chain(named).collect();
    let mut fastest = Duration::MAX;
    let mut failed = false;
    for _ in 0..TIMES {
        let message = Message::new(&headers, [sent.body.as_bytes()]);
        let mut host = Host::new(message, Message::default());
        let mut session = Session::new(Arc::clone(program));
        let begun = processor_time();
        host.play(&mut session, Neighbour::None);
        fastest = fastest.min(processor_time() - begun);
        failed = !host.failures.is_empty() || host.reply.is_some();
    }
    (fastest, failed)
}

fn processor_time() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID)
        .unwrap()
        .into()
}

#[test]
fn time_grows_as_the_input_or_a_budget_ends_it() {
    let mut wrong = Vec::new();
    for (name, config, size, request) in inputs() {
        let loaded = Program::load(config.to_string().as_bytes());
        let loaded = loaded.unwrap_or_else(|errors| panic!("{name}: {errors}"));
        let program = Arc::new(loaded.program);
        let (small, failed) = pass(&program, &request(size));
        let (large, ended) = pass(&program, &request(4 * size));
        println!(
            "{name}: {small:?} at {size}, {large:?} at four times as much, failed {failed}, {ended}"
        );
        if failed {
            wrong.push(format!("{name}: fails at {size}: nothing is measured"));
        }
        if large > GROWTH * small.max(NOTHING) {
            wrong.push(format!(
                "{name}: {small:?} at {size}, {large:?} at four times as much"
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
