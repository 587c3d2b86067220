//! How many instructions one search takes, counted by valgrind: the same on a busy machine.
//!
//! Valgrind knows AVX2 but not AVX-512, so the count is that of a processor without.

#![forbid(unsafe_code)]
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a command that prints, and that must find the field"
)]

use std::env;
use std::hint::black_box;
use std::process::Command;

use anyhow::{Context, Result};
use bodies::Limits;
use bodies::json::{Finder, Pointers};
use rustformations_benches::{Body, chat};

/// In the environment of the process that valgrind counts: which body, and how many searches.
const RUN: &str = "RUSTFORMATIONS_BENCH_RUN";

fn main() -> Result<()> {
    if let Ok(run) = env::var(RUN) {
        let (body, searches) = run.split_once(' ').context("which body, how many times?")?;
        let body = Body::ALL.get(body.parse::<usize>()?);
        return search(*body.context("no such body")?, searches.parse()?);
    }
    for (number, body) in Body::ALL
        .iter()
        .enumerate()
        .filter(|(_, body)| body.bytes <= 1 << 20)
    {
        let once = counted(number, 1)?;
        let spent = counted(number, 11)?.saturating_sub(once) / 10;
        let bytes = chat(*body).len() as u64;
        println!(
            "{body:<22} {spent:>9} instructions, {:>6.2} for each block of 64 bytes",
            spent as f64 * 64.0 / bytes as f64
        );
    }
    Ok(())
}

/// The instructions of a whole process that searches this many times.
fn counted(body: usize, searches: usize) -> Result<u64> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(env::current_exe()?)
        .env(RUN, format!("{body} {searches}"))
        .output()
        .context("valgrind counts the instructions; install it")?;
    let log = String::from_utf8_lossy(&output.stderr);
    let collected = log.lines().find_map(|line| line.split_once("Collected : "));
    let (_, count) = collected.with_context(|| format!("valgrind says no count:\n{log}"))?;
    Ok(count.trim().parse()?)
}

fn search(body: Body, searches: usize) -> Result<()> {
    let body = chat(body);
    let mut pointers = Pointers::default();
    pointers.insert("/model")?;
    for _ in 0..searches {
        let mut finder = Finder::new(&pointers, &Limits::default());
        finder.feed(&pointers, black_box(&body))?;
        black_box(
            finder
                .finish(&pointers)?
                .first()
                .unwrap()
                .first
                .as_ref()
                .unwrap(),
        );
    }
    Ok(())
}
