//! Equality and order, as the CEL specification has them.

use std::cmp::Ordering;

use super::budget::Budget;
use super::error::Error;
use super::number;
use super::value::Value;

/// Whether two values are equal. Numbers compare by value, whatever their type; values of
/// different kinds are not equal.
pub(crate) fn equal(left: &Value<'_>, right: &Value<'_>, budget: &Budget) -> Result<bool, Error> {
    budget.step()?;
    Ok(match (left, right) {
        (Value::Null, Value::Null) => true,
        (Value::Bool(left), Value::Bool(right)) => left == right,
        (Value::String(left), Value::String(right)) => {
            budget.read(left.len().min(right.len()))?;
            left == right
        }
        (Value::Bytes(left), Value::Bytes(right)) => {
            budget.read(left.len().min(right.len()))?;
            left == right
        }
        (Value::List(left), Value::List(right)) => {
            if left.len() != right.len() {
                return Ok(false);
            }
            for (left, right) in left.iter().zip(right.iter()) {
                if !equal(left, right, budget)? {
                    return Ok(false);
                }
            }
            true
        }
        (Value::Map(left), Value::Map(right)) => {
            if left.len() != right.len() {
                return Ok(false);
            }
            for (key, left) in left.iter() {
                key.look_up(budget)?;
                match right.get(key) {
                    Some(right) if equal(left, right, budget)? => {}
                    _ => return Ok(false),
                }
            }
            true
        }
        (Value::Type(left), Value::Type(right)) => left == right,
        (Value::Optional(Some(left)), Value::Optional(Some(right))) => equal(left, right, budget)?,
        (Value::Optional(left), Value::Optional(right)) => left.is_none() && right.is_none(),
        (Value::Address(left), Value::Address(right)) => left == right,
        (Value::Network(left), Value::Network(right)) => left == right,
        _ => number::order(left, right) == Some(Ordering::Equal),
    })
}

/// The order of two values; `None` when NaN is one of them.
pub(crate) fn order(
    left: &Value<'_>,
    right: &Value<'_>,
    budget: &Budget,
) -> Result<Option<Ordering>, Error> {
    budget.step()?;
    Ok(match (left, right) {
        (Value::Bool(left), Value::Bool(right)) => Some(left.cmp(right)),
        (Value::String(left), Value::String(right)) => {
            budget.read(left.len().min(right.len()))?;
            Some(left.as_bytes().cmp(right.as_bytes()))
        }
        (Value::Bytes(left), Value::Bytes(right)) => {
            budget.read(left.len().min(right.len()))?;
            Some((**left).cmp(&**right))
        }
        _ if number::double(left).is_some() && number::double(right).is_some() => {
            number::order(left, right)
        }
        _ => return Err(Error::Mismatch),
    })
}

/// Items in the order of their keys, which are all of one kind.
pub(crate) fn sort<'v, T>(
    mut items: Vec<T>,
    key: impl Fn(&T) -> &Value<'v>,
    budget: &Budget,
) -> Result<Vec<T>, Error> {
    // Before sorting: a comparison that fails half way has no order to give.
    let first = items.first().map(&key);
    let mut longest = 0;
    for other in items.iter().map(&key) {
        if let Some(first) = first
            && order(first, other, budget)?.is_none()
        {
            return Error::failed("NaN has no order");
        }
        longest = longest.max(other.as_bytes().map_or(0, <[u8]>::len));
    }
    let rounds = items.len().checked_ilog2().unwrap_or_default();
    let comparisons = items
        .len()
        .saturating_mul(usize::try_from(rounds).unwrap_or(usize::MAX));
    budget.steps(comparisons)?;
    budget.read(comparisons.saturating_mul(longest))?;
    let free = Budget::new(&crate::config::Limits {
        template_fuel: u64::MAX,
        ..crate::config::Limits::default()
    });
    items.sort_by(|left, right| {
        let order = order(key(left), key(right), &free);
        order.ok().flatten().unwrap_or(Ordering::Equal)
    });
    Ok(items)
}
