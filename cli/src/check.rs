//! `rustformations check`: everything that is wrong with a configuration.

use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use acl::Acl;
use anyhow::{Context, Result};
use transformations::{Code, ConfigErrors, Diagnostic, Engine, Severity, metrics};

use crate::denied;
use crate::document::{self, Chain, Filter};

/// Prints everything that is wrong with configurations. Exits 0 if there is no error, else 1. A note is
/// neither an error nor a warning.
///
/// A file holds a filter_config, or an Envoy configuration with filters of the module rust_module in it; YAML or
/// JSON. What the module only warns of, because control planes run ahead of it, is an error here: unknown keys.
#[derive(clap::Args)]
pub(crate) struct Check {
    /// The files; `-` is standard input.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,

    /// Which filter a file with nothing but a filter_config is for.
    #[arg(long, value_name = "NAME", default_value = "rustformation")]
    #[arg(value_parser = ["rustformation", "http_simple_mutations", "http-acl"])]
    filter: String,
}

/// What was found in one file.
#[derive(Default)]
struct Verdict {
    lines: Vec<String>,
    errors: usize,
    warnings: usize,
}

impl Check {
    pub(crate) fn execute(&self) -> Result<ExitCode> {
        let engine = Engine::default();
        let mut out = io::stdout().lock();
        let mut sound = true;
        for path in &self.files {
            let name = path.display();
            let verdict = match read(path) {
                Ok(text) => self.judge(&engine, &text),
                Err(error) => Verdict::unreadable(&error),
            };
            sound &= verdict.errors == 0;
            for line in &verdict.lines {
                writeln!(out, "{name}: {line}")?;
            }
            writeln!(
                out,
                "{name}: {}, {}",
                counted(verdict.errors, "error"),
                counted(verdict.warnings, "warning")
            )?;
        }
        Ok(if sound {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }

    fn judge(&self, engine: &Engine, text: &str) -> Verdict {
        let filters = match document::filters(text, &self.filter) {
            Ok(filters) => filters,
            Err(error) => return Verdict::unreadable(&error),
        };
        let denied = document::parsed(text).map(|(document, _)| denied::headers(&document));
        let denied = denied.unwrap_or_default();
        let mut verdict = Verdict::default();
        for filter in &filters {
            if let Some(warning) = shared_name(filter, &filters) {
                verdict.add(&filter.place, &warning);
            }
            match load(engine, filter, &denied) {
                Ok(diagnostics) => {
                    for diagnostic in diagnostics {
                        verdict.add(&filter.place, &diagnostic);
                    }
                }
                Err(error) => {
                    verdict.errors += 1;
                    verdict
                        .lines
                        .push(format!("{}error: {error:#}", prefix(&filter.place)));
                }
            }
        }
        verdict
    }
}

impl Verdict {
    fn unreadable(error: &anyhow::Error) -> Self {
        Self {
            lines: vec![format!("error: {error:#}")],
            errors: 1,
            warnings: 0,
        }
    }

    fn add(&mut self, place: &str, diagnostic: &Diagnostic) {
        let severity = match diagnostic.severity {
            _ if diagnostic.code == Code::UnknownKey => Severity::Error,
            severity => severity,
        };
        let severity = match severity {
            Severity::Error => {
                self.errors += 1;
                "error"
            }
            Severity::Warning => {
                self.warnings += 1;
                "warning"
            }
            Severity::Note => "note",
        };
        let prefix = prefix(place);
        self.lines.push(format!(
            "{prefix}{severity} {}: {diagnostic}",
            diagnostic.code
        ));
    }
}

fn prefix(place: &str) -> String {
    if place.is_empty() {
        String::new()
    } else {
        format!("{place}: ")
    }
}

fn counted(count: usize, what: &str) -> String {
    match count {
        0 => format!("no {what}s"),
        1 => format!("1 {what}"),
        _ => format!("{count} {what}s"),
    }
}

fn read(path: &Path) -> Result<String> {
    let mut text = String::new();
    if path == Path::new("-") {
        io::stdin().read_to_string(&mut text)
    } else {
        fs::read_to_string(path).map(|read| {
            text = read;
            text.len()
        })
    }
    .context("cannot be read")?;
    Ok(text)
}

/// All diagnostics of one filter's configuration. `denied`: the headers that routes deny by.
fn load(engine: &Engine, filter: &Filter, denied: &[String]) -> Result<Vec<Diagnostic>> {
    let config = filter.config.as_bytes();
    let loaded = match filter.name.as_str() {
        "rustformation" | "http_simple_mutations" => engine.load(config).map(|loaded| {
            let mut warnings = loaded.warnings;
            warnings.extend(loaded.notes);
            if filter.chain == Some(Chain::Cluster) {
                warnings.extend(loaded.program.in_cluster());
            }
            warnings.extend(denied::past(&loaded.program, denied));
            let of_route = filter.chain.is_none() && !filter.instance.is_empty();
            if of_route && loaded.program.has_metrics() {
                warnings.push(metrics::in_route());
            }
            warnings
        }),
        "http-acl" => Acl::load(config).map(|loaded| loaded.warnings),
        other => anyhow::bail!(
            "unknown filter `{other}`; the module has `rustformation`, `http_simple_mutations` and `http-acl`"
        ),
    };
    Ok(loaded.unwrap_or_else(|ConfigErrors(diagnostics)| diagnostics))
}

/// What is wrong with the name of a cluster's filter that a listener's has too.
fn shared_name(filter: &Filter, all: &[Filter]) -> Option<Diagnostic> {
    let in_listener =
        |other: &&Filter| other.chain == Some(Chain::Listener) && other.instance == filter.instance;
    if filter.chain != Some(Chain::Cluster) {
        return None;
    }
    let other = all.iter().find(in_listener)?;
    let message = format!(
        "the filter at {} has the name `{}` too, so a route's configuration of that name reaches both",
        other.place, filter.instance
    );
    let warning = Diagnostic::warning(Code::Cluster, "", message);
    Some(warning.help("give one of them another `name`"))
}

#[cfg(test)]
mod messages;
