//! Compares what was seen with what is expected: the one verdict of every case, whoever plays it.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::time::Duration;

use serde_json::Value;

use crate::case::Case;
use crate::expect::{Callback, Change, Pass, Passage, Passages, Reply, Said, Write};
use crate::matcher::{Field, Matcher, shown};
use crate::message::{Fields, Message};

/// What could be seen of an exchange.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The request after the filter, if one came out of it.
    pub request: Option<Message>,
    /// The response after the filter, if one came out of it.
    pub response: Option<Message>,
    /// The answer in place of a message, and which message that was.
    pub reply: Option<(Pass, Answered)>,
    /// Dynamic metadata.
    pub metadata: Metadata,
    /// Whether the route was chosen again; `None`: it cannot be seen.
    pub route_chosen_again: Option<bool>,
    /// The name of the route that it ended on.
    pub route: Option<String>,
    /// The reason of every failure, in order; `None`: they cannot be seen.
    pub failures: Option<Vec<String>>,
    /// The reason that the access log gets, of one of the failures; `None`: it cannot be seen.
    pub marked_failure: Option<Option<String>>,
    /// What was logged at debug level; `None`: nobody looked.
    pub log: Option<Vec<String>>,
    /// Whether a request got to the upstream; `None`: nobody looked.
    pub upstream_reached: Option<bool>,
    /// Envoy's response code details; `None`: they cannot be seen.
    pub details: Option<String>,
    /// By how much each expected counter rose; `None`: there is no such counter.
    pub counters: BTreeMap<String, Option<u64>>,
    /// By how much each series of the module's metrics rose; `None`: they cannot be seen.
    pub metrics: Option<BTreeMap<String, u64>>,
    /// What became of each call of a callback; not there: nobody looked.
    pub callbacks: BTreeMap<Callback, Vec<Passage>>,
    /// Of a message that was followed step by step: what had gone on after each piece.
    pub pieces: BTreeMap<Pass, Vec<Vec<u8>>>,
    /// When the first byte of the response's body got to the client.
    pub arrival: Arrival,
    /// Of a message that is cut off: whether its receiver saw that; not there: nobody looked.
    pub cut_off: BTreeMap<Pass, bool>,
    /// What went wrong on the way, as a message that was cut off.
    pub broken: Vec<String>,
    /// Which headers the host keeps in one line, a comma between their values.
    pub joined: Joined,
    /// Whether only the filter adds headers: then one that is not mentioned is a difference.
    pub alone: bool,
}

/// Headers that are kept in one line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Joined {
    /// These.
    Some(&'static [&'static str]),
    /// All.
    All,
}

impl Seen {
    /// An exchange of which nothing was seen yet.
    pub fn nothing() -> Self {
        Self {
            request: None,
            response: None,
            reply: None,
            metadata: Metadata::Final(BTreeMap::new()),
            route_chosen_again: None,
            route: None,
            failures: None,
            marked_failure: None,
            log: None,
            upstream_reached: None,
            details: None,
            counters: BTreeMap::new(),
            metrics: None,
            callbacks: BTreeMap::new(),
            pieces: BTreeMap::new(),
            arrival: Arrival::Unseen,
            cut_off: BTreeMap::new(),
            broken: Vec::new(),
            joined: Joined::Some(&[]),
            alone: false,
        }
    }

    fn is_met(&self, name: &str, field: &Field, values: &[Vec<u8>]) -> bool {
        let joined = match self.joined {
            Joined::Some(names) => names.contains(&name),
            Joined::All => true,
        };
        field.is_met_by(values) || (joined && field.is_met_joined(values))
    }
}

/// When something arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// Nobody looked.
    Unseen,
    /// So long after the request was sent.
    After(Duration),
    /// It does not.
    Never,
}

/// An answer in place of a message.
#[derive(Clone, Debug)]
pub struct Answered {
    /// Its status.
    pub status: u16,
    /// Envoy's response code details; `None`: they cannot be seen.
    pub details: Option<String>,
    /// Its headers.
    pub fields: Fields,
    /// Its body.
    pub body: Vec<u8>,
}

/// Dynamic metadata, as far as it can be seen.
#[derive(Clone, Debug)]
pub enum Metadata {
    /// Every write, in order.
    Writes(Vec<Write>),
    /// What is there in the end.
    Final(BTreeMap<(String, String), serde_json::Value>),
}

