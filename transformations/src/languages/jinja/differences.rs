//! What the bounded operators, filters and tests give, beside the engine's own.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;

use minijinja::{Environment, ErrorKind, Value};

use super::environment::TESTS;
use super::{FILTERS, RenderError, Scope, Template, Variables, environment};
use crate::config::Limits;
use crate::settings::Settings;

/// Where ours differs on purpose.
struct Difference {
    /// What is in the expression, and in the names of its values.
    of: [&'static str; 3],
    #[expect(dead_code, reason = "for those who read it")]
    because: &'static str,
}

const DELIBERATE: &[Difference] = &[
    Difference {
        of: ["::-1]", "", ""],
        because: "the engine panics where it turns round an empty text or list",
    },
    Difference {
        of: ["is divisibleby(r)", "", ""],
        because: "the engine panics where it divides by zero; here the test is false",
    },
];

/// Stands for a panic of the engine.
const PANIC: ErrorKind = ErrorKind::EvalBlock;

struct Beside {
    ours: Arc<Environment<'static>>,
    plain: Environment<'static>,
    /// Values of every type, each with a name.
    values: Vec<(String, Value)>,
}

/// What a template renders, or the kind of its error.
type Rendered = Result<String, String>;

impl Beside {
    fn new() -> Self {
        let settings = Arc::new(Settings::default());
        let mut plain = Environment::new();
        plain.set_debug(false);
        plain.set_fuel(Some(1_000_000));
        plain.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
        let mut values = values();
        let variables: Value = values.iter().cloned().collect::<BTreeMap<_, _>>().into();
        for expression in CALCULATED {
            let value = plain.compile_expression(expression).unwrap();
            let value = value.eval(variables.clone()).unwrap();
            values.push(((*expression).to_owned(), value));
        }
        Self {
            ours: Arc::new(environment(&settings, 1_000_000)),
            plain,
            values,
        }
    }

    /// Compares what both render of an expression of `l` and `r`, for each pair of values that is not
    /// passed over; with `alone`, for each value once.
    fn compare(
        &self,
        expression: &str,
        alone: bool,
        pass_over: impl Fn(&str, &str) -> bool,
    ) -> Vec<String> {
        let text = format!(
            "{{% set v = {expression} %}}{{{{ v }}}}|{{{{ v is sequence }}}}|{{{{ v is mapping }}}}\
             |{{{{ v is string }}}}|{{{{ v is integer }}}}|{{{{ v is float }}}}|{{{{ v is undefined }}}}\
             |{{{{ v is none }}}}|{{{{ v is boolean }}}}|{{{{ v is safe }}}}|{{{{ not v }}}}|{{{{ v == v }}}}\
             |{{% if v is iterable %}}{{{{ v | list }}}}{{{{ v[n] }}}}{{{{ v | length }}}}{{% endif %}}"
        );
        let (settings, limits) = (Settings::default(), Limits::default());
        let mut warnings = Vec::new();
        let ours = Template::compile("x", &text, &self.ours, &settings, &limits, &mut warnings);
        let ours = ours.unwrap_or_else(|error| panic!("{text}: {error}"));
        let plain = self.plain.template_from_str(&text).unwrap();
        let scope = Rc::new(Scope::default());
        let mut different: Vec<String> = Vec::new();
        for (left, l) in &self.values {
            let others = if alone {
                self.values.get(..1)
            } else {
                self.values.get(..)
            };
            for (right, r) in others.unwrap() {
                if pass_over(left, right) {
                    continue;
                }
                let members = [("l", l.clone()), ("r", r.clone()), ("n", Value::from(0))];
                let variables = Variables {
                    document: members.into_iter().collect(),
                    ..Variables::default()
                };
                let plain = self.plain(&plain, &variables);
                let ours = ours
                    .render(&scope, &variables)
                    .map_err(|error| match error {
                        // The message begins with the kind.
                        RenderError::Failed(message) => match &plain {
                            Err(kind) if message.starts_with(kind) => kind.clone(),
                            _ => message,
                        },
                        error => error.to_string(),
                    });
                let panicked = plain.as_ref().is_err_and(|kind| *kind == PANIC.to_string());
                if plain != ours
                    && !(panicked && ours.is_ok() && deliberate(expression, left, right))
                {
                    different.push(format!(
                        "{expression} of {left} and {right}:\n  {plain:?}\n  {ours:?}"
                    ));
                }
            }
        }
        different
    }

