//! JSONPaths, insertions, and edits that meet.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{spelled, value};
use crate::json::patch::{DocumentPlan, PatchError, Verb};
use crate::json::path::{Path, Selector, Step};
use crate::{Change, Limits, spliced};

type Edit<'e> = (&'e str, Verb, Value);

fn planned(document: &str, edits: &[Edit<'_>]) -> Result<DocumentPlan<'static>, PatchError> {
    let edits: Vec<_> = edits
        .iter()
        .map(|(path, verb, value)| (*path, *verb, Change::Set(value.to_string())))
        .collect();
    super::planned_with(document, &edits, &Limits::default())
}

/// The document afterwards, the edits that did not fit, and those that met another.
fn edited(document: &str, edits: &[Edit<'_>]) -> (String, Vec<usize>, Vec<usize>) {
    let plan = planned(document, edits).unwrap();
    let text = spliced(document.as_bytes(), &plan.splices);
    let indexes = |edits: super::EditIds| edits.iter().map(super::EditId::index).collect();
    (
        String::from_utf8(text).unwrap(),
        indexes(plan.misfits),
        indexes(plan.conflicts),
    )
}

fn check(document: &str, edits: &[Edit<'_>], expected: &str) {
    let expected = (expected.to_owned(), vec![], vec![]);
    assert_eq!(edited(document, edits), expected, "{document} {edits:?}");
}

use Verb::{Default as D, Insert as I, Remove, Replace, Set};

#[test]
fn paths_select_what_is_there() {
    let document = r#"{"a":[{"m":1,"x":{"m":2}}, {"m":3}, 7],"m":4}"#;
    for (path, expected) in [
        (
            "$.a[*].m",
            r#"{"a":[{"m":0,"x":{"m":2}}, {"m":0}, 7],"m":4}"#,
        ),
        ("$..m", r#"{"a":[{"m":0,"x":{"m":0}}, {"m":0}, 7],"m":0}"#),
        (
            "$.a[-2].m",
            r#"{"a":[{"m":1,"x":{"m":2}}, {"m":0}, 7],"m":4}"#,
        ),
        (
            "$.a[-1]",
            r#"{"a":[{"m":1,"x":{"m":2}}, {"m":3}, 0],"m":4}"#,
        ),
        ("$..[0]", r#"{"a":[0, {"m":3}, 7],"m":4}"#),
        ("$..x.m", r#"{"a":[{"m":1,"x":{"m":0}}, {"m":3}, 7],"m":4}"#),
        ("$..*", r#"{"a":0,"m":0}"#),
        ("$.*[0]", r#"{"a":[0, {"m":3}, 7],"m":4}"#),
        ("$.a['0']", document),
        ("$.a.m", document),
        ("$..nothing", document),
    ] {
        check(document, &[(path, Replace, json!(0))], expected);
    }
    check(
        document,
        &[("$..m", Remove, json!(0))],
        r#"{"a":[{"x":{}}, {}, 7]}"#,
    );
}

#[test]
fn members_are_made_behind_the_last_wildcard() {
    let document = r#"{"tools":[{"max":1},{},{"f":null},7,{"f":{}}]}"#;
    check(
        document,
        &[("$.tools[*].max", Set, json!(0))],
        r#"{"tools":[{"max":0},{"max":0},{"f":null,"max":0},7,{"f":{},"max":0}]}"#,
    );
    check(
        document,
        &[
            ("$.tools[*].f.max", D, json!(0)),
            ("$.tools[*].f.x", Set, json!(1)),
        ],
        r#"{"tools":[{"max":1,"f":{"max":0,"x":1}},{"f":{"max":0,"x":1}},{"f":{"max":0,"x":1}},7,{"f":{"max":0,"x":1}}]}"#,
    );
    check(
        document,
        &[("$..max", Set, json!(0))],
        &document.replace("1}", "0}"),
    );
    check("{}", &[("$.tools[*].max", Set, json!(0))], "{}");
    check(
        r#"{"l":[{},{}]}"#,
        &[("$.l[-1].m", Set, json!(0))],
        r#"{"l":[{},{"m":0}]}"#,
    );
}

#[test]
fn elements_are_inserted() {
    for (document, index, expected) in [
        ("[]", "/0", "[9]"),
        ("[ ]", "/-", "[9 ]"),
        ("[1, 2]", "/0", "[9,1, 2]"),
        ("[1, 2]", "/1", "[1, 9,2]"),
        ("[1, 2]", "/2", "[1, 2,9]"),
        ("[1, 2]", "/-", "[1, 2,9]"),
        ("[1, 2]", "$[-1]", "[1, 9,2]"),
        ("[1, 2]", "$[-2]", "[9,1, 2]"),
    ] {
        check(document, &[(index, I, json!(9))], expected);
    }
    for (document, path) in [
        ("[1]", "/2"),
        ("[1]", "$[-2]"),
        ("[]", "$[-1]"),
        ("{}", "/0"),
        (r#"{"0":1}"#, "/0"),
        ("{}", "/l/0"),
        (r#"{"l":null}"#, "/l/0"),
        (r#"{"l":"text"}"#, "/l/-"),
        ("null", "/0"),
    ] {
        let expected = (document.to_owned(), vec![0], vec![]);
        assert_eq!(
            edited(document, &[(path, I, json!(9))]),
            expected,
            "{document} {path}"
        );
    }
    check(
        r#"{"m":[{"c":["x"]},{"c":"y"},{"c":[]}]}"#,
        &[("$.m[*].c[0]", I, json!(9))],
        r#"{"m":[{"c":[9,"x"]},{"c":"y"},{"c":[9]}]}"#,
    );
}

#[test]
fn insertions_and_appends_keep_their_order() {
    check(
        r#"{"object":"list","data":[{"id":"m1"}]}"#,
        &[
            ("/data/-", Set, json!(1)),
            ("/data/-", D, json!(2)),
            ("/data/1", I, json!(3)),
        ],
        r#"{"object":"list","data":[{"id":"m1"},1,2,3]}"#,
    );
    let all = [
        ("/0", I, json!(1)),
        ("/0", I, json!(2)),
        ("/0", Set, json!(3)),
        ("/1", I, json!(4)),
    ];
    check("[0]", &all, "[1,2,3,4]");
    check("[0,0]", &all, "[1,2,3,4,0]");
}

#[test]
fn insertions_beside_removals() {
    let removed = |index| (index, Remove, json!(0));
    let inserted = |index| (index, I, json!(9));
    for (edits, expected) in [
        (vec![removed("/0"), inserted("/0")], "[9, 2, 3]"),
        (vec![removed("/0"), inserted("/1")], "[9,2, 3]"),
        (vec![removed("/0"), removed("/1"), inserted("/1")], "[9, 3]"),
        (vec![removed("/1"), inserted("/1")], "[1,9, 3]"),
        (vec![removed("/2"), inserted("/2")], "[1, 2,9]"),
        (vec![removed("$[*]"), inserted("/0")], "[9]"),
        (vec![removed("$[*]"), inserted("/1")], "[9]"),
        (vec![removed("$[*]"), inserted("/2")], "[9]"),
        (vec![removed("$[*]"), inserted("/3")], "[9]"),
        (
            vec![
                removed("$[*]"),
                inserted("/0"),
                inserted("/2"),
                inserted("/-"),
            ],
            "[9,9,9]",
        ),
    ] {
        check("[1, 2, 3]", &edits, expected);
    }
}

#[test]
fn the_first_edit_of_a_place_wins() {
    let document = r#"{"a":{"b":1},"c":2}"#;
    let edits = [
        ("$..b", Set, json!(3)),
        ("/a/b", Set, json!(4)),
        ("$.*", Remove, json!(0)),
        ("/c", Set, json!(5)),
    ];
    assert_eq!(edited(document, &edits), ("{}".to_owned(), vec![], vec![3]));
    let edits = [
        ("$..b", Set, json!(3)),
        ("/a/b", Set, json!(4)),
        ("$..c", Replace, json!(5)),
        ("$.*.b", Remove, json!(0)),
    ];
    let expected = r#"{"a":{"b":3},"c":5}"#.to_owned();
    assert_eq!(edited(document, &edits), (expected, vec![], vec![1, 3]));
    // Removed twice is removed.
    check(
        document,
        &[("$..b", Remove, json!(0)), ("/a/b", Remove, json!(0))],
        r#"{"a":{},"c":2}"#,
    );
    // One that changes nothing takes no place.
    check(
        document,
        &[("$..c", D, json!(0)), ("/c", Set, json!(6))],
        r#"{"a":{"b":1},"c":6}"#,
    );
    // Missing ones too.
    let edits = [
        ("/x/y", Set, json!(1)),
        ("$.x.y", D, json!(2)),
        ("$.x", Replace, json!(3)),
    ];
    assert_eq!(
        edited("{}", &edits),
        (r#"{"x":{"y":1}}"#.to_owned(), vec![], vec![1])
    );
}

#[test]
fn paths_that_are_too_entangled() {
    let steps = "..a.*.*.*.*.*.*.*.*.*.*.*.*.*.*.*.*";
    let path = Path::parse(&format!("${steps}")).unwrap();
    assert!(super::Paths::new(vec![(path, Remove)]).is_err());
    let many = (0..65).map(|number| (Path::parse(&format!("/{number}")).unwrap(), Set));
    assert!(super::Paths::new(many.collect()).is_err());
}

/// Where a value stands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Index(usize),
    Name(String),
}

type Location = Vec<Key>;

/// What the steps select in a tree, as RFC 9535 has it.
fn selected(tree: &Value, at: &Location, steps: &[Step], found: &mut Vec<Location>) {
    let Some((step, rest)) = steps.split_first() else {
        found.push(at.clone());
        return;
    };
    let children: Vec<(Key, &Value)> = match tree {
        Value::Array(items) => items
            .iter()
            .enumerate()
            .map(|(at, item)| (Key::Index(at), item))
            .collect(),
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| (Key::Name(name.clone()), value))
            .collect(),
        _ => Vec::new(),
    };
    let count = children.len();
    for (key, child) in children {
        let selects = match (&step.selector, &key) {
            (Selector::Every, _) => true,
            (Selector::Token(token), Key::Index(index)) => *token == index.to_string(),
            (Selector::Token(name) | Selector::Name(name), Key::Name(key)) => name == key,
            (Selector::Index(wanted), Key::Index(index)) => wanted == index,
            (Selector::FromEnd(number), Key::Index(index)) => index + number == count,
            _ => false,
        };
        let below = [at.as_slice(), &[key]].concat();
        if selects {
            selected(child, &below, rest, found);
        }
        if step.deep {
            selected(child, &below, steps, found);
        }
    }
}

fn at<'t>(tree: &'t mut Value, location: &[Key]) -> &'t mut Value {
    location.iter().fold(tree, |value, key| match key {
        Key::Index(index) => &mut value[*index],
        Key::Name(name) => &mut value[name.as_str()],
    })
}

/// The tree with one edit made in the way that is documented.
fn in_tree(tree: &Value, path: &Path, verb: Verb, new: &Value) -> Value {
    let mut tree = tree.clone();
    let mut places = Vec::new();
    selected(&tree, &Vec::new(), &path.steps, &mut places);
    places.sort();
    places.dedup();
    if verb == D {
        places.retain(|place| at(&mut tree, place).is_null());
    }
    // The last first; of those within others only what is inserted, which leaves the others there.
    let all = places.clone();
    places.retain(|place| {
        let mut outer = all.iter();
        verb == I || !outer.any(|other| other.len() < place.len() && place.starts_with(other))
    });
    if matches!(verb, Set | D) {
        let mut parents = Vec::new();
        let (before, [step]) = path.steps.split_at(path.steps.len() - 1) else {
            unreachable!()
        };
        if let (Selector::Name(name), false) = (&step.selector, step.deep) {
            selected(&tree, &Vec::new(), before, &mut parents);
            parents.sort();
            parents.dedup();
            // What is put in a place leaves nothing of what is inside it.
            parents.retain(|parent| !places.iter().any(|place| parent.starts_with(place)));
            for parent in parents {
                let root = parent.is_empty();
                match at(&mut tree, &parent) {
                    Value::Object(members) if !members.contains_key(name) => {
                        members.insert(name.clone(), new.clone());
                    }
                    null @ Value::Null if !root => *null = json!({name: new.clone()}),
                    _ => {}
                }
            }
        }
    }
    for place in places.iter().rev() {
        let (last, parent) = place.split_last().unwrap();
        let parent = at(&mut tree, parent);
        match (verb, last, parent) {
            (Remove, Key::Index(index), Value::Array(items)) => drop(items.remove(*index)),
            (Remove, Key::Name(name), Value::Object(members)) => drop(members.remove(name)),
            (D, _, _) => {
                let value = at(&mut tree, place);
                if value.is_null() {
                    *value = new.clone();
                }
            }
            (I, Key::Index(index), Value::Array(items)) => items.insert(*index, new.clone()),
            (I, ..) => {}
            _ => *at(&mut tree, place) = new.clone(),
        }
    }
    tree
}

fn step() -> impl Strategy<Value = Step> {
    let selector = prop_oneof![
        4 => prop::sample::select(&["a", "b", "m", "0", "é"][..]).prop_map(|name| Selector::Name(name.to_owned())),
        2 => (0_usize..3).prop_map(Selector::Index),
        2 => (1_usize..3).prop_map(Selector::FromEnd),
        3 => Just(Selector::Every),
    ];
    (prop::bool::weighted(0.3), selector).prop_map(|(deep, selector)| Step { deep, selector })
}

fn written(steps: &[Step]) -> String {
    let step = |step: &Step| {
        let dots = if step.deep { ".." } else { "" };
        match &step.selector {
            Selector::Token(name) | Selector::Name(name) => {
                format!("{dots}[{}]", crate::json::quoted(name))
            }
            Selector::Index(index) => format!("{dots}[{index}]"),
            Selector::FromEnd(number) => format!("{dots}[-{number}]"),
            Selector::Every => format!("{dots}[*]"),
        }
    };
    format!("${}", steps.iter().map(step).collect::<String>())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 2048, ..ProptestConfig::default() })]

    #[test]
    fn paths_come_out_as_in_a_tree(
        tree in value(),
        steps in prop::collection::vec(step(), 1..5),
        verb in prop::sample::select(&[Set, D, Replace, Remove, I][..]),
        new in value(),
        spaces in prop::collection::vec(prop::sample::select(&["", " ", "\n"][..]), 0..20),
    ) {
        let text = written(&steps);
        let Ok(path) = Path::parse(&text) else { return Ok(()) };
        prop_assert_eq!(&path.steps, &steps);
        // What the last steps make of missing parents is compared where pointers are.
        let simple = path.selective_steps() + 1 >= path.depth() && path.is_selective();
        prop_assume!(!verb.puts() || simple);
        // An insertion at the end is no element's.
        prop_assume!(verb != I || matches!(path.selector(path.depth() - 1), Some(Selector::FromEnd(_))));
        let document = spelled(&tree, &mut spaces.into_iter());
        let (out, misfits, conflicts) = edited(&document, &[(&text, verb, new.clone())]);
        prop_assert!(misfits.is_empty() && conflicts.is_empty());
        let out: Value = serde_json::from_str(&out).unwrap();
        prop_assert_eq!(out, in_tree(&tree, &path, verb, &new), "{} {:?} {}", text, verb, document);
    }

    #[test]
    fn edits_that_meet_leave_a_document(
        tree in value(),
        edits in prop::collection::vec((prop::collection::vec(step(), 1..4), prop::sample::select(&[Set, D, Replace, Remove, I][..])), 1..6),
        spaces in prop::collection::vec(prop::sample::select(&["", " ", "\n"][..]), 0..20),
    ) {
        let texts: Vec<_> = edits.iter().map(|(steps, verb)| (written(steps), *verb)).collect();
        let edits: Vec<_> = texts
            .iter()
            .filter(|(path, _)| Path::parse(path).is_ok())
            .map(|(path, verb)| (path.as_str(), *verb, json!("new")))
            .collect();
        let document = spelled(&tree, &mut spaces.into_iter());
        let plan = planned(&document, &edits).unwrap();
        let mut from = 0;
        for splice in &plan.splices {
            prop_assert!(from <= splice.old.start && splice.old.start <= splice.old.end);
            from = splice.old.end;
        }
        let out = spliced(document.as_bytes(), &plan.splices);
        prop_assert!(serde_json::from_slice::<Value>(&out).is_ok(), "{} {:?} {}", document, edits, out.escape_ascii());
    }
}
