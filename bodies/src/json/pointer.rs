//! JSON Pointers (RFC 6901), several of them as one tree.

use std::sync::OnceLock;

use super::initials::Initials;
use super::needles::{self, Ahead, Needles};
use super::string;
use crate::{FieldId, JSON_DEPTH, JSON_POINTERS};

/// Why a text is not a JSON Pointer, or not one more of a set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PointerError {
    /// Neither empty nor beginning with `/`.
    #[error("a JSON Pointer begins with `/`")]
    NoSlash,
    /// A `~` that is not followed by `0` or `1`.
    #[error("`~` is written `~0`, and `/` inside a key `~1`")]
    Escape,
    /// More parts than a document may have levels.
    #[error("the pointer has more than {} parts", JSON_DEPTH)]
    TooDeep,
    /// More pointers than one set may have.
    #[error("there are more than {} JSON Pointers", JSON_POINTERS)]
    TooMany,
}

impl PointerError {
    /// The way out.
    pub fn help(&self) -> &'static str {
        match self {
            Self::NoSlash | Self::Escape => "write a JSON Pointer (RFC 6901), such as `/model`",
            Self::TooDeep => "point to a member that is nested less deeply",
            Self::TooMany => "use fewer JSON Pointers",
        }
    }
}

/// The decoded parts of a JSON Pointer: `/a~1b/0` is `a/b`, `0`.
///
/// # Errors
///
/// The text does not follow RFC 6901.
pub(crate) fn tokens(pointer: &str) -> Result<Vec<String>, PointerError> {
    if pointer.is_empty() {
        return Ok(Vec::new());
    }
    let Some(rest) = pointer.strip_prefix('/') else {
        return Err(PointerError::NoSlash);
    };
    rest.split('/').map(token).collect()
}

fn token(escaped: &str) -> Result<String, PointerError> {
    let mut out = String::with_capacity(escaped.len());
    let mut chars = escaped.chars();
    while let Some(c) = chars.next() {
        match c {
            '~' => match chars.next() {
                Some('0') => out.push('~'),
                Some('1') => out.push('/'),
                _ => return Err(PointerError::Escape),
            },
            c => out.push(c),
        }
    }
    Ok(out)
}

/// A place in the tree of pointers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct NodeId(usize);

impl NodeId {
    /// The node at this place of such a list.
    pub(crate) fn nth(place: usize) -> Self {
        Self(place)
    }

    /// Its place in a list that has one for each node.
    #[inline]
    pub(crate) fn index(self) -> usize {
        self.0
    }
}

/// The root of the tree.
pub(crate) const ROOT: NodeId = NodeId(0);

/// One place that a pointer leads to or through.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Node {
    /// The field whose pointer ends here.
    pub(crate) target: Option<FieldId>,
    /// The ways on to members that are named, sorted by name.
    members: Vec<(String, NodeId)>,
    /// What their names begin and end with.
    initials: Initials,
    /// The ways on to elements, sorted by index.
    elements: Vec<(usize, NodeId)>,
    /// The way on to any other member. No pointer has one.
    other_member: Option<NodeId>,
    /// The way on to any other element. No pointer has one.
    other_element: Option<NodeId>,
}

/// The characters of a key, without their case.
fn folded(key: &str) -> impl Iterator<Item = char> {
    key.chars().map(|c| match c {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        c => c.to_ascii_lowercase(),
    })
}

/// Whether two keys of objects differ, but only in the case of ASCII letters. The long s (U+017F) is
/// an `s` then, and the kelvin sign (U+212A) a `k`: so Go's `encoding/json` has it.
#[inline]
pub fn in_other_case(name: &str, key: &str) -> bool {
    /// The bit that makes a small letter of a capital.
    const SMALL: u8 = 0x20;
    let ends = (name.as_bytes().last(), key.as_bytes().last());
    if let (Some(one), Some(other)) = ends
        && (one | other).is_ascii()
        && (one ^ other) & !SMALL != 0
    {
        return false; // as nearly always
    }
    name != key && is_same_folded(name, key)
}

