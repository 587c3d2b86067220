//! Tells the one verdict of `cases` what was seen on a real Envoy.

use cases::verdict::{Answered, Joined, Metadata, Seen};
use cases::{Pass, Passage, Passages};
use harness::{EnvoyRelease, Protocol};

use super::observation::Observation;
use super::routing::{FAILURE, FAILURES, ROUTE};
use super::take::Take;
use super::wire::Wire;

/// Header fields that Envoy keeps in one line, a comma between their values: it has no other way to add one.
const JOINED: [&str; 11] = [
    "accept",
    "accept-encoding",
    "access-control-allow-headers",
    "access-control-allow-methods",
    "access-control-allow-origin",
    "access-control-expose-headers",
    "cache-control",
    "content-encoding",
    "vary",
    "via",
    "x-forwarded-for",
];

const SCHEME: &str = ":scheme";

/// How the details of a response begin that was cut off.
const UPSTREAM_RESET: &str = "upstream_reset_";

/// Everything that differs; empty if the case passes.
pub(crate) fn differences(
    case: &Take,
    wire: &Wire,
    release: EnvoyRelease,
    seen: &Observation,
) -> Vec<String> {
    cases::verdict::differences(&case.case, &outside(case, wire, release, seen))
}

/// What the one verdict needs of what was seen outside the filter.
fn outside(case: &Take, wire: &Wire, release: EnvoyRelease, observed: &Observation) -> Seen {
    let mut seen = Seen::nothing();
    let cut_off = |message: &cases::Message| message.broken_off;
    let request_cut = cut_off(&case.case.request.0);
    // What goes on as it arrives may be answered when Envoy has sent a part of it, or none: chance decides.
    let answered = case.case.expect.reply.is_some() && observed.request_end.is_err();
    let request = observed
        .request
        .as_ref()
        .filter(|_| !answered || request_cut);
    seen.request = request.map(|request| {
        let mut message = cases::Message::from(request);
        let scheme = case.case.request.0.field(SCHEME);
        // HTTP/1.1 does not tell it.
        if let (Protocol::Http1, Some(scheme)) = (wire.upstream, scheme) {
            message
                .fields
                .push((SCHEME.to_owned(), scheme.into_bytes()));
        }
        message
    });
    let response_cut = case.response().is_some_and(cut_off);
    let details = observed.log.as_ref().and_then(|log| log.details.as_deref());
    // Envoy answers in place of what nothing of had gone on.
    let reset = details.is_some_and(|details| details.starts_with(UPSTREAM_RESET));
    let lost = response_cut && !observed.response_cut_off && reset;
    match &observed.response {
        Ok(_) if lost => {}
        Ok(response) => seen.response = Some(response.into()),
        Err(_) if request_cut || response_cut => {}
        Err(reason) => seen.broken.push(format!("no response: {reason}")),
    }
    if response_cut {
        let cut_off = lost || observed.response_cut_off;
        seen.cut_off.insert(Pass::Response, cut_off);
    } else if observed.response_cut_off && observed.response.is_ok() {
        seen.broken
            .push("the client got half a response".to_owned());
    }
    match (request, &observed.request_end) {
        (Some(_), end) if request_cut => {
            seen.cut_off.insert(Pass::Request, end.is_err());
        }
        (Some(_), Err(reason)) if !wire.contradictory => {
            let reason = format!("the upstream got half a request: {reason}");
            seen.broken.push(reason);
        }
        _ => {}
    }
    seen.arrival = observed.arrival;
    seen.pieces.clone_from(&observed.steps.pieces);
    if needs_log(case) && observed.log.is_none() {
        seen.broken.push("envoy did not log the request".to_owned());
    }
    let details = observed.log.as_ref().and_then(|log| log.details.clone());
    let reached = match case.is_answered_locally() {
        // It is the router that answers, behind the filter.
        true => details.as_deref() == Some("direct_response"),
        false => request.is_some(),
    };
    seen.upstream_reached = Some(reached);
    let given = details.filter(|details| !lacks_details(release) || details != "dynamic_module");
    seen.details = given.or_else(|| (!lacks_details(release)).then(String::new));
    let log = observed.log.as_ref();
    let mut metadata = log.map(|log| log.metadata.clone()).unwrap_or_default();
    if case.ours {
        let failure = metadata.remove(&(FAILURES.to_owned(), FAILURE.to_owned()));
        let failure = failure.and_then(|failure| failure.as_str().map(ToOwned::to_owned));
        seen.marked_failure = log.map(|_| failure);
    }
    if writes_no_booleans(release) {
        for (namespace, key, value) in expected_booleans(case) {
            let place = (namespace.clone(), key.clone());
            if metadata.get(&place) == Some(&value.to_string().into()) {
                metadata.insert(place, value.clone());
            }
        }
    }
    seen.metadata = Metadata::Final(metadata);
    seen.counters.clone_from(&observed.counters);
    seen.callbacks.clone_from(&observed.steps.callbacks);
    for callback in case.case.expect.callbacks.keys() {
        // One that was never called is seen, too.
        seen.callbacks.entry(*callback).or_default();
    }
    seen.route = request.and_then(|request| request.values(ROUTE).into_iter().next());
    // A module cannot add a line in Envoy 1.36 at all.
    seen.joined = match release.at_least(1, 37) {
        true => Joined::Some(&JOINED),
        false => Joined::All,
    };
    if case.case.expect.reply.is_some() {
        seen.reply = observed.response.as_ref().ok().map(|response| {
            let status = response.values(":status").join("").parse();
            let answered = Answered {
                status: status.unwrap_or_default(),
                details: seen.details.clone(),
                fields: cases::Message::from(response).fields,
                body: response.body.clone(),
            };
            let pass = match reached {
                true => Pass::Response,
                false => Pass::Request,
            };
            (pass, answered)
        });
    }
    seen
}

