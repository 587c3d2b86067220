//! The line that the debug log has of each pass: what was found, and what was done.

use std::fmt::{self, Display, Formatter};

use envoy_proxy_dynamic_modules_rust_sdk::{LogLevel, envoy_log_debug, log};
use transformations::{Direction, Note, TransformationOps};

/// Whether the lines are written.
pub(crate) fn are_logged() -> bool {
    log::enabled(LogLevel::Debug)
}

/// Writes the line of one pass over a message.
pub(crate) fn log(ops: &dyn TransformationOps, direction: Direction, notes: &[Note]) {
    envoy_log_debug!(
        "{}",
        Line {
            ops,
            direction,
            notes
        }
    );
}

struct Line<'a> {
    ops: &'a dyn TransformationOps,
    direction: Direction,
    notes: &'a [Note],
}

impl Display for Line<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let first = |name| {
            self.ops
                .header_values(Direction::Request, name)
                .into_iter()
                .next()
        };
        // A query may hold a key.
        let path = first(":path").and_then(|path| path.split(|byte| *byte == b'?').next());
        let method = first(":method").unwrap_or_default().escape_ascii();
        write!(
            f,
            "{} of {method} {}",
            self.direction.as_str(),
            path.unwrap_or_default().escape_ascii()
        )?;
        if let Some(id) = first("x-request-id") {
            write!(f, " (x-request-id {})", id.escape_ascii())?;
        }
        let mut separator = ":";
        for note in self.notes {
            write!(f, "{separator} {note}")?;
            separator = ";";
        }
        Ok(())
    }
}
