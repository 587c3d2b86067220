//! Expressions of the core of CEL as trees, with their text and the value that the language's specification gives
//! them.

use std::cmp::Ordering;

use arbitrary::Unstructured;
use serde_json::{Value, json};

/// An expression.
#[derive(Debug)]
pub enum Node {
    /// A whole number.
    Int(i64),
    /// A boolean.
    Bool(bool),
    /// A text.
    Text(&'static str),
    /// A list.
    List(Vec<Node>),
    /// The variable of the macro so many levels further out.
    Variable(usize),
    /// `!`
    Not(Box<Node>),
    /// A change of sign.
    Minus(Box<Node>),
    /// An operator between two.
    Binary(&'static str, Box<[Node; 2]>),
    /// `?:`
    Choice(Box<[Node; 3]>),
    /// An item of a list.
    Index(Box<[Node; 2]>),
    /// `size()`
    Size(Box<Node>),
    /// A method with one argument.
    Method(&'static str, Box<[Node; 2]>),
    /// A macro over a list, whose variable is named by its level.
    Macro(&'static str, Box<[Node; 2]>),
}

const BINARY: [&str; 14] = [
    "+", "-", "*", "/", "%", "==", "!=", "<", "<=", ">", ">=", "&&", "||", "in",
];
const METHODS: [&str; 3] = ["contains", "startsWith", "endsWith"];
const MACROS: [&str; 4] = ["map", "filter", "all", "exists"];

fn node(input: &mut Unstructured<'_>, depth: usize, variables: usize) -> arbitrary::Result<Node> {
    let kind = input.int_in_range(0..=if depth == 0 { 4 } else { 12 })?;
    let inside =
        |input: &mut Unstructured<'_>, variables| node(input, depth.saturating_sub(1), variables);
    Ok(match kind {
        0 | 1 => Node::Int(*input.choose(&[0, 1, 2, -1, 7, i64::MAX, i64::MIN + 1])?),
        2 => Node::Bool(input.arbitrary()?),
        3 => Node::Text(input.choose(&["", "a", "ab", "é😀", "b"])?),
        4 if variables > 0 => Node::Variable(input.int_in_range(0..=variables - 1)?),
        4 => Node::Int(1),
        5 => {
            let count = input.int_in_range(0..=3)?;
            let items = (0..count).map(|_| inside(input, variables));
            Node::List(items.collect::<arbitrary::Result<_>>()?)
        }
        6 => Node::Not(inside(input, variables)?.into()),
        7 => Node::Minus(inside(input, variables)?.into()),
        8 => Node::Choice(
            [
                inside(input, variables)?,
                inside(input, variables)?,
                inside(input, variables)?,
            ]
            .into(),
        ),
        9 => Node::Index([inside(input, variables)?, inside(input, variables)?].into()),
        10 => match input.arbitrary()? {
            true => Node::Size(inside(input, variables)?.into()),
            false => Node::Method(
                input.choose(&METHODS)?,
                [inside(input, variables)?, inside(input, variables)?].into(),
            ),
        },
        11 => {
            let name = *input.choose(&MACROS)?;
            Node::Macro(
                name,
                [inside(input, variables)?, inside(input, variables + 1)?].into(),
            )
        }
        _ => Node::Binary(
            input.choose(&BINARY)?,
            [inside(input, variables)?, inside(input, variables)?].into(),
        ),
    })
}

impl Node {
    /// An expression out of an input.
    ///
    /// # Errors
    ///
    /// The input has ended.
    pub fn of(input: &mut Unstructured<'_>) -> arbitrary::Result<Self> {
        node(input, 4, 0)
    }

    /// The expression as it is written.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        self.write(&mut text, 0);
        text
    }

    /// Its value; `None` where it fails.
    #[must_use]
    pub fn value(&self) -> Option<Value> {
        self.evaluated(&mut Vec::new())
    }

    fn write(&self, out: &mut String, variables: usize) {
        let all = |out: &mut String, parts: &[&str], nodes: &[&Node]| {
            let mut nodes = nodes.iter();
            for part in parts {
                match *part {
                    "_" => nodes
                        .next()
                        .expect("as many as places")
                        .write(out, variables),
                    text => out.push_str(text),
                }
            }
        };
        match self {
            Node::Int(number) => out.push_str(&format!("({number})")),
            Node::Bool(value) => out.push_str(&value.to_string()),
            Node::Text(text) => out.push_str(&format!("'{text}'")),
            Node::List(items) => {
                out.push('[');
                for (at, item) in items.iter().enumerate() {
                    out.push_str(if at > 0 { ", " } else { "" });
                    item.write(out, variables);
                }
                out.push(']');
            }
            Node::Variable(level) => out.push_str(&format!("v{level}")),
            Node::Not(value) => all(out, &["(!", "_", ")"], &[value]),
            Node::Minus(value) => all(out, &["(-", "_", ")"], &[value]),
            Node::Binary(operator, sides) => all(
                out,
                &["(", "_", " ", operator, " ", "_", ")"],
                &[&sides[0], &sides[1]],
            ),
            Node::Choice(parts) => all(
                out,
                &["(", "_", " ? ", "_", " : ", "_", ")"],
                &[&parts[0], &parts[1], &parts[2]],
            ),
            Node::Index(parts) => all(out, &["_", "[", "_", "]"], &[&parts[0], &parts[1]]),
            Node::Size(value) => all(out, &["size(", "_", ")"], &[value]),
            Node::Method(name, parts) => all(
                out,
                &["_", ".", name, "(", "_", ")"],
                &[&parts[0], &parts[1]],
            ),
            Node::Macro(name, parts) => {
                parts[0].write(out, variables);
                out.push_str(&format!(".{name}(v{variables}, "));
                parts[1].write(out, variables + 1);
                out.push(')');
            }
        }
    }

    /// The value, as the language's specification has it; an error has none.
    fn evaluated(&self, variables: &mut Vec<Value>) -> Option<Value> {
        Some(match self {
            Node::Int(number) => json!(number),
            Node::Bool(value) => json!(value),
            Node::Text(text) => json!(text),
            Node::List(items) => {
                let items = items.iter().map(|item| item.evaluated(variables));
                Value::from(items.collect::<Option<Vec<_>>>()?)
            }
            Node::Variable(level) => variables[*level].clone(),
            Node::Not(value) => json!(!value.evaluated(variables)?.as_bool()?),
            Node::Minus(value) => json!(value.evaluated(variables)?.as_i64()?.checked_neg()?),
            Node::Choice(parts) => match parts[0].evaluated(variables)?.as_bool()? {
                true => parts[1].evaluated(variables)?,
                false => parts[2].evaluated(variables)?,
            },
            Node::Index(parts) => {
                let list = parts[0].evaluated(variables)?;
                let index = parts[1].evaluated(variables)?.as_i64()?;
                list.as_array()?.get(usize::try_from(index).ok()?)?.clone()
            }
            Node::Size(value) => match value.evaluated(variables)? {
                Value::String(text) => json!(text.chars().count()),
                Value::Array(items) => json!(items.len()),
                _ => return None,
            },
            Node::Method(name, parts) => {
                let (text, other) = (
                    parts[0].evaluated(variables)?,
                    parts[1].evaluated(variables)?,
                );
                if let (Value::Array(items), "contains") = (&text, *name) {
                    return Some(json!(items.contains(&other)));
                }
                let (text, other) = (text.as_str()?, other.as_str()?);
                json!(match *name {
                    "contains" => text.contains(other),
                    "startsWith" => text.starts_with(other),
                    _ => text.ends_with(other),
                })
            }
            Node::Macro(name, parts) => {
                let list = parts[0].evaluated(variables)?;
                let mut values = Vec::new();
                for item in list.as_array()? {
                    variables.push(item.clone());
                    values.push((item, parts[1].evaluated(variables)));
                    variables.pop();
                }
                let values = values.into_iter();
                match *name {
                    "map" => {
                        Value::from(values.map(|(_, value)| value).collect::<Option<Vec<_>>>()?)
                    }
                    "filter" => {
                        let mut kept = Vec::new();
                        for (item, holds) in values {
                            if holds?.as_bool()? {
                                kept.push(item.clone());
                            }
                        }
                        Value::from(kept)
                    }
                    "all" => json!(values.joined(true)?),
                    _ => json!(values.joined(false)?),
                }
            }
            Node::Binary(operator @ ("&&" | "||"), sides) => {
                let sides = [sides[0].evaluated(variables), sides[1].evaluated(variables)];
                json!(
                    sides
                        .into_iter()
                        .map(|side| ((), side))
                        .joined(*operator == "&&")?
                )
            }
            Node::Binary(operator, sides) => {
                let (left, right) = (
                    sides[0].evaluated(variables)?,
                    sides[1].evaluated(variables)?,
                );
                binary(operator, left, right)?
            }
        })
    }
}

/// Conditions joined by `&&` or `||`: one that decides does so whatever fails.
trait Logic {
    fn joined(self, and: bool) -> Option<bool>;
}

impl<T, I: Iterator<Item = (T, Option<Value>)>> Logic for I {
    fn joined(self, and: bool) -> Option<bool> {
        let sides: Vec<Option<bool>> = self
            .map(|(_, side)| side.and_then(|side| side.as_bool()))
            .collect();
        if sides.contains(&Some(!and)) {
            return Some(!and);
        }
        (!sides.contains(&None)).then_some(and)
    }
}

fn binary(operator: &str, left: Value, right: Value) -> Option<Value> {
    Some(match (operator, left, right) {
        ("==", left, right) => json!(left == right),
        ("!=", left, right) => json!(left != right),
        ("in", left, Value::Array(items)) => json!(items.contains(&left)),
        ("+", Value::String(left), Value::String(right)) => json!(left + &right),
        ("+", Value::Array(left), Value::Array(right)) => json!([left, right].concat()),
        ("+" | "-" | "*" | "/" | "%", left, right) => {
            let (left, right) = (left.as_i64()?, right.as_i64()?);
            json!(match operator {
                "+" => left.checked_add(right),
                "-" => left.checked_sub(right),
                "*" => left.checked_mul(right),
                "/" => left.checked_div(right),
                _ => left.checked_rem(right),
            }?)
        }
        ("<" | "<=" | ">" | ">=", left, right) => {
            let order = match (&left, &right) {
                (Value::Number(left), Value::Number(right)) => left.as_i64()?.cmp(&right.as_i64()?),
                (Value::String(left), Value::String(right)) => left.cmp(right),
                (Value::Bool(left), Value::Bool(right)) => left.cmp(right),
                _ => return None,
            };
            json!(match operator {
                "<" => order == Ordering::Less,
                "<=" => order != Ordering::Greater,
                ">" => order == Ordering::Greater,
                _ => order != Ordering::Less,
            })
        }
        _ => return None,
    })
}
