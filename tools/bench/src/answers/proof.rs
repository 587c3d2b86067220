//! That a peer does what it is measured for.

use anyhow::{Context, Result, anyhow, ensure};
use harness::Response;

use super::body::{ANSWERED, EVENTS, Kind, TOTAL};
use crate::stage::Running;

/// What an Envoy that is tried writes into its access log.
pub(super) const LOG_FORMAT: &str = "%DYNAMIC_METADATA(bench:total_tokens)%";

/// How a peer shows that it did its work.
#[derive(Clone, Copy, Debug)]
pub(super) enum Proof {
    /// It need not.
    Nothing,
    /// The access log has the total of the tokens.
    Logged,
    /// Envoy counts it in this stat.
    Stat(&'static str),
    /// The client sees this header.
    Header(&'static str),
    /// The client sees this in each event that has a model.
    EachEvent(&'static str),
}

impl Proof {
    /// Asks for one answer of this kind.
    ///
    /// # Errors
    /// The proof fails, or our module complains about its configuration: what it does not understand it must not be
    /// measured with.
    pub(super) fn check(self, running: &Running<'_>, kind: Kind) -> Result<()> {
        let response = running.get(kind.path())?;
        match self {
            Self::Nothing => passed(&response)?,
            Self::Logged => {
                passed(&response)?;
                let line = running.logged()?;
                ensure!(
                    line == TOTAL.to_string(),
                    "the tokens are {line:?}, not {TOTAL}"
                );
            }
            Self::Stat(name) => {
                passed(&response)?;
                ensure!(running.stat(name)? > 0, "{name} counted nothing");
            }
            Self::Header(name) => {
                passed(&response)?;
                let found = response.headers.value(name);
                found.with_context(|| format!("the answer has no {name}"))?;
            }
            Self::EachEvent(model) => {
                let edited = response.text().matches(model).count();
                ensure!(edited == EVENTS, "{edited} of {EVENTS} events were edited");
            }
        }
        match running.complaint() {
            Some(line) => Err(anyhow!("{line}")),
            None => Ok(()),
        }
    }
}

/// Fails if the answer came out otherwise.
fn passed(response: &Response) -> Result<()> {
    ensure!(
        response.text().contains(ANSWERED),
        "the model has another name"
    );
    Ok(())
}
