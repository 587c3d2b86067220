//! Operations that are wrong for every message: their two values are of types that do not go together.

use super::names;
use super::node::{Literal, Node, Operator};
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
    let (left_type, right_type) = (left.type_name()?, right.type_name()?);
    if operator == Operator::In {
        return looked_in(right, right_type);
    }
    let (left_kind, right_kind) = (Kind::of(left_type), Kind::of(right_type));
    if left_kind == right_kind || [left_kind, right_kind].contains(&Kind::Any) {
        return None;
    }
    let bytes = matches!(left, Node::Body(_)) || matches!(right, Node::Body(_));
    let literal = |node: &Node| matches!(node, Node::Literal(_));
    let text = [left_kind, right_kind].contains(&Kind::Text);
    // A header that is not UTF-8 is bytes.
    let as_bytes = [left_kind, right_kind].contains(&Kind::Bytes);
    if as_bytes && text && !(bytes && (literal(left) || literal(right))) {
        return None;
    }
    let sign = operator.as_str();
    let message = match operator {
        Operator::Equal | Operator::NotEqual => {
            format!("a value of type {left_type} is never equal to one of type {right_type}")
        }
        _ => format!("`{sign}` does not take values of type {left_type} and {right_type}"),
    };
    let number = [left_kind, right_kind].contains(&Kind::Number);
    let equality = matches!(operator, Operator::Equal | Operator::NotEqual);
    let status = matches!(left, Node::Status) || matches!(right, Node::Status);
    let help = match operator {
        _ if as_bytes => "write `string(...)` around the body",
        _ if text && number && status => "write the number without quotes",
        _ if text && number && equality => "put the number in quotes",
        Operator::Add if text && number => "write `string(...)` around the number",
        _ if text && number => "write `int(...)` around the text",
        _ if text && equality && [left_kind, right_kind].contains(&Kind::Bool) => {
            "put `true` or `false` in quotes"
        }
        _ if text && equality && [left_kind, right_kind].contains(&Kind::List) => {
            "write `in`, as in `request.method in ['GET', 'HEAD']`"
        }
        _ => "compare values of one type",
    };
    Some((message, help.to_owned()))
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

/// Whether the value is one that the message or the environment holds.
fn is_read(node: &Node) -> bool {
    matches!(
        node,
        Node::Path(_)
            | Node::Status
            | Node::Header(..)
            | Node::HeaderNamed(..)
            | Node::Cookie(_)
            | Node::Body(_)
            | Node::Env(_)
    )
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
            "int" | "uint" | "double" => Kind::Number,
            "bool" => Kind::Bool,
            "list" | "map" => Kind::List,
            _ => Kind::Any,
        }
    }
}
