//! The cases of `tests/expressions/*.json`, the examples of all functions, and what holds for
//! every expression.

use std::collections::BTreeMap;
use std::path::Path;

use bodies::{Finding, json};
use proptest::prelude::*;
use serde::Deserialize;

use super::functions::FAMILIES;
use super::*;
use crate::headers::Snapshot;
use crate::languages::{Extracted, FieldValue};
use crate::ops::{Attribute, AttributeValue, Direction, MetadataSource};
use crate::processor;

/// What the cases are evaluated on.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Exchange {
    request: Message,
    response: Message,
    extracted: BTreeMap<String, String>,
    #[serde(skip)]
    fields: Extracted,
    metadata: BTreeMap<String, serde_json::Value>,
    /// Whether fields are searched for, as a pass does, or read of the whole body.
    #[serde(skip)]
    searched: Option<(json::Pointers, Vec<String>)>,
    #[serde(skip)]
    found: Option<Result<Vec<Finding>, json::Error>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Message {
    headers: Vec<(String, String)>,
    body: String,
    #[serde(skip)]
    snapshot: Snapshot,
}

impl Exchange {
    fn prepare(mut self, expression: Option<&Expression>) -> Self {
        for message in [&mut self.request, &mut self.response] {
            message.snapshot = message.headers.iter().cloned().collect();
        }
        for (name, value) in &self.extracted {
            let value = FieldValue::Text(value.clone());
            self.fields.insert(&name.as_str().into(), value);
        }
        if let Some(expression) = expression {
            let mut pointers = json::Pointers::default();
            let mut names = Vec::new();
            for pointer in &expression.needs().request.fields {
                pointers.insert(pointer).unwrap();
                names.push(pointer.clone());
            }
            let mut finder = json::Finder::new(&pointers, &expression.limits.of_bodies());
            let fed = finder.feed(&pointers, self.request.body.as_bytes());
            self.found = Some(fed.and_then(|()| finder.finish(&pointers)));
            self.searched = Some((pointers, names));
        }
        self
    }

    fn message(&self, message: Direction) -> &Message {
        match message {
            Direction::Request => &self.request,
            Direction::Response => &self.response,
        }
    }
}

impl Resolver for Exchange {
    fn headers(&self, message: Direction) -> &Snapshot {
        &self.message(message).snapshot
    }

    fn body(&self, message: Direction) -> Result<&[u8], Error> {
        Ok(self.message(message).body.as_bytes())
    }

    fn field(&self, of: JsonText, pointer: &str) -> Option<Result<&Finding, Error>> {
        let (_, names) = self.searched.as_ref()?;
        if of != JsonText::Body(Direction::Request) {
            return None;
        }
        let number = names.iter().position(|name| name == pointer)?;
        Some(match self.found.as_ref()? {
            Ok(fields) => Ok(&fields[number]),
            Err(error) => Err(Error::of_json(*error)),
        })
    }

    fn attribute(&self, attribute: Attribute) -> Option<AttributeValue> {
        match attribute {
            Attribute::SourceAddress => Some(AttributeValue::Text("10.1.2.3".to_owned())),
            Attribute::SourcePort => Some(AttributeValue::Int(1234)),
            Attribute::ConnectionMtls => Some(AttributeValue::Bool(true)),
            Attribute::XdsRouteName => Some(AttributeValue::Text("gold".to_owned())),
            Attribute::XdsClusterName => Some(AttributeValue::Text("c".to_owned())),
            Attribute::RequestAttempt => Some(AttributeValue::Int(2)),
            _ => None,
        }
    }

    fn metadata(&self, entry: &MetadataEntry) -> Option<AttributeValue> {
        let namespace = match entry.source {
            MetadataSource::Dynamic => entry.namespace.clone(),
            source => format!("{source:?} {}", entry.namespace),
        };
        let value = self.metadata.get(&namespace)?.get(&entry.key)?;
        match entry.kind {
            MetadataKind::Text => Some(AttributeValue::Text(value.as_str()?.to_owned())),
            MetadataKind::Number => value.as_f64().map(AttributeValue::Number),
            MetadataKind::Bool => value.as_bool().map(AttributeValue::Bool),
        }
    }

