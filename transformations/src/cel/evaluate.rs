//! One evaluation: nodes to values, names asked for as they are reached.

use super::Expression;
use super::budget::Budget;
use super::document;
use super::error::Error;
use super::functions::Builtin;
use super::node::{Item, Member, Node, Operator, PathPart};
use super::operators;
use super::pattern;
use super::resolver::Resolver;
use super::value::{Bytes, Key, Map, Text, Value};
use crate::extract::Extracted;
use crate::json::{self, Found};
use crate::ops::{AttributeValue, Direction};

pub(super) struct Evaluation<'v> {
    expression: &'v Expression,
    resolver: &'v dyn Resolver,
    pub(super) budget: Budget,
    /// The variables of the macros that are open.
    pub(super) locals: Vec<Value<'v>>,
    /// The fields of JSON bodies that have been looked up.
    fields: Vec<Option<Option<Value<'v>>>>,
}

impl<'v> Evaluation<'v> {
    pub(super) fn new(expression: &'v Expression, resolver: &'v dyn Resolver) -> Self {
        Self {
            expression,
            resolver,
            budget: Budget::new(&expression.limits),
            locals: Vec::new(),
            fields: Vec::new(),
        }
    }

    pub(super) fn value(&mut self, node: &'v Node) -> Result<Value<'v>, Error> {
        self.budget.step()?;
        match node {
            Node::Literal(literal) => Ok(literal.value()),
            Node::Local(place) => self.locals.get(*place).cloned().ok_or(Error::Mismatch),
            Node::Type(name) => Ok(Value::Type(name)),
            Node::Header(message, name) => self.header(*message, name),
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
                has_member(&of, field)
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
                    Ok(Value::Null) | Err(Error::Missing(_)) => self.value(otherwise),
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
            Node::Loop(each) => self.each(each),
            name => self.named(name),
        }
    }

    /// What the message or the host tells.
    fn named(&mut self, node: &'v Node) -> Result<Value<'v>, Error> {
        match node {
            Node::Attribute(attribute) => match self.resolver.attribute(*attribute) {
                Some(value) => self.told(value),
                None => Error::missing("the host does not tell this"),
            },
            Node::Metadata(entry) => match self.resolver.metadata(entry) {
                Some(value) => self.told(value),
                None => Error::missing(format!("no metadata `{}`", entry.key)),
            },
            Node::Path(part) => self.path(*part),
            Node::Status => {
                let status = self.header(Direction::Response, ":status")?;
                match status.as_str().map(str::parse) {
                    Some(Ok(code)) => Ok(Value::Int(code)),
                    _ => Error::failed("the status is no number"),
                }
            }
            Node::Headers(message) => self.headers(*message),
            Node::HeaderNamed(message, name) => {
                let name = self.text(name, "headers")?.to_ascii_lowercase();
                self.header(*message, &name)
            }
            Node::HeaderValues(message, name) => {
                let name = self.text(name, "values")?.to_ascii_lowercase();
                let values = self.resolver.headers(*message).values(&name);
                Value::list(values.map(Value::borrowed).collect(), &self.budget)
            }
            Node::HasHeader(message, name) => {
                let name = self.text(name, "in")?.to_ascii_lowercase();
                let found = self.resolver.headers(*message).values(&name).next();
                Ok(Value::Bool(found.is_some()))
            }
            Node::Cookie(name) => {
                let name = self.text(name, "cookie")?;
                match self.cookie(&name) {
                    Some(value) => Ok(Value::borrowed(value)),
                    None => Error::missing(format!("no cookie `{}`", &*name)),
                }
            }
            Node::Body(message) => Ok(Value::Bytes(Bytes::Borrowed(self.resolver.body(*message)))),
            Node::Field(field) => match self.field(*field)? {
                Some(value) => Ok(value),
                None => Error::missing("the body has no such field"),
            },
            Node::HasField { of, field } => {
                self.object(*of)?;
                Ok(Value::Bool(self.field(*field)?.is_some()))
            }
            Node::OptionalField { of, field } => {
                self.object(*of)?;
                Ok(Value::optional(self.field(*field)?))
            }
            Node::Extracted(name) => match self.extracted().find(|(field, _)| *field == &**name) {
                Some((_, value)) => Ok(Value::borrowed(value)),
                None => Error::missing(format!("no field `{name}` was extracted")),
            },
            Node::AllExtracted => {
                let key = |name| Key::String(Text::Borrowed(name));
                let entries = self.extracted();
                let map = entries.map(|(name, value)| (key(name), Value::borrowed(value)));
                Value::map(map.collect(), &self.budget)
            }
            Node::Env(name) => match self.resolver.env(name) {
                Some(value) => Value::text(value, &self.budget),
                None => Error::missing(format!("no environment variable `{name}`")),
            },
            Node::Optional(node) => match self.value(node) {
                Ok(value) => Ok(Value::optional(Some(value))),
                Err(Error::Missing(_)) => Ok(Value::Optional(None)),
                Err(error) => Err(error),
            },
            Node::Has(node) => match self.value(node) {
                Ok(_) => Ok(Value::Bool(true)),
                Err(Error::Missing(_)) => Ok(Value::Bool(false)),
                Err(error) => Err(error),
            },
            _ => Err(Error::Mismatch),
        }
    }

    fn told(&self, value: AttributeValue) -> Result<Value<'v>, Error> {
        match value {
            AttributeValue::Text(text) => Value::text(text, &self.budget),
            AttributeValue::Int(value) => {
                Ok(i64::try_from(value).map_or(Value::Uint(value), Value::Int))
            }
            AttributeValue::Number(value) => Ok(Value::double(value)),
            AttributeValue::Bool(value) => Ok(Value::Bool(value)),
        }
    }

    fn extracted(&self) -> impl Iterator<Item = (&'v str, &'v str)> + use<'v> {
        self.resolver
            .extracted()
            .into_iter()
            .flat_map(Extracted::iter)
    }

