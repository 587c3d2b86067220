//! Which filter of a configuration is played.

use std::sync::Arc;

use transformations::{Chain, Engine, Program};

use crate::check;
use crate::document::{self, Filter, Owner};
use crate::file::File;
use crate::finding::Finding;

/// The filter that a dry run plays.
#[derive(Clone, Debug)]
pub(super) struct Choice {
    /// Where in the file it is.
    pub(super) place: String,
    /// What the listener's, or the cluster's, filter does.
    pub(super) program: Arc<Program>,
    /// The chain that it is in.
    pub(super) chain: Chain,
    /// What is wrong with the configuration, but no error.
    pub(super) warnings: Vec<Finding>,
}

/// Why none can be played.
#[derive(Clone, Debug)]
pub enum NoChoice {
    /// The configuration is refused, for these errors.
    Refused(Vec<Finding>),
    /// There is no such filter, or there are several.
    Unclear(String),
}

impl Choice {
    /// Chooses the filter at a place of a configuration, or the only one there is, or the only one of a listener. `name` is
    /// what messages call the file.
    ///
    /// # Errors
    /// See [`NoChoice`].
    pub(super) fn of(engine: &Engine, file: File<'_>, at: Option<&str>) -> Result<Self, NoChoice> {
        let warnings = sound(engine, file)?;
        let filters = document::contents(file, "rustformation").filters;
        let filter = filter(&filters, file, at).map_err(NoChoice::Unclear)?;
        let chain = match filter.owner {
            Some(Owner::Cluster) => Chain::Upstream,
            _ => Chain::Downstream,
        };
        let loaded = engine.load(filter.config.as_bytes());
        let loaded = loaded.map_err(|errors| NoChoice::Unclear(errors.to_string()))?;
        Ok(Self {
            program: Arc::new(loaded.program),
            chain,
            place: filter.place.clone(),
            warnings,
        })
    }
}

/// What is wrong with a configuration, but no error.
///
/// # Errors
/// The errors that it has.
pub(super) fn sound(engine: &Engine, file: File<'_>) -> Result<Vec<Finding>, NoChoice> {
    let findings = check::judge(engine, "rustformation", file);
    let (errors, rest): (Vec<_>, Vec<_>) = findings.into_iter().partition(Finding::is_error);
    match errors.is_empty() {
        true => Ok(rest.into_iter().filter(Finding::is_warning).collect()),
        false => Err(NoChoice::Refused(errors)),
    }
}

fn filter<'f>(
    filters: &'f [Filter],
    file: File<'_>,
    at: Option<&str>,
) -> Result<&'f Filter, String> {
    let played = filters.iter().filter(|filter| filter.name != "http-acl");
    let played: Vec<&Filter> = played.collect();
    let places = || {
        let places: Vec<&str> = played.iter().map(|filter| filter.place.as_str()).collect();
        places.join("\n  ")
    };
    if let Some(at) = at {
        let mut found = played.iter().filter(|filter| filter.place == at);
        let none = || format!("{file}: no filter at `{at}`; there are\n  {}", places());
        return found.next().copied().ok_or_else(none);
    }
    let of_listeners = played.iter().copied();
    let of_listeners = of_listeners.filter(|filter| filter.owner == Some(Owner::Listener));
    let of_listeners: Vec<&Filter> = of_listeners.collect();
    match (played.as_slice(), of_listeners.as_slice()) {
        ([only], _) | (_, [only]) => Ok(only),
        ([], _) => Err(format!(
            "{file}: no filter but http-acl, which is not played"
        )),
        _ => Err(format!(
            "{file}: several filters; choose one with `--at`:\n  {}",
            places()
        )),
    }
}
