//! Edits of a tree, as they are documented.

use std::collections::{BTreeMap, BTreeSet};

use arbitrary::{Result, Unstructured};
use bodies::json::{self, Verb};

use crate::tree::{KEYS, Tree};

/// An edit.
#[derive(Debug)]
pub struct Edit {
    /// The way to its place.
    pub steps: Vec<Step>,
    /// Whether the place is a JSON Pointer, else a JSONPath.
    pub is_pointer: bool,
    /// What it does there.
    pub verb: Verb,
    /// What it puts there.
    pub new: Tree,
}

/// A step on the way.
#[derive(Clone, Debug)]
pub struct Step {
    deep: bool,
    to: To,
}

#[derive(Clone, Debug)]
enum To {
    Token(String),
    Name(String),
    Index(usize),
    FromEnd(usize),
    Every,
}

/// An edit out of an input.
///
/// # Errors
///
/// The input has ended.
pub fn edit(input: &mut Unstructured<'_>) -> Result<Edit> {
    let is_pointer = input.arbitrary()?;
    let mut steps = Vec::new();
    for _ in 0..input.int_in_range(1..=4)? {
        let name = (*input.choose(&KEYS)?).to_owned();
        let number = input.int_in_range(0..=3)?;
        steps.push(if is_pointer {
            let to = match input.int_in_range(0..=5)? {
                0 => To::Token("-".to_owned()),
                1 | 2 => To::Token(number.to_string()),
                _ => To::Token(name),
            };
            Step { deep: false, to }
        } else {
            let to = match input.int_in_range(0..=7)? {
                0 => To::Index(number),
                1 => To::FromEnd(number + 1),
                2 | 3 => To::Every,
                _ => To::Name(name),
            };
            let deep = input.ratio(1, 4)?;
            Step { deep, to }
        });
    }
    Ok(Edit {
        steps,
        is_pointer,
        verb: *input.choose(&[
            Verb::Set,
            Verb::Replace,
            Verb::Default,
            Verb::Insert,
            Verb::Remove,
        ])?,
        new: Tree::of(input, 1, false)?,
    })
}

impl Edit {
    /// The place as it is written.
    #[must_use]
    pub fn text(&self) -> String {
        let step = |step: &Step| {
            let dots = if step.deep { ".." } else { "" };
            match &step.to {
                To::Token(token) => format!("/{}", token.replace('~', "~0").replace('/', "~1")),
                To::Name(name) => format!("{dots}[{}]", json::quoted(name)),
                To::Index(index) => format!("{dots}[{index}]"),
                To::FromEnd(number) => format!("{dots}[-{number}]"),
                To::Every => format!("{dots}[*]"),
            }
        };
        let start = if self.is_pointer { "" } else { "$" };
        format!("{start}{}", self.steps.iter().map(step).collect::<String>())
    }

    /// Whether it is an insertion where no element can be inserted, or it is not known whether at the end too.
    #[must_use]
    pub fn inserts_oddly(&self) -> bool {
        let is_odd = |step: &Step| match &step.to {
            To::Every | To::Name(_) => true,
            To::Index(_) => step.deep,
            To::Token(_) => step.to.index(0).is_none() && !step.to.is_end(),
            To::FromEnd(_) => false,
        };
        self.verb == Verb::Insert && self.steps.last().is_some_and(is_odd)
    }

    /// How many steps select what is there, so that nothing is made in their place.
    #[must_use]
    pub fn selective(&self) -> usize {
        let last = self
            .steps
            .iter()
            .rposition(|step| step.deep || matches!(step.to, To::Every));
        last.map_or(0, |last| last + 1)
    }
}

impl To {
    fn name(&self) -> Option<&str> {
        match self {
            Self::Token(name) | Self::Name(name) => Some(name),
            _ => None,
        }
    }

    /// The element it goes to, of so many.
    fn index(&self, count: usize) -> Option<usize> {
        match self {
            Self::Token(token) => token
                .parse()
                .ok()
                .filter(|index: &usize| index.to_string() == *token),
            Self::Index(index) => Some(*index),
            Self::FromEnd(number) => count.checked_sub(*number),
            _ => None,
        }
    }

    fn is_end(&self) -> bool {
        matches!(self, Self::Token(token) if token == "-")
    }

    /// Whether an object is made for it where nothing stands.
    fn is_makeable(&self) -> bool {
        self.name().is_some() && self.index(0).is_none() && !self.is_end()
    }
}

/// Where a value stands: the place of each member or element on the way to it.
pub type Place = Vec<usize>;