    fn cookie(&self, wanted: &str) -> Option<&'v str> {
        let mut cookies = self.resolver.headers(Direction::Request).cookies();
        cookies
            .find(|(name, _)| *name == wanted)
            .map(|(_, value)| value)
    }

    /// All values of a header in one text.
    fn header(&self, message: Direction, name: &str) -> Result<Value<'v>, Error> {
        let mut values = self.resolver.headers(message).values(name);
        let Some(first) = values.next() else {
            return Error::missing(format!("no header `{name}`"));
        };
        let Some(second) = values.next() else {
            return Ok(Value::borrowed(first));
        };
        let mut joined = [first, ", ", second].concat();
        for value in values {
            self.budget.make(value.len())?;
            joined.push_str(", ");
            joined.push_str(value);
        }
        Value::text(joined, &self.budget)
    }

    fn headers(&self, message: Direction) -> Result<Value<'v>, Error> {
        let mut map = Map::default();
        for name in self.resolver.headers(message).names() {
            map.insert(
                Key::String(Text::Borrowed(name)),
                self.header(message, name)?,
            );
        }
        Value::map(map, &self.budget)
    }

    fn path(&self, part: PathPart) -> Result<Value<'v>, Error> {
        let headers = self.resolver.headers(Direction::Request);
        let Some(target) = headers.values(":path").next() else {
            return Error::missing("the request has no path");
        };
        let target = target.split('#').next().unwrap_or_default();
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        Ok(Value::borrowed(match part {
            PathPart::Path => path,
            PathPart::Query => query,
        }))
    }

    /// A field of a JSON body, looked up once.
    fn field(&mut self, number: usize) -> Result<Option<Value<'v>>, Error> {
        if let Some(Some(known)) = self.fields.get(number) {
            return Ok(known.clone());
        }
        let Some(field) = self.expression.fields.get(number) else {
            return Ok(None);
        };
        let read = |budget| {
            let body = self.resolver.body(field.message);
            document::read(body, &field.path, self.expression.limits.json_depth, budget)
        };
        let value = match self.resolver.field(field.message, &field.pointer) {
            None => read(&self.budget)?,
            Some(Err(json::Error::Invalid)) => {
                return Error::failed("the body is not a JSON document");
            }
            Some(Err(json::Error::TooDeep)) => {
                return Err(Error::Limit("the body is nested too deep"));
            }
            Some(Ok(found)) if found.conflict => {
                return Error::failed("the body holds a key twice with different values");
            }
            Some(Ok(found)) => match &found.first {
                None => None,
                Some(Found::String(text)) => Some(Value::borrowed(text)),
                Some(Found::Number(text)) => Some(super::number::from_json(Text::Borrowed(text))),
                Some(Found::Bool(value)) => Some(Value::Bool(*value)),
                Some(Found::Null) => Some(Value::Null),
                Some(Found::Container | Found::TooLong) => read(&self.budget)?,
            },
        };
        if self.fields.is_empty() {
            self.fields = vec![None; self.expression.fields.len()];
        }
        if let Some(place) = self.fields.get_mut(number) {
            *place = Some(value.clone());
        }
        Ok(value)
    }

    /// Whether a field of a JSON body may have members: an error otherwise.
    fn object(&mut self, number: usize) -> Result<(), Error> {
        let field = self.expression.fields.get(number);
        let found = field.and_then(|field| self.resolver.field(field.message, &field.pointer));
        if let Some(Ok(found)) = found
            && found.first == Some(Found::Container)
            && !found.conflict
        {
            return Ok(());
        }
        match self.field(number)? {
            Some(Value::Map(_)) => Ok(()),
            Some(value) => Error::failed(format!("{} has no members", value.type_name())),
            None => Error::missing("the body has no such field"),
        }
    }

    pub(super) fn condition(&mut self, node: &'v Node) -> Result<bool, Error> {
        match self.value(node)? {
            Value::Bool(holds) => Ok(holds),
            value => Error::failed(format!("{} is no condition", value.type_name())),
        }
    }

    fn text(&mut self, node: &'v Node, name: &str) -> Result<Text<'v>, Error> {
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
            (true, value) => Error::failed(format!("{} is no optional", value.type_name())),
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
            let Some(key) = Key::of(&key) else {
                return Error::failed(format!("{} is no key", key.type_name()));
            };
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
                Ok(Value::Null) => {}
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
        let inner = match self.value(value)? {
            Value::Optional(Some(inner)) => (*inner).clone(),
            Value::Optional(None) => return Ok(Value::Optional(None)),
            value => return Error::failed(format!("{} is no optional", value.type_name())),
        };
        match self.within(inner, body)? {
            value if !flat => Ok(Value::optional(Some(value))),
            value @ Value::Optional(_) => Ok(value),
            value => Error::failed(format!("{} is no optional", value.type_name())),
        }
    }

    fn select(&mut self, of: &Value<'v>, member: &'v Member) -> Result<Value<'v>, Error> {
        let (at, optional) = match member {
            Member::Field { name, optional } => (Value::borrowed(name), *optional),
            Member::Index { at, optional } => (self.value(at)?, *optional),
        };
        let of_optional = matches!(of, Value::Optional(_));
        match lookup(of, &at) {
            Ok(value) if optional && !of_optional => Ok(Value::optional(Some(value))),
            Err(Error::Missing(_)) if optional || of_optional => Ok(Value::Optional(None)),
            Ok(value) => Ok(value),
            Err(error) => Err(of_type(error, "[]", &[of.clone(), at])),
        }
    }
}

