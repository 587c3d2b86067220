//! Every function that templates and expressions can call, described once.

use std::fmt::Write as _;

pub use super::function::{Example, Family, Function};
use super::{cel, jinja};

/// What templates can call.
pub fn of_templates() -> Vec<Family> {
    let families = jinja::FUNCTION_FAMILIES.iter();
    families
        .map(|(title, functions)| Family {
            title,
            functions: functions.to_vec(),
        })
        .collect()
}

/// What expressions can call.
pub fn of_expressions() -> Vec<Family> {
    let forms = Family {
        title: "Macros, and what catches",
        functions: cel::FORMS.to_vec(),
    };
    let families = cel::functions::FAMILIES.iter();
    families
        .map(|(title, functions)| Family {
            title,
            functions: functions
                .iter()
                .map(cel::functions::Builtin::described)
                .collect(),
        })
        .chain([forms])
        .collect()
}

/// The page `docs/functions.md`.
pub fn page() -> String {
    let mut page = "# Functions\n\n\
        Written by `cargo xtask docs` from the descriptions beside the functions. Every example runs \
        as a test.\n"
        .to_owned();
    for (language, about, families) in [
        (
            "Expressions",
            "What [CEL](cel.md) can call, besides the operators. `error` says that it fails.",
            of_expressions(),
        ),
        (
            "Templates",
            "What Jinja templates can call. The examples see a request with the headers `x-a: 1`, \
             `x-a: 2` and `cookie: Session=s`, and the body `{\"model\": \"m\"}`.",
            of_templates(),
        ),
    ] {
        // Writing to a string does not fail.
        let _ = write!(page, "\n## {language}\n\n{about}\n");
        for family in families {
            let _ = write!(
                page,
                "\n### {}\n\n| function | what it gives | for example |\n|---|---|---|\n",
                family.title
            );
            for function in family.functions {
                let _ = writeln!(page, "{}", row(&function));
            }
        }
    }
    let _ = write!(
        page,
        "\n### Filters and tests\n\n\
         Each is what it is in [MiniJinja](https://docs.rs/minijinja/2.12.0/minijinja/filters/index.html). What that page \
         has beside these, such as `tojson` and `urlencode`, is unknown here, as it is in kgateway.\n\n\
         Filters: {}.\n\nTests: {}.\n",
        codes(jinja::FILTERS),
        codes(jinja::TESTS)
    );
    page
}

fn codes(names: &[&str]) -> String {
    let codes: Vec<String> = names.iter().map(|name| code(name)).collect();
    codes.join(", ")
}

fn row(function: &Function) -> String {
    let examples: Vec<String> = function
        .examples
        .iter()
        .map(|(written, gives)| format!("{} → {}", code(written), code(gives)))
        .collect();
    format!(
        "| {} | {} | {} |",
        code(function.signature),
        function.about.replace('|', "\\|"),
        examples.join("<br>")
    )
}

fn code(text: &str) -> String {
    format!("`{}`", text.replace('|', "\\|"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_what_the_functions_say() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/functions.md");
        let written = std::fs::read_to_string(path).unwrap();
        assert!(
            written == page(),
            "docs/functions.md is stale: run `cargo xtask docs`"
        );
    }

    #[test]
    fn no_name_is_taken_twice() {
        for families in [of_templates(), of_expressions()] {
            let functions = families.iter().flat_map(|family| &family.functions);
            let mut names: Vec<&str> = functions.map(|function| function.name).collect();
            names.sort_unstable();
            let all = names.len();
            names.dedup();
            assert_eq!(names.len(), all);
        }
    }
}
