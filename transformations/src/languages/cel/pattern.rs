//! Regular expressions: linear in time, bounded in size.

use std::borrow::Cow;
use std::time::{Duration, Instant};

use regex::{Regex, RegexBuilder};
use regex_syntax::hir::{Hir, HirKind};

use super::budget::Budget;
use super::error::Error;
use crate::processor;

/// The largest compiled pattern, in bytes: enough for a few words of any script.
pub(crate) const COMPILED_BYTES: usize = 256 << 10;

/// The longest pattern, in bytes.
pub(crate) const PATTERN_BYTES: usize = 1024;

/// How many levels of groups a pattern may have.
pub(crate) const NESTING: u32 = 32;

/// The steps that compiling takes: a class of most characters, repeated until it is too large, takes
/// a millisecond.
const COMPILE_STEPS: usize = 10_000;

/// The least steps that searching takes for each byte.
const STEPS_PER_BYTE: usize = 2;

/// The places in a pattern that are followed in a step.
const PLACES_PER_STEP: usize = 16;

/// As how many places a class counts that has characters of several bytes.
const WIDE_CLASS: usize = 4;

/// The time that a step takes of a search that is measured, in nanoseconds.
const STEP: u128 = 150;

/// How often the searches are measured: to ask for processor time takes longer than most searches.
const LAP: Duration = Duration::from_micros(50);

/// A compiled pattern.
#[derive(Debug)]
pub(super) struct Pattern {
    regex: Regex,
    /// The places that a search may be at: all of them at once, for some patterns and texts.
    places: usize,
}

pub(super) fn compile(pattern: &str) -> Result<Pattern, Error> {
    if pattern.len() > PATTERN_BYTES {
        return Error::failed(format!("the pattern is longer than {PATTERN_BYTES} bytes"));
    }
    let regex = RegexBuilder::new(pattern)
        .size_limit(COMPILED_BYTES)
        .nest_limit(NESTING)
        .build()
        .map_err(|error| Error::Failed(reason(&error)))?;
    let parsed = regex_syntax::parse(pattern).map_err(|_| Error::Mismatch)?;
    let places = places(&parsed);
    Ok(Pattern { regex, places })
}

/// How many characters and classes a pattern has, written without repetitions.
fn places(pattern: &Hir) -> usize {
    let all = |patterns: &[Hir]| patterns.iter().map(places).fold(0, usize::saturating_add);
    match pattern.kind() {
        HirKind::Empty | HirKind::Look(_) => 1,
        HirKind::Literal(literal) => literal.0.len(),
        HirKind::Class(class) if class.maximum_len() == Some(1) => 1,
        HirKind::Class(_) => WIDE_CLASS,
        HirKind::Repetition(repetition) => {
            let times = repetition.max.unwrap_or(repetition.min).max(1);
            let times = usize::try_from(times).unwrap_or(usize::MAX);
            places(&repetition.sub).saturating_mul(times)
        }
        HirKind::Capture(capture) => places(&capture.sub).saturating_add(1),
        HirKind::Concat(patterns) | HirKind::Alternation(patterns) => all(patterns),
    }
}

impl Pattern {
    /// The steps that one search in `bytes` bytes takes at most.
    fn steps(&self, bytes: usize) -> usize {
        let each = (self.places / PLACES_PER_STEP).saturating_add(STEPS_PER_BYTE);
        bytes.saturating_mul(each)
    }

    /// The steps that finding the groups of a match takes at most.
    fn group_steps(&self, bytes: usize) -> usize {
        let each = self.places.saturating_mul(self.regex.captures_len());
        bytes.saturating_mul(each) / PLACES_PER_STEP
    }
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
pub(super) fn compile_now(pattern: &str, budget: &Budget) -> Result<Pattern, Error> {
    budget.steps(COMPILE_STEPS)?;
    compile(pattern)
}

pub(super) fn matches(text: &str, pattern: &Pattern, budget: &Budget) -> Result<bool, Error> {
    budget.steps(pattern.steps(text.len()))?;
    Ok(pattern.regex.is_match(text))
}

/// What searches take. One may look at all that follows, for a longer match, and so may the next: how far they look is not
/// known, so they are measured. Time that other threads have on this processor does not count.
struct Searches {
    lap: Instant,
    processor: Duration,
    /// What the searches of this lap cost at most.
    most: usize,
}

impl Searches {
    fn begin() -> Self {
        Self {
            lap: Instant::now(),
            processor: processor::time(),
            most: 0,
        }
    }