/// The member of a value at a key or an index. Of an optional: an optional.
fn lookup<'v>(of: &Value<'v>, at: &Value<'v>) -> Result<Value<'v>, Error> {
    match of {
        Value::Map(map) => {
            let found = Key::of(at).and_then(|key| map.get(&key));
            found.cloned().ok_or_else(|| {
                Error::Missing(match at.as_str() {
                    Some(name) => format!("no member `{name}`"),
                    None => "no such member".to_owned(),
                })
            })
        }
        Value::List(items) => {
            let Some(Key::Int(index)) = Key::of(at) else {
                return Err(Error::Mismatch);
            };
            let item = usize::try_from(index)
                .ok()
                .and_then(|index| items.get(index));
            item.cloned()
                .ok_or_else(|| Error::Missing(format!("no item {index}")))
        }
        Value::Optional(Some(inner)) => lookup(inner, at).map(|value| match value {
            value @ Value::Optional(_) => value,
            value => Value::optional(Some(value)),
        }),
        Value::Optional(None) => Ok(Value::Optional(None)),
        _ => Err(Error::Mismatch),
    }
}

fn has_member<'v>(of: &Value<'v>, field: &'v str) -> Result<Value<'v>, Error> {
    match of {
        Value::Map(map) => Ok(Value::Bool(
            map.contains_key(&Key::String(Text::Borrowed(field))),
        )),
        Value::Optional(Some(inner)) => has_member(inner, field),
        Value::Optional(None) => Ok(Value::Bool(false)),
        value => Error::failed(format!("{} has no members", value.type_name())),
    }
}

/// The error of a function or operator, with its name and what it was given.
fn of_type(error: Error, name: &str, values: &[Value<'_>]) -> Error {
    if error != Error::Mismatch {
        return error;
    }
    let types: Vec<&str> = values.iter().map(Value::type_name).collect();
    Error::Failed(format!("`{name}` does not take ({})", types.join(", ")))
}