/// What becomes of the values of a tree.
#[derive(Debug, Default)]
pub struct Changes {
    /// A value in place of another, or none; the number of the edit.
    gone: BTreeMap<Place, (Option<Tree>, usize)>,
    /// Objects in place of `null`, unless that is gone.
    made: BTreeMap<Place, Tree>,
    before: BTreeMap<Place, Tree>,
    at_end: BTreeMap<Place, (Option<String>, Tree)>,
    /// The edits, by number, that the tree has no place for.
    pub misfits: BTreeSet<usize>,
}

/// The members or elements of a value, in order, members with their key.
#[must_use]
pub fn children(tree: &Tree) -> Vec<(Option<&str>, &Tree)> {
    match tree {
        Tree::Array(items) => items.iter().map(|item| (None, item)).collect(),
        Tree::Object(members) => members
            .iter()
            .map(|(key, value)| (Some(key.as_str()), value))
            .collect(),
        Tree::Plain(_) | Tree::Text(_) => Vec::new(),
    }
}

/// The places that steps select, as RFC 9535 has it.
pub fn selected(tree: &Tree, at: &Place, steps: &[Step], found: &mut BTreeSet<Place>) {
    let Some((step, rest)) = steps.split_first() else {
        found.insert(at.clone());
        return;
    };
    let children = children(tree);
    let count = children.len();
    for (number, (key, child)) in children.into_iter().enumerate() {
        let below = [at.as_slice(), &[number]].concat();
        let selects = match key {
            _ if matches!(step.to, To::Every) => true,
            Some(key) => step.to.name() == Some(key),
            None => step.to.index(count) == Some(number),
        };
        if selects {
            selected(child, &below, rest, found);
        }
        if step.deep {
            selected(child, &below, steps, found);
        }
    }
}

fn value<'t>(tree: &'t Tree, place: &[usize]) -> &'t Tree {
    place
        .iter()
        .fold(tree, |tree, number| children(tree)[*number].1)
}

fn is_null(tree: &Tree) -> bool {
    matches!(tree, Tree::Plain(plain) if plain == "null")
}

impl Changes {
    /// Makes the changes of one edit.
    pub fn add(&mut self, tree: &Tree, number: usize, edit: &Edit) {
        let mut places = BTreeSet::new();
        selected(tree, &Vec::new(), &edit.steps, &mut places);
        let selective = edit.selective();
        let puts = edit.verb.puts();
        let mut parents = BTreeSet::new();
        selected(tree, &Vec::new(), &edit.steps[..selective], &mut parents);
        let steps = &edit.steps[selective..];
        let fits = |parent: &Place| fits(value(tree, parent), steps, edit.verb, parent.is_empty());
        let makes = selective > 0 || parents.iter().all(fits);
        if puts && !makes {
            self.misfits.insert(number);
        }
        for place in &places {
            let new = match edit.verb {
                Verb::Set | Verb::Replace => Some(edit.new.clone()),
                Verb::Default if is_null(value(tree, place)) => Some(edit.new.clone()),
                Verb::Remove if !place.is_empty() => None,
                _ => continue,
            };
            match self.gone.get(place) {
                Some(_) => {}
                None => {
                    self.gone.insert(place.clone(), (new, number));
                }
            }
        }
        if edit.verb == Verb::Insert && steps.is_empty() {
            let is_element = |place: &Place| {
                let parent = place.split_last().map(|(_, parent)| value(tree, parent));
                matches!(parent, Some(Tree::Array(_)))
            };
            let elements = places.iter().filter(|place| is_element(place));
            self.before
                .extend(elements.map(|place| (place.clone(), edit.new.clone())));
        }
        if puts && makes && !steps.is_empty() {
            for parent in parents {
                self.make(value(tree, &parent), parent, steps, edit);
            }
        }
    }

    /// Makes what is missing below a value, or inserts there.
    fn make(&mut self, tree: &Tree, at: Place, steps: &[Step], edit: &Edit) {
        let Some((step, rest)) = steps.split_first() else {
            return;
        };
        if !fits_here(tree, step, rest, edit.verb, at.is_empty()) {
            return;
        }
        let inserts = rest.is_empty() && edit.verb == Verb::Insert;
        match tree {
            Tree::Object(members) => {
                let name = step.to.name().expect("it fits");
                if members.iter().all(|(key, _)| key != name) {
                    let made = nested(rest, &edit.new);
                    self.at_end.insert(at, (Some(name.to_owned()), made));
                    return;
                }
                for (number, (key, value)) in members.iter().enumerate() {
                    if key == name {
                        self.make(value, [at.as_slice(), &[number]].concat(), rest, edit);
                    }
                }
            }
            Tree::Array(items) => {
                let index = step.to.index(items.len()).filter(|_| !step.to.is_end());
                match index {
                    Some(index) if index < items.len() => {
                        let below = [at.as_slice(), &[index]].concat();
                        if inserts {
                            self.before.insert(below, edit.new.clone());
                        } else {
                            self.make(&items[index], below, rest, edit);
                        }
                    }
                    _ => {
                        self.at_end.insert(at, (None, edit.new.clone()));
                    }
                }
            }
            Tree::Plain(_) | Tree::Text(_) => {
                self.made.insert(at, nested(steps, &edit.new));
            }
        }
    }

