//! Text to a typed configuration, with everything that is wrong with its shape.

use std::cmp::Reverse;

use serde::de::DeserializeOwned;
use serde::de::IgnoredAny;
use serde_json::Value;
use serde_path_to_error::Segment;

use crate::known::{self, Step};
use crate::plain;
use crate::positional;
use crate::{Code, ConfigErrors, Diagnostic, Position, closest};

/// Most diagnostics of one configuration.
pub const MOST: usize = 64;

/// What helps with the mistakes in one kind of configuration.
#[derive(Clone, Copy)]
pub struct Advice {
    /// What to write when there is nothing.
    pub when_empty: &'static str,
    /// What to write where the value at this path has the wrong shape, if anything more helps than the
    /// message.
    pub value: fn(path: &str) -> Option<&'static str>,
    /// What to write in place of an unknown key, which others know, in the object at this path.
    pub key: fn(path: &str, key: &str) -> Option<&'static str>,
}

/// What could be read of a configuration, and what is wrong with its shape.
pub struct Draft<C> {
    /// Everything that could be read, so that the rest of it can be checked too. `None`: nothing.
    pub config: Option<C>,
    /// What is wrong. Any error refuses the whole.
    pub diagnostics: Vec<Diagnostic>,
    taken_out: TakenOut,
}

impl<C> Draft<C> {
    fn refused(diagnostic: Diagnostic) -> Self {
        Self {
            config: None,
            diagnostics: vec![diagnostic],
            taken_out: TakenOut::default(),
        }
    }

    /// Compiles what could be read. The result comes with the warnings.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with the shape, and what `compile` finds wrong.
    pub fn compile<T>(
        self,
        compile: impl FnOnce(&C) -> (T, Vec<Diagnostic>),
    ) -> Result<(T, Vec<Diagnostic>), ConfigErrors> {
        let mut diagnostics = self.diagnostics;
        let compiled = self.config.map(|config| {
            let (compiled, mut found) = compile(&config);
            for diagnostic in &mut found {
                diagnostic.path = self.taken_out.original_path(&diagnostic.path);
            }
            // What does not fit in an item with a part taken out may fit once that part is mended.
            found.retain(|found| {
                let mended =
                    |broken: &Diagnostic| item(&found.path).starts_with(item(&broken.path));
                let mut broken = diagnostics.iter().filter(|broken| broken.is_error());
                match found.code {
                    Code::Conflict => !broken.any(mended),
                    Code::Schema => !broken.any(|broken| found.misses(broken)),
                    _ => true,
                }
            });
            diagnostics.append(&mut found);
            compiled
        });
        let refused = diagnostics.iter().any(Diagnostic::is_error);
        shorten(&mut diagnostics);
        match compiled {
            Some(compiled) if !refused => Ok((compiled, diagnostics)),
            _ => Err(ConfigErrors(diagnostics)),
        }
    }
}

impl Diagnostic {
    /// Whether it misses a key only because that was taken out for its value, which `broken` reports.
    fn misses(&self, broken: &Diagnostic) -> bool {
        let key = match self.path.as_str() {
            "" => Some(broken.path.as_str()),
            path => broken
                .path
                .strip_prefix(path)
                .and_then(|key| key.strip_prefix('.')),
        };
        key.is_some_and(|key| self.message == format!("missing key `{key}`"))
    }
}

/// The item of a top-level list that a path leads to or into: `request.set[2]`.
fn item(path: &str) -> &str {
    let end = path
        .find(']')
        .map_or(path.len(), |bracket| bracket.saturating_add(1));
    path.get(..end).unwrap_or(path)
}

/// Keeps the worst, as many as anyone reads.
fn shorten(diagnostics: &mut Vec<Diagnostic>) {
    let more = diagnostics.len().saturating_sub(MOST);
    if more > 0 {
        diagnostics.sort_by_key(|diagnostic| Reverse(diagnostic.severity));
        diagnostics.truncate(MOST);
        let rest = Diagnostic::warning(
            Code::Range,
            "",
            format!("{more} more problems are not shown"),
        );
        diagnostics.push(rest.help("fix these first"));
    }
}

/// Reads a configuration.
pub fn read<C: DeserializeOwned>(text: &[u8], advice: Advice) -> Draft<C> {
    let text = match std::str::from_utf8(text) {
        Ok(text) => text,
        Err(error) => {
            let message = format!("not UTF-8: byte {} is invalid", error.valid_up_to());
            let error = Diagnostic::error(Code::Syntax, "", message);
            return Draft::refused(error.help("save the configuration as UTF-8"));
        }
    };
    if text.trim_ascii().is_empty() {
        let empty = Diagnostic::error(Code::Syntax, "", "the configuration is empty");
        return Draft::refused(empty.help(advice.when_empty));
    }
    let mut diagnostics = Vec::new();
    match strict(text, advice, &mut diagnostics) {
        Ok(config) if !positional::any::<C>(text) => Draft {
            config: Some(config),
            diagnostics,
            taken_out: TakenOut::default(),
        },
        Ok(_) => salvage(text, advice, None),
        Err(first) => salvage(text, advice, Some(first)),
    }
}

