mod alike;
mod repeated;
mod selected;

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;
use crate::JSON_POINTERS;
use crate::json::pointer::tokens;
use crate::spliced;

/// An edit as a test writes it.
type Edit<'e> = (&'e str, Change);

fn set(path: &str, value: Value) -> Edit<'_> {
    (path, Change::Set(value.to_string()))
}

fn default(path: &str, value: Value) -> Edit<'_> {
    (path, Change::Default(value.to_string()))
}

fn replace(path: &str, value: Value) -> Edit<'_> {
    (path, Change::Replace(value.to_string()))
}

fn remove(path: &str) -> Edit<'_> {
    (path, Change::Remove)
}

/// The texts of changes.
struct Given<'e>(&'e [Change]);

impl<'e> Texts<'e> for Given<'e> {
    fn text(&mut self, edit: EditId, _: Option<&[u8]>) -> Option<Cow<'e, str>> {
        match &self.0[edit.index()] {
            Change::Set(text) | Change::Replace(text) | Change::Default(text) => {
                Some(Cow::Borrowed(text))
            }
            Change::Remove => Some(Cow::Borrowed("")),
            Change::Nothing => None,
        }
    }
}

fn verb(change: &Change) -> Verb {
    match change {
        Change::Set(_) => Verb::Set,
        Change::Replace(_) => Verb::Replace,
        Change::Default(_) | Change::Nothing => Verb::Default,
        Change::Remove => Verb::Remove,
    }
}

fn planned(
    document: &str,
    edits: &[Edit<'_>],
    limits: &Limits,
) -> Result<DocumentPlan<'static>, PatchError> {
    let with_verbs: Vec<_> = edits
        .iter()
        .map(|(path, change)| (*path, verb(change), change.clone()))
        .collect();
    planned_with(document, &with_verbs, limits)
}

fn planned_with(
    document: &str,
    edits: &[(&str, Verb, Change)],
    limits: &Limits,
) -> Result<DocumentPlan<'static>, PatchError> {
    let parsed = edits
        .iter()
        .map(|(path, verb, _)| (Path::parse(path).unwrap(), *verb));
    let paths = Paths::new(parsed.collect()).unwrap();
    assert_eq!(
        (paths.len(), paths.is_empty()),
        (edits.len(), edits.is_empty())
    );
    let changes: Vec<Change> = edits.iter().map(|(_, _, change)| change.clone()).collect();
    let plan = plan(document.as_bytes(), &paths, &mut Given(&changes), limits)?;
    let splices = plan.splices.into_iter().map(|Splice { old, new }| Splice {
        old,
        new: new.into_owned().into(),
    });
    Ok(DocumentPlan {
        splices: splices.collect(),
        misfits: plan.misfits,
        conflicts: plan.conflicts,
    })
}

