//! The functions of the engine.

use minijinja::value::{Rest, Value};
use minijinja::{Environment, Error, State};

use crate::languages::function::Function;
use crate::languages::jinja::memory;

/// What they are called, and what they do.
pub(super) const FUNCTIONS: &[Function] = &[
    Function {
        name: "range",
        signature: "range([start,] end[, step])",
        about: "The whole numbers from start, or 0, to before end.",
        examples: &[("{{ range(3) | join(',') }}", "0,1,2")],
    },
    Function {
        name: "dict",
        signature: "dict(key=value, ...)",
        about: "A map.",
        examples: &[("{{ dict(a=1) }}", "{\"a\": 1}")],
    },
    Function {
        name: "namespace",
        signature: "namespace(name=value, ...)",
        about: "A map whose members a loop can set.",
        examples: &[(
            "{% set n = namespace(a=1) %}{% set n.a = 2 %}{{ n.a }}",
            "2",
        )],
    },
    Function {
        name: "debug",
        signature: "debug(value)",
        about: "The value as the engine sees it.",
        examples: &[("{{ debug('a') }}", "\"a\"")],
    },
];

pub(super) fn register(environment: &mut Environment<'static>) {
    // As the engine's, as far as there is room.
    environment.add_function(
        "debug",
        |state: &State<'_, '_>, values: Rest<Value>| -> Result<String, Error> {
            match values.as_slice() {
                [] => memory::formatted(format_args!("{state:#?}")),
                [value] => memory::formatted(format_args!("{value:#?}")),
                values => memory::formatted(format_args!("{values:#?}")),
            }
        },
    );
}
