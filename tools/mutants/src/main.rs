//! `cargo xtask mutants`: which mistakes in the code no test finds.
//!
//! `mutant` lists them, `sites` finds each in its file, `schema` writes them into it, `tree` into a copy of the workspace;
//! `compile` drops what does not compile. `program` runs tests, `envoy` those on a real Envoy; `reach` knows which reach
//! what, `trial` tries each mutant. `survivors` are those that are explained, `report` says the rest.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout)]

mod compile;
mod envoy;
mod mutant;
mod program;
mod reach;
mod refused;
mod report;
mod schema;
mod sites;
mod survivors;
mod tree;
mod trial;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, ensure};
use artifacts::{EnvoyRelease, workspace};
use clap::Parser;

use compile::Compiled;
use mutant::Mutant;
use program::Program;
use reach::Unit;
use survivors::Survivors;
use tree::Tree;
use trial::Verdict;

/// Where a mistake costs most.
const FILES: [&str; 5] = [
    "transformations/src/session/**",
    "transformations/src/fields/**",
    "transformations/src/edits/**",
    "bodies/src/**",
    "envoy-sdk/src/handle/**",
];

/// Programs of tests that are left out. They bound time and memory: they are slow, and fail where a machine is busy.
const MEASURING: [&str; 3] = ["growth", "hostile", "scale"];

/// Compiles every mutant of cargo-mutants at once, and runs for each the tests that reach it. Fails on one that no test
/// finds and tools/mutants/survivors.yaml does not explain.
#[derive(Parser)]
#[command(name = "mutants", bin_name = "cargo xtask mutants")]
struct Mutants {
    /// Of these files only; may be given several times.
    #[arg(long = "file", value_name = "GLOB")]
    files: Vec<String>,
    /// Only those with this text in their names.
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// Only those that a run before missed, by the file it wrote.
    #[arg(long, value_name = "FILE")]
    missed_in: Option<PathBuf>,
    /// Only each n-th, which stands for all.
    #[arg(long, value_name = "N")]
    every: Option<usize>,
    /// Try those that no other test finds with the scenarios on this release of Envoy too, half a minute each.
    #[arg(long, value_name = "VERSION")]
    envoy: Option<EnvoyRelease>,
    /// Print their names and end.
    #[arg(long)]
    list: bool,
    /// Write what becomes of each into this file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

fn main() -> ExitCode {
    summary::exit_code(Mutants::parse().execute())
}

impl Mutants {
    fn execute(&self) -> Result<()> {
        let workspace = workspace();
        let globs = match self.files.as_slice() {
            [] => FILES.map(str::to_owned).to_vec(),
            files => files.to_vec(),
        };
        let mutants = mutant::list(&workspace, &globs)?;
        let chosen = self.choose(&mutants)?;
        if self.list {
            for mutant in chosen {
                println!("{}", mutant.name);
            }
            return Ok(());
        }
        ensure!(!chosen.is_empty(), "there are no such mutants");
        let texts = tree::texts(&workspace, &mutants)?;
        let survivors = Survivors::read(&workspace)?;
        let tree = Tree::copy(&workspace, &mutants)?;
        let compiled = compile::compile(&tree, &mutants, &texts)?;
        let verdicts = self.verdicts(chosen, &mutants, &tree, &compiled)?;
        if let Some(path) = &self.json {
            report::write(path, &verdicts)?;
        }
        print!("{}", report::table(&verdicts));
        let missed = verdicts.iter().filter(|(_, verdict)| verdict.is_missed());
        let (explained, unexplained): (Vec<_>, Vec<_>) =
            missed.partition(|(mutant, _)| survivors.explain(mutant, &texts));
        for (mutant, verdict) in &unexplained {
            println!("missed: {}{}", mutant.name, verdict.note());
        }
        let stale = survivors.stale(&verdicts, &mutants, &texts);
        for stale in &stale {
            println!("{}: {stale}", survivors::FILE);
        }
        let (explained, unexplained) = (explained.len(), unexplained.len());
        println!("{explained} missed and explained, {unexplained} missed and not");
        let right = unexplained == 0 && stale.is_empty();
        ensure!(
            right,
            "some are missed, or explained for nothing: see above"
        );
        Ok(())
    }

    /// What becomes of each.
    fn verdicts<'m>(
        &self,
        chosen: Vec<&'m Mutant>,
        mutants: &[Mutant],
        tree: &Tree,
        compiled: &Compiled,
    ) -> Result<Vec<(&'m Mutant, Verdict)>> {
        let programs = compiled.artifacts.iter().filter_map(Program::of);
        let programs: Vec<_> = programs
            .filter(|program| !MEASURING.contains(&program.name.as_str()))
            .collect();
        let mut units = Vec::new();
        for program in &programs {
            eprintln!("running the tests of {} without a mutant ...", program.name);
            units.extend(Unit::of(program, &tree.target.join("reached"))?);
        }
        let scenarios = self.envoy.map(|_| envoy::program(&compiled.artifacts));
        let scenarios = scenarios.transpose()?;
        if let (Some(release), Some(program)) = (self.envoy, &scenarios) {
            units.push(envoy::unit(program, release, mutants)?);
        }
        let mut tried = Vec::new();
        let mut left = Vec::new();
        for mutant in chosen {
            match mutant.id {
                id if compiled.not_tried.contains(&id) => tried.push((mutant, Verdict::NotTried)),
                id if compiled.unviable.contains(&id) => tried.push((mutant, Verdict::Unviable)),
                _ => left.push(mutant),
            }
        }
        tried.extend(trial::run(left, &units)?);
        tried.sort_by_key(|(mutant, _)| mutant.id);
        Ok(tried)
    }

    /// Those that the command line is about.
    fn choose<'m>(&self, mutants: &'m [Mutant]) -> Result<Vec<&'m Mutant>> {
        let mut chosen: Vec<&Mutant> = mutants.iter().collect();
        if let Some(text) = &self.only {
            chosen.retain(|mutant| mutant.name.contains(text));
        }
        if let Some(path) = &self.missed_in {
            let missed = report::missed(path)?;
            chosen.retain(|mutant| missed.contains(&mutant.name));
        }
        let every = self.every.unwrap_or(1).max(1);
        Ok(chosen.into_iter().step_by(every).collect())
    }
}