    fn extracted(&self) -> Option<&Extracted> {
        Some(&self.fields)
    }

    fn env(&self, name: &str) -> Option<String> {
        (name == "REGION").then(|| "eu".to_owned())
    }
}

fn compile(text: &str) -> Result<Expression, Vec<Diagnostic>> {
    Expression::compile("", text, &Limits::default(), &FieldTypes::default(), false)
}

/// The value of an expression about nothing.
fn value_of(text: &str) -> Result<Value<'static>, String> {
    let expression = compile(text).map_err(|errors| format!("{errors:?}"))?;
    let exchange = Exchange::default();
    let result = expression.evaluate(&exchange);
    if let Ok(value) = &result {
        assert!(is_as_foretold(&expression, value), "{text} gives {value:?}");
    }
    result
        .and_then(|value| value.detached(&budget::Budget::new(&Limits::default())))
        .map_err(|error| error.to_string())
}

/// Whether a value is of the type that is known of its expression before, if one is. A header that is not
/// UTF-8 is bytes.
fn is_as_foretold(expression: &Expression, value: &Value<'_>) -> bool {
    let numbers = ["int", "uint", "double"];
    match expression.type_name() {
        Some("number") => numbers.contains(&value.type_name()),
        Some("string") => ["string", "bytes"].contains(&value.type_name()),
        Some(known) => known == value.type_name(),
        None => true,
    }
}

fn same(left: &Value<'_>, right: &Value<'_>) -> bool {
    let budget = budget::Budget::new(&Limits::default());
    left.type_name() == right.type_name() && compare::equal(left, right, &budget).unwrap()
}

#[test]
fn examples_give_what_they_say() {
    let forms = FORMS.iter().copied();
    let functions = FAMILIES.iter().flat_map(|(_, functions)| *functions);
    for function in forms.chain(functions.map(functions::Builtin::described)) {
        assert!(!function.examples.is_empty(), "{}", function.name);
        for (written, gives) in function.examples {
            let value = value_of(written);
            if *gives == "error" {
                assert!(value.is_err(), "{written} gives {value:?}");
                continue;
            }
            let value = value.unwrap_or_else(|error| panic!("{written}: {error}"));
            let expected = value_of(gives).unwrap();
            assert!(same(&value, &expected), "{written} gives {value:?}");
        }
    }
}

#[test]
fn a_function_fails_on_a_first_value_that_is_of_none_of_its_types() {
    let budget = budget::Budget::new(&Limits::default());
    let others = ["1", "1u", "1.5", "true", "b'a'", "'a'", "[]", "{}", "int"];
    for function in FAMILIES.iter().flat_map(|(_, functions)| *functions) {
        let [fewest, _] = function.arguments;
        for other in others {
            let mut arguments = vec![value_of(other).unwrap()];
            if function.is_of(arguments[0].type_name()) {
                continue;
            }
            arguments.resize(fewest, value_of("'a'").unwrap());
            let value = (function.call)(&budget, &arguments);
            assert!(
                value.is_err(),
                "{} of {other} gives {value:?}",
                function.name
            );
        }
    }
}

/// A file of cases.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    expression: String,
    #[serde(default)]
    on: Exchange,
    /// An expression of the same value and type.
    gives: Option<String>,
    /// A part of the error.
    fails: Option<String>,
    /// A part of the first error at load.
    refused: Option<String>,
    /// The text of the value in a header; `null` for none.
    #[serde(default, deserialize_with = "given")]
    text: Option<Option<String>>,
    /// The fields that are searched for in the request's body.
    fields: Option<Vec<String>>,
}

fn given<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