#[inline(never)]
fn is_same_folded(name: &str, key: &str) -> bool {
    if name.is_ascii() && key.is_ascii() {
        return name.eq_ignore_ascii_case(key);
    }
    folded(name).eq(folded(key))
}

/// The array index that a part of a pointer is: canonical decimal, as RFC 6901 section 4 has it.
pub(crate) fn index(name: &str) -> Option<usize> {
    let canonical =
        (name == "0" || !name.starts_with('0')) && name.bytes().all(|byte| byte.is_ascii_digit());
    if canonical { name.parse().ok() } else { None }
}

impl Node {
    /// Whether a pointer leads further than here.
    pub(crate) fn leads_on(&self) -> bool {
        !self.members.is_empty()
            || !self.elements.is_empty()
            || self.other_member.is_some()
            || self.other_element.is_some()
    }

    /// The way on for an object key.
    #[inline]
    pub(crate) fn member(&self, key: &str) -> Option<NodeId> {
        if let [(name, node)] = self.members.as_slice() {
            // As nearly always.
            return if name == key {
                Some(*node)
            } else {
                self.other_member
            };
        }
        self.member_of_many(key)
    }

    #[inline(never)]
    fn member_of_many(&self, key: &str) -> Option<NodeId> {
        if !self.initials.may_begin_and_end(key) {
            return self.other_member;
        }
        let named = self.place(key).ok();
        let named = named.and_then(|place| self.members.get(place));
        named.map_or(self.other_member, |(_, node)| Some(*node))
    }

    /// Where among the ways on the one of this name is, or would be.
    fn place(&self, key: &str) -> Result<usize, usize> {
        self.members
            .binary_search_by(|(name, _)| name.as_str().cmp(key))
    }

    /// Adds a way on to a member, if its name has none.
    pub(crate) fn add_member(&mut self, name: String, node: NodeId) {
        if let Err(place) = self.place(&name) {
            self.initials.add(&name);
            self.members.insert(place, (name, node));
        }
    }

    /// Adds a way on to an element, if its index has none.
    pub(crate) fn add_element(&mut self, index: usize, node: NodeId) {
        let place = self
            .elements
            .binary_search_by_key(&index, |(known, _)| *known);
        if let Err(place) = place {
            self.elements.insert(place, (index, node));
        }
    }

    /// Sets the ways on to all members and elements that have none of their own.
    pub(crate) fn set_others(&mut self, member: Option<NodeId>, element: Option<NodeId>) {
        self.other_member = member;
        self.other_element = element;
    }

    /// The ways on for keys that are this one [in another case](in_other_case).
    #[inline]
    pub(crate) fn members_in_other_case(&self, key: &str, mut visit: impl FnMut(NodeId)) {
        if let [(name, node)] = self.members.as_slice() {
            if in_other_case(name, key) {
                visit(*node); // as nearly never
            }
        } else {
            self.each_in_other_case(key, &mut visit);
        }
    }

    #[inline(never)]
    fn each_in_other_case(&self, key: &str, visit: &mut dyn FnMut(NodeId)) {
        if !self.initials.may_begin_and_end(key) {
            return;
        }
        let is_ascii = key.is_ascii();
        for (name, node) in &self.members {
            if is_ascii && name.len() != key.len() && name.is_ascii() {
                continue; // as nearly always
            }
            if in_other_case(name, key) {
                visit(*node);
            }
        }
    }

    /// The way on for an array index.
    #[inline]
    pub(crate) fn element(&self, index: usize) -> Option<NodeId> {
        match self.elements.last() {
            Some((last, _)) if *last >= index => {
                let mut ways = self.elements.iter();
                ways.find(|(known, _)| *known == index)
                    .map_or(self.other_element, |(_, node)| Some(*node))
            }
            _ => self.other_element,
        }
    }
}

