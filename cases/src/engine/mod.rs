//! The player in memory: the engine with a host that plays an exchange in every way it can arrive.

mod seen;
mod ways;

use std::collections::BTreeMap;
use std::sync::Arc;

use transformations::testing::{Host, Route as PlayedRoute};
use transformations::{Chain as PlayedChain, Diagnostic, Direction, Engine, Program, Session};
use transformations::{ConfigErrors, Settings};

use crate::case::{Case, Filter};
use crate::chain::{Chain, Neighbour};
use crate::expect::Pass;
use crate::message::Message;
use crate::verdict::{diagnostics, difference, differences};
use seen::seen;
pub use seen::{json, metrics};
use ways::Way;
pub use ways::Ways;

/// The warning of an answer that is held.
const HELD: &str = "RF014";

/// Everything about a case that is not as it expects; empty when it passes.
pub fn play(case: &Case, ways: &mut Ways) -> Vec<String> {
    let missing: Vec<String> = case
        .env
        .iter()
        .filter(|(name, value)| std::env::var(name).as_ref() != Ok(*value))
        .map(|(name, value)| format!("the environment has no {name}={value}"))
        .collect();
    if !missing.is_empty() {
        return missing;
    }
    if let Some(what) = only_on_envoy(case) {
        return vec![format!("{what}: only a real Envoy plays it")];
    }
    let mut problems = Vec::new();
    let program = match load(case, case.config_text(), &mut problems) {
        Ok(program) => program,
        Err(refused) => return refused,
    };
    for (pass, expected) in &case.expect.reads_body {
        let reads = program.reads_body(direction(*pass));
        if reads != *expected {
            problems.push(difference(
                format!("{pass:?} reads the body"),
                expected,
                reads,
            ));
        }
    }
    let stage = match Stage::new(case, program) {
        Ok(stage) => stage,
        Err(refused) => return refused,
    };
    let mut by_problem: BTreeMap<String, Vec<Way>> = BTreeMap::new();
    let mut seen = |way: Way, found: Vec<String>| {
        for problem in found {
            by_problem.entry(problem).or_default().push(way);
        }
    };
    let mut all = 0;
    for way in ways::of(case) {
        ways.held += 1;
        all += 1;
        seen(way, stage.play(&stage.program, way));
    }
    if let Some(streamed) = streamed(case) {
        for way in ways::of(case) {
            ways.streamed += 1;
            all += 1;
            let way = way.streamed();
            seen(way, stage.play(&streamed, way));
        }
    }
    let shown = |(problem, ways): (String, Vec<Way>)| {
        format!("{problem}\n      {}", ways::named(&ways, all))
    };
    problems.extend(by_problem.into_iter().map(shown));
    problems
}

/// What the host in memory has nothing of, so that only a real Envoy can play the case.
pub fn only_on_envoy(case: &Case) -> Option<&'static str> {
    let foreign = |neighbour: &Neighbour| *neighbour != Neighbour::Buffer;
    [
        (case.filter == Filter::HttpAcl, "the filter http-acl"),
        (!case.expect.counters.is_empty(), "counters"),
        (case.chain.neighbours().any(foreign), "another filter"),
    ]
    .into_iter()
    .find_map(|(needed, what)| needed.then_some(what))
}

fn direction(pass: Pass) -> Direction {
    match pass {
        Pass::Request => Direction::Request,
        Pass::Response => Direction::Response,
    }
}

fn engine(case: &Case) -> Engine {
    let mut settings = Settings::from_lists(
        case.settings.routing_headers.as_deref(),
        case.settings.readable_variables.as_deref(),
    );
    settings.lacks_booleans = case.settings.lacks_booleans;
    Engine::new(settings)
}