/// Reads straight from the text: the only way to see a key that stands twice.
fn strict<C: DeserializeOwned>(
    text: &str,
    advice: Advice,
    unknown: &mut Vec<Diagnostic>,
) -> Result<C, Diagnostic> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let config = typed(&mut deserializer, advice, unknown).map_err(|(path, error)| {
        // An enum that is `null` is an error of syntax to the parser, but not to the reader.
        if error.is_data() || serde_json::from_str::<IgnoredAny>(text).is_ok() {
            schema_error(&path, &error, advice)
        } else {
            syntax_error(text, &error)
        }
    })?;
    let rest = deserializer.end();
    rest.map_err(|error| syntax_error(text, &error))?;
    Ok(config)
}

/// Finds the errors after the first: each broken value is taken out and the rest read again.
///
/// `first` is what the text itself shows to be wrong.
fn salvage<C: DeserializeOwned>(text: &str, advice: Advice, first: Option<Diagnostic>) -> Draft<C> {
    let first = match first {
        Some(first) if first.code == Code::Syntax => return Draft::refused(first),
        first => first,
    };
    let mut document = match serde_json::from_str::<Value>(text) {
        Ok(document) => document,
        Err(error) => return Draft::refused(first.unwrap_or_else(|| syntax_error(text, &error))),
    };
    let mut taken_out = TakenOut::default();
    let mut diagnostics = Vec::new();
    let mut config = None;
    while diagnostics.len() < MOST {
        if let Some((path, message)) = positional::first::<C>(&document) {
            let mut place = String::new();
            path.iter()
                .for_each(|segment| push_segment(&mut place, segment));
            let mut diagnostic = wrong_shape(place, message, advice);
            diagnostic.path = taken_out.original_path(&diagnostic.path);
            diagnostics.push(diagnostic);
            if !take_out(&mut document, &path, &mut taken_out) {
                break;
            }
            continue;
        }
        let mut unknown = Vec::new();
        match typed(&document, advice, &mut unknown) {
            Ok(rest) => {
                config = Some(rest);
                for diagnostic in &mut unknown {
                    diagnostic.path = taken_out.original_path(&diagnostic.path);
                }
                diagnostics.append(&mut unknown);
                break;
            }
            Err((path, error)) => {
                let mut diagnostic = schema_error(&path, &error, advice);
                if let Some(key) = plain::missing_key(&diagnostic.message)
                    && let Some(written) = misspelt(&document, &path, key)
                {
                    let help = format!("`{written}` is unknown: did you mean `{key}`?");
                    diagnostic.help = Some(help);
                }
                diagnostic.path = taken_out.original_path(&diagnostic.path);
                if !diagnostics.iter().any(|broken| diagnostic.misses(broken)) {
                    diagnostics.push(diagnostic);
                }
                let path: Vec<Segment> = path.iter().cloned().collect();
                if !take_out(&mut document, &path, &mut taken_out) {
                    break;
                }
            }
        }
    }
    if let Some(first) = first
        && !diagnostics.iter().any(Diagnostic::is_error)
    {
        // Only the text shows it: a key that stands twice.
        diagnostics.insert(0, first);
    }
    Draft {
        config,
        diagnostics,
        taken_out,
    }
}

fn typed<'de, C, D>(
    deserializer: D,
    advice: Advice,
    unknown: &mut Vec<Diagnostic>,
) -> Result<C, (serde_path_to_error::Path, serde_json::Error)>
where
    C: DeserializeOwned,
    D: serde::Deserializer<'de, Error = serde_json::Error>,
{
    let mut track = serde_path_to_error::Track::new();
    let tracked = serde_path_to_error::Deserializer::new(deserializer, &mut track);
    let mut ignored = |path: serde_ignored::Path<'_>| {
        let mut place = steps(&path);
        let Some(Step::Key(key)) = place.pop() else {
            return;
        };
        let parent = match &path {
            serde_ignored::Path::Map { parent, .. } => readable(parent),
            _ => String::new(),
        };
        let help = match (advice.key)(&parent, &key) {
            Some(elsewhere) => elsewhere.to_owned(),
            // It is dear to find, and nobody reads more.
            None if unknown.len() >= MOST => "check its spelling, or remove it".to_owned(),
            None => known::instead_of::<C>(&place, &key),
        };
        let message = "unknown key, which is ignored";
        unknown.push(Diagnostic::warning(Code::UnknownKey, readable(&path), message).help(help));
    };
    let read = serde_ignored::Deserializer::new(tracked, &mut ignored);
    C::deserialize(read).map_err(|error| (track.path(), error))
}

/// A path as users write it: `request.set[2].nmae`.
fn readable(path: &serde_ignored::Path<'_>) -> String {
    use serde_ignored::Path;
    match path {
        Path::Root => String::new(),
        Path::Seq { parent, index } => format!("{}[{index}]", readable(parent)),
        Path::Map { parent, key } => match readable(parent) {
            parent if parent.is_empty() => key.clone(),
            parent => format!("{parent}.{key}"),
        },
        Path::Some { parent }
        | Path::NewtypeStruct { parent }
        | Path::NewtypeVariant { parent } => readable(parent),
    }
}

