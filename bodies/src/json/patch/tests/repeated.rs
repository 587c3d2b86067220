//! Keys that stand twice, against a tree that keeps both: no parser of any kind is asked.

use proptest::prelude::*;

use super::{planned, remove, replace, set};
use crate::json::patch::EditId;
use crate::{Limits, spliced};

use serde_json::json;

/// A document whose objects keep each member.
#[derive(Clone, Debug)]
enum Tree {
    Null,
    Number,
    Array,
    Object(Vec<(&'static str, Tree)>),
}

/// What the edit puts.
const NEW: &str = "\"new\"";

impl Tree {
    fn text(&self) -> String {
        match self {
            Tree::Null => "null".to_owned(),
            Tree::Number => "7".to_owned(),
            Tree::Array => "[8]".to_owned(),
            Tree::Object(members) => {
                let text = |(name, value): &(&str, Tree)| format!("\"{name}\":{}", value.text());
                let members: Vec<_> = members.iter().map(text).collect();
                format!("{{{}}}", members.join(","))
            }
        }
    }

    /// Whether a value on the way can never hold the rest of it.
    fn lacks_place(&self, way: &[&str], root: bool) -> bool {
        let Some((name, rest)) = way.split_first() else {
            return false;
        };
        match self {
            Tree::Null => root,
            Tree::Number | Tree::Array => true,
            Tree::Object(members) => {
                let mut inside = members.iter().filter(|(other, _)| other == name);
                inside.any(|(_, value)| value.lacks_place(rest, false))
            }
        }
    }

    /// The text with what stands at the end of the way replaced, everywhere; `makes`: what is missing is made.
    fn with(&self, way: &[&str], makes: bool, root: bool) -> String {
        let Some((name, rest)) = way.split_first() else {
            return NEW.to_owned();
        };
        match self {
            Tree::Null if makes && !root => made(way),
            Tree::Object(members) => {
                let text = |(other, value): &(&str, Tree)| match other == name {
                    true => format!("\"{other}\":{}", value.with(rest, makes, false)),
                    false => format!("\"{other}\":{}", value.text()),
                };
                let mut texts: Vec<_> = members.iter().map(text).collect();
                if makes && !members.iter().any(|(other, _)| other == name) {
                    texts.push(format!("\"{name}\":{}", made(rest)));
                }
                format!("{{{}}}", texts.join(","))
            }
            other => other.text(),
        }
    }
}

/// What is made at the beginning of a way.
fn made(way: &[&str]) -> String {
    way.iter().rev().fold(NEW.to_owned(), |inner, name| {
        format!("{{\"{name}\":{inner}}}")
    })
}

fn name() -> impl Strategy<Value = &'static str> {
    prop::sample::select(&["a", "b"][..])
}

fn tree() -> impl Strategy<Value = Tree> {
    let leaf = prop_oneof![Just(Tree::Null), Just(Tree::Number), Just(Tree::Array)];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop::collection::vec((name(), inner), 0..4).prop_map(Tree::Object)
    })
}

#[test]
fn a_misfit_beside_it_keeps_no_place_from_being_edited() {
    for document in [
        r#"{"metadata":0,"metadata":{"tenant":"x"}}"#,
        r#"{"metadata":{"tenant":"x"},"metadata":0}"#,
        r#"{"metadata":[],"metadata":{"tenant":"x","tenant":"y"},"metadata":{}}"#,
    ] {
        let edits = [set("/metadata/tenant", json!("t"))];
        let plan = planned(document, &edits, &Limits::default()).unwrap();
        let text = String::from_utf8(spliced(document.as_bytes(), &plan.splices)).unwrap();
        let expected = document.replace("\"x\"", "\"t\"").replace("\"y\"", "\"t\"");
        assert_eq!(text, expected);
        assert!(plan.misfits.contains(EditId::nth(0)), "{document}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 1024, ..ProptestConfig::default() })]

    #[test]
    fn a_key_that_stands_twice_is_edited_each_time(
        tree in tree(),
        way in prop::collection::vec(name(), 1..4),
    ) {
        let pointer: String = way.iter().map(|name| format!("/{name}")).collect();
        let document = tree.text();
        let text = |edit| {
            let plan = planned(&document, &[edit], &Limits::default()).unwrap();
            let text = String::from_utf8(spliced(document.as_bytes(), &plan.splices)).unwrap();
            (text, !plan.misfits.is_empty())
        };
        let misfit = tree.lacks_place(&way, true);
        let put = (tree.with(&way, !misfit, true), misfit);
        prop_assert_eq!(text(set(&pointer, json!("new"))), put, "{}", document);
        let replaced = (tree.with(&way, false, true), false);
        prop_assert_eq!(text(replace(&pointer, json!("new"))), replaced, "{}", document);
        let (left, _) = text(remove(&pointer));
        let gone = planned(&left, &[replace(&pointer, json!("new"))], &Limits::default()).unwrap();
        prop_assert!(gone.splices.is_empty(), "{} {}", document, left);
    }
}
