//! A part of a file that knows its place.

use crate::tree::Node;

/// A part of a file, and its place, such as `static_resources.listeners[0]`.
#[derive(Clone, Debug)]
pub(crate) struct Placed<'n> {
    pub(crate) place: String,
    pub(crate) node: &'n Node,
}

impl<'n> Placed<'n> {
    /// A whole document.
    pub(crate) fn document(node: &'n Node) -> Self {
        Self {
            place: String::new(),
            node,
        }
    }

    /// The value of a key.
    pub(crate) fn get(&self, key: &str) -> Option<Self> {
        let entry = self.node.entry(key)?;
        Some(self.below(&entry.key, &entry.value))
    }

    /// The values of all keys, each with its key.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (&'n str, Self)> {
        let entries = self.node.entries().iter();
        entries.map(|entry| (entry.key.as_str(), self.below(&entry.key, &entry.value)))
    }

    /// The items of a list.
    pub(crate) fn items(&self) -> impl Iterator<Item = Self> {
        let items = self.node.items().iter().enumerate();
        items.map(|(index, node)| Self {
            place: format!("{}[{index}]", self.place),
            node,
        })
    }

    /// The items of the list at a key.
    pub(crate) fn list(&self, key: &str) -> Vec<Self> {
        self.get(key)
            .map(|list| list.items().collect())
            .unwrap_or_default()
    }

    /// The text at a key.
    pub(crate) fn text(&self, key: &str) -> Option<&'n str> {
        self.node.get(key)?.text()
    }

    /// Whether the value at a key is `true`.
    pub(crate) fn flag(&self, key: &str) -> bool {
        self.node.get(key).is_some_and(|node| node.value() == true)
    }

    /// The whole number at a key.
    pub(crate) fn number(&self, key: &str) -> Option<i64> {
        self.node.get(key)?.value().as_i64()
    }

    /// Whether its `@type` ends with this name.
    pub(crate) fn is(&self, name: &str) -> bool {
        self.text("@type")
            .is_some_and(|found| found.ends_with(name))
    }

    fn below(&self, key: &str, node: &'n Node) -> Self {
        let place = match self.place.as_str() {
            "" => key.to_owned(),
            place => format!("{place}.{key}"),
        };
        Self { place, node }
    }
}
