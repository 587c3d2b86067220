//! Where in a file the configuration of a filter stands, and what is wrong with it.

use std::ops::Range;
use std::rc::Rc;

use transformations::{Code, Diagnostic, Position};

use crate::text::Text;
use crate::tree::{Kind, Node};

/// The text that a configuration stands in, and the part of it that it is.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub(crate) text: Rc<Text>,
    /// The configuration; `None`: the text could not be read, or there is nothing in it.
    pub(crate) node: Option<Node>,
    /// What stands for all of it: characters of the text.
    pub(crate) at: Range<usize>,
}

/// The part of a configuration that a diagnostic is about.
struct Part<'n> {
    node: &'n Node,
    /// Of an object's value: where its key stands.
    key: Option<&'n Range<usize>>,
    /// Whether it is what the path leads to, and not what is around it.
    is_whole: bool,
}

impl Source {
    /// Where in the file a diagnostic about the configuration stands.
    pub(crate) fn place_of(&self, diagnostic: &Diagnostic) -> Range<Position> {
        let Some(root) = &self.node else {
            return self.in_broken_text(diagnostic);
        };
        let top = Part {
            node: root,
            key: None,
            is_whole: diagnostic.path.is_empty(),
        };
        let part = follow(top, &diagnostic.path);
        let part = if part.is_whole {
            narrow(part, diagnostic.code)
        } else {
            part
        };
        match (&part.node.kind, diagnostic.position, part.key) {
            (_, _, Some(key)) if diagnostic.code == Code::UnknownKey && part.is_whole => {
                self.range(key)
            }
            (Kind::Scalar { meaning, style, .. }, Some(position), _) => {
                let text = self.text.scalar(&part.node.at, *style, meaning);
                let character = text.character(position);
                text.place(character)..text.place(character + 1)
            }
            (Kind::Scalar { .. }, None, _) => self.range(&part.node.at),
            (_, _, Some(key)) => self.range(key),
            // An item of a list, or the whole: its first key.
            (Kind::Map(entries), _, None) if let Some(first) = entries.first() => {
                self.range(&first.key_at)
            }
            (_, _, None) => self.range(&(part.node.at.start..part.node.at.start + 1)),
        }
    }

    /// In a text that is not JSON, the position is one of it.
    fn in_broken_text(&self, diagnostic: &Diagnostic) -> Range<Position> {
        match diagnostic.position {
            Some(position) => {
                let character = self.text.character(position);
                self.range(&(character..character + 1))
            }
            None => self.range(&self.at),
        }
    }

    fn range(&self, at: &Range<usize>) -> Range<Position> {
        self.text.place(at.start)..self.text.place(at.end)
    }
}

/// Goes from a part along what is left of a path, such as ``set[2] `x-model`.value``, as far as there is one.
fn follow<'n>(part: Part<'n>, path: &str) -> Part<'n> {
    let path = path.strip_prefix('.').unwrap_or(path);
    if path.is_empty() {
        let is_whole = true;
        return Part { is_whole, ..part };
    }
    // How the item is called: a header, a place.
    if let Some(rest) = path.strip_prefix(" `") {
        let end = rest.rfind("`.").or(rest.rfind('`'));
        let rest = end.and_then(|end| rest.get(end + 1..));
        return follow(part, rest.unwrap_or_default());
    }
    let (name, bracketed) = match path.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((index, rest)) => (index, Some(rest)),
        None => (path, None),
    };
    if let (Some(rest), Ok(index)) = (bracketed, name.parse::<usize>())
        && let Some(node) = part.node.items().get(index)
    {
        return follow(below(node, None), rest);
    }
    let ends = |rest: &str| rest.is_empty() || rest.starts_with(['.', '[', ' ']);
    let entry = part.node.entries().iter().filter_map(|entry| {
        let rest = name.strip_prefix(entry.key.as_str())?;
        match bracketed {
            Some(behind) => rest.is_empty().then_some((entry, behind)),
            None => ends(rest).then_some((entry, rest)),
        }
    });
    match entry.max_by_key(|(entry, _)| entry.key.len()) {
        Some((entry, rest)) => follow(below(&entry.value, Some(&entry.key_at)), rest),
        None => {
            let is_whole = false;
            Part { is_whole, ..part }
        }
    }
}

fn below<'n>(node: &'n Node, key: Option<&'n Range<usize>>) -> Part<'n> {
    Part {
        node,
        key,
        is_whole: false,
    }
}

/// The member of an item that a diagnostic of this kind is about: it names the item only.
fn narrow(part: Part<'_>, code: Code) -> Part<'_> {
    let members: &[&str] = match code {
        Code::HeaderName => &["name"],
        Code::Pointer => &["set", "replace", "default", "insert", "remove"],
        Code::Template | Code::Expression | Code::UnknownName | Code::Range => {
            &["cel", "value", "stringValue", "numberValue", "json"]
        }
        Code::Conflict => &["name", "key"],
        _ => &[],
    };
    let entries = part.node.entries();
    let member = members
        .iter()
        .find_map(|name| entries.iter().find(|entry| entry.key == *name));
    match member {
        Some(entry) => {
            let is_whole = true;
            let part = below(&entry.value, Some(&entry.key_at));
            narrow(Part { is_whole, ..part }, code)
        }
        None => part,
    }
}
