//! What is put before an Envoy: a case or a configuration, its listener and its verdict.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use cases::{Config, Expect, Filter};
use harness::{Cluster, EnvoyRelease};
use serde_json::Value;

use super::bootstrap::{self, Listener};
use super::case::Golden;
use super::expectation::Verdict;
use super::gateway::{Decision, Files, Gateway};
use super::play::{CaseUpstream, Scene};
use super::report::Outcome;
use super::routing::{Evaluation, FAILURES};
use super::take::{Take, neutral_config};
use super::verdict::{differences, needs_log, unseen};
use super::wire::Wire;

/// The namespace that an access list writes to.
const ACL_NAMESPACE: &str = "dev.kgateway.http.acl";

/// What Envoy says when the module refuses a configuration, on the listener or per route.
const MODULE_REFUSED: &str = "Failed to initialize";

/// A case or a configuration, ready to be put before Envoy.
pub(crate) enum Act<'a> {
    Case(Box<CaseAct<'a>>),
    Golden {
        id: &'a str,
        listener: String,
        golden: &'a Golden,
    },
}

pub(crate) struct CaseAct<'a> {
    id: &'a str,
    listener: String,
    case: &'a Take,
    wire: Wire,
    namespaces: Vec<String>,
    release: EnvoyRelease,
}

impl<'a> Act<'a> {
    pub(crate) fn golden(number: usize, id: &'a str, golden: &'a Golden) -> Self {
        let listener = format!("golden-{number}");
        Self::Golden {
            id,
            listener,
            golden,
        }
    }

    /// # Errors
    /// Why no client, upstream or Envoy can do what the case says.
    pub(crate) fn case(
        number: usize,
        id: &'a str,
        case: &'a Take,
        release: EnvoyRelease,
    ) -> Result<Self> {
        case.check()?;
        let wire = Wire::of(case)?;
        Ok(Self::Case(Box::new(CaseAct {
            id,
            listener: format!("case-{number}"),
            case,
            wire,
            namespaces: namespaces(case)?,
            release,
        })))
    }

    pub(crate) fn environment(&self) -> BTreeMap<String, String> {
        match self {
            Self::Case(act) => act.case.environment(),
            Self::Golden { .. } => BTreeMap::new(),
        }
    }

    /// # Errors
    /// No free port.
    pub(crate) async fn upstream(&self) -> Result<Option<CaseUpstream>> {
        match self {
            Self::Case(act) => CaseUpstream::start(act.case, &act.wire).await.map(Some),
            Self::Golden { .. } => Ok(None),
        }
    }

    /// The cluster that leads to the upstream.
    pub(crate) fn cluster(&self, upstream: &CaseUpstream) -> Option<Cluster> {
        match self {
            Self::Case(act) => {
                let address = upstream.upstream.address();
                Some(bootstrap::cluster(
                    &act.listener,
                    act.case,
                    &act.wire,
                    address,
                ))
            }
            Self::Golden { .. } => None,
        }
    }

    pub(crate) fn outcome(&self, differences: Vec<String>) -> Outcome {
        match self {
            Self::Case(act) => {
                let mut outcome = Outcome::new(act.id, differences).of(act.case);
                outcome.unseen = unseen(act.case, act.release);
                outcome
            }
            Self::Golden { id, .. } => Outcome::new(id, differences),
        }
    }

    fn listener(&self) -> &str {
        match self {
            Self::Case(act) => &act.listener,
            Self::Golden { listener, .. } => listener,
        }
    }

    /// What is to become of the configuration.
    fn verdict(&self) -> Verdict {
        match self {
            Self::Case(act) => match is_refused(&act.case.case.expect) {
                true => Verdict::Rejected,
                false => Verdict::Accepted,
            },
            Self::Golden { golden, .. } => golden.config,
        }
    }

    /// The listener with the configuration, and if it is to be refused another with one that is not.
    pub(crate) fn listeners(&self, release: EnvoyRelease, files: &Files) -> Vec<Value> {
        let neutral_name = neutral(self.listener());
        let (own, neutral) = match self {
            Self::Golden {
                listener, golden, ..
            } => {
                let neutral = neutral_config(golden.filter_name());
                (
                    bootstrap::golden(listener, golden, &golden.filter_config_text, release),
                    bootstrap::golden(&neutral_name, golden, neutral, release),
                )
            }
            Self::Case(act) => {
                let listener = Listener {
                    name: &act.listener,
                    case: act.case,
                    wire: &act.wire,
                    namespaces: &act.namespaces,
                    directory: files.directory(),
                };
                (
                    listener.resource(release),
                    listener.neutral(&neutral_name, release),
                )
            }
        };
        match self.verdict() == Verdict::Rejected || self.evaluation().is_some() {
            true => vec![own, neutral],
            false => vec![own],
        }
    }

