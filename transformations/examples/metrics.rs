//! Prints the page `docs/metrics.md`.

#![forbid(unsafe_code)]
#![allow(clippy::print_stdout)] // what it is for

fn main() {
    print!("{}", transformations::metrics::page());
}