/// Everything that is not as the case expects; empty when it passes.
pub fn differences(case: &Case, seen: &Seen) -> Vec<String> {
    let mut found = Differences(seen.broken.clone());
    found.reached(case, seen);
    if case.expect.reply.is_some() || !case.expect.partial {
        found.reply(case.expect.reply.as_ref(), seen);
    }
    if !case.request.0.unseen {
        let message = (&case.request.0, seen.request.as_ref());
        found.message(Pass::Request, case, message, seen);
    }
    found.steps(case, seen);
    let nothing = Message::default();
    let response = case.response.as_ref().map(|answer| &answer.0);
    if response.is_some() || case.expect.partial {
        let message = (response.unwrap_or(&nothing), seen.response.as_ref());
        found.message(Pass::Response, case, message, seen);
    }
    found.rest(case, seen);
    found.0
}

/// Whether the diagnostics of a configuration are those expected. Of each: its code and its text.
pub fn diagnostics(kind: &str, expected: &[Said], came: &[(&str, String)]) -> Option<String> {
    let said = |(said, (code, text)): (&Said, &(&str, String))| {
        said.code == *code && text.contains(&said.part)
    };
    let alike = expected.len() == came.len() && expected.iter().zip(came).all(said);
    let lines = |items: Vec<String>| match items.is_empty() {
        true => "none".to_owned(),
        false => items.join("\n      "),
    };
    (!alike).then(|| {
        let expected = lines(expected.iter().map(ToString::to_string).collect());
        let texts = came.iter().map(|(code, text)| format!("{code}: {text}"));
        difference(kind, expected, lines(texts.collect()))
    })
}

/// One line of a verdict.
pub fn difference(what: impl Display, expected: impl Display, came: impl Display) -> String {
    format!("{what}\n      expected {expected}\n      came     {came}")
}

type Named<'a> = BTreeMap<&'a str, Vec<Vec<u8>>>;

fn by_name(fields: &Fields) -> Named<'_> {
    let mut named = Named::new();
    for (name, value) in fields {
        named.entry(name).or_default().push(value.clone());
    }
    named
}

fn lines(lines: &[Vec<u8>]) -> String {
    match lines {
        [] => "none".to_owned(),
        [line] => shown(line),
        lines => format!(
            "[{}]",
            lines
                .iter()
                .map(|line| shown(line))
                .collect::<Vec<_>>()
                .join(", ")
        ),
    }
}

struct Differences(Vec<String>);

impl Differences {
    fn add(&mut self, what: impl Display, expected: impl Display, came: impl Display) {
        self.0.push(difference(what, expected, came));
    }

    fn reply(&mut self, expected: Option<&Reply>, seen: &Seen) {
        let (expected, came) = match (expected, &seen.reply) {
            (None, None) => return,
            (Some(expected), Some((_, came))) => (expected, came),
            (None, Some((_, came))) => {
                let came = format!("{} {:?} {}", came.status, came.details, shown(&came.body));
                return self.add("reply", "none", came);
            }
            (Some(expected), None) => return self.add("reply", expected.status, "none"),
        };
        if expected.status != came.status {
            self.add("reply status", expected.status, came.status);
        }
        if let Some(details) = &came.details
            && *details != expected.details
        {
            self.add("reply details", &expected.details, details);
        }
        let named = by_name(&came.fields);
        self.fields("reply", &expected.headers, &named, seen);
        for (name, values) in named.iter().filter(|_| seen.alone) {
            if !expected.headers.contains_key(*name) {
                self.add(format!("reply header {name}"), "none", lines(values));
            }
        }
        match &expected.body {
            Some(body) if body.matches(&came.body, b"") => {}
            None if came.body.is_empty() => {}
            Some(body) => self.add("reply body", body, shown(&came.body)),
            None => self.add("reply body", "none", shown(&came.body)),
        }
    }

    fn reached(&mut self, case: &Case, seen: &Seen) {
        if let (Some(expected), Some(came)) = (case.expect.upstream_reached, seen.upstream_reached)
            && expected != came
        {
            self.add("upstream reached", expected, came);
        }
        let came = seen.response.is_some() || seen.reply.is_some();
        if let Some(expected) = case.expect.client_reached
            && expected != came
        {
            self.add("client reached", expected, came);
        }
    }

