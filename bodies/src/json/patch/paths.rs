//! The places of all edits as one automaton: what the walker is led by, and what concerns the value
//! at each of its nodes.

use std::collections::{BTreeMap, BTreeSet};

use crate::JSON_POINTERS;
use crate::json::path::{Path, Selector};
use crate::json::pointer::{Node, NodeId, Pointers};
use crate::json::string;

use super::Verb;

/// The most nodes: `..` several times over needs more of them each time.
const NODES: usize = 16_384;

/// Which edit of a document: its place among those of its [`Paths`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EditId(usize);

impl EditId {
    /// The edit at this place, from 0 on.
    pub fn nth(place: usize) -> Self {
        Self(place)
    }

    /// Its place.
    pub fn index(self) -> usize {
        self.0
    }
}

/// Some of the edits of a document, of which there are no more than there are bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EditIds(u64);

impl EditIds {
    /// Adds one.
    pub fn insert(&mut self, edit: EditId) {
        self.0 |= Self::bit(edit);
    }

    /// Whether this is one of them.
    pub fn contains(self, edit: EditId) -> bool {
        self.0 & Self::bit(edit) != 0
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// They, in their order.
    pub fn iter(self) -> impl Iterator<Item = EditId> {
        let all = if self.is_empty() { 0 } else { JSON_POINTERS };
        let edits = (0..all).map(EditId::nth);
        edits.filter(move |edit| self.contains(*edit))
    }

    fn bit(EditId(place): EditId) -> u64 {
        let shift = u32::try_from(place).ok();
        shift
            .and_then(|shift| 1_u64.checked_shl(shift))
            .unwrap_or_default()
    }
}

/// The edits are too many, or their paths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathsError {
    /// More edits than one set may have.
    #[error("more than {} edits", JSON_POINTERS)]
    TooMany,
    /// They can lead to more different sets of places than are kept.
    #[error("the paths with `..` and `*` are too entangled")]
    Entangled,
}

/// The places that the edits of one document lead to.
#[derive(Clone, Debug, Default)]
pub struct Paths {
    edits: Vec<(Path, Verb)>,
    pub(super) ways: Pointers,
    /// By node.
    concerns: Vec<Concern>,
}

/// What of the edits concerns a value.
#[derive(Clone, Debug, Default)]
pub(super) struct Concern {
    /// The edits whose place it is, but for insertions, in their order.
    pub(super) here: Vec<EditId>,
    /// The insertions before it, in their order.
    pub(super) before: Vec<EditId>,
    /// The edits that may put something into it, in their order.
    pub(super) inside: Vec<Inside>,
}

/// An edit that may put something into a container, and the step that leads on from there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Inside {
    pub(super) edit: EditId,
    pub(super) step: usize,
}

impl Concern {
    pub(super) fn is_none(&self) -> bool {
        self.here.is_empty() && self.before.is_empty() && self.inside.is_empty()
    }
}

/// How far the paths have come where a node is: which edit, and how many of its steps are made.
type Positions = BTreeSet<(usize, usize)>;

impl Paths {
    /// The places of these edits.
    ///
    /// # Errors
    ///
    /// They are too many.
    pub fn new(edits: Vec<(Path, Verb)>) -> Result<Self, PathsError> {
        if edits.len() > JSON_POINTERS {
            return Err(PathsError::TooMany);
        }
        let mut builder = Builder {
            edits: &edits,
            known: BTreeMap::new(),
            nodes: Vec::new(),
            to_do: Vec::new(),
            longest_key: 0,
        };
        let start = (0..edits.len()).map(|edit| (edit, 0)).collect();
        builder.node(start)?;
        while let Some((node, positions)) = builder.to_do.pop() {
            builder.lead_on(node, &positions)?;
        }
        let Builder {
            known,
            nodes,
            longest_key,
            ..
        } = builder;
        let mut concerns = vec![Concern::default(); nodes.len()];
        for (positions, node) in &known {
            if let Some(concern) = concerns.get_mut(node.index()) {
                *concern = concern_of(&edits, positions)?;
            }
        }
        Ok(Self {
            ways: Pointers::of_nodes(nodes, longest_key),
            concerns,
            edits,
        })
    }

    /// How many edits there are.
    pub fn len(&self) -> usize {
        self.edits.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.edits.is_empty()
    }