/// The document afterwards, and the edits that did not fit.
fn patched(document: &str, edits: &[Edit<'_>]) -> (String, Vec<usize>) {
    let patch = planned(document, edits, &Limits::default()).unwrap();
    let text = spliced(document.as_bytes(), &patch.splices);
    (
        String::from_utf8(text).unwrap(),
        patch.misfits.iter().map(EditId::index).collect(),
    )
}

fn check(document: &str, edits: &[Edit<'_>], expected: &str) {
    assert_eq!(
        patched(document, edits),
        (expected.to_owned(), vec![]),
        "{document} {edits:?}"
    );
}

fn check_misfit(document: &str, edits: &[Edit<'_>]) {
    let all = (0..edits.len()).collect();
    assert_eq!(patched(document, edits), (document.to_owned(), all));
}

#[test]
fn a_value_takes_the_place_of_another() {
    let edits = [set("/model", json!("new"))];
    check(
        "{ \"n\" : 1.0e2 ,\n\"model\" : \"old\" , \"z\":[ ] }",
        &edits,
        "{ \"n\" : 1.0e2 ,\n\"model\" : \"new\" , \"z\":[ ] }",
    );
    for old in [
        "{\"a\":[1]}",
        "[ 1 ]",
        "null",
        "-0",
        "\"\\u00e9\\\"\"",
        "true",
    ] {
        check(
            &format!("{{\"model\":{old}}}"),
            &edits,
            "{\"model\":\"new\"}",
        );
    }
}

#[test]
fn a_missing_member_is_put_at_the_end() {
    let edits = [set("/m", json!(1))];
    check("{}", &edits, r#"{"m":1}"#);
    check("{ \n}", &edits, "{\"m\":1 \n}");
    check("{\n  \"a\": 1\n}\n", &edits, "{\n  \"a\": 1,\"m\":1\n}\n");
    check(r#"{"a":{}}"#, &edits, r#"{"a":{},"m":1}"#);
    check(
        r#"{"a":1}"#,
        &[set("/é\"~1~0", json!(1)), default("/", json!(2))],
        r#"{"a":1,"é\"/~":1,"":2}"#,
    );
}

#[test]
fn a_default_keeps_what_is_there() {
    let edits = [default("/m", json!(5))];
    check(r#"{"m": 0}"#, &edits, r#"{"m": 0}"#);
    check(r#"{"m": ""}"#, &edits, r#"{"m": ""}"#);
    check(r#"{"m": null}"#, &edits, r#"{"m": 5}"#);
    check(r#"{"a": 1}"#, &edits, r#"{"a": 1,"m":5}"#);
    check(r#"{"m": null, "m": 1}"#, &edits, r#"{"m": 5, "m": 1}"#);
}

#[test]
fn a_replacement_makes_nothing() {
    let edits = [replace("/o/m", json!(5))];
    check(r#"{"o":{"m":null}}"#, &edits, r#"{"o":{"m":5}}"#);
    for document in [r#"{"o":{}}"#, r#"{"o":null}"#, r#"{"o":1}"#, "[]", "1"] {
        check(document, &edits, document);
    }
}

#[test]
fn a_member_goes_with_one_comma() {
    let all = r#"{ "a" : 1 , "b" : 2 , "c" : 3 }"#;
    for (pointers, expected) in [
        (&["/a"][..], r#"{ "b" : 2 , "c" : 3 }"#),
        (&["/b"], r#"{ "a" : 1  , "c" : 3 }"#),
        (&["/c"], r#"{ "a" : 1 , "b" : 2  }"#),
        (&["/a", "/b"], r#"{ "c" : 3 }"#),
        (&["/b", "/c"], r#"{ "a" : 1   }"#),
        (&["/a", "/c"], r#"{ "b" : 2  }"#),
        (&["/a", "/b", "/c"], r#"{  }"#),
        (&["/d", "/e/f"], all),
    ] {
        let edits: Vec<_> = pointers.iter().map(|pointer| remove(pointer)).collect();
        check(all, &edits, expected);
    }
}

#[test]
fn members_come_and_go_together() {
    let edits = [remove("/a"), set("/b", json!(2))];
    check(r#"{"a":1}"#, &edits, r#"{"b":2}"#);
    check(r#"{"a":1,"c":3}"#, &edits, r#"{"c":3,"b":2}"#);
    check(r#"{"c":3, "a":1 }"#, &edits, r#"{"c":3,"b":2 }"#);
    check(r#"{"a":1, "b":1}"#, &edits, r#"{"b":2}"#);
}

#[test]
fn every_occurrence_is_edited() {
    check(
        r#"{"m":1,"a":2,"m":3}"#,
        &[set("/m", json!("x"))],
        r#"{"m":"x","a":2,"m":"x"}"#,
    );
    check(
        r#"{"m":1,"m":2,"a":2,"m":3}"#,
        &[remove("/m")],
        r#"{"a":2}"#,
    );
    check(
        r#"{"\u006d":1,"m":2}"#,
        &[set("/m", json!(0))],
        r#"{"\u006d":0,"m":0}"#,
    );
    check(
        r#"{"o":{"m":1},"o":{},"o":null}"#,
        &[set("/o/m", json!(0))],
        r#"{"o":{"m":0},"o":{"m":0},"o":{"m":0}}"#,
    );
}

#[test]
fn parents_are_made() {
    let edits = [
        set("/o/a/x", json!(1)),
        default("/o/b", json!(2)),
        remove("/o/c"),
    ];
    check("{}", &edits, r#"{"o":{"a":{"x":1},"b":2}}"#);
    check(r#"{"o":null}"#, &edits, r#"{"o":{"a":{"x":1},"b":2}}"#);
    check(
        r#"{"o":{"a":null}}"#,
        &edits,
        r#"{"o":{"a":{"x":1},"b":2}}"#,
    );
    check("{}", &[remove("/o/c")], "{}");
    check(r#"{"o":null}"#, &[remove("/o/c")], r#"{"o":null}"#);
}

#[test]
fn elements() {
    check("[1, 2]", &[set("/0", json!(0))], "[0, 2]");
    check("[1, 2, 3]", &[remove("/0"), remove("/1")], "[3]");
    check("[1, 2 ]", &[set("/-", json!(3))], "[1, 2,3 ]");
    check("[ ]", &[default("/-", json!(3))], "[3 ]");
    check("[1]", &[remove("/-"), remove("/7")], "[1]");
    check(r#"{"-":1}"#, &[set("/-", json!(2))], r#"{"-":2}"#);
    check(
        r#"{"l":[{"a":1},{}]}"#,
        &[set("/l/1/a", json!(2))],
        r#"{"l":[{"a":1},{"a":2}]}"#,
    );
}

#[test]
fn what_does_not_fit_is_left_out_and_told() {
    check_misfit("[1]", &[set("/1", json!(0))]);
    check_misfit("[1]", &[set("/a", json!(0)), default("/00", json!(0))]);
    check_misfit("[1]", &[set("/-/a", json!(0))]);
    check_misfit(r#"{"a":"text"}"#, &[set("/a/b", json!(0))]);
    check_misfit("{}", &[set("/l/0", json!(0)), set("/k/-", json!(0))]);
    check_misfit("{}", &[set("/a/0/b", json!(0))]);
    for root in ["null", "1", "\"text\""] {
        check_misfit(root, &[set("/a", json!(0)), default("/b/c", json!(0))]);
    }
    // Half an edit would leave a parser that sees the old value.
    check_misfit(r#"{"a":{},"a":1}"#, &[set("/a/b", json!(0))]);
    assert_eq!(
        patched(
            r#"{"a":1,"b":2}"#,
            &[set("/a/x", json!(0)), remove("/b"), remove("/a/y")]
        ),
        (r#"{"a":1}"#.to_owned(), vec![0])
    );
}

#[test]
fn what_is_not_json_is_not_edited() {
    let edits = [set("/m", json!(0))];
    let limits = Limits::default();
    for text in [
        "",
        " ",
        "{",
        "{\"m\":1}x",
        "{\"m\" 1}",
        "nope",
        "[DONE]",
        "{\"m\":01}",
    ] {
        assert_eq!(
            planned(text, &edits, &limits),
            Err(PatchError::Invalid),
            "{text}"
        );
    }
    let deep = "[".repeat(200);
    assert_eq!(planned(&deep, &edits, &limits), Err(PatchError::TooDeep));
}

#[test]
fn what_is_put_is_bounded() {
    let many = |count: usize| format!("{{{}}}", vec!["\"m\":1"; count].join(","));
    let limits = Limits {
        edit_bytes: 100,
        ..Limits::default()
    };
    let edits = [set("/m", json!("0123456789"))];
    assert!(planned(&many(8), &edits, &limits).is_ok());
    assert_eq!(planned(&many(9), &edits, &limits), Err(PatchError::TooMuch));
    let edits = [remove("/m")];
    assert!(planned(&many(16_383), &edits, &limits).is_ok());
    assert_eq!(
        planned(&many(16_384), &edits, &limits),
        Err(PatchError::TooMuch)
    );
}

/// What a path leads through is no place, unless something may be put into it.
#[test]
fn what_a_path_leads_through_is_not_counted() {
    let document = format!("[{}]", vec!["{\"b\":[{}]}"; 16_384].join(","));
    for (edits, counted) in [
        (vec![replace("/1/b/0/c", json!(0))], false),
        (vec![replace("$[*].b[*].c", json!(0))], false),
        (vec![set("$[*].a", json!(0))], true),
    ] {
        let planned = planned(&document, &edits, &Limits::default());
        let expected = if counted {
            Err(PatchError::TooMuch)
        } else {
            Ok(true)
        };
        assert_eq!(planned.map(|plan| plan.splices.is_empty()), expected);
    }
}

#[test]
fn as_many_edits_as_there_may_be_put_members_into_one_object() {
    let names: Vec<String> = (0..JSON_POINTERS)
        .map(|number| format!("/a{number}"))
        .collect();
    let edits: Vec<_> = names.iter().map(|name| set(name, json!(1))).collect();
    let (patched, misfits) = patched("{}", &edits);
    let members: Map<String, Value> = serde_json::from_str(&patched).unwrap();
    assert_eq!((members.len(), misfits), (JSON_POINTERS, vec![]));
}

/// The edit in a tree: what `change` at `pointer` makes of it, or `None` where it does not fit.
fn in_tree(tree: &Value, pointer: &str, change: &Change) -> Option<Value> {
    let mut tree = tree.clone();
    let parts = tokens(pointer).unwrap();
    put(&mut tree, &parts, change, true)?;
    Some(tree)
}

fn put(tree: &mut Value, parts: &[String], change: &Change, root: bool) -> Option<()> {
    let (first, rest) = parts.split_first().unwrap();
    let new = match change {
        Change::Set(text) | Change::Replace(text) | Change::Default(text) => {
            serde_json::from_str(text).ok()
        }
        Change::Remove | Change::Nothing => None,
    };
    let puts = matches!(change, Change::Set(_) | Change::Default(_));
    if tree.is_null() && puts && !root {
        if parts
            .iter()
            .any(|part| part == "-" || part.parse::<usize>().is_ok())
        {
            return None;
        }
        *tree = json!({});
    }
    match tree {
        Value::Object(members) => {
            if rest.is_empty() {
                match (change, new) {
                    (Change::Remove, _) => {
                        members.remove(first);
                    }
                    (Change::Default(_), _) if members.get(first).is_some_and(|v| !v.is_null()) => {
                    }
                    (Change::Replace(_), _) if !members.contains_key(first) => {}
                    (_, Some(new)) => {
                        members.insert(first.clone(), new);
                    }
                    _ => {}
                }
                return Some(());
            }
            let missing = members.get(first).is_none_or(Value::is_null);
            if missing {
                if !puts {
                    return Some(());
                }
                members.insert(first.clone(), Value::Null);
            }
            put(members.get_mut(first)?, rest, change, false)
        }
        Value::Array(elements) => {
            if rest.is_empty() && first == "-" && puts {
                elements.push(new?);
                return Some(());
            }
            let index = first
                .parse::<usize>()
                .ok()
                .filter(|_| *first == "0" || !first.starts_with('0'));
            let element = index.and_then(|index| elements.get_mut(index));
            match (element, rest.is_empty()) {
                (None, _) => (!puts).then_some(()),
                (Some(element), true) => {
                    match (change, new) {
                        (Change::Remove, _) => {
                            elements.remove(index?);
                        }
                        (Change::Default(_), _) if !element.is_null() => {}
                        (_, Some(new)) => *element = new,
                        _ => {}
                    }
                    Some(())
                }
                (Some(element), false) => put(element, rest, change, false),
            }
        }
        _ => (!puts).then_some(()),
    }
}

fn key() -> impl Strategy<Value = String> {
    prop::sample::select(&["a", "b", "m", "0", "1", "-", "é", "", "a\"\n"][..])
        .prop_map(str::to_owned)
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        "[a-z,:{}\\[\\]\"\\\\é]{0,5}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            1 => prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            3 => prop::collection::vec((key(), inner), 0..4)
                .prop_map(|members| Value::from(members.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// Spelled with white space where the grammar allows it.
fn spelled(value: &Value, spaces: &mut impl Iterator<Item = &'static str>) -> String {
    let mut space = || spaces.next().unwrap_or_default();
    let (before, after) = (space(), space());
    let text = match value {
        Value::Array(elements) => {
            let inside = space();
            let elements: Vec<_> = elements
                .iter()
                .map(|value| spelled(value, spaces))
                .collect();
            format!("[{inside}{}]", elements.join(","))
        }
        Value::Object(members) => {
            let inside = space();
            let members: Vec<_> = members
                .iter()
                .map(|(key, value)| {
                    let (before, after) = (
                        spaces.next().unwrap_or_default(),
                        spaces.next().unwrap_or_default(),
                    );
                    format!("{before}{}{after}:{}", quoted(key), spelled(value, spaces))
                })
                .collect();
            format!("{{{inside}{}}}", members.join(","))
        }
        scalar => scalar.to_string(),
    };
    format!("{before}{text}{after}")
}

fn edit() -> impl Strategy<Value = (String, Change)> {
    let pointer = prop::collection::vec(key(), 1..4).prop_map(|keys| {
        let parts = keys
            .iter()
            .map(|key| format!("/{}", key.replace('~', "~0").replace('/', "~1")));
        parts.collect::<String>()
    });
    let change = prop_oneof![
        value().prop_map(|value| Change::Set(value.to_string())),
        value().prop_map(|value| Change::Replace(value.to_string())),
        value().prop_map(|value| Change::Default(value.to_string())),
        Just(Change::Remove),
        Just(Change::Nothing),
    ];
    (pointer, change)
}

/// Whether the bytes of `rest` stand in `whole` in this order.
fn is_subsequence(rest: &[u8], whole: &[u8]) -> bool {
    let mut whole = whole.iter();
    rest.iter().all(|byte| whole.any(|other| other == byte))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 1024, ..ProptestConfig::default() })]

    #[test]
    fn edits_come_out_as_in_a_tree(
        tree in value(),
        edits in prop::collection::vec(edit(), 1..5),
        spaces in prop::collection::vec(prop::sample::select(&["", " ", "\n", "\t \r\n"][..]), 0..40),
    ) {
        // Pointers that lead through one another are refused when a configuration is loaded, and
        // removed elements would move those that other edits mean.
        let through = |one: &str, other: &str| format!("{other}/").starts_with(&format!("{one}/"));
        let mut kept: Vec<(String, Change)> = Vec::new();
        for (pointer, change) in edits {
            if !kept.iter().any(|(other, _)| through(other, &pointer) || through(&pointer, other)) {
                kept.push((pointer, change));
            }
        }
        let mut removed = false;
        kept.retain(|(_, change)| *change != Change::Remove || !std::mem::replace(&mut removed, true));
        // The tree is edited edit by edit: what moves elements last, and what would take the place
        // of the removed one after it.
        kept.sort_by_key(|(pointer, change)| (pointer.ends_with("/-"), *change == Change::Remove));
        let document = spelled(&tree, &mut spaces.into_iter());
        let edits: Vec<Edit<'_>> = kept.iter().map(|(pointer, change)| (pointer.as_str(), change.clone())).collect();
        let patch = planned(&document, &edits, &Limits::default()).unwrap();

        let mut expected = tree.clone();
        for (number, (pointer, change)) in edits.iter().enumerate() {
            // Whether an edit fits is asked of the document as it arrived.
            let fits = in_tree(&tree, pointer, change).is_some();
            prop_assert_eq!(patch.misfits.contains(EditId::nth(number)), !fits, "{} {:?} {}", pointer, change, document);
            if fits && let Some(edited) = in_tree(&expected, pointer, change) {
                expected = edited;
            }
        }
        let out = spliced(document.as_bytes(), &patch.splices);
        let edited: Value = serde_json::from_slice(&out).unwrap();
        prop_assert_eq!(edited, expected, "{}", document);

        // What no splice names stays, in order; splices name what edits concern.
        let mut from = 0;
        let mut kept = Vec::new();
        for splice in &patch.splices {
            prop_assert!(from <= splice.old.start && splice.old.start <= splice.old.end);
            kept.extend_from_slice(&document.as_bytes()[from..splice.old.start]);
            from = splice.old.end;
        }
        kept.extend_from_slice(&document.as_bytes()[from..]);
        prop_assert!(is_subsequence(&kept, &out));
    }
}
