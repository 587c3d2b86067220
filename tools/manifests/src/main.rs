//! `cargo xtask manifests`: whether the Kubernetes manifests of `deploy/` are right, as far as a machine without a
//! cluster can tell.
//!
//! `schemas` knows what each kind may say, `references` whether objects find each other, `posture` whether pods are
//! confined; `report` says what is wrong. That they do what they promise is tested on a real Envoy.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout)]

mod posture;
mod references;
mod report;
mod schemas;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod walkthrough;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;
use harness::Manifests as Rendered;

use report::{Problem, Report};
use schemas::Schemas;

/// Renders every kustomization of deploy/ and checks each object: its schema, its references, how its pods are confined.
#[derive(Parser)]
#[command(name = "manifests", bin_name = "cargo xtask manifests")]
struct Manifests {
    /// A folder with CustomResourceDefinitions to check against as well, CEL rules included.
    #[arg(long, value_name = "DIR")]
    crds: Option<PathBuf>,
}

fn main() -> ExitCode {
    summary::exit_code(Manifests::parse().execute())
}

impl Manifests {
    fn execute(&self) -> Result<()> {
        let mut schemas = vec![Schemas::built_in()?];
        if let Some(directory) = &self.crds {
            schemas.push(Schemas::of_crds(directory)?);
        }
        let mut report = Report::default();
        for name in Rendered::names()? {
            let manifests = Rendered::render(&name)?;
            report.add(&manifests, check(&manifests, &schemas));
        }
        report.print(&schemas);
        // The report is the last thing said.
        if report.failed() {
            std::process::exit(1);
        }
        Ok(())
    }
}

/// Everything that is wrong with them.
fn check(manifests: &Rendered, schemas: &[Schemas]) -> Vec<Problem> {
    let mut problems = Vec::new();
    for object in &manifests.objects {
        let mut known = false;
        for source in schemas {
            if let Some(schema) = source.of(object) {
                known = true;
                for (place, what) in schema.problems(&object.0) {
                    problems.push(Problem::new(object, &place, what));
                }
            }
        }
        if !known {
            let what = "no schema knows this apiVersion and kind".to_owned();
            problems.push(Problem::new(object, "", what));
        }
    }
    problems.extend(references::problems(manifests));
    problems.extend(posture::problems(manifests));
    problems
}
