//! Where in a JSON document an edit is made: a JSON Pointer (RFC 6901), or a JSONPath (RFC 9535) of
//! names, indexes, `*` and `..`.

mod parse;
#[cfg(test)]
mod tests;

use std::fmt;

use super::pointer::{self, PointerError};
use crate::JSON_DEPTH;

/// Why a text is no place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// It begins as neither.
    #[error(
        "a place is a JSON Pointer, which begins with `/`, or a JSONPath, which begins with `$`"
    )]
    Start,
    /// Not a JSON Pointer.
    #[error(transparent)]
    Pointer(#[from] PointerError),
    /// Not a JSONPath.
    #[error("{expected} is missing at character {at} of the JSONPath")]
    Syntax {
        /// Which character, from 1 on.
        at: usize,
        /// What should stand there.
        expected: &'static str,
    },
    /// A selector `?…`.
    #[error("filters of JSONPath are not supported")]
    Filter,
    /// A selector `a:b`.
    #[error("slices of JSONPath are not supported")]
    Slice,
    /// Several selectors between brackets.
    #[error("several selectors between brackets are not supported")]
    Union,
    /// An index from the end of which it cannot be known which element it is.
    #[error("an index from the end between two `..` is not supported")]
    FromEnd,
    /// More steps than a document may have levels.
    #[error("the JSONPath has more than {} steps", JSON_DEPTH)]
    TooDeep,
}

impl PathError {
    /// The way out.
    pub fn help(&self) -> &'static str {
        match self {
            PathError::Start => "write, for example, `/model` or `$.tools[*].max`",
            PathError::Pointer(error) => error.help(),
            PathError::Syntax { .. } => {
                "write a JSONPath (RFC 9535), such as `$.tools[*].max`, `$..cache_control` or `$['a b'][0]`"
            }
            PathError::Filter => {
                "select all with `[*]`, and choose with `when`, such as `when: \"value.type == 'text'\"`"
            }
            PathError::Slice => "select all with `[*]`, or write an edit for each index",
            PathError::Union => "write an edit for each",
            PathError::FromEnd => "write the path to the array, or count from the beginning",
            PathError::TooDeep => "write a place that is nested less deeply",
        }
    }
}

/// A place in a JSON document, or those that a JSONPath selects.
///
/// ```
/// use bodies::json::Path;
///
/// assert_eq!(Path::parse("/tools/0/max").unwrap(), Path::parse("/tools/0/max").unwrap());
/// assert!(Path::parse("$.tools[*].max").unwrap().is_selective());
/// assert!(Path::parse("$.tools[?@.max]").is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    pub(crate) steps: Vec<Step>,
}

/// One step on the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    /// Whether it is made from the value or from any value inside it: `..`.
    pub(crate) deep: bool,
    pub(crate) selector: Selector,
}

/// Which member or element a step goes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Selector {
    /// The token of a JSON Pointer: a member, or an element if it is an index.
    Token(String),
    /// The member of this name.
    Name(String),
    /// The element of this index.
    Index(usize),
    /// The element that is so far from the end: 1 for the last.
    FromEnd(usize),
    /// Every member or element.
    Every,
}

/// The token that stands for the place after the last element (RFC 6901 section 4).
const AFTER_LAST: &str = "-";

impl Selector {
    /// The name of the member that it goes to.
    pub(crate) fn name(&self) -> Option<&str> {
        match self {
            Selector::Token(name) | Selector::Name(name) => Some(name),
            _ => None,
        }
    }

    /// The index of the element that it goes to.
    pub(crate) fn index(&self) -> Option<usize> {
        match self {
            Selector::Token(token) => pointer::index(token),
            Selector::Index(index) => Some(*index),
            _ => None,
        }
    }

    /// Whether it goes to this member.
    pub(crate) fn selects_member(&self, name: &str) -> bool {
        *self == Selector::Every || self.name() == Some(name)
    }

    /// Whether it may go to this element.
    pub(crate) fn may_select_element(&self, index: usize) -> bool {
        matches!(self, Selector::Every | Selector::FromEnd(_)) || self.index() == Some(index)
    }

    /// Whether it goes to the place after an array's last element.
    pub(crate) fn is_after_last(&self) -> bool {
        matches!(self, Selector::Token(token) if token == AFTER_LAST)
    }

    /// Whether a missing object is made with a member for it.
    pub(crate) fn makes_member(&self) -> bool {
        self.name().is_some() && self.index().is_none() && !self.is_after_last()
    }

    /// Whether both may go to the same place.
    fn meets(&self, other: &Self) -> bool {
        self == other
            || self.name().is_some_and(|name| other.name() == Some(name))
            || self
                .index()
                .is_some_and(|index| other.index() == Some(index))
    }
}

impl Path {
    /// Reads a place: a JSON Pointer, or a JSONPath if it begins with `$`.
    ///
    /// # Errors
    ///
    /// The text is neither, or has what is not supported.
    pub fn parse(text: &str) -> Result<Self, PathError> {
        let steps = match text.chars().next() {
            Some('$') => parse::steps(text)?,
            Some('/') | None => {
                let step = |token| Step {
                    deep: false,
                    selector: Selector::Token(token),
                };
                pointer::tokens(text)?.into_iter().map(step).collect()
            }
            Some(_) => return Err(PathError::Start),
        };
        if steps.len() > JSON_DEPTH {
            return Err(PathError::TooDeep);
        }
        let path = Self { steps };
        let unknown = (0..path.steps.len()).any(|at| {
            matches!(path.selector(at), Some(Selector::FromEnd(_)))
                && path.is_deep(..at.saturating_add(1))
                && path.is_deep(at.saturating_add(1)..)
        });
        if unknown {
            return Err(PathError::FromEnd);
        }
        Ok(path)
    }

