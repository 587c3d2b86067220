//! Every filter, test, operator and function, run for each item of a long list on long values: each
//! ends soon, by itself or at a limit.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use minijinja::Value;

use super::environment::TESTS;
use super::{FILTERS, FUNCTIONS, RenderError, Scope, Template, Variables, environment};
use crate::config::Limits;
use crate::headers::Snapshot;
use crate::processor;
use crate::settings::Settings;

const ITEMS: i64 = 40_000;

/// Values that take long to read.
const LONG: &[&str] = &[
    "p", "q", "messages", "texts", "objects", "keys", "nested", "lazy", "pieces",
];

fn variables() -> Variables {
    let text = |number: i64| Value::from(format!("a text with the number {number}"));
    let object = |number: i64| {
        [("a", number), ("b", -number)]
            .into_iter()
            .collect::<Value>()
    };
    let members: [(&str, Value); 8] = [
        ("p", Value::from("q".repeat(400_000))),
        ("q", Value::from(format!("{}é", "q".repeat(399_999)))),
        ("messages", (0..ITEMS).map(Value::from).collect()),
        ("texts", (0..ITEMS).map(text).collect()),
        ("objects", (0..ITEMS).map(object).collect()),
        (
            "keys",
            (0..ITEMS)
                .map(|number| (text(number), number))
                .collect::<BTreeMap<_, _>>()
                .into(),
        ),
        (
            "nested",
            (0..200)
                .map(|_| (0..200).map(Value::from).collect::<Value>())
                .collect(),
        ),
        ("one", Value::from(1)),
    ];
    let document = members
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value));
    Variables {
        document: document.collect::<BTreeMap<_, _>>().into(),
        ..Variables::default()
    }
}

fn scope() -> Rc<Scope> {
    let cookie = format!("a={}; b=c", "x".repeat(60_000));
    let headers: Snapshot = [("cookie".to_owned(), cookie)].into_iter().collect();
    let headers = Rc::new(headers);
    Rc::new(Scope {
        message: Rc::clone(&headers),
        request: headers,
        body: Value::from("b".repeat(400_000)),
        ..Scope::default()
    })
}

struct Render {
    limits: Limits,
    variables: Variables,
    scope: Rc<Scope>,
}

impl Render {
    fn new() -> Self {
        Self {
            limits: Limits {
                template_fuel: processor::FUEL,
                ..Limits::default()
            },
            variables: variables(),
            scope: scope(),
        }
    }

    fn template(&self, text: &str) -> Option<Result<String, RenderError>> {
        let settings = Arc::new(Settings::default());
        let environment = Arc::new(environment(&settings, self.limits.template_fuel));
        let mut warnings = Vec::new();
        let template = Template::compile(
            "x",
            text,
            &environment,
            &settings,
            &self.limits,
            &mut warnings,
        );
        Some(template.ok()?.render(&self.scope, &self.variables))
    }

    /// What takes too long, of what is done for each item.
    fn slow(&self, text: &str) -> Option<String> {
        let begin = processor::time();
        let result = self.template(text);
        let took = processor::time().saturating_sub(begin);
        if std::env::var("SHOW_COSTS").is_ok() && took > Duration::from_millis(50) {
            let result = result.map(|result| result.map(|text| text.len()));
            eprintln!("{took:?} {text} {result:?}");
        }
        (took > processor::BOUND).then(|| format!("{took:?}: {text}"))
    }

    fn each(&self, expressions: impl Iterator<Item = String>) {
        let mut slow = Vec::new();
        for expression in expressions {
            let made = [
                ("lazy", "{% set lazy = messages[1:] %}"),
                ("pieces", "{% set pieces = p | split('x') %}"),
            ];
            let before = made.iter().filter(|(name, _)| expression.contains(name));
            let before: String = before.map(|(_, text)| *text).collect();
            slow.extend(self.slow(&format!(
                "{before}{{% for m in messages %}}{{% if {expression} %}}{{% endif %}}{{% endfor %}}"
            )));
        }
        assert!(slow.is_empty(), "{}", slow.join("\n"));
    }
}

#[test]
fn every_filter_ends_soon() {
    const ARGUMENTS: &[&str] = &[
        "",
        "(p)",
        "(m)",
        "(3, p)",
        "(messages)",
        "('q', p)",
        "('==', p)",
        "('a', 'lt', m)",
        "(attribute='a')",
        "(attribute=p)",
        "('string')",
        "(*messages)",
        "(p, p, true)",
    ];
    let filters = FILTERS.iter().flat_map(|filter| {
        ARGUMENTS.iter().flat_map(move |arguments| {
            let values = ["p", "messages", "objects", "keys"].iter();
            values.map(move |value| format!("{value} | {filter}{arguments}"))
        })
    });
    Render::new().each(filters);
}

