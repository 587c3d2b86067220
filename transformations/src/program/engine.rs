//! What all programs of a process share: its settings, and the template environment.

use std::sync::{Arc, Mutex, PoisonError};

use diagnostics::{ConfigErrors, Diagnostic};
use minijinja::Environment;

use super::{InUse, Loaded, SharedProgram, load};
use crate::config::{self, Limits};
use crate::languages::jinja;
use crate::metrics::{self, AllSeries, Meters};
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
    series: AllSeries,
    /// What listeners measure whose configuration does not say.
    meters: Option<Arc<Meters>>,
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
            series: AllSeries::default(),
            meters: None,
        }
    }

    /// Reads what listeners measure whose configuration has no `metrics`: JSON text, the object that the
    /// key would hold. The warnings come back.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it. Nothing has changed then.
    pub fn measure(&mut self, text: &[u8]) -> Result<Vec<Diagnostic>, ConfigErrors> {
        let draft = diagnostics::read(text, config::METRICS_ADVICE);
        let (meters, warnings) = draft.compile(|config| {
            let mut found = Vec::new();
            let settings = &self.settings;
            let meters = metrics::compile(config, "", settings, &self.series, &mut found);
            (meters, found)
        })?;
        self.meters = meters.map(Arc::new);
        Ok(warnings)
    }

    pub(crate) fn meters(&self) -> Option<&Arc<Meters>> {
        self.meters.as_ref()
    }

    pub(crate) fn series(&self) -> &AllSeries {
        &self.series
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
