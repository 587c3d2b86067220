//! Operations that are wrong for every message: their two values are of types that do not go together.

use super::functions::Builtin;
use super::names;
use super::node::{Literal, Node, Operator};
use crate::config::ValueType;
use crate::ops::Attribute;

/// What is wrong with an operation on something that the message holds, and what to write; `None`
/// where it can be right. CEL compares any two values, so that two of the configuration's own are left
/// alone.
pub(super) fn of(operator: Operator, left: &Node, right: &Node) -> Option<(String, String)> {
    if let Some((address, network)) = network_of(operator, left, right) {
        let message = "an address is never equal to a network".to_owned();
        let address = names::written(address);
        let help = format!("write `cidr('{network}').containsIP({address})`");
        return Some((message, help));
    }
    if !(is_read(left) || is_read(right)) {
        return None;
    }
    if operator == Operator::In {
        return looked_in(right, right.type_name()?).or_else(|| never_in(left, right));
    }
    let [left_type, right_type] = apart(left, right)?;
    let sign = operator.as_str();
    let message = match operator {
        Operator::Equal | Operator::NotEqual => {
            format!("a value of type {left_type} is never equal to one of type {right_type}")
        }
        _ => format!("`{sign}` does not take values of type {left_type} and {right_type}"),
    };
    let help = help(operator, [left, right], [left_type, right_type]);
    Some((message, help.to_owned()))
}

/// What is wrong with a call of a function on this value, and what to write; `None` where it can be right.
pub(super) fn of_call(function: &Builtin, first: &Node) -> Option<(String, String)> {
    let known = first.type_name().filter(|known| !function.is_of(known))?;
    let name = function.name;
    let message = format!("`{name}` takes no value of type {known}");
    let help = match first {
        Node::Body(_) => "write `string(...)` around the body".to_owned(),
        _ if function.of.contains(&"string") => "write `string(...)` around the value".to_owned(),
        _ => format!("write `{}`", function.signature),
    };
    Some((message, help))
}

/// The types of two values that are never equal; `None` where they may be.
fn apart(left: &Node, right: &Node) -> Option<[&'static str; 2]> {
    let types = [left.type_name()?, right.type_name()?];
    let kinds = types.map(Kind::of);
    let [left_kind, right_kind] = kinds;
    if left_kind == right_kind || kinds.contains(&Kind::Any) {
        return None;
    }
    // A header that is not UTF-8 is bytes.
    let as_bytes = kinds.contains(&Kind::Bytes) && kinds.contains(&Kind::Text);
    if as_bytes && !(is_text(left) || is_text(right)) {
        return None;
    }
    Some(types)
}

