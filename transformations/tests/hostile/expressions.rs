//! Expressions that cost, and bodies for them.

use serde_json::{Value, json};

use super::{Expect, Input, input, nested};

fn expression(name: &'static str, expect: Expect, text: impl Fn() -> String + 'static) -> Input {
    on(name, expect, text, || "a".repeat(1 << 20))
}

fn on(
    name: &'static str,
    expect: Expect,
    text: impl Fn() -> String + 'static,
    body: impl Fn() -> String + 'static,
) -> Input {
    input(name, expect, move || {
        let set: Value = json!([{"name": "x", "cel": text()}]);
        (json!({"request": {"set": set}}), body())
    })
}

pub(super) fn inputs() -> Vec<Input> {
    use Expect::*;
    let each = |inside: &str| {
        format!("[string(request.body)].map(s, lists.range(1000).map(n, {inside})).size()")
    };
    vec![
        expression("a sum of many terms", Refused, || "1+".repeat(9_999) + "1"),
        expression("brackets in brackets", Refused, || {
            nested("(", "1", ")", 5000)
        }),
        expression("lists in lists", Refused, || nested("[", "1", "]", 5000)),
        expression("a long path", Refused, || {
            format!("request{}", ".a".repeat(5000))
        }),
        expression("as deep as may be", Any, || nested("(", "1", ")", 32)),
        expression("lists as deep as may be", Any, || nested("[", "1", "]", 32)),
        expression("as many terms as may be", Good, || "1+".repeat(249) + "1"),
        expression("as long a path as may be", Failure, || {
            format!("{{}}{}", ".a".repeat(240))
        }),
        expression("macros in macros", Failure, || {
            let inside = (0..4).fold("1".to_owned(), |inside, n| {
                format!("lists.range(60).map(v{n}, {inside})")
            });
            format!("size({inside})")
        }),
        expression("a text that doubles", Failure, || {
            (0..30).fold("string(request.body)".to_owned(), |text, _| {
                format!("{text}.with(x, x + x)")
            })
        }),
        expression("a search in a loop", Any, move || each("s.contains('b')")),
        expression("a pattern in a loop", Failure, move || {
            each("s.matches('[ab]*a[ab]{500}c')")
        }),
        expression("a digest in a loop", Failure, move || {
            each("sha256.encode(s)")
        }),
        expression("replacing in a loop", Failure, move || {
            each("s.replace('a', s)")
        }),
        expression("splitting in a loop", Failure, move || each("s.split('')")),
        expression("a long list compared", Failure, || {
            "size(lists.range(1000000).distinct())".to_owned()
        }),
        expression("a list without end", Failure, || {
            "size(lists.range(9223372036854775807))".to_owned()
        }),
        on(
            "a body nested deep",
            Any,
            || "size(json(request.body))".to_owned(),
            || nested("[", "1", "]", 100_000),
        ),
        on(
            "a body of many values",
            Any,
            || "size(json(request.body))".to_owned(),
            || format!("[{}1]", "1,".repeat(2_000_000)),
        ),
    ]
}