/// The same as steps.
fn steps(path: &serde_ignored::Path<'_>) -> Vec<Step> {
    use serde_ignored::Path;
    let (parent, step) = match path {
        Path::Root => return Vec::new(),
        Path::Seq { parent, .. } => (parent, Some(Step::Item)),
        Path::Map { parent, key } => (parent, Some(Step::Key(key.clone()))),
        Path::Some { parent }
        | Path::NewtypeStruct { parent }
        | Path::NewtypeVariant { parent } => (parent, None),
    };
    let mut steps = steps(parent);
    steps.extend(step);
    steps
}

fn syntax_error(text: &str, error: &serde_json::Error) -> Diagnostic {
    let position = (error.line() > 0).then(|| Position {
        line: error.line(),
        column: error.column().max(1),
    });
    Diagnostic::error(
        Code::Syntax,
        "",
        format!("not JSON: {}", plain::bare(error)),
    )
    .at(position)
    .help(plain::instead_of_text(text))
}

fn schema_error(
    path: &serde_path_to_error::Path,
    error: &serde_json::Error,
    advice: Advice,
) -> Diagnostic {
    let path = path.to_string();
    let path = if path == "." { String::new() } else { path };
    wrong_shape(path, plain::shape(error), advice)
}

fn wrong_shape(path: String, message: String, advice: Advice) -> Diagnostic {
    let help = plain::instead_of_value(&message).or_else(|| {
        let advised = (advice.value)(&path).or(plain::kind(&message));
        let missing = || Some(format!("add `{}`", plain::missing_key(&message)?));
        advised.map(str::to_owned).or_else(missing)
    });
    let mut diagnostic = Diagnostic::error(Code::Schema, path, message);
    diagnostic.help = help;
    diagnostic
}

/// The key of the object at `path` that was meant to be `key`.
fn misspelt<'d>(
    document: &'d Value,
    path: &serde_path_to_error::Path,
    key: &str,
) -> Option<&'d str> {
    let mut steps = path.iter();
    let object = steps.try_fold(document, |here, segment| match segment {
        Segment::Seq { index } => here.get(index),
        Segment::Map { key } => here.get(key),
        Segment::Enum { .. } | Segment::Unknown => None,
    });
    let mut written = object?.as_object()?.keys().map(String::as_str);
    written.find(|written| closest(written, [key]).is_some())
}

/// Removes the value at `path`, or the nearest one around it that exists. `false` when only the
/// whole document is left.
fn take_out(document: &mut Value, segments: &[Segment], taken_out: &mut TakenOut) -> bool {
    // A missing key's path ends at the object that lacks it; a type error's may go on into a
    // value that is not there.
    (1..=segments.len()).rev().any(|length| {
        let Some((last, parents)) = segments.get(..length).and_then(<[Segment]>::split_last) else {
            return false;
        };
        let mut place = String::new();
        let mut here = &mut *document;
        for segment in parents {
            let next = match segment {
                Segment::Seq { index } => here.get_mut(*index),
                Segment::Map { key } => here.get_mut(key),
                Segment::Enum { .. } | Segment::Unknown => None,
            };
            let Some(next) = next else { return false };
            here = next;
            push_segment(&mut place, segment);
        }
        match (last, here) {
            (Segment::Seq { index }, Value::Array(items)) if *index < items.len() => {
                items.remove(*index);
                taken_out.push(&place, *index);
                true
            }
            (Segment::Map { key }, Value::Object(members)) => members.remove(key).is_some(),
            _ => false,
        }
    })
}

fn push_segment(path: &mut String, segment: &Segment) {
    match segment {
        Segment::Seq { index } => path.push_str(&format!("[{index}]")),
        Segment::Map { key } => {
            if !path.is_empty() {
                path.push('.');
            }
            path.push_str(key);
        }
        Segment::Enum { .. } | Segment::Unknown => {}
    }
}

/// Items taken out of lists; what follows them has moved up, but users count from the text.
#[derive(Default)]
struct TakenOut(Vec<(String, usize)>);

impl TakenOut {
    fn push(&mut self, list: &str, index: usize) {
        let list = self.original_path(list);
        let index = self.original_index(&list, index);
        self.0.push((list, index));
        self.0.sort();
    }

    fn original_index(&self, list: &str, index: usize) -> usize {
        self.0
            .iter()
            .filter(|(other, _)| other == list)
            .fold(index, |index, (_, gone)| {
                index.saturating_add(usize::from(*gone <= index))
            })
    }

    fn original_path(&self, path: &str) -> String {
        let mut out = String::new();
        for (nth, part) in path.split('[').enumerate() {
            if nth == 0 {
                out.push_str(part);
                continue;
            }
            match part.split_once(']') {
                Some((index, rest)) if index.parse::<usize>().is_ok() => {
                    let index = index.parse().unwrap_or_default();
                    let index = self.original_index(&out, index);
                    out.push_str(&format!("[{index}]{rest}"));
                }
                _ => {
                    out.push('[');
                    out.push_str(part);
                }
            }
        }
        out
    }
}
