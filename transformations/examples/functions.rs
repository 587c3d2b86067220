//! Prints the page `docs/functions.md`.

#![forbid(unsafe_code)]
#![allow(clippy::print_stdout)] // what it is for

fn main() {
    print!("{}", transformations::functions::page());
}
