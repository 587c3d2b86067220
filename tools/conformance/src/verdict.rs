//! Compares what was seen with what is expected.

use std::collections::BTreeMap;
use std::fmt::Display;

use harness::EnvoyRelease;

use super::body::Body;
use super::case::Case;
use super::expectation::{Callback, Status, Statuses};
use super::gateway::LogLine;
use super::matcher::{Field, Text};
use super::observation::{Message, Observation};
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

/// How much of a value a difference shows, in characters.
const SHOWN: usize = 200;

/// Everything that differs; empty if the case passes.
pub(crate) fn differences(
    case: &Case,
    wire: &Wire,
    release: EnvoyRelease,
    seen: &Observation,
) -> Vec<String> {
    let mut found = Differences {
        found: Vec::new(),
        release,
    };
    found.reached(case, seen);
    found.request(case, wire, seen);
    found.response(case, seen);
    found.log(case, seen.log.as_ref());
    found.counters(case, seen);
    found.callbacks(case, seen);
    found.found
}

/// What the case expects and nobody outside the filter can see.
pub(crate) fn unseen(case: &Case, release: EnvoyRelease) -> Vec<&'static str> {
    let mut unseen = Vec::new();
    let writes = case.expect.dynamic_metadata.as_ref().map_or(0, Vec::len);
    if writes > 1 {
        unseen.push("the order of metadata writes, and those that a later one replaced");
    }
    let stops = case
        .expect
        .callbacks
        .values()
        .any(|statuses| match statuses {
            Statuses::Last(status) => !status.passes(),
            Statuses::Each(statuses) => statuses.iter().any(|status| !status.passes()),
        });
    if stops {
        unseen.push("which kind of stop a callback returned");
    }
    if lacks_details(release) && case.expect.response_details.is_some() {
        unseen.push("response code details, which a module cannot give this Envoy");
    }
    unseen
}

struct Differences {
    found: Vec<String>,
    release: EnvoyRelease,
}

impl Differences {
    fn add(&mut self, what: impl Display, expected: impl Display, came: impl Display) {
        self.found
            .push(format!("{what}: expected {expected}, came {came}"));
    }

    fn reached(&mut self, case: &Case, seen: &Observation) {
        let Some(expected) = case.expect.upstream_reached else {
            return;
        };
        let reached = if case.is_answered_locally() {
            // It is the router that answers, behind the filter.
            let details = seen.log.as_ref().and_then(|log| log.details.as_deref());
            details == Some("direct_response")
        } else {
            seen.request.is_some()
        };
        if reached != expected {
            self.add("upstream reached", expected, reached);
        }
    }

    fn request(&mut self, case: &Case, wire: &Wire, seen: &Observation) {
        let expect = &case.expect;
        let Some(request) = &seen.request else {
            let compared = !expect.request_headers.is_empty()
                || !expect.request_headers_absent.is_empty()
                || expect.request_body.is_some();
            if compared && expect.upstream_reached != Some(false) {
                self.found
                    .push("the upstream got no request to compare".to_owned());
            }
            return;
        };
        if let (Err(reason), false) = (&seen.request_end, wire.contradictory) {
            self.found
                .push(format!("the upstream got half a request: {reason}"));
        }
        self.fields(
            "request",
            &expect.request_headers,
            &expect.request_headers_absent,
            request,
        );
        let original = case.request.body().unwrap_or(Body::None).bytes();
        self.body("request", expect.request_body.as_ref(), request, &original);
    }

    fn response(&mut self, case: &Case, seen: &Observation) {
        let expect = &case.expect;
        let response = match &seen.response {
            Ok(response) => response,
            Err(reason) => {
                self.found.push(format!("no response: {reason}"));
                return;
            }
        };
        if let Some(expected) = expect.response_status {
            let came = response.values(":status");
            if came != [expected.to_string()] {
                self.add("response status", expected, came.join(", "));
            }
        }
        self.fields(
            "response",
            &expect.response_headers,
            &expect.response_headers_absent,
            response,
        );
        let upstream = case.upstream_response.as_ref();
        let original = upstream.and_then(|response| response.body().ok());
        let original = original.unwrap_or(Body::None).bytes();
        self.body(
            "response",
            expect.response_body.as_ref(),
            response,
            &original,
        );
    }

    fn fields(
        &mut self,
        side: &str,
        expected: &BTreeMap<String, Field>,
        absent: &[String],
        message: &Message,
    ) {
        for (name, field) in expected {
            let values = message.values(name);
            if !field.is_met_by(&values) && !is_met_joined(name, field, &values, self.release) {
                self.add(
                    format!("{side} header {name}"),
                    field,
                    shown(&format!("{values:?}")),
                );
            }
        }
        for name in absent {
            let values = message.values(name);
            if !values.is_empty() {
                self.add(
                    format!("{side} header {name}"),
                    "none",
                    shown(&format!("{values:?}")),
                );
            }
        }
    }

