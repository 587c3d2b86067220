//! What changes in a message, in the order that kgateway fixed: body or patch, `set`, `add`, `remove`,
//! `dynamicMetadata`.

mod editing;
mod headers;
mod metadata;
pub(crate) mod patch;
mod patched;
mod presence;
mod reject;
mod removals;
mod view;

pub(crate) use editing::{Before, Editing};
pub(crate) use reject::{Rule, redirects};
pub(crate) use removals::Removals;

use bodies::json::Selection;

use crate::config::{DynamicMetadata, ParseAs, ValueType};
use crate::languages::cel::Expression;
use crate::languages::jinja::Template;
use crate::languages::{ExpressionId, Expressions, Phase};
use crate::ops::Direction;
use patch::Patch;

/// The edits of one message, compiled.
#[derive(Debug)]
pub(crate) struct Edits {
    pub(crate) parse_as: ParseAs,
    /// What keeps a message from being edited at all.
    pub(crate) reject: Vec<Rule>,
    pub(crate) body: Option<NewBody>,
    pub(crate) patch: Option<Patch>,
    pub(crate) set: Vec<HeaderEdit>,
    pub(crate) add: Vec<HeaderEdit>,
    pub(crate) remove: Removals,
    pub(crate) metadata: Vec<MetadataEdit>,
    /// What templates name of a JSON body.
    pub(crate) document: Selection,
}

/// What a value is made by.
#[derive(Debug)]
pub(crate) enum Formula {
    Template(Template),
    Expression(ExpressionId),
}

impl Formula {
    pub(crate) fn template(&self) -> Option<&Template> {
        match self {
            Formula::Template(template) => Some(template),
            Formula::Expression(_) => None,
        }
    }

    pub(crate) fn template_mut(&mut self) -> Option<&mut Template> {
        match self {
            Formula::Template(template) => Some(template),
            Formula::Expression(_) => None,
        }
    }

    /// Whether one of these fields is named.
    pub(crate) fn names_field(&self, expressions: &Expressions, fields: &[&str]) -> bool {
        let named = |id| {
            let needs = expressions.get(id).map(Expression::needs);
            needs.is_some_and(|needs| {
                let named = |field: &&str| needs.extracted.contains(*field);
                needs.all_extracted || fields.iter().any(named)
            })
        };
        match self {
            Formula::Expression(id) => named(*id),
            Formula::Template(template) => {
                let mut called = template.expressions().iter();
                let mut extracted = template.extracted();
                extracted.any(|name| name.is_none_or(|name| is_below(fields, name)))
                    || called
                        .any(|(text, _)| expressions.find(Phase::Edits, text).is_some_and(named))
            }
        }
    }

    /// Whether the body of this message is needed.
    pub(crate) fn needs_body(&self, expressions: &Expressions, direction: Direction) -> bool {
        let reads = |id| expressions.reads_body_in(id, direction);
        match self {
            Formula::Expression(id) => reads(*id),
            Formula::Template(template) => {
                let mut calls = template.calls();
                let mut called = template.expressions().iter();
                !template.undeclared().is_empty()
                    || calls.any(|name| ["body", "context"].contains(&name))
                    || called
                        .any(|(text, _)| expressions.find(Phase::Edits, text).is_some_and(reads))
            }
        }
    }
}

/// Whether `name` is one of these fields, or a member that a template looks for in one.
pub(crate) fn is_below(fields: &[&str], name: &str) -> bool {
    let below = |field: &&str| {
        let rest = name.strip_prefix(*field);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    fields.iter().any(below)
}

/// The new body.
#[derive(Debug)]
pub(crate) struct NewBody {
    pub(crate) path: String,
    pub(crate) formula: Formula,
    /// Whether the text says `body()`: only then does the function return anything.
    pub(crate) reads_text: bool,
    /// Whether the text says `context()`: only then does the function return anything.
    pub(crate) reads_context: bool,
}

/// A header edit.
#[derive(Debug)]
pub(crate) struct HeaderEdit {
    pub(crate) path: String,
    /// In lower case.
    pub(crate) name: String,
    /// `None`: an empty value.
    pub(crate) formula: Option<Formula>,
    /// Whether it names a field of the answer.
    pub(crate) awaits_answer: bool,
}

/// A dynamic metadata entry.
#[derive(Debug)]
pub(crate) struct MetadataEdit {
    pub(crate) path: String,
    pub(crate) namespace: String,
    pub(crate) key: String,
    pub(crate) formula: Formula,
    /// What it has to be; `None`: whatever the expression gives.
    pub(crate) value_type: Option<ValueType>,
    /// Whether it names a field of the answer.
    pub(crate) awaits_answer: bool,
}

impl Edits {
    /// Whether there is none, whatever the rules are.
    pub(crate) fn is_empty(&self) -> bool {
        self.parse_as != ParseAs::AsJson
            && self.body.is_none()
            && self.patch.is_none()
            && self.set.is_empty()
            && self.add.is_empty()
            && self.remove.is_empty()
            && self.metadata.is_empty()
    }

    /// The place in the configuration of what changes the body, for failures.
    pub(crate) fn body_path(&self) -> Option<&str> {
        let patch = self.patch.as_ref().map(|patch| patch.path.as_str());
        patch.or(self.body.as_ref().map(|body| body.path.as_str()))
    }

    /// The header edits that put a value.
    pub(crate) fn put_headers(&self) -> impl Iterator<Item = &HeaderEdit> {
        self.set.iter().chain(&self.add)
    }

    /// The headers that may change, but for those that a pattern removes.
    pub(crate) fn changed_headers(&self) -> impl Iterator<Item = &str> {
        let put = self.put_headers().map(|header| header.name.as_str());
        put.chain(self.remove.names.iter().map(String::as_str))
    }

    /// The templates of the edits.
    pub(crate) fn templates(&self) -> impl Iterator<Item = &Template> {
        let edits = self.set.iter().chain(&self.add);
        let patch = self.patch.iter().flat_map(|patch| &patch.edits);
        self.body
            .iter()
            .filter_map(|body| body.formula.template())
            .chain(patch.filter_map(patch::Edit::template))
            .chain(self.reject.iter().flat_map(Rule::templates))
            .chain(edits.filter_map(|header| header.formula.as_ref()?.template()))
            .chain(
                self.metadata
                    .iter()
                    .filter_map(|metadata| metadata.formula.template()),
            )
    }

    /// The templates of the edits.
    pub(crate) fn templates_mut(&mut self) -> impl Iterator<Item = &mut Template> {
        let edits = self.set.iter_mut().chain(&mut self.add);
        let patch = self.patch.iter_mut().flat_map(|patch| &mut patch.edits);
        self.body
            .iter_mut()
            .filter_map(|body| body.formula.template_mut())
            .chain(patch.filter_map(patch::Edit::template_mut))
            .chain(self.reject.iter_mut().flat_map(Rule::templates_mut))
            .chain(edits.filter_map(|header| header.formula.as_mut()?.template_mut()))
            .chain(
                self.metadata
                    .iter_mut()
                    .filter_map(|metadata| metadata.formula.template_mut()),
            )
    }
}

impl MetadataEdit {
    /// The template of an entry; `None` for one without namespace, key or template.
    pub(crate) fn text(entry: &DynamicMetadata) -> Option<&str> {
        let value = &entry.value;
        let text = value
            .string_value
            .as_deref()
            .filter(|text| !text.is_empty());
        let text = text.or(value.number_value.as_deref())?;
        (!entry.namespace.is_empty() && !entry.key.is_empty() && !text.is_empty()).then_some(text)
    }
}
