//! Functions that read the message: headers, cookies, body.

use minijinja::{Environment, Value};

use crate::headers::Snapshot;
use crate::jinja::memory;
use crate::jinja::scope::Scope;

pub(super) fn register(environment: &mut Environment<'static>) {
    environment.add_function("header", |name: &str| {
        memory::made(Scope::current(|scope| joined(&scope.message, name)).unwrap_or_default())
    });
    environment.add_function("request_header", |name: &str| {
        memory::made(Scope::current(|scope| joined(&scope.request, name)).unwrap_or_default())
    });
    environment.add_function("get_cookie", |name: &str| {
        memory::made(cookie(|other| other == name))
    });
    environment.add_function("get_cookie_i", |name: &str| {
        memory::made(cookie(|other| other.eq_ignore_ascii_case(name)))
    });
    environment.add_function("body", || {
        Scope::current(|scope| scope.body.clone()).unwrap_or_default()
    });
    environment.add_function("context", || {
        Scope::current(|scope| scope.context.clone()).unwrap_or(Value::UNDEFINED)
    });
}

/// All values of a header in one text; empty when there is none.
fn joined(headers: &Snapshot, name: &str) -> String {
    let name = name.to_ascii_lowercase();
    let mut out = String::new();
    for (nth, value) in headers.values(&name).enumerate() {
        if nth > 0 {
            out.push_str(", ");
        }
        out.push_str(value);
    }
    out
}

/// The value of the first request cookie whose name `matches`; empty when there is none.
fn cookie(matches: impl Fn(&str) -> bool) -> String {
    Scope::current(|scope| {
        let mut cookies = scope.request.cookies();
        let found = cookies.find(|(name, _)| matches(name));
        found.map(|(_, value)| value.to_owned())
    })
    .flatten()
    .unwrap_or_default()
}
