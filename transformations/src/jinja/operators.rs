//! The operators that make values as large as a message says, bounded. They do what the template
//! engine's do.

use minijinja::value::{Value, ValueKind};
use minijinja::{Environment, Error, ErrorKind};

use super::memory;

/// The names under which the environment has them, as filters: no template can write these.
pub(super) const CONCATENATION: &str = "operator ~";
pub(super) const SUM: &str = "operator +";
pub(super) const PRODUCT: &str = "operator *";
/// What counts a text that was cut out of another.
pub(super) const MADE: &str = "made";

pub(super) fn register(environment: &mut Environment<'static>) {
    environment.add_filter(CONCATENATION, |left: &Value, right: &Value| {
        memory::joined([left, right])
    });
    environment.add_filter(SUM, sum);
    environment.add_filter(PRODUCT, product);
    environment.add_filter(MADE, |value: &Value| match value.as_str() {
        Some(text) => memory::text(text),
        None => Ok(value.clone()),
    });
}

fn is_list(value: &Value) -> bool {
    matches!(value.kind(), ValueKind::Seq | ValueKind::Iterable)
}

fn sum(left: &Value, right: &Value) -> Result<Value, Error> {
    if is_list(left) && is_list(right) {
        return memory::list(left.try_iter()?.chain(right.try_iter()?));
    }
    match (left.as_str(), right.as_str()) {
        (Some(_), Some(_)) => memory::joined([left, right]),
        _ => calculate("+", left, right, i128::checked_add, |a, b| a + b),
    }
}

fn product(left: &Value, right: &Value) -> Result<Value, Error> {
    for (repeated, times) in [(left, right), (right, left)] {
        if let Some(text) = repeated.as_str() {
            let times = times.as_usize().ok_or_else(|| {
                let message = "strings can only be multiplied with integers";
                Error::new(ErrorKind::InvalidOperation, message)
            })?;
            memory::fits(times, text.len())?;
            return memory::text(&text.repeat(times));
        }
    }
    for (repeated, times) in [(left, right), (right, left)] {
        if repeated.as_object().is_some() && is_list(repeated) {
            return repeated_list(repeated, times);
        }
    }
    calculate("*", left, right, i128::checked_mul, |a, b| a * b)
}

fn repeated_list(list: &Value, times: &Value) -> Result<Value, Error> {
    let invalid = |message| Error::new(ErrorKind::InvalidOperation, message);
    let times = times
        .as_usize()
        .ok_or_else(|| invalid("sequences and iterables can only be multiplied with integers"))?;
    let length = list
        .len()
        .ok_or_else(|| invalid("cannot repeat unsized iterables"))?;
    memory::fits(times, length.saturating_mul(memory::ITEM))?;
    let items: Vec<Value> = list.try_iter()?.collect();
    memory::list((0..times).flat_map(|_| items.iter().cloned()))
}

/// The operator `name` on two numbers.
fn calculate(
    name: &str,
    left: &Value,
    right: &Value,
    whole: fn(i128, i128) -> Option<i128>,
    real: fn(f64, f64) -> f64,
) -> Result<Value, Error> {
    let impossible = || {
        let (left, right) = (left.kind(), right.kind());
        let message =
            format!("tried to use {name} operator on unsupported types {left} and {right}");
        Error::new(ErrorKind::InvalidOperation, message)
    };
    let is_real = |value: &Value| value.is_number() && !value.is_integer();
    if is_real(left) || is_real(right) {
        let (Some(left), Some(right)) = (as_real(left), as_real(right)) else {
            return Err(impossible());
        };
        return Ok(real(left, right).into());
    }
    let (Ok(a), Ok(b)) = (i128::try_from(left.clone()), i128::try_from(right.clone())) else {
        return Err(impossible());
    };
    let Some(result) = whole(a, b) else {
        let message = format!("unable to calculate {left} {name} {right}");
        return Err(Error::new(ErrorKind::InvalidOperation, message));
    };
    Ok(match i64::try_from(result) {
        Ok(result) => result.into(),
        Err(_) => result.into(),
    })
}

fn as_real(value: &Value) -> Option<f64> {
    let whole = || i128::try_from(value.clone()).ok();
    #[expect(clippy::cast_precision_loss, reason = "as the template engine does")]
    f64::try_from(value.clone())
        .ok()
        .or_else(|| whole().map(|whole| whole as f64))
}
