//! Templates from an author who means harm to the others.

use serde_json::{Value, json};

use crate::Expect::{self, Any, Failure, Good, Refused};
use crate::{Input, input, nested};

const BODY: &str = r#"{"a":"x","l":[1],"n":1,"m":1}"#;

fn template(text: &str) -> Value {
    json!({"request": {
        "body": {"parseAs": "AsJson"},
        "set": [{"name": "x-a", "value": text}],
    }})
}

/// 10 000 times one in another: name, before, inside, after.
const NESTED: &[(&str, &str, &str, &str)] = &[
    ("ifs", "{% if a %}", "x", "{% endif %}"),
    ("fors", "{% for i in l %}", "x", "{% endfor %}"),
    ("withs", "{% with b = 1 %}", "x", "{% endwith %}"),
    ("macros", "{% macro m() %}", "x", "{% endmacro %}"),
    (
        "filter blocks",
        "{% filter upper %}",
        "x",
        "{% endfilter %}",
    ),
    ("set blocks", "{% set b %}", "x", "{% endset %}"),
];

/// Likewise, inside one expression.
const WRAPPED: &[(&str, &str, &str, &str)] = &[
    ("parentheses in parentheses", "(", "1", ")"),
    ("lists in lists", "[", "1", "]"),
    ("maps in maps", "{1:", "1", "}"),
    ("subscripts in subscripts", "l[", "0", "]"),
    ("calls in calls", "header(", "'x'", ")"),
    ("negations", "not ", "a", ""),
    ("minus signs", "- ", "1", ""),
    ("conditions in conditions", "a if a else ", "1", ""),
    ("powers of powers", "1 ** ", "1", ""),
];

/// 100 000 links after one another in one expression: name, first, link.
const CHAINS: &[(&str, &str, &str)] = &[
    ("attributes of attributes", "a", ".b"),
    ("items of items", "a", "[0]"),
    ("filters after filters", "a", "|upper"),
    ("tests after tests", "a", " is string"),
    ("calls of calls", "a", "()"),
    ("sums", "n", "+n"),
    ("sums of constants", "1", "+1"),
    ("joins", "a", "~a"),
    ("ands", "a", " and a"),
    ("ors", "none", " or none"),
    ("comparisons", "n", " == n"),
];

/// Texts that cost more than they look: name, what comes of it, template.
const COSTLY: &[(&str, Expect, &str)] = &[
    (
        "endless recursion",
        Failure,
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    ),
    (
        "endless recursion in call blocks",
        Failure,
        "{% macro m() %}{% call m() %}{{ caller() }}{% endcall %}{% endmacro %}{{ m() }}",
    ),
    (
        "endless recursion of a loop",
        Failure,
        "{% set d = [1] %}{% for i in d recursive %}{{ loop(d) }}{% endfor %}",
    ),
    (
        "endless recursion in a filter",
        Failure,
        "{% macro m() %}{{ [m()] | map('upper') | join }}{% endmacro %}{{ m() }}",
    ),
    (
        "a list 2 000 deep, printed",
        Any,
        "{% set n = namespace(v=[]) %}{% for a in range(2000) %}{% set n.v = [n.v] %}\
         {% endfor %}{{ n.v }}",
    ),
    (
        "a long block taken as a value",
        Any,
        "{% set s = 'x' * 1000 %}{% set v %}{% for a in range(1000) %}{% for b in range(600) %}\
         {{ s }}{% endfor %}{% endfor %}{% endset %}{{ v | length }}",
    ),
    ("a text repeated", Any, "{{ ('x' * 600000000) | length }}"),
    (
        "a text indented",
        Any,
        "{{ 'x' | indent(600000000, true) | length }}",
    ),
    (
        "a list repeated",
        Any,
        "{{ ([1] * 100000000) | list | length }}",
    ),
    ("a range", Any, "{{ range(1000000000) | list | length }}"),
    (
        "a batch",
        Any,
        "{{ [1] | batch(100000000, 0) | list | length }}",
    ),
    (
        "a slice",
        Any,
        "{{ [1] | slice(100000000, 0) | list | length }}",
    ),
    ("a large power", Any, "{{ 9 ** 99999999 }}"),
    (
        "rounding to many places",
        Any,
        "{{ 1.5 | round(2000000000) }}",
    ),
    (
        "constants that would be calculated at once",
        Refused,
        "{{ 'a' * 10000 * 10000 * 10000 }}",
    ),
    (
        "a constant list that would be calculated at once",
        Refused,
        "{{ 5 in (([0]) * 9223372036854775807) }}",
    ),
    (
        "an import that has no name",
        Refused,
        "{% import 'x' as 1 %}",
    ),
    (
        "a text doubled by an included template",
        Any,
        "{% set n = namespace(v='x') %}{% for i in range(60) %}\
         {% include \"{% set n.v = n.v ~ n.v %}\" %}{% endfor %}",
    ),
    (
        "a division by zero",
        Any,
        "{{ 1 is divisibleby(0) }}{{ ''[::-1] }}",
    ),
    (
        "loops in loops",
        Failure,
        "{% for a in range(10000) %}{% for b in range(10000) %}{% endfor %}{% endfor %}",
    ),
    (
        "filters over a long list, in a loop",
        Any,
        "{% for a in range(1000) %}{{ range(10000) | map('string') | join | length }}{% endfor %}",
    ),
    (
        "a long list sorted in a loop",
        Any,
        "{% for a in range(1000) %}{{ range(10000) | sort(reverse=true) | length }}{% endfor %}",
    ),
];

