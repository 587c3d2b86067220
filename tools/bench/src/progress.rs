//! What is being measured, for whoever waits.

use std::fmt;
use std::io::{IsTerminal, stderr};

/// Says it in place of what was said before; only on a terminal.
pub(super) fn show(what: fmt::Arguments<'_>) {
    if stderr().is_terminal() {
        // Back to the line's begin, and clear the rest of it.
        eprint!("\r{what}\x1b[K");
    }
}