fn problem(case: Case, searched: bool) -> Option<String> {
    let expression = match (compile(&case.expression), &case.refused) {
        (Err(errors), Some(part)) if errors[0].to_string().contains(part) => return None,
        (Err(errors), _) => return Some(format!("refused: {}", errors[0])),
        (Ok(_), Some(_)) => return Some("not refused".to_owned()),
        (Ok(expression), None) => expression,
    };
    let found: Vec<String> = expression.needs().request.fields.iter().cloned().collect();
    if case.fields.as_ref().is_some_and(|wanted| *wanted != found) {
        return Some(format!("searches for {found:?}"));
    }
    let exchange = case.on.prepare(searched.then_some(&expression));
    let value = expression.evaluate(&exchange);
    let value = match (value, case.fails) {
        (Err(error), Some(part)) if error.to_string().contains(&part) => return None,
        (Err(error), _) => return Some(format!("fails: {error}")),
        (Ok(value), Some(_)) => return Some(format!("gives {value:?}")),
        (Ok(value), None) if !is_as_foretold(&expression, &value) => {
            return Some(format!("gives {value:?}, not as foretold"));
        }
        (Ok(value), None) => value,
    };
    if let Some(gives) = &case.gives
        && !same(&value, &value_of(gives).unwrap())
    {
        return Some(format!("gives {value:?}"));
    }
    if let Some(expected) = case.text {
        let text = text(&value).unwrap().map(|text| text.into_owned());
        if text != expected {
            return Some(format!("has the text {text:?}"));
        }
    } else if case.gives.is_none() {
        return Some("no expectation".to_owned());
    }
    None
}

#[test]
fn every_case_comes_out_as_it_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/expressions");
    let mut problems = Vec::new();
    let mut count = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        for searched in [false, true] {
            let file: File = serde_json::from_str(&text)
                .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            for case in file.cases {
                count += 1;
                let expression = case.expression.clone();
                if let Some(problem) = problem(case, searched) {
                    problems.push(format!("{expression}\n    {problem}"));
                }
            }
        }
    }
    assert!(count > 0);
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn nested_macros_end_within_the_budget() {
    let started = processor::time();
    let nested = "lists.range(60).map(a, lists.range(60).map(b, lists.range(60).map(c, \
                  lists.range(60).map(d, a + b + c + d))))";
    assert_eq!(value_of(nested).unwrap_err(), "out of steps");
    assert!(processor::time().saturating_sub(started) < std::time::Duration::from_secs(2));
}

#[test]
fn nothing_catches_the_end_of_the_budget() {
    let endless = "lists.range(1000).all(a, lists.range(1000).all(b, a + b >= 0))";
    for text in [
        format!("coalesce({endless} && {endless}, 1)"),
        format!("default({endless} && {endless}, 1)"),
        format!("{endless} && {endless} || true"),
        format!("[1, 2].exists(x, {endless})"),
    ] {
        assert_eq!(value_of(&text).unwrap_err(), "out of steps", "{text}");
    }
}

#[test]
fn texts_cannot_grow_without_end() {
    let doubling = (0..40).fold("'0123456789abcdef'".to_owned(), |text, _| {
        format!("{text}.with(x, x + x)")
    });
    assert_eq!(
        value_of(&doubling).unwrap_err(),
        "the expression makes too much"
    );
}

#[test]
fn a_value_that_holds_another_twice_cannot_grow_without_end_where_it_is_copied() {
    let doubling = (0..40).fold("[1]".to_owned(), |list, _| {
        format!("{list}.with(x, [x, x])")
    });
    assert_eq!(value_of(&doubling).unwrap_err(), "out of steps");
    let expression = compile("lists.range(1000).map(x, request.body)").unwrap();
    let exchange = on(&"a".repeat(1 << 20));
    let value = expression.evaluate(&exchange).unwrap();
    let copy = value.detached(&budget::Budget::new(&Limits::default()));
    assert!(matches!(copy, Err(Error::Limit(_))));
}

