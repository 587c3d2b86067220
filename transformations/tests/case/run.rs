//! Runs a case, with its bodies cut in several ways, and compares.

use std::collections::BTreeMap;
use std::fmt::Debug;

use serde_json::Value;
use transformations::{Diagnostic, Direction, Engine, Exchange, Outcome, Program, Settings};

use super::{Case, Change, Expect, Extent, Message, Reply};
use crate::host::{self, Host};

/// How a body arrives.
#[derive(Clone, Copy, Debug)]
enum Cut {
    Whole,
    /// As the case has it.
    Given,
    Bytes,
    /// With nothing before and after each piece.
    BetweenNothing,
}

/// Everything about a case that is not as it expects; empty when it passes.
pub(crate) fn problems(case: &Case) -> Vec<String> {
    let mut problems: Vec<String> = case.mistakes().into_iter().map(str::to_owned).collect();
    for (name, value) in &case.env {
        if std::env::var(name).as_ref() != Ok(value) {
            problems.push(format!("the environment has no {name}={value}"));
        }
    }
    if !problems.is_empty() {
        return problems;
    }
    let text = match &case.config {
        Value::String(text) => text.clone(),
        object => object.to_string(),
    };
    let mut settings = Settings::from_lists(
        case.settings.routing_headers.as_deref(),
        case.settings.readable_variables.as_deref(),
    );
    settings.lacks_booleans = case.settings.lacks_booleans;
    let program = match Engine::new(settings).load(text.as_bytes()) {
        Ok(loaded) => {
            diagnostics("errors", &case.expect.errors, &[], &mut problems);
            let warnings = &case.expect.warnings;
            diagnostics("warnings", warnings, &loaded.warnings, &mut problems);
            loaded.program
        }
        Err(refused) => {
            let (errors, warnings): (Vec<_>, Vec<_>) =
                refused.0.into_iter().partition(Diagnostic::is_error);
            diagnostics("errors", &case.expect.errors, &errors, &mut problems);
            diagnostics("warnings", &case.expect.warnings, &warnings, &mut problems);
            return problems;
        }
    };
    for (direction, expected) in &case.expect.reads_body {
        let pass = [Direction::Request, Direction::Response]
            .into_iter()
            .find(|known| known.as_str() == direction)
            .and_then(|direction| program.pass(direction));
        let actual = pass.map(transformations::Pass::reads_body);
        equal(
            &format!("{direction} reads the body"),
            &Some(*expected),
            &actual,
            &mut problems,
        );
    }
    let mut by_problem: BTreeMap<String, Vec<Cut>> = BTreeMap::new();
    let mut arrivals = Vec::new();
    for cut in [Cut::Whole, Cut::Given, Cut::Bytes, Cut::BetweenNothing] {
        let arrival = Arrival::of(case, cut);
        if arrivals.contains(&arrival) {
            continue;
        }
        let problems = run(case, &program, &arrival);
        arrivals.push(arrival);
        for problem in problems {
            by_problem.entry(problem).or_default().push(cut);
        }
    }
    let cut = |(problem, cuts)| format!("{problem} (body: {cuts:?})");
    problems.extend(by_problem.into_iter().map(cut));
    problems
}

/// The messages of a case, cut in one way.
#[derive(PartialEq)]
struct Arrival {
    request: host::Message,
    response: Option<host::Message>,
}

impl Arrival {
    fn of(case: &Case, cut: Cut) -> Self {
        Self {
            request: case.request.arriving(cut),
            response: case.response.as_ref().map(|message| message.arriving(cut)),
        }
    }
}

