//! Edits of JSON at a JSON Pointer or a JSONPath, against edits of a tree that keeps the order of keys, keys
//! that stand twice and the spelling of numbers. What a path selects is what `serde_json_path` selects.

#![no_main]

use std::borrow::Cow;
use std::collections::BTreeSet;

use arbitrary::{Arbitrary, Result, Unstructured};
use bodies::json::{self, EditId, EditIds, Path, PathError, Paths, Texts, Verb};
use bodies::{Limits, spliced};
use fuzz::edits::{Changes, Edit, Place, children, edit, selected};
use fuzz::text::words;
use fuzz::tree::Tree;
use libfuzzer_sys::fuzz_target;
use serde_json_path::JsonPath;

#[derive(Debug)]
struct Input {
    tree: Tree,
    /// The tree as it is spelled.
    document: String,
    edits: Vec<Edit>,
    path: String,
}

const PATH: [&str; 24] = [
    "$", ".", ".", "..", "[", "]", "*", "'", "\"", "a", "b", "é", "_", "-", "0", "1", "01",
    "\\u0061", "\\", " ", "?", ":", ",", "['a']",
];

impl<'i> Arbitrary<'i> for Input {
    fn arbitrary(input: &mut Unstructured<'i>) -> Result<Self> {
        let repeats = input.arbitrary()?;
        let tree = Tree::of(input, 4, repeats)?;
        let edits = (0..input.int_in_range(1..=3)?).map(|_| edit(input));
        let edits = edits.collect::<Result<_>>()?;
        let path = format!("${}", words(input, &PATH, 10)?);
        let document = tree.spelled(input);
        Ok(Self {
            tree,
            document,
            edits,
            path,
        })
    }
}

/// The texts that edits put.
struct New<'e>(&'e [Edit]);

impl<'e> Texts<'e> for New<'e> {
    fn text(&mut self, edit: EditId, _: Option<&[u8]>) -> Option<Cow<'e, str>> {
        Some(self.0[edit.index()].new.text().into())
    }
}

fuzz_target!(|input: Input| {
    compare_paths(&input.path);
    let Ok(paths) = input
        .edits
        .iter()
        .map(|edit| Path::parse(&edit.text()))
        .collect::<std::result::Result<Vec<_>, _>>()
    else {
        return;
    };
    for edit in &input.edits {
        compare_places(&input.tree, edit);
    }
    let all: Vec<_> = paths
        .iter()
        .cloned()
        .zip(input.edits.iter().map(|edit| edit.verb))
        .collect();
    check(&input, &input.edits, all.clone());
    for (edit, path) in input.edits.iter().zip(all) {
        check(&input, std::slice::from_ref(edit), vec![path]);
    }
});

/// Makes the edits, and compares what comes of them where that is known.
fn check(input: &Input, edits: &[Edit], paths: Vec<(Path, Verb)>) {
    let Ok(paths) = Paths::new(paths) else {
        return;
    };
    let document = input.document.as_bytes();
    let plan = json::plan(document, &paths, &mut New(edits), &Limits::default())
        .expect("the document is right");
    let mut from = 0;
    for splice in &plan.splices {
        assert!(
            from <= splice.old.start && splice.old.start <= splice.old.end,
            "{:?}",
            plan.splices
        );
        from = splice.old.end;
    }
    let edited = String::from_utf8(spliced(document, &plan.splices)).expect("the document is text");
    let after = Tree::parse(&edited)
        .unwrap_or_else(|| panic!("{edited} of {} by {edits:?}", input.document));

    // Which of several edits puts what first where nothing stands, and what is made behind `..`, is not compared.
    let alone = edits.len() == 1;
    let known = edits.iter().all(|edit| {
        let steps = edit.steps.len() - edit.selective();
        !edit.inserts_oddly()
            && (!edit.verb.puts() || (alone && (edit.selective() == 0 || steps <= 1)))
    });
    if !known {
        return;
    }
    let mut changes = Changes::default();
    for (number, edit) in edits.iter().enumerate() {
        changes.add(&input.tree, number, edit);
    }
    let conflicts = changes.conflicts(&input.tree, edits);
    let expected = changes
        .apply(&input.tree, &Vec::new())
        .expect("the document is never removed");
    let texts: Vec<_> = edits.iter().map(|edit| (edit.verb, edit.text())).collect();
    assert_eq!(after, expected, "{} by {texts:?}", input.document);
    assert_eq!(
        numbers(plan.misfits),
        changes.misfits,
        "misfits, {} by {texts:?}",
        input.document
    );
    assert_eq!(
        numbers(plan.conflicts),
        conflicts,
        "conflicts, {} by {texts:?}",
        input.document
    );
}

fn numbers(edits: EditIds) -> BTreeSet<usize> {
    edits.iter().map(EditId::index).collect()
}

/// What this target takes a path to select is what another crate does.
fn compare_places(tree: &Tree, edit: &Edit) {
    let document: serde_json::Value = serde_json::from_str(&tree.text()).expect("it is JSON");
    if edit.is_pointer
        || Tree::parse(&document.to_string()).is_none_or(|other| !has_as_many(&other, tree))
    {
        return;
    }
    let path =
        JsonPath::parse(&edit.text()).unwrap_or_else(|error| panic!("{}: {error}", edit.text()));
    let theirs: BTreeSet<String> = path
        .query_located(&document)
        .locations()
        .map(|location| location.to_json_pointer())
        .collect();
    let mut places = BTreeSet::new();
    selected(tree, &Vec::new(), &edit.steps, &mut places);
    let ours: BTreeSet<String> = places.iter().map(|place| pointer(tree, place)).collect();
    assert_eq!(ours, theirs, "{} in {}", edit.text(), tree.text());
}

/// Whether no key was lost.
fn has_as_many(other: &Tree, tree: &Tree) -> bool {
    fn count(tree: &Tree) -> usize {
        children(tree)
            .into_iter()
            .map(|(_, child)| 1 + count(child))
            .sum()
    }
    count(other) == count(tree)
}

fn pointer(tree: &Tree, place: &Place) -> String {
    let mut here = tree;
    let mut pointer = String::new();
    for number in place {
        let (key, child) = children(here)[*number];
        let token = key.map_or_else(
            || number.to_string(),
            |key| key.replace('~', "~0").replace('/', "~1"),
        );
        pointer.push('/');
        pointer.push_str(&token);
        here = child;
    }
    pointer
}

/// What is a JSONPath to us is one to others; what is none is none, but for what is not supported.
fn compare_paths(text: &str) {
    let theirs = JsonPath::parse(text);
    match Path::parse(text) {
        // The reference takes no space before `..`, which RFC 9535 allows before every segment.
        Ok(_) if text.contains(" ..") => {
            let tight = text.split(" ..").map(str::trim_end).collect::<Vec<_>>();
            assert!(
                JsonPath::parse(&tight.join("..")).is_ok(),
                "{text:?} is no JSONPath"
            );
        }
        Ok(_) => assert!(theirs.is_ok(), "{text:?} is no JSONPath"),
        Err(PathError::Syntax { .. }) => assert!(theirs.is_err(), "{text:?} is a JSONPath"),
        Err(_) => {}
    }
}
