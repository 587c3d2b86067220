//! Reads files of cases.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_saphyr::{Spanned, UserMessageFormatter};

use crate::case::Case;
use crate::config::Config;
use crate::message::{Answer, Message, Request};

/// Why a file of cases cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file cannot be opened.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What prevents it.
        source: std::io::Error,
    },
    /// It is no YAML, a key is not known, or a value is of another kind.
    #[error("{0}")]
    Text(String),
    /// Cases that could not fail, that contradict themselves, or that share a name.
    #[error("{}", .0.join("\n"))]
    Mistakes(Vec<String>),
}

/// A file as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// The configuration of the cases that have none.
    #[serde(default)]
    config: Option<Config>,
    cases: Vec<Spanned<Case>>,
}

/// A case and the line that it begins on.
#[derive(Clone, Debug)]
pub struct Placed {
    /// The line, counted from 1.
    pub line: u64,
    /// The case.
    pub case: Case,
}

/// Reads a file of cases.
///
/// # Errors
/// See [`ReadError`]; each error names its place.
pub fn file(path: &Path) -> Result<Vec<Placed>, ReadError> {
    let text = std::fs::read_to_string(path).map_err(|source| ReadError::File {
        path: path.to_owned(),
        source,
    })?;
    read_in(&text, &path.display().to_string(), path.parent())
}

/// Reads the text of a file of cases. `name` is what errors call it.
///
/// # Errors
/// See [`ReadError`]; each error names its place. A configuration in a file is one.
pub fn read(text: &str, name: &str) -> Result<Vec<Placed>, ReadError> {
    read_in(text, name, None)
}

/// Reads a request that is written as in a case.
///
/// # Errors
/// It is no YAML, or a key is not known.
pub fn request(text: &str) -> Result<Message, ReadError> {
    message(text).map(|Request(message)| message)
}

/// Reads an answer that is written as in a case.
///
/// # Errors
/// It is no YAML, or a key is not known.
pub fn answer(text: &str) -> Result<Message, ReadError> {
    message(text).map(|Answer(message)| message)
}

fn message<M: DeserializeOwned>(text: &str) -> Result<M, ReadError> {
    let options = serde_saphyr::options! { strict_booleans: true };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| {
        let said = error.render_with_formatter(&UserMessageFormatter);
        ReadError::Text(said.to_string())
    })
}

fn read_in(text: &str, name: &str, folder: Option<&Path>) -> Result<Vec<Placed>, ReadError> {
    let options = serde_saphyr::options! { strict_booleans: true };
    let parsed = serde_saphyr::from_str_with_options(text, options);
    let File { config, cases } = parsed.map_err(|error| {
        let said = error.render_with_formatter(&UserMessageFormatter);
        ReadError::Text(format!("{name}: {said}"))
    })?;
    let mut mistakes = Vec::new();
    let mut names = BTreeSet::new();
    let mut placed = Vec::new();
    for Spanned {
        value: mut case,
        referenced,
        ..
    } in cases
    {
        let line = referenced.line();
        case.config = case.config.or_else(|| config.clone());
        let routes = case.routes.iter_mut().map(|route| &mut route.config);
        let configs = [&mut case.config].into_iter().chain(routes).flatten();
        let unread = configs.filter_map(|config| config.resolve(folder).err());
        let mut found: Vec<String> = unread.collect();
        found.extend(case.mistakes());
        if !names.insert(case.name.clone()) {
            found.push("another case has this name".to_owned());
        }
        let told = found.into_iter();
        mistakes.extend(told.map(|what| format!("{name}:{line}: `{}`: {what}", case.name)));
        placed.push(Placed { line, case });
    }
    if placed.is_empty() {
        mistakes.push(format!("{name}: no case"));
    }
    match mistakes.is_empty() {
        true => Ok(placed),
        false => Err(ReadError::Mistakes(mistakes)),
    }
}
