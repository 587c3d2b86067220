//! `cargo xtask image`: the images, built and tried.

mod artifact;
mod base;
mod docker;
mod fleet;
mod hosts;
mod load;
mod pod;
mod recipe;
mod structure;

use std::time::Instant;

use anyhow::{Result, ensure};

use crate::table::Table;
use recipe::Images;

/// Builds the images of the Dockerfile with Docker Engine and tries them: what is in them, a start as kgateway's pods
/// do it, and several gateways behind a load balancer.
///
/// Base images that cannot be pulled are replaced by ones made of this machine's Rust and Envoy; that takes root and
/// debootstrap. The images stay, tagged `rustformations/...:test`; containers and networks do not.
#[derive(clap::Args)]
pub(crate) struct Image {
    /// Use the images as they were last built.
    #[arg(long)]
    no_build: bool,
}

/// What was tried and what came of it.
pub(crate) struct Checks {
    table: Table<3>,
    failed: usize,
}

impl Checks {
    fn new() -> Self {
        Self {
            table: Table::new(["tried", "found", ""]),
            failed: 0,
        }
    }

    /// Adds a line; an error is printed at once, with all that led to it.
    pub(crate) fn add(&mut self, what: &str, found: Result<String>) {
        let (found, verdict) = match found {
            Ok(found) => (found, "ok"),
            Err(error) => {
                eprintln!("{what}: {error:#}");
                self.failed += 1;
                ("see above".to_owned(), "WRONG")
            }
        };
        self.table.row([what.into(), found, verdict.into()]);
    }
}

impl Image {
    pub(crate) fn execute(&self) -> Result<()> {
        docker::engine()?;
        try_all(self.no_build)
    }
}

/// For `cargo xtask test`: where no Docker Engine runs, says so and does nothing.
pub(crate) fn test() -> Result<()> {
    if let Err(error) = docker::engine() {
        println!("\nimage: SKIPPED, not tested: {error:#}\n");
        return Ok(());
    }
    try_all(false)
}

fn try_all(no_build: bool) -> Result<()> {
    let begin = Instant::now();
    let images = if no_build {
        Images::last_built()?
    } else {
        Images::build()?
    };
    println!("images ready after {} s", begin.elapsed().as_secs());
    let mut checks = Checks::new();
    structure::check(&images, &mut checks)?;
    artifact::check(&images, &mut checks);
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        pod::check(&images, &mut checks).await?;
        fleet::check(&images, &mut checks).await
    })?;
    println!("\n{}", checks.table);
    ensure!(checks.failed == 0, "{} of the checks failed", checks.failed);
    Ok(())
}
