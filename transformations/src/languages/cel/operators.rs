//! `+`, `==`, `in` and their kind.

use std::cmp::Ordering;

use super::budget::Budget;
use super::compare::{equal, order};
use super::error::Error;
use super::node::Operator;
use super::value::{Key, Value};

/// What an operator makes of two values.
pub(super) fn apply<'v>(
    operator: Operator,
    left: &Value<'v>,
    right: &Value<'v>,
    budget: &Budget,
) -> Result<Value<'v>, Error> {
    use Operator::*;
    let ordered = |holds: fn(Ordering) -> bool| {
        order(left, right, budget).map(|order| Value::Bool(order.is_some_and(holds)))
    };
    match operator {
        Equal => equal(left, right, budget).map(Value::Bool),
        NotEqual => equal(left, right, budget).map(|equal| Value::Bool(!equal)),
        Less => ordered(Ordering::is_lt),
        LessOrEqual => ordered(Ordering::is_le),
        Greater => ordered(Ordering::is_gt),
        GreaterOrEqual => ordered(Ordering::is_ge),
        In => contains(left, right, budget).map(Value::Bool),
        Add => add(left, right, budget),
        Subtract | Multiply | Divide | Remainder => calculate(operator, left, right),
    }
}

fn contains(item: &Value<'_>, all: &Value<'_>, budget: &Budget) -> Result<bool, Error> {
    match all {
        Value::List(items) => {
            for candidate in items.iter() {
                if equal(item, candidate, budget)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        Value::Map(entries) => {
            let Some(key) = Key::equal_to(item) else {
                return Ok(false);
            };
            Ok(entries.look_up(&key, budget)?.is_some())
        }
        _ => Err(Error::Mismatch),
    }
}

fn add<'v>(left: &Value<'v>, right: &Value<'v>, budget: &Budget) -> Result<Value<'v>, Error> {
    match (left, right) {
        (Value::String(left), Value::String(right)) => {
            budget.make(left.len().saturating_add(right.len()))?;
            Value::text([&**left, &**right].concat(), budget)
        }
        (Value::Bytes(left), Value::Bytes(right)) => {
            budget.make(left.len().saturating_add(right.len()))?;
            Value::bytes([&**left, &**right].concat(), budget)
        }
        (Value::List(left), Value::List(right)) => {
            budget.steps(left.len().saturating_add(right.len()))?;
            Value::list(left.iter().chain(right.iter()).cloned().collect(), budget)
        }
        _ => calculate(Operator::Add, left, right),
    }
}

/// A sum, difference, product, quotient or remainder of whole numbers of one type; `None` when it is
/// out of the range of the type.
macro_rules! checked {
    ($operator:expr, $left:expr, $right:expr) => {
        match $operator {
            Operator::Add => $left.checked_add(*$right),
            Operator::Subtract => $left.checked_sub(*$right),
            Operator::Multiply => $left.checked_mul(*$right),
            Operator::Divide => $left.checked_div(*$right),
            Operator::Remainder => $left.checked_rem(*$right),
            _ => return Err(Error::Mismatch),
        }
    };
}

fn calculate<'v>(
    operator: Operator,
    left: &Value<'v>,
    right: &Value<'v>,
) -> Result<Value<'v>, Error> {
    use Operator::*;
    let by_zero = matches!(right, Value::Int(0) | Value::Uint(0));
    if by_zero && matches!(operator, Divide | Remainder) && !matches!(left, Value::Double(..)) {
        return Error::failed("division by zero");
    }
    let result = match (left, right) {
        (Value::Int(left), Value::Int(right)) => checked!(operator, left, right).map(Value::Int),
        (Value::Uint(left), Value::Uint(right)) => checked!(operator, left, right).map(Value::Uint),
        (Value::Double(left, _), Value::Double(right, _)) => Some(Value::double(match operator {
            Add => left + right,
            Subtract => left - right,
            Multiply => left * right,
            Divide => left / right,
            _ => return Err(Error::Mismatch),
        })),
        _ => return Err(Error::Mismatch),
    };
    result.ok_or_else(|| Error::Failed("the number is out of range".to_owned()))
}

/// `-value`.
pub(super) fn negate<'v>(value: &Value<'v>) -> Result<Value<'v>, Error> {
    match value {
        Value::Int(value) => match value.checked_neg() {
            Some(value) => Ok(Value::Int(value)),
            None => Error::failed("the number is out of range"),
        },
        Value::Double(value, _) => Ok(Value::double(-value)),
        _ => Err(Error::Mismatch),
    }
}
