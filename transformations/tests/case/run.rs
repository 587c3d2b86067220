//! Runs a case in every way its messages can arrive, and compares.

use std::collections::BTreeMap;
use std::fmt::{self, Debug};
use std::sync::Arc;

use serde_json::Value;
use transformations::testing::{self, Host, Neighbour};
use transformations::{Diagnostic, Direction, Engine, Program, Session, Settings};

use super::{Case, Change, Expect, Message, Reply};

/// The warning of an answer that is held.
const HELD: &str = "RF014";

/// Bodies up to this length are cut at every byte.
const CUT_EVERYWHERE: usize = 64;

/// How many cuts a longer body gets.
const CUTS: usize = 8;

/// The longest body that comes byte by byte; one that is longer is cut in its middle only.
const BYTES: usize = 4096;

/// How a body arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cut {
    Whole,
    /// As the case has it.
    Given,
    Bytes,
    /// With nothing before and after each piece.
    BetweenNothing,
    /// In two pieces, the first of this length.
    At(usize),
}

/// How the messages of a case arrive.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Way {
    cut: Cut,
    trailers: bool,
    neighbour: Neighbour,
    /// Whether the host tells its buffer limit.
    told: bool,
    streamed: bool,
}

impl Debug for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            cut,
            trailers,
            neighbour,
            told,
            streamed,
        } = self;
        write!(f, "{cut:?}, {neighbour:?}")?;
        for (is, what) in [
            (*trailers, "trailers"),
            (!told, "no limit told"),
            (*streamed, "streamed"),
        ] {
            if is {
                write!(f, ", {what}")?;
            }
        }
        Ok(())
    }
}

/// How many ways the cases were run in.
#[derive(Debug, Default)]
pub(crate) struct Ways {
    pub(crate) held: usize,
    pub(crate) streamed: usize,
}

/// Everything about a case that is not as it expects; empty when it passes.
pub(crate) fn problems(case: &Case, ways: &mut Ways) -> Vec<String> {
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
    let program = match case.engine().load(text.as_bytes()) {
        Ok(loaded) => {
            diagnostics("errors", &case.expect.errors, &[], &mut problems);
            let expected = &case.expect.warnings;
            let mut warnings = loaded.warnings;
            // Of the many cases that edit an answer's body, one is about its being held.
            if !expected.iter().any(|(code, _)| code == HELD) {
                warnings.retain(|warning| warning.code.as_str() != HELD);
            }
            diagnostics("warnings", expected, &warnings, &mut problems);
            Arc::new(loaded.program)
        }
        Err(refused) => {
            let (errors, warnings): (Vec<_>, Vec<_>) =
                refused.0.into_iter().partition(Diagnostic::is_error);
            diagnostics("errors", &case.expect.errors, &errors, &mut problems);
            let warnings: Vec<_> = warnings
                .into_iter()
                .filter(|warning| warning.code.as_str() != HELD)
                .collect();
            diagnostics("warnings", &case.expect.warnings, &warnings, &mut problems);
            return problems;
        }
    };
    for (direction, expected) in &case.expect.reads_body {
        let mut known = [Direction::Request, Direction::Response].into_iter();
        let direction = known.find(|known| known.as_str() == direction);
        let actual = direction.map(|direction| program.reads_body(direction));
        equal("the body is read", &Some(*expected), &actual, &mut problems);
    }
    let mut by_problem: BTreeMap<String, Vec<Way>> = BTreeMap::new();
    let mut seen = |way: Way, found: Vec<String>| {
        for problem in found {
            by_problem.entry(problem).or_default().push(way);
        }
    };
    for way in case.ways() {
        ways.held += 1;
        seen(way, run(case, &program, way));
    }
    if let Some(streamed) = case.streamed() {
        for way in case.ways() {
            ways.streamed += 1;
            let way = Way {
                streamed: true,
                ..way
            };
            seen(way, run(case, &streamed, way));
        }
    }
    let shown = |(problem, ways): (String, Vec<Way>)| {
        let few: Vec<_> = ways.iter().take(4).collect();
        format!("{problem} ({} ways: {few:?})", ways.len())
    };
    problems.extend(by_problem.into_iter().map(shown));
    problems
}

impl Case {
    fn engine(&self) -> Engine {
        let mut settings = Settings::from_lists(
            self.settings.routing_headers.as_deref(),
            self.settings.readable_variables.as_deref(),
        );
        settings.lacks_booleans = self.settings.lacks_booleans;
        Engine::new(settings)
    }

    /// The program with its request streamed, if the configuration allows that and does not
    /// do it already.
    fn streamed(&self) -> Option<Arc<Program>> {
        let mut config = match &self.config {
            Value::String(text) => serde_json::from_str(text).ok()?,
            object => object.clone(),
        };
        let request = config.get_mut("request")?.as_object_mut()?;
        if !request.contains_key("extract") || request.contains_key("bodyMode") {
            return None;
        }
        request.insert("bodyMode".to_owned(), "streamed".into());
        let loaded = self.engine().load(config.to_string().as_bytes()).ok()?;
        Some(Arc::new(loaded.program))
    }

