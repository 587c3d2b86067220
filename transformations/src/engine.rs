//! What all programs of a process share: its settings, and the template environment.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use diagnostics::header;
use diagnostics::{ConfigErrors, Diagnostic};
use minijinja::Environment;

use crate::glob;
use crate::jinja;
use crate::limits::Limits;
use crate::program::{self, InUse, Loaded, SharedProgram};

/// What a process sets for all its configurations, because the control plane's schema cannot
/// carry it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Request headers that decide the route: a request transformation that sets one of them makes
    /// the host choose the route again, as if it said `clearRouteCache`.
    pub routing_headers: BTreeSet<String>,
    /// Environment variables that templates may read, as names or globs. `None`: all.
    pub readable_variables: Option<Vec<String>>,
    /// Whether the host tells no booleans, neither as attributes nor of metadata, as Envoy before
    /// 1.37.1: expressions that ask for one are warned of.
    pub lacks_booleans: bool,
}

impl Settings {
    /// Reads the two lists as an environment variable holds them: separated by commas.
    ///
    /// `routing_headers` that is absent means none; `readable_variables` that is absent means all,
    /// and one that is empty means none.
    pub fn from_lists(routing_headers: Option<&str>, readable_variables: Option<&str>) -> Self {
        let items = |list: &str| -> Vec<String> {
            let items = list
                .split(',')
                .map(str::trim)
                .filter(|item| !item.is_empty());
            items.map(str::to_owned).collect()
        };
        Self {
            routing_headers: items(routing_headers.unwrap_or_default())
                .into_iter()
                .map(|name| name.to_ascii_lowercase())
                .collect(),
            readable_variables: readable_variables.map(items),
            lacks_booleans: false,
        }
    }

    /// Routing headers that are no header names, and so do nothing.
    pub fn misnamed_headers(&self) -> impl Iterator<Item = &str> {
        let names = self.routing_headers.iter().map(String::as_str);
        names.filter(|name| !header::valid_name(name))
    }

    /// Whether templates may read this environment variable.
    pub(crate) fn readable(&self, variable: &str) -> bool {
        match &self.readable_variables {
            None => true,
            Some(allowed) => allowed
                .iter()
                .any(|pattern| glob::matches(pattern, variable)),
        }
    }
}

/// Compiles configurations. One serves a whole process: what programs share is in here.
///
/// ```
/// use transformations::{Engine, Settings};
///
/// let engine = Engine::new(Settings::default());
/// let errors = engine
///     .load(br#"{"request": {"set": [{"name": "x", "value": "{{"}], "remove": 1}}"#)
///     .unwrap_err();
/// assert_eq!(errors.0.len(), 2);
/// ```
#[derive(Debug)]
pub struct Engine {
    settings: Arc<Settings>,
    environment: Arc<Environment<'static>>,
    /// The last environment with other fuel than the default: configurations that set it mostly
    /// agree.
    other: Mutex<Option<(u64, Arc<Environment<'static>>)>>,
    in_use: InUse,
}

impl Default for Engine {
    fn default() -> Self {
        Self::new(Settings::default())
    }
}

impl Engine {
    /// An engine with these settings.
    pub fn new(settings: Settings) -> Self {
        let settings = Arc::new(settings);
        let fuel = Limits::default().template_fuel;
        Self {
            environment: Arc::new(jinja::environment(&settings, fuel)),
            settings,
            other: Mutex::default(),
            in_use: InUse::default(),
        }
    }

    /// Reads and compiles a configuration: JSON text.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it.
    pub fn load(&self, text: &[u8]) -> Result<Loaded, ConfigErrors> {
        program::load(self, text)
    }

    /// Reads and checks a configuration, for a process that holds many: those with the same text
    /// are one, for as long as anyone holds it, and each compiles when it is first used.
    ///
    /// The warnings come with the first of equal texts only.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it.
    pub fn share(
        self: &Arc<Self>,
        text: &[u8],
    ) -> Result<(Arc<SharedProgram>, Vec<Diagnostic>), ConfigErrors> {
        self.in_use.share(self, text)
    }

    pub(crate) fn settings(&self) -> &Arc<Settings> {
        &self.settings
    }

    /// The environment whose templates may take `fuel` steps.
    pub(crate) fn environment(&self, fuel: u64) -> Arc<Environment<'static>> {
        if fuel == Limits::default().template_fuel {
            return Arc::clone(&self.environment);
        }
        let mut other = self.other.lock().unwrap_or_else(PoisonError::into_inner);
        match &*other {
            Some((same, environment)) if *same == fuel => Arc::clone(environment),
            _ => {
                let environment = Arc::new(jinja::environment(&self.settings, fuel));
                *other = Some((fuel, Arc::clone(&environment)));
                environment
            }
        }
    }

    #[cfg(test)]
    pub(crate) fn in_use(&self) -> &InUse {
        &self.in_use
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_split_at_commas() {
        let settings = Settings::from_lists(Some(" X-Model, ,x-tenant"), Some("POD_*,NODE"));
        assert_eq!(
            settings.routing_headers,
            ["x-model", "x-tenant"].map(str::to_owned).into()
        );
        assert_eq!(settings.misnamed_headers().count(), 0);
        assert!(settings.readable("POD_NAME") && settings.readable("NODE"));
        assert!(!settings.readable("NODE_NAME") && !settings.readable("SECRET"));
        let others = Settings::from_lists(Some(":path,x-a x-b,x;y"), None);
        let misnamed: Vec<_> = others.misnamed_headers().collect();
        assert_eq!(misnamed, ["x-a x-b", "x;y"]);
        assert!(Settings::from_lists(None, None).readable("SECRET"));
        assert!(!Settings::from_lists(None, Some("")).readable("SECRET"));
    }
}