/// What the case expects and nobody outside the filter can see.
pub(crate) fn unseen(case: &Take, release: EnvoyRelease) -> Vec<&'static str> {
    let expect = &case.case.expect;
    let mut unseen = Vec::new();
    let writes = expect.metadata.as_ref().map_or(0, |writes| writes.0.len());
    if writes > 1 {
        unseen.push("the order of metadata writes, and those that a later one replaced");
    }
    let stops = expect.callbacks.values().any(|passages| match passages {
        Passages::Last(passage) => *passage == Passage::Held,
        Passages::Each(passages) => passages.contains(&Passage::Held),
    });
    if stops {
        unseen.push("which kind of stop a callback returned");
    }
    let of_the_engine = [
        (
            expect.failures.as_ref().is_some_and(|all| all.len() > 1),
            "all failures but one",
        ),
        (
            expect.route_chosen_again == Some(true),
            "that the route was chosen again",
        ),
        (!expect.log.is_empty(), "the log"),
        (
            expect.reply.is_some() && (expect.request.is_some() || expect.response.is_some()),
            "a message that is answered, and goes nowhere",
        ),
        (
            !expect.reads_body.is_empty(),
            "whether a pass waits for the body",
        ),
        (!expect.calls.is_empty(), "calls of the host"),
        (
            !expect.errors.is_empty() || !expect.warnings.is_empty(),
            "the text of diagnostics",
        ),
    ];
    unseen.extend(
        of_the_engine
            .into_iter()
            .filter_map(|(is, what)| is.then_some(what)),
    );
    if writes_no_booleans(release) && expected_booleans(case).next().is_some() {
        unseen.push("booleans of metadata, which a module writes as text in this Envoy");
    }
    if lacks_details(release) && (expect.details.is_some() || expect.reply.is_some()) {
        unseen.push("response code details, which a module cannot give this Envoy");
    }
    unseen
}

/// Whether a module has no way to write a boolean into metadata: Envoy before 1.37.1, which is no release of these tests.
fn writes_no_booleans(release: EnvoyRelease) -> bool {
    !release.at_least(1, 38)
}

fn expected_booleans(case: &Take) -> impl Iterator<Item = &cases::Write> {
    let writes = case.case.expect.metadata.iter();
    let writes = writes.flat_map(|writes| &writes.0);
    writes.filter(|(_, _, value)| value.is_boolean())
}

/// Whether a module has no way to give its reply details: Envoy 1.36.
fn lacks_details(release: EnvoyRelease) -> bool {
    !release.at_least(1, 37)
}

/// Whether the access log is needed to decide.
pub(crate) fn needs_log(case: &Take) -> bool {
    let expect = &case.case.expect;
    expect.details.is_some()
        || expect.reply.is_some()
        || expect.metadata.is_some()
        || expect.failures.is_some()
        || !expect.partial
        || case.evaluation.is_some()
        || case.is_answered_locally()
}

#[cfg(test)]
mod tests;
