//! The key `metrics`: what a listener measures.

use std::sync::Arc;

use diagnostics::{Code, Diagnostic};

use super::Compiler;
use crate::config::Config;
use crate::metrics::{self, Meters};
use crate::program::Pass;

impl Compiler<'_> {
    /// What a listener with this configuration measures: what it says, else what the process says.
    pub(super) fn meters(
        &mut self,
        config: &Config,
        passes: &[&Option<Pass>; 2],
    ) -> Option<Arc<Meters>> {
        let Some(metrics) = &config.metrics else {
            return self.engine.meters().cloned();
        };
        let meters = metrics::compile(
            metrics,
            "metrics",
            self.settings,
            self.engine.series(),
            &mut self.diagnostics,
        )?;
        let passes = passes.iter().filter_map(|pass| pass.as_ref());
        let known: Vec<&str> = passes.flat_map(|pass| pass.extraction.names()).collect();
        if !known.is_empty() {
            self.unknown_labels(&known, &meters);
        }
        Some(Arc::new(meters))
    }

    /// Warns of labels that name fields which the listener does not extract. One that extracts nothing
    /// leaves it to its routes.
    fn unknown_labels(&mut self, known: &[&str], meters: &Meters) {
        for name in meters.fields() {
            if known.contains(&name) {
                continue;
            }
            let message = format!("a label reads `{name}`, which the listener does not extract");
            let warning = Diagnostic::warning(Code::UnknownName, "metrics.labels", message)
                .help("extract it, or the label is `none` where no route extracts it");
            self.diagnostics
                .push(warning.suggest(name, known.iter().copied()));
        }
    }
}
