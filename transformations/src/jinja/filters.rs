//! Filters of the engine that a message could make cost any amount of memory, bounded.

use minijinja::value::{Rest, Value};
use minijinja::{Environment, Error, ErrorKind, State, filters, tests};

use super::memory;

/// The largest width of `indent`, and the most items of a `batch` or slices of a `slice`.
const MOST: usize = 10_000;

/// The longest value that `pprint` lays out, in bytes: it takes time for each level of each byte.
const LAID_OUT: usize = 64 << 10;

pub(super) fn register(environment: &mut Environment<'static>) {
    environment.add_filter("indent", indent);
    environment.add_filter("join", join);
    environment.add_filter("lines", |text: &Value| {
        let text = memory::as_text(text)?;
        let lines = text.matches('\n').count().saturating_add(1);
        memory::spend(
            lines
                .saturating_mul(memory::LINE)
                .saturating_add(text.len()),
        )?;
        Ok(filters::lines(text.as_ref().into()))
    });
    environment.add_filter("pprint", |value: &Value| {
        bounded(memory::printed_size(value)?, LAID_OUT)?;
        memory::made(filters::pprint(value))
    });
    environment.add_filter("replace", |text: &Value, from: &Value, to: &Value| {
        let [text, from, to] = [text, from, to].map(memory::as_text);
        replace(&text?, &from?, &to?)
    });
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
    for (name, filter) in texts() {
        environment.add_filter(
            name,
            move |state: &State<'_, '_>, arguments: Rest<Value>| {
                // They print what is not a text.
                for argument in arguments
                    .iter()
                    .filter(|argument| argument.as_object().is_some())
                {
                    memory::printed_size(argument)?;
                }
                let made = filter.call(state, &arguments)?;
                memory::spend(made.as_str().map_or(0, str::len))?;
                Ok(made)
            },
        );
    }
    for (name, filter) in lists() {
        environment.add_filter(
            name,
            move |state: &State<'_, '_>, arguments: Rest<Value>| {
                let items = arguments.iter().map(memory::items);
                let items = items.fold(1, usize::saturating_add);
                memory::spend(items.saturating_mul(memory::ITEM))?;
                filter.call(state, &arguments)
            },
        );
    }
    for (name, filter) in folds() {
        environment.add_filter(
            name,
            move |state: &State<'_, '_>, arguments: Rest<Value>| {
                arguments.iter().try_for_each(memory::look_through)?;
                filter.call(state, &arguments)
            },
        );
    }
    // `select` and its kind run it for each item, without a step of fuel.
    environment.add_test(
        "in",
        |state: &State<'_, '_>, value: &Value, container: &Value| {
            let size = container.len().or_else(|| container.as_str().map(str::len));
            memory::spend(size.unwrap_or_default())?;
            tests::is_in(state, value, container)
        },
    );
}

/// The filters that take a text, or print any other value first.
fn texts() -> [(&'static str, Value); 10] {
    [
        ("capitalize", Value::from_function(filters::capitalize)),
        ("e", Value::from_function(filters::escape)),
        ("escape", Value::from_function(filters::escape)),
        ("lower", Value::from_function(filters::lower)),
        ("safe", Value::from_function(filters::safe)),
        ("split", Value::from_function(filters::split)),
        ("string", Value::from_function(filters::string)),
        ("title", Value::from_function(filters::title)),
        ("trim", Value::from_function(filters::trim)),
        ("upper", Value::from_function(filters::upper)),
    ]
}

/// The filters that make a list of any list or text.
fn lists() -> [(&'static str, Value); 14] {
    [
        ("chain", Value::from_function(filters::chain)),
        ("dictsort", Value::from_function(filters::dictsort)),
        ("groupby", Value::from_function(filters::groupby)),
        ("items", Value::from_function(filters::items)),
        ("list", Value::from_function(filters::list)),
        ("map", Value::from_function(filters::map)),
        ("reject", Value::from_function(filters::reject)),
        ("rejectattr", Value::from_function(filters::rejectattr)),
        ("reverse", Value::from_function(filters::reverse)),
        ("select", Value::from_function(filters::select)),
        ("selectattr", Value::from_function(filters::selectattr)),
        ("sort", Value::from_function(filters::sort)),
        ("unique", Value::from_function(filters::unique)),
        ("zip", Value::from_function(filters::zip)),
    ]
}

/// The filters that make one of the items of a list.
fn folds() -> [(&'static str, Value); 3] {
    [
        ("max", Value::from_function(filters::max)),
        ("min", Value::from_function(filters::min)),
        ("sum", Value::from_function(filters::sum)),
    ]
}

/// `text` with every `from` replaced.
///
/// # Errors
///
/// The render has made too much text.
pub(super) fn replace(text: &str, from: &str, to: &str) -> Result<String, Error> {
    let grown = text.matches(from).count().saturating_mul(to.len());
    memory::spend(grown.saturating_add(text.len()))?;
    Ok(text.replace(from, to))
}

fn indent(
    text: &Value,
    width: usize,
    first: Option<bool>,
    blank: Option<bool>,
) -> Result<String, Error> {
    let text = memory::as_text(text)?.into_owned();
    let lines = text.matches('\n').count().saturating_add(1);
    let grown = lines.saturating_mul(bounded(width, MOST)?);
    memory::spend(grown.saturating_add(text.len()))?;
    Ok(filters::indent(text, width, first, blank))
}

fn join(value: &Value, joiner: Option<Value>) -> Result<String, Error> {
    let joiner = joiner.as_ref().map(memory::as_text).transpose()?;
    let between = joiner.as_ref().map_or(0, |joiner| joiner.len());
    let between = memory::items(value).saturating_mul(between);
    memory::spend(memory::printed_size(value)?.saturating_add(between))?;
    filters::join(value, joiner)
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