    /// What of a message is on its way when, and where it ends.
    fn steps(&mut self, case: &Case, seen: &Seen) {
        let expect = &case.expect;
        let sides = [
            (Pass::Request, "request", expect.request.as_ref()),
            (Pass::Response, "response", expect.response.as_ref()),
        ];
        for (pass, side, change) in sides {
            if seen.cut_off.get(&pass) == Some(&false) {
                self.add(format!("{side} end"), "cut off", "complete");
            }
            let expected = change.and_then(|change| change.pieces.as_ref());
            let (Some(expected), Some(came)) = (expected, seen.pieces.get(&pass)) else {
                continue;
            };
            for (number, one) in expected.iter().enumerate() {
                let came = came.get(number).map_or(&[][..], Vec::as_slice);
                if !one.matches(came, b"") {
                    self.add(format!("{side} piece {number}"), one, shown(came));
                }
            }
        }
        let limit = expect
            .response
            .as_ref()
            .and_then(|change| change.arrives_within_ms);
        let Some(limit) = limit else {
            return;
        };
        let expected = || format!("within {limit} ms");
        match seen.arrival {
            Arrival::Unseen => {}
            Arrival::After(time) if time <= Duration::from_millis(limit) => {}
            Arrival::After(time) => {
                let came = format!("after {} ms", time.as_millis());
                self.add("response arrives", expected(), came);
            }
            Arrival::Never => self.add("response arrives", expected(), "never"),
        }
    }

    fn fields(
        &mut self,
        side: &str,
        expected: &BTreeMap<String, Field>,
        came: &Named<'_>,
        seen: &Seen,
    ) {
        for (name, field) in expected {
            let values = came.get(name.as_str()).map_or(&[][..], Vec::as_slice);
            if !seen.is_met(name, field, values) {
                self.add(format!("{side} header {name}"), field, lines(values));
            }
        }
    }

    /// Compares a message with what it was and the change expected. Of one that was answered only
    /// what the case mentions matters: it goes nowhere.
    fn message(
        &mut self,
        pass: Pass,
        case: &Case,
        (before, after): (&Message, Option<&Message>),
        seen: &Seen,
    ) {
        let expect = &case.expect;
        let (side, change) = match pass {
            Pass::Request => ("request", expect.request.as_ref()),
            Pass::Response => ("response", expect.response.as_ref()),
        };
        let unchanged = Change::default();
        let change = match change {
            Some(change) => change,
            None if expect.partial => return,
            None => &unchanged,
        };
        let answered = match &seen.reply {
            Some((Pass::Request, _)) => true,
            Some((Pass::Response, _)) => pass == Pass::Response,
            None => false,
        };
        let nothing = Message::default();
        let arrives_not = after.is_none();
        let after = match after {
            Some(after) => after,
            None if change.or_none => {
                let fate = change.body.as_ref();
                if let Some(fate) = fate.filter(|fate| !fate.allows_none()) {
                    self.add(format!("{side} body"), fate, "no message");
                }
                &nothing
            }
            None => {
                let reaches = match pass {
                    Pass::Request => expect.upstream_reached,
                    Pass::Response => expect.client_reached,
                };
                if !answered && reaches != Some(false) {
                    self.add(side, "one", "none");
                }
                return;
            }
        };
        let came = by_name(&after.fields);
        self.fields(side, &change.headers, &came, seen);
        if !answered && !expect.partial {
            let before = by_name(&before.fields);
            let mentioned = |name: &str| change.headers.contains_key(name);
            for (name, values) in before.iter().filter(|(name, _)| !mentioned(name)) {
                let left = came.get(name).map_or(&[][..], Vec::as_slice);
                let same = values.iter().cloned().map(Matcher::exact);
                if !seen.is_met(name, &Field::Lines(same.collect()), left) {
                    self.add(format!("{side} header {name}"), lines(values), lines(left));
                }
            }
            let new = |name: &str| seen.alone && !mentioned(name) && !before.contains_key(name);
            for (name, values) in came.iter().filter(|(name, _)| new(name)) {
                self.add(format!("{side} header {name}"), "none", lines(values));
            }
        }
        let (arrived, body) = (before.body.bytes(), after.body.bytes());
        match &change.body {
            _ if arrives_not => {}
            Some(expected) if expected.matches(&body, &arrived) => {}
            Some(expected) => self.add(format!("{side} body"), expected, shown(&body)),
            None if answered || expect.partial || body == arrived => {}
            None => self.add(format!("{side} body"), shown(&arrived), shown(&body)),
        }
        let length = body.len().to_string().into_bytes();
        let lengths = came.get("content-length").map_or(&[][..], Vec::as_slice);
        if change.true_length && (arrives_not || lengths.iter().any(|given| *given != length)) {
            self.add(format!("{side} content-length"), body.len(), lines(lengths));
        }
    }