/// Templates that grow a value `n.v` in a loop: name, what comes of it, first value, times, next
/// value, what is done with it.
const GROWING: &[(&str, Expect, &str, usize, &str, &str)] = &[
    (
        "a text doubled by ~",
        Failure,
        "'long text' * 100",
        40,
        "n.v ~ n.v",
        "n.v | length",
    ),
    (
        "a text doubled by +",
        Failure,
        "'long text' * 100",
        40,
        "n.v + n.v",
        "n.v | length",
    ),
    (
        "a list doubled",
        Failure,
        "[1]",
        40,
        "n.v + n.v",
        "n.v | list | length",
    ),
    (
        "a list that grows",
        Good,
        "[1]",
        1000,
        "n.v + [1]",
        "n.v | length",
    ),
    (
        "a text that grows",
        Good,
        "''",
        300,
        "n.v ~ 'x' * 5000",
        "n.v | length",
    ),
    (
        "long texts kept",
        Failure,
        "['']",
        3000,
        "[n.v, 'x' * 10000 ~ i, 'y' * 9000 ~ i, 'z' * 9900 ~ i]",
        "1",
    ),
    (
        "cuttings kept",
        Failure,
        "['x' * 10000]",
        9000,
        "[n.v, ('y' * 9999)[1:], ]",
        "1",
    ),
    (
        "lists doubled, concatenated",
        Failure,
        "['x']",
        60,
        "[n.v, n.v]",
        "(n.v ~ '') | length",
    ),
    (
        "lists doubled, in capitals",
        Failure,
        "['x']",
        60,
        "[n.v, n.v]",
        "n.v | upper | length",
    ),
    (
        "lists doubled, joined",
        Failure,
        "['x']",
        60,
        "[n.v, n.v]",
        "n.v | join | length",
    ),
    (
        "lists doubled, split",
        Failure,
        "['x']",
        60,
        "[n.v, n.v]",
        "n.v | split | list | length",
    ),
    (
        "lists doubled, replaced",
        Failure,
        "['x']",
        60,
        "[n.v, n.v]",
        "n.v | replace('x', 'y') | length",
    ),
    (
        "lists doubled, laid out",
        Failure,
        "['x']",
        60,
        "[n.v, n.v]",
        "n.v | pprint | length",
    ),
    (
        "lists doubled, printed",
        Failure,
        "['x']",
        60,
        "[n.v, n.v]",
        "n.v",
    ),
    (
        "long lists kept",
        Failure,
        "[]",
        3000,
        "[n.v, range(10000) | list]",
        "1",
    ),
    (
        "long texts captured and kept",
        Failure,
        "[]",
        3000,
        "[n.v, long()]",
        "1",
    ),
    (
        "a text as often as the message says",
        Failure,
        "1",
        1,
        "a * (m * 4000000000)",
        "n.v | length",
    ),
    (
        "a list as often as the message says",
        Failure,
        "1",
        1,
        "l * (m * 4000000000)",
        "n.v | list | length",
    ),
    (
        "filtered texts kept",
        Failure,
        "[]",
        3000,
        "[n.v, long() | upper]",
        "1",
    ),
];

