//! The functions templates can call, one file per family.

mod encoding;
mod language;
mod message;
mod process;
mod query;
mod text;

use std::sync::Arc;

use minijinja::value::{Rest, Value, ValueKind};
use minijinja::{Environment, State};

use super::reading;
use crate::languages::function::Function;
use crate::settings::Settings;

/// Adds every function to `environment`.
pub(super) fn register(environment: &mut Environment<'static>, settings: &Arc<Settings>) {
    language::register(environment);
    count(environment);
    // These count what they read themselves.
    message::register(environment);
    text::register(environment);
    encoding::register(environment);
    query::register(environment);
    process::register(environment, settings);
}

/// Has the functions of the engine count what they read of their arguments.
fn count(environment: &mut Environment<'static>) {
    let functions = environment.globals();
    let functions = functions.map(|(name, function)| (name.to_owned(), function));
    for (name, function) in functions.collect::<Vec<_>>() {
        environment.add_function(
            name,
            move |state: &State<'_, '_>, arguments: Rest<Value>| {
                for argument in arguments.iter() {
                    match argument.kind() {
                        // Its keys are compared with each other where another map is made of it.
                        ValueKind::Map => reading::order(argument)?,
                        _ => reading::characters(argument)?,
                    }
                }
                function.call(state, &arguments)
            },
        );
    }
}

/// Their descriptions, by family, and those of the functions of the engine.
pub(crate) const FAMILIES: &[(&str, &[Function])] = &[
    ("The message", message::FUNCTIONS),
    ("Text", text::FUNCTIONS),
    ("Encodings", encoding::FUNCTIONS),
    ("Parameters of a path", query::FUNCTIONS),
    ("The process", process::FUNCTIONS),
    ("The language", language::FUNCTIONS),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::rc::Rc;
    use std::sync::Arc;

    use minijinja::Value;

    use super::*;
    use crate::languages::jinja::environment::{FUNCTIONS, environment};
    use crate::languages::jinja::scope::Scope;

    fn scope() -> Rc<Scope> {
        let headers = [("x-a", "1"), ("x-a", "2"), ("cookie", "Session=s")];
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        let headers = Rc::new(headers.map(owned).into_iter().collect());
        let model: Value = [("model", "m")].into_iter().collect();
        let none = "request.headers['none']".to_owned();
        Rc::new(Scope {
            message: Rc::clone(&headers),
            request: headers,
            body: Value::from("{\"model\": \"m\"}"),
            context: model,
            expressions: BTreeMap::from([
                ("json(request.body).model".to_owned(), Ok(Value::from("m"))),
                (none, Err("no header `none`".to_owned())),
            ]),
            ..Scope::default()
        })
    }

    #[test]
    fn examples_give_what_they_say() {
        let environment = environment(&Arc::default(), 1000);
        let scope = scope();
        for function in FAMILIES.iter().flat_map(|(_, functions)| *functions) {
            assert!(!function.examples.is_empty(), "{}", function.name);
            for (written, gives) in function.examples {
                match scope.during(|| environment.render_str(written, ())) {
                    Ok(rendered) => assert_eq!(rendered, *gives, "{written}"),
                    Err(error) => assert_eq!("error", *gives, "{written}: {error}"),
                }
            }
        }
    }

    #[test]
    fn every_function_is_described() {
        let functions = FAMILIES.iter().flat_map(|(_, functions)| *functions);
        let mut names: Vec<&str> = functions.map(|function| function.name).collect();
        names.sort_unstable();
        assert_eq!(names, FUNCTIONS);
    }
}
