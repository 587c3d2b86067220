//! Lists in the place of objects. Types read such a list as the values of the object's keys, in order: a
//! list of keys, or an empty list, would pass for an object that sets nothing.

use std::collections::HashSet;

use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_path_to_error::Segment;

use crate::known::{self, Step};

/// Whether a text has one. What is no JSON has none.
pub(crate) fn any<C: DeserializeOwned>(text: &str) -> bool {
    let document = serde_json::from_str(text);
    document.is_ok_and(|document| first::<C>(&document).is_some())
}

/// The path of the first one, and what is wrong with it.
pub(crate) fn first<C: DeserializeOwned>(document: &Value) -> Option<(Vec<Segment>, String)> {
    let mut search = Search::default();
    let message = search.below::<C>(document)?;
    Some((search.path, message))
}

#[derive(Default)]
struct Search {
    path: Vec<Segment>,
    /// The same path, in which all items of a list are one.
    steps: Vec<Step>,
    /// Places where the type takes a list.
    lists: HashSet<Vec<Step>>,
}

impl Search {
    fn below<C: DeserializeOwned>(&mut self, value: &Value) -> Option<String> {
        match value {
            Value::Array(items) => {
                if !self.lists.contains(&self.steps) {
                    if let Some(message) = known::instead_of_list::<C>(&self.steps) {
                        return Some(message);
                    }
                    self.lists.insert(self.steps.clone());
                }
                let mut items = items.iter().enumerate();
                items.find_map(|(index, item)| {
                    self.within::<C>(item, || (Step::Item, Segment::Seq { index }))
                })
            }
            Value::Object(members) => members.iter().find_map(|(key, member)| {
                let step = || (Step::Key(key.clone()), Segment::Map { key: key.clone() });
                self.within::<C>(member, step)
            }),
            _ => None,
        }
    }

    fn within<C: DeserializeOwned>(
        &mut self,
        value: &Value,
        step: impl Fn() -> (Step, Segment),
    ) -> Option<String> {
        if !value.is_array() && !value.is_object() {
            return None;
        }
        let (step, segment) = step();
        self.steps.push(step);
        self.path.push(segment);
        let found = self.below::<C>(value);
        // The path of what is found stays.
        if found.is_none() {
            self.path.pop();
        }
        self.steps.pop();
        found
    }
}