    /// How many steps below the document it is, at least.
    pub fn depth(&self) -> usize {
        self.steps.len()
    }

    /// Whether it is the whole document.
    pub fn is_root(&self) -> bool {
        self.steps.is_empty()
    }

    /// Whether it selects what is there, none or many: `*` or `..` is in it.
    pub fn is_selective(&self) -> bool {
        self.selective_steps() > 0
    }

    /// Whether its last step selects what is there, so that nothing can be made in its place.
    pub fn ends_selectively(&self) -> bool {
        self.is_selective() && self.selective_steps() == self.depth()
    }

    /// Whether it is the place after the last element of an array.
    pub fn is_after_last(&self) -> bool {
        let last = self.steps.last();
        last.is_some_and(|step| step.selector.is_after_last())
    }

    /// Whether an element can be inserted before it.
    pub fn is_element(&self) -> bool {
        let last = self.steps.last().map(|step| &step.selector);
        self.is_after_last()
            || last.is_some_and(|selector| {
                selector.index().is_some() || matches!(selector, Selector::FromEnd(_))
            })
    }

    /// Whether a document that is an array may have it.
    pub fn may_be_in_array(&self) -> bool {
        self.steps.first().is_some_and(|step| {
            let selector = &step.selector;
            step.deep
                || selector.is_after_last()
                || selector.name().is_none()
                || selector.index().is_some()
        })
    }

    /// The name of the top-level member that it is.
    pub fn member(&self) -> Option<&str> {
        match self.steps.as_slice() {
            [step] if !step.deep => step.selector.name(),
            _ => None,
        }
    }

    /// Whether one of the two is certain to lead to or through the other, wherever they lead at all.
    pub fn leads_through(&self, other: &Self) -> bool {
        let is_certain = |path: &Self| {
            let mut selectors = path.steps.iter().map(|step| &step.selector);
            !path.is_selective() && !selectors.any(|one| matches!(one, Selector::FromEnd(_)))
        };
        if !is_certain(self) || !is_certain(other) {
            return self == other;
        }
        let mut both = self.steps.iter().zip(&other.steps);
        both.all(|(one, other)| one.selector.meets(&other.selector))
    }

    /// What of a JSON Pointer looks like a wildcard, but is a member like any other, or a place where
    /// nothing ever stands. `puts`: whether the edit puts something where nothing stands.
    pub fn oddity(&self, puts: bool) -> Option<Oddity> {
        let last = self.steps.len().saturating_sub(1);
        let mut tokens = self.steps.iter().enumerate();
        tokens.find_map(|(at, step)| match &step.selector {
            Selector::Token(token) if ["*", "**"].contains(&token.as_str()) => {
                Some(Oddity::Wildcard(self.as_json_path()))
            }
            Selector::Token(token) if token == AFTER_LAST && (at < last || !puts) => {
                Some(Oddity::AfterLast(self.as_json_path()))
            }
            _ => None,
        })
    }

    /// How many steps select what is there: up to the last of `*` and `..`.
    pub(crate) fn selective_steps(&self) -> usize {
        let selects = |step: &Step| step.deep || step.selector == Selector::Every;
        let last = self.steps.iter().rposition(selects);
        last.map_or(0, |last| last.saturating_add(1))
    }

    pub(crate) fn selector(&self, step: usize) -> Option<&Selector> {
        self.steps.get(step).map(|step| &step.selector)
    }

    /// Whether any of these steps is made at any depth.
    pub(crate) fn is_deep<R>(&self, steps: R) -> bool
    where
        R: std::slice::SliceIndex<[Step], Output = [Step]>,
    {
        let steps = self.steps.get(steps).unwrap_or_default();
        steps.iter().any(|step| step.deep)
    }

    /// The JSONPath that a pointer is taken for.
    fn as_json_path(&self) -> String {
        let mut path = "$".to_owned();
        let mut deep = false;
        for step in &self.steps {
            let name = step.selector.name().unwrap_or_default();
            if name == "**" {
                deep = true;
                continue;
            }
            let selector = match name {
                "*" | AFTER_LAST => "[*]".to_owned(),
                name => match pointer::index(name) {
                    Some(index) => format!("[{index}]"),
                    None if is_shorthand(name) => {
                        let dot = if deep { "" } else { "." };
                        format!("{dot}{name}")
                    }
                    None => format!("[{}]", super::quoted(name)),
                },
            };
            path.push_str(if deep { ".." } else { "" });
            path.push_str(&selector);
            deep = false;
        }
        if deep { format!("{path}..*") } else { path }
    }
}

/// Whether a name may stand behind a dot (RFC 9535 section 2.5.1.1).
fn is_shorthand(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(parse::begins_name) && chars.all(parse::is_in_name)
}

/// What of a JSON Pointer is probably not meant, with the JSONPath that probably is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Oddity {
    /// `*` or `**`: a member that is called so.
    Wildcard(String),
    /// `-` where something has to stand: the place after the last element.
    AfterLast(String),
}

impl fmt::Display for Oddity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Oddity::Wildcard(_) => "in a JSON Pointer, `*` is the name of a member",
            Oddity::AfterLast(_) => {
                "in a JSON Pointer, `-` is the place after the last element, where there is no value"
            }
        })
    }
}

impl Oddity {
    /// The JSONPath that is probably meant.
    pub fn json_path(&self) -> &str {
        let (Oddity::Wildcard(path) | Oddity::AfterLast(path)) = self;
        path
    }
}
