//! Cases whose expectation the module does not meet on purpose, as docs/kgateway.md says.

use std::collections::BTreeSet;

const DOCUMENT: &str = include_str!("../../../docs/kgateway.md");

/// The ids in the first column of the document's table of cases.
pub(crate) fn differences() -> BTreeSet<&'static str> {
    DOCUMENT
        .lines()
        .filter_map(|line| line.strip_prefix("| case `")?.split('`').next())
        .collect()
}
