//! Filters of the engine that a message could make cost any amount of memory, bounded.

use std::borrow::Cow;

use minijinja::value::Value;
use minijinja::{Environment, Error, ErrorKind, State, filters, tests};

use super::scope::Scope;

/// The largest width of `indent`, and the most items of a `batch` or slices of a `slice`.
const MOST: usize = 10_000;

/// The longest value that `pprint` lays out, in bytes: it takes time for each level of each byte.
const LAID_OUT: usize = 64 << 10;

pub(super) fn register(environment: &mut Environment<'static>) {
    environment.add_filter("indent", indent);
    environment.add_filter("join", join);
    environment.add_filter("pprint", |value: &Value| {
        bounded(value.to_string().len(), LAID_OUT).map(|_| filters::pprint(value))
    });
    environment.add_filter(
        "replace",
        |text: Cow<'_, str>, from: Cow<'_, str>, to: Cow<'_, str>| replace(&text, &from, &to),
    );
    environment.add_filter(
        "batch",
        |state: &State<'_, '_>, value: Value, count: usize, fill: Option<Value>| {
            filters::batch(state, value, bounded(count, MOST)?, fill)
        },
    );
    environment.add_filter(
        "slice",
        |state: &State<'_, '_>, value: Value, count: usize, fill: Option<Value>| {
            filters::slice(state, value, bounded(count, MOST)?, fill)
        },
    );
    // `select` and its kind run it for each item, without a step of fuel.
    environment.add_test(
        "in",
        |state: &State<'_, '_>, value: &Value, container: &Value| {
            let size = container.len().or_else(|| container.as_str().map(str::len));
            spend(size.unwrap_or_default())?;
            tests::is_in(state, value, container)
        },
    );
}

/// `text` with every `from` replaced.
///
/// # Errors
///
/// The render has made too much text.
pub(super) fn replace(text: &str, from: &str, to: &str) -> Result<String, Error> {
    let grown = text.matches(from).count().saturating_mul(to.len());
    spend(grown.saturating_add(text.len()))?;
    Ok(text.replace(from, to))
}

fn indent(
    text: String,
    width: usize,
    first: Option<bool>,
    blank: Option<bool>,
) -> Result<String, Error> {
    let lines = text.matches('\n').count().saturating_add(1);
    let grown = lines.saturating_mul(bounded(width, MOST)?);
    spend(grown.saturating_add(text.len()))?;
    Ok(filters::indent(text, width, first, blank))
}

fn join(value: &Value, joiner: Option<Cow<'_, str>>) -> Result<String, Error> {
    let between = joiner.as_ref().map_or(0, |joiner| joiner.len());
    spend(value.len().unwrap_or_default().saturating_mul(between))?;
    filters::join(value, joiner)
}

/// Takes from what one render may make, in bytes.
fn spend(bytes: usize) -> Result<(), Error> {
    if Scope::spend(bytes) {
        return Ok(());
    }
    let message = "the filters of the template make too much text";
    Err(Error::new(ErrorKind::InvalidOperation, message))
}

fn bounded(number: usize, most: usize) -> Result<usize, Error> {
    if number <= most {
        return Ok(number);
    }
    let message = format!("{number} is more than {most}");
    Err(Error::new(ErrorKind::InvalidOperation, message))
}

#[cfg(test)]
mod bounds_of_filters {
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

    #[test]
    fn what_filters_make_together_is_bounded() {
        let environment = environment(&Arc::default(), 100_000);
        let render = |template: &str| environment.render_str(template, ()).ok();
        assert_eq!(render("{{ [1, 2] | join('-') }}").as_deref(), Some("1-2"));
        assert_eq!(
            render("{{ [1, 2] | select('in', [2]) | list }}").as_deref(),
            Some("[2]")
        );
        let long = "{% set s = 'x' * 10000 %}{% set s = s | replace('x', 'yyyyyyyyyy') %}";
        assert_eq!(
            render(&format!("{long}{{{{ range(10000) | join(s) | length }}}}")),
            None
        );
        assert_eq!(
            render("{{ range(50000) | select('in', range(50000)) | list | length }}"),
            None
        );
        assert_eq!(
            render(&format!("{long}{{{{ s | pprint | length }}}}")),
            None
        );
    }
}