    fn plain(&self, template: &minijinja::Template<'_, '_>, variables: &Variables) -> Rendered {
        let variables = Value::from_object(variables.clone());
        // It panics where it divides by zero.
        let rendered = catch_unwind(AssertUnwindSafe(|| template.render(variables)));
        let rendered = rendered.unwrap_or_else(|_| Err(PANIC.into()));
        rendered.map_err(|error| error.kind().to_string())
    }
}

fn deliberate(expression: &str, left: &str, right: &str) -> bool {
    DELIBERATE.iter().any(|difference| {
        let part = |part: &str, whole: &str| part.is_empty() || whole.contains(part);
        let [of, with_left, with_right] = difference.of;
        part(of, expression) && part(with_left, left) && part(with_right, right)
    })
}

fn check(different: &[String]) {
    let shown: Vec<&str> = different
        .iter()
        .step_by(different.len() / 100 + 1)
        .map(String::as_str)
        .collect();
    let shown = shown.join("\n");
    assert!(
        different.is_empty(),
        "{} differences:\n{shown}",
        different.len()
    );
}

/// Values of every type, as variables.
fn values() -> Vec<(String, Value)> {
    let list = |text: &[i64]| {
        text.iter()
            .map(|number| Value::from(*number))
            .collect::<Value>()
    };
    let named: Vec<(&str, Value)> = vec![
        ("nothing", Value::from(())),
        ("yes", Value::from(true)),
        ("no", Value::from(false)),
        ("zero", Value::from(0)),
        ("three", Value::from(3)),
        ("minus", Value::from(-2)),
        ("max64", Value::from(i64::MAX)),
        ("min64", Value::from(i64::MIN)),
        ("big", Value::from(u64::MAX)),
        ("max128", Value::from(i128::MAX)),
        ("min128", Value::from(i128::MIN)),
        ("real", Value::from(2.5)),
        ("whole", Value::from(3.0)),
        ("minus_zero", Value::from(-0.0)),
        ("nan", Value::from(f64::NAN)),
        ("infinite", Value::from(f64::INFINITY)),
        ("empty", Value::from("")),
        ("a", Value::from("a")),
        ("number", Value::from("12")),
        ("words", Value::from("A b\r\nc  é\n")),
        ("long", Value::from("longer than what fits inside")),
        ("safe_text", Value::from_safe_string("<a>".to_owned())),
        ("bytes", Value::from_bytes(b"ab\xff".to_vec())),
        ("text_bytes", Value::from_bytes(b"ab".to_vec())),
        ("none_in", list(&[])),
        ("list", list(&[3, 1, 2, 3])),
        (
            "mixed",
            [
                Value::from("a"),
                Value::from(1),
                Value::from("B"),
                Value::from("b"),
                list(&[1]),
            ]
            .into_iter()
            .collect(),
        ),
        (
            "names",
            ["b", "A", "a", "C"].into_iter().map(Value::from).collect(),
        ),
        (
            "pairs",
            [list(&[1, 2]), list(&[0, 5])].into_iter().collect(),
        ),
        (
            "objects",
            [("x", 2), ("x", 1), ("y", 3), ("x", 2)]
                .into_iter()
                .map(|member| [member].into_iter().collect::<Value>())
                .collect(),
        ),
        ("map", [("a", 1), ("B", 0)].into_iter().collect()),
        (
            "odd_map",
            [
                (Value::from(1), Value::from("a")),
                (Value::from("12"), list(&[1])),
            ]
            .into_iter()
            .collect::<BTreeMap<_, _>>()
            .into(),
        ),
        ("no_map", BTreeMap::<String, Value>::new().into()),
        ("generated", Value::make_iterable(|| 1..4)),
        (
            "unsized",
            Value::make_iterable(|| (1..9).filter(|number| number % 2 == 0)),
        ),
    ];
    named
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

/// More values, of lists and maps that are calculated when they are read.
const CALCULATED: &[&str] = &[
    "missing",
    "namespace(a=1)",
    "range",
    "list[1:]",
    "list[::-1]",
    "list | reverse",
    "words | split",
    "map | chain({'c': 3})",
    "list | chain(names)",
    "list | chain(unsized)",
    "map | items",
    "list + names",
];

#[test]
fn operators_give_what_the_engine_does() {
    const OPERATORS: &[&str] = &[
        "+", "-", "*", "/", "//", "%", "**", "~", "==", "!=", "<", "<=", ">", ">=", "in", "not in",
        "and", "or",
    ];
    let beside = Beside::new();
    let mut different = Vec::new();
    for operator in OPERATORS {
        different.extend(
            beside.compare(&format!("l {operator} r"), false, |left, right| {
                // The engine ends the process, or never ends.
                *operator == "*"
                    && [left, right]
                        .iter()
                        .any(|name| ["max64", "big"].contains(name))
            }),
        );
    }
    for expression in [
        "not l",
        "-l",
        "l.a",
        "l ~ 'a' ~ 1",
        "l + l + l",
        "l == 'a'",
        "'a' < l",
        "l * 3",
        "{l: 1, 'a': 2}",
    ] {
        different.extend(beside.compare(expression, true, |_, _| false));
    }
    check(&different);
}

#[test]
fn items_and_slices_are_what_the_engine_gives() {
    let beside = Beside::new();
    let mut different = beside.compare("l[r]", false, |_, _| false);
    let panics = |left: &str, _: &str| left.contains("bytes");
    for bounds in [
        "1:", ":2", "::2", "::-1", "-1:", ":-1", "1:3:2", "100:", "1:'a'", "::0", "100::-1",
        "-1::-1",
    ] {
        different.extend(beside.compare(&format!("l[{bounds}]"), true, panics));
    }
    check(&different);
}

#[test]
fn filters_give_what_the_engine_does() {
    const ARGUMENTS: &[&str] = &[
        "()",
        "('a')",
        "(1)",
        "(2, 0)",
        "(0)",
        "(-1)",
        "(none)",
        "(missing)",
        "([1, 2])",
        "('', 'z')",
        "('a', 'b')",
        "(' ', 1)",
        "(attribute='x')",
        "(attribute='x', default=0)",
        "(attribute=0)",
        "('x')",
        "('x', default=0)",
        "(reverse=true)",
        "(case_sensitive=true)",
        "(attribute='x', reverse=true)",
        "(by='value')",
        "(bad=1)",
        "('upper')",
        "('in', [1, 2])",
        "('odd')",
        "('x', 'gt', 1)",
        "({'a': 1})",
        "(4, true, true)",
        "(true)",
        "('z', true)",
        "('a', 'b', 'c')",
        "(range(3))",
    ];
    let beside = Beside::new();
    let mut different = Vec::new();
    for filter in FILTERS {
        for arguments in ARGUMENTS {
            different
                .extend(beside.compare(&format!("l | {filter}{arguments}"), true, |_, _| false));
        }
    }
    check(&different);
}

#[test]
fn tests_give_what_the_engine_does() {
    let beside = Beside::new();
    let mut different = Vec::new();
    for test in TESTS {
        if test.starts_with(char::is_alphabetic) {
            different.extend(beside.compare(&format!("l is {test}"), true, |_, _| false));
            different.extend(beside.compare(&format!("l is {test}(r)"), false, |_, _| false));
        } else {
            let chosen = format!("[l] | select('{test}', r) | list");
            different.extend(beside.compare(&chosen, false, |_, _| false));
        }
    }
    check(&different);
}
