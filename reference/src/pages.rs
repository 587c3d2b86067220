//! The generated files of `docs/`.

use crate::schema::{Filter, schema, text};
use crate::{configuration, diagnosed};

/// A generated file.
#[derive(Clone, Copy, Debug)]
pub struct Page {
    /// Its path in `docs/`.
    pub path: &'static str,
    /// Makes it.
    pub make: fn() -> String,
}

/// Every generated file.
pub const PAGES: [Page; 4] = [
    Page {
        path: "configuration.md",
        make: configuration::page,
    },
    Page {
        path: "diagnostics.md",
        make: diagnosed::page,
    },
    Page {
        path: "schema/transformations.schema.json",
        make: || text(&schema(Filter::Transformations)),
    },
    Page {
        path: "schema/http-acl.schema.json",
        make: || text(&schema(Filter::Acl)),
    },
];