/// The program of the case's configuration, whose warnings are compared; or, of one that is refused,
/// what is not as expected.
fn load(
    case: &Case,
    config: &str,
    problems: &mut Vec<String>,
) -> Result<Arc<Program>, Vec<String>> {
    let expect = &case.expect;
    let expects_held = expect.warnings.iter().any(|said| said.code == HELD);
    let told = |diagnostics: &[Diagnostic]| -> Vec<(&'static str, String)> {
        let told = diagnostics.iter().map(|d| (d.code.as_str(), d.to_string()));
        // Of the many cases that edit an answer's body, one is about its being held.
        told.filter(|(code, _)| *code != HELD || expects_held)
            .collect()
    };
    match engine(case).load(config.as_bytes()) {
        Ok(_) if expect.refused => Err(vec![difference("config", "refused", "accepted")]),
        Err(_) if expect.refused && expect.errors.is_empty() => Err(Vec::new()),
        Ok(loaded) => {
            problems.extend(diagnostics("errors", &expect.errors, &[]));
            let warnings = told(&loaded.warnings);
            problems.extend(diagnostics("warnings", &expect.warnings, &warnings));
            Ok(Arc::new(loaded.program))
        }
        Err(ConfigErrors(all)) => {
            let (errors, warnings): (Vec<_>, Vec<_>) =
                all.into_iter().partition(Diagnostic::is_error);
            let errors = diagnostics("errors", &expect.errors, &told(&errors));
            let warnings = diagnostics("warnings", &expect.warnings, &told(&warnings));
            Err(errors.into_iter().chain(warnings).collect())
        }
    }
}

/// The program with its request streamed, if the configuration allows that and does not do it
/// already.
fn streamed(case: &Case) -> Option<Arc<Program>> {
    let mut config: serde_json::Value = serde_json::from_str(case.config_text()).ok()?;
    let request = config.get_mut("request")?.as_object_mut()?;
    if !request.contains_key("extract") || request.contains_key("bodyMode") {
        return None;
    }
    request.insert("bodyMode".to_owned(), "streamed".into());
    let loaded = engine(case).load(config.to_string().as_bytes()).ok()?;
    Some(Arc::new(loaded.program))
}

/// A case with its programs.
struct Stage<'a> {
    case: &'a Case,
    program: Arc<Program>,
    routes: Vec<PlayedRoute>,
}

impl<'a> Stage<'a> {
    fn new(case: &'a Case, program: Arc<Program>) -> Result<Self, Vec<String>> {
        let mut routes = Vec::new();
        for route in &case.routes {
            let program = match &route.config {
                None => None,
                Some(config) => match engine(case).load(config.text().as_bytes()) {
                    Ok(loaded) => Some(Arc::new(loaded.program)),
                    Err(refused) => return Err(vec![format!("route {}: {refused}", route.name)]),
                },
            };
            routes.push(PlayedRoute {
                name: route.name.clone(),
                headers: route.headers.clone().into_iter().collect(),
                program,
            });
        }
        Ok(Self {
            case,
            program,
            routes,
        })
    }

    fn play(&self, program: &Arc<Program>, way: Way) -> Vec<String> {
        let case = self.case;
        let arriving = |message: &Message| way.arriving(message);
        let response = case.response.as_ref().map(|answer| arriving(&answer.0));
        let answers = response.is_some();
        let mut host = Host::new(arriving(&case.request.0), response.unwrap_or_default());
        host.refuses.clone_from(&case.host_refuses);
        host.routes.clone_from(&self.routes);
        host.chain = match case.chain {
            Chain::Downstream { .. } => PlayedChain::Downstream,
            Chain::Upstream => PlayedChain::Upstream,
        };
        if !way.told {
            host.limit = None;
        }
        let mut session = Session::new(Arc::clone(program));
        if !case.request.0.unseen {
            host.play_one(&mut session, Direction::Request, way.neighbour);
        }
        let answered = host.reply.is_some() || host.reset.is_some();
        if answers && !answered {
            host.play_one(&mut session, Direction::Response, way.neighbour);
        }
        // Envoy has no such hook in a cluster's chain.
        if case.chain != Chain::Upstream {
            session.on_complete(&mut host);
        }
        let mut problems = std::mem::take(&mut host.violations);
        let expect = &case.expect;
        if way.is_streamed() && answered && host.released != [None; 2] {
            // It was cut off after it had gone on: there is something wrong with it when it is held, too.
            let fails = expect
                .failures
                .as_ref()
                .is_some_and(|failures| !failures.is_empty());
            if !fails && expect.reply.is_none() {
                problems.push(format!("cut off: {:?}", host.failures));
            }
            return problems;
        }
        problems.extend(
            host.reset
                .map(|details| difference("reset", "none", details)),
        );
        let meters = self.program.meters();
        let labels = meters.map_or(&[][..], |meters| meters.label_names());
        problems.extend(differences(case, &seen(case, &host, way, labels)));
        for (method, count) in expect.calls.iter().filter(|_| way.is_plain()) {
            let calls = host.calls_of(method);
            if calls != *count {
                problems.push(difference(format!("calls of {method}"), count, calls));
            }
        }
        problems
    }
}
