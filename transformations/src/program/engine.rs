//! What all programs of a process share: its settings, and the template environment.

use std::sync::{Arc, Mutex, PoisonError};

use diagnostics::{ConfigErrors, Diagnostic};
use minijinja::Environment;

use super::{InUse, Loaded, SharedProgram, load};
use crate::config::Limits;
use crate::languages::jinja;
use crate::settings::Settings;

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
        load(self, text)
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