/// How to compare such values.
fn help(operator: Operator, nodes: [&Node; 2], types: [&'static str; 2]) -> &'static str {
    let kinds = types.map(Kind::of);
    let are = |one: Kind, other: Kind| kinds.contains(&one) && kinds.contains(&other);
    let equality = matches!(
        operator,
        Operator::Equal | Operator::NotEqual | Operator::In
    );
    let is = |test: fn(&Node) -> bool| nodes.into_iter().any(test);
    let of_metadata = is(|node| matches!(node, Node::Metadata(_)));
    let of_field = is(|node| matches!(node, Node::Extracted(_, Some(ValueType::Text))));
    // The message holds the other, whose type is what it is.
    let writes_text = is(|node| matches!(node, Node::Literal(Literal::String(_))));
    if kinds.contains(&Kind::Bytes) {
        "write `string(...)` around the body"
    } else if are(Kind::Text, Kind::Number) {
        match operator {
            _ if writes_text && operator != Operator::Add => "write the number without quotes",
            Operator::Add => "write `string(...)` around the number",
            _ if of_metadata => "write `double(...)` around the metadata",
            _ if of_field => "add `type: number` to the field, or write the number in quotes",
            _ if equality => "put the number in quotes",
            _ => "write `int(...)` around the text",
        }
    } else if are(Kind::Text, Kind::Bool) && equality {
        match () {
            () if writes_text => "write `true` or `false` without quotes",
            () if of_metadata => "write `bool(...)` around the metadata",
            () if of_field => "add `type: boolean` to the field, or write the value in quotes",
            () => "put `true` or `false` in quotes",
        }
    } else if are(Kind::Text, Kind::List) && equality {
        "write `in`, as in `request.method in ['GET', 'HEAD']`"
    } else {
        "compare values of one type"
    }
}

/// Whether `in` looks among values none of which can be this one.
fn never_in(left: &Node, right: &Node) -> Option<(String, String)> {
    let (among, what): (Vec<&Node>, _) = match right {
        Node::List(items) if items.iter().all(|item| !item.optional) => (
            items.iter().map(|item| &item.node).collect(),
            "in a list whose values",
        ),
        Node::Map(entries) => (
            entries.iter().map(|(key, _)| key).collect(),
            "a key of a map whose keys",
        ),
        _ => return None,
    };
    let found = among.iter().map(|item| apart(left, item));
    let [left_type, right_type] = *found.collect::<Option<Vec<_>>>()?.first()?;
    let help = help(
        Operator::In,
        [left, among.first()?],
        [left_type, right_type],
    );
    let message = format!("a value of type {left_type} is never {what} are of type {right_type}");
    Some((message, help.to_owned()))
}

/// Whether the value is a text, whatever the message holds.
fn is_text(node: &Node) -> bool {
    match node {
        Node::Literal(literal) => matches!(literal, Literal::String(_)),
        Node::Call(function, _) => function.returns == Some("string"),
        Node::Operation(Operator::Add, sides) => sides.iter().any(is_text),
        _ => false,
    }
}

/// The network that an address is compared with.
fn network_of<'n>(
    operator: Operator,
    left: &Node,
    right: &'n Node,
) -> Option<(Attribute, &'n str)> {
    use Attribute::{DestinationAddress, SourceAddress};
    let (Node::Attribute(address), Node::Literal(Literal::String(text))) = (left, right) else {
        return None;
    };
    let equality = matches!(operator, Operator::Equal | Operator::NotEqual);
    let of_host = [SourceAddress, DestinationAddress].contains(address);
    (of_host && equality && text.contains('/')).then_some((*address, text))
}

/// Whether `in` looks in what holds nothing.
fn looked_in(right: &Node, right_type: &str) -> Option<(String, String)> {
    if matches!(Kind::of(right_type), Kind::List | Kind::Any) {
        return None;
    }
    let help = match (Kind::of(right_type), right) {
        (Kind::Text, Node::Literal(Literal::String(_))) => "write a list, such as `['a', 'b']`",
        (Kind::Text, _) => "write `text.contains(part)`",
        _ => "write a list, such as `['a', 'b']`",
    };
    let message = format!("`in` looks in a list or a map, and this is of type {right_type}");
    Some((message, help.to_owned()))
}

/// Whether the value is one that the message or the environment holds, or is made of one.
fn is_read(node: &Node) -> bool {
    match node {
        Node::Path(_)
        | Node::Status
        | Node::Header(..)
        | Node::HeaderNamed(..)
        | Node::HeaderValues(..)
        | Node::Cookie(_)
        | Node::Body(_)
        | Node::Env(_)
        | Node::Extracted(..)
        | Node::Attribute(_)
        | Node::Metadata(_)
        | Node::Field(_) => true,
        Node::Call(_, arguments) => arguments.iter().any(is_read),
        Node::Operation(_, sides) => sides.iter().any(is_read),
        _ => false,
    }
}

/// Types whose values can be equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Text,
    Bytes,
    Number,
    Bool,
    List,
    /// Null, which any value may be compared with, and rarer ones.
    Any,
}

impl Kind {
    fn of(type_name: &str) -> Self {
        match type_name {
            "string" => Kind::Text,
            "bytes" => Kind::Bytes,
            "int" | "uint" | "double" | "number" => Kind::Number,
            "bool" => Kind::Bool,
            "list" | "map" => Kind::List,
            _ => Kind::Any,
        }
    }
}