#[test]
fn every_test_ends_soon() {
    const ARGUMENTS: &[&str] = &["", "(p ~ '')", "(messages)", "(lazy)", "(m)"];
    let tests = TESTS.iter().flat_map(|test| {
        ARGUMENTS.iter().flat_map(move |arguments| {
            LONG.iter().flat_map(move |value| {
                let plain = test.starts_with(char::is_alphabetic);
                let plain = plain.then(|| format!("{value} is {test}{arguments}"));
                let rest = arguments.trim_matches(['(', ')']);
                let comma = if rest.is_empty() { "" } else { ", " };
                let chosen = format!("[{value}] | select('{test}'{comma}{rest}) | list");
                plain.into_iter().chain([chosen])
            })
        })
    });
    Render::new().each(tests);
}

#[test]
fn every_operator_ends_soon() {
    const OPERATORS: &[&str] = &[
        "+", "-", "*", "/", "//", "%", "**", "~", "==", "!=", "<", "<=", ">", ">=", "in", "not in",
        "and", "or",
    ];
    let binary = OPERATORS.iter().flat_map(|operator| {
        LONG.iter().flat_map(move |left| {
            let others = [
                "p",
                "q",
                "messages",
                "objects",
                "keys",
                "m",
                "'q'",
                "(p ~ 'x')",
            ]
            .iter();
            others.map(move |right| format!("{left} {operator} {right}"))
        })
    });
    let unary = LONG.iter().flat_map(|value| {
        [
            format!("not {value}"),
            format!("-{value}"),
            format!("{value}[1:]"),
            format!("{value}[::-1]"),
            format!("{value}[-2:]"),
            format!("{value}[39990]"),
            format!("{value}[-1]"),
            format!("{value}[m]"),
            format!("{value}[p]"),
            format!("{value}.q"),
            format!("{{{value}: 1, p: 2}}"),
            format!("loop.changed({value})"),
            format!("loop.changed([{value}, m])"),
            format!("loop.cycle(*{value})"),
            format!("loop.cycle({value}, 1)"),
            format!("dict(**{value})"),
            format!("[p, {value}] | max"),
            format!("[{value}, {value}] | sort"),
            format!("([{value}] + [{value}]) == [{value}, p]"),
            format!("({value} | reverse)[m]"),
            format!("({value} | chain({value}))"),
            format!("({value} | chain({value}))[p]"),
            format!("({value} | zip({value})) | length"),
            format!("({value} | items) | last"),
        ]
    });
    Render::new().each(binary.chain(unary));
}

#[test]
fn every_function_ends_soon() {
    const ARGUMENTS: &[&str] = &[
        "",
        "'zz'",
        "p",
        "q",
        "messages",
        "keys",
        "nested",
        "p, 'q', 'r'",
        "p, 399999",
        "p, p, p",
        "**keys",
        "*messages",
        "p, 'zz'",
        "100000",
        "m, 100000",
    ];
    let functions = FUNCTIONS
        .iter()
        .filter(|function| **function != "cel")
        .flat_map(|function| {
            ARGUMENTS
                .iter()
                .map(move |arguments| format!("{function}({arguments})"))
        });
    Render::new().each(functions);
}