    fn ways(&self) -> Vec<Way> {
        let longest = [Some(&self.request), self.response.as_ref()]
            .into_iter()
            .flatten()
            .map(|message| message.given_chunks().concat().len())
            .max()
            .unwrap_or_default();
        let mut cuts = vec![Cut::Whole];
        if longest > 0 {
            cuts.extend([Cut::Given, Cut::BetweenNothing]);
        }
        if (1..=BYTES).contains(&longest) {
            cuts.push(Cut::Bytes);
            let step = if longest <= CUT_EVERYWHERE {
                1
            } else {
                longest / CUTS
            };
            cuts.extend((step..longest).step_by(step).map(Cut::At));
        }
        let mut ways = Vec::new();
        for cut in cuts {
            let plain = Way {
                cut,
                trailers: false,
                neighbour: Neighbour::None,
                told: true,
                streamed: false,
            };
            let neighbours = Neighbour::ALL.map(|neighbour| Way { neighbour, ..plain });
            ways.extend(neighbours);
            ways.push(Way {
                told: false,
                ..plain
            });
            if longest > 0 {
                let trailers = Way {
                    trailers: true,
                    ..plain
                };
                ways.extend([
                    trailers,
                    Way {
                        told: false,
                        ..trailers
                    },
                ]);
            }
        }
        ways
    }
}

fn run(case: &Case, program: &Arc<Program>, way: Way) -> Vec<String> {
    let request = case.request.arriving(way);
    let response = case.response.as_ref().map(|message| message.arriving(way));
    let mut host = Host::new(request.clone(), response.clone().unwrap_or_default());
    host.refuses.clone_from(&case.host_refuses);
    if !way.told {
        host.limit = None;
    }
    let mut session = Session::new(Arc::clone(program));
    if !case.request.unseen {
        host.play_one(&mut session, Direction::Request, way.neighbour);
    }
    let answered = host.reply.is_some() || host.reset.is_some();
    if response.is_some() && !answered {
        host.play_one(&mut session, Direction::Response, way.neighbour);
    }

    let mut problems = std::mem::take(&mut host.violations);
    let expect = &case.expect;
    if way.streamed && answered && host.released != [None; 2] {
        // It was cut off after it had gone on: there is something wrong with it when it is held, too.
        if expect.failures.is_empty() && expect.reply.is_none() {
            problems.push(format!("cut off: {:?}", host.failures));
        }
        return problems;
    }
    reply(expect, &host, &mut problems);
    if !case.request.unseen {
        let change = expect.request.as_ref();
        changes(
            "request",
            change,
            &request,
            &host,
            Direction::Request,
            &mut problems,
        );
    }
    if let Some(response) = response {
        let change = expect.response.as_ref();
        changes(
            "response",
            change,
            &response,
            &host,
            Direction::Response,
            &mut problems,
        );
    }
    rest(expect, &host, way, &mut problems);
    problems
}

impl Message {
    /// The message in memory.
    fn arriving(&self, way: Way) -> testing::Message {
        let given = self.given_chunks();
        let body = given.concat();
        let chunks = match way.cut {
            Cut::Given => given,
            _ if body.is_empty() => Vec::new(),
            Cut::Whole => vec![body],
            Cut::Bytes => body.chunks(1).map(<[u8]>::to_vec).collect(),
            Cut::BetweenNothing => {
                let mut chunks = vec![Vec::new()];
                for chunk in given {
                    chunks.extend([chunk, Vec::new()]);
                }
                chunks
            }
            Cut::At(place) => {
                let (front, back) = body.split_at(place.min(body.len()));
                vec![front.to_vec(), back.to_vec()]
            }
        };
        let owned = self.headers.iter();
        testing::Message {
            headers: owned
                .map(|(name, value)| (name.clone(), value.to_vec()))
                .collect(),
            trailers: way.trailers && !chunks.is_empty(),
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

fn reply(expect: &Expect, host: &Host, problems: &mut Vec<String>) {
    match (&expect.reply, &host.reply) {
        (None, None) => {}
        (Some(expected), Some((_, actual))) => {
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
            "reply\n      expected {expected:?}\n      got      {actual:?} {:?}",
            host.reset
        )),
    }
}

/// Compares a message with what it was and the change expected. Of one that was answered only
/// what the case mentions matters: it goes nowhere.
fn changes(
    direction: &str,
    change: Option<&Change>,
    before: &testing::Message,
    host: &Host,
    of: Direction,
    problems: &mut Vec<String>,
) {
    let nothing = Change::default();
    let change = change.unwrap_or(&nothing);
    let after = host.message(of);
    let answered = match &host.reply {
        Some((Direction::Request, _)) => true,
        Some((direction, _)) => *direction == of,
        None => false,
    };
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

fn rest(expect: &Expect, host: &Host, way: Way, problems: &mut Vec<String>) {
    equal("metadata", &expect.metadata, &host.metadata, problems);
    equal(
        "the route is chosen again",
        &expect.route_cache_cleared,
        &(host.calls_of("clear_route_cache") > 0),
        problems,
    );
    let reasons: Vec<&str> = host
        .failures
        .iter()
        .map(|failure| failure.reason.as_str())
        .collect();
    let failures: Vec<String> = host.failures.iter().map(ToString::to_string).collect();
    let said = |part: &String| failures.iter().any(|failure| failure.contains(part));
    if reasons != expect.failures || !expect.says.iter().all(said) {
        problems.push(format!(
            "failures\n      expected {:?} {:?}\n      got      {failures:?}",
            expect.failures, expect.says
        ));
    }
    let counted = way.cut == Cut::Whole && way.neighbour == Neighbour::None && !way.trailers;
    for (method, count) in expect.calls.iter().filter(|_| counted && way.told) {
        let actual = host.calls_of(method);
        equal(&format!("calls of {method}"), count, &actual, problems);
    }
}
