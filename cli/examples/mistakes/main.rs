//! Prints the page `docs/mistakes.md`.

#![forbid(unsafe_code)]
#![allow(clippy::expect_used, clippy::print_stdout)] // what it is for
#![allow(dead_code, reason = "the test reads more of the table")]

mod table;

fn main() {
    print!("{}", table::page());
}
