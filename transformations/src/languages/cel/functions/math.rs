//! Numbers.

use std::cmp::Ordering;

use super::{Builtin, MANY, Style};
use crate::languages::cel::budget::Budget;
use crate::languages::cel::error::Error;
use crate::languages::cel::number;
use crate::languages::cel::value::Value;

/// A function of one number.
const fn of_one(
    name: &'static str,
    signature: &'static str,
    about: &'static str,
    examples: &'static [(&'static str, &'static str)],
    call: super::Call,
) -> Builtin {
    Builtin {
        name,
        signature,
        about,
        examples,
        style: Style::Global,
        arguments: [1, 1],
        of: &[],
        returns: None,
        call,
    }
}

/// A function of two whole numbers.
const fn of_two(
    name: &'static str,
    signature: &'static str,
    about: &'static str,
    examples: &'static [(&'static str, &'static str)],
    call: super::Call,
) -> Builtin {
    Builtin {
        arguments: [2, 2],
        ..of_one(name, signature, about, examples, call)
    }
}

pub(super) const FUNCTIONS: &[Builtin] = &[
    Builtin {
        arguments: [1, MANY],
        ..of_one(
            "math.greatest",
            "math.greatest(number, ...)",
            "The greatest of the numbers, or of those in a list.",
            &[
                ("math.greatest(1, 2.5, 2)", "2.5"),
                ("math.greatest([])", "error"),
            ],
            greatest,
        )
    },
    Builtin {
        arguments: [1, MANY],
        ..of_one(
            "math.least",
            "math.least(number, ...)",
            "The least of the numbers, or of those in a list.",
            &[("math.least([3, 1])", "1")],
            least,
        )
    },
    Builtin {
        arguments: [1, MANY],
        ..of_one(
            "max",
            "max(number, ...)",
            "The same as `math.greatest`.",
            &[("max(1, 2)", "2")],
            greatest,
        )
    },
    Builtin {
        arguments: [1, MANY],
        ..of_one(
            "min",
            "min(number, ...)",
            "The same as `math.least`.",
            &[("min([3, 1])", "1")],
            least,
        )
    },
    of_one(
        "math.ceil",
        "math.ceil(double)",
        "The next whole number above.",
        &[("math.ceil(1.2)", "2.0")],
        |_, arguments| of_double(arguments, f64::ceil),
    ),
    of_one(
        "math.floor",
        "math.floor(double)",
        "The next whole number below.",
        &[("math.floor(-1.2)", "-2.0")],
        |_, arguments| of_double(arguments, f64::floor),
    ),
    of_one(
        "math.round",
        "math.round(double)",
        "The nearest whole number; halves away from zero.",
        &[("math.round(1.5)", "2.0")],
        |_, arguments| of_double(arguments, f64::round),
    ),
    of_one(
        "math.trunc",
        "math.trunc(double)",
        "The number without its fraction.",
        &[("math.trunc(-1.9)", "-1.0")],
        |_, arguments| of_double(arguments, f64::trunc),
    ),
    of_one(
        "math.sqrt",
        "math.sqrt(number)",
        "The square root.",
        &[("math.sqrt(9)", "3.0")],
        sqrt,
    ),
    of_one(
        "math.abs",
        "math.abs(number)",
        "The number without its sign.",
        &[("math.abs(-1)", "1")],
        abs,
    ),
    of_one(
        "math.sign",
        "math.sign(number)",
        "-1, 0 or 1.",
        &[("math.sign(-2.5)", "-1.0")],
        sign,
    ),
    of_one(
        "math.isNaN",
        "math.isNaN(double)",
        "Whether it is not a number.",
        &[("math.isNaN(0.0 / 0.0)", "true")],
        |_, arguments| tested(arguments, f64::is_nan),
    ),
    of_one(
        "math.isInf",
        "math.isInf(double)",
        "Whether it is infinite.",
        &[("math.isInf(1.0 / 0.0)", "true")],
        |_, arguments| tested(arguments, f64::is_infinite),
    ),
    of_one(
        "math.isFinite",
        "math.isFinite(double)",
        "Whether it is neither.",
        &[("math.isFinite(1.0)", "true")],
        |_, arguments| tested(arguments, f64::is_finite),
    ),
    of_two(
        "math.bitAnd",
        "math.bitAnd(int, int)",
        "The bits that both have. Also of uints, as the next five.",
        &[("math.bitAnd(6, 3)", "2")],
        |_, arguments| bits(arguments, |l, r| l & r, |l, r| l & r),
    ),
    of_two(
        "math.bitOr",
        "math.bitOr(int, int)",
        "The bits that either has.",
        &[("math.bitOr(6, 3)", "7")],
        |_, arguments| bits(arguments, |l, r| l | r, |l, r| l | r),
    ),
    of_two(
        "math.bitXor",
        "math.bitXor(int, int)",
        "The bits that one of them has.",
        &[("math.bitXor(6, 3)", "5")],
        |_, arguments| bits(arguments, |l, r| l ^ r, |l, r| l ^ r),
    ),
    of_one(
        "math.bitNot",
        "math.bitNot(int)",
        "The bits that it has not.",
        &[("math.bitNot(0)", "-1")],
        bit_not,
    ),
    of_two(
        "math.bitShiftLeft",
        "math.bitShiftLeft(int, int)",
        "The bits, so many places to the left.",
        &[
            ("math.bitShiftLeft(1, 3)", "8"),
            ("math.bitShiftLeft(1, 64)", "0"),
        ],
        |_, arguments| shifted(arguments, u64::checked_shl),
    ),
    of_two(
        "math.bitShiftRight",
        "math.bitShiftRight(int, int)",
        "The bits, so many places to the right. Zeros come in.",
        &[
            ("math.bitShiftRight(8, 3)", "1"),
            ("math.bitShiftRight(1, -1)", "error"),
        ],
        |_, arguments| shifted(arguments, u64::checked_shr),
    ),
];

