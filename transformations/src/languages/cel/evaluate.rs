//! One evaluation: nodes to values, names asked for as they are reached.

use std::rc::Rc;

use smallvec::SmallVec;

use super::Expression;
use super::budget::Budget;
use super::error::Error;
use super::functions::Builtin;
use super::map::Map;
use super::node::{Item, Node, Operator};
use super::operators;
use super::pattern;
use super::resolver::Resolver;
use super::value::{Key, Text, Value};

pub(super) struct Evaluation<'v> {
    pub(super) expression: &'v Expression,
    pub(super) resolver: &'v dyn Resolver,
    pub(super) budget: Budget,
    /// The variables of the macros that are open.
    pub(super) locals: Vec<Value<'v>>,
    /// The fields of JSON bodies that have been looked up.
    pub(super) fields: SmallVec<[Option<Option<Value<'v>>>; 2]>,
}

impl<'v> Evaluation<'v> {
    pub(super) fn new(
        expression: &'v Expression,
        resolver: &'v dyn Resolver,
        budget: Budget,
    ) -> Self {
        Self {
            expression,
            resolver,
            budget,
            locals: Vec::new(),
            fields: SmallVec::new(),
        }
    }

    pub(super) fn value(&mut self, node: &'v Node) -> Result<Value<'v>, Error> {
        self.budget.step()?;
        match node {
            Node::Literal(literal) => Ok(literal.value()),
            Node::Local(place) => self.locals.get(*place).cloned().ok_or(Error::Mismatch),
            Node::Type(name) => Ok(Value::Type(name)),
            Node::And(nodes) => self.and(nodes),
            Node::Or(nodes) => self.or(nodes),
            Node::Not(node) => self.condition(node).map(|holds| Value::Bool(!holds)),
            Node::Negate(node) => {
                let value = self.value(node)?;
                operators::negate(&value).map_err(|error| of_type(error, "-", &[value]))
            }
            Node::Conditional(nodes) => {
                let [condition, then, otherwise] = &**nodes;
                let holds = self.condition(condition)?;
                self.value(if holds { then } else { otherwise })
            }
            Node::Operation(operator, nodes) => self.operation(*operator, nodes),
            Node::Select { of, member } => {
                let of = self.value(of)?;
                self.select(&of, member)
            }
            Node::HasMember { of, field } => {
                let of = self.value(of)?;
                self.has_member(&of, field)
            }
            Node::List(items) => self.list(items),
            Node::Map(entries) => self.map(entries),
            Node::Call(function, arguments) => self.call(function, arguments),
            Node::Matches(text, pattern) => {
                let text = self.text(text, "matches")?;
                pattern::matches(&text, pattern, &self.budget).map(Value::Bool)
            }
            Node::RegexReplace(nodes, pattern) => {
                let [text, with] = &**nodes;
                let text = self.text(text, "regexReplace")?;
                let with = self.text(with, "regexReplace")?;
                let replaced = pattern::replace(&text, pattern, &with, &self.budget)?;
                Value::text(replaced, &self.budget)
            }
            Node::Default(nodes) => {
                let [value, otherwise] = &**nodes;
                match self.value(value) {
                    Ok(Value::Null | Value::Optional(None)) | Err(Error::Missing(_)) => {
                        self.value(otherwise)
                    }
                    result => result,
                }
            }
            Node::Coalesce(nodes) => self.coalesce(nodes),
            Node::Bind(nodes) => {
                let [value, body] = &**nodes;
                let value = self.value(value)?;
                self.within(value, body)
            }
            Node::OptionalMap { nodes, flat } => self.optional_map(nodes, *flat),
            Node::OptionalOr(nodes) => self.optional_or(nodes),
            Node::OrValue(nodes) => {
                let [value, otherwise] = &**nodes;
                match self.optional(value)? {
                    Some(inner) => Ok((*inner).clone()),
                    None => self.value(otherwise),
                }
            }
            Node::Loop(each) => self.each(each),
            name => self.named(name),
        }
    }

    pub(super) fn condition(&mut self, node: &'v Node) -> Result<bool, Error> {
        match self.value(node)? {
            Value::Bool(holds) => Ok(holds),
            value => Error::failed(format!("{} is not a condition", value.type_name())),
        }
    }

    pub(super) fn text(&mut self, node: &'v Node, name: &str) -> Result<Text<'v>, Error> {
        match self.value(node)? {
            Value::String(text) => Ok(text),
            value => Err(of_type(Error::Mismatch, name, &[value])),
        }
    }

    /// Either side alone decides, if it is false.
    fn and(&mut self, nodes: &'v [Node; 2]) -> Result<Value<'v>, Error> {
        let [left, right] = nodes;
        let left = self.condition(left);
        match left {
            Ok(false) => return Ok(Value::Bool(false)),
            Err(error) if !error.is_caught() => return Err(error),
            _ => {}
        }
        match self.condition(right) {
            Ok(true) => left.map(Value::Bool),
            other => other.map(Value::Bool),
        }
    }

    /// Either side alone decides, if it is true.
    fn or(&mut self, nodes: &'v [Node; 2]) -> Result<Value<'v>, Error> {
        let [left, right] = nodes;
        let left = self.condition(left);
        match left {
            Ok(true) => return Ok(Value::Bool(true)),
            Err(error) if !error.is_caught() => return Err(error),
            _ => {}
        }
        match self.condition(right) {
            Ok(false) => left.map(Value::Bool),
            other => other.map(Value::Bool),
        }
    }

    fn operation(&mut self, operator: Operator, nodes: &'v [Node; 2]) -> Result<Value<'v>, Error> {
        let [left, right] = nodes;
        let left = self.value(left)?;
        // Without making the list.
        if let (Operator::In, Node::List(items)) = (operator, right)
            && items.iter().all(|item| !item.optional)
        {
            for item in items {
                let item = self.value(&item.node)?;
                if super::compare::equal(&left, &item, &self.budget)? {
                    return Ok(Value::Bool(true));
                }
            }
            return Ok(Value::Bool(false));
        }
        let right = self.value(right)?;
        operators::apply(operator, &left, &right, &self.budget)
            .map_err(|error| of_type(error, operator.as_str(), &[left, right]))
    }

    fn call(
        &mut self,
        function: &'static Builtin,
        arguments: &'v [Node],
    ) -> Result<Value<'v>, Error> {
        let mut values = Vec::with_capacity(arguments.len());
        for argument in arguments {
            values.push(self.value(argument)?);
        }
        (function.call)(&self.budget, &values)
            .map_err(|error| of_type(error, function.name, &values))
    }

    /// An item, if it is not an empty optional that is left out.
    fn item(&mut self, item: &'v Item) -> Result<Option<Value<'v>>, Error> {
        let value = self.value(&item.node)?;
        match (item.optional, value) {
            (false, value) => Ok(Some(value)),
            (true, Value::Optional(value)) => Ok(value.map(|value| (*value).clone())),
            (true, value) => Error::failed(format!("{} is not an optional", value.type_name())),
        }
    }

    fn list(&mut self, items: &'v [Item]) -> Result<Value<'v>, Error> {
        let mut values = Vec::with_capacity(items.len());
        for item in items {
            values.extend(self.item(item)?);
        }
        Value::list(values, &self.budget)
    }

    fn map(&mut self, entries: &'v [(Node, Item)]) -> Result<Value<'v>, Error> {
        let mut map = Map::with_capacity(entries.len());
        for (key, item) in entries {
            let key = self.value(key)?;
            let Some(key) = Key::new(&key) else {
                return Error::failed(format!("{} is not a key", key.type_name()));
            };
            key.look_up(&self.budget)?;
            let Some(value) = self.item(item)? else {
                continue;
            };
            if let Some(twice) = map.insert(key, value) {
                return Error::failed(format!("a key twice, first for a {}", twice.type_name()));
            }
        }
        Value::map(map, &self.budget)
    }

    fn coalesce(&mut self, nodes: &'v [Node]) -> Result<Value<'v>, Error> {
        let mut result = Ok(Value::Null);
        for node in nodes {
            match self.value(node) {
                Ok(Value::Null | Value::Optional(None)) => {}
                Err(error) if error.is_caught() => result = Err(error),
                done => return done,
            }
        }
        result
    }

    /// The value of a node in which one more variable is in reach.
    pub(super) fn within(&mut self, value: Value<'v>, node: &'v Node) -> Result<Value<'v>, Error> {
        self.locals.push(value);
        let result = self.value(node);
        self.locals.pop();
        result
    }

    fn optional_map(&mut self, nodes: &'v [Node; 2], flat: bool) -> Result<Value<'v>, Error> {
        let [value, body] = nodes;
        let Some(inner) = self.optional(value)? else {
            return Ok(Value::Optional(None));
        };
        match self.within((*inner).clone(), body)? {
            value if !flat => Ok(Value::optional(Some(value))),
            value => of_optional(value).map(Value::Optional),
        }
    }

    fn optional_or(&mut self, nodes: &'v [Node; 2]) -> Result<Value<'v>, Error> {
        let [first, second] = nodes;
        match self.optional(first)? {
            None => self.optional(second).map(Value::Optional),
            first => Ok(Value::Optional(first)),
        }
    }

    /// What an optional holds.
    fn optional(&mut self, node: &'v Node) -> Result<Option<Rc<Value<'v>>>, Error> {
        of_optional(self.value(node)?)
    }
}

fn of_optional(value: Value<'_>) -> Result<Option<Rc<Value<'_>>>, Error> {
    match value {
        Value::Optional(inner) => Ok(inner),
        value => Error::failed(format!("{} is not an optional", value.type_name())),
    }
}

/// The error of a function or operator, with its name and what it was given.
pub(super) fn of_type(error: Error, name: &str, values: &[Value<'_>]) -> Error {
    if error != Error::Mismatch {
        return error;
    }
    let types: Vec<&str> = values.iter().map(Value::type_name).collect();
    Error::Failed(format!("`{name}` does not take ({})", types.join(", ")))
}