    fn rest(&mut self, case: &Case, seen: &Seen) {
        let expect = &case.expect;
        let metadata = expect.metadata.as_ref().map(|writes| writes.0.as_slice());
        if let Some(metadata) = metadata.or((!expect.partial).then_some(&[])) {
            self.metadata(metadata, &seen.metadata);
        }
        if let (Some(expected), Some(details)) = (&expect.details, &seen.details)
            && expected != details
        {
            self.add("response details", expected, details);
        }
        for (name, expected) in &expect.counters {
            let rise = seen.counters.get(name).copied().flatten();
            if rise != Some(*expected) {
                let came = rise.map_or("no such counter".to_owned(), |rise| format!("+{rise}"));
                self.add(format!("counter {name}"), format!("+{expected}"), came);
            }
        }
        if let Some(metrics) = &seen.metrics {
            for (series, expected) in &expect.metrics {
                let came = metrics.get(series).copied().unwrap_or(0);
                if came != *expected {
                    let all = format!("+{came} of {metrics:?}");
                    self.add(format!("metric {series}"), format!("+{expected}"), all);
                }
            }
        }
        for (callback, passages) in &expect.callbacks {
            let Some(calls) = seen.callbacks.get(callback) else {
                continue;
            };
            let (expected, came) = match passages {
                Passages::Last(passage) => (
                    std::slice::from_ref(passage),
                    calls.last().map_or(&[][..], std::slice::from_ref),
                ),
                Passages::Each(passages) => (passages.as_slice(), calls.as_slice()),
            };
            if expected != came {
                self.add(
                    format!("{callback:?}"),
                    format!("{expected:?}"),
                    format!("{came:?}"),
                );
            }
        }
        // What is not mentioned does not occur, but in a part nobody asks.
        let unmentioned = !expect.partial;
        if let Some(again) = seen.route_chosen_again
            && let Some(expected) = expect.route_chosen_again.or(unmentioned.then_some(false))
            && again != expected
        {
            self.add("route chosen again", expected, again);
        }
        if let Some(route) = &expect.route
            && seen.route.as_ref() != Some(route)
        {
            let came = seen.route.as_deref().unwrap_or("none");
            self.add("route", route, came);
        }
        if let Some(expected) = expect.failures.as_deref().or(unmentioned.then_some(&[])) {
            self.failures(expected, seen);
        }
        if let Some(log) = &seen.log {
            let logged = |part: &String| log.iter().any(|line| line.contains(part));
            for part in expect.log.iter().filter(|part| !logged(part)) {
                self.add("log", format!("{part:?}"), format!("{log:?}"));
            }
        }
    }

    fn failures(&mut self, expected: &[String], seen: &Seen) {
        if let Some(failures) = &seen.failures
            && failures != expected
        {
            let came = format!("{failures:?} {:?}", seen.log.as_deref().unwrap_or_default());
            self.add("failures", format!("{expected:?}"), came);
        }
        if let Some(marked) = &seen.marked_failure {
            let is_expected = match marked {
                None => expected.is_empty(),
                Some(reason) => expected.contains(reason),
            };
            if !is_expected {
                let came = marked.as_deref().unwrap_or("none");
                self.add("failure", format!("{expected:?}"), came);
            }
        }
    }

    fn metadata(&mut self, expected: &[Write], came: &Metadata) {
        let held = |(namespace, key, value): &Write| (namespace.clone(), key.clone(), held(value));
        let expected: Vec<Write> = expected.iter().map(held).collect();
        match came {
            Metadata::Writes(came) => {
                let came: Vec<Write> = came.iter().map(held).collect();
                if expected != came {
                    self.add("metadata", format!("{expected:?}"), format!("{came:?}"));
                }
            }
            Metadata::Final(came) => {
                let entry = |(namespace, key, value): Write| ((namespace, key), value);
                let expected: BTreeMap<_, _> = expected.into_iter().map(entry).collect();
                let entry =
                    |(name, value): (&(String, String), &_)| (name.clone(), self::held(value));
                let came: BTreeMap<_, _> = came.iter().map(entry).collect();
                if expected != came {
                    self.add("metadata", format!("{expected:?}"), format!("{came:?}"));
                }
            }
        }
    }
}

/// A value as metadata holds it: every number is a float, and 42 is 42.0.
fn held(value: &Value) -> Value {
    match value {
        Value::Number(number) => number.as_f64().into(),
        Value::Array(items) => items.iter().map(held).collect(),
        Value::Object(members) => {
            let member = |(name, value): (&String, &Value)| (name.clone(), held(value));
            members.iter().map(member).collect()
        }
        Value::Null | Value::Bool(_) | Value::String(_) => value.clone(),
    }
}
