//! Expressions in CEL, the Common Expression Language: compiled once, evaluated for many messages.
//!
//! The parser is that of crate `cel`. Its tree becomes [`Node`]s, in which every name,
//! function and pattern is looked up and `json(request.body).a.b` is a field to search for. What
//! evaluates them counts every step and every byte.

pub(crate) mod bounds;
mod budget;
mod calls;
mod compare;
mod document;
mod error;
mod evaluate;
pub(crate) mod forms;
pub(crate) mod functions;
mod instead;
mod loops;
mod lower;
mod map;
mod member;
mod message;
mod mismatch;
mod names;
mod needs;
mod node;
mod number;
mod operators;
mod parse;
pub(crate) mod pattern;
mod print;
mod resolver;
#[cfg(test)]
mod tests;
mod typed;
mod value;

pub(crate) use budget::Budget;
pub(crate) use error::Error;
pub(crate) use forms::FORMS;
pub(crate) use needs::Needs;
pub(crate) use node::{JsonText, MetadataEntry, MetadataKind};
pub(crate) use print::{body, jinja, json, lines, text};
pub(crate) use resolver::Resolver;
pub(crate) use typed::{spelled, typed};
pub(crate) use value::Value;

use diagnostics::{Code, Diagnostic};

use bodies::JSON_POINTERS;
use evaluate::Evaluation;
use lower::Lowering;
use node::{JsonField, Node};

use crate::config::Limits;
use crate::languages::FieldTypes;

/// A compiled expression.
#[derive(Debug)]
pub(crate) struct Expression {
    node: Node,
    fields: Vec<JsonField>,
    needs: Needs,
    limits: Limits,
}

impl Expression {
    /// Compiles `text`, which stands at `path` in a configuration whose fields are of these types.
    /// `in_documents`: it knows the names `document` and `value`.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it: it is too long or too deep, does not parse, or names
    /// what does not exist.
    pub(crate) fn compile(
        path: &str,
        text: &str,
        limits: &Limits,
        types: &FieldTypes,
        in_documents: bool,
    ) -> Result<Self, Vec<Diagnostic>> {
        let (tree, source) = parse::parse(path, text).map_err(|error| vec![error])?;
        let mut lowering = Lowering::new(path, text, &source, types, in_documents);
        let node = lowering.value(&tree);
        if lowering.too_many_fields() {
            let message =
                format!("the expression reads more than {JSON_POINTERS} fields of a body");
            lowering.errors.push(
                Diagnostic::error(Code::Range, path, message)
                    .help("split it into several edits or fields"),
            );
        }
        if !lowering.errors.is_empty() {
            return Err(lowering.errors);
        }
        Ok(Self {
            node,
            fields: lowering.fields,
            needs: lowering.needs,
            limits: *limits,
        })
    }

    /// What it reads of the exchange.
    pub(crate) fn needs(&self) -> &Needs {
        &self.needs
    }

    /// The type of its value, as `type()` calls it, where it is known from the beginning.
    pub(crate) fn type_name(&self) -> Option<&'static str> {
        self.node.type_name()
    }

    /// Whether its value is a list that the expression makes, whatever the message holds.
    pub(crate) fn makes_list(&self) -> bool {
        self.node.makes_list()
    }

    /// Its value for one message.
    ///
    /// # Errors
    ///
    /// What the language calls an error, or a bound that was reached.
    pub(crate) fn evaluate<'v>(&'v self, resolver: &'v dyn Resolver) -> Result<Value<'v>, Error> {
        Evaluation::new(self, resolver, Budget::new(&self.limits)).value(&self.node)
    }

    /// As [`evaluate`](Self::evaluate), within what is left of a budget, which is less then.
    ///
    /// # Errors
    ///
    /// As [`evaluate`](Self::evaluate).
    pub(crate) fn evaluate_within<'v>(
        &'v self,
        resolver: &'v dyn Resolver,
        budget: &Budget,
    ) -> Result<Value<'v>, Error> {
        let mut evaluation = Evaluation::new(self, resolver, budget.clone());
        let value = evaluation.value(&self.node);
        budget.become_as(&evaluation.budget);
        value
    }
}
