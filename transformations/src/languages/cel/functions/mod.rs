//! The functions expressions can call, one file per family.

mod conversion;
mod encoding;
mod lists;
mod maps;
mod math;
mod network;
mod optional;
mod query;
mod random;
mod text;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::budget::Budget;
use super::error::Error;
use super::value::Value;
use crate::languages::function::{Example, Function};

/// A function: what it does for users, and for the evaluator.
#[derive(Debug)]
pub(crate) struct Builtin {
    pub(crate) name: &'static str,
    pub(crate) signature: &'static str,
    pub(crate) about: &'static str,
    pub(crate) examples: &'static [Example],
    pub(super) style: Style,
    /// The fewest and the most values, the one before the dot included.
    pub(super) arguments: [usize; 2],
    /// The types, as [`Value::type_name`] has them, of which its first value is one; any if there are none.
    pub(super) of: &'static [&'static str],
    /// The type of its value, as [`Value::type_name`] has it, where it is always one.
    pub(super) returns: Option<&'static str>,
    pub(super) call: Call,
}

type Call = for<'b, 'v> fn(&'b Budget, &'b [Value<'v>]) -> Result<Value<'v>, Error>;

/// How a function is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// `f(x)`
    Global,
    /// `x.f()`
    Method,
    /// Either.
    Both,
}

impl Style {
    pub(super) fn allows(self, other: Style) -> bool {
        self == Style::Both || self == other
    }
}

impl Builtin {
    /// Whether it takes so many values.
    pub(super) fn takes(&self, count: usize) -> bool {
        let [fewest, most] = self.arguments;
        (fewest..=most).contains(&count)
    }

    /// Whether it may take a first value of this type, `number` of one that may be an int or a double.
    pub(super) fn is_of(&self, type_name: &str) -> bool {
        self.of.is_empty() || type_name == "null_type" || self.of.contains(&type_name)
    }

    /// Its description.
    pub(crate) fn described(&self) -> Function {
        Function {
            name: self.name,
            signature: self.signature,
            about: self.about,
            examples: self.examples,
        }
    }
}

/// As many values as an expression can hold.
const MANY: usize = usize::MAX;

/// The functions, by family.
pub(crate) const FAMILIES: &[(&str, &[Builtin])] = &[
    ("Types", conversion::FUNCTIONS),
    ("JSON and encodings", encoding::FUNCTIONS),
    ("Parameters of a path", query::FUNCTIONS),
    ("Text", text::FUNCTIONS),
    ("Lists", lists::FUNCTIONS),
    ("Maps", maps::FUNCTIONS),
    ("Numbers", math::FUNCTIONS),
    ("Addresses", network::FUNCTIONS),
    ("Optional values", optional::FUNCTIONS),
    ("Chance, and failing", random::FUNCTIONS),
];

static BY_NAME: LazyLock<BTreeMap<&'static str, &'static Builtin>> = LazyLock::new(|| {
    let all = FAMILIES.iter().flat_map(|(_, functions)| functions.iter());
    all.map(|function| (function.name, function)).collect()
});

/// The function of this name; `base64.encode` is one.
pub(super) fn named(name: &str) -> Option<&'static Builtin> {
    BY_NAME.get(name).copied()
}

/// Every name.
pub(super) fn names() -> Vec<&'static str> {
    let forms = super::FORMS.iter().map(|form| form.name);
    BY_NAME.keys().copied().chain(forms).collect()
}
