//! Envoy's filters beside which a message that is held is cut off, or never ends.

use transformations::{BodyPlan, Code, Diagnostic, Direction, Engine, Program};

use crate::document::Filter;
use crate::finding::Finding;
use crate::neighbour::Neighbour;

/// Warns of each filter in whose chain such a filter stands.
pub(super) fn findings(
    engine: &Engine,
    filters: &[Filter],
    neighbours: &[Neighbour],
) -> Vec<Finding> {
    let mut found = Vec::new();
    for filter in filters {
        let beside = neighbours.iter().filter_map(|neighbour| {
            let position = position(filter, neighbour)?;
            Some((position, neighbour))
        });
        let beside: Vec<_> = beside.collect();
        if beside.is_empty() {
            continue;
        }
        let Ok(loaded) = engine.load(filter.config.as_bytes()) else {
            continue; // what is wrong with it is reported
        };
        for (position, neighbour) in beside {
            let warnings = warnings(&loaded.program, position, neighbour);
            found.extend(warnings.into_iter().map(|warning| Finding {
                place: filter.place.clone(),
                at: filter.source.place_of(&warning),
                diagnostic: warning,
            }));
        }
    }
    found
}

/// How many filters stand before this one in the chain of `neighbour`, if it is in that chain.
fn position(filter: &Filter, neighbour: &Neighbour) -> Option<usize> {
    let rest = filter.place.strip_prefix(neighbour.chain.as_str())?;
    let (position, _) = rest.strip_prefix('[')?.split_once(']')?;
    position.parse().ok()
}

fn warnings(program: &Program, position: usize, neighbour: &Neighbour) -> Vec<Diagnostic> {
    let kind = neighbour.kind;
    let before = neighbour.position < position;
    let mut warnings = Vec::new();
    let mut warn = |key: &str, message: String, help: &str| {
        let help = help.replace("{kind}", kind);
        warnings.push(Diagnostic::warning(Code::Neighbour, key, message).help(help));
    };
    if before
        && neighbour.delays_requests
        && program.body_plan(Direction::Request) == BodyPlan::HeldUntilKnown
    {
        let message = format!(
            "Envoy 1.36 and 1.37.0 cut a streamed request off that `{kind}` passes on before this filter"
        );
        let help = "list `{kind}` behind this filter, use `bodyMode: buffered`, or run Envoy 1.37.1 or later";
        warn("request", message, help);
    }
    if !before && neighbour.delays_responses && program.holds_responses() {
        let message = format!(
            "Envoy 1.36 and 1.37.0 may cut a response off that `{kind}` passes on to this filter"
        );
        let help = "list `{kind}` before this filter, or run Envoy 1.37.1 or later";
        warn("response", message, help);
    }
    if !before
        && neighbour.adds_trailers
        && program.body_plan(Direction::Response) == BodyPlan::Held
    {
        let message = format!(
            "a response that is held never ends: `{kind}` adds trailers to it, and Envoy does not pass them on"
        );
        let help = "list `{kind}` before this filter, or read no body of its responses";
        warn("response", message, help);
    }
    warnings
}