fn run(case: &Case, program: &Program, arrival: &Arrival) -> Vec<String> {
    let Arrival { request, response } = arrival;
    let mut host = Host::new(request.clone(), response.clone().unwrap_or_default());
    host.refuses.clone_from(&case.host_refuses);

    // The exchange begins at the first callback that runs.
    let request_ran = case.request.extent != Extent::None;
    let mut exchange = Exchange::begin(program, &mut host);
    let mut outcome = Outcome::default();
    let mut replied = None;
    let messages = [
        (Direction::Request, Some(&case.request)),
        (Direction::Response, case.response.as_ref()),
    ];
    for (direction, message) in messages {
        let extent = match message.map(|message| message.extent) {
            Some(Extent::Whole) => transformations::Extent::Whole,
            Some(Extent::Headers) => transformations::Extent::Headers,
            Some(Extent::None) | None => continue,
        };
        let Some(pass) = program.pass(direction) else {
            continue;
        };
        let early = match extent {
            transformations::Extent::Whole => pass.rules_out(&mut host, &mut exchange),
            _ => None,
        };
        let ended = early.unwrap_or_else(|| pass.run(&mut host, &mut exchange, extent));
        outcome.failures.extend(ended.failures);
        if ended.reply.is_some() {
            outcome.reply = ended.reply;
            replied = Some(direction);
            break;
        }
    }

    let mut problems = std::mem::take(&mut host.violations);
    let expect = &case.expect;
    reply(expect, &outcome, &mut problems);
    if request_ran {
        let change = expect.request.as_ref();
        let answered = replied == Some(Direction::Request);
        changes(
            "request",
            change,
            request,
            &host.request,
            answered,
            &mut problems,
        );
    }
    if let Some(response) = response {
        let change = expect.response.as_ref();
        let answered = replied.is_some();
        changes(
            "response",
            change,
            response,
            &host.response,
            answered,
            &mut problems,
        );
    }
    rest(expect, &outcome, &host, &mut problems);
    problems
}

impl Message {
    /// The message in memory.
    fn arriving(&self, cut: Cut) -> host::Message {
        let given = self.given_chunks();
        let body = given.concat();
        let chunks = match cut {
            Cut::Given => given,
            Cut::Whole | Cut::Bytes if body.is_empty() => Vec::new(),
            Cut::Whole => vec![body],
            Cut::Bytes => body.chunks(1).map(<[u8]>::to_vec).collect(),
            Cut::BetweenNothing => {
                let mut chunks = vec![Vec::new()];
                for chunk in given {
                    chunks.extend([chunk, Vec::new()]);
                }
                chunks
            }
        };
        let owned = self.headers.iter();
        host::Message {
            headers: owned
                .map(|(name, value)| (name.clone(), value.to_vec()))
                .collect(),
            chunks,
        }
    }

    fn given_chunks(&self) -> Vec<Vec<u8>> {
        if let Some(chunks) = &self.chunks {
            return chunks.iter().map(super::Bytes::to_vec).collect();
        }
        let body = if let Some(body) = &self.body {
            body.to_vec()
        } else if let Some(json) = &self.json {
            json.to_string().into_bytes()
        } else if let Some(body) = &self.body_gen {
            let unit = body.unit.repeat(body.count);
            [body.prefix.as_str(), &unit, &body.suffix]
                .concat()
                .into_bytes()
        } else {
            return Vec::new();
        };
        // A cut in the middle, whatever stands there.
        let (front, back) = body.split_at(body.len() / 2);
        vec![front.to_vec(), back.to_vec()]
    }
}

fn diagnostics(
    kind: &str,
    expected: &[(String, String)],
    actual: &[Diagnostic],
    problems: &mut Vec<String>,
) {
    let texts: Vec<String> = actual.iter().map(|d| format!("{} {d}", d.code)).collect();
    let alike = texts.len() == expected.len()
        && texts
            .iter()
            .zip(expected)
            .all(|(text, (code, part))| text.starts_with(code) && text.contains(part));
    if !alike {
        problems.push(format!(
            "{kind}\n      expected {expected:?}\n      got      {texts:?}"
        ));
    }
}

