//! What an expression is compiled to.

use super::document::Step;
use super::functions::Builtin;
use super::pattern::Pattern;
use super::value::{Bytes, Text, Value};
use crate::config::ValueType;
use crate::ops::{Attribute, Direction, MetadataSource};

/// One step of an evaluation.
#[derive(Debug)]
pub(super) enum Node {
    Literal(Literal),
    /// A variable of a macro, by its place among those that are open.
    Local(usize),
    Type(&'static str),
    Attribute(Attribute),
    /// `request.path` and its kind: parts of the header `:path`.
    Path(PathPart),
    Status,
    /// All headers, as a map.
    Headers(Direction),
    /// One header; its name is in lower case.
    Header(Direction, Box<str>),
    HeaderNamed(Direction, Box<Node>),
    HeaderValues(Direction, Box<Node>),
    HasHeader(Direction, Box<Node>),
    Cookie(Box<Node>),
    Body(Direction),
    /// A field of a JSON text, by its place among [`Expression::fields`](super::Expression).
    Field(usize),
    HasField {
        of: usize,
        field: usize,
    },
    OptionalField {
        of: usize,
        field: usize,
    },
    Metadata(Box<MetadataEntry>),
    AllExtracted,
    /// A field, and its type where the configuration that extracts it is this one.
    Extracted(Box<str>, Option<ValueType>),
    Env(Box<str>),
    /// What a name of the message leads to, or `optional.none()` where nothing is.
    Optional(Box<Node>),
    /// Whether a name of the message leads to anything.
    Has(Box<Node>),
    Select {
        of: Box<Node>,
        member: Member,
    },
    HasMember {
        of: Box<Node>,
        field: Box<str>,
    },
    And(Box<[Node; 2]>),
    Or(Box<[Node; 2]>),
    Not(Box<Node>),
    Negate(Box<Node>),
    Conditional(Box<[Node; 3]>),
    Operation(Operator, Box<[Node; 2]>),
    List(Vec<Item>),
    Map(Vec<(Node, Item)>),
    Call(&'static Builtin, Vec<Node>),
    /// A pattern that is known from the beginning.
    Matches(Box<Node>, Box<Pattern>),
    RegexReplace(Box<[Node; 2]>, Box<Pattern>),
    /// `default(value, otherwise)`.
    Default(Box<[Node; 2]>),
    Coalesce(Vec<Node>),
    /// A value given a name for the second node.
    Bind(Box<[Node; 2]>),
    /// The value of an optional, given a name for the second node; `flat`: which makes an
    /// optional itself.
    OptionalMap {
        nodes: Box<[Node; 2]>,
        flat: bool,
    },
    /// `first.or(second)`, both optionals.
    OptionalOr(Box<[Node; 2]>),
    /// `optional.orValue(otherwise)`.
    OrValue(Box<[Node; 2]>),
    Loop(Box<Loop>),
}

impl Node {
    /// The type of the value, as [`Value::type_name`] has it, where it is known from the beginning;
    /// `number` of one that may be an int or a double.
    pub(super) fn type_name(&self) -> Option<&'static str> {
        Some(match self {
            Node::Literal(literal) => literal.value().type_name(),
            Node::Type(_) => "type",
            Node::Path(_)
            | Node::Header(..)
            | Node::HeaderNamed(..)
            | Node::Cookie(_)
            | Node::Env(_)
            | Node::RegexReplace(..) => "string",
            Node::Extracted(_, value_type) => match (*value_type)? {
                ValueType::Text => "string",
                ValueType::Number => "number",
                ValueType::Boolean => "bool",
            },
            Node::Attribute(attribute) => of_attribute(*attribute),
            Node::Metadata(entry) => match entry.kind {
                MetadataKind::Text => "string",
                MetadataKind::Number => "number",
                MetadataKind::Bool => "bool",
            },
            Node::Body(_) => "bytes",
            Node::Status => "int",
            Node::Headers(_) | Node::AllExtracted | Node::Map(_) => "map",
            Node::HeaderValues(..) | Node::List(_) => "list",
            Node::HasHeader(..)
            | Node::HasField { .. }
            | Node::HasMember { .. }
            | Node::Has(_)
            | Node::And(_)
            | Node::Or(_)
            | Node::Not(_)
            | Node::Matches(..) => "bool",
            Node::Operation(operator, _) if operator.decides() => "bool",
            Node::Operation(Operator::Add, sides) => {
                let [left, right] = sides.each_ref().map(Node::type_name);
                return left.filter(|known| right == Some(known));
            }
            Node::Call(function, _) => return function.returns,
            Node::Loop(each) => each.kind.type_name(),
            Node::Conditional(nodes) => {
                let [_, then, otherwise] = &**nodes;
                let known = then.type_name()?;
                return (otherwise.type_name() == Some(known)).then_some(known);
            }
            Node::Bind(nodes) => {
                let [_, body] = &**nodes;
                return body.type_name();
            }
            _ => return None,
        })
    }

    /// Whether the expression makes a list, whatever the message holds. A list that a body holds is
    /// none that it makes: its sender may write one where a text is expected.
    pub(super) fn makes_list(&self) -> bool {
        let or_nothing = |node: &Node| matches!(node, Node::Literal(Literal::Null));
        match self {
            Node::HeaderValues(..) | Node::List(_) => true,
            Node::Loop(each) => each.kind.type_name() == "list",
            // It also turns texts round.
            Node::Call(function, of) if function.name == "reverse" => {
                of.iter().all(Node::makes_list)
            }
            Node::Call(function, _) => function.returns == Some("list"),
            Node::Operation(Operator::Add, sides) => sides.iter().any(Node::makes_list),
            Node::Conditional(nodes) => {
                let [_, then, otherwise] = &**nodes;
                let list = |node: &Node| node.makes_list() || or_nothing(node);
                list(then) && list(otherwise) && !(or_nothing(then) && or_nothing(otherwise))
            }
            Node::Default(nodes) => nodes.iter().all(Node::makes_list),
            Node::Coalesce(nodes) => nodes.iter().all(Node::makes_list),
            Node::Bind(nodes) => {
                let [_, body] = &**nodes;
                body.makes_list()
            }
            _ => false,
        }
    }
}

/// The type of what the host tells.
fn of_attribute(attribute: Attribute) -> &'static str {
    use Attribute::{ConnectionId, ConnectionMtls, DestinationPort, RequestAttempt, SourcePort};
    match attribute {
        SourcePort | DestinationPort | ConnectionId | RequestAttempt => "int",
        ConnectionMtls => "bool",
        _ => "string",
    }
}

