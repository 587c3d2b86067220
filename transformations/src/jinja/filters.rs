//! Filters of the engine that a message could make cost any amount of memory, bounded.

use std::borrow::Cow;

use minijinja::value::Value;
use minijinja::{Environment, Error, ErrorKind, State, filters};

/// The largest width of `indent`, and the most items of a `batch` or slices of a `slice`.
const MOST: usize = 10_000;

/// The longest text that replacing may make, in bytes.
const LONGEST: usize = 16 << 20;

pub(super) fn register(environment: &mut Environment<'static>) {
    environment.add_filter(
        "indent",
        |text: String, width: usize, first: Option<bool>, blank: Option<bool>| {
            bounded(width).map(|width| filters::indent(text, width, first, blank))
        },
    );
    environment.add_filter(
        "replace",
        |text: Cow<'_, str>, from: Cow<'_, str>, to: Cow<'_, str>| replace(&text, &from, &to),
    );
    environment.add_filter(
        "batch",
        |state: &State<'_, '_>, value: Value, count: usize, fill: Option<Value>| {
            filters::batch(state, value, bounded(count)?, fill)
        },
    );
    environment.add_filter(
        "slice",
        |state: &State<'_, '_>, value: Value, count: usize, fill: Option<Value>| {
            filters::slice(state, value, bounded(count)?, fill)
        },
    );
}

/// `text` with every `from` replaced.
///
/// # Errors
///
/// The result would be longer than 16 MiB.
pub(super) fn replace(text: &str, from: &str, to: &str) -> Result<String, Error> {
    let grown = text.matches(from).count().saturating_mul(to.len());
    if to.len() > from.len() && grown.saturating_add(text.len()) > LONGEST {
        let message = format!("the replaced text is longer than {LONGEST} bytes");
        return Err(Error::new(ErrorKind::InvalidOperation, message));
    }
    Ok(text.replace(from, to))
}

fn bounded(number: usize) -> Result<usize, Error> {
    if number <= MOST {
        return Ok(number);
    }
    let message = format!("{number} is more than {MOST}");
    Err(Error::new(ErrorKind::InvalidOperation, message))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crate::jinja::environment;

    #[test]
    fn bounded_filters_work_below_their_bound_and_fail_above() {
        let environment = environment(&Arc::default(), 1000);
        let render = |template: &str| environment.render_str(template, ()).ok();
        assert_eq!(
            render("{{ 'a\nb' | indent(2) }}").as_deref(),
            Some("a\n  b")
        );
        assert_eq!(
            render("{{ 'a\nb' | indent(2, true) }}").as_deref(),
            Some("  a\n  b")
        );
        assert_eq!(
            render("{{ [1, 2, 3] | batch(2, 0) | list }}").as_deref(),
            Some("[[1, 2], [3, 0]]")
        );
        assert_eq!(
            render("{{ [1, 2, 3] | slice(2) | list }}").as_deref(),
            Some("[[1, 2], [3]]")
        );
        for filter in ["indent", "batch", "slice"] {
            assert_eq!(
                render(&format!("{{{{ 'a\nb' | {filter}(1000000000) }}}}")),
                None,
                "{filter}"
            );
        }
    }
}