#[test]
fn every_statement_ends_soon() {
    let render = Render::new();
    let statements = [
        "{% for m in messages %}{{ p }}{% endfor %}",
        "{% for m in messages %}{{ messages }}{% endfor %}",
        "{% for m in messages %}{{ objects }}{% endfor %}",
        "{% for m in messages %}{% set v %}{{ p }}{% endset %}{% endfor %}",
        "{% for m in messages %}{% set v %}{{ objects }}{% endset %}{% endfor %}",
        "{% for m in messages %}{% filter upper %}{{ p }}{% endfilter %}{% endfor %}",
        "{% autoescape true %}{% for m in messages %}{{ p }}{{ messages }}{% endfor %}{% endautoescape %}",
        "{% for m in messages %}{% for c in p %}{% endfor %}{% endfor %}",
        "{% for m in messages %}{% for c in messages %}{{ c }}{% endfor %}{% endfor %}",
        "{% for m in messages %}{% for c in lazy %}{{ c }}{% endfor %}{% endfor %}",
        "{% set s = messages[39990:] %}{% for m in messages %}{% for c in s %}{{ c }}{% endfor %}{% endfor %}",
        "{% set s = p | split('zz') %}{% for m in messages %}{% for c in s %}{% endfor %}{% endfor %}",
        "{% set s = keys | chain({}) %}{% for m in messages %}{% if s %}{% endif %}{% endfor %}",
        "{% set s = keys | chain({}) %}{% for m in messages %}{{ s | length }}{% endfor %}",
        "{% for m in messages if m not in texts %}{% endfor %}",
        "{% for m in messages %}{% with v = p ~ m %}{% endwith %}{% endfor %}",
        "{% for m in messages recursive %}{{ loop(messages) }}{% endfor %}",
        "{% macro f(x) %}{{ x }}{% endmacro %}{% for m in messages %}{{ f(p) }}{% endfor %}",
        "{% macro f(x) %}{% endmacro %}{% for a in messages %}{{ f() }}{{ f() }}{{ f(a) }}{% endfor %}",
        "{% macro f(x) %}{{ caller() }}{% endmacro %}{% for m in messages %}{% call f() %}{{ p }}{% endcall %}\
         {% endfor %}",
        "{% set n = namespace(v=[]) %}{% for m in messages %}{% set n.v = n.v + [m] %}{% endfor %}",
        "{% set n = namespace(v=[]) %}{% for m in messages %}{% set n.v = [p, n.v] %}{% endfor %}",
        "{% set n = namespace(v=messages) %}{% for m in messages %}{% set n.v = n.v %}{% endfor %}",
        "{% set n = namespace(v=messages) %}{% for m in messages %}{% set n.v = n.v | reverse %}{% endfor %}",
        "{% set n = namespace(v='') %}{% for m in messages %}{% set n.v = n.v ~ m %}{% endfor %}",
        "{% for m in messages %}{% set x = messages %}{% set y = debug() %}{% endfor %}",
        "{% for m in messages %}{% autoescape m %}{% endautoescape %}{% endfor %}",
        "{% for a in messages %}{% for b in messages %}{% endfor %}{% endfor %}",
        "{% for a in messages %}{% for b in messages %}{{ {'a': 1} }}{{ [1, 2, 3] }}{% endfor %}{% endfor %}",
        "{% for a in messages %}{% for b in messages %}{% if {'a': b} == {'a': b} %}{% endif %}{% endfor %}{% endfor %}",
    ];
    let slow = statements.iter().filter_map(|text| render.slow(text));
    let slow: Vec<String> = slow.collect();
    assert!(slow.is_empty(), "{}", slow.join("\n"));
}

#[test]
fn reported_templates_end_soon() {
    let render = Render::new();
    let reported = [
        "{{ 'a' * 10000 * 10000 * 10000 }}",
        "{{ ('a') * (9223372036854775807) }}",
        "{{ 5 in (([0]) * 9223372036854775807) }}",
        "{{ ([0]) * 9223372036854775807 }}",
        "{{ ([0] * 10000) * 10000 }}",
        "{% for m in messages %}{% if p is lower %}x{% endif %}{% endfor %}",
    ];
    for text in reported {
        let begin = Instant::now();
        let result = render.template(text);
        let took = begin.elapsed();
        if std::env::var("SHOW_COSTS").is_ok() {
            eprintln!("{took:?} {text} {result:?}");
        }
        // Refused where it is configured, or a limit.
        assert!(
            matches!(result, None | Some(Err(RenderError::Limit(_)))),
            "{text}: {result:?}"
        );
        assert_eq!(render.slow(text), None);
    }
}

#[test]
fn ordinary_templates_stay_below_the_limits() {
    let render = Render {
        limits: Limits::default(),
        ..Render::new()
    };
    for text in [
        "{% for m in messages %}{{ m }},{% endfor %}",
        "{% for m in texts %}{% if loop.first %}[{% endif %}{{ m | upper | trim }}{% endfor %}",
        "{% for m in objects %}{{ loop.index }} of {{ objects | length }}: {{ m.a ~ ' ' ~ m['b'] }}\n{% endfor %}",
        "{% for m in objects %}{% if m.a == one or m.b in [1, 2] %}{{ m }}{% endif %}{% endfor %}",
        "{{ objects | selectattr('a', 'gt', 5) | map(attribute='b') | join(',') }}",
        "{{ objects | sort(attribute='a', reverse=true) | map(attribute='a') | join(',') }}",
        "{{ texts | join('\n') | replace('a', 'b') | upper | lines | length }}",
        "{{ p | lower }}{{ p | length }}{{ p[:100] }}{{ p == q }}{{ 'x' in p }}",
    ] {
        let rendered = render.template(text);
        assert!(matches!(rendered, Some(Ok(_))), "{text}: {rendered:?}");
    }
}
