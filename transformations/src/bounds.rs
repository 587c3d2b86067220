//! The bounds that no configuration changes, for `docs/configuration.md`. Each is where it is kept.

use crate::config::{HEADER_LINES, limits};
use crate::fields::ANSWER_POINTERS;
use crate::languages::cel::{bounds as expressions, forms, pattern};
use crate::languages::jinja::{bounds as templates, constants, filters, memory};
use crate::metrics::meters;

/// A bound that no configuration changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bound {
    /// What it bounds, and in which units.
    pub what: &'static str,
    /// The most that there may be.
    pub most: usize,
    /// What comes of more.
    pub beyond: &'static str,
}

const REFUSED: &str = "the configuration is refused";
const FAILS: &str = "the template fails";

/// Every bound that no configuration changes.
pub fn bounds() -> Vec<Bound> {
    let refused = [
        ("fields of `extract` of one pass", limits::FIELDS),
        (
            "names of parts or of form fields of one pass",
            limits::FORM_SOURCES,
        ),
        (
            "JSON Pointers of the fields of a request pass",
            bodies::JSON_POINTERS,
        ),
        (
            "JSON Pointers of the fields of a response pass; `usage` takes the others",
            ANSWER_POINTERS,
        ),
        ("levels of a JSON Pointer", bodies::JSON_DEPTH),
        ("labels of `metrics`", meters::LABELS),
        (
            "combinations of label values, `metrics.maxValues`",
            meters::MOST_VALUES,
        ),
        ("bytes of an expression", expressions::BYTES),
        (
            "names, values and operators of an expression",
            expressions::TERMS,
        ),
        (
            "brackets of an expression open at once",
            expressions::BRACKETS,
        ),
        ("macros of an expression inside one another", forms::LOOPS),
        ("bytes of a regular expression", pattern::PATTERN_BYTES),
        (
            "bytes of a compiled regular expression",
            pattern::COMPILED_BYTES,
        ),
        (
            "names, values and operators of one expression of a template",
            templates::EXPRESSION_TOKENS,
        ),
        (
            "statements (`{% … %}`) of a template",
            templates::STATEMENTS,
        ),
        ("bytes of a name in a template", templates::NAME_BYTES),
        (
            "bytes of one constant calculation of a template",
            constants::CALCULATION,
        ),
        (
            "bytes of all constant calculations of a template",
            constants::ALL,
        ),
    ];
    let bound = |beyond| move |(what, most)| Bound { what, most, beyond };
    let mut all: Vec<Bound> = refused.map(bound(REFUSED)).into();
    all.extend(
        [
            (
                "bytes that operators of a template hold at once, and as many for its functions",
                memory::MOST,
            ),
            (
                "width of `indent`, and items of `batch` and `slice`",
                filters::MOST,
            ),
            ("bytes that `pprint` lays out", filters::LAID_OUT),
        ]
        .map(bound(FAILS)),
    );
    all.extend(
        [
            (
                "diagnostics of one configuration",
                diagnostics::DIAGNOSTICS,
                "the worst are reported",
            ),
            (
                "bytes of the value of a label",
                meters::VALUE_BYTES,
                "the value is cut",
            ),
            (
                "header lines of one edit, made of a list",
                HEADER_LINES,
                "the edit fails",
            ),
            (
                "bytes that the `message` of an answer quotes",
                limits::MESSAGE_BYTES,
                "the message is cut",
            ),
            (
                "bytes of the `body` of an answer",
                limits::ANSWER_BYTES,
                "the answer is an error with `code` and `message`",
            ),
            (
                "bytes of the headers of one part of a multipart body",
                bodies::PART_HEADER_BYTES,
                "the body is invalid",
            ),
            (
                "places of one body or event that edits look at",
                bodies::PLACES,
                "the body is not edited, and a failure is counted",
            ),
            (
                "bytes of the window of a zstd body",
                bodies::ZSTD_WINDOW_BYTES,
                "the body is invalid",
            ),
            (
                "bytes held of a streamed request without `limits.maxHeldBytes`",
                limits::HELD_BYTES,
                "the fields not seen by then are missing",
            ),
        ]
        .map(|(what, most, beyond)| Bound { what, most, beyond }),
    );
    all
}
