//! Compares what was seen with what is expected: the one verdict of every case, whoever plays it.

use std::collections::BTreeMap;
use std::fmt::Display;

use crate::case::Case;
use crate::expect::{Change, Pass, Reply, Said};
use crate::matcher::{Field, shown};
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
    /// What was logged.
    pub log: Vec<String>,
    /// Whether only the filter adds headers: then one that is not mentioned is a difference.
    pub alone: bool,
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
    Writes(Vec<[String; 3]>),
    /// What is there in the end.
    Final(BTreeMap<[String; 2], String>),
}

/// Everything that is not as the case expects; empty when it passes.
pub fn differences(case: &Case, seen: &Seen) -> Vec<String> {
    let mut found = Differences(Vec::new());
    found.reply(case.expect.reply.as_ref(), seen);
    if !case.request.0.unseen {
        let message = (&case.request.0, seen.request.as_ref());
        found.message(Pass::Request, case.expect.request.as_ref(), message, seen);
    }
    if let Some(response) = &case.response {
        let message = (&response.0, seen.response.as_ref());
        found.message(Pass::Response, case.expect.response.as_ref(), message, seen);
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
        self.fields("reply", &expected.headers, &named);
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

    fn fields(&mut self, side: &str, expected: &BTreeMap<String, Field>, came: &Named<'_>) {
        for (name, field) in expected {
            let values = came.get(name.as_str()).map_or(&[][..], Vec::as_slice);
            if !field.is_met_by(values) {
                self.add(format!("{side} header {name}"), field, lines(values));
            }
        }
    }

    /// Compares a message with what it was and the change expected. Of one that was answered only
    /// what the case mentions matters: it goes nowhere.
    fn message(
        &mut self,
        pass: Pass,
        change: Option<&Change>,
        (before, after): (&Message, Option<&Message>),
        seen: &Seen,
    ) {
        let nothing = Change::default();
        let change = change.unwrap_or(&nothing);
        let side = match pass {
            Pass::Request => "request",
            Pass::Response => "response",
        };
        let answered = match &seen.reply {
            Some((Pass::Request, _)) => true,
            Some((Pass::Response, _)) => pass == Pass::Response,
            None => false,
        };
        let Some(after) = after else {
            if !answered {
                self.add(side, "one", "none");
            }
            return;
        };
        let came = by_name(&after.fields);
        self.fields(side, &change.headers, &came);
        if !answered {
            let before = by_name(&before.fields);
            let mentioned = |name: &str| change.headers.contains_key(name);
            for (name, values) in before.iter().filter(|(name, _)| !mentioned(name)) {
                let left = came.get(name);
                if left != Some(values) {
                    let left = left.map_or("none".to_owned(), |left| lines(left));
                    self.add(format!("{side} header {name}"), lines(values), left);
                }
            }
            let new = |name: &str| seen.alone && !mentioned(name) && !before.contains_key(name);
            for (name, values) in came.iter().filter(|(name, _)| new(name)) {
                self.add(format!("{side} header {name}"), "none", lines(values));
            }
        }
        let (arrived, body) = (before.body(), after.body());
        match &change.body {
            Some(expected) if expected.matches(&body, &arrived) => {}
            Some(expected) => self.add(format!("{side} body"), expected, shown(&body)),
            None if answered || body == arrived => {}
            None => self.add(format!("{side} body"), shown(&arrived), shown(&body)),
        }
    }

    fn rest(&mut self, case: &Case, seen: &Seen) {
        let expect = &case.expect;
        self.metadata(&expect.metadata.0, &seen.metadata);
        if let Some(again) = seen.route_chosen_again
            && again != expect.route_chosen_again
        {
            self.add("route chosen again", expect.route_chosen_again, again);
        }
        if let Some(route) = &expect.route
            && seen.route.as_ref() != Some(route)
        {
            let came = seen.route.as_deref().unwrap_or("none");
            self.add("route", route, came);
        }
        if let Some(failures) = &seen.failures
            && *failures != expect.failures
        {
            let came = format!("{failures:?} {:?}", seen.log);
            self.add("failures", format!("{:?}", expect.failures), came);
        }
        for part in &expect.log {
            if !seen.log.iter().any(|line| line.contains(part)) {
                self.add("log", format!("{part:?}"), format!("{:?}", seen.log));
            }
        }
    }

    fn metadata(&mut self, expected: &[[String; 3]], came: &Metadata) {
        match came {
            Metadata::Writes(came) if came == expected => {}
            Metadata::Writes(came) => {
                self.add("metadata", format!("{expected:?}"), format!("{came:?}"));
            }
            Metadata::Final(came) => {
                let entry = |[namespace, key, value]: [String; 3]| ([namespace, key], value);
                let expected: BTreeMap<_, _> = expected.iter().cloned().map(entry).collect();
                if expected != *came {
                    self.add("metadata", format!("{expected:?}"), format!("{came:?}"));
                }
            }
        }
    }
}
