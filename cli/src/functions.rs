//! `rustformations functions`: what templates and expressions may call.

use std::io::{self, Write};
use std::process::ExitCode;

use anstyle::Style;
use anyhow::Result;
use serde_json::{Value, json};
use transformations::functions::{Family, of_expressions, of_templates};

use crate::format::Format;

const TITLE: Style = Style::new().bold();

/// Prints the functions of expressions (CEL) and of templates (Jinja), with examples.
#[derive(clap::Args)]
pub struct Functions {
    /// Only those whose name contains this text.
    #[arg(value_name = "NAME", default_value = "")]
    name: String,

    /// How to print them.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Functions {
    /// Prints them.
    ///
    /// # Errors
    /// The output is closed.
    pub fn execute(&self) -> Result<ExitCode> {
        let languages = [
            ("expressions", of_expressions()),
            ("templates", of_templates()),
        ];
        let found = languages.map(|(language, families)| (language, self.chosen(families)));
        if found.iter().all(|(_, families)| families.is_empty()) {
            eprintln!("error: no function has `{}` in its name", self.name);
            return Ok(ExitCode::FAILURE);
        }
        match self.format {
            Format::Json => writeln!(io::stdout(), "{}", objects(&found))?,
            Format::Text => shown(&mut anstream::stdout().lock(), &found)?,
        }
        Ok(ExitCode::SUCCESS)
    }

    fn chosen(&self, families: Vec<Family>) -> Vec<Family> {
        let chosen = families.into_iter().map(|mut family| {
            family
                .functions
                .retain(|function| function.name.contains(&self.name));
            family
        });
        chosen
            .filter(|family| !family.functions.is_empty())
            .collect()
    }
}

fn objects(found: &[(&str, Vec<Family>)]) -> Value {
    let objects = found.iter().flat_map(|(language, families)| {
        families.iter().flat_map(move |family| {
            family.functions.iter().map(move |function| {
                let examples = function.examples.iter();
                let examples: Vec<Value> = examples
                    .map(|(written, gives)| json!({"written": written, "gives": gives}))
                    .collect();
                json!({
                    "language": language,
                    "family": family.title,
                    "name": function.name,
                    "signature": function.signature,
                    "about": function.about,
                    "examples": examples,
                })
            })
        })
    });
    objects.collect()
}

fn shown(out: &mut dyn Write, found: &[(&str, Vec<Family>)]) -> Result<()> {
    for (language, families) in found {
        for family in families {
            writeln!(out, "{TITLE}{language}: {}{TITLE:#}", family.title)?;
            for function in &family.functions {
                writeln!(
                    out,
                    "  {TITLE}{}{TITLE:#}\n      {}",
                    function.signature, function.about
                )?;
                for (written, gives) in function.examples {
                    writeln!(out, "      {written} → {gives}")?;
                }
            }
        }
    }
    Ok(())
}