fn extreme<'v>(
    budget: &Budget,
    arguments: &[Value<'v>],
    wanted: Ordering,
) -> Result<Value<'v>, Error> {
    let values = match arguments {
        [Value::List(items)] => items.as_slice(),
        values => values,
    };
    budget.steps(values.len())?;
    let mut found: Option<&Value<'v>> = None;
    for value in values {
        number::double(value).ok_or(Error::Mismatch)?;
        if found.is_none_or(|found| number::order(value, found) == Some(wanted)) {
            found = Some(value);
        }
    }
    found
        .cloned()
        .ok_or_else(|| Error::Failed("no number".to_owned()))
}

fn greatest<'v>(budget: &Budget, arguments: &[Value<'v>]) -> Result<Value<'v>, Error> {
    extreme(budget, arguments, Ordering::Greater)
}

fn least<'v>(budget: &Budget, arguments: &[Value<'v>]) -> Result<Value<'v>, Error> {
    extreme(budget, arguments, Ordering::Less)
}

fn of_double<'v>(arguments: &[Value<'v>], of: fn(f64) -> f64) -> Result<Value<'v>, Error> {
    match arguments {
        [Value::Double(value, _)] => Ok(Value::double(of(*value))),
        // What has no fraction stays as it is.
        [value @ (Value::Int(_) | Value::Uint(_))] => Ok(value.clone()),
        _ => Err(Error::Mismatch),
    }
}

fn sqrt<'v>(_: &Budget, arguments: &[Value<'v>]) -> Result<Value<'v>, Error> {
    let number = arguments.first().and_then(number::double);
    Ok(Value::double(number.ok_or(Error::Mismatch)?.sqrt()))
}

fn abs<'v>(_: &Budget, arguments: &[Value<'v>]) -> Result<Value<'v>, Error> {
    match arguments {
        [Value::Int(value)] => match value.checked_abs() {
            Some(value) => Ok(Value::Int(value)),
            None => Error::failed("the number is out of range"),
        },
        _ => of_double(arguments, f64::abs),
    }
}

fn sign<'v>(_: &Budget, arguments: &[Value<'v>]) -> Result<Value<'v>, Error> {
    match arguments {
        [Value::Int(value)] => Ok(Value::Int(value.signum())),
        [Value::Uint(value)] => Ok(Value::Uint((*value).min(1))),
        _ => of_double(arguments, |value| {
            if value == 0.0 || value.is_nan() {
                value
            } else {
                value.signum()
            }
        }),
    }
}

fn tested<'v>(arguments: &[Value<'v>], test: fn(f64) -> bool) -> Result<Value<'v>, Error> {
    let number = arguments.first().and_then(number::double);
    Ok(Value::Bool(test(number.ok_or(Error::Mismatch)?)))
}

fn bits<'v>(
    arguments: &[Value<'v>],
    of_ints: fn(i64, i64) -> i64,
    of_uints: fn(u64, u64) -> u64,
) -> Result<Value<'v>, Error> {
    match arguments {
        [Value::Int(left), Value::Int(right)] => Ok(Value::Int(of_ints(*left, *right))),
        [Value::Uint(left), Value::Uint(right)] => Ok(Value::Uint(of_uints(*left, *right))),
        _ => Err(Error::Mismatch),
    }
}

fn bit_not<'v>(_: &Budget, arguments: &[Value<'v>]) -> Result<Value<'v>, Error> {
    match arguments {
        [Value::Int(value)] => Ok(Value::Int(!value)),
        [Value::Uint(value)] => Ok(Value::Uint(!value)),
        _ => Err(Error::Mismatch),
    }
}

/// The bits of a number moved as `shift` does it; beyond 63 places nothing is left.
fn shifted<'v>(
    arguments: &[Value<'v>],
    shift: fn(u64, u32) -> Option<u64>,
) -> Result<Value<'v>, Error> {
    let [value, Value::Int(places)] = arguments else {
        return Err(Error::Mismatch);
    };
    let Ok(places) = u64::try_from(*places) else {
        return Error::failed("a negative number of places");
    };
    let places = u32::try_from(places).unwrap_or(u32::MAX);
    match value {
        Value::Int(value) => {
            let bits = shift(value.cast_unsigned(), places).unwrap_or_default();
            Ok(Value::Int(bits.cast_signed()))
        }
        Value::Uint(value) => Ok(Value::Uint(shift(*value, places).unwrap_or_default())),
        _ => Err(Error::Mismatch),
    }
}
