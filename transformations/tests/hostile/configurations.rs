//! Configurations from an author who means harm to the others.

use serde_json::{Value, json};

use crate::Expect::{Any, Failure, Good, Refused};
use crate::{Input, Side, input, nested};

const BODY: &str = r#"{"model":"m"}"#;

/// A configuration as text, because a tree of it could not be built or would lose its keys.
fn text(name: &'static str, expect: crate::Expect, make: impl Fn() -> String + 'static) -> Input {
    let make = Box::new(move || (make(), BODY.into()));
    Input {
        name,
        side: Side::Request,
        expect,
        make,
    }
}

fn request(transformation: &Value) -> Value {
    json!({"request": transformation})
}

fn extract(count: usize, field: impl Fn(usize) -> Value) -> Value {
    let fields: Vec<Value> = (0..count).map(field).collect();
    request(&json!({"extract": fields}))
}

/// Field number `n`, of the one pointer all have by default.
fn same(n: usize) -> Value {
    json!({"name": format!("n{n}"), "header": format!("x-{n}")})
}

pub(crate) fn inputs() -> Vec<Input> {
    vec![
        text("a list 10 000 deep", Good, || {
            format!("{{\"unknown\":{}}}", nested("[", "", "]", 10_000))
        }),
        text("requests 10 000 deep", Good, || {
            nested("{\"request\":", "{}", "}", 10_000)
        }),
        text("100 000 unknown keys", Good, || {
            let keys: String = (0..100_000).map(|n| format!("\"k{n}\":1,")).collect();
            format!("{{{keys}\"request\":{{}}}}")
        }),
        text("50 000 headers of the wrong type", Refused, || {
            format!("{{\"request\":{{\"set\":[1{}]}}}}", ",1".repeat(50_000))
        }),
        input("50 000 headers that are none", Refused, || {
            (request(&json!({"remove": vec!["a b"; 50_000]})), BODY)
        }),
        input("a header name of 1 MiB", Any, || {
            (request(&json!({"remove": ["x".repeat(1 << 20)]})), BODY)
        }),
        input("10 000 headers", Good, || {
            let edit = |n| json!({"name": format!("x-{n}"), "value": "{{ header('x') }}v"});
            let set: Vec<Value> = (0..10_000).map(edit).collect();
            (request(&json!({"set": set})), BODY)
        }),
        input("50 000 aliases", Good, || {
            let alias = |n| json!({"match": format!("*{n}*x"), "value": "v"});
            let aliases: Vec<Value> = (0..50_000).map(alias).collect();
            let field = json!({"header": "x-m", "aliases": aliases});
            (extract(1, |_| field.clone()), BODY)
        }),
        input("a pointer of 100 000 parts", Any, || {
            let field = json!({"header": "x-m", "from": [{"json": "/a".repeat(100_000)}]});
            let config = extract(1, |_| field.clone());
            (config, r#"{"a":{"a":1},"a":2}"#)
        }),
        input("10 000 pointers", Refused, || {
            let field =
                |n| json!({"header": format!("x-{n}"), "from": [{"json": format!("/{n}")}]});
            (extract(10_000, field), BODY)
        }),
        input("10 000 fields of one pointer", Refused, || {
            (extract(10_000, same), BODY)
        }),
        input("64 fields of what is not JSON", Failure, || {
            (extract(64, same), "hello")
        }),
    ]
}