/// The fields that one pass over a body looks for.
#[derive(Clone, Debug)]
pub struct Pointers {
    nodes: Vec<Node>,
    fields: usize,
    longest_key: usize,
    /// What a document with one of the fields spells, once it has been asked for.
    needles: OnceLock<Option<Box<Needles>>>,
}

impl Default for Pointers {
    fn default() -> Self {
        Self {
            nodes: vec![Node::default()],
            fields: 0,
            longest_key: 0,
            needles: OnceLock::new(),
        }
    }
}

impl Pointers {
    /// Adds a pointer and returns its field; equal pointers share one.
    ///
    /// # Errors
    ///
    /// The text does not follow RFC 6901, or the set is full.
    pub fn insert(&mut self, pointer: &str) -> Result<FieldId, PointerError> {
        let tokens = tokens(pointer)?;
        if tokens.len() > JSON_DEPTH {
            return Err(PointerError::TooDeep);
        }
        let mut here = ROOT;
        for token in tokens {
            here = self.step(here, token);
        }
        self.needles = OnceLock::new();
        let full = self.fields >= JSON_POINTERS;
        let field = FieldId::nth(self.fields);
        match self.nodes.get_mut(here.0) {
            Some(Node {
                target: Some(known),
                ..
            }) => Ok(*known),
            Some(node) if !full => {
                node.target = Some(field);
                self.fields = self.fields.saturating_add(1);
                Ok(field)
            }
            _ => Err(PointerError::TooMany),
        }
    }

    /// Adds a place for the member of this name of the top-level object, without a field.
    pub(crate) fn add_member(&mut self, name: String) {
        self.step(ROOT, name);
    }

    /// The members of the top-level object that lead on, with their names.
    pub(crate) fn members(&self) -> impl Iterator<Item = (&str, NodeId)> {
        let ways = self.nodes.get(ROOT.0).map(|node| node.members.as_slice());
        let ways = ways.unwrap_or_default().iter();
        ways.map(|(name, node)| (name.as_str(), *node))
    }

    /// The place one step on, which is made if there is none.
    fn step(&mut self, from: NodeId, name: String) -> NodeId {
        if let Some(known) = self.nodes.get(from.0).and_then(|node| node.member(&name)) {
            return known;
        }
        let next = NodeId(self.nodes.len());
        self.longest_key = self.longest_key.max(string::most_escaped(name.len()));
        self.nodes.push(Node::default());
        if let Some(node) = self.nodes.get_mut(from.0) {
            // An object key that is an array index serves both.
            if let Some(index) = index(&name) {
                node.add_element(index, next);
            }
            node.add_member(name, next);
        }
        next
    }

    /// The nodes of what is no set of pointers, the root first, and the longest key worth decoding.
    pub(crate) fn of_nodes(nodes: Vec<Node>, longest_key: usize) -> Self {
        Self {
            nodes,
            fields: 0,
            longest_key,
            needles: OnceLock::new(),
        }
    }

    /// How many fields there are.
    pub fn len(&self) -> usize {
        self.fields
    }

    /// Whether there is no field.
    pub fn is_empty(&self) -> bool {
        self.fields == 0
    }

    /// Whether a document may hold one of the fields: `false` of one that spells none of the names on
    /// the way to each. It is found out in a fraction of the time that reading takes.
    pub fn may_lead_into(&self, document: &[u8]) -> bool {
        let needles = self.needles();
        needles.is_none_or(|needles| needles.may_stand_in(document))
    }

    /// Looks ahead in a text of many documents for those that may hold one of the fields.
    pub(crate) fn ahead<'t>(&'t self, text: &'t [u8]) -> Ahead<'t> {
        Ahead::new(self.needles(), text)
    }

    fn needles(&self) -> Option<&Needles> {
        let needles = self.needles.get_or_init(|| {
            let mut names = Vec::new();
            if self.is_empty() {
                return None; // what is looked for is not known here
            }
            self.last_names(ROOT, None, &mut names)?;
            Needles::of(&names).map(Box::new)
        });
        needles.as_deref()
    }

