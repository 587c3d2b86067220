//! One parameter of a path's query.

use minijinja::{Environment, Error, ErrorKind};

use crate::languages::function::Function;
use crate::languages::jinja::{memory, reading};
use crate::languages::query;

/// What they are called, and what they do.
pub(super) const FUNCTIONS: &[Function] = &[
    Function {
        name: "get_query",
        signature: "get_query(path, name)",
        about: "The value of the first parameter of this name in a path such as `header(\":path\")`; empty \
                when there is none.",
        examples: &[
            ("{{ get_query(\"/p?a=b+c&a=2\", \"a\") }}", "b c"),
            ("{{ get_query(\"/p?a=%FF\", \"a\") }}", "error"),
        ],
    },
    Function {
        name: "add_query",
        signature: "add_query(path, name, value)",
        about: "The path with one more parameter. Every other byte of it stays.",
        examples: &[(
            "{{ add_query(\"/p?a=%41\", \"k\", \"v w\") }}",
            "/p?a=%41&k=v%20w",
        )],
    },
    Function {
        name: "set_query",
        signature: "set_query(path, name, value)",
        about: "The path in which the parameter has this value, once: where it stands first, or at \
                the end. Every other byte stays.",
        examples: &[(
            "{{ set_query(\"/p?k=1&a=+&k=2\", \"k\", \"v\") }}",
            "/p?k=v&a=+",
        )],
    },
    Function {
        name: "remove_query",
        signature: "remove_query(path, name)",
        about: "The path without the parameters of this name. Every other byte stays.",
        examples: &[("{{ remove_query(\"/p?k=1&a=%2f&k\", \"k\") }}", "/p?a=%2f")],
    },
];

pub(super) fn register(environment: &mut Environment<'static>) {
    environment.add_function("get_query", |path: &str, name: &str| {
        look_through(path, name, "")?;
        let value = query::get(path, name).map_err(|query::NotText| {
            let message = "the parameter is not percent-encoded UTF-8";
            Error::new(ErrorKind::InvalidOperation, message)
        })?;
        memory::made(value.unwrap_or_default())
    });
    for (name, edit) in [
        ("add_query", query::add as fn(&str, &str, &str) -> String),
        ("set_query", query::set),
    ] {
        environment.add_function(name, move |path: &str, name: &str, value: &str| {
            look_through(path, name, value)?;
            memory::made(edit(path, name, value))
        });
    }
    environment.add_function("remove_query", |path: &str, name: &str| {
        look_through(path, name, "")?;
        memory::made(query::remove(path, name))
    });
}

/// Counts a path in its parameters, each of which may be one byte long, and what is put into it.
fn look_through(path: &str, name: &str, value: &str) -> Result<(), Error> {
    memory::visit(path.len() / 8)?;
    reading::text(name)?;
    reading::text(value)
}
