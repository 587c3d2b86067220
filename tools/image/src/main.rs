//! `cargo xtask image`: the images, built and tried.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout)]

mod artifact;
mod base;
mod docker;
mod dockerfile;
mod fleet;
mod hosts;
mod load;
mod plan;
mod pod;
mod recipe;
mod registry;
mod structure;

use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Result, bail, ensure};
use clap::Parser;
use summary::{Table, Tally};

use plan::{Base, Plan};
use recipe::Images;

/// Builds the images of the Dockerfile with Docker Engine and tries them: what is in them, a start as kgateway's pods
/// do it, and several gateways behind a load balancer.
///
/// Base images that cannot be pulled are replaced by ones made of this machine's Rust and Envoy; the first time that
/// takes root and debootstrap. The images stay, tagged `rustformations/...:test`; containers and networks do not.
#[derive(Parser)]
#[command(name = "image", bin_name = "cargo xtask image")]
struct Image {
    /// Use the images as they were last built.
    #[arg(long)]
    no_build: bool,

    /// Only see whether they can be built here; where they cannot, say why and count one skipped.
    #[arg(long, conflicts_with = "no_build")]
    plan: bool,
}

fn main() -> ExitCode {
    summary::exit_code(Image::parse().execute())
}

/// What was tried and what came of it.
pub(crate) struct Checks {
    table: Table<3>,
    tally: Tally,
}

impl Checks {
    fn new() -> Self {
        Self {
            table: Table::new(["tried", "found", ""]),
            tally: Tally::default(),
        }
    }

    /// Adds a line; an error is printed at once, with all that led to it.
    pub(crate) fn add(&mut self, what: &str, found: Result<String>) {
        let (found, verdict) = match found {
            Ok(found) => {
                self.tally.passed += 1;
                (found, "ok")
            }
            Err(error) => {
                eprintln!("{what}: {error:#}");
                self.tally.failed += 1;
                ("see above".to_owned(), "WRONG")
            }
        };
        self.table.row([what.into(), found, verdict.into()]);
    }
}

impl Image {
    fn execute(&self) -> Result<()> {
        let bases = match Plan::make()? {
            Plan::Build(_) if self.plan => return Ok(()),
            Plan::Build(bases) => bases,
            Plan::Skip(why) if self.plan => {
                println!("images: skipped: {why}\n{}", Tally::SKIPPED);
                return Ok(());
            }
            Plan::Skip(why) => bail!("{why}"),
        };
        let tally = if self.no_build {
            try_all(&Images::last_built(&bases)?)
        } else {
            build_and_try(&bases)
        }?;
        println!("{tally}");
        ensure!(tally.failed == 0, "{} of the checks failed", tally.failed);
        Ok(())
    }
}

/// Builds the images and tries them.
///
/// # Errors
/// They cannot be built, or not started. A check that fails is counted.
fn build_and_try(bases: &[Base]) -> Result<Tally> {
    let begin = Instant::now();
    let images = Images::build(bases)?;
    println!("images ready after {} s", begin.elapsed().as_secs());
    try_all(&images)
}

fn try_all(images: &Images) -> Result<Tally> {
    let mut checks = Checks::new();
    structure::check(images, &mut checks)?;
    artifact::check(images, &mut checks);
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        pod::check(images, &mut checks).await?;
        fleet::check(images, &mut checks).await
    })?;
    println!("\n{}", checks.table);
    Ok(checks.tally)
}