#[derive(Clone, Debug)]
pub(super) enum Literal {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Double(f64),
    String(Box<str>),
    Bytes(Box<[u8]>),
}

impl Literal {
    pub(super) fn value(&self) -> Value<'_> {
        match self {
            Literal::Null => Value::Null,
            Literal::Bool(value) => Value::Bool(*value),
            Literal::Int(value) => Value::Int(*value),
            Literal::Uint(value) => Value::Uint(*value),
            Literal::Double(value) => Value::double(*value),
            Literal::String(text) => Value::String(Text::Borrowed(text)),
            Literal::Bytes(bytes) => Value::Bytes(Bytes::Borrowed(bytes)),
        }
    }
}

/// A part of the request's target.
#[derive(Clone, Copy, Debug)]
pub(super) enum PathPart {
    Path,
    Query,
}

/// An entry of metadata.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MetadataEntry {
    pub(crate) source: MetadataSource,
    pub(crate) namespace: String,
    pub(crate) key: String,
    pub(crate) kind: MetadataKind,
}

/// As what the entry is read: the host tells no type, and complains about a wrong one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MetadataKind {
    Text,
    Number,
    Bool,
}

impl MetadataEntry {
    /// As it is written, but for a function around it.
    pub(crate) fn written(&self) -> String {
        let of = match self.source {
            MetadataSource::Dynamic => "metadata",
            MetadataSource::Route => "xds.route_metadata.filter_metadata",
            MetadataSource::Cluster => "xds.cluster_metadata.filter_metadata",
            MetadataSource::UpstreamHost => "xds.upstream_host_metadata.filter_metadata",
        };
        format!("{of}[\"{}\"].{}", self.namespace, self.key)
    }
}

impl MetadataKind {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            MetadataKind::Text => "text",
            MetadataKind::Number => "number",
            MetadataKind::Bool => "boolean",
        }
    }
}

/// What is selected of a value. `optional`: as `optional.none()` where it is not there.
#[derive(Debug)]
pub(super) enum Member {
    Field { name: Box<str>, optional: bool },
    Index { at: Box<Node>, optional: bool },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
}

impl Operator {
    /// Whether it makes a boolean of any two values it takes.
    fn decides(self) -> bool {
        use Operator::*;
        matches!(
            self,
            Equal | NotEqual | Less | LessOrEqual | Greater | GreaterOrEqual | In
        )
    }

    /// As it is written.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Operator::Add => "+",
            Operator::Subtract => "-",
            Operator::Multiply => "*",
            Operator::Divide => "/",
            Operator::Remainder => "%",
            Operator::Equal => "==",
            Operator::NotEqual => "!=",
            Operator::Less => "<",
            Operator::LessOrEqual => "<=",
            Operator::Greater => ">",
            Operator::GreaterOrEqual => ">=",
            Operator::In => "in",
        }
    }
}

/// An item of a list, or the value of an entry of a map. `optional`: left out when its optional is
/// empty.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) node: Node,
    pub(super) optional: bool,
}

/// A macro over the items of a list, or the keys or values of a map.
#[derive(Debug)]
pub(super) struct Loop {
    pub(super) kind: LoopKind,
    pub(super) range: Node,
    /// `map(v, filter, body)`.
    pub(super) filter: Option<Node>,
    pub(super) body: Node,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LoopKind {
    All,
    Exists,
    ExistsOne,
    Filter,
    Map,
    FilterKeys,
    MapValues,
    SortBy,
}

impl LoopKind {
    fn type_name(self) -> &'static str {
        match self {
            LoopKind::All | LoopKind::Exists | LoopKind::ExistsOne => "bool",
            LoopKind::Filter | LoopKind::Map | LoopKind::SortBy => "list",
            LoopKind::FilterKeys | LoopKind::MapValues => "map",
        }
    }
}

/// A JSON text that an expression reads without making all of it a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JsonText {
    /// `json(request.body)`: the body of a message.
    Body(Direction),
    /// `document`: what an edit is made in.
    Document,
    /// `value`: what stands where the edit is made.
    Value,
}

/// A field of a JSON text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct JsonField {
    pub(super) of: JsonText,
    pub(super) path: Vec<Step>,
    /// The same, as a JSON Pointer.
    pub(super) pointer: String,
}
