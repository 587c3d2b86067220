//! Regular expressions: linear in time, bounded in size.

use regex::{Captures, Regex, RegexBuilder};

use super::budget::Budget;
use super::error::Error;

/// The largest compiled pattern, in bytes: enough for a few words of any script. Some patterns of
/// this size take microseconds for each byte of some texts.
const COMPILED_BYTES: usize = 256 << 10;

/// The longest pattern, in bytes.
const PATTERN_BYTES: usize = 1024;

/// How many levels of groups a pattern may have.
const NESTING: u32 = 32;

/// The steps that compiling takes: a class of most characters, repeated until it is too large, takes
/// a millisecond.
const COMPILE_STEPS: usize = 10_000;

/// The steps that searching takes for each byte.
const STEPS_PER_BYTE: usize = 2;

pub(super) fn compile(pattern: &str) -> Result<Regex, Error> {
    if pattern.len() > PATTERN_BYTES {
        return Error::failed(format!("the pattern is longer than {PATTERN_BYTES} bytes"));
    }
    RegexBuilder::new(pattern)
        .size_limit(COMPILED_BYTES)
        .nest_limit(NESTING)
        .build()
        .map_err(|error| Error::Failed(reason(&error)))
}

/// In one line.
fn reason(error: &regex::Error) -> String {
    let text = error.to_string();
    let last = text.lines().last().unwrap_or_default();
    format!(
        "the pattern is wrong: {}",
        last.trim_start_matches("error: ")
    )
}

/// A pattern that only the message tells.
pub(super) fn compile_now(pattern: &str, budget: &Budget) -> Result<Regex, Error> {
    budget.steps(COMPILE_STEPS)?;
    compile(pattern)
}

pub(super) fn matches(text: &str, pattern: &Regex, budget: &Budget) -> Result<bool, Error> {
    budget.steps(text.len().saturating_mul(STEPS_PER_BYTE))?;
    Ok(pattern.is_match(text))
}

/// `text` with every match replaced; `$1` in `with` is the first group.
pub(super) fn replace(
    text: &str,
    pattern: &Regex,
    with: &str,
    budget: &Budget,
) -> Result<String, Error> {
    budget.steps(text.len().saturating_mul(STEPS_PER_BYTE))?;
    budget.make(text.len())?;
    let groups = with.matches('$').count();
    let longest = |found: &Captures<'_>| {
        let found = found.get(0).map_or(0, |found| found.len());
        found.saturating_mul(groups).saturating_add(with.len())
    };
    let mut out = String::new();
    let mut rest: usize = 0;
    for found in pattern.captures_iter(text) {
        budget.step()?;
        budget.make(longest(&found))?;
        let Some(place) = found.get(0) else { continue };
        out.push_str(text.get(rest..place.start()).unwrap_or_default());
        found.expand(with, &mut out);
        rest = place.end();
    }
    out.push_str(text.get(rest..).unwrap_or_default());
    Ok(out)
}