fn equal<T: PartialEq + Debug>(what: &str, expected: &T, actual: &T, problems: &mut Vec<String>) {
    if expected != actual {
        problems.push(format!(
            "{what}\n      expected {expected:?}\n      got      {actual:?}"
        ));
    }
}

fn reply(expect: &Expect, outcome: &Outcome, problems: &mut Vec<String>) {
    match (&expect.reply, &outcome.reply) {
        (None, None) => {}
        (Some(expected), Some(actual)) => {
            let Reply {
                status,
                details,
                headers,
                body_contains,
            } = expected;
            equal("reply status", status, &actual.status, problems);
            equal(
                "reply details",
                &details.as_str(),
                &actual.details,
                problems,
            );
            let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
            let actual_headers = actual.headers.iter().map(owned).collect();
            equal("reply headers", headers, &actual_headers, problems);
            let has = |part: &String| actual.body.contains(part.as_str());
            let empty = body_contains.is_empty() && !actual.body.is_empty();
            if empty || !body_contains.iter().all(has) {
                problems.push(format!(
                    "reply body\n      expected {body_contains:?}\n      got      {:?}",
                    actual.body
                ));
            }
        }
        (expected, actual) => problems.push(format!(
            "reply\n      expected {expected:?}\n      got      {actual:?}"
        )),
    }
}

/// Compares a message with what it was and the change expected. Of one that was answered only
/// what the case mentions matters: it goes nowhere.
fn changes(
    direction: &str,
    change: Option<&Change>,
    before: &host::Message,
    after: &host::Message,
    answered: bool,
    problems: &mut Vec<String>,
) {
    let nothing = Change::default();
    let change = change.unwrap_or(&nothing);
    let after_headers = after.by_name();
    let mut expected = if answered {
        after_headers.clone()
    } else {
        before.by_name()
    };
    for (name, values) in &change.headers {
        match values {
            Some(values) => expected.insert(name.clone(), values.to_vecs()),
            None => expected.remove(name),
        };
    }
    let text = |headers: &BTreeMap<String, Vec<Vec<u8>>>| {
        let lossy = |value: &Vec<u8>| String::from_utf8_lossy(value).into_owned();
        let entry = |(name, values): (&String, &Vec<Vec<u8>>)| {
            (name.clone(), values.iter().map(lossy).collect::<Vec<_>>())
        };
        headers.iter().map(entry).collect::<BTreeMap<_, _>>()
    };
    if expected != after_headers {
        problems.push(format!(
            "{direction} headers\n      expected {:?}\n      got      {:?}",
            text(&expected),
            text(&after_headers)
        ));
    }
    let expected = match &change.body {
        Some(body) => body.to_vec(),
        None if answered => return,
        None => before.body(),
    };
    let [expected, actual] = [expected, after.body()].map(|body| {
        let text = String::from_utf8_lossy(&body).into_owned();
        (body.len(), text)
    });
    equal(&format!("{direction} body"), &expected, &actual, problems);
}

fn rest(expect: &Expect, outcome: &Outcome, host: &Host, problems: &mut Vec<String>) {
    equal("metadata", &expect.metadata, &host.metadata, problems);
    equal(
        "route cache clears",
        &usize::from(expect.route_cache_cleared),
        &host.calls_of("clear_route_cache"),
        problems,
    );
    let reasons: Vec<&str> = outcome
        .failures
        .iter()
        .map(|failure| failure.reason.as_str())
        .collect();
    let failures: Vec<String> = outcome.failures.iter().map(ToString::to_string).collect();
    let said = |part: &String| failures.iter().any(|failure| failure.contains(part));
    if reasons != expect.failures || !expect.says.iter().all(said) {
        problems.push(format!(
            "failures\n      expected {:?} {:?}\n      got      {failures:?}",
            expect.failures, expect.says
        ));
    }
    for (method, count) in &expect.calls {
        let actual = host.calls_of(method);
        equal(&format!("calls of {method}"), count, &actual, problems);
    }
}