    /// The steps that are due after a search that costs `most` at most: none before the end of the lap.
    fn steps(&mut self, most: usize) -> usize {
        self.most = self.most.saturating_add(most);
        if self.lap.elapsed() < LAP {
            return 0;
        }
        let ended = std::mem::replace(self, Self::begin());
        let took = self.processor.saturating_sub(ended.processor);
        usize::try_from(took.as_nanos() / STEP)
            .unwrap_or(usize::MAX)
            .min(ended.most)
    }
}

/// `text` with every match replaced; `$1` in `with` is the first group.
pub(super) fn replace(
    text: &str,
    pattern: &Pattern,
    with: &str,
    budget: &Budget,
) -> Result<String, Error> {
    budget.steps(pattern.steps(text.len()))?;
    budget.make(text.len())?;
    budget.make(with.len())?;
    let with = &*with_numbers(with);
    let groups = with.matches('$').count();
    let mut out = String::new();
    let mut rest: usize = 0;
    let mut searches = Searches::begin();
    for found in pattern.regex.find_iter(text) {
        let longest = found.len().saturating_mul(groups);
        budget.step()?;
        budget.make(longest.saturating_add(with.len()))?;
        // It costs at most what searching the rest can, for the match and for its groups.
        let most = pattern.steps(text.len().saturating_sub(rest));
        let most = most.saturating_mul(if groups == 0 { 1 } else { 2 });
        budget.steps(searches.steps(most))?;
        out.push_str(text.get(rest..found.start()).unwrap_or_default());
        rest = found.end();
        if groups == 0 {
            out.push_str(with);
            continue;
        }
        budget.steps(pattern.group_steps(found.len()))?;
        if let Some(captures) = pattern.regex.captures_at(text, found.start()) {
            captures.expand(with, &mut out);
        }
    }
    out.push_str(text.get(rest..).unwrap_or_default());
    Ok(out)
}

/// A replacement in which a number after `$` ends with its digits: in `$1x` the engine sees a group that is
/// called `1x`.
fn with_numbers(with: &str) -> Cow<'_, str> {
    if !with.contains('$') {
        return Cow::Borrowed(with);
    }
    let mut out = String::with_capacity(with.len());
    let mut rest = with;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        if let Some(after) = after.strip_prefix('$') {
            out.push_str("$$");
            rest = after;
            continue;
        }
        let end = after.find(|c: char| !c.is_ascii_digit());
        let (digits, after) = after
            .split_at_checked(end.unwrap_or(after.len()))
            .unwrap_or(("", after));
        match digits {
            "" => out.push('$'),
            digits => out.extend(["${", digits, "}"]),
        }
        rest = after;
    }
    out.push_str(rest);
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Limits;

    const LONG: usize = 400_000;

    const PATTERNS: &[&str] = &[
        "b",
        "a+",
        "[ab]*c",
        "(a*)*b",
        "(?i)ignore (all )?previous instructions",
        r"\w+",
        r"\b\w+\b",
        r"\p{L}+\d",
        r"\w+@\w+\.\w+",
        r"(\w+\s*)*$",
        r"^(?:\S+\s+)*\d$",
        "[ab]*a[ab]{10}c",
        "[ab]*a[ab]{100}c",
        "[ab]*a[ab]{500}c",
        "[ab]*a[ab]{2000}c",
        "(a?){200}b",
        "(a|b|ab)*(aa|bb){100}c",
        "(?:[^b]{1,60}){1,10}c",
        r"\w{30}",
        r"(\w|\s){10}\d",
        r"\b(\w\b.|\w){30}\d",
        ".*[^a]|a",
        ".*[^a-zé ]|[a-z ]",
        r"(?s).*\d|\w",
        "(?-u:[ab]*a[ab]{400}c)|a",
        "([ab]*a[ab]{100}c)|(a)",
        r"\b.*[^a-zé ]\b|[a-z ]",
        "",
        "a??",
        "(?:a{1,100}){1,20}$",
        r"\b(?:\w*[aé]\w*){3}\b\d",
        r"(?:\w*\s*){3}\d",
        r"(?:\w*a){6}\d",
        "(?:(a)|(b)|(é)|( )|([cde]))+",
        "(?:((((((((((((((((a))))))))))))))))|b)+",
        r"\b(?:(\w)|(\s))+\b",
    ];

    fn texts() -> [String; 5] {
        let pseudo = (0..LONG).scan(1_u32, |state, _| {
            *state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            Some(if *state >> 31 == 0 { 'a' } else { 'b' })
        });
        [
            "a".repeat(LONG),
            pseudo.collect(),
            "the words of a text ".repeat(LONG / 20),
            "é".repeat(LONG / 2),
            "aé b\n".repeat(LONG / 6),
        ]
    }

    #[test]
    fn every_pattern_ends_soon() {
        let limits = Limits {
            template_fuel: processor::FUEL,
            ..Limits::default()
        };
        let mut slow = Vec::new();
        for whole in texts() {
            for length in [LONG, 200_000, 50_000, 10_000, 2000] {
                let text = whole.get(..whole.floor_char_boundary(length)).unwrap();
                for pattern in PATTERNS {
                    let Ok(regex) = compile(pattern) else {
                        continue;
                    };
                    for with in ["", "[x]", "[$0]"] {
                        let budget = Budget::new(&limits);
                        let begin = processor::time();
                        let result = match with {
                            "" => matches(text, &regex, &budget).map(usize::from),
                            with => replace(text, &regex, with, &budget).map(|text| text.len()),
                        };
                        let took = processor::time().saturating_sub(begin);
                        let what = format!(
                            "{took:?}: {pattern} {} {length} {with:?}",
                            text.get(..6).unwrap_or_default()
                        );
                        if std::env::var("SHOW_COSTS").is_ok() && took.as_millis() > 20 {
                            eprintln!("{what} {result:?}");
                        }
                        if took > processor::BOUND {
                            slow.push(what);
                        }
                    }
                }
            }
        }
        assert!(slow.is_empty(), "{}", slow.join("\n"));
    }

    #[test]
    fn ordinary_patterns_read_long_texts() {
        let limits = Limits::default();
        let text = "the mail of a.b@example.com, its token: \"abc\", é.\n".repeat(1000);
        for pattern in [
            r"[\w.+-]+@[\w-]+\.[\w.]+",
            r"\b\d{3}-\d{2}-\d{4}\b",
            r#"(?i)(password|secret|token)"?\s*[:=]\s*"?([^"\s]+)"#,
            "(?i)ignore (all )?previous instructions",
            r"\s+",
        ] {
            let pattern = compile(pattern).unwrap();
            assert!(matches(&text, &pattern, &Budget::new(&limits)).is_ok());
            let replaced = replace(&text, &pattern, "[$1]", &Budget::new(&limits));
            assert!(replaced.is_ok(), "{pattern:?}: {replaced:?}");
        }
    }

    /// On a busy machine, a thread waits as long as it runs.
    #[test]
    fn time_off_the_processor_takes_no_steps() {
        let mut searches = Searches::begin();
        let away = Duration::from_millis(50);
        std::thread::sleep(away);
        let steps = searches.steps(usize::MAX);
        assert!(
            u128::try_from(steps).unwrap() < away.as_nanos() / STEP / 4,
            "{steps}"
        );
    }

    #[test]
    fn searches_take_the_time_they_run_up_to_the_most_they_can() {
        let run = || {
            let begin = processor::time();
            while processor::time().saturating_sub(begin) < LAP * 4 {}
        };
        let mut searches = Searches::begin();
        run();
        assert!(searches.steps(usize::MAX) >= usize::try_from(LAP.as_nanos() / STEP).unwrap());
        run();
        assert_eq!(searches.steps(1), 1);
    }

    #[test]
    fn the_number_of_a_group_ends_with_its_digits() {
        let budget = Budget::new(&Limits::default());
        for (with, expected) in [
            ("$1x", "ax"),
            ("$2_$1", "b_a"),
            ("${1}2", "a2"),
            ("$12", ""),
            ("$$1x", "$1x"),
            ("$$$1x", "$ax"),
            ("$name$1", "ba"),
            ("$", "$"),
            ("x$", "x$"),
            ("$1é", "aé"),
            ("$0$", "ab$"),
        ] {
            let pattern = compile("(a)(?<name>b)").unwrap();
            let replaced = replace("ab", &pattern, with, &budget).unwrap();
            assert_eq!(replaced, expected, "{with}");
        }
    }

    #[test]
    fn groups_are_those_of_the_match_in_its_place() {
        let budget = Budget::new(&Limits::default());
        for (text, pattern, with, expected) in [
            ("ab ab", r"\b(a)(b)", "$2$1", "ba ba"),
            ("aab", "a(b?)", "<$1>", "<><b>"),
            ("abc", "(x?)", "[$1]", "[]a[]b[]c[]"),
            ("aXb", "(?i)x", "", "ab"),
            ("a1b22", r"(?<digits>\d+)$", "-$digits", "a1b-22"),
        ] {
            let pattern = compile(pattern).unwrap();
            let replaced = replace(text, &pattern, with, &budget).unwrap();
            assert_eq!(replaced, expected, "{text}");
            assert_eq!(replaced, pattern.regex.replace_all(text, with), "{text}");
        }
    }
}