    pub(super) fn edit(&self, edit: EditId) -> Option<(&Path, Verb)> {
        let (path, verb) = self.edits.get(edit.index())?;
        Some((path, *verb))
    }

    pub(super) fn concern(&self, node: NodeId) -> &Concern {
        static NONE: Concern = Concern {
            here: Vec::new(),
            before: Vec::new(),
            inside: Vec::new(),
        };
        self.concerns.get(node.index()).unwrap_or(&NONE)
    }
}

fn concern_of(edits: &[(Path, Verb)], positions: &Positions) -> Result<Concern, PathsError> {
    let mut concern = Concern::default();
    for (edit, step) in positions {
        let Some((path, verb)) = edits.get(*edit) else {
            continue;
        };
        let id = EditId::nth(*edit);
        if *step == path.steps.len() {
            match verb {
                Verb::Insert => concern.before.push(id),
                _ => concern.here.push(id),
            }
        } else if verb.puts() && *step >= path.selective_steps() {
            concern.inside.push(Inside {
                edit: id,
                step: *step,
            });
        }
    }
    // Which of them find what they lead to is kept in 64 bits.
    if concern.inside.len() > JSON_POINTERS {
        return Err(PathsError::Entangled);
    }
    Ok(concern)
}

/// The automaton on its way.
struct Builder<'e> {
    edits: &'e [(Path, Verb)],
    known: BTreeMap<Positions, NodeId>,
    nodes: Vec<Node>,
    to_do: Vec<(NodeId, Positions)>,
    longest_key: usize,
}

impl Builder<'_> {
    /// The node of these positions; `None` where there is none.
    fn node(&mut self, positions: Positions) -> Result<Option<NodeId>, PathsError> {
        if positions.is_empty() {
            return Ok(None);
        }
        if let Some(known) = self.known.get(&positions) {
            return Ok(Some(*known));
        }
        if self.nodes.len() >= NODES {
            return Err(PathsError::Entangled);
        }
        let node = NodeId::nth(self.nodes.len());
        self.nodes.push(Node::default());
        self.known.insert(positions.clone(), node);
        self.to_do.push((node, positions));
        Ok(Some(node))
    }

    /// Makes the ways on from a node.
    fn lead_on(&mut self, node: NodeId, positions: &Positions) -> Result<(), PathsError> {
        let edits = self.edits;
        let selectors = || {
            let paths = positions
                .iter()
                .filter_map(|(edit, step)| edits.get(*edit)?.0.selector(*step));
            paths.collect::<Vec<_>>()
        };
        let names: BTreeSet<&str> = selectors().into_iter().filter_map(Selector::name).collect();
        let indexes: BTreeSet<usize> = selectors()
            .into_iter()
            .filter_map(Selector::index)
            .collect();
        let mut made = Node::default();
        for name in names {
            self.longest_key = self.longest_key.max(string::most_escaped(name.len()));
            let after = self.after(positions, |selector| selector.selects_member(name));
            if let Some(child) = self.node(after)? {
                made.add_member(name.to_owned(), child);
            }
        }
        for index in indexes {
            let after = self.after(positions, |selector| selector.may_select_element(index));
            if let Some(child) = self.node(after)? {
                made.add_element(index, child);
            }
        }
        let any = self.after(positions, |selector| *selector == Selector::Every);
        let member = self.node(any)?;
        if member.is_some() {
            // Whatever it is called: a key that is not decoded leads nowhere.
            self.longest_key = usize::MAX;
        }
        let any = self.after(positions, |selector| {
            matches!(selector, Selector::Every | Selector::FromEnd(_))
        });
        let element = self.node(any)?;
        made.set_others(member, element);
        if let Some(place) = self.nodes.get_mut(node.index()) {
            *place = made;
        }
        Ok(())
    }

    /// Where the paths are one level further in.
    fn after(&self, positions: &Positions, selects: impl Fn(&Selector) -> bool) -> Positions {
        let mut after = Positions::new();
        for (edit, step) in positions {
            let next = self
                .edits
                .get(*edit)
                .and_then(|(path, _)| path.steps.get(*step));
            let Some(next) = next else { continue };
            if next.deep {
                after.insert((*edit, *step));
            }
            if selects(&next.selector) {
                after.insert((*edit, step.saturating_add(1)));
            }
        }
        after
    }
}