    fn evaluation(&self) -> Option<&'a Evaluation> {
        match self {
            Self::Case(act) => act.case.evaluation.as_ref(),
            Self::Golden { .. } => None,
        }
    }

    /// Every difference between what is expected and what comes.
    ///
    /// # Errors
    /// The configuration is not taken or refused as expected, or the stage itself fails.
    pub(crate) async fn play(
        &self,
        gateway: &Gateway,
        files: &Files,
        upstream: Option<&CaseUpstream>,
    ) -> Result<Vec<String>> {
        if self.verdict() == Verdict::Rejected {
            return refused(gateway, self.listener()).map(|()| Vec::new());
        }
        if let Some(evaluation) = self.evaluation() {
            let decision = gateway.decision(self.listener())?;
            if matches!(decision, Decision::Refused(_)) {
                return refused(gateway, self.listener()).map(|()| evaluation.refused());
            }
        }
        accepted(gateway, self.listener())?;
        let (Self::Case(act), Some(upstream)) = (self, upstream) else {
            return Ok(Vec::new());
        };
        let scene = Scene {
            case: act.case,
            wire: &act.wire,
            listener: &act.listener,
            upstream,
            gateway,
            files,
            logged: needs_log(act.case),
        };
        let seen = scene.play().await?;
        Ok(match &act.case.evaluation {
            Some(evaluation) => evaluation.differences(act.case, &seen),
            None => differences(act.case, &act.wire, act.release, &seen),
        })
    }
}

/// The listener that differs from this one in its configuration only.
fn neutral(listener: &str) -> String {
    format!("{listener}-neutral")
}

fn accepted(gateway: &Gateway, listener: &str) -> Result<()> {
    match gateway.decision(listener)? {
        Decision::Accepted(_) => Ok(()),
        Decision::Refused(reason) => Err(anyhow::anyhow!(
            "config: expected accepted, came rejected: {reason}"
        )),
    }
}

/// Proves that it is the configuration that was refused: by the module, and the same listener is taken with another.
fn refused(gateway: &Gateway, listener: &str) -> Result<()> {
    match gateway.decision(listener)? {
        Decision::Accepted(_) => anyhow::bail!("config: expected rejected, came accepted"),
        Decision::Refused(reason) => anyhow::ensure!(
            reason.contains(MODULE_REFUSED),
            "config: expected to be rejected by the module, but it was refused for {reason}"
        ),
    }
    accepted(gateway, &neutral(listener))
        .context("config: its rejection proves nothing, for a valid one gets the same")
}

/// The namespaces to look at: those expected and those the case's configurations name.
fn namespaces(case: &Take) -> Result<Vec<String>> {
    if case.evaluation.is_some() {
        return Ok(vec![FAILURES.to_owned()]);
    }
    let mut namespaces = BTreeSet::new();
    let expected = case.case.expect.metadata.as_ref();
    let fails = case.case.expect.failures.is_some();
    if expected.is_none() && !fails && case.case.expect.partial {
        return Ok(Vec::new());
    }
    let expected = expected.into_iter().flat_map(|writes| &writes.0);
    namespaces.extend(expected.map(|(namespace, _, _)| namespace.clone()));
    if case.case.filter == Filter::HttpAcl {
        namespaces.insert(ACL_NAMESPACE.to_owned());
    } else if case.ours {
        namespaces.insert(FAILURES.to_owned());
    }
    let routes = case
        .case
        .routes
        .iter()
        .filter_map(|route| route.config.as_ref());
    let routes = routes.map(Config::text);
    for config in [case.case.config_text()].into_iter().chain(routes) {
        let config: Value = serde_json::from_str(config).unwrap_or_default();
        for pass in ["request", "response"] {
            let writes = config.pointer(&format!("/{pass}/dynamicMetadata"));
            let writes = writes.and_then(Value::as_array).into_iter().flatten();
            let names = writes.filter_map(|write| write.get("namespace")?.as_str());
            namespaces.extend(names.filter(|name| !name.is_empty()).map(ToOwned::to_owned));
        }
    }
    for namespace in &namespaces {
        // The access log's format has no way to quote them.
        anyhow::ensure!(
            !namespace.is_empty() && !namespace.contains([':', ')', '%']),
            "metadata namespace {namespace:?}"
        );
    }
    Ok(namespaces.into_iter().collect())
}

/// Whether the configuration is to be refused.
pub(crate) fn is_refused(expect: &Expect) -> bool {
    expect.refused || !expect.errors.is_empty()
}
