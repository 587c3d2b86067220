//! Bodies from a client who means harm.

use serde_json::{Value, json};

use crate::Expect::{Failure, Good};
use crate::{Input, input, nested};

/// Reads the body in both ways.
fn reading() -> Value {
    json!({"request": {
        "extract": [{"header": "x-model"}, {"from": [{"json": "/a/b/0"}], "header": "x-b"}],
        "body": {"parseAs": "AsJson"},
        "set": [{"name": "x-a", "value": "{{ model }}"}],
    }})
}

/// Only searches the body.
fn searching() -> Value {
    json!({"request": {"extract": [{"header": "x-model"}]}})
}

fn searching_with(alias: &str) -> Value {
    let aliases = json!([{"match": alias, "value": "v"}]);
    json!({"request": {"extract": [{"header": "x-model", "aliases": aliases}]}})
}

/// Edits the body: puts a value, makes parents, takes away.
fn editing() -> Value {
    json!({"request": {"patch": [
        {"set": "/model", "value": "a name that is longer than what it takes the place of"},
        {"set": "/a/b/0", "json": "{\"c\": []}"},
        {"default": "/n/o/p", "value": "x"},
        {"remove": "/r"},
    ]}})
}

/// Looks into forms, and edits those that have parts.
fn forms() -> Value {
    json!({"request": {
        "extract": [{"from": [{"multipart": "model"}, {"form": "model"}], "header": "x-model"}],
        "patch": [{"set": "/model", "value": "a name"}, {"default": "/a", "value": "1"}],
    }})
}

fn searching_forms() -> Value {
    json!({"request": {"extract": [
        {"from": [{"multipart": "model"}, {"form": "model"}], "header": "x-model"},
    ]}})
}

/// A multipart body of these parts, each its headers and its content.
fn parts(count: usize, part: impl Fn(usize) -> String) -> String {
    let parts: String = (0..count)
        .map(|n| format!("--XX\r\n{}\r\n", part(n)))
        .collect();
    parts + "--XX--"
}

fn part(parameters: &str, content: &str) -> String {
    format!("Content-Disposition: form-data; {parameters}\r\n\r\n{content}")
}

/// A gzip body of stored blocks that say nothing, and of one that is cut off.
fn empty_blocks(count: usize) -> Vec<u8> {
    let header = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    [&header[..], &[0, 0, 0, 255, 255].repeat(count)].concat()
}

fn rendering(template: &str) -> Value {
    json!({"request": {"body": {"parseAs": "AsJson", "value": template}}})
}

/// An object of many members, `model` the last.
fn members(count: usize, member: impl Fn(usize) -> String) -> String {
    let members: String = (0..count).map(member).collect();
    format!("{{{members}\"model\":\"m\"}}")
}

fn model(value: &str) -> String {
    format!("{{\"model\":{value}}}")
}

