//! Numbers: from text, between types, and in order.

use std::cmp::Ordering;

use super::error::Error;
use super::value::{Text, Value};

/// 2 to the 63rd and to the 64th: the first doubles that are too large for an int and a uint.
const INT_END: f64 = 9_223_372_036_854_775_808.0;
const UINT_END: f64 = 18_446_744_073_709_551_616.0;

/// The number that JSON spells like this: an int or a uint if it is whole and fits, so that no
/// digit is lost; otherwise a double that keeps its spelling.
pub(crate) fn from_json(spelling: Text<'_>) -> Value<'_> {
    let whole = spelling.bytes().all(|b| b.is_ascii_digit() || b == b'-') && *spelling != *"-0";
    if whole {
        if let Ok(value) = spelling.parse() {
            return Value::Int(value);
        }
        if let Ok(value) = spelling.parse() {
            return Value::Uint(value);
        }
    }
    let value = spelling.parse().unwrap_or(f64::NAN);
    Value::Double(value, Some(spelling))
}

/// A double without its fraction, as an int.
#[allow(clippy::cast_possible_truncation)] // in range
pub(crate) fn int(value: f64) -> Result<i64, Error> {
    if (-INT_END..INT_END).contains(&value) {
        return Ok(value as i64);
    }
    Error::failed("the number is out of the range of int")
}

/// A double without its fraction, as a uint.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // in range
pub(crate) fn uint(value: f64) -> Result<u64, Error> {
    if (0.0..UINT_END).contains(&value) {
        return Ok(value as u64);
    }
    Error::failed("the number is out of the range of uint")
}

/// The nearest double; `None` for what is no number.
#[allow(clippy::cast_precision_loss)] // what `double()` is for
pub(crate) fn double(value: &Value<'_>) -> Option<f64> {
    match value {
        Value::Int(value) => Some(*value as f64),
        Value::Uint(value) => Some(*value as f64),
        Value::Double(value, _) => Some(*value),
        _ => None,
    }
}

/// The order of two numbers by their mathematical value; `None` when one is no number, or NaN.
pub(crate) fn order(left: &Value<'_>, right: &Value<'_>) -> Option<Ordering> {
    match (left, right) {
        (Value::Int(left), Value::Int(right)) => Some(left.cmp(right)),
        (Value::Uint(left), Value::Uint(right)) => Some(left.cmp(right)),
        (Value::Double(left, _), Value::Double(right, _)) => left.partial_cmp(right),
        (Value::Int(left), Value::Uint(right)) => Some(mixed(*left, *right)),
        (Value::Uint(left), Value::Int(right)) => Some(mixed(*right, *left).reverse()),
        (Value::Int(left), Value::Double(right, _)) => int_and_double(*left, *right),
        (Value::Double(left, _), Value::Int(right)) => {
            int_and_double(*right, *left).map(Ordering::reverse)
        }
        (Value::Uint(left), Value::Double(right, _)) => uint_and_double(*left, *right),
        (Value::Double(left, _), Value::Uint(right)) => {
            uint_and_double(*right, *left).map(Ordering::reverse)
        }
        _ => None,
    }
}

fn mixed(int: i64, uint: u64) -> Ordering {
    u64::try_from(int).map_or(Ordering::Less, |int| int.cmp(&uint))
}

fn int_and_double(whole: i64, value: f64) -> Option<Ordering> {
    if value.is_nan() {
        return None;
    }
    Some(match int(value) {
        Ok(floor) => whole.cmp(&floor).then(fraction(value)),
        Err(_) if value > 0.0 => Ordering::Less,
        Err(_) => Ordering::Greater,
    })
}

fn uint_and_double(whole: u64, value: f64) -> Option<Ordering> {
    if value.is_nan() {
        return None;
    }
    Some(match uint(value) {
        Ok(floor) => whole.cmp(&floor).then(fraction(value)),
        Err(_) if value > 0.0 => Ordering::Less,
        Err(_) => Ordering::Greater,
    })
}

/// How zero compares with what is left of the value without its whole part.
fn fraction(value: f64) -> Ordering {
    0.0_f64
        .partial_cmp(&value.fract())
        .unwrap_or(Ordering::Equal)
}

/// A double as text: the shortest that reads as the same number.
pub(crate) fn print(value: f64) -> String {
    if value.is_infinite() {
        return if value > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    format!("{value:?}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(spelling: &str) -> Value<'_> {
        from_json(Text::Borrowed(spelling))
    }

    #[test]
    fn numbers_of_json_lose_no_digit() {
        assert!(matches!(
            json("9007199254740993"),
            Value::Int(9_007_199_254_740_993)
        ));
        assert!(matches!(
            json("18446744073709551615"),
            Value::Uint(u64::MAX)
        ));
        assert!(matches!(json("3.10"), Value::Double(_, Some(text)) if *text == *"3.10"));
        assert!(matches!(json("-0"), Value::Double(..)));
        assert!(matches!(json("1e3"), Value::Double(value, _) if value == 1000.0));
    }

    #[test]
    fn numbers_compare_by_value() {
        let ordered = [
            Value::double(f64::NEG_INFINITY),
            Value::Int(i64::MIN),
            Value::double(-1.5),
            Value::Int(-1),
            Value::double(-0.5),
            Value::Int(0),
            Value::double(0.5),
            Value::Uint(1),
            Value::double(9_007_199_254_740_992.0),
            Value::Int(9_007_199_254_740_993),
            Value::Int(i64::MAX),
            Value::double(INT_END),
            Value::Uint(u64::MAX),
            Value::double(UINT_END),
            Value::double(f64::INFINITY),
        ];
        for (i, left) in ordered.iter().enumerate() {
            for (j, right) in ordered.iter().enumerate() {
                assert_eq!(order(left, right), Some(i.cmp(&j)), "{left:?} {right:?}");
            }
            assert_eq!(order(left, &Value::double(f64::NAN)), None);
        }
    }
}