    /// The tree with all changes made; `None` if the value at `at` is removed.
    #[must_use]
    pub fn apply(&self, tree: &Tree, at: &Place) -> Option<Tree> {
        if let Some((new, _)) = self.gone.get(at) {
            return new.clone();
        }
        if let Some(made) = self.made.get(at) {
            return Some(made.clone());
        }
        let below = |number: usize| [at.as_slice(), &[number]].concat();
        let end = self.at_end.get(at).cloned();
        Some(match tree {
            Tree::Array(items) => {
                let mut edited = Vec::new();
                for (number, item) in items.iter().enumerate() {
                    edited.extend(self.before.get(&below(number)).cloned());
                    edited.extend(self.apply(item, &below(number)));
                }
                edited.extend(end.map(|(_, new)| new));
                Tree::Array(edited)
            }
            Tree::Object(members) => {
                let mut edited = Vec::new();
                for (number, (key, value)) in members.iter().enumerate() {
                    edited.extend(
                        self.apply(value, &below(number))
                            .map(|value| (key.clone(), value)),
                    );
                }
                edited.extend(end.map(|(key, new)| (key.unwrap_or_default(), new)));
                Tree::Object(edited)
            }
            other => other.clone(),
        })
    }

    /// The edits that meet another where it counts: not inside what is gone anyway.
    #[must_use]
    pub fn conflicts(&self, tree: &Tree, edits: &[Edit]) -> BTreeSet<usize> {
        let mut conflicts = BTreeSet::new();
        for (number, edit) in edits.iter().enumerate() {
            let mut places = BTreeSet::new();
            selected(tree, &Vec::new(), &edit.steps, &mut places);
            for place in places {
                let inside =
                    (0..place.len()).any(|length| self.gone.contains_key(&place[..length]));
                let other = self.gone.get(&place).filter(|(new, other)| {
                    *other != number && !(new.is_none() && edit.verb == Verb::Remove)
                });
                if !inside && other.is_some() && !(edit.verb == Verb::Remove && place.is_empty()) {
                    conflicts.insert(number);
                }
            }
        }
        conflicts
    }
}

/// Whether every value on the way can have what the steps lead to.
fn fits(tree: &Tree, steps: &[Step], verb: Verb, root: bool) -> bool {
    let Some((step, rest)) = steps.split_first() else {
        return true;
    };
    let children = children(tree);
    let count = children.len();
    let mut children = children
        .into_iter()
        .enumerate()
        .filter(|(number, (key, _))| match key {
            Some(key) => step.to.name() == Some(key),
            None => step.to.index(count) == Some(*number),
        });
    fits_here(tree, step, rest, verb, root)
        && children.all(|(_, (_, child))| fits(child, rest, verb, false))
}

fn fits_here(tree: &Tree, step: &Step, rest: &[Step], verb: Verb, root: bool) -> bool {
    let makeable = |steps: &[Step]| steps.iter().all(|step| step.to.is_makeable());
    let inserts = rest.is_empty() && verb == Verb::Insert;
    match tree {
        Tree::Object(members) => {
            let has = members.iter().any(|(key, _)| step.to.name() == Some(key));
            !inserts && step.to.name().is_some() && (has || makeable(rest))
        }
        Tree::Array(_) if step.to.is_end() => rest.is_empty(),
        Tree::Array(items) => {
            let most = items.len() + usize::from(inserts && !matches!(step.to, To::FromEnd(_)));
            step.to.index(items.len()).is_some_and(|index| index < most)
        }
        tree => is_null(tree) && !root && step.to.is_makeable() && makeable(rest),
    }
}

/// A value in objects, one for each step.
fn nested(steps: &[Step], new: &Tree) -> Tree {
    steps.iter().rev().fold(new.clone(), |inside, step| {
        Tree::Object(vec![(
            step.to.name().unwrap_or_default().to_owned(),
            inside,
        )])
    })
}