#[test]
fn work_on_long_texts_is_paid_for() {
    let blank = format!("{}1", " ".repeat(100_000));
    let digits = "1".repeat(100_000);
    let letters = "a".repeat(100_000);
    for (body, work) in [
        (&letters, "s in {s: 1, 'b': 2}"),
        (&letters, "m[s] == 1"),
        (&letters, "m == m"),
        (&letters, "size({s: 1}) == 1"),
        (&letters, "size(m.merge(m)) == 2"),
        (&letters, "!(s in request.headers)"),
        (&letters, "coalesce(request.headers[s], '') == ''"),
        (&letters, "request.headers.values(s) == []"),
        (&letters, "s.replace('a', '') == ''"),
        (&blank, "json(s) == 1"),
        (&digits, "json(s) > 1"),
    ] {
        let work = format!("lists.range(100000).all(i, {work})");
        let text = format!("string(request.body).with(s, {{s: 1, 'b': 2}}.with(m, {work}))");
        let exchange = on(body);
        let expression = compile(&text).unwrap();
        let result = expression.evaluate(&exchange);
        assert!(matches!(result, Err(Error::Limit(_))), "{work}: {result:?}");
    }
}

#[test]
fn errors_show_the_beginning_of_long_texts() {
    let exchange = on(&"é".repeat(10_000));
    for text in [
        "{'a': 1}[string(request.body)]",
        "request.headers[string(request.body)]",
        "request.headers.cookie(string(request.body))",
        "fail(string(request.body))",
    ] {
        let expression = compile(text).unwrap();
        let error = expression.evaluate(&exchange).unwrap_err().to_string();
        assert!(error.contains("é") && error.len() < 200, "{text}: {error}");
    }
}

/// The lexer goes on after what it does not know, and the parser with it: a chain of terms behind
/// an open quote once ended the process.
#[test]
fn what_follows_an_open_quote_is_not_parsed() {
    let long = "+1".repeat(7_000);
    for start in [
        "'\n1",
        "'1",
        "'\\q 1",
        "`a\n1",
        "rb'\\' '1",
        "1r'\\' '1",
        "'''1",
    ] {
        let errors = compile(&format!("{start}{long}")).unwrap_err();
        assert!(errors.len() == 1 && errors[0].help.is_some(), "{errors:?}");
    }
}

#[test]
fn ten_thousand_terms_are_refused() {
    for text in [
        format!("1{}", "+1".repeat(9_999)),
        format!("{}1{}", "(".repeat(9_999), ")".repeat(9_999)),
        format!("{}1", "!".repeat(9_999)),
        format!("a{}", ".b".repeat(5_000)),
    ] {
        let errors = compile(&text).unwrap_err();
        assert_eq!(errors[0].code, Code::Range);
    }
}

