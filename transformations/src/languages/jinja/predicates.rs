//! Tests of the engine that read what a message holds, counted.

use minijinja::value::{Rest, Value};
use minijinja::{Environment, Error, State, tests};

use super::reading;

/// What a test reads of a value and another.
type Reads = fn(&Value, &Value) -> Result<(), Error>;

pub(super) fn register(environment: &mut Environment<'static>) {
    for (name, test, reads) in counted() {
        environment.add_test(
            name,
            move |state: &State<'_, '_>, arguments: Rest<Value>| {
                let mut read = arguments.iter();
                let undefined = Value::UNDEFINED;
                let value = read.next().unwrap_or(&undefined);
                reads(value, read.next().unwrap_or(&undefined))?;
                test.call(state, &arguments)
            },
        );
    }
    environment.add_test("divisibleby", divisible);
}

fn counted() -> [(&'static str, Value, Reads); 23] {
    let comparison: Reads = reading::comparison;
    [
        ("!=", Value::from_function(tests::is_ne), comparison),
        ("<", Value::from_function(tests::is_lt), comparison),
        ("<=", Value::from_function(tests::is_le), comparison),
        ("==", Value::from_function(tests::is_eq), comparison),
        (">", Value::from_function(tests::is_gt), comparison),
        (">=", Value::from_function(tests::is_ge), comparison),
        (
            "endingwith",
            Value::from_function(tests::is_endingwith),
            characters,
        ),
        ("eq", Value::from_function(tests::is_eq), comparison),
        ("equalto", Value::from_function(tests::is_eq), comparison),
        ("ge", Value::from_function(tests::is_ge), comparison),
        (
            "greaterthan",
            Value::from_function(tests::is_gt),
            comparison,
        ),
        ("gt", Value::from_function(tests::is_gt), comparison),
        (
            "in",
            Value::from_function(tests::is_in),
            reading::containment,
        ),
        (
            "iterable",
            Value::from_function(tests::is_iterable),
            |value, _| reading::value(value),
        ),
        ("le", Value::from_function(tests::is_le), comparison),
        ("lessthan", Value::from_function(tests::is_lt), comparison),
        ("lower", Value::from_function(tests::is_lower), characters),
        ("lt", Value::from_function(tests::is_lt), comparison),
        ("ne", Value::from_function(tests::is_ne), comparison),
        ("sameas", Value::from_function(tests::is_sameas), comparison),
        (
            "startingwith",
            Value::from_function(tests::is_startingwith),
            characters,
        ),
        ("test", Value::from_function(tests::is_test), characters),
        ("upper", Value::from_function(tests::is_upper), characters),
    ]
}

/// The characters of both, printed unless they are texts.
fn characters(value: &Value, other: &Value) -> Result<(), Error> {
    reading::printed(value)?;
    reading::printed(other)
}

/// As the engine's, which panics where it divides by zero, and the least number by -1.
fn divisible(value: &Value, by: &Value) -> bool {
    match i128::try_from(by.clone()) {
        Ok(0) => false,
        Ok(-1) => tests::is_divisibleby(value, &Value::from(1)),
        _ => tests::is_divisibleby(value, by),
    }
}
