//! `cargo xtask mutants`: which mistakes in the code no test finds.
//!
//! `mutant` lists them, `sites` finds each in its file, `schema` writes them into it, `tree` into a copy of the workspace;
//! `compile` drops what does not compile. `program` runs tests, `envoy` those on a real Envoy, `reach` knows which reach what, `trial` tries each mutant;
//! `survivors` are those that are explained, `report` says the rest.
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

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};

use anyhow::{Result, ensure};
use artifacts::{EnvoyRelease, workspace};
use clap::Parser;

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
    /// Only this many, by chance.
    #[arg(long, value_name = "NUMBER")]
    sample: Option<usize>,
    /// Which chance.
    #[arg(long, default_value_t = 1, value_name = "NUMBER")]
    seed: u64,
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
        let programs: Vec<_> = compiled.artifacts.iter().filter_map(Program::of).collect();
        let mut units = Vec::new();
        for program in &programs {
            eprintln!("running the tests of {} without a mutant ...", program.name);
            units.extend(Unit::of(program, &tree.target.join("reached"))?);
        }
        let scenarios = self
            .envoy
            .map(|_| envoy::program(&workspace, &compiled.artifacts));
        let scenarios = scenarios.transpose()?;
        if let (Some(release), Some(program)) = (self.envoy, &scenarios) {
            units.push(envoy::unit(program, release, &mutants)?);
        }
        let mut fixed = BTreeMap::new();
        fixed.extend(compiled.not_tried.iter().map(|id| (*id, Verdict::NotTried)));
        fixed.extend(compiled.unviable.iter().map(|id| (*id, Verdict::Unviable)));
        let ids: Vec<u32> = chosen
            .iter()
            .map(|mutant| mutant.id)
            .filter(|id| !fixed.contains_key(id))
            .collect();
        let found = Mutex::new(fixed);
        trial::run(&ids, &units, |id, verdict| {
            let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
            found.insert(id, verdict);
            if found.len() % 100 == 0 {
                eprintln!("{} of {} are tried ...", found.len(), mutants.len());
            }
        })?;
        let mut found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
        let verdicts: Vec<_> = chosen
            .into_iter()
            .filter_map(|mutant| Some((mutant, found.remove(&mutant.id)?)))
            .collect();
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
        println!(
            "{} missed and explained, {} missed and not",
            explained.len(),
            unexplained.len()
        );
        ensure!(
            unexplained.is_empty(),
            "no test finds some mutants: see above"
        );
        ensure!(
            stale.is_empty(),
            "{} explains what does not survive: see above",
            survivors::FILE
        );
        Ok(())
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
        if let Some(number) = self.sample {
            let mut random = fastrand::Rng::with_seed(self.seed);
            chosen = random.choose_multiple(chosen, number);
        }
        Ok(chosen)
    }
}