/// Parts of expressions, put together at random.
fn expressions() -> impl Strategy<Value = String> {
    let names: Vec<String> = FAMILIES
        .iter()
        .flat_map(|(_, functions)| functions.iter().map(|function| function.name.to_owned()))
        .chain(FORMS.iter().map(|form| form.name.to_owned()))
        .collect();
    let values = prop_oneof![
        Just("json(request.body)".to_owned()),
        Just("json(request.body).a[0].b".to_owned()),
        Just("request.body".to_owned()),
        Just("request.headers".to_owned()),
        Just("request.headers['x']".to_owned()),
        Just("request.path".to_owned()),
        Just("extracted".to_owned()),
        Just("response.code".to_owned()),
        Just("source.address".to_owned()),
        Just("x".to_owned()),
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("[]".to_owned()),
        Just("{}".to_owned()),
        Just("0.0 / 0.0".to_owned()),
        Just("9223372036854775807".to_owned()),
        Just("-9223372036854775808".to_owned()),
        Just("18446744073709551615u".to_owned()),
        Just("'😀é\u{0}'".to_owned()),
        Just("b'\\xff'".to_owned()),
        Just("'10.0.0.1/8'".to_owned()),
        any::<i32>().prop_map(|number| number.to_string()),
        any::<f64>().prop_map(|number| format!("{number:?}")),
        "'[ -~&&[^'\\\\]]{0,8}'",
    ];
    values.prop_recursive(4, 40, 4, move |inner| {
        let operators = prop::sample::select(vec![
            "+", "-", "*", "/", "%", "==", "!=", "<", ">=", "in", "&&", "||",
        ]);
        let names = prop::sample::select(names.clone());
        prop_oneof![
            (inner.clone(), operators, inner.clone())
                .prop_map(|(left, operator, right)| format!("({left} {operator} {right})")),
            (
                inner.clone(),
                names.clone(),
                prop::collection::vec(inner.clone(), 0..4)
            )
                .prop_map(|(of, name, arguments)| format!(
                    "({of}).{name}({})",
                    arguments.join(", ")
                )),
            (names, prop::collection::vec(inner.clone(), 0..4))
                .prop_map(|(name, arguments)| format!("{name}({})", arguments.join(", "))),
            (
                inner.clone(),
                prop::sample::select(vec![
                    "map",
                    "filter",
                    "all",
                    "exists",
                    "sortBy",
                    "mapValues",
                    "filterKeys",
                    "with",
                    "optMap"
                ]),
                inner.clone()
            )
                .prop_map(|(range, name, body)| format!("({range}).{name}(x, {body})")),
            (inner.clone(), inner.clone()).prop_map(|(of, at)| format!("({of})[{at}]")),
            (inner.clone(), inner.clone()).prop_map(|(of, at)| format!("({of})[?{at}]")),
            inner.clone().prop_map(|of| format!("({of}).?a")),
            inner.clone().prop_map(|of| format!("has(({of}).a)")),
            inner.clone().prop_map(|of| format!("!({of})")),
            inner.clone().prop_map(|of| format!("-({of})")),
            prop::collection::vec(inner.clone(), 0..4)
                .prop_map(|items| format!("[{}]", items.join(", "))),
            (inner.clone(), inner.clone(), inner.clone())
                .prop_map(|(a, b, c)| format!("({a} ? {b} : {c})")),
            (inner.clone(), inner).prop_map(|(key, value)| format!("{{{key}: {value}}}")),
        ]
    })
}

