//! Parameters of a query and cookies, as expressions and templates read and edit them, against crates that read
//! both. Every byte that no edit names stays.

#![no_main]

use std::sync::{Arc, LazyLock};

use arbitrary::{Arbitrary, Unstructured};
use cookie::Cookie;
use fuzz::program::program;
use fuzz::text::words;
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};
use transformations::testing::{Host, Message, Neighbour};
use transformations::{Program, Session};

/// What a path is made of.
const PATH: [&str; 22] = [
    "/", "p", "?", "?", "#", "&", "&", "=", "=", "a", "a", "b", "a=1", "%61", "%", "+", "%20",
    "%FF", "%C3%A9", "é", ";", "%26",
];
const NAMES: [&str; 8] = ["a", "b", "a b", "é", "", "%61", "&", "="];
const COOKIE: [&str; 14] = [
    "a", "b", "A", "=", "=", ";", "; ", " ", "\t", "\"", "1", "a=1; ", "%41", "é",
];

#[derive(Debug)]
struct Input {
    path: String,
    name: String,
    value: String,
    cookies: Vec<String>,
}

impl<'i> Arbitrary<'i> for Input {
    fn arbitrary(input: &mut Unstructured<'i>) -> arbitrary::Result<Self> {
        let lines = input.int_in_range(0..=2)?;
        Ok(Self {
            path: words(input, &PATH, 14)?,
            name: fuzz::text::one_of_or_any(input, &NAMES)?,
            value: words(input, &PATH, 3)?,
            cookies: (0..lines)
                .map(|_| words(input, &COOKIE, 10))
                .collect::<arbitrary::Result<_>>()?,
        })
    }
}

/// All of it by expressions.
static CEL: LazyLock<Arc<Program>> = LazyLock::new(|| {
    let cel = "json(request.body).with(d, toJson({
        'get': coalesce(default([d.path.getQuery(d.name)], []), 'fails'),
        'add': d.path.addQuery(d.name, d.value),
        'set': d.path.setQuery(d.name, d.value),
        'remove': d.path.removeQuery(d.name),
        'cookie': coalesce(default([string(request.headers.cookie(d.name))], []), 'fails')}))";
    program(&json!({"request": {"body": {"cel": cel}}}).to_string())
});

/// Each of it by a template.
static JINJA: LazyLock<[Arc<Program>; 5]> = LazyLock::new(|| {
    [
        "get_query(path, name)",
        "add_query(path, name, value)",
        "set_query(path, name, value)",
        "remove_query(path, name)",
        "get_cookie(name)",
    ]
    .map(|call| {
        let body = json!({"parseAs": "AsJson", "value": format!("{{{{ {call} }}}}")});
        program(&json!({"request": {"body": body}}).to_string())
    })
});

fuzz_target!(|input: Input| {
    let Input {
        path, name, value, ..
    } = &input;
    let made = run(&CEL, &input).expect("no expression fails");
    let made: Value = serde_json::from_str(&made).expect("it is JSON");
    let text = |key: &str| made[key].as_str().expect("it is a text").to_owned();
    let got = one(&made["get"]);

    let before = parameters(path);
    let called = |(other, _): &&(String, String)| other == name;
    // What is no UTF-8 is replaced by the other reader.
    let first = before.iter().find(called).map(|(_, value)| value.clone());
    match &got {
        Err(()) => assert!(
            first.is_some_and(|first| first.contains('\u{fffd}')),
            "{input:?}"
        ),
        Ok(got) if !name.contains('\u{fffd}') => assert_eq!(*got, first, "{input:?}"),
        Ok(_) => {}
    }

    let new = (name.clone(), value.clone());
    let added = text("add");
    let set = text("set");
    let removed = text("remove");
    if !name.contains('\u{fffd}') {
        let with_new = [before.clone(), vec![new.clone()]].concat();
        assert_eq!(parameters(&added), with_new, "{input:?}");
        let others = before.iter().filter(|parameter| !called(parameter));
        assert_eq!(
            parameters(&removed),
            others.clone().cloned().collect::<Vec<_>>(),
            "{input:?}"
        );
        let mut with_set = Vec::new();
        for parameter in &before {
            match called(&parameter) {
                false => with_set.push(parameter.clone()),
                true if !with_set.contains(&new) => with_set.push(new.clone()),
                true => {}
            }
        }
        if !with_set.contains(&new) {
            with_set.push(new);
        }
        assert_eq!(parameters(&set), with_set, "{input:?}");
    }
    // Every other byte stays, and where.
    let (start, query, fragment) = parts(path);
    for edited in [&added, &set, &removed] {
        let (other_start, other_query, other_fragment) = parts(edited);
        assert_eq!(
            (start, fragment),
            (other_start, other_fragment),
            "{input:?} {edited}"
        );
        let mut kept = other_query.unwrap_or_default().split('&');
        for parameter in query.unwrap_or_default().split('&') {
            let is_called = parameters(&format!("?{parameter}"))
                .iter()
                .any(|found| called(&found));
            if !is_called && !parameter.is_empty() {
                assert!(kept.any(|other| other == parameter), "{input:?} {edited}");
            }
        }
    }
    if before.iter().all(|parameter| !called(&parameter)) {
        assert_eq!(removed, *path);
        assert_eq!(set, added);
    }

    let cookie = one(&made["cookie"]).expect("the cookie is text");
    let reference = input
        .cookies
        .iter()
        .flat_map(|line| Cookie::split_parse(line.as_str()));
    let mut reference = reference.filter_map(|cookie| cookie.ok());
    let reference = reference.find(|cookie| cookie.name() == name);
    let reference = reference.map(|cookie| cookie.value().to_owned());
    assert_eq!(cookie, reference, "{input:?}");

    let texts = [
        got.map(Option::unwrap_or_default),
        Ok(added),
        Ok(set),
        Ok(removed),
        Ok(cookie.unwrap_or_default()),
    ];
    for (program, expected) in JINJA.iter().zip(texts) {
        assert_eq!(run(program, &input), expected, "{input:?}");
    }
});

/// What an expression gives as a list of at most one; an error where it fails.
fn one(list: &Value) -> Result<Option<String>, ()> {
    let list = list.as_array().ok_or(())?;
    Ok(list
        .first()
        .map(|text| text.as_str().expect("it is a text").to_owned()))
}

/// A path before its `?`, its query and what begins with `#`.
fn parts(path: &str) -> (&str, Option<&str>, &str) {
    let (target, fragment) = path.split_at(path.find('#').unwrap_or(path.len()));
    match target.split_once('?') {
        Some((start, query)) => (start, Some(query), fragment),
        None => (target, None, fragment),
    }
}

fn parameters(path: &str) -> Vec<(String, String)> {
    let query = parts(path).1.unwrap_or_default();
    form_urlencoded::parse(query.as_bytes())
        .into_owned()
        .collect()
}

/// The body that a program makes, or an error where something of it fails.
fn run(program: &Arc<Program>, input: &Input) -> Result<String, ()> {
    let body = json!({"path": input.path, "name": input.name, "value": input.value});
    let mut headers = vec![("content-type", "application/json")];
    headers.extend(input.cookies.iter().map(|line| ("cookie", line.as_str())));
    let mut host = Host::new(
        Message::new(&headers, [body.to_string()]),
        Message::default(),
    );
    host.play(&mut Session::new(Arc::clone(program)), Neighbour::None);
    assert_eq!(host.violations, [""; 0]);
    if !host.failures.is_empty() {
        return Err(());
    }
    Ok(String::from_utf8(host.request.body()).expect("the body is text"))
}
