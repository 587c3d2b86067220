//! Functions that read the message: headers, cookies, body, and expressions about it.

use minijinja::{Environment, Error, ErrorKind, Value};

use crate::headers::Snapshot;
use crate::languages::function::Function;
use crate::languages::jinja::scope::Scope;
use crate::languages::jinja::{memory, reading};

/// What they are called, and what they do.
pub(super) const FUNCTIONS: &[Function] = &[
    Function {
        name: "header",
        signature: "header(\"name\")",
        about: "All values of a header of the message, joined by `, `, cookies too, as in kgateway; empty when there is none. What is not UTF-8 becomes replacement characters.",
        examples: &[("{{ header(\"X-A\") }}", "1, 2")],
    },
    Function {
        name: "request_header",
        signature: "request_header(\"name\")",
        about: "The same of the request, in a response too.",
        examples: &[("{{ request_header(\"x-a\") }}", "1, 2")],
    },
    Function {
        name: "get_cookie",
        signature: "get_cookie(\"name\")",
        about: "The value of a cookie of the request; empty when there is none.",
        examples: &[("{{ get_cookie(\"Session\") }}", "s")],
    },
    Function {
        name: "get_cookie_i",
        signature: "get_cookie_i(\"name\")",
        about: "The same, whatever the case of its name.",
        examples: &[("{{ get_cookie_i(\"session\") }}", "s")],
    },
    Function {
        name: "body",
        signature: "body()",
        about: "The body, decoded, in a body template. Where it is not UTF-8, its bytes are what is printed of it; filters and functions see replacement characters.",
        examples: &[("{{ body() }}", "{\"model\": \"m\"}")],
    },
    Function {
        name: "context",
        signature: "context()",
        about: "The JSON body as a value, in a body template with `parseAs: AsJson`.",
        examples: &[("{{ context().model }}", "m")],
    },
    Function {
        name: "cel",
        signature: "cel(\"expression\")",
        about: "The value of a CEL expression, written in quotes. The template fails where the expression does.",
        examples: &[
            ("{{ cel(\"json(request.body).model\") }}", "m"),
            ("{{ cel(\"request.headers['none']\") }}", "error"),
        ],
    },
];

pub(super) fn register(environment: &mut Environment<'static>) {
    environment.add_function("header", |name: &str| {
        reading::text(name)?;
        memory::made(Scope::current(|scope| joined(&scope.message, name)).unwrap_or_default())
    });
    environment.add_function("request_header", |name: &str| {
        reading::text(name)?;
        memory::made(Scope::current(|scope| joined(&scope.request, name)).unwrap_or_default())
    });
    environment.add_function("get_cookie", |name: &str| {
        reading::text(name)?;
        cookie(|other| other == name.as_bytes()).and_then(memory::made)
    });
    environment.add_function("get_cookie_i", |name: &str| {
        reading::text(name)?;
        cookie(|other| other.eq_ignore_ascii_case(name.as_bytes())).and_then(memory::made)
    });
    environment.add_function("body", || {
        let body = |scope: &Scope| {
            scope.body_read.set(true);
            scope.body.clone()
        };
        Scope::current(body).unwrap_or_default()
    });
    environment.add_function("cel", |expression: &str| {
        reading::text(expression)?;
        let known = Scope::current(|scope| scope.expressions.get(expression).cloned());
        let value = known.flatten().unwrap_or_else(|| {
            Err("an expression that is computed, or of another message".to_owned())
        });
        value.map_err(|error| Error::new(ErrorKind::InvalidOperation, error))
    });
    environment.add_function("context", || {
        Scope::current(|scope| scope.context.clone()).unwrap_or(Value::UNDEFINED)
    });
}

/// All values of a header in one text, cookies joined by `, ` as in kgateway; empty when there is none. What is not UTF-8 becomes
/// replacement characters, as in `body()`.
fn joined(headers: &Snapshot, name: &str) -> String {
    let joined = headers.joined(&name.to_ascii_lowercase(), b", ");
    String::from_utf8_lossy(&joined.unwrap_or_default()).into_owned()
}

/// The value of the first request cookie whose name `matches`; empty when there is none.
fn cookie(matches: impl Fn(&[u8]) -> bool) -> Result<String, Error> {
    let found = Scope::current(|scope| {
        scope
            .request
            .values("cookie")
            .try_for_each(reading::bytes)?;
        let mut cookies = scope.request.cookies();
        let found = cookies.find(|(name, _)| matches(name));
        Ok::<_, Error>(found.map(|(_, value)| String::from_utf8_lossy(value).into_owned()))
    });
    Ok(found.transpose()?.flatten().unwrap_or_default())
}