pub(crate) fn inputs() -> Vec<Input> {
    const MEBI: usize = 1 << 20;
    let numbered = |n: usize| format!("\"k{n}\":{n},");
    vec![
        input("lists 10 000 deep", Failure, || {
            (reading(), nested("[", "", "]", 10_000))
        }),
        input("lists 10 000 deep, searched", Failure, || {
            (searching(), nested("[", "", "]", 10_000))
        }),
        input("objects 10 000 deep", Failure, || {
            (reading(), nested("{\"a\":", "1", "}", 10_000))
        }),
        input("lists never closed", Failure, || {
            (reading(), "[".repeat(MEBI))
        }),
        input("a body printed 127 deep", Good, || {
            (rendering("{{ context() }}"), nested("[", "", "]", 127))
        }),
        input("100 000 keys", Good, move || {
            (reading(), members(100_000, numbered))
        }),
        input("100 000 keys, searched", Good, move || {
            (searching(), members(100_000, numbered))
        }),
        input("100 000 equal keys", Failure, || {
            let member = |_| "\"model\":\"n\",".to_owned();
            (searching(), members(100_000, member))
        }),
        input("100 000 equal keys of equal values", Good, || {
            let member = |_| "\"model\":\"m\",".to_owned();
            (reading(), members(100_000, member))
        }),
        input("100 000 equal parents", Failure, || {
            let member = |_| "\"a\":{\"b\":[1]},\"a\":{},".to_owned();
            (reading(), members(50_000, member))
        }),
        input("lists 10 000 deep, edited", Failure, || {
            (editing(), nested("[", "", "]", 10_000))
        }),
        input("100 000 keys, edited", Good, move || {
            (
                editing(),
                members(100_000, |n| format!("\"k{n}\":{n},"))
                    .replace("\"k7\":7", "\"a\":{\"b\":[1]}"),
            )
        }),
        input("16 000 equal keys, edited", Good, || {
            let member = |_| "\"r\":1,".to_owned();
            (
                editing(),
                members(16_000, member).replacen("{", "{\"a\":{\"b\":[1]},", 1),
            )
        }),
        input("700 000 equal keys, edited", Failure, || {
            let member = |_| "\"r\":1,".to_owned();
            (editing(), members(700_000, member))
        }),
        input(
            "a value put 4000 times is more than a template may render",
            Failure,
            || {
                let config = json!({
                    "request": {"patch": [{"set": "/model", "value": "y".repeat(10_000)}]},
                    "limits": {"renderedBytes": 32 << 20},
                });
                let member = |_| "\"model\":1,".to_owned();
                (config, members(4_000, member))
            },
        ),
        input("equal parents that lack a member, edited", Good, || {
            let config = json!({"request": {"patch": [{"set": "/a/b/c/d/e", "value": "x"}]}});
            let member = |_| "\"a\":{\"b\":null},".to_owned();
            (config, members(5_000, member))
        }),
        input("a list of 500 000 numbers", Good, || {
            let member = |_| format!("\"l\":[1{}],", ",1".repeat(500_000));
            (reading(), members(1, member))
        }),
        input("a key of 4 MiB", Good, || {
            let member = |_| format!("\"{}\":1,", "k".repeat(4 * MEBI));
            (reading(), members(1, member))
        }),
        input("a value of 4 MiB", Failure, || {
            (searching(), model(&format!("\"{}\"", "v".repeat(4 * MEBI))))
        }),
        input("a value of a million escapes", Failure, || {
            let value = format!("\"{}\"", "\\u0061".repeat(1_000_000));
            (searching(), model(&value))
        }),
        input("a number of a million digits", Failure, || {
            (reading(), model(&"1".repeat(1_000_000)))
        }),
        input("4 MiB of white space", Failure, || {
            (reading(), " ".repeat(4 * MEBI))
        }),
        input("4 MiB of quotes", Failure, || {
            (reading(), "\"".repeat(4 * MEBI))
        }),
        input("4 MiB of backslashes", Failure, || {
            (reading(), format!("\"{}", "\\".repeat(4 * MEBI)))
        }),
        input("4 MiB that are not UTF-8", Failure, || {
            (reading(), vec![0xff; 4 * MEBI])
        }),
        input("4 MiB that are not UTF-8, as text", Good, || {
            let config = json!({"request": {"body": {"value": "{{ body() }}"}}});
            (config, vec![0xff; 4 * MEBI])
        }),
        input("many globs in a value that nearly matches", Good, || {
            let alias = "*a".repeat(2000) + "b";
            (
                searching_with(&alias),
                model(&format!("\"{}\"", "a".repeat(4096))),
            )
        }),
        input("nothing in the body replaced by the body", Failure, || {
            let template = "{{ replace_with_string(body(), '', body()) | length }}";
            let config = json!({"request": {"body": {"value": template}}});
            (config, "x".repeat(20_000))
        }),
        input("4 MiB that nearly are delimiters", Good, || {
            let content = "\r\n--X".repeat(4 * MEBI / 5);
            (searching_forms(), parts(1, |_| part("name=f", &content)))
        }),
        input("4 MiB of line breaks in a part", Good, || {
            let content = "\r".repeat(4 * MEBI);
            (
                searching_forms(),
                parts(1, |_| part("name=model; filename=f", &content)),
            )
        }),
        input("100 000 parts", Good, || {
            (searching_forms(), parts(100_000, |_| "\r\n".to_owned()))
        }),
        input("100 000 parts, edited", Failure, || {
            (forms(), parts(100_000, |_| "\r\n".to_owned()))
        }),
        input("16 000 parts of one name, edited", Good, || {
            (forms(), parts(16_000, |_| part("name=model", "m")))
        }),
        input(
            "a value put into 4000 parts is more than may be rendered",
            Failure,
            || {
                let config = json!({
                    "request": {"patch": [{"set": "/model", "value": "y".repeat(10_000)}]},
                    "limits": {"renderedBytes": 32 << 20},
                });
                (config, parts(4000, |_| part("name=model", "m")))
            },
        ),
        input("a thousand parts of many parameters", Failure, || {
            let many = "; a=b".repeat(1500);
            (
                searching_forms(),
                parts(500, move |_| part(&format!("name=x{many}"), "")),
            )
        }),
        input("a thousand parts of many header lines", Good, || {
            let many = "X:\r\nY:\r\n".repeat(1000);
            (
                searching_forms(),
                parts(500, move |n| {
                    format!("{many}{}", part("name=x", &n.to_string()))
                }),
            )
        }),
        input("headers of a part without end", Failure, || {
            (
                searching_forms(),
                format!("--XX\r\n{}", "X: y\r\n".repeat(MEBI)),
            )
        }),
        input("a part's value of 4 MiB", Failure, || {
            (
                searching_forms(),
                parts(1, |_| part("name=model", &"v".repeat(4 * MEBI))),
            )
        }),
        input("a form of 500 000 fields", Good, || {
            (
                searching_forms(),
                format!("x=1&model=m{}", "&model=m".repeat(500_000)),
            )
        }),
        input("a form of one name of 4 MiB", Good, || {
            (
                searching_forms(),
                format!("x=1&{}", "%6d".repeat(4 * MEBI / 3)),
            )
        }),
        input("a form's value of 4 MiB", Failure, || {
            (
                searching_forms(),
                format!("x=1&model={}", "%6d".repeat(4 * MEBI / 3)),
            )
        }),
        input("a million empty blocks in gzip", Failure, || {
            (searching(), empty_blocks(800_000))
        }),
    ]
}