    /// The last name of each pointer from `id` on that only a key of an object can be and that is
    /// spelled as it is. `None` if a pointer has no such name.
    fn last_names<'p>(
        &'p self,
        id: NodeId,
        last: Option<&'p str>,
        names: &mut Vec<&'p str>,
    ) -> Option<()> {
        let node = self.nodes.get(id.0)?;
        if node.target.is_some() {
            names.push(last?);
        }
        for (name, child) in &node.members {
            let key = Some(name.as_str());
            let key = key.filter(|key| index(key).is_none() && needles::is_plain(key));
            self.last_names(*child, key.or(last), names)?;
        }
        let elements = node.elements.iter().map(|(_, child)| *child);
        for child in elements.chain(node.other_member).chain(node.other_element) {
            self.last_names(child, last, names)?;
        }
        Some(())
    }

    pub(crate) fn node(&self, id: NodeId) -> Option<&Node> {
        self.nodes.get(id.0)
    }

    /// How many places the pointers lead to or through; the index of a [`NodeId`] is less.
    pub(crate) fn nodes(&self) -> usize {
        self.nodes.len()
    }

    /// The places one step on from `id`.
    pub(crate) fn children(&self, id: NodeId) -> impl Iterator<Item = NodeId> {
        let ways = self.nodes.get(id.0).map(|node| node.members.as_slice());
        ways.unwrap_or_default().iter().map(|(_, node)| *node)
    }

    /// The longest object key worth decoding, in bytes as it stands in a document.
    pub(crate) fn longest_key(&self) -> usize {
        self.longest_key
    }

    /// Every field at `id` or below it.
    pub(crate) fn fields_below(&self, id: NodeId, visit: &mut dyn FnMut(FieldId)) {
        let Some(node) = self.nodes.get(id.0) else {
            return;
        };
        if let Some(field) = node.target {
            visit(field);
        }
        for (_, child) in &node.members {
            self.fields_below(*child, visit);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn another_case_is_what_folding_makes_equal(
            name in "[akKsS@`\u{17f}\u{212a}\u{e9}]{0,3}",
            key in "[akKsS@`\u{17f}\u{212a}\u{e9}]{0,3}",
        ) {
            let folds = name != key && is_same_folded(&name, &key);
            prop_assert_eq!(in_other_case(&name, &key), folds);
            let mut initials = Initials::default();
            initials.add(&name);
            prop_assert!(initials.may_begin_and_end(&key) || !(folds || name == key));
        }
    }

    #[test]
    fn the_long_s_and_the_kelvin_sign_are_letters_in_another_case() {
        for (name, key) in [
            ("class", "clas\u{17f}"),
            ("k", "\u{212a}"),
            ("model", "MODEL"),
        ] {
            assert!(
                in_other_case(name, key) && in_other_case(key, name),
                "{name} {key}"
            );
        }
        for (name, key) in [
            ("model", "model"),
            ("model", "mode"),
            ("a@", "a`"),
            ("", "a"),
        ] {
            assert!(
                !in_other_case(name, key) && !in_other_case(key, name),
                "{name} {key}"
            );
        }
    }

    #[test]
    fn every_mistake_has_a_way_out() {
        let (deepest, deep) = ("/a".repeat(JSON_DEPTH), "/a".repeat(JSON_DEPTH + 1));
        assert!(Pointers::default().insert(&deepest).is_ok());
        for (pointer, help) in [
            ("a", "such as `/model`"),
            ("/~2", "such as `/model`"),
            (&deep, "nested less deeply"),
        ] {
            let error = Pointers::default().insert(pointer).unwrap_err();
            assert!(error.help().contains(help), "{error}: {}", error.help());
        }
        let too_many = PointerError::TooMany.help();
        assert!(too_many.contains("fewer"), "{too_many}");
    }
}
