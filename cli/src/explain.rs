//! `rustformations explain`: what a configuration does, in plain words.

mod words;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anstyle::Style;
use anyhow::{Result, bail};
use serde::Serialize;
use transformations::config::Config;

use crate::check;
use crate::document::{self, Owner};
use crate::file::File;
use crate::format::Format;
use crate::input;
use crate::settings;

const TITLE: Style = Style::new().bold();

/// Prints what each filter of a configuration reads, holds and edits, and where it differs from kgateway's module.
///
/// Exits 1 if a configuration is refused: `rustformations check` prints why.
#[derive(clap::Args)]
pub struct Explain {
    /// What `rustformations check` reads; `-` is standard input.
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// How to print it.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// What one configuration of the filter does.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Explanation {
    /// Where in the file it is; empty: the file is nothing else.
    place: String,
    /// Whose it is.
    owner: &'static str,
    request: Vec<String>,
    response: Vec<String>,
    /// What concerns both.
    always: Vec<String>,
    /// Where it differs from kgateway's module.
    differs: Vec<String>,
}

impl Explain {
    /// Explains the configurations of the file.
    ///
    /// # Errors
    /// The file cannot be read, or one of them is refused.
    pub fn execute(&self) -> Result<ExitCode> {
        let name = self.file.display().to_string();
        let text = input::text(&self.file)?;
        let file = File::named(&name, &text);
        let engine = settings::of_environment();
        let findings = check::judge(&engine, "rustformation", file);
        let errors = findings.iter().filter(|finding| finding.is_error()).count();
        if errors > 0 {
            bail!("{name}: refused, errors: {errors}; `rustformations check {name}` prints them");
        }
        let mut explanations = Vec::new();
        for filter in document::contents(file, "rustformation").filters {
            if filter.name == "http-acl" {
                continue;
            }
            let config = if filter.config.is_empty() {
                "{}"
            } else {
                &filter.config
            };
            let loaded = engine.load(config.as_bytes())?;
            let config: Config = serde_json::from_str(config)?;
            explanations.push(Explanation {
                place: filter.place,
                owner: owner(filter.owner),
                request: words::request(&config, &loaded.program),
                response: words::response(&config, &loaded.program),
                always: words::always(&config),
                differs: words::differences(&config, &loaded.program),
            });
        }
        if explanations.is_empty() {
            bail!(
                "{name}: no filter but http-acl, which denies and allows by address and header: see docs/configuration.md"
            );
        }
        match self.format {
            Format::Json => {
                let mut out = io::stdout().lock();
                serde_json::to_writer_pretty(&mut out, &explanations)?;
                writeln!(out)?;
            }
            Format::Text => {
                let mut out = anstream::stdout().lock();
                for explanation in &explanations {
                    shown(&mut out, explanation)?;
                }
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn owner(owner: Option<Owner>) -> &'static str {
    match owner {
        None => "a filter_config",
        Some(Owner::Listener) => "the listener's filter",
        Some(Owner::Cluster) => "a cluster's filter, which sees each attempt",
        Some(Owner::Route) => "a route's configuration, which replaces the listener's",
    }
}

fn shown(out: &mut dyn Write, explanation: &Explanation) -> Result<()> {
    let Explanation {
        place,
        owner,
        request,
        response,
        always,
        differs,
    } = explanation;
    match place.as_str() {
        "" => writeln!(out, "{TITLE}{owner}{TITLE:#}")?,
        place => writeln!(out, "{TITLE}{place}{TITLE:#}: {owner}")?,
    }
    for (title, lines) in [
        ("requests", request),
        ("responses", response),
        ("both", always),
        ("unlike kgateway's module", differs),
    ] {
        if !lines.is_empty() {
            writeln!(out, "  {title}")?;
        }
        for line in lines {
            writeln!(out, "    {line}")?;
        }
    }
    Ok(())
}