    fn body(&mut self, side: &str, expected: Option<&Text>, message: &Message, original: &[u8]) {
        let Some(expected) = expected else { return };
        if !expected.is_met_by(&message.body, original) {
            let came = String::from_utf8_lossy(&message.body);
            self.add(
                format!("{side} body"),
                expected,
                shown(&format!("{came:?}")),
            );
        }
    }

    fn log(&mut self, case: &Case, log: Option<&LogLine>) {
        let details = case.expect.response_details.as_ref();
        let metadata = case.expect.metadata();
        if !needs_log(case) {
            return;
        }
        let Some(log) = log else {
            self.found.push("envoy did not log the request".to_owned());
            return;
        };
        if let Some(expected) = details {
            let came = log.details.as_deref().unwrap_or_default();
            let given =
                came == expected || (lacks_details(self.release) && came == "dynamic_module");
            if !given {
                self.add(
                    "response details",
                    format!("{expected:?}"),
                    format!("{came:?}"),
                );
            }
        }
        let Some(expected) = metadata else { return };
        for ((namespace, key), value) in &expected {
            let came = log.metadata.get(&(namespace.clone(), key.clone()));
            if came != Some(value) {
                let came = came.map_or("nothing".to_owned(), ToString::to_string);
                self.add(format!("metadata {namespace}/{key}"), value, came);
            }
        }
        for ((namespace, key), value) in &log.metadata {
            if !expected.contains_key(&(namespace.clone(), key.clone())) {
                self.add(format!("metadata {namespace}/{key}"), "nothing", value);
            }
        }
    }

    fn counters(&mut self, case: &Case, seen: &Observation) {
        for (name, expected) in &case.expect.counter_incremented {
            let rise = seen.counters.get(name).copied().flatten();
            if rise != Some(*expected) {
                let came = rise.map_or("no such counter".to_owned(), |rise| format!("+{rise}"));
                self.add(format!("counter {name}"), format!("+{expected}"), came);
            }
        }
    }

    fn callbacks(&mut self, case: &Case, seen: &Observation) {
        for (callback, statuses) in &case.expect.callbacks {
            let calls = seen.callbacks.get(callback).cloned().unwrap_or_default();
            let (expected, came) = match statuses {
                Statuses::Last(status) => {
                    (vec![*status], calls.last().copied().into_iter().collect())
                }
                Statuses::Each(statuses) => (statuses.clone(), calls),
            };
            let wanted: Vec<bool> = expected.iter().copied().map(Status::passes).collect();
            if wanted != came {
                let came: Vec<&str> = came.into_iter().map(outcome).collect();
                self.add(
                    callback_name(*callback),
                    format!("{expected:?}"),
                    format!("{came:?}"),
                );
            }
        }
    }
}

/// Whether a module has no way to give its reply details: Envoy 1.36.
fn lacks_details(release: EnvoyRelease) -> bool {
    !release.at_least(1, 37)
}

/// Whether the access log is needed to decide.
pub(crate) fn needs_log(case: &Case) -> bool {
    case.expect.response_details.is_some()
        || case.expect.metadata().is_some()
        || case.is_answered_locally()
}

/// Whether one line holds the values that are expected as several, where Envoy leaves no other way.
pub(crate) fn is_met_joined(
    name: &str,
    field: &Field,
    values: &[String],
    release: EnvoyRelease,
) -> bool {
    let (Field::Values(expected), [value]) = (field, values) else {
        return false;
    };
    // A module cannot add a line in Envoy 1.36 at all.
    let joined = !release.at_least(1, 37) || JOINED.contains(&name.to_ascii_lowercase().as_str());
    let same = [",", ", ", "; "]
        .iter()
        .any(|comma| *value == expected.join(comma));
    joined && expected.len() > 1 && same
}

fn outcome(passed: bool) -> &'static str {
    if passed { "went on" } else { "held" }
}

fn callback_name(callback: Callback) -> &'static str {
    match callback {
        Callback::RequestHeaders => "on_request_headers",
        Callback::RequestBody => "on_request_body",
        Callback::RequestTrailers => "on_request_trailers",
        Callback::ResponseHeaders => "on_response_headers",
        Callback::ResponseBody => "on_response_body",
        Callback::ResponseTrailers => "on_response_trailers",
    }
}

/// One line, not too long.
pub(crate) fn shown(text: &str) -> String {
    let count = text.chars().count();
    if count <= SHOWN {
        return text.to_owned();
    }
    let start: String = text.chars().take(SHOWN).collect();
    format!("{start}... ({count} characters)")
}

#[cfg(test)]
mod tests;
