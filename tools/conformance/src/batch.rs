//! The cases that share an Envoy.

use std::sync::Arc;

use anyhow::Result;
use harness::{EnvoyRelease, Module};
use serde_json::Value;
use tokio::sync::Mutex;

use super::act::Act;
use super::bootstrap;
use super::gateway::{Files, Gateway};
use super::play::CaseUpstream;
use super::report::Outcome;

/// Cases of one environment on one release. The Envoy starts with the first that is played, and again after one that
/// brought it down. They may be played at the same time.
pub struct Batch<'a> {
    acts: Vec<Act<'a>>,
    release: EnvoyRelease,
    stage: Mutex<Stage>,
}

enum Stage {
    Dark,
    Lit(Arc<Lit>),
    /// Why no Envoy starts.
    Broken(String),
}

struct Lit {
    gateway: Gateway,
    files: Files,
    /// In the order of the acts.
    upstreams: Vec<Option<CaseUpstream>>,
}

impl<'a> Batch<'a> {
    pub(crate) fn new(acts: Vec<Act<'a>>, release: EnvoyRelease) -> Self {
        Self {
            acts,
            release,
            stage: Mutex::new(Stage::Dark),
        }
    }

    /// How many cases there are.
    pub fn len(&self) -> usize {
        self.acts.len()
    }

    /// Whether there is no case.
    pub fn is_empty(&self) -> bool {
        self.acts.is_empty()
    }

    /// Plays one with this module; `None` if there is none at this place.
    pub async fn play(&self, place: usize, module: &Module) -> Option<Outcome> {
        let act = self.acts.get(place)?;
        let lit = match self.lit(module).await {
            Ok(lit) => lit,
            Err(reason) => return Some(act.outcome(vec![reason])),
        };
        let upstream = lit.upstreams.get(place).and_then(Option::as_ref);
        let played = act.play(&lit.gateway, &lit.files, upstream).await;
        if !lit.gateway.is_alive() {
            let words = lit.gateway.last_words();
            return Some(act.outcome(vec![format!("envoy died: {words}")]));
        }
        Some(act.outcome(played.unwrap_or_else(|error| vec![format!("{error:#}")])))
    }

    /// The Envoy that is running, or a new one.
    async fn lit(&self, module: &Module) -> Result<Arc<Lit>, String> {
        let mut stage = self.stage.lock().await;
        match &*stage {
            Stage::Lit(lit) if lit.gateway.is_alive() => return Ok(Arc::clone(lit)),
            Stage::Broken(reason) => return Err(reason.clone()),
            Stage::Dark | Stage::Lit(_) => {}
        }
        let lit = self.start(module).await;
        let lit = lit.map_err(|error| format!("envoy did not start: {error:#}"));
        *stage = match &lit {
            Ok(lit) => Stage::Lit(Arc::clone(lit)),
            Err(reason) => Stage::Broken(reason.clone()),
        };
        lit
    }

    async fn start(&self, module: &Module) -> Result<Arc<Lit>> {
        let files = Files::new()?;
        let (mut upstreams, mut clusters) = (Vec::new(), Vec::new());
        for act in &self.acts {
            let upstream = act.upstream().await?;
            let cluster = upstream.as_ref().and_then(|upstream| act.cluster(upstream));
            clusters.extend(cluster.map(|cluster| cluster.resource()));
            upstreams.push(upstream);
        }
        let acts = self.acts.iter();
        let listeners = acts.flat_map(|act| act.listeners(self.release, &files));
        let listeners: Vec<Value> = listeners.collect();
        let environment = self.acts.first().map(Act::environment).unwrap_or_default();
        let gateway = Gateway::start(
            self.release,
            module,
            &environment,
            bootstrap::bootstrap(&files, self.release),
            (&listeners, &clusters),
            &files,
        );
        Ok(Arc::new(Lit {
            gateway: gateway.await?,
            files,
            upstreams,
        }))
    }
}