fn growing(first: &str, times: usize, next: &str, end: &str) -> String {
    let long = "long text ".repeat(5000);
    format!(
        "{{% macro long() %}}{long}{{% endmacro %}}{{% set n = namespace(v={first}) %}}\
         {{% for i in range({times}) %}}{{% set n.v = {next} %}}{{% endfor %}}{{{{ {end} }}}}"
    )
}

pub(crate) fn inputs() -> Vec<Input> {
    const DEPTH: usize = 10_000;
    const LINKS: usize = 100_000;
    let nests = NESTED.iter().map(|&(name, before, inside, after)| {
        input(name, Refused, move || {
            (template(&nested(before, inside, after, DEPTH)), BODY)
        })
    });
    let wraps = WRAPPED.iter().map(|&(name, before, inside, after)| {
        let expect = if after.is_empty() { Any } else { Refused };
        input(name, expect, move || {
            let expression = nested(before, inside, after, DEPTH);
            (template(&format!("{{{{ {expression} }}}}")), BODY)
        })
    });
    let chains = CHAINS.iter().map(|&(name, first, link)| {
        input(name, Any, move || {
            let links = link.repeat(LINKS);
            (template(&format!("{{{{ {first}{links} }}}}")), BODY)
        })
    });
    let costly = COSTLY
        .iter()
        .map(|&(name, expect, text)| input(name, expect, move || (template(text), BODY)));
    let growing = GROWING
        .iter()
        .map(|&(name, expect, first, times, next, end)| {
            input(name, expect, move || {
                (template(&growing(first, times, next, end)), BODY)
            })
        });
    nests
        .chain(wraps)
        .chain(chains)
        .chain(costly)
        .chain(growing)
        .chain(long())
        .collect()
}

/// Templates of about a megabyte.
fn long() -> Vec<Input> {
    const MEBI: usize = 1 << 20;
    let many = |name, expect, count: usize, piece: fn(usize) -> String| {
        input(name, expect, move || {
            let text: String = (0..count).map(piece).collect();
            (template(&text), BODY)
        })
    };
    vec![
        input("100 ifs in ifs", Good, || {
            let text = nested("{% if a %}", "x", "{% endif %}", 100);
            (template(&text), BODY)
        }),
        input("100 fors in fors", Good, || {
            let text = nested("{% for i in l %}", "x", "{% endfor %}", 100);
            (template(&text), BODY)
        }),
        input("50 000 else ifs", Any, || {
            let branches = "{% elif n == 2 %}".repeat(50_000);
            let text = format!("{{% if n == 2 %}}{branches}{{% endif %}}");
            (template(&text), BODY)
        }),
        input("1 MiB in a literal", Good, || {
            let text = format!("{{{{ '{}' | length }}}}", "x".repeat(MEBI));
            (template(&text), BODY)
        }),
        input("1 MiB in a comment", Good, || {
            let text = format!("{{# {} #}}", "x".repeat(MEBI));
            (template(&text), BODY)
        }),
        input("an unknown name of 1 MiB", Any, || {
            let text = format!("{{{{ {}() }}}}", "f".repeat(MEBI));
            (template(&text), BODY)
        }),
        input("a list of 100 000 items", Any, || {
            let text = format!("{{{{ [1{}] | length }}}}", ",1".repeat(100_000));
            (template(&text), BODY)
        }),
        many("1 MiB of text", Failure, MEBI / 2, |_| "x\n".to_owned()),
        many("1 MiB of braces", Any, MEBI / 2, |_| "{{".to_owned()),
        many("1 MiB of expressions", Failure, 150_000, |_| {
            "{{ a }}".to_owned()
        }),
        many("1 MiB of header lookups", Failure, 60_000, |_| {
            "{{ header('x') }}".to_owned()
        }),
        many("50 000 names that do not exist", Any, 50_000, |n| {
            format!("{{{{ f{n}() }}}}")
        }),
        many("50 000 undeclared names", Any, 50_000, |n| {
            format!("{{{{ v{n} }}}}")
        }),
        many("50 000 sets", Refused, 50_000, |n| {
            format!("{{% set v{n} = 1 %}}")
        }),
        many("50 000 macros", Any, 50_000, |n| {
            format!("{{% macro m{n}() %}}{{% endmacro %}}")
        }),
    ]
}
