//! `rustformations check`: everything that is wrong with a configuration.

use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use acl::Acl;
use anyhow::{Context, Result};
use transformations::{Code, ConfigErrors, Diagnostic, Engine, metrics};

use crate::denied;
use crate::document::{self, Contents, Filter, Owner};
use crate::file::File;
use crate::finding::Finding;
use crate::format::Format;
use crate::settings;

mod neighbours;
mod numbers;
mod replaced;

/// Prints everything that is wrong with configurations. Exits 0 if nothing is, else 1. A note is neither an error nor a
/// warning.
///
/// A file holds a filter_config; or an Envoy configuration with filters of the module rust_module in it; or manifests: a
/// TrafficPolicy, an EnvoyExtensionPolicy, an EnvoyFilter, a ConfigMap. YAML or JSON, several documents too.
#[derive(clap::Args)]
pub struct Check {
    /// The files; `-` is standard input.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,

    /// Which filter a file with nothing but a filter_config is for.
    #[arg(long, value_name = "NAME", default_value = "rustformation")]
    #[arg(value_parser = document::FILTERS)]
    filter: String,

    /// Exits 0 where there are only warnings: control planes run ahead of the module, and their keys are unknown to it.
    #[arg(long)]
    allow_warnings: bool,

    /// How to print what is wrong.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Check {
    /// Checks the files.
    ///
    /// # Errors
    /// Standard output is closed.
    pub fn execute(&self) -> Result<ExitCode> {
        let engine = settings::of_environment();
        let mut out = io::stdout().lock();
        let mut sound = true;
        let mut objects = Vec::new();
        for path in &self.files {
            let name = path.display().to_string();
            let text = match read(path) {
                Ok(text) => text,
                Err(error) => {
                    sound = false;
                    let message = format!("{error:#}");
                    match self.format {
                        Format::Text => writeln!(out, "{name}: error: {message}")?,
                        Format::Json => objects.push(
                            serde_json::json!({"file": name, "severity": "error", "message": message}),
                        ),
                    }
                    continue;
                }
            };
            let findings = judge(&engine, &self.filter, File::named(&name, &text));
            let errors = findings.iter().filter(|finding| finding.is_error()).count();
            let warnings = findings.iter().filter(|finding| finding.is_warning());
            let warnings = warnings.count();
            sound &= errors == 0 && (warnings == 0 || self.allow_warnings);
            match self.format {
                Format::Json => objects.extend(findings.iter().map(|finding| finding.json(&name))),
                Format::Text => {
                    for finding in &findings {
                        writeln!(out, "{}", finding.shown(&name, &text))?;
                    }
                    let (errors, warnings) =
                        (counted(errors, "error"), counted(warnings, "warning"));
                    writeln!(out, "{name}: {errors}, {warnings}")?;
                }
            }
        }
        if self.format == Format::Json {
            writeln!(out, "{}", serde_json::Value::from(objects))?;
        }
        Ok(if sound {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }
}

/// Everything that is wrong with a file, from its top to its end. `filter` is the one that a file with nothing
/// but a `filter_config` is for.
pub fn judge(engine: &Engine, filter: &str, file: File<'_>) -> Vec<Finding> {
    let mut findings = found(engine, filter, file);
    findings.sort_by_key(|finding| (finding.at.start.line, finding.at.start.column));
    findings
}

/// The same, filter by filter.
fn found(engine: &Engine, filter: &str, file: File<'_>) -> Vec<Finding> {
    let Contents {
        text,
        filters,
        denied,
        neighbours,
        mut findings,
    } = document::contents(file, filter);
    for filter in &filters {
        if let Some(warning) = shared_name(filter, &filters) {
            let at = &filter.instance_at;
            findings.push(Finding {
                place: filter.place.clone(),
                at: text.place(at.start)..text.place(at.end),
                diagnostic: warning,
            });
        }
        let mut diagnostics = load(engine, filter, &denied);
        diagnostics.extend(numbers::in_edits(filter.source.node.as_ref()));
        findings.extend(diagnostics.into_iter().map(|diagnostic| Finding {
            place: filter.place.clone(),
            at: filter.source.place_of(&diagnostic),
            diagnostic,
        }));
    }
    findings.extend(replaced::findings(engine, &filters));
    findings.extend(neighbours::findings(engine, &filters, &neighbours));
    findings
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
fn load(engine: &Engine, filter: &Filter, denied: &[String]) -> Vec<Diagnostic> {
    let config = filter.config.as_bytes();
    let loaded = match filter.name.as_str() {
        "rustformation" | "http_simple_mutations" => engine.load(config).map(|loaded| {
            let mut warnings = loaded.warnings;
            warnings.extend(loaded.notes);
            if filter.owner == Some(Owner::Cluster) {
                warnings.extend(loaded.program.in_cluster());
            }
            if filter.owner == Some(Owner::Listener) {
                warnings.extend(loaded.program.in_listener());
            }
            warnings.extend(denied::past(&loaded.program, denied));
            if filter.owner == Some(Owner::Route) && loaded.program.has_metrics() {
                warnings.push(metrics::in_route());
            }
            warnings
        }),
        "http-acl" => Acl::load(config).map(|loaded| loaded.warnings),
        // Reported where it is named.
        _ => return Vec::new(),
    };
    loaded.unwrap_or_else(|ConfigErrors(diagnostics)| diagnostics)
}

/// What is wrong with the name of a cluster's filter that a listener's has too.
fn shared_name(filter: &Filter, all: &[Filter]) -> Option<Diagnostic> {
    let in_listener =
        |other: &&Filter| other.owner == Some(Owner::Listener) && other.instance == filter.instance;
    if filter.owner != Some(Owner::Cluster) {
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