fn bodies() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(r#"{"a": [{"b": 1}, "x"], "c": 3.10}"#.to_owned()),
        Just(r#"{"a": 1, "a": 2}"#.to_owned()),
        Just(r#"{"a": {"b": 1}, "A": [1], "c": {"b": 1, "B": 1}}"#.to_owned()),
        Just("[1, [2, [3]]]".to_owned()),
        Just(String::new()),
        "[\\[\\]{}\":,a0-9. \\\\u]{0,20}",
    ]
}

fn on(body: &str) -> Exchange {
    let mut exchange = Exchange::default();
    exchange.request.body = body.to_owned();
    exchange.request.headers = vec![
        (":path".to_owned(), "/a?b#c".to_owned()),
        ("x".to_owned(), "é".to_owned()),
    ];
    exchange.response.headers = vec![(":status".to_owned(), "200".to_owned())];
    exchange.prepare(None)
}

/// What comes of an expression on a body, as JSON.
fn made(text: &str, body: &str) -> Result<String, Error> {
    let exchange = on(body);
    let expression = compile(text).unwrap();
    let value = expression.evaluate(&exchange)?;
    print::json(&value, &budget::Budget::new(&Limits::default()))
}

#[test]
fn the_other_value_of_an_optional_is_made_only_where_it_is_wanted() {
    let body = r#"{"a":5}"#;
    for (text, expected) in [
        (
            "json(request.body).?a.orValue(json(request.body).b)",
            Ok("5"),
        ),
        (
            "json(request.body).?a.or(optional.of(1 / 0)).value()",
            Ok("5"),
        ),
        (
            "json(request.body).?b.or(json(request.body).?a).orValue(1 / 0)",
            Ok("5"),
        ),
        ("json(request.body).?b.orValue(6)", Ok("6")),
        (
            "json(request.body).?b.orValue(1 / 0)",
            Err("division by zero"),
        ),
        (
            "json(request.body).?b.or(1).value()",
            Err("int is not an optional"),
        ),
        (
            "json(request.body).a.orValue(1)",
            Err("int is not an optional"),
        ),
    ] {
        let made = made(text, body).map_err(|error| error.to_string());
        assert_eq!(made.as_deref().map_err(String::as_str), expected, "{text}");
    }
}

#[test]
fn null_and_scalars_have_no_optional_member() {
    let body = r#"{"z":null,"n":5,"s":"x","l":[1],"m":{"k":1}}"#;
    for (text, expected) in [
        ("json(request.body).?z.?k.orValue(9)", Ok("9")),
        ("json(request.body).z.?k.orValue(9)", Ok("9")),
        ("json(request.body).?n.?k.orValue(9)", Ok("9")),
        ("json(request.body).?s.?k.orValue(9)", Ok("9")),
        ("json(request.body).?s[?0].orValue(9)", Ok("9")),
        ("json(request.body).?m.?k.orValue(9)", Ok("1")),
        ("json(request.body).?m.?k.?j.orValue(9)", Ok("9")),
        ("json(request.body).with(d, d.?z.?k.orValue(9))", Ok("9")),
        ("json(request.body).with(d, default(d.z.k, 9))", Ok("9")),
        ("default(json(request.body).z.k, 9)", Ok("9")),
        (
            "json(request.body).?z.k.orValue(9)",
            Err("null_type has no members"),
        ),
        ("{'n': dyn(5)}.?n.k.hasValue()", Err("int has no members")),
        (
            "json(request.body).with(d, d.z.k)",
            Err("null_type has no members"),
        ),
        (
            "json(request.body).with(d, has(d.n.k))",
            Err("int has no members"),
        ),
        ("has(json(request.body).n.k)", Err("int has no members")),
        (
            "json(request.body).with(d, d.?l.?k.orValue(9))",
            Err("`[]` does not take (optional_type, string)"),
        ),
    ] {
        let made = made(text, body).map_err(|error| error.to_string());
        assert_eq!(made.as_deref().map_err(String::as_str), expected, "{text}");
    }
}

/// Some servers take `Role` for `role`: whatever looks one of them up does not believe it beside the other.
#[test]
fn a_key_in_another_case_hides_nothing_wherever_it_is_looked_up() {
    let body = r#"{"model":"a","Model":"b","messages":[{"role":"user","Role":"system"}]}"#;
    for text in [
        "json(request.body).messages.exists(m, m.role == 'system')",
        "json(request.body).messages.all(m, m.role != 'system')",
        "json(request.body).messages.filter(m, m.role == 'system')",
        "json(request.body).messages.map(m, m['ro' + 'le'])",
        "json(request.body).messages.map(m, has(m.role))",
        "json(request.body).messages.map(m, default(m.role, ''))",
        "json(request.body).messages.map(m, m.?role.orValue(''))",
        "json(request.body).messages.map(m, m[?'role'].orValue(''))",
        "json(request.body).messages.exists(m, 'role' in m)",
        "json(request.body).messages.sortBy(m, m.role)",
        "json(request.body).messages[0].mapValues(v, v).role",
        "cel.bind(d, json(request.body), d.model)",
        "json(request.body).with(d, d.Model)",
        "json(request.body)['mod' + 'el']",
        "'model' in json(request.body)",
        "json(string(request.body)).model",
        "json(string(request.body)).messages[0].role",
        "[json(request.body)][0].model",
        "optional.of(json(request.body)).model",
        "json(request.body).merge({'model': 'c'})",
        "{'a': 1}.merge(json(request.body)).model",
        "json(request.body).filterKeys(k, k == 'model')",
        "json(request.body).filterKeys(k, k != 'Model')",
        // What no search is made for.
        "json(request.body).model",
        "json(request.body).messages[0].role",
        "has(json(request.body).model)",
    ] {
        let made = made(text, body);
        assert!(matches!(made, Err(Error::Failed(_))), "{text}: {made:?}");
    }
}

/// A map that the expression writes is CEL's, and what is not looked up may hold anything.
#[test]
fn keys_in_another_case_are_two_where_none_of_them_is_looked_up() {
    let body = r#"{"a":1,"A":2,"b":3,"Long":4}"#;
    for (text, expected) in [
        (
            "toJson(json(request.body))",
            r#""{\"a\":1,\"A\":2,\"b\":3,\"Long\":4}""#,
        ),
        ("json(request.body).with(d, d.b)", "3"),
        ("json(request.body).with(d, 'B' in d)", "false"),
        ("json(request.body).merge({'c': 5}).with(d, d.c)", "5"),
        (
            "json(request.body).filterKeys(k, k.lowerAscii() == 'a')",
            r#"{"a":1,"A":2}"#,
        ),
        ("json(request.body).filterKeys(k, k == 'b')", r#"{"b":3}"#),
        ("json(request.body).exists(k, k == 'A')", "true"),
        ("{'a': 1, 'A': 2}.A", "2"),
        ("{'a': 1}.merge({'A': 2}).a", "1"),
    ] {
        assert_eq!(made(text, body).as_deref(), Ok(expected), "{text}");
    }
}

proptest! {
    #[test]
    fn no_text_is_too_odd_to_compile(text in "[ -~\\n]{0,60}") {
        let _ = compile(&text);
    }

    #[test]
    fn tokens_in_any_order_compile_or_are_refused(tokens in prop::collection::vec(prop::sample::select(vec![
        "a", ".", "(", ")", "[", "]", "{", "}", ",", ":", "?", "1", "1u", "0x", "1.5", "1e", "'s'", "b'\\x41'", "r'\\'",
        "\"\"\"", "'", "`a`", "\\", "+", "-", "!", "&&", "||", "==", "in", "has", "map", "x", "request", "json", "null",
        "true", "//", "\n", "@", "é", "😀", "$", "\"\\u12\"", "'\\400'",
    ]), 0..20)) {
        let _ = compile(&tokens.concat());
        let _ = compile(&tokens.join(" "));
    }

    #[test]
    fn no_expression_panics_on_any_body(text in expressions(), body in bodies()) {
        if let Ok(expression) = compile(&text) {
            let exchange = on(&body);
            let budget = budget::Budget::new(&Limits::default());
            if let Ok(value) = expression.evaluate(&exchange) {
                let _ = print::json(&value, &budget);
                let _ = print::text(&value);
                let _ = value.detached(&budget);
            }
        }
    }

    /// The two ways to a field, by search and by reading, agree.
    #[test]
    fn fields_are_the_same_searched_for_and_read(body in bodies(), path in prop::collection::vec(
        prop::sample::select(vec![".a", ".b", ".c", "[0]", "[1]"]), 0..4
    )) {
        // Of what no pointer leads to, a search checks little.
        prop_assume!(serde_json::from_str::<serde_json::Value>(&body).is_ok());
        let expression = compile(&format!("json(request.body){}", path.concat())).unwrap();
        let value = |searched: Option<&Expression>| {
            let mut exchange = Exchange::default();
            exchange.request.body = body.clone();
            let exchange = exchange.prepare(searched);
            let budget = budget::Budget::new(&Limits::default());
            expression.evaluate(&exchange).map(|value| print::json(&value, &budget).unwrap()).ok()
        };
        prop_assert_eq!(value(Some(&expression)), value(None));
    }

    /// JSON in, JSON out: the same document.
    #[test]
    fn json_comes_out_as_it_went_in(numbers in prop::collection::vec(any::<i64>(), 0..5), text in ".{0,20}") {
        let document = serde_json::json!({"numbers": numbers, "text": text, "z": null, "a": [true, {}]});
        let expression = compile("toJson(json(request.body))").unwrap();
        let exchange = on(&document.to_string());
        let value = expression.evaluate(&exchange).unwrap();
        let parsed: serde_json::Value = serde_json::from_str(value.as_str().unwrap()).unwrap();
        prop_assert_eq!(parsed, document);
    }
}
